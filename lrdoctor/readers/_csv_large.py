"""Reads large, regular CSV files through pandas' C parser, in chunks of bounded size."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np

from lrdoctor.readers._csv_cells import Cells, numbers, split_header
from lrdoctor.readers._text import encoding_of, open_bytes, read_head

_CHUNK = 200_000  # rows
_HEAD = 1 << 16


def parse_large(file: str) -> Cells | None:
    """The same as ``parse_rows``, or None where the file needs its tolerance (conflict markers,
    unequal rows, a header that comes again). Raises ``ReadError`` where it cannot be opened."""
    import pandas as pd

    head = read_head(file, _HEAD)
    encoding = encoding_of(head)
    lines = [t for t in head.decode(encoding, "lrdoctor-latin1").splitlines() if t.strip()]
    header = split_header(lines)
    if header is None or header.delimiter in " ;" or b"\r\r\n" in head:
        return None
    cells = Cells(header.names)
    with open_bytes(file) as raw, warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.DtypeWarning)
        text = io.TextIOWrapper(raw, encoding, "lrdoctor-latin1", newline="")
        try:
            chunks = pd.read_csv(
                text, sep=header.delimiter, header=None, names=range(len(header.names)),
                skiprows=header.line + 1, chunksize=_CHUNK, keep_default_na=False, na_values=[""],
                skipinitialspace=True, index_col=False, float_precision="round_trip",
            )  # fmt: skip
            if not all(_add_chunk(cells, chunk) for chunk in chunks):
                return None
        except (pd.errors.ParserError, ValueError):
            return None
        finally:
            text.detach()
    return cells


def _add_chunk(cells: Cells, chunk: Any) -> bool:
    """Appends a chunk; False where a whole row is no data."""
    for name, label in zip(cells.names, chunk.columns, strict=True):
        values = chunk[label].to_numpy()
        if values.dtype.kind in "fiu":
            value = values.astype(np.float64)
            row = np.flatnonzero(~np.isnan(value))
            value = value[row]
        else:
            texts = ["" if v != v else str(v) for v in values]
            if any(t == name or t[:7] in ("<<<<<<<", "=======", ">>>>>>>") for t in texts):
                return False
            row, value, strange = numbers(texts)
            cells.text[name] += strange
        cells.add(name, row + cells.rows, value)
    cells.rows += len(chunk)
    return True
