"""Constant LR in a long run: noise-limited while it creeps, and everything that still learns."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, falling, judge, mild, silent

NAME = "late_constant"


def creeping(t: np.ndarray) -> np.ndarray:
    """A loss that falls from 2 to 0.5 early and by 4 % over the second half of 40 epochs."""
    return 0.5 + 1.5 * np.exp(-t / 3) + 0.04 * (1 - t / 40)


def run(loss=creeping, wander: float = 0.02, epochs: int = 40, **settings) -> RunBuilder:  # type: ignore[no-untyped-def]
    """A row per epoch at one LR; the validation loss scatters by ``wander``."""
    start = a_run().on_axis("epoch").steps(0, epochs).lr(0.1).loss(loss, noise=0.001)
    return start.loss(loss, noise=wander, seed=1, tag="val/loss").hparams(**settings)


def test_a_creeping_loss_whose_weights_wander() -> None:
    found = evidence(NAME, run().case())
    assert found.severity is None
    assert found.measured["late_fall"].value == pytest.approx(4, abs=1)
    # 0.02 / 0.52 of scatter over 0.02 / 0.52 / 20 of progress per evaluation.
    assert found.measured["wander"].value == pytest.approx(20, rel=0.5)
    assert found.start == pytest.approx(20, abs=1)


@pytest.mark.parametrize(
    "builder",
    [run(scheduler="constant"), run(lambda t: creeping(2 * t), epochs=20), run(pretrained=True)],
    ids=["constant on purpose", "twenty epochs", "fine-tuning"],
)
def test_notes_only(builder: RunBuilder) -> None:
    assert mild(evidence(NAME, builder.case()))


def test_without_validation_only_a_note() -> None:
    found = evidence(NAME, a_run().on_axis("epoch").steps(0, 40).lr(0.1).loss(creeping).case())
    assert mild(found) and "without a validation loss" in found.detail


@pytest.mark.parametrize(
    "case",
    [
        run(wander=0.001).case(),
        run(lambda t: falling(t, 8), wander=0.1).case(),
        run(lambda t: np.full(t.shape, 0.693)).case(),
        run(lambda t: 2 * np.exp(-t / 3) + 1e-3, wander=1e-3).case(),
        run(lambda t: creeping(t) + t / 40).case(),
        run(epochs=9).case(),
        run(max_epochs=80).case(),
        run(scheduler="CosineAnnealingLR").case(),
        run().lr(lambda t: cosine(t, 40)).case(),
        run().lr(lambda t: np.where(t < 20, 0.1, 0.01)).case(),
        run().lr(lambda t: np.where(t < 20, 0.01, 0.1)).case(),
        run().series("rollout/ep_rew_mean", lambda t: t).case(),
        a_run().on_axis("epoch").steps(0, 40, 4).lr(0.1).loss(creeping).case(),
    ],
    ids=[
        "smooth", "still falling", "never learned", "solved", "rising", "nine epochs",
        "in progress", "another schedule named", "cosine", "reduced", "raised half-way",
        "reinforcement learning", "few points",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def memorising(wander: float, val=creeping) -> RunBuilder:  # type: ignore[no-untyped-def]
    """A training loss that still falls by half while the validation loss creeps and scatters."""
    start = a_run().on_axis("epoch").steps(0, 40).lr(0.1).loss(lambda t: falling(t, 30), noise=0.01)
    return start.loss(val, noise=wander, seed=1, tag="val/loss")


def test_a_validation_loss_that_stands_while_training_falls() -> None:
    found = evidence(NAME, memorising(0.04).case())
    assert found.severity is None
    assert "the training loss still falls" in found.detail
    assert found.measured["scatter"].value == pytest.approx(8, rel=0.3)


def test_narrow_swings_are_a_note_while_training_falls() -> None:
    assert mild(evidence(NAME, memorising(0.01).case()))


@pytest.mark.parametrize(
    "builder",
    [
        memorising(0.0005),
        memorising(0.02, lambda t: falling(t, 30)),
        memorising(0.02, lambda t: 0.5 + 1.5 * np.exp(-t / 3) + t / 40),
    ],
    ids=["smooth", "both fall", "validation rises"],
)
def test_quiet_while_training_falls(builder: RunBuilder) -> None:
    assert silent(NAME, builder.case())


def test_a_warm_up_is_no_schedule() -> None:
    case = run().lr(lambda t: 0.1 * np.minimum(1, (t + 1) / 4)).case()
    assert evidence(NAME, case).severity is not Severity.ERROR


def test_late_share_is_the_edge() -> None:
    assert evidence(NAME, run().case(), late_share=0.05)
    assert silent(NAME, run().case(), late_share=0.03)


def test_nan_and_missing_loss() -> None:
    loss = creeping(np.arange(40.0))
    loss[::7] = np.nan
    assert evidence(NAME, run().series("train/loss", loss).case())
    (judgement,) = judge(NAME, a_run().on_axis("epoch").steps(0, 40).lr(0.1).case())
    assert isinstance(judgement, Unjudged)
