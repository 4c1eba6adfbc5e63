"""Logs played back: what was known when, and how long after its onset a fault is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.fleet.follow import Event, Kind
from lrdoctor.fleet.playback import first_known, lengths, logged_steps, play, prefix
from lrdoctor.fleet.worker import Job, load_runs
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Restart, Run, Severity
from tests.builders import RunBuilder, a_run

JOB = Job(load_rulebook(), replay="none")
SAMPLES = Path(__file__).parents[2] / "sample_runs"
ONSET = 300  # of the faults below, in runs of 1,000 steps
PLAN = {"max_steps": 1000}


def cosine(t: np.ndarray, length: int) -> np.ndarray:
    return 0.05 * (1 + np.cos(np.pi * t / length))


def linear(t: np.ndarray, length: int) -> np.ndarray:
    return 0.1 * np.clip(1 - t / length, 0, None)


def drops(t: np.ndarray) -> np.ndarray:
    return 0.1 ** (1 + (t >= 400) + (t >= 800))


def warm(t: np.ndarray) -> np.ndarray:
    return np.where(t < 100, t / 100 * 0.1, cosine(t - 100, 900))


def falling(t: np.ndarray) -> np.ndarray:
    return 0.4 + 1.6 / np.sqrt(1 + t / 20)


def bursting(t: np.ndarray) -> np.ndarray:
    return np.where(t < ONSET, falling(t), falling(t) * np.exp((t - ONSET) / 200))


def broken(t: np.ndarray) -> np.ndarray:
    return np.where(t < ONSET, falling(t), np.nan)


def played(run: RunBuilder, growth: float = 0.06) -> list[Event]:
    """Warnings and errors told of a run in progress."""
    built = run.build()
    return list(play(built, JOB, lengths(built, growth, shortest=0.1), Severity.WARNING))


# Run, codes that name the fault, its onset, and the longest delay as a share of the run.
FAULTS = {
    "decay over too early": (
        a_run().lr(lambda t: linear(t, ONSET)).loss(), ("LRD304", "LRD501"), ONSET, 0.1,
    ),
    "cosine that rises again": (
        a_run().lr(lambda t: cosine(t, 700)).loss(), ("LRD303", "LRD501"), 700, 0.2,
    ),
    "loss is not finite": (
        a_run().lr(lambda t: cosine(t, 1000)).loss(broken), ("LRD404",), ONSET, 0.06,
    ),
    "divergence": (a_run().lr(0.1).loss(bursting), ("LRD403", "LRD407"), ONSET, 0.2),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_delay_between_the_onset_of_a_fault_and_its_detection(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    run, codes, onset, most = FAULTS[name]
    events = played(run.hparams(**PLAN))
    told = [(e.step, e.finding) for e in events if e.kind is Kind.CONFIRMED and e.finding]
    assert all(step >= onset for step, _ in told), "told before the fault"
    delay = next((step - onset) / 1000 for step, f in told if f.rule.code in codes)
    record_property("delay", delay)
    assert delay <= most
    assert Kind.WITHDRAWN not in {e.kind for e in events}


HEALTHY = {
    "cosine": a_run().lr(lambda t: cosine(t, 1000)).loss(),
    "linear": a_run().lr(lambda t: linear(t, 1000)).loss(),
    "drops": a_run().lr(drops).loss(),
    "warm-up": a_run().lr(warm).loss(),
    "constant": a_run().lr(0.01).loss(),
}


@pytest.mark.parametrize("plan", [PLAN, {}], ids=["planned", "unplanned"])
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_in_progress_is_told_nothing(name: str, plan: dict[str, int]) -> None:
    events = played(HEALTHY[name].hparams(**plan), growth=0.1)
    assert [e for e in events if e.step < 999] == []


def test_first_known_is_the_shortest_log_that_shows_it() -> None:
    run = FAULTS["decay over too early"][0].hparams(**PLAN).build()
    event = next(e for e in play(run, JOB, lengths(run, 0.2)) if e.finding is not None)
    assert event.finding is not None
    known = first_known(run, JOB, event.finding.rule.code, event.before)
    assert ONSET < known <= event.before


@pytest.mark.parametrize(
    "name", ["onecycle-healthy", "epoch-on-after-resume", "cosine-rebound", "stuck-at-chance"]
)
def test_a_prefix_is_what_a_log_cut_there_says(name: str, tmp_path: Path) -> None:
    (found,) = find_runs([str(SAMPLES / name)])
    assert isinstance(found, RunFiles)
    runs = load_runs(found)
    assert isinstance(runs, tuple)
    whole = runs[0]
    stop = int(logged_steps(whole)[len(logged_steps(whole)) // 2])
    cut = prefix(whole, stop)
    assert logged_steps(cut)[-1] < stop <= logged_steps(whole)[-1]
    for tag, series in cut.series.items():
        full = whole.series[tag]
        assert np.array_equal(series.value, full.value[: len(series)], equal_nan=True)
        assert len(series) == np.sum(full.step < stop)


def test_a_prefix_knows_nothing_of_what_came_later() -> None:
    built = a_run().steps(0, 100).lr(0.1).steps(80, 100).loss().hparams(global_step=100)
    run = Run(
        **{
            **{f: getattr(built.build(), f) for f in ("name", "files", "format", "axis")},
            "series": built.build().series,
            "hparams": built.build().hparams,
            "restarts": (Restart(20, 5), Restart(60, 5)),
        }
    )
    early = prefix(run, 50)
    assert set(early.series) == {"lr"} and early.hparams["global_step"] == 49
    assert early.restarts == (Restart(20, 5),)
    assert prefix(run, 1000).hparams == run.hparams


def test_lengths_grow_by_their_share_up_to_the_whole() -> None:
    stops = lengths(a_run().lr(0.1).build(), 0.1)
    assert stops[-1] == 1000 and stops[0] <= 0.05 * 1000
    assert np.all(np.diff(stops[5:]) / np.array(stops[5:-1]) == pytest.approx(0.1, abs=0.03))
    assert lengths(a_run().build(), 0.1) == []
