"""A schedule that warms up again at the unfreezing: a note, a warning where the loss is lost."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, falling, one_cycle, silent

NAME = "onecycle_rebuilt"
AT = 400


def phases(second: object, at: int = AT) -> RunBuilder:
    """One cycle over the run up to ``at``, then ``second`` of the steps since."""
    lr = lambda t: np.where(  # noqa: E731
        t < at,
        one_cycle(t, 1000, 0.3, 1e-3),
        second(np.maximum(t - at, 0)),  # type: ignore[operator]
    )
    return a_run().lr(lr, tag="lr/head").hparams(unfreeze_step=AT)


def again(t: np.ndarray) -> np.ndarray:
    return one_cycle(t, 600, 0.3, 1e-3)


def test_built_anew() -> None:
    found = evidence(NAME, phases(again).case())
    assert found.start == AT
    assert found.severity is None
    assert found.measured["lr_reset"].value == pytest.approx(4e-5)
    assert found.measured["peak"].value == pytest.approx(AT + 0.3 * 600 - 1, abs=1)


def test_a_loss_that_never_comes_back_is_a_warning() -> None:
    run = phases(again).loss(lambda t: falling(t) + np.where(t < AT, 0, 0.5), noise=0.01)
    found = evidence(NAME, run.case())
    assert found.severity is Severity.WARNING
    fine = phases(again).loss(falling, noise=0.01)
    assert evidence(NAME, fine.case()).severity is None


def test_kept_or_gone_on_without_a_warm_up() -> None:
    assert silent(NAME, phases(lambda t: one_cycle(t + AT, 1000, 0.3, 1e-3)).case())
    assert silent(NAME, phases(lambda t: cosine(t, 600, 1e-3)).case())
    assert silent(NAME, phases(lambda t: cosine(t, 600, 1e-4)).case())


def test_reset_ratio_is_the_edge() -> None:
    case = phases(again).case()
    share = 4e-5 / one_cycle(np.array([399.0]), 1000, 0.3, 1e-3)[0]
    assert evidence(NAME, case, reset_ratio=share * 1.01)
    assert silent(NAME, case, reset_ratio=share * 0.99)


def test_a_second_cycle_without_unfreezing_is_another_matter() -> None:
    assert silent(NAME, RunBuilder(columns=phases(again).columns).case())


def test_late_nan_and_in_progress() -> None:
    assert silent(NAME, phases(lambda t: one_cycle(t, 60, 0.3, 1e-3), 940).case(), min_left=0.7)
    values = phases(again).columns["lr/head"].value.copy()
    values[::11] = np.nan
    run = a_run().lr(values, tag="lr/head").hparams(unfreeze_step=AT)
    assert evidence(NAME, run.case())
    short = a_run().steps(0, 403).lr(phases(again).columns["lr/head"].value[:403], tag="lr/head")
    assert silent(NAME, short.hparams(unfreeze_step=AT).case())
