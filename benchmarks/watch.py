"""How soon ``lrdoctor watch`` names a fault, and how often it cries wolf, by playing logs back.

    python -m benchmarks.watch FOLDER [--growth 0.06] [--only NAME]

``FOLDER`` holds runs, or is a seed of the accuracy benchmark (``benchmarks.accuracy.run --keep``),
whose ``truth.json`` says which runs are healthy and where each fault begins. Every run is judged at
lengths that grow by ``--growth``, as it was then, and the events are made under several patiences.
Without a truth a run counts as healthy where nothing but remarks is found in the whole of it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrdoctor.fleet.follow import (
    Choice,
    Event,
    Following,
    Kind,
    Patience,
    advance,
    patience_for,
)
from lrdoctor.fleet.playback import judge, lengths, prefix
from lrdoctor.fleet.worker import Job, load_runs
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Severity
from lrdoctor.verdict import Diagnosis, Finding

MOST_POINTS = 60_000  # longer logs take minutes and say nothing new
PATIENCES: dict[str, Choice] = {
    "none": lambda finding, lr: Patience(1, 0.0),
    "2 in a row": lambda finding, lr: Patience(2, 0.0),
    "2, 5 % growth": lambda finding, lr: Patience(2, 0.05),
    "3, 10 % growth": lambda finding, lr: Patience(3, 0.1),
    "3, 20 % growth": lambda finding, lr: Patience(3, 0.2),
    "as shipped": patience_for,
}


@dataclass(frozen=True)
class Truth:
    """What is known of a run: ``codes`` that name its fault (none: healthy) and the share of the
    run at which that begins."""

    codes: tuple[str, ...]
    onset: float


@dataclass(frozen=True)
class Playback:
    """One run judged at growing lengths, the last time whole; ``truth`` where that is known."""

    name: str
    judgements: tuple[Diagnosis, ...]
    truth: Truth | None

    @property
    def healthy(self) -> bool:
        """By the truth, else by what is found in the whole run."""
        return not (self.truth.codes if self.truth else any(map(loud, self.whole.findings)))

    @property
    def whole(self) -> Diagnosis:
        """The judgement of the finished run."""
        return self.judgements[-1]

    def share(self, step: int) -> float:
        """A step as a share of the run."""
        return (step - self.whole.first) / max(self.whole.last - self.whole.first, 1)

    def events(self, patience: Choice) -> Iterator[Event]:
        """What a user who looked at each of the lengths would have been told of warnings and
        errors, at the end without patience."""
        state = Following()
        for diagnosis in self.judgements[:-1]:
            state, events = advance(state, diagnosis, least=Severity.WARNING, patience=patience)
            yield from events
        yield from advance(state, self.whole, over=True, least=Severity.WARNING)[1]


def main() -> None:
    """Plays back, prints the table by patience, then what is withdrawn under the shipped one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--growth", type=float, default=0.06)
    parser.add_argument("--only", default="", help="runs whose name begins so")
    options = parser.parse_args()
    spent = time.process_time()
    runs = list(playbacks(options.folder, options.growth, options.only))
    spent = time.process_time() - spent
    count = sum(len(run.judgements) for run in runs)
    calm = sum(run.healthy for run in runs)
    print(
        f"{len(runs)} runs ({calm} healthy), {count} judgements of {1e3 * spent / count:.0f} ms\n"
    )
    print(f"{'patience':16}{'told':>6}{'withdrawn':>11}{'healthy alarmed':>17}{TRUTH_HEAD}")
    for name, patience in PATIENCES.items():
        print_row(name, runs, patience)
    print("\ntold under the shipped patience and not true of the whole run:")
    for run in runs:
        print_withdrawn(run)


TRUTH_HEAD = f"{'faults told':>13}{'before end':>12}{'delay':>8}{'90 %':>8}"


def print_row(name: str, runs: Sequence[Playback], patience: Choice) -> None:
    """One patience: counts over all runs, and the delay from onset to event where it is known."""
    told = withdrawn = alarmed = 0
    delays: list[float] = []
    early = faults = 0
    for run in runs:
        events = list(run.events(patience))
        live = [e for e in events if e.kind is Kind.CONFIRMED and run.share(e.step) < 1]
        told += len(live)
        withdrawn += sum(e.kind is Kind.WITHDRAWN for e in events)
        alarmed += run.healthy and bool(live)
        if run.truth is not None and run.truth.codes:
            faults += 1
            named = [e for e in events if e.kind is Kind.CONFIRMED and _code(e) in run.truth.codes]
            if named:
                delays.append(max(run.share(named[0].step) - run.truth.onset, 0.0))
                early += run.share(named[0].step) < 1
    row = f"{name:16}{told:6d}{withdrawn:11d}{alarmed:17d}"
    if delays:
        half, most = np.quantile(delays, [0.5, 0.9])
        row += f"{len(delays):6d} of {faults:3d}{early:12d}{100 * half:6.1f} %{100 * most:6.1f} %"
    print(row)


def print_withdrawn(run: Playback) -> None:
    """Each finding that was told while the run went on and is not there in the end."""
    events = list(run.events(patience_for))
    taken = {(_code(e), e.finding.evidence.tags): e for e in events if _taken(e) and e.finding}
    for event in events:
        finding = event.finding
        if event.kind is not Kind.CONFIRMED or finding is None:
            continue
        end = taken.get((_code(event), finding.evidence.tags))
        if end is not None and end.step > event.step:
            state = "healthy" if run.healthy else "faulty"
            when = "told at {:.0f} %, until {:.0f} %".format(
                *(100 * run.share(e.step) for e in (event, end))
            )
            print(f"{_code(event)} {end.kind} {state} {run.name}: {when}")


def playbacks(folder: Path, growth: float, only: str = "") -> Iterator[Playback]:
    """Every run under ``folder``, judged at lengths that grow by ``growth``."""
    job, truths = Job(load_rulebook(), replay="none"), _truths(folder)
    for found in find_runs([str(folder)]):
        if not isinstance(found, RunFiles) or not found.name.startswith(only):
            continue
        truth = truths.get(found.name.split("/")[0])
        runs = load_runs(found)
        if (truths and truth is None) or not isinstance(runs, tuple):
            continue
        for run in runs:
            if max((len(s) for s in run.series.values()), default=0) > MOST_POINTS:
                continue
            parts = [judge(prefix(run, s), job, live=True) for s in lengths(run, growth)[:-1]]
            made = [d for d in (*parts, judge(run, job, live=False)) if isinstance(d, Diagnosis)]
            if made:
                yield Playback(run.name, tuple(made), truth)


def _truths(folder: Path) -> dict[str, Truth]:
    """Known faults by run; a run whose fault did not show is neither faulty nor healthy."""
    path = folder / "truth.json"
    rows = json.loads(path.read_text()) if path.exists() else []
    return {
        row["name"]: Truth(
            (row["code"], *row["also"]) if row["kind"] == "fault" else (),
            (row["start"] or 0) / max(row["length"], 1),
        )
        for row in rows
        if row["occurred"]
    }


def loud(finding: Finding) -> bool:
    """Whether a finding is a warning or an error."""
    return finding.severity.rank >= Severity.WARNING.rank


def _code(event: Event) -> str:
    return "" if event.finding is None else event.finding.rule.code


def _taken(event: Event) -> bool:
    return event.kind in (Kind.WITHDRAWN, Kind.EXPLAINED)


if __name__ == "__main__":
    main()
