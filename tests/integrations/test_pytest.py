"""The pytest plugin, as a function and as the fixture of another test suite."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import lrdoctor
from lrdoctor.baseline import baseline_text, extended
from lrdoctor.errors import ConfigError
from lrdoctor.integrations.pytest import assert_healthy

ROOT = Path(__file__).parents[2]
SICK = ROOT / "sample_runs" / "step-per-batch"
HEALTHY = ROOT / "sample_runs" / "onecycle-healthy"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder without configuration."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_healthy_run_gives_its_report() -> None:
    (diagnosis,) = assert_healthy(HEALTHY).diagnoses
    assert diagnosis.judged


@pytest.mark.parametrize("kind", ["path", "text", "run", "diagnosis", "report"])
def test_whatever_stands_for_a_run_fails_with_the_report(kind: str) -> None:
    report = lrdoctor.analyze(SICK)
    given = {
        "path": SICK,
        "text": str(SICK),
        "run": next(lrdoctor.read_runs(SICK)),
        "diagnosis": report.diagnoses[0],
        "report": report,
    }[kind]
    with pytest.raises(AssertionError, match="ERROR LRD502 epoch-schedule-stepped-per-batch"):
        assert_healthy(given)
    assert assert_healthy(given, "never").fail_on == "never"


def test_limit_comes_from_the_configuration_unless_given(elsewhere: Path) -> None:
    warned = ROOT / "sample_runs" / "decay-too-fast"
    assert_healthy(warned)
    (elsewhere / "lrdoctor.toml").write_text('fail_on = "warning"')
    with pytest.raises(AssertionError, match="LRD301"):
        assert_healthy(warned)
    assert_healthy(warned, "error")


def test_known_findings_do_not_fail(elsewhere: Path) -> None:
    from datetime import date

    known = extended((), lrdoctor.analyze(SICK), date(2026, 1, 1), "known")
    (elsewhere / "known.json").write_text(baseline_text(known))
    assert assert_healthy(SICK, "info", baseline="known.json").baseline == "known.json"
    (elsewhere / "lrdoctor.toml").write_text('baseline = "known.json"')
    assert_healthy(lrdoctor.analyze(SICK), "info")


def test_suppressions_hold(elsewhere: Path) -> None:
    (elsewhere / "lrdoctor.toml").write_text("[[suppress]]\nrule = 'LRD502'\nreason = 'on purpose'")
    assert_healthy(SICK)
    assert_healthy(next(lrdoctor.read_runs(SICK)))


def test_nothing_to_judge_fails(elsewhere: Path) -> None:
    with pytest.raises(AssertionError, match="no learning rate to judge in"):
        assert_healthy(elsewhere, "never")
    assert_healthy(elsewhere, allow_empty=True)


def test_expectations_count() -> None:
    with pytest.raises(AssertionError, match="LRD201"):
        assert_healthy(HEALTHY, "warning", expect={"pct_start": "0.6"})


def test_wrong_limit_is_refused() -> None:
    with pytest.raises(ConfigError, match="fail_on = 'warn' must be one of error, warning"):
        assert_healthy(HEALTHY, "warn")


def test_fixture_in_a_suite_of_its_own(elsewhere: Path) -> None:
    (elsewhere / "test_training.py").write_text(
        "def test_sick(assert_healthy):\n"
        f"    assert_healthy({str(SICK)!r})\n\n"
        "def test_healthy(assert_healthy):\n"
        f"    assert_healthy({str(HEALTHY)!r}, fail_on='info')\n"
    )
    installed = any(
        p.value == "lrdoctor.integrations.pytest" for p in entry_points(group="pytest11")
    )
    plugin = [] if installed else ["-p", "lrdoctor.integrations.pytest"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "ERROR LRD502 epoch-schedule-stepped-per-batch" in done.stdout
    assert "def assert_healthy" not in done.stdout  # the user's line is shown, not ours


def test_plugin_is_registered() -> None:
    import tomllib

    table = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (module,) = table["project"]["entry-points"]["pytest11"].values()
    assert module == assert_healthy.__module__


def test_loading_the_plugin_loads_nothing_heavy() -> None:
    code = (
        "import sys, lrdoctor.integrations.pytest\n"
        "print([m for m in ('numpy', 'scipy', 'pandas', 'torch', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "[]\n"
