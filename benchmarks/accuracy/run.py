"""How many faults are found and how many healthy runs are flagged, on freshly trained runs.

``python -m benchmarks.accuracy.run --seeds 1000..1003 [--only LRD401] [--jobs 2] [--keep DIR]
[--write rules/measured.json]`` from the repository's root. Each seed trains everything anew.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path

import torch

from benchmarks.accuracy.judging import Verdict, judge
from benchmarks.accuracy.scores import Score, by_mechanism, by_rule, happened, share, total
from benchmarks.accuracy.trials import make_trials


def main() -> None:
    """Trains, analyses, prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1000..1002", help="first..last, both included")
    parser.add_argument("--only", default="", help="codes, mechanisms or 'healthy', with commas")
    parser.add_argument("--keep", type=Path, help="keep the logs here and use those that are there")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time")
    parser.add_argument("--write", type=Path, help="write the figures for the index of rules here")
    options = parser.parse_args()
    first, _, last = options.seeds.partition("..")
    seeds = range(int(first), int(last or first) + 1)
    with tempfile.TemporaryDirectory() as scratch:
        work = partial(of_seed, root=options.keep or Path(scratch), only=options.only)
        if options.jobs > 1:
            with ProcessPoolExecutor(options.jobs) as pool:
                verdicts = [v for part in pool.map(work, seeds) for v in part]
        else:
            verdicts = [v for seed in seeds for v in work(seed)]
    print_tables(verdicts)
    if options.write:
        options.write.write_text(json.dumps(measured(verdicts, options.seeds), indent=1) + "\n")


def of_seed(seed: int, root: Path, only: str) -> list[Verdict]:
    """All verdicts of one seed."""
    torch.set_num_threads(1)
    # The faults provoke torch's advice about the order of steps, which is the point of them.
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    folder = root / str(seed)
    return [judge(trial, folder) for trial in make_trials(seed, folder, only)]


def measured(verdicts: Sequence[Verdict], seeds: str) -> dict[str, object]:
    """The figures that users see beside a rule."""
    real = happened(verdicts)
    calm = [v for v in real if v.trial.kind != "fault"]
    rules = {
        code: {"runs": s.runs, "found": s.hits, "alarms": s.true + s.false, "true": s.true}
        for code, s in by_rule(real).items()
    }
    return {
        "date": date.today().isoformat(),
        "seeds": seeds,
        "healthy": {"runs": len(calm), "flagged": sum(bool(v.loud) for v in calm)},
        "rules": rules,
    }


def print_tables(verdicts: Sequence[Verdict]) -> None:
    """By rule, by mechanism, false alarms; then every miss and alarm."""
    real = happened(verdicts)
    rules = by_rule(real)
    _table("rule", {**rules, "all": total(rules)})
    _table("mechanism", by_mechanism(real))
    print(f"\n{'healthy':38}{'runs':>6}{'flagged':>9}")
    for kind in ("control", "healthy"):
        group = [v for v in real if v.trial.kind == kind]
        alarms = sum(bool(v.loud) for v in group)
        print(f"{kind:38}{len(group):6d}{_percent(alarms, len(group)):>9}")
    dropped = sum(v.trial.kind == "fault" for v in verdicts if v not in real)
    print(f"\n{dropped} faulty runs and their controls dropped: the fault did not show there\n")
    for verdict in real:
        _print_case(verdict)


def _table(name: str, scores: Mapping[str, Score]) -> None:
    head = ("runs", "found", "swapped", "place", "fixed", "alarms", "true")
    print(f"\n{name:38}{''.join(f'{cell:>9}' for cell in head)}")
    for label, s in scores.items():
        alarms = s.true + s.false
        cells = (
            str(s.runs),
            _percent(s.hits, s.runs),
            _percent(s.swapped, s.runs),
            _percent(s.located, s.hits),
            _percent(s.resolved, s.hits),
            str(alarms) if alarms else "-",
            _percent(s.true, alarms),
        )
        print(f"{label:38}{''.join(f'{cell:>9}' for cell in cells)}")


def _percent(part: int, whole: int) -> str:
    return f"{100 * share(part, whole):.1f} %" if whole else "-"


def _print_case(verdict: Verdict) -> None:
    trial = verdict.trial
    named = f"{trial.seed} {trial.name} ({trial.writer}"
    where = f"{named}{'' if trial.intent else ', no configuration'})"
    fault = trial.kind == "fault"
    if verdict.problem:
        print(f"problem   {where}: {verdict.problem}")
    if fault and not verdict.hit(trial.code, trial.also):
        others = ", ".join(f"{f.rule.code} {f.severity}" for f in verdict.findings) or "nothing"
        print(f"missed    {trial.code} {where}: {others}")
    elif fault and not verdict.located:
        found = verdict.named(trial.code, trial.also)
        at = found.evidence.start if found else None
        print(f"misplaced {trial.code} {where}: at {at}, is at {trial.start}")
    true = (trial.code, *trial.also) if fault else ()
    for finding in verdict.loud:
        if finding.rule.code not in true:
            print(f"alarm     {finding.rule.code} {where}: {finding.message[:160]}")


if __name__ == "__main__":
    main()
