"""Reads large, regular CSV files through pandas' C parser, in chunks of bounded size."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lrdoctor.readers._csv_cells import Cells, Header, numbers, split_header, split_line
from lrdoctor.readers._text import (
    GZIP_DAMAGE,
    MAX_LINE,
    check_numbers,
    encoding_of,
    open_bytes,
    read_head,
)

_CHUNK = 2_000_000  # cells
_HEAD = 1 << 16
_MARKERS = ("<<<<<<<", "=======", ">>>>>>>")


def parse_large(file: str) -> Cells | None:
    """The same as ``parse_rows``, or None where the file needs its tolerance (conflict markers,
    quotes, unequal rows, a header that comes again). Raises ``ReadError`` where it cannot be
    opened or holds too many numbers."""
    import pandas as pd

    head = read_head(file, _HEAD)
    encoding = encoding_of(head)
    lines = [t for t in head.decode(encoding, "lrdoctor-latin1").splitlines() if t.strip()]
    header = split_header(lines)
    if header is None or header.delimiter in " ;" or b"\r\r\n" in head:
        return None
    cells = Cells(header.names)
    rows = max(_CHUNK // len(header.names), 1)
    # Before version 4 the default parser may be off by one unit in the last place.
    exact = {} if int(pd.__version__.split(".")[0]) >= 4 else {"float_precision": "round_trip"}
    with open_bytes(file) as raw, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", pd.errors.ParserWarning)
        text = io.TextIOWrapper(raw, encoding, "lrdoctor-latin1", newline="")
        for _ in range(header.line + 1):
            text.readline(_HEAD)
        try:
            chunks: Any = pd.read_csv(
                _PlainLines(text), sep=header.delimiter, header=None, names=list(header.names),
                chunksize=rows, keep_default_na=False, na_values=[""], skipinitialspace=True,
                index_col=False, **exact,
            )  # type: ignore[call-overload]  # fmt: skip
            regular = True
            for chunk in chunks:
                regular = regular and _add_chunk(cells, chunk)
                check_numbers(file, cells.numbers + cells.rows)
                if not regular:
                    break
        except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError, *GZIP_DAMAGE):
            return None
        finally:
            text.detach()
    if regular and _ends_within_row(file, header, encoding):
        cells.drop_last_cell()
    return cells if regular else None


class _PlainLines:
    """Text in which the parser cannot get lost: it would keep all of a line without an end, and of
    what follows a quote that is never closed. Reading raises ``ValueError`` instead."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._unfinished = 0

    def __iter__(self) -> Iterator[str]:
        return iter(self._text)

    def read(self, size: int = -1) -> str:
        """At most ``size`` characters."""
        part = self._text.read(size)
        end = part.rfind("\n")
        self._unfinished = len(part) - end - 1 + (self._unfinished if end < 0 else 0)
        if '"' in part or self._unfinished > MAX_LINE:
            raise ValueError("quotes, or a line without an end")
        return part


def _add_chunk(cells: Cells, chunk: Any) -> bool:
    """Appends a chunk; False where a whole row is no data."""
    for index, name in enumerate(cells.names):
        values = chunk.iloc[:, index].to_numpy()
        if values.dtype.kind in "fiu":
            value = values.astype(np.float64)
            row = np.flatnonzero(~np.isnan(value))
            value = value[row]
        else:
            # Missing cells are NaN, the only value that differs from itself.
            texts = ["" if v != v else str(v) for v in values.tolist()]
            if any(t == name or t.startswith(_MARKERS) for t in texts):
                return False
            row, value, strange = numbers(texts)
            cells.text[name] += strange
        cells.add(name, row + cells.rows, value)
    cells.rows += len(chunk)
    return True


def _ends_within_row(file: str, header: Header, encoding: str) -> bool:
    """Whether the last line has too few cells; of a compressed file the end cannot be seen."""
    if file.lower().endswith(".gz"):
        return False
    with Path(file).open("rb") as raw:
        raw.seek(max(raw.seek(0, io.SEEK_END) - _HEAD, 0))
        lines = raw.read().decode(encoding, "lrdoctor-latin1").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return 0 < len(split_line(last, header.delimiter)) < len(header.names)
