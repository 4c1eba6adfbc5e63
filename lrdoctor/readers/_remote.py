"""Folders on object storage and other machines: the one place that speaks to fsspec.

A URL names a file in every result; what fsspec calls it stays here. Credentials come from the
environment or the configuration files of the storage (AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS,
AZURE_STORAGE_CONNECTION_STRING, ~/.ssh, FSSPEC_<PROTOCOL>_<OPTION>), never from the URL.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeVar

from lrdoctor.errors import MissingExtraError, ReadError
from lrdoctor.readers._text import display_name
from lrdoctor.readers._url import without_secrets

Item = TypeVar("Item")
Result = TypeVar("Result")

WIDTH = 16  # requests at a time
_CONNECT, _ANSWER = 10, 60  # seconds
_RECENT = 5.0  # seconds within which a file without an ETag may be written twice in one time
_LOGGERS = ("fsspec", "s3fs", "aiobotocore", "botocore", "gcsfs", "google", "adlfs", "azure",
            "paramiko", "asyncio", "aiohttp", "urllib3")  # fmt: skip
# What to install for a protocol: the package, our extra.
_EXTRAS = {
    "s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs"),
    "az": ("adlfs", "azure"), "abfs": ("adlfs", "azure"), "abfss": ("adlfs", "azure"),
    "ssh": ("paramiko", "ssh"), "sftp": ("paramiko", "ssh"),
}  # fmt: skip
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "s3": {
        "use_listings_cache": False,
        "config_kwargs": {
            "connect_timeout": _CONNECT,
            "read_timeout": _ANSWER,
            "retries": {"max_attempts": 2},
            "max_pool_connections": WIDTH,
        },
    },
    "gs": {"use_listings_cache": False},
    "az": {"use_listings_cache": False},
    "ssh": {"timeout": _CONNECT},
}
_ALIKE = {"s3a": "s3", "gcs": "gs", "abfs": "az", "abfss": "az", "sftp": "ssh"}
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")
_ETAGS = ("ETag", "etag", "md5Hash", "content_md5", "crc32c", "generation")


class Listed(str):
    """The URL of a file with what a listing said of it: ``size`` in bytes, ``changed`` in Unix
    seconds (0 where it is not told), ``etag`` of the storage, "" without one."""

    __slots__ = ("changed", "etag", "size")
    size: int
    changed: float
    etag: str

    def __new__(cls, url: str, size: int = 0, changed: float = 0.0, etag: str = "") -> Self:
        self = super().__new__(cls, url)
        self.size, self.changed, self.etag = size, changed, etag
        return self

    def __reduce__(self) -> tuple[type[Listed], tuple[str, int, float, str]]:
        return type(self), (str(self), self.size, self.changed, self.etag)

    @property
    def mark(self) -> str:
        """What stays the same as long as the file does. One without an ETag that was changed just
        now might be changed again within the same second, so it gets a mark of the moment."""
        now = time.time()
        again = not self.etag and abs(now - self.changed) < _RECENT
        return f"{self.size}:{f'now{now}' if again else self.changed}:{self.etag}"


class Remote(NamedTuple):
    """A root and the file system it is on. ``url`` has no "/" at its end, ``base`` is what the
    file system calls it."""

    fs: Any
    url: str
    base: str

    def path(self, url: str) -> str:
        """What the file system calls the file or folder of this URL below the root."""
        return self.base + url[len(self.url) :]

    def listed(self, entry: Mapping[str, Any]) -> Listed:
        """A file of a listing."""
        url = self.url + "/" + str(entry["name"]).rstrip("/")[len(self.base) :].lstrip("/")
        time_ = next((entry[k] for k in _TIMES if entry.get(k)), 0.0)
        etag = next((str(entry[k]) for k in _ETAGS if entry.get(k)), "")
        return Listed(url, int(entry.get("size") or 0), _seconds(time_), etag.strip('"'))

    def read(self, url: str, start: int | None = None, stop: int | None = None) -> bytes:
        """Bytes ``[start, stop)`` of a file, fewer where it ends before. Raises ``ReadError``."""
        try:
            return bytes(self.fs.cat_file(self.path(url), start=start, end=stop))
        except Exception as error:
            raise failed(url, error) from None

    def copy(self, url: str, target: str) -> None:
        """Copies a file in pieces. Raises ``ReadError``."""
        try:
            self.fs.get_file(self.path(url), target)
        except Exception as error:
            raise failed(url, error) from None

    def entries(self, url: str) -> list[Mapping[str, Any]]:
        """What is in a folder, by name, without what stands for the folder itself. Raises what the
        file system raises."""
        folder = self.path(url)
        found = self.fs.ls(folder or "/", detail=True)
        inside = (e for e in found if str(e["name"]).rstrip("/") != folder)
        return sorted(inside, key=lambda e: str(e["name"]))

    def file(self) -> Listed | None:
        """The root where it is a file, None where it is a folder. Raises ``ReadError``."""
        try:
            found = self.fs.info(self.base or "/")
        except Exception as error:
            raise failed(self.url, error) from None
        if found["type"] != "file":
            return None
        listed = self.listed(found)
        return Listed(self.url, listed.size, listed.changed, listed.etag)

    def has_vanished(self, url: str) -> bool:
        """Whether the storage says that there is no such file; False where it does not answer."""
        try:
            self.fs.info(self.path(url))
        except FileNotFoundError:
            return True
        except Exception:
            return False
        return False


def connect(url: str) -> Remote:
    """The root at ``url``; most file systems are not spoken to yet. Raises ``ReadError``."""
    shown = without_secrets(url)
    if shown != url:
        reason = (
            "passwords and tokens do not belong in a URL: give them in the environment "
            "(AWS_PROFILE, FSSPEC_SSH_PASSWORD …) or use a key"
        )
        raise ReadError(display_name(shown, 1000), reason)
    protocol = url.partition("://")[0].lower()
    _quieten()
    try:
        from fsspec.config import conf
        from fsspec.registry import get_filesystem_class

        kind = get_filesystem_class(protocol)
        mine = _SETTINGS.get(_ALIKE.get(protocol, protocol), {})
        known = {k: v for k, v in mine.items() if k not in conf.get(protocol, {})}
        fs = kind(**{**known, **kind._get_kwargs_from_urls(url)})
        base = str(kind._strip_protocol(url)).rstrip("/")
    except Exception as error:
        raise failed(url, error) from None
    return Remote(fs, url.rstrip("/"), base)


def _quieten() -> None:
    """Without a logger of the user's, Python prints what backends log, such as each try that failed
    with its URL; what matters of it is in the error."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def in_parallel(
    function: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Result | ReadError]:
    """``function`` of each item in order, ``WIDTH`` at a time; a ``ReadError`` in the place of what
    raised it."""

    def attempt(item: Item) -> Result | ReadError:
        try:
            return function(item)
        except ReadError as error:
            return error

    known = list(items)
    if len(known) < 2:
        yield from map(attempt, known)
        return
    with ThreadPoolExecutor(min(WIDTH, len(known))) as pool:
        yield from pool.map(attempt, known)


def failed(url: str, error: BaseException) -> ReadError:
    """The one-line ``ReadError`` for what a file system raised over ``url``."""
    if isinstance(error, ReadError):
        return error
    return ReadError(display_name(without_secrets(url), 1000), _reason(url, error))


def _reason(url: str, error: BaseException) -> str:
    """What to do about an error; backends have types of their own, so their names decide."""
    chain = _chain(error)
    names = {kind.__name__ for e in chain for kind in type(e).__mro__}
    protocol = url.partition("://")[0].lower()
    if names & {"ImportError", "ModuleNotFoundError"} and protocol in _EXTRAS:
        return str(MissingExtraError(*_EXTRAS[protocol]))
    if isinstance(error, ValueError) and "rotocol" in str(error):
        return f"no storage of this kind is known: {protocol}://; s3, gs, az or ssh?"
    text = " ".join(str(e) for e in chain)
    if "NoSuchBucket" in names or "bucket does not exist" in text:
        return "no such bucket; check its name and the endpoint"
    if names & {"ConnectTimeoutError", "ServerTimeoutError", "FSTimeoutError", "TimeoutError",
                "ReadTimeoutError"}:  # fmt: skip
        return "no answer in time; check the endpoint and the network"
    if names & {"ConnectionError", "ClientConnectorError", "gaierror", "ServiceRequestError",
                "NoValidConnectionsError", "ConnectionRefusedError"}:  # fmt: skip
        return f"cannot connect ({_told(error)}); check the endpoint and the network"
    if "FileNotFoundError" in names:
        return "the file does not exist (any more), nor a folder of this name; check the URL"
    if names & {"NoCredentialsError", "DefaultCredentialsError", "CredentialUnavailableError"}:
        return "no credentials found; set them in the environment or in the storage's own files"
    if names & {"PermissionError", "ClientAuthenticationError", "AuthenticationException"}:
        return "no permission; check the credentials and that they may list and read"
    return f"{_told(error)} ({type(error).__name__})"


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found


def _told(error: BaseException) -> str:
    line = (str(error).strip().splitlines() or [""])[0]
    return display_name(without_secrets(re.sub(r"\?\S+", "", line)), 300) or "no reason given"


def _seconds(value: Any) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return 0.0
    return float(value)
