"""A log that ends while the LR still rises."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Severity
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, one_cycle, silent

NAME = "warmup_end"


def rising(length: float = 2000.0) -> RunBuilder:
    return a_run().lr(lambda t: 0.1 * (t + 1) / length).loss()


def test_in_progress_or_unknown_it_is_no_more_than_a_note() -> None:
    assert evidence(NAME, rising().case()).severity is None  # the rule's own: info
    found = evidence(NAME, rising().hparams(max_steps=10_000, warmup_steps=2000, lr=0.1).case())
    assert found.severity is None
    assert found.measured["planned_warmup"].value == 2000
    assert found.measured["meant_share"].value == pytest.approx(50)


def test_a_run_that_is_over_never_trained_at_its_lr() -> None:
    found = evidence(NAME, rising().hparams(max_steps=1000).case())
    assert found.severity is Severity.WARNING
    assert "the run of 1,000 steps is over" in found.detail


def test_printed_with_few_digits() -> None:
    printed = a_run().lr(lambda t: np.round(1.4e-5 * t / 1000, 6))
    assert evidence(NAME, printed.case())


@pytest.mark.parametrize(
    "case",
    [
        a_run().lr(lambda t: 0.1 * np.minimum(t / 700, 1)).case(),
        a_run().lr(lambda t: 0.1 * np.minimum(t / 990, 1) * np.where(t < 995, 1, 0.9)).case(),
        a_run().lr(0.1).case(),
        a_run().lr(lambda t: 0.1 * (1 - t / 1000)).case(),
        a_run().lr(lambda t: 1e-7 * 10 ** (t / 125)).case(),
        a_run()
        .steps(0, 200)
        .lr(lambda t: one_cycle(t, 1000, 0.3))
        .hparams(scheduler="OneCycleLR")
        .case(),
        a_run().steps(0, 3).lr(lambda t: t + 1).case(),
    ],
    ids=["through", "just through", "constant", "decay", "LR finder", "one-cycle", "three points"],
)
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_a_sweep_is_the_edge() -> None:
    sweep = a_run().lr(lambda t: 1e-3 * 10 ** (2 * t / 999)).case()
    assert silent(NAME, sweep, sweep=90.0)
    assert evidence(NAME, sweep, sweep=110.0)


def test_nan_between() -> None:
    lr = 0.1 * np.arange(1.0, 1001.0) / 2000
    lr[::5] = np.nan
    assert evidence(NAME, a_run().lr(lr).case())
