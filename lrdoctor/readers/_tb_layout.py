"""Decodes event records of one length all at once.

A layout is the places of everything in them: wall time, step and numbers vary from record to
record, everything else is fixed for a set of tags.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._crc32c import (
    Bytes,
    Words,
    checksums,
    pair_shares,
    share_sums,
    shares,
    unmasked,
)
from lrdoctor.readers._tb_event import Event, Value, parse_metadata
from lrdoctor.readers._tb_templates import Batch, Mask, New, Templates, Wide
from lrdoctor.readers._tfrecord import FOOTER
from lrdoctor.types import IntArray

LONGEST = 4096
"""Payloads up to this many bytes get a layout."""

_NUMBER, _TIME, _LONGEST_STEP = 4, 8, 8
_SAMPLE = 16


@dataclass(slots=True, eq=False)
class Layout:
    """Places of the parts of a record of ``size`` bytes; rows are payload, checksum and padding."""

    size: int
    wall_at: int
    step: tuple[int, int]
    numbers: tuple[int, ...]
    values: tuple[Value, ...]
    compared: Wide
    hashed: Bytes
    structure: Wide
    structure_mask: Wide
    templates: Templates
    hits: int = 0
    varying: IntArray = field(init=False)

    def __post_init__(self) -> None:
        spans = [(self.wall_at, self.wall_at + _TIME), self.step]
        spans += [(at, at + _NUMBER) for at in self.numbers]
        self.varying = np.concatenate([np.arange(a, b) for a, b in spans])

    def decode(self, rows: Bytes) -> Batch | None:
        """What the rows ``uint8[m, width]`` say, for those that have this layout; None if none."""
        places = None
        if not self._fits(rows[:: len(rows) // _SAMPLE + 1]).all():
            places = np.flatnonzero(self._fits(rows))
            if not len(places):
                return None
            rows = rows[places]
        stored = unmasked(column(rows, "<u4", self.size))
        fingerprint = stored ^ varying_share(rows, self.varying, self.size)
        groups, wrong = self.templates.group(
            rows.view(np.uint64), fingerprint, lambda new, first: self._make(new, rows[first])
        )
        self.hits += len(rows)
        start, stop = self.step
        return Batch(
            places=places,
            wrong=wrong,
            step=varints(column(rows, "<u8", start), stop - start),
            wall_time=column(rows, "<f8", self.wall_at),
            numbers=[column(rows, "<f4", at) for at in self.numbers],
            groups=groups,
        )

    def _make(self, fingerprints: Words, rows: Bytes) -> New:
        true = checksums(rows[:, : self.size] & self.hashed[: self.size])
        valid = self._fits(rows) & (true == fingerprints)
        rows = rows[valid]
        fixed = rows.view(np.uint64) & self.compared
        masks = np.broadcast_to(self.compared, fixed.shape)
        return New(valid, fixed, masks, [tuple(self._tags(row.tobytes())) for row in rows])

    def _tags(self, row: bytes) -> Iterator[tuple[str, bool]]:
        for value in self.values:
            tag = row[slice(*value.name_span)].decode("utf-8", "replace")
            if value.metadata_span[1]:
                metadata = parse_metadata(row[slice(*value.metadata_span)])
                value = replace(value, metadata=metadata)
            yield tag, value.makes_scalar

    def _fits(self, rows: Bytes) -> Mask:
        """Which rows have everything but tags, time, step and numbers in common with the first."""
        same = (rows.view(np.uint64) & self.structure_mask) == self.structure
        return np.asarray(same.all(axis=1))


def layout_of(event: Event, payload: bytes) -> Layout | None:
    """The layout of an event that holds scalars and nothing else, None for any other."""
    start, stop = event.step_span
    regular = event.plain and event.values and event.wall_span[1] and len(payload) <= LONGEST
    if not regular or stop - start > _LONGEST_STEP or start + 8 > len(payload):
        return None
    numbers = [v.number_at for v in event.values if v.number_at is not None]
    if len(numbers) < len(event.values) or not all(v.name_span[1] for v in event.values):
        return None
    width = (len(payload) + FOOTER + 7) // 8 * 8
    hashed = np.zeros(width, np.uint8)
    hashed[: len(payload)] = 0xFF
    for at, size in ((event.wall_span[0], _TIME), (start, stop - start)):
        hashed[at : at + size] = 0
    for at in numbers:
        hashed[at : at + _NUMBER] = 0
    compared = hashed.copy()
    compared[start:stop] = 0x80  # which byte of a varint is the last
    structure_mask = compared.copy()
    for value in event.values:
        for span in (value.name_span, value.metadata_span):
            structure_mask[slice(*span)] = 0
    row = np.zeros(width, np.uint8)
    row[: len(payload)] = np.frombuffer(payload, np.uint8)
    return Layout(
        size=len(payload),
        wall_at=event.wall_span[0],
        step=(start, stop),
        numbers=tuple(numbers),
        values=event.values,
        compared=compared.view(np.uint64),
        hashed=hashed,
        structure=(row & structure_mask).view(np.uint64),
        structure_mask=structure_mask.view(np.uint64),
        templates=Templates(width // 8),
    )


_FEW_ROWS = 512  # below, one gather of all bytes costs less than one for each
_PAIRED = 16  # bytes from the end: look-ups of pairs, whose tables are large, only there


def varying_share(rows: Bytes, varying: IntArray, size: int) -> Words:
    """What the bytes at ``varying`` contribute to the checksum of each row's first ``size``."""
    if len(rows) < _FEW_ROWS:
        return share_sums(rows[:, varying], size - 1 - varying)
    total = np.zeros(len(rows), np.uint32)
    places, at = varying.tolist(), 0
    while at < len(places):
        place = places[at]
        following = size - 1 - place
        if 1 <= following < _PAIRED and places[at + 1 : at + 2] == [place + 1]:
            part, table = column(rows, "<u2", place), pair_shares(following - 1)
            at += 2
        else:
            part, table = rows[:, place], shares(following)
            at += 1
        # The high bytes of wall times stay the same for hours.
        same = part[0] == part[-1] and (part == part[0]).all()
        total ^= table[part[0]] if same else table.take(part)
    return total


def varints(raw: Wide, size: int) -> IntArray:
    """The numbers in the first ``size`` bytes of each word, seven bits a byte."""
    numbers = raw & np.uint64(0x7F if size else 0)
    for index in range(1, size):
        numbers |= raw >> np.uint64(index) & np.uint64(0x7F << 7 * index)
    return numbers.view(np.int64)


def column(rows: Bytes, kind: str, at: int) -> npt.NDArray[Any]:
    """A contiguous copy of one item of every row."""
    view = np.ndarray((len(rows),), np.dtype(kind), rows.data, at, (rows.shape[1],))
    return view.copy()
