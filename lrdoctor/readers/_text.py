"""Opens log files of any origin: compressed, oddly encoded, damaged, hostile or huge.

Every function raises ``ReadError`` and nothing else for a file that cannot be read.
"""

from __future__ import annotations

import codecs
import gzip
import io
import math
import os
import re
import stat
import unicodedata
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from lrdoctor.errors import ReadError
from lrdoctor.types import Note, Scalar

HEAD_BYTES = 4096
MAX_LINE = 1 << 20  # characters; real log lines are thousands of times shorter
MAX_DOCUMENT = 128 << 20  # bytes of JSON parsed as a whole, which takes up to 25 times as much
MAX_NUMBERS = 1 << 26  # of one file; about 5 GB of memory by the time they are judged
MAX_NAME = 200
GZIP_MAGIC = b"\x1f\x8b"
GZIP_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


def _as_latin1(error: UnicodeError) -> tuple[str, int]:
    """Bytes that are not UTF-8 read as Latin-1, so that no name or number is lost."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("lrdoctor-latin1", _as_latin1)


# ---------------------------------------------------------------------------- names


def display_name(text: str, limit: int = MAX_NAME) -> str:
    """``text`` safe to print anywhere: one line, no control or bidi characters, at most ``limit``.

    Unprintable characters become visible escapes, exotic spaces a space; too long a name loses its
    middle to an ellipsis.
    """
    shown = text if text.isprintable() else "".join(map(_visible, text))
    if len(shown) <= limit:
        return shown
    tail = (limit - 1) // 2
    return f"{shown[: limit - 1 - tail]}…{shown[-tail:]}"


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    if unicodedata.category(char) == "Zs":
        return " "
    return char.encode("unicode_escape").decode("ascii")


def plain(value: Scalar) -> Scalar:
    """A setting that can be printed and saved: text as ``display_name`` of 1,000 characters, a
    whole number beyond 64 bits as a float."""
    if isinstance(value, str):
        return display_name(value, 1000)
    if isinstance(value, int) and abs(value) >= 1 << 63:
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return value


def logical_name(path: str) -> str:
    """The path as if the file were not compressed."""
    return path[:-3] if path.lower().endswith(".gz") else path


# ---------------------------------------------------------------------------- bytes


def failure(path: str, error: Exception) -> ReadError:
    """The one-line ``ReadError`` for an exception met while reading ``path``."""
    if isinstance(error, ReadError):
        return error
    known = {
        FileNotFoundError: "the file does not exist (any more); check the path",
        PermissionError: "permission denied; make the file readable for this user",
        IsADirectoryError: "is a folder; give a file in it, or search the folder for runs",
    }
    reason = next((text for kind, text in known.items() if isinstance(error, kind)), None)
    if reason is None and isinstance(error, GZIP_DAMAGE):
        reason = "damaged gzip data; decompress what is left of it with zcat and read that"
    if reason is None and isinstance(error, OSError) and error.strerror:
        reason = f"{error.strerror}; check the file system"
    return ReadError(display_name(path, 1000), reason or display_name(str(error)))


@contextmanager
def open_bytes(path: str) -> Iterator[BinaryIO]:
    """The bytes of a regular file, decompressed where it is gzip. Raises ``ReadError``."""
    try:
        # Opening a pipe or device could block for ever.
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError
        if not stat.S_ISREG(mode):
            raise ReadError(display_name(path, 1000), "not a regular file; copy it to one")
        with open(path, "rb", opener=_opened) as raw:
            if raw.peek(2)[:2] == GZIP_MAGIC:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield unpacked  # type: ignore[misc]
            else:
                yield raw
    except (OSError, ValueError, *GZIP_DAMAGE) as error:
        raise failure(path, error) from error


def _opened(path: str, flags: int) -> int:
    """Without waiting for a writer, should a pipe have taken the file's place by now."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_head(path: str, size: int = HEAD_BYTES) -> bytes:
    """The first ``size`` bytes, decompressed; what there is of a truncated gzip file."""
    with open_bytes(path) as file:
        return _read_available(file, size)


def unpacked_head(path: str, data: bytes, size: int = HEAD_BYTES) -> bytes:
    """What ``read_head`` gives of a file at ``path`` that begins with ``data``."""
    if not data.startswith(GZIP_MAGIC):
        return data[:size]
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return _read_available(file, size)  # type: ignore[arg-type]
    except (OSError, *GZIP_DAMAGE) as error:
        raise failure(path, error) from error


def _read_available(file: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    left = size
    try:
        while left > 0 and (part := file.read(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    except GZIP_DAMAGE:
        if not parts:
            raise
    return b"".join(parts)


# ---------------------------------------------------------------------------- text


def encoding_of(head: bytes) -> str:
    """The encoding, from the byte order mark or, in its absence, the places of zero bytes."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark):
            return name
    half = max(len(head) // 2, 1)
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if odd > 0.4 and even < 0.1:
        return "utf-16-le"
    if even > 0.4 and odd < 0.1:
        return "utf-16-be"
    return "utf-8"


def head_text(head: bytes) -> str:
    """The head of a file as text, for ``Reader.accepts``; "" for binary data."""
    encoding = encoding_of(head)
    text = head.decode(encoding, "ignore" if "16" in encoding else "lrdoctor-latin1")
    strange = sum(not (c.isprintable() or c in "\t\r\n\f\x1b\b\0\ufeff") for c in text)
    return "" if strange > 0.02 * len(text) else text.replace("\0", "")


def read_document(path: str, limit: int = MAX_DOCUMENT) -> str:
    """The whole file as text. Raises ``ReadError`` where it is larger than ``limit`` bytes."""
    with open_bytes(path) as file:
        data = _read_available(file, limit + 1)
    if len(data) > limit:
        raise ReadError(
            display_name(path, 1000),
            f"larger than {limit >> 20} MiB as one document; convert it to JSON lines or CSV",
        )
    return data.decode(encoding_of(data[:HEAD_BYTES]), "lrdoctor-latin1").replace("\0", "")


@dataclass
class Lines:
    """The non-blank lines of a text file with their 1-based numbers; iterate over it once.

    LF, CRLF, CR and CR CR LF end a line. Lines over ``MAX_LINE`` characters, zero bytes and git's
    conflict markers are left out. ``notes`` says so, complete after the iteration. ``forks`` has
    ``(line, back)`` for each conflict: the kept line at index ``line`` begins the other side, an
    alternative to what begins at index ``back`` (0-based counts of kept lines).
    """

    path: str
    notes: list[Note] = field(default_factory=list)
    forks: list[tuple[int, int]] = field(default_factory=list)
    kept: int = 0
    _conflict: int | None = None

    def __iter__(self) -> Iterator[tuple[int, str]]:
        with open_bytes(self.path) as file:
            encoding = encoding_of(_peek(file))
            text = io.TextIOWrapper(file, encoding, "lrdoctor-latin1", newline=None)
            number, zeros, long = 0, 0, []
            try:
                while line := text.readline(MAX_LINE):
                    number += 1
                    if len(line) == MAX_LINE and not line.endswith("\n"):
                        long.append(number)
                        _skip_line(text)
                        continue
                    if "\0" in line:
                        zeros += line.count("\0")
                        line = line.replace("\0", "")
                    line = line.rstrip("\n")
                    if line.strip() and not self._is_marker(line, number):
                        self.kept += 1
                        yield number, line
            except GZIP_DAMAGE:
                self._note(
                    "truncated", f"gzip data is damaged after line {number}; the rest is lost"
                )
            finally:
                # Closing it would close the file of the ``with`` above a second time.
                text.detach()
        if zeros:
            self._note("zero-bytes", f"{zeros} zero bytes left out (a crash or a full disk?)")
        if long:
            self._note("long-line", f"{len(long)} lines over {MAX_LINE} characters left out, "
                                    f"the first is line {long[0]}")  # fmt: skip

    def _is_marker(self, line: str, number: int) -> bool:
        if line.startswith("<<<<<<< "):
            self._conflict = self.kept
            self._note("conflict-markers", f"git conflict markers from line {number} left out; "
                                           "both sides are read")  # fmt: skip
            return True
        if self._conflict is None:
            return False
        # A ruler of "=" is an ordinary line outside a conflict.
        if line.rstrip() == "=======":
            self.forks.append((self.kept, self._conflict))
            return True
        if line.startswith(">>>>>>> "):
            self._conflict = None
            return True
        return line.startswith("||||||| ")

    def _note(self, kind: str, message: str) -> None:
        self.notes.append(Note(kind, message, self.path))


def check_numbers(path: str, count: int) -> None:
    """Raises ``ReadError`` where a file, such as a small gzip file that never ends, has given more
    numbers than can be held."""
    if count > MAX_NUMBERS:
        raise ReadError(
            display_name(path, 1000),
            f"over {MAX_NUMBERS:,} numbers, more than are held in memory; keep the columns of LR, "
            "loss and step, or every tenth row",
        )


def _peek(file: BinaryIO) -> bytes:
    head = _read_available(file, HEAD_BYTES)
    file.seek(0)
    return head


def _skip_line(text: io.TextIOWrapper) -> None:
    while (rest := text.readline(MAX_LINE)) and not rest.endswith("\n"):
        pass


# ---------------------------------------------------------------------------- numbers

_MISSING = frozenset({"", "none", "null", "na", "n/a", "-", "--", "undefined", "<na>"})
_WRAPPED = re.compile(
    r"(?:tensor|array|np\.float(?:16|32|64)|float32|float64)?\s*[\[(]+\s*([^\s,\])]+)\s*(?:[,\])].*)?"
)


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value, as opposed to the value NaN."""
    return text.strip().lower() in _MISSING


def parse_number(text: str) -> float | None:
    """The number in a cell, NaN and infinities included; None where there is none.

    Knows ``tensor(0.5, device='cuda:0')``, ``[0.001]``, ``np.float64(0.5)`` and ``True``.
    """
    try:
        # Python allows "1_000" as a number; in a log that is a name.
        return None if "_" in text else float(text)
    except ValueError:
        pass
    cell = text.strip()
    if cell in ("True", "true", "False", "false"):
        return float(cell.lower() == "true")
    wrapped = _WRAPPED.fullmatch(cell) if len(cell) <= MAX_NAME else None
    if wrapped and wrapped[1] != cell:
        return parse_number(wrapped[1])
    return None


def folder_of(path: str) -> str:
    """The folder of a file, "." where the path has none."""
    return os.path.dirname(path) or "."  # noqa: PTH120 - textual, hostile names stay as they are
