"""What was read of an event file, as bytes and back, so that reading can go on behind it."""

from __future__ import annotations

import io
import json
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.readers._collect import MAX_TAGS
from lrdoctor.readers._tb_file import EventFile
from lrdoctor.readers._tb_series import Gathered, Piece
from lrdoctor.types import IntArray

_FORMAT = 1


def resumable(found: EventFile) -> bool:
    """Whether a file can be read on: nothing in it is damaged, which later writes might mend, and
    nothing was left out for its number."""
    damage, gathered = found.damage, found.gathered
    spoilt = damage.lost or damage.zeros or damage.mended or damage.compression
    spoilt = spoilt or found.bad or found.malformed or gathered.refused
    return not spoilt and max(len(gathered.pieces), len(gathered.others)) < MAX_TAGS


def dump(found: EventFile) -> bytes:
    """Everything but the damage, of which a file that can be read on has none."""
    tags: list[list[Any]] = []
    columns: dict[str, list[npt.NDArray[Any]]] = {"order": [], "step": [], "value": [], "wall": []}
    for tag, pieces in found.gathered.pieces.items():
        one = _joined(pieces)
        tags.append([tag, len(one.step), one.makes_scalar, one.place])
        columns["order"].append(np.diff(one.order, prepend=0))
        columns["step"].append(np.diff(one.step, prepend=0))
        columns["value"].append(one.value)
        columns["wall"].append(one.wall_time)
    summaries = np.array(found.other_summaries, np.int64).reshape(-1, 2)
    meta = {
        "format": _FORMAT,
        "tags": tags,
        "others": found.gathered.others,
        "hparams": found.hparams,
        "versions": found.versions,
        "starts": found.starts,
        "records": found.records,
    }
    joined = {name: np.concatenate(parts) for name, parts in columns.items() if parts}
    stream = io.BytesIO()
    text = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    held: dict[str, Any] = {"meta": text, "summaries": summaries, **joined}
    np.savez_compressed(stream, **held)
    return stream.getvalue()


def restore(data: bytes) -> EventFile | None:
    """What ``dump`` was given; None for what another version of it wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        columns = {name: held[name] for name in held.files}
    meta = json.loads(columns["meta"].tobytes())
    if meta.get("format") != _FORMAT:
        return None
    gathered = Gathered(others={tag: (first, n) for tag, (first, n) in meta["others"].items()})
    at = 0
    for tag, count, makes_scalar, place in meta["tags"]:
        span = slice(at, at + count)
        order, step = (np.cumsum(columns[name][span]) for name in ("order", "step"))
        value, wall = columns["value"][span], columns["wall"][span]
        piece = Piece(int(order[0]), makes_scalar, order, step, value, wall, place)
        gathered.pieces[tag] = [piece]
        at += count
    return EventFile(
        gathered=gathered,
        hparams=meta["hparams"],
        versions=[(order, version) for order, version in meta["versions"]],
        starts=[(order, step) for order, step in meta["starts"]],
        other_summaries=[(int(order), int(step)) for order, step in columns["summaries"]],
        records=meta["records"],
    )


def _joined(pieces: list[Piece]) -> Piece:
    """One piece of all, in the order of the file; the first says what the tag is."""
    pieces = sorted(pieces, key=attrgetter("first", "place"))
    first = pieces[0]
    order: IntArray = np.concatenate([p.order for p in pieces])
    sort = np.argsort(order, kind="stable")
    step, value, wall = (
        np.concatenate([getattr(p, name) for p in pieces])[sort]
        for name in ("step", "value", "wall_time")
    )
    return Piece(first.first, first.makes_scalar, order[sort], step, value, wall, first.place)
