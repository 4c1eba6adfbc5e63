"""What the fitted laws themselves propose: their best schedule, and the probe they lack."""

from __future__ import annotations

import shlex

from lrdoctor.detectors._context import governing_groups
from lrdoctor.fixes._plan import candidate, named_first, origin, over, scaled, unit, warmup_of
from lrdoctor.fixes._torch import constructor
from lrdoctor.messages import schedule_text
from lrdoctor.replay.law.ensemble import Fitted
from lrdoctor.replay.law.path import LrPath
from lrdoctor.replay.law.search import best_schedule
from lrdoctor.snippets import corrected_code, snippet
from lrdoctor.types import Case, ParamGroup
from lrdoctor.verdict import Candidate, Diagnosis

FIX = "law_search"
# A tenth of the run is a short decay and enough to show what a decay gains (a cooldown of 10 to
# 20 % gains most of what a longer one does: arXiv 2405.18392).
_PROBE = 0.1


def searched(
    case: Case, diagnosis: Diagnosis, fitted: Fitted, baseline: LrPath, main: ParamGroup
) -> Candidate | None:
    """The schedule of lowest predicted loss as a candidate marked as such; None for a run that is
    not over (another length would compare nothing) or without any candidate to go with."""
    finding = next((f for f in diagnosis.findings if _answered(f.rule.code, diagnosis)), None)
    length = case.last + 1 - origin(main)
    if finding is None or case.finished is False:
        return None
    warmup = float(warmup_of(main, length).get("warmup", 0.0))
    named, _ = best_schedule(fitted, baseline.peak, length, warmup)
    schedules = {}
    for group in governing_groups(case):
        own = scaled(named, float(group.lr.finite().value.max()) / baseline.peak)
        if own is not None:
            schedules[group.name] = over(own, origin(group), length)
    made = candidate(
        case,
        finding,
        fix=FIX,
        title=f"the schedule of lowest predicted loss: {schedule_text(named)}",
        safe=False,
        schedules=schedules,
        before=[constructor(named_first(main))],
        after=[constructor(named)],
    )
    return corrected_code(made, diagnosis)


def cooldown_probe(case: Case) -> str:
    """Code of the training that would tell a constant-LR run what a decay gains."""
    steps = max(round(_PROBE * (case.last + 1 - case.first)), 1)
    log = shlex.join(case.run.files or (case.run.name,))
    values = {"steps": steps, "start": case.last, "unit": unit(case), "log": log}
    return snippet("replay/cooldown_probe", values)


def _answered(code: str, diagnosis: Diagnosis) -> bool:
    return any(code in c.answers for c in diagnosis.candidates)
