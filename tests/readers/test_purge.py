"""Restarts: what TensorBoard discards, with its two accumulators as the oracles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator as PluginAccumulator,
)
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util import tensor_util

from lrdoctor.readers._purge import NO_STEP, purged, superseded
from lrdoctor.types import RawLog, RawSeries
from tests.readers.event_files import (
    Points,
    image,
    points,
    read,
    same,
    scalars,
    start,
    version,
    write,
)


def classic(folder: Path) -> Points:
    """What TensorBoard's classic accumulator keeps: every SessionLog START purges."""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    found = {tag: accumulator.Scalars(tag) for tag in accumulator.Tags()["scalars"]}
    return {t: [(p.step, p.value, p.wall_time) for p in kept] for t, kept in found.items() if kept}


def by_plugin(folder: Path) -> Points:
    """What the accumulator behind TensorBoard's dashboards keeps: the first START is none."""
    accumulator = PluginAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    found: Points = {}
    for tag in accumulator.Tags()["tensors"]:
        for point in accumulator.Tensors(tag):
            number = float(tensor_util.make_ndarray(point.tensor_proto))
            found.setdefault(tag, []).append((point.step, number, point.wall_time))
    return found


def write_run(folder: Path, *files: list[Event]) -> list[RawLog]:
    paths = [write(folder / f"events.out.tfevents.{i}", events) for i, events in enumerate(files)]
    return read(*paths)


def kept(logs: list[RawLog], **options: bool) -> Points:
    found = points(purged(logs, **options).series)
    return {tag: some for tag, some in found.items() if some}


def both_agree(folder: Path, *files: list[Event]) -> list[RawLog]:
    """The raw logs, after a check against both.

    In old files the classic one takes every step below the highest for one that goes back.
    """
    logs = write_run(folder, *files)
    if logs[0].record_steps is None:
        same(kept(logs), classic(folder))
    same(kept(logs, first_start_purges=False), by_plugin(folder))
    return logs


def run(first: int, stop: int, *tags: str) -> list[Event]:
    return [scalars(s, **{tag: s}) for s in range(first, stop) for tag in tags or ("loss", "lr")]


def test_resume_with_purge_step(tmp_path: Path) -> None:
    """As torch's ``purge_step=60`` declares it."""
    resumed = [version(), start(60), *run(60, 120)]
    logs = both_agree(tmp_path, [version(), *run(0, 100)], resumed)
    assert logs[1].purges == (60,) and not logs[1].purge_order
    (restart,) = purged(logs).restarts
    assert (restart.step, restart.discarded) == (60, 40)
    assert restart.file == logs[1].file and restart.gap_seconds == 60 - 99


def test_raw_logs_keep_everything(tmp_path: Path) -> None:
    resumed = [version(), start(60), *run(60, 120)]
    logs = write_run(tmp_path, [version(), *run(0, 100)], resumed)
    assert [len(log.series[0].step) for log in logs] == [100, 60]


def test_start_within_a_file(tmp_path: Path) -> None:
    events = [version(), start(0), *run(0, 50), start(30), *run(30, 60), start(90)]
    (log,) = both_agree(tmp_path, events)
    assert log.purges == (0, 30, 90) and log.purge_order == (1, 102, 163)
    restarts = purged([log]).restarts
    assert [(r.step, r.discarded) for r in restarts if r.gap_seconds is not None] == [(30, 20)]


def test_restart_without_declaration_stays(tmp_path: Path) -> None:
    logs = both_agree(tmp_path, [version(), *run(0, 100)], [version(), *run(60, 120)])
    assert not purged(logs).restarts
    assert len(purged(logs).series[0].step) == 160


@pytest.mark.parametrize("first", [[], [version("brain.Event:1")], [version("nonsense")]])
def test_old_files_purge_by_steps(tmp_path: Path, first: list[Event]) -> None:
    """Per tag, and only where a record goes back below the one before."""
    events = [*first, *run(0, 50, "a"), *run(0, 40, "b"), *run(30, 60, "a"), *run(35, 45, "b")]
    (log,) = both_agree(tmp_path, events)
    assert log.record_steps is not None
    assert {r.discarded for r in purged([log]).restarts} >= {20, 5}


def test_a_declaration_in_an_old_file_counts_for_nothing(tmp_path: Path) -> None:
    both_agree(tmp_path, [*run(0, 50), start(10), *run(50, 60)])


def test_version_carries_on_to_the_next_file(tmp_path: Path) -> None:
    both_agree(tmp_path, [version(), *run(0, 50)], [start(1), start(20), *run(20, 30), *run(5, 9)])


def test_records_without_numbers_count_as_steps() -> None:
    """An image at step 100 makes a scalar at step 50 one that goes back."""
    steps = np.array([40, 60, 100, 50])
    series = RawSeries("a", steps[[0, 1, 3]], np.zeros(3), None, np.array([0, 1, 3]))
    log = RawLog("f", "tensorboard", "step", (series,), record_steps=steps)
    assert purged([log]).series[0].step.tolist() == [40, 50]


def test_reader_tells_the_steps_of_all_records(tmp_path: Path) -> None:
    events = [Event(step=9), scalars(40, a=1), image(100, "i"), Event(step=1), scalars(50, a=2)]
    (log,) = write_run(tmp_path, events)
    assert log.record_steps is not None
    assert log.record_steps.tolist() == [NO_STEP, 40, 100, 100, 50]
    assert log.series[0].order is not None and log.series[0].order.tolist() == [1, 4]


step = st.integers(0, 12)
tags = st.sets(st.sampled_from("abc"), min_size=1, max_size=2)
numbers = st.builds(lambda s, t: scalars(s, **dict.fromkeys(sorted(t), s)), step, tags)


@settings(max_examples=60, deadline=None)
@given(
    files=st.lists(st.lists(numbers | st.builds(start, step), max_size=25), min_size=1, max_size=3),
    head=st.sampled_from([[version()], [], [version("brain.Event:1")]]),
)
def test_any_run(
    files: list[list[Event]], head: list[Event], tmp_path_factory: pytest.TempPathFactory
) -> None:
    both_agree(tmp_path_factory.mktemp("run"), *([*head, *events] for events in files))


def test_many_restarts_are_not_quadratic() -> None:
    count = 5_000
    steps = np.tile(np.arange(10), count)
    series = RawSeries("a", steps, np.zeros(len(steps)), None, np.arange(len(steps)))
    log = RawLog("f", "tensorboard", "step", (series,), record_steps=steps)
    view = purged([log])
    assert view.series[0].step.tolist() == list(range(10))
    assert len(view.restarts) == count - 1


@given(st.lists(st.integers(0, 9)))
def test_superseded_is_rustboards_rule(steps: list[int]) -> None:
    left: list[int] = []
    for s in steps:
        left = [*(x for x in left if x < s), s]
    assert np.array(steps, int)[~superseded(steps)].tolist() == left


def test_no_logs() -> None:
    assert purged([]).series == () and purged([]).restarts == ()
