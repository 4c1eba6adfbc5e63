"""What every detector owes: thresholds as in its rule, and no exception whatever the log holds."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrdoctor.plugins import discover
from lrdoctor.types import Case, Clock, ClockUnit, Intent, ParamGroup, Role, Run, Series
from tests.detectors.cases import VALUES, detector, judge

NAMES = sorted(discover("detectors"))
SCHEDULERS = (None, "onecycle", "cosine", "reduce_on_plateau", "multistep", "constant")


def series(tag: str, values: np.ndarray, every: int) -> Series:
    return Series(tag, np.arange(len(values)) * every, values)


def case_of(groups: list[Series], signals: dict[Role, Series], intent: Intent) -> Case:
    tags = {s.tag: s for s in (*groups, *signals.values())}
    run = Run(name="r", files=("r",), format="test", axis="step", series=tags)
    return Case(
        run=run,
        signals=signals,
        param_groups=tuple(ParamGroup(s.tag, s, ()) for s in groups),
        clock=Clock(ClockUnit.OPTIMIZER_STEP, 10.0),
        intent=intent,
        total_steps=intent.total_steps,
    )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lrs=st.lists(VALUES, min_size=0, max_size=3),
    loss=VALUES,
    val=VALUES,
    every=st.integers(1, 50),
    scheduler=st.sampled_from(SCHEDULERS),
    pct=st.sampled_from([None, 0.0, 0.2, 1.0, "auto"]),
    unfreeze=st.one_of(st.none(), st.floats(0, 30)),
    total=st.one_of(st.none(), st.integers(1, 3000)),
)
def test_never_raises(name, lrs, loss, val, every, scheduler, pct, unfreeze, total) -> None:  # type: ignore[no-untyped-def]
    arguments = {} if pct is None else {"pct_start": pct}
    intent = Intent(
        scheduler=scheduler, arguments=arguments, unfreeze_epoch=unfreeze, total_steps=total
    )
    groups = [series(f"lr{i}", v, every) for i, v in enumerate(lrs)]
    signals = {Role.TRAIN_LOSS: series("loss", loss, every), Role.VAL_LOSS: series("v", val, every)}
    with np.errstate(all="ignore"):
        judge(name, case_of(groups, signals, intent))


@pytest.mark.parametrize("name", NAMES)
def test_empty_run(name: str) -> None:
    judge(name, case_of([], {}, Intent()))
    judge(name, case_of([series("lr", np.array([0.1]), 1)], {}, Intent()))


@pytest.mark.parametrize("name", NAMES)
def test_thresholds_are_those_of_the_rule(name: str) -> None:
    made = detector(name)
    assert made == discover("detectors")[name](
        **{f.name: getattr(made, f.name) for f in fields(made)}
    )
    assert made.name == name
    assert made.requires <= set(Role)
