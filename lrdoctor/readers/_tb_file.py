"""Reads one event file: scans its records and decodes them, in batches wherever they allow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from lrdoctor.readers import _tb_hparams
from lrdoctor.readers._crc32c import Bytes
from lrdoctor.readers._protobuf import Buffer, WireError
from lrdoctor.readers._purge import NO_STEP
from lrdoctor.readers._tb_compact import LONGEST as LONGEST_COMPACT
from lrdoctor.readers._tb_compact import STEP_BYTES, Compact
from lrdoctor.readers._tb_event import Event, Value, parse_event, strings_of
from lrdoctor.readers._tb_layout import Layout, layout_of
from lrdoctor.readers._tb_scan import (
    LARGEST_CHECKED,
    SMALL,
    Blob,
    Block,
    Damage,
    Source,
    buffer,
    intact,
    scan,
)
from lrdoctor.readers._tb_series import Gathered, Piece
from lrdoctor.readers._tb_templates import Batch
from lrdoctor.readers._tfrecord import FOOTER, FrameWalker, words
from lrdoctor.types import IntArray, Scalar

_MANY_LAYOUTS, _MANY_TAGS = 8, 20_000
_TOO_FEW = 2  # records for which a batch costs more than parsing them
_HEAD = 4096
_MANY_OF_A_SIZE = 4096  # records for which decoding by length costs less
_FEW_SIZES = 8  # for which one pass each costs less than sorting


class Cache:
    """What is the same in many files: right headers, layouts and their tags. Holds no data."""

    def __init__(self) -> None:
        self.walker = FrameWalker(SMALL)
        self.memory = buffer()
        self.layouts: dict[int, list[Layout]] = {}
        self.compact = [Compact(count) for count in STEP_BYTES]

    def trim(self) -> None:
        """Empties itself when it has grown out of proportion."""
        templates = [form.templates for form in self.compact]
        templates += [layout.templates for some in self.layouts.values() for layout in some]
        if sum(len(t.tags) for t in templates) > _MANY_TAGS:
            self.layouts.clear()
            self.compact = [Compact(count) for count in STEP_BYTES]


@dataclass(slots=True)
class EventFile:
    """What an event file says; ``records`` counts all it holds, readable or not.

    ``versions``, ``starts`` and ``other_summaries`` pair the number of a record with a file
    version, the step of a session start, the step of a summary that is not in ``gathered``.
    """

    gathered: Gathered = field(default_factory=Gathered)
    damage: Damage = field(default_factory=Damage)
    hparams: dict[str, Scalar] = field(default_factory=dict)
    versions: list[tuple[int, float]] = field(default_factory=list)
    starts: list[tuple[int, int]] = field(default_factory=list)
    other_summaries: list[tuple[int, int]] = field(default_factory=list)
    records: int = 0
    bad: int = 0
    bad_bytes: int = 0
    malformed: int = 0

    @property
    def first_summary(self) -> int:
        """The number of the first record with a summary, that of none where there is none."""
        firsts = (piece.first for pieces in self.gathered.pieces.values() for piece in pieces)
        return min(*firsts, *(order for order, _ in self.other_summaries), self.records, 1 << 62)

    def record_steps(self) -> IntArray:
        """The step of each record; a record without summary has that of the one before.

        Before the first summary it is ``NO_STEP``.
        """
        steps = np.full(self.records, NO_STEP, np.int64)
        known = np.zeros(self.records, bool)
        others = np.array(self.other_summaries, np.int64).reshape(-1, 2).T
        for order, step in (*self.gathered.record_steps(), (others[0], others[1])):
            steps[order] = step
            known[order] = True
        latest = np.maximum.accumulate(np.where(known, np.arange(self.records), -1))
        return np.where(latest >= 0, steps[latest], NO_STEP)


def read_events(
    source: Source, damage: Damage, cache: Cache, before: EventFile | None = None, start: int = 0
) -> EventFile:
    """Everything a diagnosis may need of one file; ``before`` is what stands up to ``start``, and
    what follows is added to it."""
    cache.trim()
    file = EventFile() if before is None else before
    file.damage = damage
    reading = _Reading(file, source, cache)
    for part in scan(source, cache.walker, damage, cache.memory, start, file.records):
        if isinstance(part, Block):
            reading.take_block(part)
        else:
            reading.take_blob(part)
    # Records of one length were decoded together.
    file.versions.sort()
    file.starts.sort()
    for _, name, setting in sorted(reading.settings, key=itemgetter(0)):
        file.hparams.setdefault(name, setting)
    return file


@dataclass(slots=True)
class _Reading:
    file: EventFile
    source: Source
    cache: Cache
    settings: list[tuple[int, str, Scalar]] = field(default_factory=list)

    def take_block(self, block: Block) -> None:
        """Decodes small records: short ones together or, where there are many, by length."""
        self.file.records += len(block.at)
        counts = np.bincount(block.size)
        left = np.arange(len(block.at))
        if len(left) < _MANY_OF_A_SIZE * np.count_nonzero(counts):
            left = self._take_compact(block, left[block.size <= LONGEST_COMPACT])
            left = np.append(left, np.flatnonzero(block.size > LONGEST_COMPACT))
        for size, places in _by_size(block.size[left]):
            width = (size + FOOTER + 7) // 8 * 8
            places = left[places]
            rows = words(block.data, f"V{width}")[block.at[places]]
            order = block.order[places]
            self._take_rows(rows.view(np.uint8).reshape(len(rows), width), order, size)

    def _take_compact(self, block: Block, places: IntArray) -> IntArray:
        """Decodes short records of one simple value; the others remain."""
        steps = words(block.data, "<u8")[block.at[places] + 9]
        remains = np.ones(len(places), bool)
        for form in self.cache.compact:
            chosen = form.of_this_form(steps)
            if len(chosen) <= _TOO_FEW:
                continue
            found = places[chosen]
            batch = form.decode(block.data, block.at[found], block.size[found])
            self._add(batch, block.order[found])
            remains[chosen] = False
            remains[chosen[batch.left(len(chosen))]] = True
            if not remains.any():
                break
        return places[remains]

    def _take_rows(self, rows: Bytes, order: IntArray, size: int) -> None:
        left = np.arange(len(rows))
        layouts = self.cache.layouts.setdefault(size, [])
        layouts.sort(key=lambda layout: -layout.hits)
        tried = 0
        while len(left):
            while tried < len(layouts) and len(left) > _TOO_FEW:
                left = self._decode(layouts[tried], rows, order, left)
                tried += 1
            if not len(left):
                break
            payload = rows[left[0], :size].tobytes()
            if not intact(rows[left[0], : size + FOOTER]):
                self._count_bad(size)
            elif (event := self._parsed(payload, size)) is not None:
                layout = layout_of(event, payload) if len(left) > _TOO_FEW else None
                if layout is not None and len(layouts) < _MANY_LAYOUTS:
                    layouts.append(layout)
                    continue
                self._take_event(event, payload, int(order[left[0]]))
            left = left[1:]

    def _decode(self, layout: Layout, rows: Bytes, order: IntArray, left: IntArray) -> IntArray:
        """Adds the records that have this layout; the others remain."""
        if len(left) < len(rows):
            rows, order = rows[left], order[left]
        batch = layout.decode(rows)
        if batch is None:
            return left
        self._add(batch, order if batch.places is None else order[batch.places])
        return left[batch.left(len(rows))]

    def _add(self, batch: Batch, order: IntArray) -> None:
        add = self.file.gathered.add
        for tags, chosen in batch.groups:
            columns = order[chosen], batch.step[chosen]
            first, wall = int(columns[0][0]), batch.wall_time[chosen]
            values = enumerate(zip(tags, batch.numbers, strict=True))
            for place, ((tag, makes_scalar), numbers) in values:
                add(tag, Piece(first, makes_scalar, *columns, numbers[chosen], wall, place))

    def take_blob(self, blob: Blob) -> None:
        """Looks through a large record without reading what is large in it."""
        self.file.records += 1
        data: Buffer = blob.head
        event: Event | None
        try:
            event = parse_event(data, blob.size)
        except WireError:  # something that matters lies further on
            data = _Lazy(self.source, blob.at, blob.size)
            event = self._parsed(data, blob.size)
        if event is None:
            return
        wanted = any(v.number_at is not None for v in event.values)
        checked = wanted and blob.size <= LARGEST_CHECKED
        if checked and not intact(self.source.read(blob.at, blob.size + FOOTER)):
            self._count_bad(blob.size)
            return
        self._take_event(event, data, blob.order)

    def _parsed(self, data: Buffer, size: int) -> Event | None:
        try:
            return parse_event(data, size)
        except WireError:
            self.file.malformed += 1
            return None

    def _count_bad(self, size: int) -> None:
        self.file.bad += 1
        self.file.bad_bytes += size

    def _take_event(self, event: Event, data: Buffer, order: int) -> None:
        file = self.file
        if event.file_version is not None:
            file.versions.append((order, event.file_version))
        if event.starts_session:
            file.starts.append((order, event.step))
        if event.has_summary:
            file.other_summaries.append((order, event.step))
        for index, value in enumerate(event.values):
            if value.number_at is None:
                file.gathered.add_other(value.tag, order)
                self._take_settings(value, data, order)
                continue
            place, step = np.array([order]), np.array([event.step])
            number = np.frombuffer(data[value.number_at : value.number_at + 4], "<f4")
            wall = np.array([event.wall_time])
            piece = Piece(order, value.makes_scalar, place, step, number, wall, index)
            file.gathered.add(value.tag, piece)

    def _take_settings(self, value: Value, data: Buffer, order: int) -> None:
        found: dict[str, Scalar] = {}
        if value.metadata.plugin == "hparams":
            found = _tb_hparams.of_plugin(value.metadata.content)
        elif value.metadata.plugin == "text" and value.tensor[1]:
            for text in strings_of(data, value.tensor):
                found |= _tb_hparams.of_text(value.tag, text)
        self.settings += [(order, name, setting) for name, setting in found.items()]


class _Lazy:
    """The payload of a large record, fetched where it is looked at."""

    def __init__(self, source: Source, at: int, size: int) -> None:
        self._source, self._at, self._size = source, at, size
        self._start, self._window = 0, b""

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, key: slice) -> bytes:
        start, stop, _ = key.indices(self._size)
        here = start - self._start
        if here < 0 or stop - self._start > len(self._window):
            size = min(max(stop - start, _HEAD), self._size - start)
            self._window = self._source.read(self._at + start, size).tobytes()
            self._start, here = start, 0
        return self._window[here : here + stop - start]


def _by_size(sizes: IntArray) -> Iterator[tuple[int, IntArray]]:
    """Each size with the places that have it."""
    counts = np.bincount(sizes)
    distinct = np.flatnonzero(counts)
    short = sizes.astype(np.uint16)
    if len(distinct) <= _FEW_SIZES:
        yield from ((size, np.flatnonzero(short == size)) for size in distinct.tolist())
        return
    order = np.argsort(short, kind="stable")
    borders = np.cumsum(counts[distinct])[:-1]
    yield from zip(distinct.tolist(), np.split(order, borders), strict=True)
