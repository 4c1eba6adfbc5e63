"""Schedulers judged before a training: the case of the one-cycle that peaked in epoch 13."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lrdoctor.cli import run
from lrdoctor.errors import ConfigError
from lrdoctor.fleet.worker import Job
from lrdoctor.preflight import check
from lrdoctor.rulebook import load_rulebook

CURVE = """
import math

class Optimizer:
    def __init__(self, *names):
        self.param_groups = [{"lr": 0.1 / 10**i, "name": n} for i, n in enumerate(names)]

class Cosine:
    def __init__(self, optimizer, length):
        self.optimizer, self.length, self.done = optimizer, length, 0
        self.base = [g["lr"] for g in optimizer.param_groups]
    def step(self):
        self.done += 1
        for base, group in zip(self.base, self.optimizer.param_groups):
            group["lr"] = base * (1 + math.cos(math.pi * self.done / self.length)) / 2

def good(total_steps): return Cosine(Optimizer("head", "body"), total_steps)
def per_batch(): return Cosine(Optimizer("all"), 100)
def per_epoch(epochs): return Cosine(Optimizer("all"), epochs)
def failing():
    made = Cosine(Optimizer("all"), 100)
    made.base = []
    return Cosine(None, 3)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(CURVE)
    return "train.py"


def job(**expect: str) -> Job:
    return Job(load_rulebook(), expect=expect)


def test_a_sound_scheduler_is_named_and_passes(file: str) -> None:
    checked = check(f"{file}:good", job(), steps=1950)
    (diagnosis,) = checked.report.diagnoses
    assert not diagnosis.findings and diagnosis.judged and checked.stopped is None
    assert [g.param_group for g in diagnosis.schedules] == ["lr/head", "lr/body"]
    named = diagnosis.schedules[0].schedule.named
    assert named is not None and named.name == "cosine"
    assert named.parameters()["T_max"] == pytest.approx(1950)
    np.testing.assert_allclose(diagnosis.schedules[1].schedule.lr([0]), 0.01)


def test_a_cosine_meant_per_epoch_and_stepped_per_batch_is_found(file: str) -> None:
    checked = check(f"{file}:per_batch", job(), epochs=5, steps_per_epoch=390)
    codes = {f.rule.code for d in checked.report.diagnoses for f in d.findings}
    assert "LRD301" in codes


def test_steps_once_an_epoch(file: str) -> None:
    checked = check(f"{file}:per_epoch", job(), epochs=90, per="epoch")
    assert checked.case.clock.unit == "epoch" and checked.case.total_steps == 90
    assert checked.case.finished is True


def test_length_from_the_configuration(file: str) -> None:
    site = job(epochs="3", dataset_size="1000", batch_size="10", devices="1", accumulation="2")
    checked = check(f"{file}:good", site)
    assert checked.case.total_steps == 150 and checked.case.clock.steps_per_epoch == 50
    assert check(f"{file}:good", site, epochs=4).case.total_steps == 200
    assert check(f"{file}:good", site, steps=77).case.total_steps == 77


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("train.py:good", "how long the training is to be"),
        ("train.py", "must name a file and a function"),
        ("train.py:", "must name a file and a function"),
        (":make", "must name a file and a function"),
    ],
)
def test_slips(file: str, target: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(target, job())
    assert told in str(caught.value)


def test_absurd_lengths_are_refused(file: str) -> None:
    with pytest.raises(ConfigError, match="at most"):
        check(f"{file}:good", job(), steps=10**9)


def test_what_is_not_judged_says_what_is_missing(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schedule", "check", f"{file}:good", "--steps", "1950"]) == 0
    out = capsys.readouterr().out
    assert "No learning-rate fault" in out and "cosine(lr=0.1, T_max=1950" in out
    assert "Not judged by a dry run" in out and "LRD401" in out
    assert max(map(len, out.splitlines())) <= 80


def test_exit_codes(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    slow = ["schedule", "check", f"{file}:per_batch", "--epochs", "5", "--steps-per-epoch", "390"]
    assert run([*slow, "--fail-on", "warning"]) == 1
    assert run([*slow, "--fail-on", "never"]) == 0
    assert run(["schedule", "check", f"{file}:failing", "--steps", "9"]) == 2
    assert "AttributeError" in capsys.readouterr().err


def test_onecycle_on_imagenet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Accumulation divided out twice and the default share: peak at 13.5 of 90 epochs, not 18,
    and torch stops with an error after half of the training."""
    pytest.importorskip("torch")
    file = tmp_path / "train.py"
    file.write_text(
        """
import torch
def make(epochs):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.15)
    steps = 1281167 // 4 // 128 // 2 // 2 * epochs + 45
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.15, total_steps=steps, div_factor=50)
"""
    )
    code = run(
        ["schedule", "check", f"{file}:make", "--epochs", "90", "--steps-per-epoch", "1251",
         "--expect", "pct_start=0.2", "--expect", "accumulation=2", "--expect", "devices=4"]
    )  # fmt: skip
    out, err = capsys.readouterr()
    told = " ".join(out.split())
    assert code == 2 and "Tried to step 56296 times" in err
    assert "LRD201" in told and "epoch 13.5" in told
    assert "gradient accumulation of 2 was divided out twice" in told
    assert "pct_start = 0.3, torch's default, where 0.2 was meant" in told
