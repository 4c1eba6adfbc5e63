"""Steps the scheduler of a user's own factory in another process, before any training."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrdoctor.errors import ConfigError, MissingExtraError
from lrdoctor.replay._child_process import child_process
from lrdoctor.types import Array, _Value

_CHILD = Path(__file__).with_name("_factory_child.py")
STEPPING = "stepping the scheduler"


@dataclass(frozen=True, slots=True, eq=False)
class Recording(_Value):
    """LR of every param group at every scheduler step, ``float64[n]`` each, before that step.

    ``per`` is "step" or "epoch": how often the scheduler is meant to be stepped. ``stopped`` is
    the traceback of an error that ended the stepping early.
    """

    names: tuple[str, ...]
    lr: tuple[Array, ...]
    per: str
    stopped: str | None = None


def record(
    file: str,
    name: str,
    *,
    steps: int | None,
    epochs: int | None,
    given: Mapping[str, float],
    per: str | None,
    timeout: float,
) -> Recording:
    """What the scheduler made by function ``name`` in ``file`` does over ``steps`` or ``epochs``.

    The function gets those entries of ``given`` that it names as arguments. ``per`` None takes what
    the factory says (Lightning's interval), else "step". Raises ``ConfigError`` for a file or
    function that fails (with its traceback) or takes longer than ``timeout`` seconds, and
    ``MissingExtraError`` where it needs torch and that is not installed.
    """
    if not Path(file).is_file():
        raise ConfigError("no such file", file)
    with tempfile.TemporaryDirectory(prefix="lrdoctor-") as folder:
        request = {
            "file": str(Path(file).resolve()),
            "name": name,
            "calls": {"step": steps, "epoch": epochs},
            "given": dict(given),
            "per": per,
            "out": folder,
        }
        code = _run(request, timeout, file, name)
        try:
            result = json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ConfigError(
                f"its process ended without a result (exit code {code})", file
            ) from None
        columns = [np.fromfile(f) for f in sorted(Path(folder).glob("*.f64"), key=_index)]
    _check(result, file, name, len(columns))
    stopped = result["error"]["traceback"] if "error" in result else None
    names = (*result["names"], *[""] * len(columns))[: len(columns)]
    return Recording(tuple(names), tuple(columns), result["per"], stopped)


def _index(path: Path) -> int:
    return int(path.stem)


def _run(request: Mapping[str, Any], timeout: float, file: str, name: str) -> int:
    """Runs the child; what the user's code prints goes to standard error."""
    with child_process(_CHILD, request) as child:
        try:
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ConfigError(
                f"{name} and stepping its scheduler took longer than {timeout:g} s and was given "
                "up (--timeout allows more)",
                file,
            ) from None


def _check(result: Mapping[str, Any], file: str, name: str, columns: int) -> None:
    """Raises for an error that leaves no LR to look at."""
    error = result.get("error")
    if error is None:
        return
    if error["missing"] == "torch":
        raise MissingExtraError("torch", "replay")
    if error["contract"]:
        raise ConfigError(error["message"], f"{file}:{name}")
    if result["stage"] == STEPPING and columns:
        return
    told = f"{result['stage']} raised {error['type']}: {error['message']}"
    raise ConfigError(f"{told}\n{error['traceback']}", f"{file}:{name}")
