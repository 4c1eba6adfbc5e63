"""Reading on where a growing file ended: always the same as reading it whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event

from lrdoctor.readers._tails import Tail, Tails
from lrdoctor.readers.tensorboard import TensorBoard
from lrdoctor.types import RawLog
from tests.readers.event_files import framed, image, scalars, start, version

LOUD = {"noisy": float("nan"), "lr": 0.1}


def read_on(path: Path, known: dict[str, Tail]) -> tuple[RawLog, Tails]:
    tails = Tails(known, least=0, since=0.0)
    (log,) = TensorBoard().read_on([str(path)], tails)
    return log, tails


def same_log(ours: RawLog, theirs: RawLog) -> None:
    for name in ("file", "format", "axis", "hparams", "notes", "purges", "purge_order"):
        assert getattr(ours, name) == getattr(theirs, name), name
    pairs = [(ours.record_steps, theirs.record_steps)]
    assert [s.tag for s in ours.series] == [s.tag for s in theirs.series]
    for a, b in zip(ours.series, theirs.series, strict=True):
        pairs += [(getattr(a, n), getattr(b, n)) for n in ("step", "value", "wall_time", "order")]
    for a, b in pairs:
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


@st.composite
def events(draw: st.DrawFn) -> list[Event | bytes]:
    """A log of two tags and now and then something else; steps may go back."""
    found: list[Event | bytes] = [
        version(draw(st.sampled_from(["brain.Event:1", "brain.Event:2"])))
    ]
    step = 0
    for kind in draw(st.lists(st.sampled_from("ssssssmltirj"), min_size=1, max_size=40)):
        step += 1
        if kind == "s":
            found.append(scalars(step, lr=0.1 / step, loss=float(step)))
        elif kind == "m":
            found.append(scalars(step, None, **LOUD))
        elif kind == "l":
            found.append(scalars(step, **{f"late{step}": 1.0}))
        elif kind == "t":
            found.append(scalars(step, lr=0.5))
        elif kind == "i":
            found.append(image(step, draw(st.sampled_from(["lr", "picture"])), 9000))
        elif kind == "r":
            step = draw(st.integers(0, step))
            found.append(start(step))
        else:
            found.append(b"\xff\xff")
    return found


@settings(max_examples=150, deadline=None)
@given(events(), st.data())
def test_same_as_reading_whole(
    tmp_path_factory: pytest.TempPathFactory, log: list[Event | bytes], data: st.DataObject
) -> None:
    """Whatever was written, cut at any bytes, damaged in between or not."""
    content = bytearray(framed(log))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=1)):
        content[place] ^= data.draw(st.sampled_from([0, 0, 1]))
    cuts = data.draw(st.lists(st.integers(1, len(content)), max_size=5))
    path = tmp_path_factory.mktemp("tail") / "events.out.tfevents.1.h"
    known: dict[str, Tail] = {}
    for cut in (*sorted(cuts), len(content)):
        path.write_bytes(content[:cut])
        try:
            (whole,) = TensorBoard().read([str(path)])
        except OSError:
            continue
        log_on, tails = read_on(path, known)
        same_log(log_on, whole)
        known = tails.kept


def long_log(first: int, last: int) -> bytes:
    return framed(scalars(s, lr=0.1, loss=1.0 / (s + 1)) for s in range(first, last))


def test_only_the_new_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.out.tfevents.1.h"
    path.write_bytes(framed([version()]) + long_log(0, 20_000))
    _, first = read_on(path, {})
    size = path.stat().st_size
    assert first.skipped == 0 and first.kept[str(path)].offset == size
    with path.open("ab") as file:
        file.write(long_log(20_000, 20_010)[:-3])
    read: list[int] = []
    from lrdoctor.readers._tb_scan import Source

    original = Source.read_into
    monkeypatch.setattr(Source, "read_into", lambda *a: read.append(done := original(*a)) or done)
    log, second = read_on(path, first.kept)
    monkeypatch.undo()
    assert second.skipped == size
    assert sum(read) < 30_000 < size
    (whole,) = TensorBoard().read([str(path)])
    same_log(log, whole)
    assert size < second.kept[str(path)].offset < path.stat().st_size


@pytest.mark.parametrize("change", ["shorter", "other beginning", "other end"])
def test_file_written_anew_is_read_whole(tmp_path: Path, change: str) -> None:
    path = tmp_path / "events.out.tfevents.1.h"
    content = framed([version()]) + long_log(0, 500)
    path.write_bytes(content)
    _, first = read_on(path, {})
    if change == "shorter":
        content = framed([version()]) + long_log(0, 400)
    elif change == "other beginning":
        content = framed([version("brain.Event:1")]) + long_log(0, 600)
    else:
        content = framed([version()]) + long_log(0, 450) + long_log(460, 600)
    path.write_bytes(content)
    log, second = read_on(path, first.kept)
    assert second.skipped == 0
    (whole,) = TensorBoard().read([str(path)])
    same_log(log, whole)


def test_what_is_not_worth_it_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.h"
    path.write_bytes(framed([version()]) + long_log(0, 100))
    for tails in (Tails(), Tails(least=1 << 20, since=0.0), Tails(least=0, since=4e9)):
        list(TensorBoard().read_on([str(path)], tails))
        assert tails.kept == {}
