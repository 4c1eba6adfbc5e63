"""Two schedules multiplied: a warm-up beside a decay, a decay with steps, and sound ones."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, mild, multistep, silent

NAME = "schedule_product"


def beside(warm: float, total: float = 1000.0):  # type: ignore[no-untyped-def]
    """LinearLR(0.01) and CosineAnnealingLR, both stepped."""
    return lambda t: (0.01 + 0.99 * np.minimum(t / warm, 1)) * cosine(t, total)


@pytest.mark.parametrize("warm", [300, 400, 500])
def test_a_warmup_beside_a_cosine(warm: int) -> None:
    case = a_run().steps(0, 1000, 5).lr(beside(warm)).hparams(scheduler="cosine").case()
    found = evidence(NAME, case)
    assert found.severity is None
    top = beside(warm)(np.arange(0, 1000, 5.0)).max()
    assert found.measured["peak"].value == pytest.approx(top)
    assert found.measured["meant"].value == pytest.approx(0.1, rel=0.05)
    assert found.measured["warmup"].value == pytest.approx(warm, abs=6)


def test_a_cosine_that_lacks_its_warmup_rises_for_as_long() -> None:
    """T_max was computed for a decay after the warm-up; the rebound is the product's doing."""
    found = evidence(NAME, a_run().lr(beside(250, 750)).case())
    assert found.stop == 1000 and found.severity is None
    assert evidence(NAME, a_run().lr(beside(300)).case()).stop < 310


@pytest.mark.parametrize("every", [1, 10])
def test_an_exponential_beside_a_cosine(every: int) -> None:
    """Both stepped once an epoch of 50 steps."""
    run = a_run().steps(0, 1000, every).series("epoch", lambda t: t // 50)
    run = run.lr(lambda t: 0.9 ** (t // 50) * cosine(t // 50, 20))
    found = evidence(NAME, run.hparams(scheduler="cosine", T_max=20).case())
    assert found.severity is None
    assert found.measured["factor"].value == pytest.approx(0.9)
    plain = a_run().steps(0, 1000, every).series("epoch", lambda t: t // 50)
    plain = plain.lr(lambda t: cosine(t // 50, 20)).hparams(scheduler="cosine", T_max=20)
    assert silent(NAME, plain.case())


def test_steps_in_a_cosine() -> None:
    lr = lambda t: cosine(t, 1000) * multistep(t, 500, 750, lr=1.0)  # noqa: E731
    found = evidence(NAME, a_run().lr(lr).hparams(scheduler="CosineAnnealingLR").case())
    assert found.severity is None
    assert found.measured["factor"].value == pytest.approx(0.1)
    assert found.start == 500
    # Without a configuration the product may be meant.
    assert mild(evidence(NAME, a_run().lr(lr).case()))


@pytest.mark.parametrize(
    "case",
    [
        a_run().lr(beside(100)).case(),
        a_run().lr(beside(400)).hparams(lrf=0.01).case(),
        a_run().lr(beside(400), tag="lr/pg0").case(),
        a_run().steps(0, 200).lr(beside(400)).case(),
        a_run().lr(lambda t: np.where(t < 300, t / 3000, cosine(t - 300, 700))).case(),
        a_run().lr(lambda t: cosine(t, 1000)).case(),
        a_run().lr(lambda t: multistep(t, 300, 600)).case(),
        a_run().lr(lambda t: cosine(t, 1000) * np.where(t < 500, 1, 0.1)).case(),
        a_run().lr(lambda t: cosine(t, 1000) * multistep(t, 500, 750, lr=1.0))
        .restart_at(500).restart_at(750).case(),
        a_run().lr(lambda t: cosine(t % 250, 250)).case(),
    ],
    ids=[
        "short warm-up", "ultralytics", "only its tags", "on its way up", "joined", "cosine",
        "steps", "one edit",
        "resumed with another LR", "restarts",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_the_lost_share_is_the_edge() -> None:
    case = a_run().lr(beside(400)).case()
    lost = 1 - beside(400)(np.arange(1000.0)).max() / 0.1
    assert evidence(NAME, case, lost_share=lost - 0.01)
    assert silent(NAME, case, lost_share=lost + 0.01)


def test_nan_between() -> None:
    lr = beside(400)(np.arange(1000.0))
    lr[::9] = np.nan
    assert evidence(NAME, a_run().lr(lr).case())
