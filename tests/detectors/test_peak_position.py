"""OneCycle peaks: every factor that moves them, runs that go on, what the curve alone proves."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, judge, multistep, one_cycle, silent

NAME = "peak_position"


def run(total: float, pct: float, length: int = 1000, said: float | None = 0.2) -> RunBuilder:
    """OneCycle over ``total`` steps in a run of ``length`` steps planned for 1,000."""
    made = a_run().steps(0, length).lr(lambda t: one_cycle(t, total, pct))
    settings = {"scheduler": "OneCycleLR", "max_steps": 1000}
    return made.hparams(**settings, **({} if said is None else {"pct_start": said}))


@pytest.mark.parametrize("pct", [0.1, 0.2, 0.3, 0.45])
def test_as_configured(pct: float) -> None:
    assert silent(NAME, run(1000, pct, said=pct).case())


def test_hard_coded_default_share() -> None:
    found = evidence(NAME, run(1000, 0.3).case())
    assert found.measured["peak_share"].value == pytest.approx(30, abs=0.2)
    assert found.measured["expected_share"].value == pytest.approx(20)
    assert "torch's default" in found.detail
    assert found.severity is None


def test_half_the_horizon_by_accumulation() -> None:
    found = evidence(NAME, run(500, 0.2).hparams(gradient_accumulation_steps=2).case())
    assert found.severity is Severity.ERROR
    assert found.measured["horizon"].value == pytest.approx(500, abs=1)
    assert found.measured["ratio"].value == pytest.approx(2, rel=0.01)
    assert found.measured["tail_share"].value == pytest.approx(50, abs=1)
    assert "accumulation of 2" in found.detail


def test_an_eighth_by_devices() -> None:
    found = evidence(NAME, run(125, 0.2).hparams(world_size=8).case())
    assert found.measured["ratio"].value == pytest.approx(8, rel=0.02)
    assert "8 devices" in found.detail


def test_twice_the_horizon_is_seen_by_its_late_peak() -> None:
    found = evidence(NAME, run(2000, 0.2).case())
    assert found.measured["peak_share"].value == pytest.approx(40, abs=0.2)


def test_never_rises() -> None:
    stepped = lambda t: one_cycle(np.floor(t / 50), 1000, 0.2)  # noqa: E731
    case = a_run().lr(stepped).hparams(scheduler="OneCycleLR", max_steps=1000, pct_start=0.2).case()
    found = evidence(NAME, case)
    assert found.severity is Severity.ERROR
    assert "once an epoch" in found.detail or "more steps than the run takes" in found.detail


@pytest.mark.parametrize("length", [100, 195, 210, 500])
def test_a_sound_run_in_progress(length: int) -> None:
    assert silent(NAME, run(1000, 0.2, length).case())


def test_a_run_in_progress_whose_peak_is_overdue() -> None:
    assert evidence(NAME, run(4000, 0.2, 400).case()).severity is Severity.ERROR


def test_a_run_in_progress_whose_peak_came_early() -> None:
    found = evidence(NAME, run(500, 0.2, 300).case())
    assert found.measured["peak_share"].value == pytest.approx(10, abs=0.5)


def test_the_tolerance_is_the_edge() -> None:
    case = run(1000, 0.25).case()
    assert evidence(NAME, case, position_tolerance=0.045)
    assert silent(NAME, case, position_tolerance=0.055)


def test_logged_once_an_epoch() -> None:
    sparse = a_run().on_axis("epoch").steps(0, 40).hparams(scheduler="OneCycleLR", pct_start=0.3)
    sparse = sparse.hparams(max_epochs=40)
    assert silent(NAME, sparse.lr(lambda t: one_cycle(25 * t, 1000, 0.3)).case())
    assert evidence(NAME, sparse.lr(lambda t: one_cycle(25 * t, 500, 0.3)).case())


def test_one_epoch_more_or_less_shows_in_no_log_of_epochs() -> None:
    sparse = a_run().on_axis("epoch").steps(0, 20).hparams(scheduler="OneCycleLR", max_epochs=19)
    made = sparse.lr(lambda t: one_cycle(25 * t, 500, 0.3))
    assert all(isinstance(j, Unjudged) for j in judge(NAME, made.case()))


def test_without_a_configuration_it_asks_for_one() -> None:
    (judgement,) = judge(NAME, a_run().lr(lambda t: one_cycle(t, 1000, 0.3)).case())
    assert isinstance(judgement, Unjudged)
    assert "--expect pct_start=0.2" in judgement.reason


def test_the_expectation_decides() -> None:
    made = a_run().lr(lambda t: one_cycle(t, 1000, 0.3))
    assert evidence(NAME, made.case({"pct_start": "0.2", "total_steps": "1000"}))
    assert silent(NAME, made.case({"pct_start": "0.3", "total_steps": "1000"}))


@pytest.mark.parametrize("lr", [lambda t: cosine(t, 1000), lambda t: multistep(t, 300)])
def test_other_schedules_are_not_its_matter(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, a_run().lr(lr).case())


def test_the_numbers_of_an_imagenet_run() -> None:
    """90 epochs of 1,251 steps, peak meant at epoch 18 (20 %), seen at 13.5: half of 27 (30 %).

    A horizon halved by counting an accumulation of 2 twice and torch's default share together
    give 0.5 * 0.3 / 0.2 = 3/4 of the meant place.
    """
    steps = 90 * 1251
    case = (
        a_run()
        .steps(0, steps, 139)
        .lr(lambda t: one_cycle(t, steps / 2, 0.3, lr=0.15))
        .series("epoch", lambda t: t // 1251)
        .hparams(scheduler="OneCycleLR", pct_start=0.2, max_epochs=90, accumulate_grad_batches=2)
        .case()
    )
    found = evidence(NAME, case)
    assert found.measured["peak_epoch"].value == pytest.approx(13.5, abs=0.15)
    assert found.measured["expected_epoch"].value == pytest.approx(18, abs=0.05)
    assert "accumulation of 2" in found.detail
    assert "pct_start = 0.3, torch's default" in found.detail


def test_constant_and_nan() -> None:
    settings = {"scheduler": "OneCycleLR", "pct_start": 0.2, "max_steps": 1000}
    assert evidence(NAME, a_run().lr(0.004).hparams(**settings).case())
    gaps = one_cycle(np.arange(1000.0), 1000, 0.2)
    gaps[::9] = np.nan
    assert silent(NAME, a_run().lr(gaps).hparams(**settings).case())
