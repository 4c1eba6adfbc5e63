"""How many faults are found and how many healthy runs are flagged, on freshly trained runs.

``python -m benchmarks.accuracy.run --seeds 1000..1003 [--only LRD401] [--keep DIR]`` from the
repository's root. A seed takes about two minutes of one core.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.accuracy.trials import Trial, make_trials
from lrdoctor.api import analyze
from lrdoctor.types import Severity
from lrdoctor.verdict import Finding

# A finding is at the right place when it begins within this share of the run of the true one.
NEAR = 0.06


@dataclass(frozen=True)
class Verdict:
    """What lrdoctor said about one trial; ``resolved``: a candidate passed the dry run; ``last``:
    the end of the log on its own x axis."""

    trial: Trial
    findings: tuple[Finding, ...]
    resolved: bool
    last: int
    problem: str = ""

    def finding(self) -> Finding | None:
        """The first finding of the injected fault."""
        return next((f for f in self.findings if f.rule.code == self.trial.code), None)

    @property
    def flagged(self) -> tuple[Finding, ...]:
        """Findings that a healthy run must not have."""
        return tuple(f for f in self.findings if f.severity.rank >= Severity.WARNING.rank)

    @property
    def located(self) -> bool:
        """Whether the finding begins where the fault does."""
        found, start = self.finding(), self.trial.start
        if found is None or start is None:
            return found is not None
        share = start / self.trial.length
        begin, end = found.evidence.start / self.last, found.evidence.stop / self.last
        return begin - NEAR <= share <= end + NEAR


def judge(trial: Trial, folder: Path) -> Verdict:
    """Analyses the log of one trial as ``lrdoctor analyze`` does."""
    report = analyze(folder / trial.name)
    problems = [f"{f.path}: {f.reason}" for f in report.unreadable]
    findings = tuple(f for d in report.diagnoses for f in d.findings)
    resolved = any(
        trial.code in c.resolves and not c.introduces
        for d in report.diagnoses
        for c in d.candidates
    )
    if len(report.diagnoses) != 1:
        problems.append(f"{len(report.diagnoses)} runs in one log")
    last = max((d.last for d in report.diagnoses), default=1)
    return Verdict(trial, findings, resolved, max(last, 1), "; ".join(problems))


def main() -> None:
    """Trains, analyses, prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1000..1002", help="first..last, both included")
    parser.add_argument("--only", default="", help="a rule code, a mechanism, or 'healthy'")
    parser.add_argument("--keep", type=Path, help="keep the logs here and use those that are there")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    torch.set_num_threads(1)
    # The faults provoke torch's advice about the order of steps, which is the point of them.
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    with tempfile.TemporaryDirectory() as scratch:
        root = options.keep or Path(scratch)
        verdicts = [
            judge(trial, root / str(seed))
            for seed in seeds
            for trial in make_trials(seed, root / str(seed), options.only)
        ]
    print_tables(verdicts)


def print_tables(verdicts: Iterable[Verdict]) -> None:
    """Recall by fault and mechanism, false alarms by look-alike, then every miss and alarm."""
    all_of = list(verdicts)
    happened = [v for v in all_of if v.trial.kind != "fault" or v.trial.occurred]
    dropped = len(all_of) - len(happened)
    faults = [v for v in happened if v.trial.kind == "fault"]
    print(f"{'fault':38}{'runs':>5}{'found':>7}{'>=warn':>7}{'place':>7}{'fixed':>7}")
    for code in sorted({v.trial.code for v in faults}):
        _recall_line(code, [v for v in faults if v.trial.code == code])
        for name, group in _by(faults, lambda v: v.trial.mechanism).items():
            if group[0].trial.code == code:
                _recall_line(f"  {name}", group)
    print(f"\n{'healthy':38}{'runs':>5}{'flagged':>9}")
    for kind in ("control", "healthy"):
        group = [v for v in happened if v.trial.kind == kind]
        alarms = sum(bool(v.flagged) for v in group)
        print(f"{kind:38}{len(group):5d}{_share(alarms, len(group)):>9}")
    print(f"\n{dropped} faulty runs dropped: the fault did no harm there")
    for verdict in happened:
        _print_case(verdict)


def _recall_line(name: str, group: list[Verdict]) -> None:
    found = [v for v in group if v.finding() is not None]
    loud = [v for v in found if any(f.rule.code == v.trial.code for f in v.flagged)]
    cells = (len(found), len(loud), sum(v.located for v in found))
    shares = "".join(f"{_share(n, len(group)):>7}" for n in cells)
    fixed = _share(sum(v.resolved for v in found), len(found))
    print(f"{name:38}{len(group):5d}{shares}{fixed:>7}")


def _print_case(verdict: Verdict) -> None:
    trial = verdict.trial
    where = f"{trial.name} ({trial.writer}{'' if trial.intent else ', no configuration'})"
    if verdict.problem:
        print(f"problem  {where}: {verdict.problem}")
    if trial.kind == "fault" and verdict.finding() is None:
        print(f"missed   {trial.code} {where}")
    elif trial.kind == "fault" and not verdict.located:
        found = verdict.finding()
        at = found.evidence.start if found else None
        print(f"misplaced {trial.code} {where}: at {at}, is at {trial.start}")
    if trial.kind != "fault":
        for finding in verdict.flagged:
            print(f"alarm    {finding.rule.code} {where}: {finding.message}")


def _by(verdicts: Iterable[Verdict], key: Callable[[Verdict], str]) -> dict[str, list[Verdict]]:
    groups: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        groups[key(verdict)].append(verdict)
    return groups


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.0f} %" if total else "-"


if __name__ == "__main__":
    main()
