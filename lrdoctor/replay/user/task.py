"""A user's own task: where it is, what kind it is, and training it in another process."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError, MissingExtraError
from lrdoctor.replay._child_process import child_process
from lrdoctor.replay.proxy.train import Trained
from lrdoctor.types import Array

_CHILD = Path(__file__).with_name("_child.py")
_LOOK = 0.05  # seconds between two looks at what a child has done
# Loading a user's file may import a whole framework before anything is trained.
_LOADING = 120.0
# A batch minds the budget by itself; this long after, it hangs.
_GRACE = 30.0
_STOPPING = 20.0


@dataclass(frozen=True, slots=True)
class UserTask:
    """A task in ``file``; ``name`` is an object in it ("" for the file itself). ``kind`` is "train"
    (run one after another) or "batch"; ``steps`` the optimizer steps it wants, None for the log's.
    """

    file: str
    name: str
    kind: str
    steps: int | None
    optimizer: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to train: ``seeds`` trainings per LR curve within ``budget`` seconds."""

    seeds: int
    budget: float
    device: str = "auto"


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """Losses as ``Trained`` has them, NaN where there is none, and why not: a reason per row of
    which a training failed."""

    trained: Trained
    failed: Mapping[int, str]


def find_task(text: str, device: str) -> UserTask:
    """The task that ``FILE.py`` or ``FILE.py:NAME`` means, loaded once to look at it.

    Raises ``ConfigError`` for a file or task that does not fit, with the traceback where it raises,
    and ``MissingExtraError`` where torch is needed and missing.
    """
    file, colon, name = text.rpartition(":")
    if not colon or not file.endswith(".py"):
        file, name = text, ""
    if not Path(file).is_file():
        raise ConfigError("no such file", file)
    with tempfile.TemporaryDirectory(prefix="lrdoctor-") as folder:
        request = _request(file, name, folder, "describe", device=device)
        with child_process(_CHILD, request) as child:
            try:
                code = child.wait(_LOADING)
            except subprocess.TimeoutExpired:
                raise ConfigError(
                    f"loading it took longer than {_LOADING:g} s and was given up", file
                ) from None
        described = _read(Path(folder) / "described.json")
    if described is None:
        raise ConfigError(f"its process ended without a word (exit code {code})", file)
    if error := described.get("error"):
        raise _as_exception(error, f"{file}:{name}" if name else file)
    return UserTask(file, name, described["kind"], described["steps"], described["optimizer"])


def train_task(
    task: UserTask,
    lr: Array,
    groups: Sequence[str],
    plan: Plan,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Result:
    """Trains ``task`` under every LR curve: float64[candidates, steps, groups], NaN where frozen.

    A training that raises, hangs or dies is a reason in ``Result.failed``; the others go on. Ctrl-C
    keeps what is done.
    """
    with tempfile.TemporaryDirectory(prefix="lrdoctor-") as folder:
        where = Path(folder)
        np.save(where / "lr.npy", lr)
        common = _request(task.file, task.name, folder, "train", device=plan.device)
        request = {**common, "lr": str(where / "lr.npy"), "groups": list(groups)}
        train = _one_by_one if task.kind == "train" else _together
        return train(request, lr, plan, where, progress)


def _request(file: str, name: str, folder: str, do: str, device: str) -> dict[str, Any]:
    return {"file": str(Path(file).resolve()), "name": name, "out": folder, "do": do} | {
        "device": device
    }


def _one_by_one(
    request: dict[str, Any],
    lr: Array,
    plan: Plan,
    folder: Path,
    progress: Callable[[int, int], None],
) -> Result:
    begin = time.perf_counter()
    rows, steps, _ = lr.shape
    jobs = [(row, seed) for seed in range(plan.seeds) for row in range(rows)]
    failed: dict[int, str] = {}
    stopped = False
    left = list(jobs)
    while left and not stopped:
        if time.perf_counter() - begin > plan.budget:
            failed |= {row: "--budget was spent before it began" for row, _ in left}
            break
        try:
            with child_process(_CHILD, {**request, "jobs": left}) as child:
                _watch(child, left, failed, folder, begin + plan.budget, progress, len(jobs))
        except KeyboardInterrupt:
            stopped = True
    loss = np.full((rows, plan.seeds, steps), np.nan)
    done = np.zeros((rows, plan.seeds), dtype=np.int64)
    for row, seed in jobs:
        file = folder / f"{row}-{seed}.npy"
        if file.exists():
            loss[row, seed], done[row, seed] = _spread(np.load(file), steps), steps
    trained = Trained(loss, done, "", time.perf_counter() - begin, stopped)
    return Result(trained, failed)


def _watch(
    child: subprocess.Popen[bytes],
    left: list[tuple[int, int]],
    failed: dict[int, str],
    folder: Path,
    until: float,
    progress: Callable[[int, int], None],
    total: int,
) -> None:
    """Takes finished trainings off ``left`` until all are done or the child must be replaced.

    Each training may take its share of the time that is left; a quick one leaves more to others.
    """
    since, begun, share = time.perf_counter(), False, _LOADING
    while left:
        row, seed = left[0]
        dead = child.poll() is not None  # asked first: what it wrote last is then seen below
        result, error = folder / f"{row}-{seed}.npy", _read(folder / f"{row}-{seed}.json")
        if not begun and _read(folder / "begun.json") == [row, seed]:
            since, begun = time.perf_counter(), True
            share = max(until - since, 0.0) / len(left)
            continue
        if not result.exists() and error is None:
            if unloaded := _read(folder / "described.json"):
                failed |= {r: _reason(unloaded["error"]) for r, _ in left}
                left.clear()
                return
            if not dead and time.perf_counter() - since <= share:
                time.sleep(_LOOK)
                continue
            failed[row] = f"seed {seed}: " + (
                f"its process ended early (exit code {child.returncode})"
                if dead
                else f"it took longer than {share:.3g} s, its share of --budget, and was stopped"
            )
        elif error is not None:
            failed[row] = f"seed {seed}: {_reason(error)}"
        left.pop(0)
        progress(total - len(left), total)
        if not result.exists() and error is None:
            return
        since, begun, share = time.perf_counter(), False, _LOADING


def _together(
    request: dict[str, Any],
    lr: Array,
    plan: Plan,
    folder: Path,
    progress: Callable[[int, int], None],
) -> Result:
    begin = time.perf_counter()
    rows, steps, _ = lr.shape
    more = {"seeds": plan.seeds, "budget": plan.budget, "chunk": rows}
    stopped, reason = False, ""
    with child_process(_CHILD, {**request, **more}) as child:
        try:
            until, trains = begin + _LOADING, False
            while child.poll() is None and not reason:
                if seen := _read(folder / "progress"):
                    until = until if trains else time.perf_counter() + plan.budget + _GRACE
                    trains = True
                    progress(*seen)
                if time.perf_counter() > until:
                    late = f"{_GRACE:g} s after the end of --budget it was still at work"
                    reason = f"it hung: {late if trains else 'its file was never loaded'}"
                time.sleep(_LOOK)
        except KeyboardInterrupt:
            stopped = True
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                child.send_signal(signal.SIGINT)
                child.wait(_STOPPING)
    error = _read(folder / "batch.json")
    loss = np.full((rows, plan.seeds, steps), np.nan)
    done, device = np.zeros((rows, plan.seeds), dtype=np.int64), ""
    if error is not None:
        reason = _reason(error)
    elif (folder / "batch.npz").exists():
        with np.load(folder / "batch.npz") as file:
            loss, done, device = file["loss"], file["done"], str(file["device"])
    elif not reason and not stopped:
        reason = f"its process ended early (exit code {child.returncode})"
    trained = Trained(loss, done, device, time.perf_counter() - begin, stopped)
    return Result(trained, dict.fromkeys(range(rows), reason) if reason else {})


def _spread(losses: Array, steps: int) -> Array:
    """Losses logged at even distances as one per step."""
    if len(losses) == steps:
        return losses
    return np.interp(np.linspace(0.0, 1.0, steps), np.linspace(0.0, 1.0, len(losses)), losses)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _reason(error: Mapping[str, Any]) -> str:
    """One line: what was raised, and where in the user's file."""
    if error["contract"]:
        return str(error["message"])
    places = [line.strip() for line in error["traceback"].splitlines() if "line " in line]
    where = f" ({places[-1]})" if places else ""
    return f"it raised {error['type']}: {error['message']}{where}".replace("\n", " ")


def _as_exception(error: Mapping[str, Any], place: str) -> Exception:
    if error["missing"] == "torch" or error["type"] == "MissingExtraError":
        return MissingExtraError("torch", "replay")
    if error["contract"] or error["type"] == "ConfigError":
        return ConfigError(error["message"], place)
    return ConfigError(
        f"loading it raised {error['type']}: {error['message']}\n{error['traceback']}", place
    )
