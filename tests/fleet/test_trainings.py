"""Trainings for many runs: one after another, each on its own case, until the user stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lrdoctor.fleet.trainings import NOT_TRAINED, train_all
from lrdoctor.fleet.worker import Job, diagnose_files
from lrdoctor.readers._discover import RunFiles, find_runs
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Case
from lrdoctor.verdict import Diagnosis, Outcome, ReadFailure

SAMPLES = Path(__file__).parents[2] / "sample_runs"
NAMES = ("cosine-healthy", "decay-too-fast", "multistep-spike", "onecycle-wrong-peak")


def marked(diagnosis: Diagnosis) -> Diagnosis:
    made = Outcome(level="proxy", assumptions=("none",))
    return replace(
        diagnosis, candidates=tuple(replace(c, outcomes=(made,)) for c in diagnosis.candidates)
    )


def test_only_runs_with_a_fix_are_trained_and_a_stop_keeps_what_is_done() -> None:
    job = Job(load_rulebook(), replay="none")
    logs = [
        f for name in NAMES for f in find_runs([str(SAMPLES / name)]) if isinstance(f, RunFiles)
    ]
    before = [(*diagnose_files(files, job), ReadFailure("x", "y")) for files in logs]
    asked: list[str] = []
    shares: list[tuple[float, int, int]] = []

    def trainer(
        case: Case, diagnosis: Diagnosis, progress: Callable[[int, int], None]
    ) -> tuple[Diagnosis, bool]:
        assert case.run.name == diagnosis.run
        asked.append(case.run.name)
        progress(1, 4)
        return marked(diagnosis), len(asked) == 2

    after = list(
        train_all(
            logs, before, job, trainer, lambda share, run, runs: shares.append((share, run, runs))
        )
    )
    assert [name.rsplit("/")[-1] for name in asked] == ["decay-too-fast", "multistep-spike"]
    assert shares == [(0.25, 1, 3), (0.25, 2, 3)]
    first, *trained, last = (d for outcome in after for d in outcome if isinstance(d, Diagnosis))
    assert first == before[0][0]
    assert all(c.outcomes[0].level == "proxy" for d in trained for c in d.candidates)
    assert not any(o.level == "proxy" for c in last.candidates for o in c.outcomes)
    assert last.notes[-1].kind == NOT_TRAINED
    assert [outcome[-1] for outcome in after] == [ReadFailure("x", "y")] * 4
