"""Trains fresh runs with and without faults and writes their logs, with the truth beside them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.accuracy._gather import gather
from benchmarks.accuracy.lab import History
from benchmarks.accuracy.scene import Draw, Injection, Scene
from benchmarks.accuracy.writers import write

TRUTH = "truth.json"


@dataclass(frozen=True)
class Trial:
    """One log. ``kind`` is fault, control or healthy; ``code`` the fault that was injected or kept
    out. ``start`` is where the fault begins (None: nowhere in particular), ``length`` the last
    step, ``occurred`` whether the fault did what it does, ``also`` what else is true of it."""

    name: str
    kind: str
    code: str
    mechanism: str
    writer: str
    intent: bool
    occurred: bool = True
    start: int | None = None
    length: int = 0
    also: tuple[str, ...] = ()
    seed: int = 0


def make_trials(seed: int, folder: Path, only: str = "") -> list[Trial]:
    """All trials of a seed under ``folder``; those already there are not trained again.

    ``only`` names codes, mechanisms or kinds of trials, separated by commas; empty for all.
    """
    wanted = frozenset(filter(None, only.split(",")))
    folder.mkdir(parents=True, exist_ok=True)
    known = _load(folder)
    for injection in gather("benchmarks.accuracy.faults", "INJECTIONS"):
        asked = not wanted or wanted & {injection.code, injection.mechanism}
        if asked and _name(injection, 1) not in known:
            known |= {t.name: t for t in _pair(injection, seed, folder)}
            _save(folder, known)
    for make in gather("benchmarks.accuracy.healthy", "LOOKALIKES"):
        name = make.__name__
        if (not wanted or wanted & {"healthy", name}) and name not in known:
            draw = _draw(seed, name)
            scene = make(draw)
            history = scene.trained(seed)
            known[name] = _written(scene, history, draw, folder, name, name, seed=seed)
            _save(folder, known)
    return [t for t in known.values() if not wanted or wanted & {t.code, t.kind, t.mechanism}]


def _pair(injection: Injection, seed: int, folder: Path) -> Iterator[Trial]:
    """The faulty run and its control: one draw, one seed, one writer."""
    histories = []
    for faulty in (True, False):
        draw = _draw(seed, injection.mechanism)
        scene = injection.make(draw, faulty)
        histories.append((scene, scene.trained(seed), draw))
    happened = bool(injection.occurred(histories[0][1], histories[1][1]))
    for faulty, (scene, history, draw) in zip((True, False), histories, strict=True):
        yield _written(
            scene,
            history,
            draw,
            folder,
            _name(injection, faulty),
            injection.mechanism,
            kind="fault" if faulty else "control",
            code=injection.code,
            always_intent=injection.needs_intent,
            occurred=happened,
            start=injection.place(history) if faulty and happened else None,
            also=injection.also if faulty else (),
            seed=seed,
        )


def _written(
    scene: Scene,
    history: History,
    draw: Draw,
    folder: Path,
    name: str,
    mechanism: str,
    *,
    kind: str = "healthy",
    code: str = "",
    always_intent: bool = False,
    occurred: bool = True,
    start: int | None = None,
    also: tuple[str, ...] = (),
    seed: int = 0,
) -> Trial:
    """Writes a log by one of the scene's writers; a quarter of the logs lack their configuration,
    unless the fault cannot be seen without it."""
    writer = str(draw.choice(list(scene.writers)))
    intent = always_intent or bool(draw.random() < 0.75)
    write(history, folder / name, writer, intent=intent)
    length = len(history.loss)
    return Trial(name, kind, code, mechanism, writer, intent, occurred, start, length, also, seed)


def _draw(seed: int, name: str) -> Draw:
    """The same numbers for both halves of a pair, others for every mechanism and seed."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _name(injection: Injection, faulty: int) -> str:
    return f"{injection.mechanism}-{'fault' if faulty else 'control'}"


def _load(folder: Path) -> dict[str, Trial]:
    path = folder / TRUTH
    rows = json.loads(path.read_text()) if path.exists() else []
    return {row["name"]: Trial(**{**row, "also": tuple(row["also"])}) for row in rows}


def _save(folder: Path, trials: dict[str, Trial]) -> None:
    (folder / TRUTH).write_text(json.dumps([asdict(t) for t in trials.values()], indent=1))
