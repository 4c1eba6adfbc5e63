"""What every fix owes: complete schedules, curves on the logged steps, and no exception."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdoctor.plugins import discover
from lrdoctor.rulebook import load_rulebook
from tests.builders import a_run
from tests.fixes.findings import a_finding, propose

FIXES = sorted(discover("fixes"))
LR = st.floats(0, 1) | st.just(float("nan"))


def test_every_fix_serves_a_rule() -> None:
    used = {name for rule in load_rulebook().rules for name in rule.fixes}
    assert used == set(FIXES)


@pytest.mark.parametrize("fix", FIXES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lrs=st.lists(st.lists(LR, min_size=1, max_size=20), min_size=1, max_size=3),
    start=st.integers(0, 30),
    level=st.floats(0, 1),
    planned=st.none() | st.integers(1, 3000),
    scheduler=st.sampled_from(["", "onecycle", "cosine", "StepLR", "ReduceLROnPlateau"]),
)
def test_never_raises(  # type: ignore[no-untyped-def]
    fix, lrs, start, level, planned, scheduler
) -> None:
    run = a_run()
    for index, values in enumerate(lrs):
        run = run.steps(index, index + len(values)).lr(values, tag=f"lr/{index}")
    run = run.hparams(**({"max_steps": planned} if planned else {}), pct_start=0.2, lr=0.1)
    case = run.hparams(scheduler=scheduler).series("epoch", lambda t: t // 3).case()
    finding = a_finding(
        start, start + 5, param_group="lr/0", lr_reference=level, lr_after=level / 100
    )
    for candidate in propose(fix, case, finding):
        assert candidate.schedules and candidate.diff
        assert candidate.answers == ("LRD999",)
        assert candidate.disposition in ("safe", "review")
        for name, schedule in candidate.schedules.items():
            lr = schedule.lr(np.arange(schedule.start, schedule.stop))
            assert np.all(np.isfinite(lr)) and np.all(lr >= 0), name
        assert {c.param_group for c in candidate.curves} == set(candidate.schedules)


def test_names_out_of_a_log_stay_on_one_line() -> None:
    t = np.arange(1000.0)
    run = a_run().lr(np.where(t < 400, 1e-3, 1e-5), tag="lr/a\n+evil").hparams(unfreeze_step=400)
    finding = a_finding(400, 1000, param_group="lr/a\n+evil", lr_reference=1e-3, lr_after=1e-5)
    for candidate in propose("keep_state_on_unfreeze", run.case(), finding):
        assert "\n+evil" not in candidate.diff
