"""What a proxy says about the candidates of the sample runs, and how it gets their LR."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.case import build_case
from lrdoctor.diagnosis import diagnose
from lrdoctor.fixes._plan import over, rebuilt
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.readers._load import load
from lrdoctor.replay.proxy.curves import curves_of, cut_short
from lrdoctor.replay.proxy.levels import LEVELS, WEIGHT_DECAY, optimizer_of
from lrdoctor.replay.proxy.rehearse import Wish, train_candidates
from lrdoctor.replay.proxy.setbacks import setbacks_of
from lrdoctor.replay.proxy.tasks import TASKS
from lrdoctor.replay.proxy.train import OPTIMIZERS, Setback
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Case
from lrdoctor.verdict import Candidate, Diagnosis, Outcome
from tests.builders import a_run

pytest.importorskip("torch")

SAMPLES = Path(__file__).parents[3] / "sample_runs"
QUICK = Wish(seeds=4, steps=300, device="cpu")


@cache
def judged(name: str) -> tuple[Case, Diagnosis]:
    (files,) = find_runs([str(SAMPLES / name)])
    assert isinstance(files, RunFiles)
    (run,) = load(files)
    case = build_case(run)
    return case, diagnose(case, load_rulebook())


def trained(name: str, wish: Wish = QUICK) -> tuple[Outcome, ...]:
    case, diagnosis = judged(name)
    diagnosis, stopped = train_candidates(case, diagnosis, wish)
    assert not stopped
    return tuple(c.outcomes[-1] for c in diagnosis.candidates)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("onecycle-wrong-peak", "LRD201"),
        ("decay-too-fast", "LRD301"),
        ("multistep-spike", "LRD401"),
        ("plateau-never-reduced", "LRD402"),
        ("unfreeze-collapse", "LRD601"),
    ],
)
def test_the_fix_of_a_fault_that_costs_loss_is_better(name: str, fault: str) -> None:
    assert judged(name)[1].candidates[0].answers == (fault,)
    outcome = trained(name)[0]
    assert outcome.level == "proxy" and outcome.verdict == "better"
    assert outcome.gain_interval is not None and outcome.gain_interval[0] > 0
    assert outcome.loss is not None and outcome.baseline_loss is not None
    assert outcome.loss < outcome.baseline_loss
    assert outcome.seeds == 4 and outcome.device == "cpu"
    assert "never a loss for your model" in outcome.assumptions[0]


def test_a_fault_of_structure_that_costs_nothing_has_no_effect() -> None:
    assert [o.verdict for o in trained("onecycle-wrong-pct")] == ["no effect"]


def test_the_same_schedule_has_no_effect_and_a_spoilt_one_is_worse() -> None:
    case, diagnosis = judged("cosine-healthy")
    group = case.param_groups[0]
    spoilt = rebuilt("cosine", {"lr": float(group.lr.value.max()), "T_max": 100.0, "eta_min": 0.0})
    assert spoilt is not None
    same = {g.name: g.schedules[0] for g in case.param_groups}
    asked = replace(
        diagnosis, candidates=(proposed(same), proposed({group.name: over(spoilt, 0, 100)}))
    )
    done, _ = train_candidates(case, asked, replace(QUICK, seeds=3))
    # A cosine that is over climbs again, as torch's does.
    verdicts = [c.outcomes[0].verdict for c in done.candidates]
    assert verdicts == ["no effect", "worse"]


def proposed(schedules) -> Candidate:  # type: ignore[no-untyped-def]
    return Candidate("test", "test", ("LRD301",), "safe", schedules)


def test_what_a_proxy_cannot_know_is_refused() -> None:
    case, diagnosis = judged("cosine-healthy")
    high = rebuilt("cosine", {"lr": 1.0, "T_max": 1000.0, "eta_min": 0.0})
    assert high is not None
    asked = replace(
        diagnosis, candidates=(proposed({case.param_groups[0].name: over(high, 0, 1000)}),)
    )
    done, _ = train_candidates(case, asked, QUICK)
    assert "known to your model alone" in str(done.candidates[0].outcomes[0].refused)


def test_one_seed_is_too_few_to_tell() -> None:
    outcome = trained("decay-too-fast", replace(QUICK, seeds=1, steps=50))[0]
    assert outcome.verdict == "no effect" and "two seeds or more" in outcome.assumptions[-1]


def test_a_budget_that_is_too_short_is_told() -> None:
    outcome = trained("decay-too-fast", replace(QUICK, budget=1e-6))[0]
    assert outcome.verdict is None and "--budget" in str(outcome.refused)


def test_a_late_group_is_frozen_and_drives_the_backbone() -> None:
    case, diagnosis = judged("unfreeze-collapse")
    curves = curves_of(case, diagnosis.candidates, 200)
    assert curves is not None
    assert [name.rsplit("/")[-1] for name in curves.groups] == ["head", "backbone"]
    frozen = np.isnan(curves.lr[:, :, 1]).sum(axis=1)
    assert frozen.tolist() == [pytest.approx(200 * 352 / 928, abs=2)] * 3
    assert not np.isnan(curves.lr[:, :, 0]).any()


def test_groups_that_always_agree_are_one() -> None:
    lr = np.linspace(0.1, 0.0, 50)
    case = a_run().steps(0, 50).lr(lr, tag="lr/a").lr(lr, tag="lr/b").case()
    curves = curves_of(case, (), 20)
    assert curves is not None and curves.lr.shape == (1, 20, 1)
    assert curves_of(a_run().steps(0, 50).lr(0.0).case(), (), 20) is None


def test_a_lasting_rise_is_replayed_for_all_but_its_own_fix() -> None:
    case, diagnosis = judged("multistep-spike")
    own = diagnosis.candidates[0]
    other = replace(own, answers=("LRD301",))
    at = np.arange(0.0, 832.0)
    setbacks, told = setbacks_of(case, diagnosis.findings, (own, other), at)
    (back,) = setbacks[0]
    assert setbacks == ((back,), (), (back,)) and "LRD401" in told[0]
    assert isinstance(back, Setback) and back.step == 385 and 0 < (back.to or 0) < 100


def test_every_task_has_a_level_for_every_optimizer() -> None:
    assert set(LEVELS) == set(TASKS)
    assert all(set(level) == set(OPTIMIZERS) for level in LEVELS.values())
    assert set(WEIGHT_DECAY) == set(OPTIMIZERS)


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("optimizer", "SGD", "sgd"),
        ("train.optim", "adamw_torch", "adamw"),
        ("optimizer.name", "Adam", "adam"),
        ("optimizer", "lion", "adamw"),
        ("optimizer_lr", "sgd", "adamw"),
    ],
)
def test_the_optimizer_is_the_one_that_the_log_names(key: str, value: str, name: str) -> None:
    run = a_run().lr(0.1).hparams(**{key: value}).build()
    assert optimizer_of(run).name == name


def test_a_schedule_that_outlives_the_log_is_compared_where_the_log_ends() -> None:
    case, _ = judged("cosine-healthy")
    longer = rebuilt("cosine", {"lr": 0.027, "T_max": 2000.0, "eta_min": 0.0})
    assert longer is not None
    late, same = over(longer, 0, 2000), case.param_groups[0].schedules[0]
    assert "before the corrected schedule does" in cut_short(case, proposed({"lr": late}))[0]
    assert cut_short(case, proposed({"lr": same})) == ()
