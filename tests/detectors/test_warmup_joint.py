"""The joint of warm-up and main schedule: jumps, short rests, and sound ones."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import RunBuilder, a_run
from tests.detectors.cases import cosine, evidence, mild, one_cycle, silent

NAME = "warmup_joint"


def joined(warm: float, at: float):  # type: ignore[no-untyped-def]
    """SequentialLR: LinearLR(0.01, total_iters=warm) up to ``at``, then a cosine."""
    return lambda t: np.where(
        t < at,
        0.1 * (0.01 + 0.99 * np.minimum(t / warm, 1)),
        cosine(np.maximum(t - at, 0), 1000 - at),
    )


def run(warm: float, at: float, every: int = 1) -> RunBuilder:
    return a_run().steps(0, 1000, every).lr(joined(warm, at))


@pytest.mark.parametrize("every", [1, 5, 10])
def test_the_milestone_comes_too_early(every: int) -> None:
    found = evidence(NAME, run(200, 100, every).case())
    assert found.start == 100
    assert found.measured["jump"].value == pytest.approx(2.0, rel=0.1)
    assert found.measured["warmup"].value == pytest.approx(200, rel=0.06)


def test_in_epochs() -> None:
    lr = lambda t: np.where(t < 3, 0.1 * (0.1 + 0.9 * t / 5), cosine(np.maximum(t - 3, 0), 57))  # noqa: E731
    found = evidence(NAME, a_run().on_axis("epoch").steps(0, 60).lr(lr).case())
    assert found.start == 3
    assert "after 5 epochs" in found.detail


def test_a_short_rest_is_a_note() -> None:
    found = evidence(NAME, run(60, 90).case())
    assert mild(found)
    assert found.measured["rest"].value == pytest.approx(30, abs=2)


@pytest.mark.parametrize(
    "case",
    [
        run(100, 100).case(),
        run(100, 101).case(),
        run(100, 300).case(),
        run(100, 140).hparams(scheduler="wsd").case(),
        run(100, 85).case(),
        a_run().lr(lambda t: cosine(t % 250, 250)).case(),
        a_run().lr(lambda t: one_cycle(t, 1000, 0.3)).case(),
        a_run().lr(lambda t: np.where(t < 100, 1e-3 * 10 ** (t / 50), cosine(t, 1000))).case(),
        a_run().lr(lambda t: np.where(t < 500, 0.01, 0.1)).case(),
        a_run().lr(lambda t: np.where(t < 100, 0.01, np.where(t < 200, 0.03, 0.1))).case(),
        run(200, 100).restart_at(100).case(),
        a_run().steps(0, 100).lr(joined(200, 200)).case(),
    ],
    ids=[
        "sound", "one step", "stable phase", "wsd", "small jump", "restarts", "one-cycle",
        "exponential warm-up", "constant warm-up", "three stages", "resumed", "in progress",
    ],
)  # fmt: skip
def test_quiet(case) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, case)


def test_the_jump_is_the_edge() -> None:
    case = run(200, 150).case()  # 1 / 0.7475
    assert evidence(NAME, case, jump=1.33)
    assert silent(NAME, case, jump=1.36)


def test_nan_between() -> None:
    lr = joined(200, 100)(np.arange(1000.0))
    lr[::7] = np.nan
    assert evidence(NAME, a_run().lr(lr).case()).start in (100, 101)
