"""Tells records apart by a fingerprint of their fixed bytes.

The stored checksum minus the share of the bytes that vary (time, step, numbers) depends on the
fixed bytes alone. Where it equals one computed before, it verifies the record and names its tags
in one comparison. The fixed bytes are compared as well, since fingerprints may collide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._crc32c import Words
from lrdoctor.types import Array, IntArray

Selector: TypeAlias = "slice | IntArray"
Tags: TypeAlias = tuple[tuple[str, bool], ...]
Mask: TypeAlias = npt.NDArray[np.bool_]
Wide: TypeAlias = npt.NDArray[np.uint64]

_TILE = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Decoded records: ``step``, ``wall_time`` and per value an array, by record.

    ``places`` are the rows that these records are, None for all of them. ``groups`` says which
    records have which tags, and of each tag whether this value would make it one of scalars.
    ``wrong`` are the records in no group, None for none: of another form after all, or damaged.
    """

    places: IntArray | None
    wrong: IntArray | None
    step: IntArray
    wall_time: Array
    numbers: Sequence[npt.NDArray[np.float32]]
    groups: Sequence[tuple[Tags, Selector]]

    def left(self, rows: int) -> IntArray:
        """Which of the ``rows`` given are not decoded."""
        if self.places is None:
            return np.zeros(0, np.int64) if self.wrong is None else self.wrong
        remains = np.ones(rows, dtype=bool)
        remains[self.places] = False
        if self.wrong is not None:
            remains[self.places[self.wrong]] = True
        return np.flatnonzero(remains)


@dataclass(frozen=True, slots=True, eq=False)
class New:
    """Templates just made: which of the fingerprints asked about have one, and what they are."""

    valid: Mask
    fixed: Wide
    masks: Wide
    tags: Sequence[Tags]


Maker: TypeAlias = Callable[[Words, IntArray], New]


@dataclass(slots=True, eq=False)
class Templates:
    """Templates of rows of ``width`` words: ``row & masks[k] == fixed[k]`` has ``tags[k]``."""

    width: int
    fixed: Wide = field(init=False)
    masks: Wide = field(init=False)
    known: dict[int, int] = field(default_factory=dict)
    tags: list[Tags] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fixed = self.masks = np.zeros((0, self.width), np.uint64)

    def group(
        self, rows: Wide, fingerprint: Words, make: Maker
    ) -> tuple[list[tuple[Tags, Selector]], IntArray | None]:
        """Groups of rows of the same tags, and the rows that no template fits.

        ``rows`` may lack the last words. ``make`` is asked about new fingerprints and the first
        row of each.
        """
        period = _period(fingerprint)
        if period:
            kinds = self._kinds(fingerprint[:period], np.arange(period), make)
            if (kinds >= 0).all() and self._in_turns(rows, kinds):
                tags = [self.tags[k] for k in kinds.tolist()]
                return [(t, slice(i, None, period)) for i, t in enumerate(tags)], None
        return self._sorted(rows, fingerprint, make)

    def _kinds(self, fingerprints: Words, first: IntArray, make: Maker) -> IntArray:
        """The number of each fingerprint's template, -1 for none."""
        kinds = np.array([self.known.get(f, -1) for f in fingerprints.tolist()], np.int64)
        unknown = np.flatnonzero(kinds < 0)
        if len(unknown):
            new = make(fingerprints[unknown], first[unknown])
            added = unknown[new.valid]
            kinds[added] = np.arange(len(self.tags), len(self.tags) + len(added))
            self.known.update(zip(fingerprints[added].tolist(), kinds[added].tolist(), strict=True))
            self.fixed = np.concatenate([self.fixed, new.fixed])
            self.masks = np.concatenate([self.masks, new.masks])
            self.tags += new.tags
        return kinds

    def _in_turns(self, rows: Wide, kinds: IntArray) -> bool:
        """Whether the rows have these templates over and over."""
        width, period = rows.shape[1], len(kinds)
        height = period * (_TILE // period + 1)
        whole = len(rows) // height
        # Tiles make the inner loop long: numpy takes ten times as long over rows of a few words.
        repeated = (height // period, 1)
        tile = np.tile(self.fixed[kinds, :width], repeated).reshape(-1)
        mask = np.tile(self.masks[kinds, :width], repeated).reshape(-1)
        tiles = rows[: whole * height].reshape(whole, height * width)
        if not ((tiles & mask) == tile).all():
            return False
        rest = rows[whole * height :].reshape(-1)
        return bool(((rest & mask[: len(rest)]) == tile[: len(rest)]).all())

    def _sorted(
        self, rows: Wide, fingerprint: Words, make: Maker
    ) -> tuple[list[tuple[Tags, Selector]], IntArray]:
        distinct, first, index = np.unique(fingerprint, return_index=True, return_inverse=True)
        kind = self._kinds(distinct, first, make)[index]
        right = kind >= 0
        if not right.any():
            return [], np.arange(len(rows))
        width = rows.shape[1]
        right &= ((rows & self.masks[kind, :width]) == self.fixed[kind, :width]).all(axis=1)
        places = np.flatnonzero(right)
        if not len(places):  # new bytes under known fingerprints
            return [], np.arange(len(rows))
        places = places[np.argsort(kind[places], kind="stable")]
        in_order = kind[places]
        starts = np.flatnonzero(np.diff(in_order, prepend=-1)).tolist()
        spans = zip(starts, [*starts[1:], len(places)], strict=True)
        groups: list[tuple[Tags, Selector]] = [
            (self.tags[in_order[a]], places[a:b]) for a, b in spans
        ]
        return groups, np.flatnonzero(~right)


def _period(fingerprint: Words) -> int:
    """The number of different fingerprints where they come in turns, else 0."""
    if not len(fingerprint):
        return 0
    again = fingerprint[1:] == fingerprint[0]
    period = int(again.argmax()) + 1 if len(again) else 1
    if period == 1 and again.all():
        return 1
    if not again[period - 1] or not np.array_equal(fingerprint[period:], fingerprint[:-period]):
        return 0
    return period if len(np.unique(fingerprint[:period])) == period else 0
