"""``--replay proxy`` and ``--replay user`` on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.cli import run
from lrdoctor.cli._output import Progress
from lrdoctor.cli._training import path_curves
from lrdoctor.replay.law.path import LossRun, LrPath

SAMPLES = Path(__file__).parents[2] / "sample_runs"
FAULTY = str(SAMPLES / "onecycle-wrong-peak")
QUICK = ("--seeds", "2", "--device", "cpu")
TASK = """
def train(lr_schedule, seed, budget):
    return [2.0 - lr_schedule(step) + 0.001 * seed for step in range(budget)]
"""


def levels(report: Path) -> list[list[dict[str, object]]]:
    candidates = json.loads(report.read_text())["runs"][0]["candidates"]
    return [c["outcomes"] for c in candidates]


def test_a_proxy_comes_after_dry_run_and_law(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    report = tmp_path / "report.json"
    code = run(["analyze", FAULTY, "--replay", "proxy", *QUICK, "--report", str(report)])
    assert code == 1
    for outcomes in levels(report):
        assert [o["level"] for o in outcomes] == ["dry_run", "law", "proxy"]
        assert outcomes[-1]["seeds"] == 2 and outcomes[-1]["device"] == "cpu"
    told = " ".join(capsys.readouterr().out.split())
    assert "on this proxy (no loss of your model)" in told
    run(["report", str(report)])
    assert "on this proxy (no loss of your model)" in " ".join(capsys.readouterr().out.split())


def test_ones_own_task_comes_after_dry_run_and_law(tmp_path: Path) -> None:
    report, task = tmp_path / "report.json", tmp_path / "my_task.py"
    task.write_text(TASK)
    arguments = ["--replay", "user", "--task", str(task), "--report", str(report)]
    assert run(["analyze", FAULTY, *arguments]) == 1
    for outcomes in levels(report):
        assert [o["level"] for o in outcomes] == ["dry_run", "law", "user"]
        assert outcomes[-1]["seeds"] == 3 and outcomes[-1]["verdict"] is not None


def test_candidates_of_the_command_line_are_trained(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    candidate = "linear(lr=0.07, total_steps=288)"
    arguments = ["replay", FAULTY, "--candidate", candidate, "--replay", "proxy", *QUICK]
    assert run(arguments) == 0
    assert "proxy training: " in capsys.readouterr().out
    assert run([*arguments, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert answer["trained"]["level"] == "proxy"


@pytest.mark.parametrize("command", ["analyze", "replay"])
def test_without_torch_one_line_names_the_extra(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    more = ["--candidate", "constant(lr=0.1)"] if command == "replay" else []
    assert run([command, FAULTY, "--replay", "proxy", *more]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "lrdoctor: torch is not installed; install it with: pip install 'lrdoctor[replay]'"
    ]


def test_a_task_that_needs_torch_says_so_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = tmp_path / "my_task.py"
    task.write_text("raise ModuleNotFoundError('No module named torch', name='torch')\n")
    assert run(["analyze", FAULTY, "--replay", "user", "--task", str(task)]) == 2
    assert "lrdoctor[replay]" in capsys.readouterr().err


def test_a_gpu_that_is_not_there_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run(["analyze", FAULTY, "--replay", "proxy", "--device", "cuda"]) == 2
    assert "--device cuda: torch finds no GPU here" in capsys.readouterr().err


def test_candidates_share_the_steps_of_the_run() -> None:
    step = np.arange(1.0, 101.0)
    logged = LossRun(step, np.full(100, 0.2), step, 1 / step)
    path = LrPath(np.array([0.0, 100.0]), np.array([0.2, 0.0]))
    curves = path_curves(logged, {"linear": path}, 4)
    np.testing.assert_allclose(curves.at, [1, 34, 67, 100])
    np.testing.assert_allclose(curves.lr[:, :, 0], [[0.2] * 4, [0.198, 0.132, 0.066, 0.0]])


def test_the_bar_of_a_training_is_drawn_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Progress().training(0.5, 1, 3)
    assert not capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    bar = Progress()
    bar.training(0.5, 2, 3)
    bar.training(0.6, 2, 3)  # too soon after the last
    bar.close()
    told = capsys.readouterr().err
    assert told.count("training for run 2/3") == 1 and "█" * 15 + "·" * 15 in told
