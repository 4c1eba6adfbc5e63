"""The worker: whatever a log or a bug does, one entry per run comes out."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.fleet import worker
from lrdoctor.fleet.cases import cases
from lrdoctor.fleet.worker import Job, diagnose_files
from lrdoctor.readers._discover import RunFiles
from lrdoctor.readers._tails import Tails
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Case, Run
from lrdoctor.verdict import Diagnosis, ReadFailure

CSV = "step,loss,lr\n" + "".join(f"{i},{3 / (i + 1)},0.1\n" for i in range(30))


@pytest.fixture
def files(tmp_path: Path) -> RunFiles:
    path = tmp_path / "metrics.csv"
    path.write_text(CSV)
    return RunFiles("run", "csv", (str(path),))


def fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError("two\nlines")


@pytest.mark.parametrize(
    ("step", "says"),
    [("load", "read"), ("build_case", "understood"), ("diagnose", "diagnosed")],
)
def test_a_bug_costs_its_run_alone(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch, step: str, says: str
) -> None:
    monkeypatch.setattr(worker, step, fail)
    (failure,) = diagnose_files(files, Job(load_rulebook()))
    assert isinstance(failure, ReadFailure) and failure.path == "run"
    assert failure.reason.startswith(f"could not be {says}: ZeroDivisionError at test_worker.py:")
    assert "two\\nlines" in failure.reason and "\n" not in failure.reason


def test_a_bug_costs_no_other_run_of_a_listing(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [*files.files, "gone.csv"]
    assert [type(c) for c in cases(paths)] == [Case, ReadFailure]
    monkeypatch.setattr(worker, "load", fail)
    assert [type(c) for c in cases(paths)] == [ReadFailure, ReadFailure]


def test_mistakes_of_the_user_are_told_before_any_work() -> None:
    with pytest.raises(ConfigError, match="epochs"):
        Job(load_rulebook(), expect={"epochs": "many"})
    with pytest.raises(ConfigError, match="unknown role 'rate'"):
        Job(load_rulebook(), roles={"lr": "rate"})


def test_schedule_that_a_log_makes_impossible_is_no_mistake_of_the_user(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def impossible(*_: object, **__: object) -> None:
        raise ConfigError("lr must be finite, got inf")

    monkeypatch.setattr(worker, "build_case", impossible)
    (failure,) = diagnose_files(files, Job(load_rulebook()))
    assert isinstance(failure, ReadFailure) and "lr must be finite" in failure.reason


def test_arithmetic_on_odd_values_warns_nobody(
    files: RunFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(files: RunFiles, tails: Tails | None) -> tuple[Run, ...]:
        np.float64(1e308) * np.float64(1e308)
        return loaded(files, tails)

    loaded = worker.load
    monkeypatch.setattr(worker, "load", odd)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (diagnosis,) = diagnose_files(files, Job(load_rulebook()))
    assert isinstance(diagnosis, Diagnosis)
