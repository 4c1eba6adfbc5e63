"""Each law against its formula written out sum by sum, for one run, batched, and on torch."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from lrdoctor.replay.law import LrPath
from lrdoctor.replay.law.laws import LAWS, Law, Scale
from tests.replay.law.curves import PEAK, STEPS, cooled, cosine

SCALE = Scale(PEAK, STEPS)
AT = np.array([700.0, 3000.0, 8125.0, 9990.0, STEPS])
OUTER = {
    "reduced": [-0.6, -4.0, 0.3, 0.29, 1.1],
    "multi_power": [-0.8, 4.0, 0.6, 0.5],
    "annealing": [-0.8, -3.0],
}


def knots(lr) -> LrPath:  # type: ignore[no-untyped-def]
    step = np.linspace(0.0, STEPS, 81)
    return LrPath(step, lr(step))


def reduced(path: LrPath, at: float, q: list[float]) -> list[float]:
    """Memory of the LR by stretches: their mean LR times what of them was forgotten by now."""
    a, tau, p, z, rho = exp(q[0]), exp(q[1]), q[2], q[3], exp(q[4])
    lr, step = path.lr / PEAK, path.step / STEPS
    mean = (lr[1:] + lr[:-1]) / 2
    clock = [0.0]
    for k in range(len(mean)):
        clock.append(clock[-1] + max(mean[k], 1e-12) ** p * (step[k + 1] - step[k]))
    now = float(np.interp(at / STEPS, step, clock))
    kept = [(1 + max(now - then, 0.0) / tau) ** -0.6 for then in clock]
    noise = sum((kept[k + 1] - kept[k]) * mean[k] for k in range(len(mean)))
    spent = path.area(np.array([at]))[0] / PEAK / STEPS
    return [1.0, spent**-a + rho * a * noise * (spent + 0.01) ** -z]


def multi_power(path: LrPath, at: float, q: list[float]) -> list[float]:
    a, c, gamma, beta = exp(q[0]), exp(q[1]), q[2], exp(q[3])
    lr, spent = path.lr / PEAK, path.area(path.step) / PEAK / STEPS
    here = path.area(np.array([at]))[0] / PEAK / STEPS
    paid = sum(
        (lr[k - 1] - lr[k])
        * (1 - (1 + c * max(lr[k], 1e-4) ** -gamma * (here - spent[k])) ** -beta)
        for k in range(1, len(lr))
        if path.step[k] <= at
    )
    return [1.0, here**-a, -paid]


def annealing(path: LrPath, at: float, q: list[float]) -> list[float]:
    a, tau = exp(q[0]), exp(q[1])
    lr, step = path.lr / PEAK, path.step / STEPS
    top = int(np.argmax(lr >= 0.98))
    gained = sum(
        (lr[k - 1] - lr[k]) * tau * (1 - exp(-(at / STEPS - step[k]) / tau))
        for k in range(top + 1, len(lr))
        if path.step[k] <= at
    )
    here = path.area(np.array([at]))[0] / PEAK / STEPS
    return [1.0, here**-a, -gained]


def basis(law: Law, outer, course):  # type: ignore[no-untyped-def]
    return law.basis(outer, course, law.memory(law.named(outer), course))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("lr", [cosine, cooled])
def test_a_law_is_its_formula(law: Law, lr) -> None:  # type: ignore[no-untyped-def]
    path, q = knots(lr), OUTER[law.name]
    written = {"reduced": reduced, "multi_power": multi_power, "annealing": annealing}[law.name]
    expected = [written(path, float(at), q) for at in AT]
    assert basis(law, np.array(q), SCALE.course(path, AT)) == pytest.approx(np.array(expected))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_padding_and_leading_dimensions_change_nothing(law: Law) -> None:
    courses = [SCALE.course(knots(lr), AT) for lr in (cosine, cooled)]
    both = [course.padded(100, 9) for course in courses]
    stacked = type(both[0])(
        *(np.stack([getattr(course, name) for course in both]) for name in type(both[0]).__slots__)
    )
    q = np.array(OUTER[law.name])
    batched = basis(law, np.stack([q, q + 0.1]), stacked)[:, : len(AT)]
    for found, course, outer in zip(batched, courses, (q, q + 0.1), strict=True):
        assert found == pytest.approx(basis(law, outer, course), rel=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_early_steps_need_early_knots_only(law: Law) -> None:
    course, q = SCALE.course(knots(cosine), AT), np.array(OUTER[law.name])
    near = course.window(slice(2), int(course.left[1]) + 2)
    assert basis(law, q, near) == pytest.approx(basis(law, q, course)[:2], rel=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_torch_gives_what_numpy_gives(law: Law) -> None:
    torch = pytest.importorskip("torch")
    course, q = SCALE.course(knots(cooled), AT), np.array(OUTER[law.name])
    moved = basis(law, torch.as_tensor(q), course.map(torch.as_tensor))
    assert moved.numpy() == pytest.approx(basis(law, q, course), rel=1e-12)
