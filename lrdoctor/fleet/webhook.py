"""One message to a chat per scan, by an incoming webhook as Slack, Mattermost and others have it.

The address is a password: it is in no message, no error and no file.
"""

from __future__ import annotations

import json
import textwrap
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from lrdoctor._version import __version__
from lrdoctor.errors import ConfigError
from lrdoctor.fleet.clusters import Cluster
from lrdoctor.reports._format import count, middle, one_line

TRIES = 3
TIMEOUT = 10.0  # seconds without a sign of the server,
DEADLINE = 45.0  # and for everything, also name look-ups and answers that drip
MOST_TOLD = 10  # clusters
_LONGEST_WAIT = 15.0  # seconds that a server may ask for between tries
_NAME = 100  # columns
_MESSAGE = 240
_TEXT = 3500  # characters: chats cut or refuse more than 4,000


def text(clusters: Sequence[Cluster], fixed: int, still_open: int, runs: int) -> str:
    """The message on new findings: counts, then what is wrong with which runs, the worst first."""
    affected = len({run for cluster in clusters for run in cluster.runs})
    found = sum(len(cluster.runs) for cluster in clusters)
    rest = f"{fixed:,} fixed, {still_open:,} open in {count(runs, 'run')}"
    lines = [f"*lrdoctor: {count(found, 'new finding')} in {count(affected, 'run')}* ({rest})"]
    for told, cluster in enumerate(clusters):
        line = _line(cluster)
        if told == MOST_TOLD or sum(map(len, lines)) + len(line) > _TEXT:
            lines.append(
                f"… and {count(len(clusters) - told, 'kind')} more: lrdoctor history --new"
            )
            break
        lines.append(line)
    return "\n".join(lines)


def _line(cluster: Cluster) -> str:
    (_, name), *others = cluster.runs
    more = f" and {count(len(others), 'more run')}" if others else ""
    place = f" {cluster.preposition} {_code(cluster.place)}" if others and cluster.place else ""
    said = textwrap.shorten(one_line(cluster.message), _MESSAGE, placeholder=" …")
    head = f"• *{cluster.severity}* {cluster.code} {cluster.what}"
    return f"{head}: {_code(name)}{more}{place}: {_plain(said)}"


def _code(name: str) -> str:
    """A name from a log as code, in which no chat looks for mentions, links or markup."""
    return f"`{_escaped(middle(one_line(name), _NAME)).replace('`', chr(39))}`"


def _plain(message: str) -> str:
    # A zero-width space keeps @channel from calling everybody.
    return _escaped(message).replace("@", "@\u200b").replace("`", "'")


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def check(url: str) -> None:
    """Raises ``ConfigError`` for what is no web address, without repeating it."""
    try:
        parts = urlsplit(url)
        wrong = parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0
    except ValueError:
        wrong = True
    if wrong or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigError("the webhook must be an address that begins with https:// or http://")


def send(
    url: str,
    message: str,
    *,
    timeout: float = TIMEOUT,
    deadline: float = DEADLINE,
    wait: Callable[[float], None] = time.sleep,
) -> str:
    """Posts the message, several times where the server is busy or silent.

    Gives back why it was not taken, "" where it was; never raises and never lasts longer than
    ``deadline`` seconds.
    """
    reasons: list[str] = []
    # A name look-up cannot be timed out, but a daemon can be left behind.
    thread = threading.Thread(
        target=lambda: reasons.append(_try_all(url, message, timeout, wait)), daemon=True
    )
    thread.start()
    thread.join(deadline)
    return reasons[0] if reasons else f"no answer within {deadline:g} s"


def _try_all(url: str, message: str, timeout: float, wait: Callable[[float], None]) -> str:
    reason = ""
    for attempt in range(1, TRIES + 1):
        reason, pause = _try(url, message, timeout)
        if not reason or pause is None:
            return reason
        if attempt < TRIES:
            wait(min(max(pause, 2.0 ** (attempt - 1)), _LONGEST_WAIT))
    return f"{reason} ({TRIES} tries)"


def _try(url: str, message: str, timeout: float) -> tuple[str, float | None]:
    """Why it failed ("" if not) and the seconds to wait before another try; None: there is none."""
    try:
        request = urllib.request.Request(
            url,
            data=json.dumps({"text": message}).encode(),
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"lrdoctor/{__version__}",
            },
        )
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout):
            return "", None
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answered {error.code}", _pause(error)
    except Exception as error:  # by type and number only: texts of errors repeat the address
        cause: Any = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            return f"no answer within {timeout:g} s", 0.0
        known = isinstance(cause, OSError) and type(cause).__module__ in ("builtins", "socket")
        return (cause.strerror if known else "") or type(cause).__name__, 0.0


def _pause(error: urllib.error.HTTPError) -> float | None:
    """Seconds before another try; None where the server has refused for good."""
    if error.code != 429 and error.code < 500:
        return None
    asked = error.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 0.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A message is not carried to an address that was not given."""

    def redirect_request(self, *_: Any) -> None:
        return None
