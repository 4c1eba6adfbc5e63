"""A warm-up put before the main schedule: its length, its end, and the script that makes it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.types import Array, Severity
from lrdoctor.verdict import Candidate
from tests.builders import a_run
from tests.fixes.findings import a_finding, propose

STEPS = np.arange(1000.0)


def cosine(total: float, t: Array = STEPS) -> Array:
    return 0.05 * (1 + np.cos(np.pi * t / total))


def joined(warm: float) -> Array:
    """From 1 % of 0.1 over ``warm`` steps, then a cosine that ends with the run."""
    ramp = 0.1 * (0.01 + 0.99 * STEPS / warm)
    return np.where(warm > STEPS, ramp, cosine(1000 - warm, np.maximum(STEPS - warm, 0)))


def lr_of(candidate: Candidate) -> Array:
    return candidate.schedules["lr"].lr(STEPS)


@pytest.mark.parametrize(
    ("measured", "warm"),
    [
        ({"planned_warmup": 80.0}, 80),
        ({"warmup": 60.0}, 60),
        ({"lasts": 35.0}, 70),
        ({"lasts": 400.0}, 100),
        ({"planned_warmup": 900.0}, 50),
        ({}, 50),
    ],
    ids=["configured", "fitted", "twice the rise", "at most a tenth", "too long", "usual"],
)
def test_how_long(measured: dict[str, float], warm: int) -> None:
    case = a_run().lr(cosine(1000)).case()
    (fixed,) = propose("set_warmup", case, a_finding(0, 100, **measured))
    np.testing.assert_allclose(lr_of(fixed), joined(warm), rtol=1e-6, atol=1e-9)
    assert f"total_iters={warm}" in fixed.diff
    assert f"milestones=[{warm}]" in fixed.diff
    assert fixed.disposition == "review"


def test_a_product_becomes_one_after_the_other() -> None:
    product = (0.01 + 0.99 * np.minimum(STEPS / 300, 1)) * cosine(1000)
    case = a_run().lr(product).case()
    (fixed,) = propose(
        "set_warmup", case, a_finding(0, 300, param_group="lr", warmup=300.0, meant=0.1)
    )
    # The fit places the end of the ramp to the step, not better.
    np.testing.assert_allclose(lr_of(fixed), joined(300), rtol=0, atol=5e-4)


def test_a_step_schedule_keeps_its_milestones() -> None:
    steps = 0.1 * 0.1 ** ((STEPS >= 500) * 1.0 + (STEPS >= 800))
    (fixed,) = propose("set_warmup", a_run().lr(steps).case(), a_finding(0, 100))
    np.testing.assert_allclose(lr_of(fixed)[50:], steps[50:], rtol=1e-9)


def test_a_note_asks_for_no_correction() -> None:
    finding = replace(a_finding(0, 100), severity=Severity.INFO)
    assert propose("set_warmup", a_run().lr(cosine(1000)).case(), finding) == []
