"""A configured warm-up against the LR: lost, of another length, or just rounded."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Confidence
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, judge, mild, silent

NAME = "warmup_intent"


def warmed(steps: float, total: float = 1000.0):  # type: ignore[no-untyped-def]
    """A linear warm-up, then a linear decay to 0."""
    return lambda t: (
        0.1
        * np.where(
            t < steps, (t + 1) / (steps + 1), np.maximum(total - t, 0) / max(total - steps, 1)
        )
    )


def run(steps: float, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    return a_run().lr(warmed(steps)).loss().hparams(**{"scheduler": "linear", **settings})


def test_a_lost_warmup() -> None:
    found = evidence(NAME, run(0, warmup_steps=100).case())
    assert found.start == 0
    assert found.measured["observed"].value == 0
    assert found.measured["planned_warmup"].value == 100
    assert found.confidence is Confidence.HIGH
    assert "from the first of the 100 values" in found.detail


@pytest.mark.parametrize("length", [25, 400])
def test_another_length(length: int) -> None:
    found = evidence(NAME, run(length, warmup_steps=100).case())
    assert found.severity is None
    assert found.measured["ratio"].value == pytest.approx(length / 100, rel=0.05)


def test_a_share_of_the_planned_run() -> None:
    found = evidence(NAME, run(50, warmup_ratio=0.2, max_steps=1000).case())
    assert found.measured["planned_warmup"].value == 200


def test_epochs_handed_on_as_steps() -> None:
    case = run(8, warmup_epochs=8).series("epoch", lambda t: t // 20).case()
    assert "used as a number of steps" in evidence(NAME, case).detail


def test_a_small_difference_is_a_note() -> None:
    assert mild(evidence(NAME, run(125, warmup_steps=100).case()))


def test_a_schedule_called_constant_is_a_note() -> None:
    case = a_run().lr(0.1).hparams(lr_scheduler_type="constant", warmup_steps=100).case()
    found = evidence(NAME, case)
    assert mild(found)
    assert "constant_with_warmup" in found.detail


@pytest.mark.parametrize(
    "case",
    [
        run(100, warmup_steps=100).case(),
        run(104, warmup_steps=100).case(),
        run(0).case(),
        run(0, warmup_steps=0, warmup_ratio=0.0).case(),
        run(100, warmup_steps=100, warmup_epochs=1).series("epoch", lambda t: t // 20).case(),
        run(0, warmup_steps=2).case(),
        run(0, warmup_steps=100, scheduler="OneCycleLR").case(),
        run(40, warmup_epochs=3).series("epoch", lambda t: t // 20).case(),
        run(40, warmup_epochs=2, lrf=0.01).series("epoch", lambda t: t // 20).case(),
        run(100, warmup_epochs=2, lrf=0.01).series("epoch", lambda t: t // 20).case(),
        a_run().steps(0, 80).lr(warmed(100)).hparams(warmup_steps=100).case(),
        a_run().steps(0, 1000, 90).lr(warmed(100)).hparams(warmup_steps=100).case(),
        a_run().steps(500, 1000).lr(warmed(100)).hparams(warmup_steps=100).case(),
    ],
    ids=[
        "as configured", "rounded", "none configured", "zero", "one of two settings", "two steps",
        "one-cycle", "an epoch less", "ultralytics", "ultralytics' hundred", "in progress",
        "logged too rarely", "logged too late",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_a_run_past_its_warmup_that_still_rises() -> None:
    case = a_run().steps(0, 400).lr(warmed(800)).hparams(warmup_steps=100).case()
    assert evidence(NAME, case).measured["observed"].value == 399


def test_tolerance_is_the_edge() -> None:
    case = run(120, warmup_steps=100).case()
    assert silent(NAME, case, tolerance=0.22)
    assert evidence(NAME, case, tolerance=0.18)


def test_without_the_length_of_the_run_a_share_cannot_be_judged() -> None:
    (judgement,) = judge(NAME, run(0, warmup_ratio=0.1).case())
    assert isinstance(judgement, Unjudged)
    assert "total_steps" in judgement.reason


def test_nan_between() -> None:
    lr = warmed(0)(np.arange(1000.0))
    lr[::5] = np.nan
    assert evidence(NAME, a_run().lr(lr).hparams(warmup_steps=100).case())
