"""The dry run: corrected LR, all rules again, torch's own word."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lrdoctor.diagnosis import diagnose
from lrdoctor.replay import dry_run
from lrdoctor.replay._torch_loop import Loop, step_all, torch_lr
from lrdoctor.replay._torch_schedulers import closed_form, scheduler_steps
from lrdoctor.replay.dry_run import corrected, rehearse
from lrdoctor.reports._outcomes import rehearsal
from lrdoctor.rulebook import load_rulebook
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Case, Schedule, Severity
from lrdoctor.verdict import Diagnosis
from tests.builders import a_run

STEPS = np.arange(1000.0)
BOOK = load_rulebook()


def early_end() -> Case:
    """A cosine used up at a fifth of the run while the loss still fell."""
    lr = np.where(STEPS < 200, 0.1 * (1 + np.cos(np.pi * STEPS / 200)) / 2, 0.0)
    done = np.cumsum(lr) / 10
    return a_run().lr(lr).loss(2 - done, noise=0.005).hparams(max_steps=1000).case()


def rehearsed(case: Case, torch_check: bool = False) -> Diagnosis:
    return rehearse(case, diagnose(case, BOOK), BOOK, torch_check=torch_check)


def test_a_right_correction_resolves_and_introduces_nothing() -> None:
    result = rehearsed(early_end())
    assert [f.rule.code for f in result.findings] == ["LRD304"]
    assert {f.cause for f in result.effects} == {"LRD304"}
    assert result.candidates
    for candidate in result.candidates:
        assert candidate.resolves == ("LRD304",)
        assert candidate.introduces == ()


def test_an_outcome_states_its_assumptions_and_no_loss() -> None:
    (outcome,) = rehearsed(early_end()).candidates[0].outcomes
    assert outcome.level == "dry_run"
    assert outcome.loss is None and outcome.assumptions
    assert any("not checked against torch" in text for text in outcome.assumptions)


def test_a_wrong_correction_does_not_resolve() -> None:
    case = early_end()
    found = diagnose(case, BOOK)
    same = from_parameters("cosine", {"lr": 0.1, "T_max": 200, "clamp": True})
    useless = replace(found.candidates[0], schedules={"lr": Schedule(0, 1000, (), same, 0.0)})
    (checked,) = rehearse(case, replace(found, candidates=(useless,)), BOOK).candidates
    assert checked.resolves == ()


def test_a_correction_with_a_fault_of_its_own_says_so() -> None:
    case = a_run().lr(0.1).loss(lambda t: 2 - t / 1000, noise=0.005).hparams(max_steps=1000).case()
    found = diagnose(early_end(), BOOK)
    bad = from_parameters("cosine", {"lr": 0.1, "T_max": 100, "clamp": True})
    candidate = replace(found.candidates[0], schedules={"lr": Schedule(0, 1000, (), bad, 0.0)})
    clean = replace(diagnose(case, BOOK), candidates=(candidate,))
    assert all(f.severity is Severity.INFO for f in clean.findings)
    assert rehearse(case, clean, BOOK).candidates[0].introduces == ("LRD304",)


def test_what_was_logged_before_a_correction_stays() -> None:
    case = a_run().lr(0.1).case()
    later = Schedule(600, 1000, (), from_parameters("constant", {"lr": 0.01}), 0.0, 600.0)
    candidate = replace(diagnose(early_end(), BOOK).candidates[0], schedules={"lr": later})
    lr = corrected(case, candidate).param_groups[0].lr.value
    assert np.all(lr[:600] == 0.1) and np.all(lr[600:] == 0.01)


def test_rehearsing_twice_changes_nothing() -> None:
    case = early_end()
    once = rehearsed(case)
    assert rehearse(case, once, BOOK).candidates[0].outcomes == once.candidates[0].outcomes


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cosine", {"lr": 0.1, "T_max": 900, "warmup": 100, "warmup_start_lr": 0.001}),
        ("cosine", {"lr": 0.1, "T_max": 300, "clamp": True}),
        ("cosine", {"lr": 0.1, "T_max": 1000, "interval": 20}),
        ("onecycle", {"max_lr": 0.1, "total_steps": 1000, "pct_start": 0.2}),
        ("step", {"lr": 0.1, "step_size": 320}),
        ("multistep", {"lr": 0.1, "milestones": [300, 600], "warmup": 100}),
        ("exponential", {"lr": 0.1, "gamma": 0.99, "interval": 10}),
        ("linear", {"lr": 0.1, "total_steps": 900}),
        ("polynomial", {"lr": 0.1, "total_steps": 1000, "power": 0.9}),
        ("cosine_restarts", {"lr": 0.1, "T_0": 100, "T_mult": 2}),
    ],
)
def test_torch_agrees_with_the_closed_form(name: str, parameters: dict[str, float]) -> None:
    pytest.importorskip("torch")
    named = from_parameters(name, parameters)
    steps = scheduler_steps(named, 1000)
    for loop in (Loop(resumes=0), Loop(accumulate=4, resumes=3)):
        theirs = torch_lr([named], steps, loop)
        assert theirs is not None
        np.testing.assert_allclose(closed_form(named, steps), theirs[:, 0], rtol=1e-7, atol=1e-8)


def whole(name: str, start: int = 0, **parameters: float) -> Schedule:
    """A named schedule over steps [start, 1000)."""
    named = from_parameters(name, parameters)
    return Schedule(start, 1000, (), named, 0.0, origin=float(start), logged="used")


def test_groups_that_differ_in_lr_share_a_scheduler() -> None:
    pytest.importorskip("torch")
    groups = {
        "head": whole("onecycle", max_lr=0.1, total_steps=1000, pct_start=0.2),
        "backbone": whole("onecycle", max_lr=0.01, total_steps=1000, pct_start=0.2),
        "unfrozen": whole("cosine", 400, lr=0.01, T_max=600, eta_min=0.0),
        "floored": whole("cosine", 400, lr=0.01, T_max=600, eta_min=1e-4),
    }
    done = step_all(groups, Loop(accumulate=2))
    assert [d.groups for d in done] == [("head", "backbone"), ("unfrozen",), ("floored",)]
    assert all(d.off is not None and d.off < 1e-7 for d in done)
    assert [d.steps for d in done] == [1000, 600, 600]


def test_a_schedule_without_a_class_in_torch_is_said_to_be_unchecked() -> None:
    pytest.importorskip("torch")
    (done,) = step_all({"lr": whole("polynomial", lr=0.1, total_steps=1000, end_lr=0.01)}, Loop())
    assert done.off is None
    assert "was not checked" in dry_run._compared(done, Loop())


def test_torch_is_asked_only_on_request() -> None:
    pytest.importorskip("torch")
    (outcome,) = rehearsed(early_end(), torch_check=True).candidates[0].outcomes
    assert any("of cosine, stopped half-way" in text for text in outcome.assumptions)


def test_the_default_path_does_not_import_torch() -> None:
    code = (
        "import sys; from tests.replay.test_dry_run import early_end, rehearsed; "
        "rehearsed(early_end()); assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_rehearsal_that_fails_hides_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("T_max")

    monkeypatch.setattr(dry_run, "corrected", fail)
    result = rehearsed(early_end())
    assert [f.rule.code for f in result.findings] == ["LRD304"]
    (outcome,) = result.candidates[0].outcomes
    assert outcome.refused == "could not be made: KeyError: 'T_max'"
    assert rehearsal(result.candidates[0]) == outcome.refused


def test_torch_is_stepped_no_further_than_its_one_cycle_goes() -> None:
    named = from_parameters("onecycle", {"max_lr": 0.1, "total_steps": 50, "clamp": True})
    assert scheduler_steps(named, 80.0) == 50


def test_a_candidate_that_leaves_the_fault_gives_way_to_one_that_does_not() -> None:
    case = early_end()
    diagnosis = diagnose(case, BOOK)
    (right,) = diagnosis.candidates
    idle = replace(right, fix="idle", title="change nothing", schedules={}, curves=())
    kept = rehearse(case, replace(diagnosis, candidates=(idle, right)), BOOK).candidates
    assert [c.fix for c in kept] == [right.fix]
    alone = rehearse(case, replace(diagnosis, candidates=(idle,)), BOOK).candidates
    assert [c.resolves for c in alone] == [()]
