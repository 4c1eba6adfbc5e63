"""Runs in a process of its own: calls a user's factory and steps the scheduler it returns.

Started by its path with a JSON request as the only argument; needs the standard library alone. The
result is ``result.json`` in the folder asked for, and one file of float64 per param group.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import math
import sys
import traceback
import warnings
from array import array
from pathlib import Path
from typing import Any

CONTRACT = (
    "it must return (optimizer, scheduler), the scheduler alone, or the dictionary of Lightning's "
    "configure_optimizers"
)


class BrokenContract(Exception):
    """What the factory is or returns does not fit; the message says how."""


def main() -> None:
    """Answers the request in ``sys.argv[1]``."""
    request = json.loads(sys.argv[1])
    # As for a script: its own arguments and its folder first on the path.
    sys.argv = [request["file"]]
    sys.path.insert(0, str(Path(request["file"]).parent))
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")
    columns: list[array[float]] = []
    result = _recorded(request, columns)
    folder = Path(request["out"])
    for index, column in enumerate(columns):
        (folder / f"{index}.f64").write_bytes(column.tobytes())
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")


def _recorded(request: dict[str, Any], columns: list[array[float]]) -> dict[str, Any]:
    result: dict[str, Any] = {"stage": "loading the file", "names": [], "per": request["per"]}
    try:
        module = load_file(request["file"])
        result["stage"] = "calling the factory"
        made = _call(module, request["name"], request["given"])
        optimizer, scheduler, interval = _parts(made)
        result["per"] = request["per"] or interval or "step"
        result["stage"] = "stepping the scheduler"
        _check_step(scheduler)
        calls = request["calls"][result["per"]]
        if calls is None:
            raise BrokenContract("it steps once an epoch: say how many there are with --epochs")
        try:
            _step(optimizer, scheduler, calls, columns)
        finally:
            result["names"] = [str(g.get("name", "")) for g in optimizer.param_groups]
    except BaseException as error:  # SystemExit and KeyboardInterrupt come from the user's code too
        result["error"] = told(error)
    return result


def load_file(file: str) -> Any:
    """The module that a user's file makes. Raises what the file raises."""
    name = Path(file).stem
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise BrokenContract("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _call(module: Any, name: str, given: dict[str, float]) -> Any:
    factory = getattr(module, name, None)
    if not callable(factory):
        there = [k for k, v in vars(module).items() if inspect.isfunction(v) and k[0] != "_"]
        raise BrokenContract(f"no function {name!r} in it; there are: {', '.join(there) or 'none'}")
    try:
        named = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        named = ()  # type: ignore[assignment]
    arguments = {p.name: given[p.name] for p in named if p.name in given}
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    missing = [
        p.name
        for p in named
        if p.default is p.empty and p.kind not in optional and p.name not in arguments
    ]
    if missing:
        raise BrokenContract(
            f"{name} needs {', '.join(missing)}: give defaults; what is passed by name is "
            f"{', '.join(given)}"
        )
    return factory(**arguments)


def _parts(made: Any) -> tuple[Any, Any, str | None]:
    """Optimizer, scheduler and interval of whatever a factory may return."""
    interval = None
    if isinstance(made, dict):
        made = (made.get("optimizer"), made.get("lr_scheduler"))
    if isinstance(made, tuple | list) and len(made) == 2:
        optimizer, scheduler = (_only(part) for part in made)
    else:
        optimizer, scheduler = getattr(made, "optimizer", None), made
    if isinstance(scheduler, dict):
        interval = str(scheduler.get("interval", "epoch"))
        scheduler = scheduler.get("scheduler")
    if not hasattr(optimizer, "param_groups") or not callable(getattr(scheduler, "step", None)):
        raise BrokenContract(f"{CONTRACT}; it returned {type(made).__name__}")
    return optimizer, scheduler, interval


def _only(part: Any) -> Any:
    return part[0] if isinstance(part, list) and len(part) == 1 else part


def _check_step(scheduler: Any) -> None:
    try:
        named = inspect.signature(scheduler.step).parameters.values()
    except (TypeError, ValueError):
        return
    wanted = [p.name for p in named if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if wanted:
        raise BrokenContract(
            f"{type(scheduler).__name__}.step needs {', '.join(wanted)}: what such a scheduler "
            "does depends on the training, so no dry run can tell"
        )


def _step(optimizer: Any, scheduler: Any, calls: int, columns: list[array[float]]) -> None:
    """Appends the LR of every param group, then steps, as a training loop does."""
    for done in range(calls):
        groups = optimizer.param_groups
        while len(columns) < len(groups):
            columns.append(array("d", [math.nan]) * done)
        for column, group in zip(columns, groups, strict=True):
            column.append(float(group["lr"]))
        scheduler.step()


def told(error: BaseException, ours: tuple[str, ...] = ()) -> dict[str, Any]:
    """An error as JSON; the traceback without the frames of this file and of ``ours``."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in (*_OURS, *ours):
        trace = trace.tb_next
    shown = traceback.format_exception(type(error), error, trace)
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    return {
        "type": type(error).__name__,
        "message": str(error),
        "contract": isinstance(error, BrokenContract),
        "missing": missing,
        "traceback": "".join(shown).rstrip(),
    }


_OURS = frozenset({
    __file__, "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>",
})  # fmt: skip

if __name__ == "__main__":
    main()
