"""Factories of users, in a process of their own: what they return, and how they fail."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrdoctor.errors import ConfigError, MissingExtraError
from lrdoctor.replay.factory import Recording, record

# The least that looks like torch: a run needs neither torch nor its 3 s of import.
FAKE = """
class Optimizer:
    def __init__(self, *lrs):
        self.param_groups = [{"lr": lr, "name": f"g{i}"} for i, lr in enumerate(lrs)]

class Halving:
    def __init__(self, optimizer):
        self.optimizer = optimizer
    def step(self):
        for group in self.optimizer.param_groups:
            group["lr"] /= 2

optimizer = Optimizer(1.0, 0.1)
"""


def recorded(tmp_path: Path, code: str, name: str = "make", **options: Any) -> Recording:
    file = tmp_path / "train.py"
    file.write_text(FAKE + code)
    settings: dict[str, Any] = {"steps": 4, "epochs": None, "given": {}, "per": None, "timeout": 30}
    return record(str(file), name, **{**settings, **options})


@pytest.mark.parametrize(
    "returned",
    [
        "(optimizer, Halving(optimizer))",
        "[optimizer, Halving(optimizer)]",
        "([optimizer], [Halving(optimizer)])",
        "Halving(optimizer)",
        "{'optimizer': optimizer, 'lr_scheduler': Halving(optimizer)}",
        "{'optimizer': optimizer, 'lr_scheduler': {'scheduler': Halving(optimizer),"
        " 'interval': 'step'}}",
    ],
)
def test_accepted_forms(tmp_path: Path, returned: str) -> None:
    result = recorded(tmp_path, f"def make(): return {returned}")
    assert result.names == ("g0", "g1") and result.per == "step" and result.stopped is None
    np.testing.assert_array_equal(result.lr[0], [1.0, 0.5, 0.25, 0.125])
    np.testing.assert_array_equal(result.lr[1], 0.1 * result.lr[0])


def test_interval_of_lightning_counts_unless_told_otherwise(tmp_path: Path) -> None:
    config = "{'optimizer': optimizer, 'lr_scheduler': {'scheduler': Halving(optimizer)}}"
    code = f"def make(): return {config}"
    result = recorded(tmp_path, code, epochs=2)
    assert result.per == "epoch" and len(result.lr[0]) == 2
    assert recorded(tmp_path, code, epochs=2, per="step").per == "step"
    with pytest.raises(ConfigError, match="--epochs"):
        recorded(tmp_path, code)


def test_arguments_are_passed_by_name(tmp_path: Path) -> None:
    code = "def make(total_steps, other=3): return Halving(Optimizer(float(total_steps * other)))"
    assert recorded(tmp_path, code, given={"total_steps": 4, "epochs": 2}).lr[0][0] == 12


def test_a_group_added_later_begins_as_nan(tmp_path: Path) -> None:
    code = """
class Growing(Halving):
    def step(self):
        if len(self.optimizer.param_groups) == 2:
            self.optimizer.param_groups.append({"lr": 5.0})
def make(): return Growing(optimizer)
"""
    result = recorded(tmp_path, code)
    np.testing.assert_array_equal(result.lr[2], [np.nan, 5, 5, 5])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            "def make(): raise ValueError('no data')",
            "calling the factory raised ValueError: no data",
        ),
        ("def make(): return None.x", "line"),
        ("raise RuntimeError('early')", "loading the file raised RuntimeError: early"),
        ("import sys; sys.exit(3)", "loading the file raised SystemExit: 3"),
        ("def make(:", "SyntaxError"),
        ("import torhc", "No module named 'torhc'"),
        ("import os; os._exit(7)", "without a result (exit code 7)"),
        ("def other(): pass", "no function 'make' in it; there are: other"),
        ("def make(model): pass", "make needs model: give defaults"),
        ("def make(): return 3", "must return (optimizer, scheduler)"),
        ("def make(): return optimizer, 3", "must return (optimizer, scheduler)"),
        ("def make(): return input()", "EOFError"),
        (
            "class Plateau:\n    optimizer = optimizer\n    def step(self, metrics): pass\n"
            "def make(): return Plateau()",
            "Plateau.step needs metrics",
        ),
    ],
)
def test_failures_are_told(tmp_path: Path, code: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        recorded(tmp_path, code)
    assert told in str(caught.value) and "train.py" in str(caught.value)
    assert "_factory_child" not in str(caught.value)


def test_an_error_while_stepping_keeps_what_was_recorded(tmp_path: Path) -> None:
    code = """
class Ending(Halving):
    def step(self):
        super().step()
        if self.optimizer.param_groups[0]["lr"] < 0.3:
            raise ValueError("past the end")
def make(): return Ending(optimizer)
"""
    result = recorded(tmp_path, code)
    assert result.stopped is not None and "past the end" in result.stopped
    np.testing.assert_array_equal(result.lr[0], [1.0, 0.5])


@pytest.mark.parametrize("code", ["while True: pass", "def make():\n    while True: pass"])
def test_what_never_returns_is_given_up(tmp_path: Path, code: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ConfigError, match="longer than 1 s"):
        recorded(tmp_path, code, timeout=1)
    assert time.monotonic() - begin < 10


def test_missing_torch_names_the_extra(tmp_path: Path) -> None:
    # A finder that hides torch, as an environment without it would.
    code = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Hidden())
import torch
"""
    with pytest.raises(MissingExtraError, match=r"lrdoctor\[replay\]"):
        recorded(tmp_path, code)


def test_modules_beside_the_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "parts.py").write_text("lr = 8.0")
    code = "from parts import lr\ndef make(): return Halving(Optimizer(lr))"
    assert recorded(tmp_path, code).lr[0][0] == 8.0


def test_no_such_file() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        record("nowhere.py", "make", steps=3, epochs=None, given={}, per=None, timeout=5)
