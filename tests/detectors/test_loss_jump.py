"""Loss jumps at LR drops: lasting rises, recovered spikes, plain drops and noise."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, falling, judge, mild, multistep, silent

NAME = "loss_jump"


def run(shape, noise: float = 0.02, seed: int = 0) -> RunBuilder:  # type: ignore[no-untyped-def]
    """A falling loss plus ``shape``, and one LR drop at step 500 of 1,000."""
    return (
        a_run()
        .lr(lambda t: multistep(t, 500))
        .loss(lambda t: falling(t) + shape(t), noise=noise, seed=seed)
    )


def step_up(t: np.ndarray) -> np.ndarray:
    """The loss rises by 0.5 for good."""
    return 0.5 * (t >= 500)


def test_a_lasting_rise() -> None:
    found = evidence(NAME, run(step_up).case())
    assert found.severity is None
    assert found.start == 500
    assert found.stop == 1000
    assert found.measured["lr_ratio"].value == pytest.approx(0.1)
    assert found.measured["rise_sigma"].value > 10
    assert "older checkpoint" in found.detail


def test_validation_confirms() -> None:
    case = run(step_up).steps(0, 1000, 25).series("val_loss", lambda t: falling(t) + step_up(t))
    assert evidence(NAME, case.case()).severity is Severity.ERROR


def test_a_spike_that_recovers_soon_is_a_note() -> None:
    found = evidence(NAME, run(lambda t: 2.0 * ((t >= 500) & (t < 510))).case())
    assert mild(found)
    assert 500 < found.stop <= 520
    assert "back at its old level" in found.detail


def test_a_resume_explains_itself() -> None:
    found = evidence(NAME, run(step_up).restart_at(500).case())
    assert "resumed from a checkpoint" in found.detail


def test_an_unfreezing_explains_itself() -> None:
    found = evidence(NAME, run(step_up).hparams(unfreeze_step=500).case())
    assert "unfrozen here" in found.detail


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_plain_drops_are_quiet(seed: int, noise: float) -> None:
    assert silent(NAME, run(lambda t: -0.1 * (t >= 500), noise, seed).case())
    assert silent(NAME, run(lambda t: 0.0 * t, noise, seed).case())


def test_a_rise_elsewhere_is_not_this_rule_s_matter() -> None:
    assert silent(NAME, run(lambda t: 0.5 * (t >= 700)).case())


def test_a_smooth_decay_has_no_drop() -> None:
    case = a_run().lr(lambda t: cosine(t, 1000)).loss(lambda t: falling(t) + step_up(t)).case()
    assert silent(NAME, case)


def test_the_ratio_is_the_edge() -> None:
    case = run(lambda t: 0.2 * (t >= 500), noise=0.005).case()
    ratio = (falling(np.array(500.0)) + 0.2) / falling(np.array(500.0))
    assert evidence(NAME, case, rise_ratio=ratio - 0.05)
    assert silent(NAME, case, rise_ratio=ratio + 0.05)


def test_epoch_logs_with_few_points() -> None:
    epochs = a_run().on_axis("epoch").steps(0, 24).lr(lambda t: multistep(t, 12, 20))
    loss = 0.2 + np.exp(-np.arange(24) / 4) + np.random.default_rng(0).normal(0, 0.01, 24)
    assert silent(NAME, epochs.series("train_loss", loss).case())
    loss[12:] += 0.5
    assert evidence(NAME, epochs.series("train_loss", loss).case()).start == 12


def test_too_early_too_late_and_nan() -> None:
    for step in (3, 997):
        case = a_run().lr(lambda t, at=step: multistep(t, at)).loss(falling).case()
        assert silent(NAME, case)
    values = falling(np.arange(1000.0))
    values[480:520] = np.nan
    assert silent(NAME, a_run().lr(lambda t: multistep(t, 500)).series("loss", values).case())


def test_without_a_loss() -> None:
    (judgement,) = judge(NAME, a_run().lr(lambda t: multistep(t, 500)).case())
    assert isinstance(judgement, Unjudged)
