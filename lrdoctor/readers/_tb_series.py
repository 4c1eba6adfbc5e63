"""Gathers the numbers of an event file by tag, in file order, whatever order they arrive in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._collect import MAX_TAGS
from lrdoctor.readers._text import display_name
from lrdoctor.types import Array, IntArray, Note, RawSeries


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Points of one tag, ascending in ``order``, the number of their record in the file.

    ``first`` is the number of the first, ``place`` where in that record it stands; ``makes_scalar``
    whether that makes the tag a scalar.
    """

    first: int
    makes_scalar: bool
    order: IntArray
    step: IntArray
    value: npt.NDArray[np.floating[Any]]
    wall_time: Array
    place: int = 0


@dataclass(slots=True)
class Gathered:
    """Pieces by tag; ``others`` has first record and count of the values that are no scalars."""

    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    others: dict[str, tuple[int, int]] = field(default_factory=dict)
    refused: int = 0

    def add(self, tag: str, piece: Piece) -> None:
        """Adds scalars; those of tags beyond the first ``MAX_TAGS`` are only counted."""
        found = self.pieces.get(tag)
        if found is not None:
            found.append(piece)
        elif len(self.pieces) < MAX_TAGS:
            self.pieces[tag] = [piece]
        else:
            self.refused += len(piece.step)

    def add_other(self, tag: str, order: int) -> None:
        """Adds a value that is no scalar: an image, a histogram, a text."""
        first, count = self.others.get(tag, (order, 0))
        if count or len(self.others) < MAX_TAGS:
            self.others[tag] = (min(first, order), count + 1)

    def series(self, *, with_order: bool) -> tuple[RawSeries, ...]:
        """One series per tag that holds scalars, in order of appearance."""
        found: dict[str, list[Piece]] = {}
        for pieces in self.pieces.values():
            pieces.sort(key=_first)
        for tag, pieces in sorted(self.pieces.items(), key=lambda item: _first(item[1][0])):
            if self._is_scalar(tag, pieces):
                # Two names that print alike would make two series of one name.
                found.setdefault(display_name(tag), []).extend(pieces)
        return tuple(_series(tag, pieces, with_order) for tag, pieces in found.items())

    def record_steps(self) -> Iterator[tuple[IntArray, IntArray]]:
        """Order and step of every scalar."""
        for pieces in self.pieces.values():
            for piece in pieces:
                yield piece.order, piece.step

    def notes(self, file: str) -> Iterator[Note]:
        """Says what was left out."""
        for tag, pieces in sorted(self.pieces.items(), key=lambda item: min(map(_first, item[1]))):
            shown = display_name(tag)
            if not self._is_scalar(tag, pieces):
                count = sum(len(p.step) for p in pieces)
                message = f"{count} numbers of {shown!r} left out: its first value is no scalar"
                yield Note("mixed-tag", message, file)
            elif tag in self.others:
                message = f"{self.others[tag][1]} values of {shown!r} left out: they are no scalars"
                yield Note("mixed-tag", message, file)
        if self.refused:
            message = f"{self.refused} values of tags beyond the first {MAX_TAGS} left out"
            yield Note("too-many-tags", message, file)

    def _is_scalar(self, tag: str, pieces: list[Piece]) -> bool:
        """What the first value of a tag is decides, as in TensorBoard."""
        first = min(pieces, key=_first)
        return first.makes_scalar and (tag not in self.others or self.others[tag][0] > first.first)


_first = attrgetter("first", "place")


def _series(tag: str, pieces: list[Piece], with_order: bool) -> RawSeries:
    if len(pieces) > 1:
        pieces = sorted(pieces, key=_first)
    columns: dict[str, npt.NDArray[Any]] = {
        "step": np.concatenate([p.step for p in pieces]),
        "value": np.concatenate([p.value for p in pieces], dtype=np.float64),
        "wall_time": np.concatenate([p.wall_time for p in pieces]),
    }
    mixed = any(a.order[-1] > b.first for a, b in pairwise(pieces))
    if mixed or with_order:
        columns["order"] = np.concatenate([p.order for p in pieces])
    if mixed:
        in_order = np.argsort(columns["order"], kind="stable")
        columns = {name: column[in_order] for name, column in columns.items()}
    if not with_order:
        columns.pop("order", None)
    for column in columns.values():
        column.setflags(write=False)
    return RawSeries(tag, **columns)
