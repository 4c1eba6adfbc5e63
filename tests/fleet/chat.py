"""A chat's incoming webhook on this machine: takes messages, refuses them, or never answers."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Chat:
    """Answers with ``replies`` in turn, the last one for ever; ``None`` is silence.

    A reply is a status, or a status and headers.
    """

    def __init__(self, *replies: Any) -> None:
        self.replies = list(replies) or [200]
        self.messages: list[str] = []
        self.types: list[str] = []
        self.closing = threading.Event()
        self.url = ""

    def next(self) -> tuple[int | None, dict[str, str]]:
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply if isinstance(reply, tuple) else (reply, {})


@contextmanager
def chat(*replies: Any) -> Iterator[Chat]:
    """A running ``Chat``; its address has a secret in it, as real ones do."""
    known = Chat(*replies)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known.messages.append(json.loads(body)["text"])
            known.types.append(self.headers["Content-Type"])
            status, headers = known.next()
            if status is None:
                known.closing.wait(30)
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_address[1]}/services/T0/SECRET"
    try:
        yield known
    finally:
        known.closing.set()
        server.shutdown()
        server.server_close()
