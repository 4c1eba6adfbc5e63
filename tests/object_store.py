"""An S3 server on loopback that counts what it is asked, and can be told to fail."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",
    "AWS_SECRET_ACCESS_KEY": "sEcReT/never+printed",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass(frozen=True)
class Request:
    """One request and how much was answered; ``kind`` is LIST, GET, HEAD or PUT."""

    kind: str
    path: str
    query: str
    status: int
    size: int


@dataclass
class ObjectStore:
    """The server: ``environment`` leads clients to it, ``fail(kind, path)`` may give the status and
    S3's code of a failure, ``before(kind, path)`` is called ahead of each request."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    fail: Callable[[str, str], tuple[int, str] | None] = lambda kind, path: None
    before: Callable[[str, str], None] = lambda kind, path: None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def environment(self) -> dict[str, str]:
        return {**KEYS, "AWS_ENDPOINT_URL": self.url}

    def count(self, kind: str) -> int:
        return sum(r.kind == kind for r in self.requests)

    def read(self) -> int:
        """Bytes of objects that were answered."""
        return sum(r.size for r in self.requests if r.kind == "GET")

    def reset(self) -> None:
        self.requests.clear()
        self.fail = lambda kind, path: None
        self.before = lambda kind, path: None

    def bucket(self) -> Bucket:
        """A new empty bucket."""
        name = f"bucket{next(self._numbers)}"
        client = self._client()
        client.create_bucket(Bucket=name)
        return Bucket(name, client)

    def _client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
            region_name=KEYS["AWS_DEFAULT_REGION"],
        )

    def watched(self, app: Any) -> Any:
        """The WSGI application, with all of the above."""

        def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
            path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
            kind = "LIST" if "list-type" in query else environ["REQUEST_METHOD"]
            self.before(kind, path)
            failure = self.fail(kind, path)
            if failure is not None:
                status, code = failure
                body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
                self.requests.append(Request(kind, path, query, status, 0))
                start(f"{status} {code}", [("Content-Type", "application/xml")])
                return [body]
            told: list[str] = []

            def begin(status: str, headers: Any, exc_info: Any = None) -> Any:
                told.append(status)
                return start(status, headers, exc_info)

            body = b"".join(app(environ, begin))
            self.requests.append(Request(kind, path, query, int(told[0][:3]), len(body)))
            return [body]

        return answer


@dataclass(frozen=True)
class Bucket:
    """A bucket and the ways to fill it."""

    name: str
    client: Any

    def url(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}".rstrip("/")

    def put(self, key: str, content: str | bytes) -> None:
        body = content if isinstance(content, bytes) else content.encode()
        self.client.put_object(Bucket=self.name, Key=key, Body=body)

    def put_at_once(self, keys: Iterable[str]) -> None:
        """Many empty objects, past the server."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        for key in keys:
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(self.name, key, b"")

    def upload(self, folder: Path, prefix: str) -> None:
        """All files below a folder."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """A server for as long as the context lasts."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    store = ObjectStore()
    app = store.watched(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
