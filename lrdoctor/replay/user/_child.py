"""Runs in a process of its own: loads a user's task, describes it or trains it.

Started by its path with a JSON request as the only argument. Results are files in the folder asked
for, written as they come, so that what is done outlives a stop: ``described.json``, for each
training of ``train`` ``<row>-<seed>.npy`` or ``.json`` (its error), for a batch ``batch.npz`` or
``batch.json``, and ``progress`` (steps done, steps in all).
"""

from __future__ import annotations

import inspect
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[3]))

import numpy as np

from lrdoctor.replay._factory_child import BrokenContract, load_file, told

PARTS = ("make_model", "batch", "loss")
CONTRACT = (
    "it must have make_model(seed), batch(step, seed) and loss(model, batch), or "
    "train(lr_schedule, seed, budget)"
)
# ``FILE.py:task`` may also mean the functions of the file itself.
_USUAL = "task"
_OFTEN = 0.2  # seconds between two notes of progress


class LrSchedule:
    """The LR of a training: ``lr_schedule(step)``, or of one param group by index or logged name.

    0 while a group is frozen and, past the end, as at the end.
    """

    def __init__(self, lr: np.ndarray, groups: list[str]) -> None:
        self.steps, self.groups = len(lr), groups
        self._lr = np.nan_to_num(lr)

    def __call__(self, step: int, group: int | str = 0) -> float:
        column = self.groups.index(group) if isinstance(group, str) else group
        return float(self._lr[min(int(step), self.steps - 1), column])


def main() -> None:
    """Answers the request in ``sys.argv[1]``."""
    request = json.loads(sys.argv[1])
    sys.argv = [request["file"]]
    sys.path.insert(0, str(Path(request["file"]).parent))
    out = Path(request["out"])
    try:
        task = _task(load_file(request["file"]), request["name"])
        described = _described(task)
        if request["do"] == "describe":
            described |= _checked(described, request["device"])
    except BaseException as error:  # SystemExit and KeyboardInterrupt come from the user's code too
        described = {"error": told(error, (__file__,))}
    if request["do"] == "describe" or "error" in described:
        _write(out / "described.json", described)
        return
    lr = np.load(request["lr"])
    if described["kind"] == "train":
        _train_each(task, lr, request, out)
    else:
        _train_together(task, lr, request, described, out)


def _task(module: Any, name: str) -> Any:
    """What holds the functions: the file, or an object, class or factory of this name in it."""
    found = getattr(module, name, None) if name else module
    if found is None and name == _USUAL:
        found = module
    if found is None:
        there = [k for k in vars(module) if not k.startswith("_")]
        raise BrokenContract(f"no {name!r} in it; there are: {', '.join(there) or 'none'}")
    if found is module or (inspect.isfunction(found) and name == "train"):
        return module
    return found() if inspect.isfunction(found) or inspect.isclass(found) else found


def _described(task: Any) -> dict[str, Any]:
    from lrdoctor.replay.proxy.train import OPTIMIZERS

    kind = "train" if callable(getattr(task, "train", None)) else "batch"
    missing = [part for part in PARTS if not callable(getattr(task, part, None))]
    if kind == "batch" and missing:
        raise BrokenContract(f"{CONTRACT}; it lacks {', '.join(missing)}")
    steps, optimizer = getattr(task, "steps", None), getattr(task, "optimizer", "adamw")
    if steps is not None and (not isinstance(steps, int) or steps < 2):
        raise BrokenContract(f"steps must be a whole number of 2 or more, not {steps!r}")
    if optimizer not in OPTIMIZERS:
        raise BrokenContract(f"optimizer is one of {', '.join(OPTIMIZERS)}, not {optimizer!r}")
    numbers = {
        key: float(getattr(task, key)) for key in ("weight_decay", "momentum") if hasattr(task, key)
    }
    return {"kind": kind, "steps": steps, "optimizer": optimizer, **numbers}


def _checked(described: dict[str, Any], device: str) -> dict[str, Any]:
    """Raises early where a batch lacks torch or the device."""
    if described["kind"] == "train":
        return {}
    from lrdoctor.replay.proxy.train import choose_device

    return {"device": str(choose_device(device))}


def _train_each(task: Any, lr: np.ndarray, request: dict[str, Any], out: Path) -> None:
    for row, seed in request["jobs"]:
        _write(out / "begun.json", [row, seed])
        try:
            made = task.train(LrSchedule(lr[row], request["groups"]), seed, len(lr[row]))
            result = _numbers(made)
        except BaseException as error:
            _write(out / f"{row}-{seed}.json", told(error, (__file__,)))
        else:
            temporary = out / "losses.tmp.npy"
            np.save(temporary, result)
            temporary.replace(out / f"{row}-{seed}.npy")


def _numbers(made: Any) -> np.ndarray:
    try:
        losses = np.array([float(value) for value in made])
    except (TypeError, ValueError) as error:
        raise BrokenContract(
            f"train must return the losses as a sequence of numbers, not {type(made).__name__}"
        ) from error
    if not len(losses):
        raise BrokenContract("train returned no loss")
    return losses


class _UserTask:
    """A user's functions under the names that the batched training uses."""

    def __init__(self, task: Any, groups: list[str]) -> None:
        self._task, self._groups = task, groups
        self.batch, self.loss = task.batch, task.loss

    def model(self, seed: int) -> Any:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._task.make_model(seed)

    def group(self, parameter: str) -> int:
        choose = getattr(self._task, "group", None)
        if choose is None:
            return 0
        wanted = choose(parameter)
        if wanted not in self._groups:
            raise BrokenContract(
                f"group({parameter!r}) is {wanted!r}; the log has {', '.join(self._groups)}"
            )
        return self._groups.index(wanted)


def _train_together(
    task: Any, lr: np.ndarray, request: dict[str, Any], described: dict[str, Any], out: Path
) -> None:
    from lrdoctor.replay.proxy.train import Settings, train

    last = [0.0]

    def progress(done: int, total: int) -> None:
        if time.monotonic() - last[0] > _OFTEN:
            last[0] = time.monotonic()
            _write(out / "progress", [done, total])

    optional = {k: described[k] for k in ("weight_decay", "momentum") if k in described}
    settings = Settings(
        optimizer=described["optimizer"],
        seeds=request["seeds"],
        device=request["device"],
        budget=request["budget"],
        chunk=request["chunk"],
        **optional,
    )
    warnings.filterwarnings("ignore", category=UserWarning)
    _write(out / "progress", [0, 1])  # from here on the budget counts
    try:
        trained = train(_UserTask(task, request["groups"]), lr, settings, progress)
    except BaseException as error:
        _write(out / "batch.json", told(error, (__file__,)))
        return
    temporary = out / "batch.tmp.npz"
    np.savez(temporary, loss=trained.loss, done=trained.done, device=trained.device)
    temporary.replace(out / "batch.npz")


def _write(path: Path, value: Any) -> None:
    """Whole or not at all: another process reads it."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)


if __name__ == "__main__":
    main()
