"""TensorBoard event files: every scalar of every record, unsampled, with nothing purged.

Restarts are declared, not applied: ``readers/_purge.py`` derives TensorBoard's own view.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

import numpy as np

from lrdoctor.errors import ReadError
from lrdoctor.readers._tails import Tails
from lrdoctor.readers._tb_file import Cache, EventFile, read_events
from lrdoctor.readers._tb_resume import dump, restore, resumable
from lrdoctor.readers._tb_scan import Damage, Source
from lrdoctor.readers._text import display_name, open_bytes
from lrdoctor.readers._tfrecord import header_size
from lrdoctor.types import Note, RawLog, RawSeries

_DECLARES_RESTARTS = 2  # from this file version on
_PLACES_SHOWN = 3
_local = threading.local()


@dataclass(frozen=True, slots=True)
class TensorBoard:
    """Scalars over the global step; hparams of the plug-in and of texts that hold settings."""

    name: ClassVar[str] = "tensorboard"
    patterns: ClassVar[tuple[str, ...]] = ("*tfevents*",)
    priority: ClassVar[int] = 10

    def accepts(self, path: str, head: bytes) -> bool:
        """Whether the file begins with a TFRecord header, or is a still empty event file."""
        if path.endswith(".profile-empty"):
            return False
        if not head:
            return "tfevents" in PurePath(path).name
        return header_size(head) is not None or b"brain.Event:" in head[:64]

    def read(self, files: Sequence[str]) -> Iterator[RawLog]:
        """One raw log per file, in order of their names, which is the order of writing.

        A file that cannot be read becomes a log with a note, as long as another one can.
        """
        return self.read_on(files, Tails())

    def read_on(self, files: Sequence[str], tails: Tails) -> Iterator[RawLog]:
        """The same, reading no more than the new end of files that ``tails`` knows."""
        failed: list[ReadError] = []
        for file in sorted(files):
            try:
                log = _read(file, tails)
            except ReadError as error:
                failed.append(error)
                continue
            yield log
        if failed and len(failed) == len(files):
            raise failed[0]
        for failure in failed:
            note = Note("unreadable", failure.reason, failure.path)
            yield RawLog(failure.path, "tensorboard", "step", (), notes=(note,))


def _read(file: str, tails: Tails) -> RawLog:
    damage = Damage()
    with open_bytes(file) as stream:
        found = _events(file, Source(stream, damage), damage, tails)
    if not found.records and (damage.lost or damage.zeros or damage.compression):
        raise ReadError(
            display_name(file, 1000), "no record of an event file in it; delete it or copy it anew"
        )
    declares = bool(found.versions) and found.versions[-1][1] >= _DECLARES_RESTARTS
    late = any(order > found.first_summary for order, _ in found.starts)
    series = found.gathered.series(with_order=late or not declares)
    return RawLog(
        file=file,
        format="tensorboard",
        axis="step",
        series=series,
        hparams=found.hparams,
        notes=tuple(_notes(file, found, series)),
        purges=tuple(step for _, step in found.starts),
        purge_order=tuple(order for order, _ in found.starts) if late else (),
        record_steps=None if declares else found.record_steps(),
    )


def _events(file: str, source: Source, damage: Damage, tails: Tails) -> EventFile:
    tail = tails.recall(file, source)
    before = None if tail is None else restore(tail.data)
    start = 0 if tail is None or before is None else tail.offset
    found = read_events(source, damage, _cache(), before, start)
    tails.skipped += start
    if source.size is not None and tails.wants(file, damage.stop) and resumable(found):
        tails.keep(file, source, damage.stop, dump(found))
    return found


def _cache() -> Cache:
    """This thread's cache: reading changes it."""
    if not hasattr(_local, "cache"):
        _local.cache = Cache()
    cache: Cache = _local.cache
    return cache


def _notes(file: str, found: EventFile, series: Sequence[RawSeries]) -> Iterator[Note]:
    damage = found.damage
    for kind, holds, message in (
        ("empty", not found.records and not damage.truncated, "no record in it yet"),
        ("truncated", damage.truncated, "ends inside a record: the run was killed or is going on"),
        ("truncated", damage.compression, "the gzip data end early or are damaged"),
        ("filler", damage.zeros, f"{damage.zeros} zero bytes at the end"),
        ("damaged", damage.lost, f"{damage.lost} bytes skipped{_where(damage)}"),
        ("damaged", damage.mended, f"{damage.mended} records with a wrong checksum of their length "
         f"read all the same, their own is right{_where(damage)}"),
        ("damaged", found.bad, f"{found.bad} records ({found.bad_bytes} bytes) left out: they do "
         "not match their checksum"),
        ("damaged", found.malformed, f"{found.malformed} records left out: not an event"),
    ):  # fmt: skip
        if holds:
            yield Note(kind, message, file)
    odd = sum(int((~np.isfinite(s.wall_time)).sum()) for s in series if s.wall_time is not None)
    if odd:
        yield Note("wall-time", f"{odd} points have no finite wall time", file)
    yield from found.gathered.notes(file)


def _where(damage: Damage) -> str:
    shown = ", ".join(map(str, damage.places[:_PLACES_SHOWN]))
    more = ", …" if len(damage.places) > _PLACES_SHOWN else ""
    return f" (damage at byte {shown}{more})"
