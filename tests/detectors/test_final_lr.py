"""Final LR high: decays that end at a third of the peak, and those that end high for a reason."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Case
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, judge, mild, silent

NAME = "final_lr"


def floor(share: float):  # type: ignore[no-untyped-def]
    return lambda t: cosine(t, 40, floor=0.1 * share)


def falling(t: np.ndarray) -> np.ndarray:
    """A loss that falls with a cosine, by a tenth over the second half of 40 epochs."""
    return 0.5 + 0.4 * np.exp(-t / 5) + 0.1 * (1 - t / 40)


THIRD = floor(0.3)


def run(lr=THIRD, loss=falling, wander: float = 0.05, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    start = a_run().on_axis("epoch").steps(0, 40).lr(lr).loss(loss, noise=0.001)
    return start.loss(loss, noise=wander, seed=1, tag="val/loss").hparams(
        **{"max_epochs": 40, **settings}
    )


def test_a_third_of_the_peak_with_wandering_weights() -> None:
    found = evidence(NAME, run().case())
    assert found.severity is None
    assert found.measured["final_share"].value == pytest.approx(30, abs=1)
    # 0.05 / 0.5 of scatter over 0.1 of fall in 20 evaluations.
    assert found.measured["wander"].value == pytest.approx(20, rel=0.6)


def test_between_a_tenth_and_a_fifth_it_is_a_note() -> None:
    assert mild(evidence(NAME, run(floor(0.15)).case()))
    assert silent(NAME, run(floor(0.1)).case())


def test_a_cosine_that_came_to_its_end_is_over_without_a_plan() -> None:
    assert evidence(NAME, run(max_epochs=None).case())
    early = run(lambda t: cosine(t, 80, floor=0.03), max_epochs=None)
    assert silent(NAME, early.case())


@pytest.mark.parametrize(
    "case",
    [
        run(wander=0.004).case(),
        run(loss=lambda t: np.full(t.shape, 0.7)).case(),
        run(max_epochs=80).case(),
        run(0.1).case(),
        run(lambda t: 0.1 * np.minimum(1, (t + 1) / 39)).case(),
        run(lambda t: cosine(t, 40)).case(),
        run(lambda t: np.where(t < 20, 0.1, 0.03), scheduler="ReduceLROnPlateau").case(),
        run(lambda t: cosine(t % 13, 13, floor=0.03)).case(),
        run().series("rollout/ep_rew_mean", lambda t: t).case(),
    ],
    ids=[
        "smooth", "flat", "stopped early", "constant", "ended in warm-up", "down to 0",
        "plateau scheduler", "restarts", "reinforcement learning",
    ],
)  # fmt: skip
def test_quiet(case: Case) -> None:
    assert silent(NAME, case)


def test_without_validation_it_cannot_tell() -> None:
    case = a_run().on_axis("epoch").steps(0, 40).lr(THIRD).loss(falling).hparams(max_epochs=40)
    (judgement,) = judge(NAME, case.case())
    assert isinstance(judgement, Unjudged)


def test_wander_ratio_is_the_edge() -> None:
    assert silent(NAME, run().case(), wander_ratio=60.0)


def test_nan() -> None:
    loss = falling(np.arange(40.0))
    loss[::7] = np.nan
    assert evidence(NAME, run().series("train/loss", loss).case())
