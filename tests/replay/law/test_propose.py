"""What the laws add to a diagnosis: outcomes, their own schedule, the cooldown probe."""

from __future__ import annotations

import ast

import numpy as np

from lrdoctor.diagnosis import diagnose
from lrdoctor.fleet.cases import cases_in
from lrdoctor.readers._discover import find_runs
from lrdoctor.replay.law.propose import FIX, cooldown_probe
from lrdoctor.replay.law.rehearse import predict_candidates
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Case
from lrdoctor.verdict import Candidate, Diagnosis, Outcome
from tests.builders import a_run
from tests.replay.law.curves import PEAK, STEPS, loss_under


def case_under(lr, name: str = "run") -> Case:  # type: ignore[no-untyped-def]
    """A finished run of 10,000 steps whose loss follows a law, logged every 20 steps."""
    builder = a_run(name).steps(20, int(STEPS) + 1, 20)
    loss = loss_under(lr, np.arange(20.0, STEPS + 1, 20), noise=0.003)
    return builder.lr(lr).series("train/loss", loss).case()


def early_decay(t: np.ndarray) -> np.ndarray:
    """A linear decay that reaches 0 after 60 % of the run, where the LR then stays."""
    warm = np.minimum(t / (0.02 * STEPS), 1.0)
    return PEAK * np.minimum(warm, np.clip(1 - t / (0.6 * STEPS), 0, 1))


def told(diagnosis: Diagnosis) -> list[tuple[Candidate, Outcome]]:
    return [(c, o) for c in diagnosis.candidates for o in c.outcomes if o.level == "law"]


def asked(case: Case) -> Diagnosis:
    return predict_candidates(case, diagnose(case, load_rulebook()))


def test_an_early_decay_is_told_what_the_fix_gains() -> None:
    found = told(asked(case_under(early_decay)))
    fixes = [(c, o) for c, o in found if c.fix != FIX]
    assert fixes and all(o.grade == "B" and o.band is not None for _, o in fixes)
    gains = [o.gain_interval for _, o in fixes if o.gain_interval is not None]
    assert max(low for low, _ in gains) > 0


def test_the_searched_schedule_is_better_than_every_fix_or_not_there() -> None:
    found = told(asked(case_under(early_decay)))
    searched = [(c, o) for c, o in found if c.fix == FIX]
    others = [o.loss for c, o in found if c.fix != FIX and o.loss is not None]
    for candidate, outcome in searched:
        assert outcome.loss is not None and outcome.loss < min(others)
        assert outcome.gain_interval is not None and outcome.gain_interval[0] > 0
        assert candidate.disposition == "review" and "lowest predicted loss" in candidate.title
        assert candidate.code and candidate.curves
    assert len(searched) <= 1


def test_a_constant_lr_gets_a_range_and_the_probe() -> None:
    (files,) = find_runs(["sample_runs/constant-long"], ())
    (case,) = (c for c in cases_in(files, {}, {}) if isinstance(c, Case))
    outcomes = [o for _, o in told(asked(case))]
    assert outcomes and all(o.loss is None and o.interval is not None for o in outcomes)
    command = "lrdoctor replay sample_runs/constant-long/training_log.csv"
    assert all(command in o.probe for o in outcomes)


def test_the_probe_is_code_that_decays_to_zero() -> None:
    case = case_under(early_decay, "exp/one")
    code = cooldown_probe(case)
    ast.parse(code)
    assert "probe = 998" in code and "count on from 10000" in code
    assert "lrdoctor replay exp/one" in code


def test_without_a_loss_every_candidate_is_refused() -> None:
    case = a_run().steps(20, int(STEPS) + 1, 20).lr(early_decay).case()
    outcomes = [o for _, o in told(asked(case))]
    assert outcomes and all(o.refused == "the log has no loss" for o in outcomes)
