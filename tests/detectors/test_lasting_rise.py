"""Steps of the loss that stay: with and without another event, validation, noise."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import a_run
from tests.detectors.cases import evidence, falling, mild, multistep, silent
from tests.detectors.loss_shapes import eventful, spike_at, step_at

NAME = "lasting_rise"


def test_a_step_that_stays() -> None:
    found = evidence(NAME, eventful(step_at(700, 1.4)).case())
    assert found.severity is None
    assert found.start == pytest.approx(700, abs=2)
    assert found.stop == 1000
    assert found.measured["loss_after"].value > found.measured["loss_before"].value


def test_validation() -> None:
    run = eventful(step_at(700, 1.4)).steps(0, 1000, 20)
    both = run.series("val_loss", lambda t: falling(t) * step_at(700, 1.4)(t))
    assert evidence(NAME, both.case()).severity is Severity.ERROR
    assert mild(evidence(NAME, run.series("val_loss", falling).case()))


def test_what_another_rule_explains() -> None:
    run = eventful(step_at(700, 1.4))
    assert silent(NAME, run.restart_at(700).case())
    assert silent(NAME, run.lr(lambda t: multistep(t, 700)).case())
    assert silent(NAME, run.lr(0.1).hparams(unfreeze_step=700).case())
    assert silent(NAME, run.lr(lambda t: np.where((t < 300) | (t > 700), 0.1, 0.01)).case())
    assert evidence(NAME, run.lr(lambda t: multistep(t, 300)).case())


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_noise_is_quiet(seed: int, noise: float) -> None:
    assert silent(NAME, eventful(lambda t: 1 + 0 * t, noise=noise, seed=seed).case())


def test_a_spike_comes_back() -> None:
    assert silent(NAME, eventful(spike_at(500, 2.0, 100)).case())


def test_the_ratio_is_the_edge() -> None:
    case = eventful(step_at(700, 1.4), noise=0.002).case()
    assert evidence(NAME, case, rise_ratio=0.2)
    assert silent(NAME, case, rise_ratio=0.5)


def test_too_late_short_and_nan() -> None:
    assert silent(NAME, eventful(step_at(960, 2.0)).case())
    assert silent(NAME, a_run().steps(0, 12).loss(lambda t: 1.0 + (t > 6)).case())
    values = falling(np.arange(1000.0)) * step_at(700, 1.4)(np.arange(1000.0))
    values[600:800:3] = np.nan
    assert silent(NAME, a_run().series("loss", np.full(1000, np.nan)).case())
    assert evidence(NAME, a_run().series("loss", values).case())


def test_epoch_logs() -> None:
    epochs = a_run().on_axis("epoch").steps(0, 40)
    run = epochs.loss(lambda t: (0.3 + np.exp(-t / 8)) * step_at(28, 1.6)(t), noise=0.004)
    assert evidence(NAME, run.case()).start == pytest.approx(28, abs=1)
