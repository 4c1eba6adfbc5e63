"""Decay too fast: floors, bounces and needless cuts; healthy schedules stay quiet."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lrdoctor.types import Severity
from lrdoctor.verdict import Unjudged
from tests.builders import a_run
from tests.detectors.cases import (
    cosine,
    evidence,
    falling,
    judge,
    mild,
    multistep,
    silent,
)

NAME = "decay_rate"


def frozen_at(step: float):  # type: ignore[no-untyped-def]
    """A loss that falls until the LR is gone."""
    return lambda t: falling(np.minimum(t, step))


def test_early_floor_with_a_falling_loss_is_an_error() -> None:
    run = a_run().lr(lambda t: cosine(np.minimum(t, 200), 200)).loss(frozen_at(150))
    found = evidence(NAME, run.case())
    assert found.severity is Severity.ERROR
    assert found.start == pytest.approx(187, abs=2)  # 1 % of a cosine is left at 0.936 T_max
    assert found.measured["run_left"].value == pytest.approx(81, abs=1)
    assert found.measured["slope_left"].value < 10


def test_without_a_loss_the_structure_is_a_note() -> None:
    found = evidence(NAME, a_run().lr(lambda t: cosine(np.minimum(t, 350), 350)).case())
    assert mild(found)
    assert "cannot show" in found.detail


def test_without_a_loss_an_lr_gone_at_once_is_a_warning() -> None:
    found = evidence(NAME, a_run().lr(lambda t: 0.1 * 0.9**t).case())
    assert found.severity is Severity.WARNING


def test_floor_after_a_real_plateau_is_quiet() -> None:
    flat = lambda t: falling(np.minimum(10 * t, 200), 2)  # noqa: E731
    assert silent(NAME, a_run().lr(lambda t: multistep(t, 300, 330)).loss(flat).case())


@pytest.mark.parametrize(
    "lr",
    [
        lambda t: cosine(t, 1000),
        lambda t: 0.1 * (1 - t / 1000),
        lambda t: multistep(t, 333, 667),
        lambda t: 0.1 * 1e-3 ** (t / 1000),
        lambda t: 0.1 * np.maximum(1 - t / 300, 0.12),
        lambda t: np.full(t.shape, 0.1),
        lambda t: 0.1 / np.sqrt(1 + t / 10),
        lambda t: np.where(t < 800, 0.1, 0.1 * (1000 - t) / 200),
        lambda t: cosine(t % 250, 250),
        lambda t: 0.1 * np.abs(t % 100 - 50) / 50,
    ],
    ids=[
        "cosine", "linear", "multistep", "exponential", "floor at 12 %", "constant", "inverse sqrt",
        "wsd", "sgdr", "triangles",
    ],
)  # fmt: skip
def test_healthy_schedules(lr) -> None:  # type: ignore[no-untyped-def]
    assert silent(NAME, a_run().lr(lr).loss(falling).case())


def test_floor_share_is_the_edge() -> None:
    case = a_run().lr(lambda t: np.where(t < 300, 0.1, 1e-4)).case()
    assert mild(evidence(NAME, case, floor_share=0.69, cut_share=2.0))
    assert silent(NAME, case, floor_share=0.71, cut_share=2.0)


def test_a_cosine_stepped_too_often_bounces() -> None:
    case = (
        a_run()
        .lr(lambda t: cosine(t, 50))
        .series("epoch", lambda t: t // 20)
        .hparams(scheduler="CosineAnnealingLR", T_max=50, max_epochs=50)
        .case()
    )
    found = evidence(NAME, case)
    assert found.measured["returns"].value == 10
    assert found.measured["period"].value == pytest.approx(100)
    assert "T_max = 50 was meant in epochs" in found.detail


def test_a_bounce_seen_rarely_cannot_be_told() -> None:
    case = a_run().steps(0, 3900, 39).lr(lambda t: cosine(t, 70)).case()
    (judgement,) = judge(NAME, case)
    assert isinstance(judgement, Unjudged)
    assert "log it at every optimizer step" in judgement.reason


def test_cyclic_by_intent_is_quiet() -> None:
    run = a_run().lr(lambda t: cosine(t, 100)).hparams(scheduler="CyclicLR")
    assert silent(NAME, run.case())


def test_rounding_to_zero_is_not_a_floor() -> None:
    printed = lambda t: np.round(cosine(t, 1000, lr=4e-6), 6)  # noqa: E731
    assert silent(NAME, a_run().lr(printed).case())


def test_an_unfreezing_after_the_floor_is_another_rule_s_matter() -> None:
    run = a_run().lr(lambda t: cosine(np.minimum(t, 200), 200, floor=1e-4)).loss(frozen_at(150))
    assert silent(NAME, run.hparams(unfreeze_step=250).case())


def test_cycles_that_end_on_the_floor_may_be_meant() -> None:
    found = evidence(NAME, a_run().steps(0, 901).lr(lambda t: cosine(t, 300)).loss().case())
    assert found.severity is Severity.INFO
    assert "made on purpose" in found.detail
    configured = a_run().steps(0, 901).lr(lambda t: cosine(t, 300)).loss()
    found = evidence(NAME, configured.hparams(scheduler="CosineAnnealingLR").case())
    assert found.severity is not Severity.INFO


def test_lengths_are_in_the_units_of_the_axis() -> None:
    run = a_run().on_axis("epoch").steps(0, 90).lr(lambda t: cosine(t, 15))
    found = evidence(NAME, run.case())
    assert "after 15 epochs and rises again" in found.detail
    assert {found.measured[name].unit for name in ("period", "reached_at")} == {"epochs"}


def test_shares_have_three_digits() -> None:
    run = a_run().steps(0, 1000).lr(lambda t: np.where(t < 100, 0.1, np.where(t < 333, 1e-2, 1e-4)))
    fall = lambda t: 2.0 - 0.002 * np.minimum(t, 333) - 1e-7 * t  # noqa: E731
    detail = evidence(NAME, run.loss(fall, noise=1e-4).case()).detail
    assert all(
        len(share.replace(".", "").lstrip("0")) <= 3 for share in re.findall(r"([\d.]+) %", detail)
    )
    assert "%" in detail
