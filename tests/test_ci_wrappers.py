"""The action, the hooks and the jobs of the README do what they say."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lrdoctor.cli import run

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_runs"
README = (ROOT / "README.md").read_text()
ACTION = ROOT / ".github" / "actions" / "analyze" / "action.yml"


def block(marker: str) -> str:
    """The fenced block of the README after a marker."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, marker
    return found[1]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout after a training, with lrdoctor where the action would have installed it."""
    shutil.copytree(SAMPLES / "step-per-batch", tmp_path / "runs" / "a b")
    program = tmp_path / "temp" / "lrdoctor" / "bin" / "lrdoctor"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lrdoctor "$@"\n')
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def analyse_step(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The action's own shell, its expressions replaced as GitHub does it."""
    action = yaml.safe_load(ACTION.read_text())
    given = {name: entry["default"] for name, entry in action["inputs"].items()}
    given |= {name.replace("_", "-"): value for name, value in inputs.items()}
    (step,) = [s for s in action["runs"]["steps"] if s.get("id") == "analyze"]
    assert "${{" not in step["run"]  # an input in it would be run as code
    values = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: given[m[1]], text)
        for name, text in step["env"].items()
    }
    environment = {
        **os.environ, **values, "PYTHONPATH": str(ROOT), "RUNNER_TEMP": str(folder / "temp"),
        "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }  # fmt: skip
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_action_fails_for_a_fault_and_leaves_all_reports(workplace: Path) -> None:
    done = analyse_step(workplace)
    assert done.returncode == 1, done.stderr
    assert (workplace / "output").read_text() == "exit-code=1\n"
    assert sorted(p.name for p in (workplace / "lrdoctor-report").iterdir()) == [
        "junit.xml", "report.html", "report.json", "report.md", "report.sarif",
    ]  # fmt: skip
    assert (workplace / "summary.md").read_text().startswith("## lrdoctor: 1 of 1 run")
    assert "::error file=runs/a b/metrics.csv,title=LRD502" in done.stderr


def test_action_takes_its_inputs_as_values(workplace: Path) -> None:
    run(["baseline", "write", "runs"])
    done = analyse_step(
        workplace,
        paths="runs/a b\n",
        baseline="lrdoctor-baseline.json",
        fail_on="info",
        arguments="-q --replay none",
        reports="out; touch pwned",
    )
    assert done.returncode == 0, done.stderr
    assert (workplace / "out; touch pwned" / "report.sarif").exists()
    assert not (workplace / "pwned").exists()
    assert analyse_step(workplace, paths="$(touch pwned)").returncode == 2
    assert not (workplace / "pwned").exists()


def test_action_describes_every_input() -> None:
    action = yaml.safe_load(ACTION.read_text())
    assert action["runs"]["using"] == "composite"
    for entry in action["inputs"].values():
        assert entry["description"] and isinstance(entry["default"], str)
    for step in action["runs"]["steps"]:
        assert "uses" in step or step["shell"] == "bash"


def test_github_job_of_the_readme_uses_inputs_that_there_are() -> None:
    steps = yaml.safe_load(block("github-job"))["jobs"]["train"]["steps"]
    (step,) = [s for s in steps if "lrdoctor" in s.get("uses", "")]
    path = step["uses"].split("@")[0].split("/", 2)[2]
    assert (ROOT / path / "action.yml").is_file()
    assert set(step["with"]) <= set(yaml.safe_load(ACTION.read_text())["inputs"])


def test_gitlab_job_of_the_readme_runs(workplace: Path) -> None:
    job = yaml.safe_load(block("gitlab-job"))["lrdoctor"]
    install, analyze = job["script"]
    assert install.startswith("pip install ")
    assert run(shlex.split(analyze)[1:]) == 1
    reports = job["artifacts"]["reports"]
    for path in (*job["artifacts"]["paths"], *reports.values()):
        assert (workplace / path).stat().st_size > 100


def test_pytest_test_of_the_readme_runs(workplace: Path) -> None:
    from lrdoctor.integrations.pytest import assert_healthy

    names: dict[str, Any] = {}
    exec(block("pytest-test"), names)
    with pytest.raises(AssertionError, match="LRD502"):
        names["test_training_is_healthy"](assert_healthy)


def test_baseline_commands_of_the_readme_run(workplace: Path) -> None:
    (commands,) = re.findall(r"```sh\n(lrdoctor baseline.*?)```", README, re.DOTALL)
    for command in commands.splitlines():
        assert run(shlex.split(command)[1:]) == 0, command


@pytest.fixture
def hooks() -> dict[str, Any]:
    """The hooks by id."""
    listed = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return {hook["id"]: hook for hook in listed}


def test_hooks_of_the_readme_are_there(hooks: dict[str, Any]) -> None:
    (repo,) = yaml.safe_load(block("pre-commit"))["repos"]
    assert {hook["id"] for hook in repo["hooks"]} == set(hooks)


@pytest.mark.parametrize(
    ("path", "checked"),
    [
        ("lrdoctor.toml", True),
        ("sub/pyproject.toml", True),
        ("lrdoctor-baseline.json", True),
        ("rules/ours/slow.toml", True),
        ("train.py", False),
        ("rules.toml", False),
    ],
)
def test_files_that_call_the_validation(hooks: dict[str, Any], path: str, checked: bool) -> None:
    assert bool(re.search(hooks["lrdoctor-validate"]["files"], path)) is checked


def test_hooks_run_commands_that_there_are(
    hooks: dict[str, Any], workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = shlex.split(hooks["lrdoctor-validate"]["entry"])
    assert run(entry[1:]) == 0
    (workplace / "lrdoctor.toml").write_text('fail_on = "sometimes"')
    assert run(entry[1:]) == 2
    assert "lrdoctor.toml:1: fail_on" in capsys.readouterr().err


@pytest.mark.parametrize(("share", "code"), [("0.2", 0), ("0.6", 1)])
def test_schedule_hook_judges_the_schedule(
    hooks: dict[str, Any], workplace: Path, share: str, code: int
) -> None:
    pytest.importorskip("torch", reason="the schedule is torch's own")
    (workplace / "train.py").write_text(
        "import torch\n\n\ndef make(total_steps):\n"
        "    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)\n"
        "    return optimizer, torch.optim.lr_scheduler.OneCycleLR(\n"
        f"        optimizer, max_lr=0.1, total_steps=total_steps, pct_start={share})\n"
    )
    entry = shlex.split(hooks["lrdoctor-schedule"]["entry"])
    arguments = ["train.py:make", "--steps", "1000", "--expect", "pct_start=0.2", "--fail-on=info"]
    assert run([*entry[1:], *arguments]) == code
