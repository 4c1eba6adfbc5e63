"""A cooldown from a checkpoint, joined with the run it grew from."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.replay.law import LossRun
from lrdoctor.replay.law.answer import ask, consult
from lrdoctor.replay.law.branches import joined
from tests.replay.law.curves import STEPS, cooled, cosine, loss_under, path_of, run_of, warmed

FORK = 0.8 * STEPS


def tail(lr=cooled, start: float = FORK) -> LossRun:  # type: ignore[no-untyped-def]
    """What a run that went on from step ``start`` logs by itself."""
    t = np.arange(start, STEPS + 1, 50)
    return LossRun(t, lr(t), t, loss_under(lr, t))


def test_a_branch_is_preceded_by_its_parent() -> None:
    parent, whole = run_of(warmed), run_of(cooled)
    _, branch = joined([parent, tail()])
    assert branch.lr_step.tolist() == whole.lr_step.tolist()
    assert branch.lr == pytest.approx(whole.lr)
    assert branch.loss == pytest.approx(whole.loss)


def test_the_probe_turns_a_range_into_a_number() -> None:
    parent = run_of(warmed)
    alone = ask(consult([parent]), path_of(warmed), path_of(cosine))
    probed = ask(consult(joined([parent, tail()])), path_of(warmed), path_of(cosine))
    assert alone.loss is None and probed.grade == "A"
    assert probed.loss == pytest.approx(loss_under(cosine, np.array([STEPS]))[0], rel=0.01)


@pytest.mark.parametrize(
    "branch",
    [
        pytest.param(tail(cosine), id="another LR at the fork"),
        pytest.param(run_of(cooled), id="a run from the start"),
        pytest.param(
            LossRun(np.array([2e4, 3e4]), np.ones(2), np.array([2e4]), np.ones(1)), id="later"
        ),
    ],
)
def test_other_runs_stay_as_they_are(branch: LossRun) -> None:
    assert joined([run_of(warmed), branch])[1] is branch


def test_one_run_has_no_parent() -> None:
    alone = tail()
    assert joined([alone]) == [alone] or joined([alone])[0] is alone
