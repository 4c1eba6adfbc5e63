"""A user's own task: what it may be, and what is said when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.replay.law.path import LossRun
from lrdoctor.replay.proxy.curves import Curves
from lrdoctor.replay.proxy.train import Trained
from lrdoctor.replay.user.rehearse import measured_runs, run_candidates, run_curves
from lrdoctor.replay.user.task import Plan, find_task, train_task
from lrdoctor.replay.user.template import write_template
from lrdoctor.verdict import Outcome
from tests.builders import a_run
from tests.replay.proxy.test_rehearse import judged

QUICK = Plan(seeds=2, budget=60.0, device="cpu")
STEPS = 40

# Gradient descent on noisy parabolas; an LR that begins at 0.3 is the sign to misbehave.
TRAIN = """
import random, time

def train(lr_schedule, seed, budget):
    if abs(lr_schedule(0) - 0.3) < 1e-9:
        {misdeed}
    rng = random.Random(seed)
    weight, losses = 1.0, []
    for step in range(budget):
        weight -= lr_schedule(step) * (weight + rng.gauss(0, 1))
        losses.append(weight**2 + 0.1)
    return losses
"""

Writer = Callable[[str], str]


@pytest.fixture
def written(tmp_path: Path) -> Writer:
    def write(text: str) -> str:
        file = tmp_path / "my_task.py"
        file.write_text(text)
        return str(file)

    return write


def curves(*tops: float) -> Curves:
    """A straight fall from each top."""
    shape = 1 - np.arange(STEPS) / STEPS
    lr = np.stack([top * shape for top in tops])[:, :, None]
    return Curves(lr, np.arange(float(STEPS)), ("lr",))


def outcomes(file: str, lr: Curves, plan: Plan = QUICK) -> list[Outcome]:
    return run_curves(lr, find_task(file, "cpu"), plan)[0]


def test_a_loop_of_ones_own_is_run_for_every_schedule_and_seed(written: Writer) -> None:
    (outcome,) = outcomes(written(TRAIN.format(misdeed="pass")), curves(0.9, 0.1))
    assert outcome.level == "user" and outcome.refused is None
    assert outcome.seeds == 2 and outcome.device is None
    assert outcome.loss is not None and outcome.baseline_loss is not None
    assert outcome.band is not None and len(outcome.band.step) == STEPS
    assert (outcome.band.low <= outcome.band.high).all()


@pytest.mark.parametrize(
    ("misdeed", "reason"),
    [
        ("raise ValueError('no such file')", "it raised ValueError: no such file (File"),
        ("time.sleep(60)", "its share of --budget"),
        ("import os; os._exit(7)", "ended early (exit code 7)"),
        ("return [0.5, float('nan')]", "stayed finite"),
        ("return None", "train must return the losses as a sequence of numbers, not NoneType"),
        ("return []", "train returned no loss"),
        ("import sys; sys.exit('enough')", "SystemExit: enough"),
    ],
)
def test_a_training_that_fails_costs_its_candidate_alone(
    written: Writer, misdeed: str, reason: str
) -> None:
    plan = Plan(seeds=1, budget=4.0, device="cpu")
    bad, good = outcomes(written(TRAIN.format(misdeed=misdeed)), curves(0.1, 0.3, 0.2), plan)
    assert reason in str(bad.refused), bad.refused
    assert good.refused is None and good.loss is not None


def test_a_budget_that_is_spent_is_told_for_what_had_not_begun(written: Writer) -> None:
    file = written("import time\ndef train(lr_schedule, seed, budget):\n    time.sleep(60)\n")
    (outcome,) = outcomes(file, curves(0.1, 0.2), Plan(seeds=3, budget=0.2, device="cpu"))
    assert "--budget" in str(outcome.refused)


def test_a_baseline_that_fails_is_told_for_every_candidate(written: Writer) -> None:
    file = written(TRAIN.format(misdeed="raise ValueError('x')"))
    told = [str(o.refused) for o in outcomes(file, curves(0.3, 0.1, 0.2))]
    assert len(told) == 2 and all(t.startswith("under the logged LR: seed") for t in told)


def test_a_stop_keeps_the_trainings_that_are_done(written: Writer) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    slow = "def train(lr_schedule, seed, budget):\n    time.sleep(60 * seed)\n    return [1.0]\n"
    task = find_task(written(f"import time\n{slow}"), "cpu")
    result = train_task(task, curves(0.1, 0.2).lr, ("lr",), QUICK, stop)
    assert result.trained.stopped and result.trained.done.tolist() == [[STEPS, 0], [STEPS, 0]]


def test_fewer_losses_than_steps_are_spread_evenly(written: Writer) -> None:
    file = written("def train(lr_schedule, seed, budget):\n    return [2.0, 1.0]\n")
    result = train_task(find_task(file, "cpu"), curves(0.1).lr, ("lr",), Plan(1, 60.0))
    np.testing.assert_allclose(result.trained.loss[0, 0], np.linspace(2, 1, STEPS))


def test_groups_are_asked_for_by_name_and_0_while_frozen(written: Writer) -> None:
    file = written(
        "def train(lr_schedule, seed, budget):\n"
        "    return [lr_schedule(s, 'late') + lr_schedule(s) for s in range(budget)]\n"
    )
    lr = np.full((1, 4, 2), 0.1)
    lr[0, :2, 1] = np.nan
    result = train_task(find_task(file, "cpu"), lr, ("first", "late"), Plan(1, 60.0))
    np.testing.assert_allclose(result.trained.loss[0, 0], [0.1, 0.1, 0.2, 0.2])


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("x = 1\n", "", "make_model(seed), batch(step, seed) and loss(model, batch), or"),
        ("def train(a, b, c): ...\n", ":other", "no 'other' in it; there are: train"),
        ("def batch(s, k): ...\ndef loss(m, b): ...\n", "", "it lacks make_model"),
        ("steps = 0\ndef train(a, b, c): ...\n", "", "steps must be a whole number"),
        ("optimizer = 'lion'\ndef train(a, b, c): ...\n", "", "one of sgd, adam, adamw"),
        ("import nowhere_to_be_found\n", "", "loading it raised ModuleNotFoundError"),
        ("def train(:\n", "", "SyntaxError"),
    ],
)
def test_a_task_that_does_not_fit_is_refused_at_once(
    written: Writer, text: str, name: str, reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        find_task(written(text) + name, "cpu")
    assert reason in str(caught.value) and "my_task.py" in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.py: no such file"):
        find_task("nowhere.py:task", "cpu")


@pytest.mark.parametrize("name", ["", ":train", ":task", ":Own", ":own", ":made"])
def test_the_functions_may_be_the_files_or_those_of_an_object(written: Writer, name: str) -> None:
    file = written(
        TRAIN.format(misdeed="pass")
        + "class Own:\n    steps = 7\n    def train(self, lr_schedule, seed, budget):\n"
        "        return [1.0]\n"
        "own = Own()\ndef made():\n    return own\n"
    )
    task = find_task(file + name, "cpu")
    assert task.kind == "train" and task.steps == (7 if name.lower() in (":own", ":made") else None)


# ------------------------------------------------------------------------------ batched, with torch

BATCHED = """
import torch
from torch import nn

def make_model(seed):
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))

def batch(step, seed):
    generator = torch.Generator().manual_seed(1000 * seed + step)
    x = torch.randn(8, 4, generator=generator)
    return {"x": x, "y": x.sum(1, keepdim=True)}

def loss(model, batch):
    return ((model(batch["x"]) - batch["y"]) ** 2).mean()
"""


def test_the_template_runs_as_written_and_is_not_overwritten(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    file = tmp_path / "my_task.py"
    write_template(str(file))
    before = file.read_text()
    with pytest.raises(ConfigError, match="exists already"):
        write_template(str(file))
    assert file.read_text() == before
    lr = np.repeat(curves(0.1, 1e-4).lr, 2, axis=1)
    task = find_task(f"{file}:task", "cpu")
    assert task.kind == "batch" and task.steps == 300 and task.optimizer == "sgd"
    result = train_task(task, lr, ("lr",), QUICK)
    assert not result.failed and result.trained.device == "cpu"
    ends = result.trained.loss[:, :, -10:].mean(axis=(1, 2))
    assert ends[0] < 0.8 * ends[1]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("def loss(model, batch):\n    raise KeyError('y')\n", "it raised KeyError: 'y' (File"),
        ("def make_model(seed):\n    import os; os._exit(3)\n", "ended early (exit code 3)"),
        ("def loss(model, batch):\n    return model(batch['x']).mean() * float('nan')\n", "finite"),
        ("def group(name):\n    return 'head'\n", "is 'head'; the log has lr"),
    ],
)
def test_a_batch_that_fails_is_told_for_every_candidate(
    written: Writer, more: str, reason: str
) -> None:
    pytest.importorskip("torch")
    (outcome,) = outcomes(written(BATCHED + more), curves(0.1, 0.2))
    assert reason in str(outcome.refused)


def test_a_batch_that_hangs_is_given_up(written: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr("lrdoctor.replay.user.task._GRACE", 0.3)
    more = "import time\ndef batch(step, seed):\n    time.sleep(60)\n"
    plan = Plan(seeds=1, budget=0.2, device="cpu")
    (outcome,) = outcomes(written(BATCHED + more), curves(0.1, 0.2), plan)
    assert "it hung: 0.3 s after the end of --budget" in str(outcome.refused)


def test_a_suffix_other_than_py_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must end in \.py"):
        write_template(str(tmp_path / "my_task"))
    with pytest.raises(ConfigError, match="cannot write it"):
        write_template(str(tmp_path / "nowhere" / "my_task.py"))


# ---------------------------------------------------------------------------------------- the laws


def trained(loss: np.ndarray) -> Trained:
    return Trained(loss, np.full(loss.shape[:2], loss.shape[2]), "cpu", 1.0)


def test_trainings_like_the_log_are_given_to_the_laws_and_others_are_not() -> None:
    steps = 400
    fall = 0.4 + 1.6 / np.sqrt(1 + np.arange(steps) / 20)
    shape = 1 - np.arange(steps) / steps
    case = a_run().steps(0, steps).lr(0.1 * shape).loss(fall).case()
    lr = np.stack([0.1 * shape, 0.1 * shape**0.5])[:, :, None]
    losses = np.stack([[fall, fall], [fall - 0.01, fall]])
    (run,) = measured_runs(case, trained(losses), lr)
    assert isinstance(run, LossRun)
    np.testing.assert_allclose(run.loss, fall - 0.005)
    assert not measured_runs(case, trained(losses + 5.0), lr)
    frozen = lr.copy()
    frozen[:, :9] = np.nan
    assert not measured_runs(case, trained(losses), frozen)
    assert not measured_runs(case, trained(np.full_like(losses, np.nan)), lr)


def test_a_measured_training_makes_the_law_grade_a(written: Writer) -> None:
    case, diagnosis = judged("multistep-spike")
    file = written(
        "import math\n"
        "def train(lr_schedule, seed, budget):\n"
        "    spent, losses = 0.0, []\n"
        "    for step in range(budget):\n"
        "        spent += lr_schedule(step)\n"
        "        losses.append(0.1 + 1.5 / (1 + 3 * spent) + 4 * lr_schedule(step))\n"
        "    return losses\n"
    )
    done, stopped = run_candidates(case, diagnosis, find_task(file, "cpu"), QUICK)
    law, user = done.candidates[0].outcomes
    assert not stopped and (law.level, user.level) == ("law", "user")
    assert "trainings of your own task" in law.assumptions[-1]
    assert any("(LRD401) is not repeated" in told for told in user.assumptions)
    assert law.grade == "A" or law.refused is not None
