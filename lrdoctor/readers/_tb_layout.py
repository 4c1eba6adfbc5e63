"""Decodes event records of one layout all at once.

A layout is the places of everything in a record of one length: wall time, step and numbers vary,
the tags are among the fixed bytes. The stored checksum minus the share of the varying bytes is a
fingerprint of the fixed ones: equal to one computed before, it verifies the record and names its
tags in one comparison. The fixed bytes are compared as well, since fingerprints may collide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

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
from lrdoctor.readers._tfrecord import FOOTER
from lrdoctor.types import Array, IntArray

LONGEST = 4096
"""Payloads up to this many bytes get a layout."""

_NUMBER, _TIME, _LONGEST_STEP = 4, 8, 8
_FEW_ROWS = 512  # below, one gather of all bytes costs less than a look-up per pair of bytes
_TILE = 1024

Selector: TypeAlias = "slice | IntArray"
Tags: TypeAlias = tuple[tuple[str, bool], ...]
_Mask: TypeAlias = npt.NDArray[np.bool_]
_Wide: TypeAlias = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Decoded records of one layout: ``step``, ``wall_time`` and per value an array, by record.

    ``groups`` says which records have which tags, and of each tag whether this value would make it
    one of scalars. The records in no group are not of this layout or damaged: they are ``left``.
    """

    step: IntArray
    wall_time: Array
    numbers: Sequence[npt.NDArray[np.float32]]
    groups: Sequence[tuple[Tags, Selector]]
    left: IntArray


@dataclass(slots=True, eq=False)
class Layout:
    """Places of the parts of a record of ``size`` bytes; rows are payload, checksum and padding.

    ``known`` has, for the fingerprints met, the row of ``fixed`` and the entry of ``tags``.
    """

    size: int
    wall_at: int
    step: tuple[int, int]
    numbers: tuple[int, ...]
    values: tuple[Value, ...]
    compared: _Wide
    hashed: Bytes
    structure: _Wide
    structure_mask: _Wide
    fixed: _Wide
    known: dict[int, int] = field(default_factory=dict)
    tags: list[Tags] = field(default_factory=list)
    hits: int = 0

    def decode(self, rows: Bytes) -> Batch:
        """What the rows ``uint8[m, width]`` say, for those that have this layout."""
        stored = _column(rows, "<u4", self.size)
        fingerprint = unmasked(stored) ^ self._varying_share(rows)
        period = _period(fingerprint)
        if period:
            kinds = self._kinds(fingerprint[:period], rows[:period])
            if (kinds < 0).any() or not _repeats(rows, self.compared, self.fixed[kinds]):
                period = 0
        groups: list[tuple[Tags, Selector]]
        if period:
            groups = [(self.tags[k], slice(i, None, period)) for i, k in enumerate(kinds.tolist())]
            left = np.zeros(0, np.int64)
        else:
            groups, left = self._sorted(rows, fingerprint)
        self.hits += len(rows) - len(left)
        return Batch(
            step=self._steps(rows),
            wall_time=_column(rows, "<f8", self.wall_at),
            numbers=[_column(rows, "<f4", at) for at in self.numbers],
            groups=groups,
            left=left,
        )

    def _steps(self, rows: Bytes) -> IntArray:
        start, stop = self.step
        if start == stop:
            return np.zeros(len(rows), np.int64)
        raw = _column(rows, "<u8", start)
        steps = raw & np.uint64(0x7F)
        for index in range(1, stop - start):
            steps |= raw >> np.uint64(index) & np.uint64(0x7F << 7 * index)
        return steps.view(np.int64)

    def _varying_share(self, rows: Bytes) -> Words:
        """What the varying bytes contribute to the checksum of each row."""
        pairs, singles = _lanes(self)
        if len(rows) < _FEW_ROWS:
            places = np.array(sorted([p for at in pairs for p in (at, at + 1)] + list(singles)))
            return share_sums(rows[:, places], self.size - 1 - places)
        total = np.zeros(len(rows), np.uint32)
        for at in pairs:
            total ^= pair_shares(self.size - 2 - at).take(_column(rows, "<u2", at))
        for at in singles:
            total ^= shares(self.size - 1 - at).take(rows[:, at])
        return total

    def _kinds(self, fingerprints: Words, firsts: Bytes) -> IntArray:
        """The number of each fingerprint's tags, -1 for none; new ones from the first rows."""
        kinds = np.array([self.known.get(f, -1) for f in fingerprints.tolist()], np.int64)
        new = np.flatnonzero(kinds < 0)
        if not len(new):
            return kinds
        rows = firsts[new]
        true = checksums(rows[:, : self.size] & self.hashed[: self.size])
        mine = self._fits(rows) & (true == fingerprints[new])
        new, rows = new[mine], rows[mine]
        kinds[new] = np.arange(len(self.tags), len(self.tags) + len(new))
        self.known.update(zip(fingerprints[new].tolist(), kinds[new].tolist(), strict=True))
        self.tags += [tuple(self._tags(row.tobytes())) for row in rows]
        self.fixed = np.concatenate([self.fixed, rows.view(np.uint64) & self.compared])
        return kinds

    def _tags(self, row: bytes) -> Iterator[tuple[str, bool]]:
        for value in self.values:
            tag = row[slice(*value.name_span)].decode("utf-8", "replace")
            if value.metadata_span[1]:
                metadata = parse_metadata(row[slice(*value.metadata_span)])
                value = replace(value, metadata=metadata)
            yield tag, value.makes_scalar

    def _fits(self, rows: Bytes) -> _Mask:
        """Which rows have everything but tags, time, step and numbers in common with the first."""
        same = (rows.view(np.uint64) & self.structure_mask) == self.structure
        return np.asarray(same.all(axis=1))

    def _sorted(
        self, rows: Bytes, fingerprint: Words
    ) -> tuple[list[tuple[Tags, Selector]], IntArray]:
        """Groups of rows in any order, and the rows that are not of this layout."""
        mine = self._fits(rows)
        places = np.flatnonzero(mine)
        distinct, first, index = np.unique(
            fingerprint[places], return_index=True, return_inverse=True
        )
        kind = self._kinds(distinct, rows[places[first]])[index]
        right = kind >= 0
        right &= ((rows[places].view(np.uint64) & self.compared) == self.fixed[kind]).all(axis=1)
        mine[places[~right]] = False
        places, kind = places[right], kind[right]
        by_kind = np.argsort(kind, kind="stable")
        places, kind = places[by_kind], kind[by_kind]
        starts = np.flatnonzero(np.diff(kind, prepend=-1)).tolist()
        stops = [*starts[1:], len(kind)]
        spans = zip(starts, stops, strict=False)
        return [(self.tags[kind[a]], places[a:b]) for a, b in spans], np.flatnonzero(~mine)


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
        fixed=np.zeros((0, width // 8), np.uint64),
    )


def _lanes(layout: Layout) -> tuple[list[int], list[int]]:
    """Places of the pairs of varying bytes, and of single ones."""
    start, stop = layout.step
    pairs = [layout.wall_at + i for i in range(0, _TIME, 2)]
    pairs += [start + i for i in range(0, (stop - start) // 2 * 2, 2)]
    pairs += [at + i for at in layout.numbers for i in (0, 2)]
    return pairs, [stop - 1] if (stop - start) % 2 else []


def _period(fingerprint: Words) -> int:
    """The number of different fingerprints where they come in turns, else 0."""
    again = np.flatnonzero(fingerprint[1:] == fingerprint[0])
    period = int(again[0]) + 1 if len(again) else 0
    if not period or not np.array_equal(fingerprint[period:], fingerprint[:-period]):
        return 0
    return period if len(np.unique(fingerprint[:period])) == period else 0


def _repeats(rows: Bytes, mask: _Wide, fixed: _Wide) -> bool:
    """Whether the masked rows are the rows of ``fixed`` over and over."""
    period, width = fixed.shape
    height = period * (_TILE // period + 1)
    whole = len(rows) // height
    # Tiles make the inner loop long: numpy takes ten times as long over rows of a few words.
    tile, masks = np.tile(fixed, (height // period, 1)).reshape(-1), np.tile(mask, height)
    wide = rows.view(np.uint64)
    tiles = wide[: whole * height].reshape(whole, height * width)
    if not ((tiles & masks) == tile).all():
        return False
    rest = wide[whole * height :].reshape(-1)
    return bool(((rest & masks[: len(rest)]) == tile[: len(rest)]).all())


def _column(rows: Bytes, kind: str, at: int) -> npt.NDArray[Any]:
    """A contiguous copy of one item of every row."""
    view = np.ndarray((len(rows),), np.dtype(kind), rows.data, at, (rows.shape[1],))
    return view.copy()
