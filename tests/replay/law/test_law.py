"""The loss laws on curves whose law is known, and the cases they must refuse."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.replay.law import LossRun, LrPath, fit, predict
from lrdoctor.replay.law.answer import ask, consult
from lrdoctor.replay.law.path import points_of
from lrdoctor.replay.law.refuse import grade
from lrdoctor.replay.law.solve import nonnegative
from tests.replay.law.curves import (
    PEAK,
    STEPS,
    cooled,
    cosine,
    loss_under,
    path_of,
    run_of,
    warmed,
)


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_decay_predicts_another(noise: float) -> None:
    fitted = fit([run_of(cosine, noise=noise)])
    end = np.array([STEPS])
    predicted = predict(fitted, path_of(cooled), end).loss[0]
    true = loss_under(cooled, end)[0]
    assert predicted == pytest.approx(true, rel=0.01)


def test_units_do_not_matter() -> None:
    run = run_of(cosine)
    same = LossRun(7 * run.lr_step, 100 * run.lr, 7 * run.loss_step, run.loss)
    end = np.array([STEPS])
    first = predict(fit([run]), path_of(cooled), end).loss[0]
    path = path_of(cooled)
    scaled = LrPath(7 * path.step, 100 * path.lr, 700 * path.before)
    assert predict(fit([same]), scaled, 7 * end).loss[0] == pytest.approx(first, rel=1e-3)


def test_many_points_predict_as_few_do() -> None:
    dense, sparse = run_of(cosine, every=10), run_of(cosine, every=30)
    end = np.array([STEPS])
    one, other = (predict(fit([r]), path_of(cooled), end).loss[0] for r in (dense, sparse))
    assert one == pytest.approx(other, rel=3e-3)
    assert len(points_of(dense).at) <= 160


def test_an_answer_is_bounded_and_graded() -> None:
    answer = ask(consult([run_of(cosine)]), path_of(cosine), path_of(cooled))
    assert answer.grade == "B" and answer.loss is not None and answer.interval is not None
    assert answer.interval[0] < answer.loss < answer.interval[1]
    assert answer.gain_interval is not None and answer.baseline_loss is not None
    middle = sum(answer.gain_interval) / 2
    assert middle == pytest.approx(answer.baseline_loss - answer.loss, abs=0.01)
    assert answer.curve is not None and len(answer.curve.step) == 200


def test_a_constant_lr_gives_a_range_only() -> None:
    answer = ask(consult([run_of(warmed)]), path_of(cosine), path_of(cooled))
    assert answer.grade == "C" and answer.loss is None and answer.interval is not None


def test_two_shapes_are_graded_best() -> None:
    runs = [run_of(cosine), run_of(warmed)]
    assert grade([points_of(r) for r in runs]) == "A"


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (lambda t: 1.2 * cooled(t), "raises the LR"),
        (lambda t: 0.3 * cooled(t), "less than half"),
    ],
)
def test_candidates_out_of_reach_are_refused(candidate, reason: str) -> None:  # type: ignore[no-untyped-def]
    answer = ask(consult([run_of(cosine)]), path_of(cosine), path_of(candidate))
    assert answer.grade == "D" and answer.refused and reason in answer.refused


def test_a_decay_that_was_far_too_fast_says_nothing_of_a_sound_one() -> None:
    fast = run_of(lambda t: PEAK * np.exp(-t / (0.05 * STEPS)))
    answer = ask(consult([fast]), path_of(cosine), path_of(cooled))
    assert answer.grade == "D" and answer.loss is None


def test_a_longer_run_is_refused() -> None:
    t = np.arange(50.0, 4 * STEPS, 50)
    answer = ask(consult([run_of(cosine)]), path_of(cosine), LrPath(t, np.full(len(t), 0.8 * PEAK)))
    assert answer.refused and "three times as long" in answer.refused


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (
            lambda t: 2.0 + 0.0 * t + np.random.default_rng(0).normal(0, 0.1, len(t)),
            "its own noise",
        ),
        (lambda t: 2.0 - t / STEPS + 3 * np.maximum(t / STEPS - 0.7, 0), "rises at the end"),
    ],
)
def test_runs_without_a_law_are_refused(loss, reason: str) -> None:  # type: ignore[no-untyped-def]
    t = np.arange(50.0, STEPS + 1, 50)
    oracle = consult([LossRun(t, cosine(t), t, loss(t))])
    assert oracle.refused is not None and reason in oracle.refused


def test_too_few_losses_are_refused() -> None:
    oracle = consult([run_of(cosine, every=500)])
    assert oracle.refused is not None and "a law needs 40" in oracle.refused


def test_amplitudes_are_never_negative() -> None:
    basis = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    assert nonnegative(basis, np.array([3.0, 2.0, 1.0])).tolist() == pytest.approx([2.0, 0.0])
    assert nonnegative(basis, np.array([1.0, 2.0, 3.0])).tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("step", "lr"),
    [
        ([0.0], [1.0]),
        ([0.0, 0.0], [1.0, 1.0]),
        ([0.0, 1.0], [1.0, -1.0]),
        ([0.0, 1.0], [1.0, np.nan]),
    ],
)
def test_impossible_paths_are_refused(step: list[float], lr: list[float]) -> None:
    with pytest.raises(ValueError, match="path"):
        LrPath(np.array(step), np.array(lr))


def test_area_is_exact_for_straight_stretches() -> None:
    path = LrPath(np.array([0.0, 10.0, 20.0]), np.array([0.0, 1.0, 1.0]), before=2.0)
    assert path.area(np.array([0.0, 5.0, 10.0, 15.0, 99.0])).tolist() == [
        2.0,
        3.25,
        7.0,
        12.0,
        17.0,
    ]
