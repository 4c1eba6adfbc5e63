"""Random schedules with realistic parameters, and the logs that trainings under them leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import Array, Clock, ClockUnit, Series

Rng = np.random.Generator
Parameters = dict[str, Any]

_TOPS = (0.1, 0.05, 0.01, 3e-3, 1e-3, 5e-4, 3e-4, 1e-4, 5e-5, 2e-5)
POSITIONS = frozenset({
    "T_max", "T_0", "total_steps", "timescale", "decay_start", "decay_steps", "step_size",
    "milestones", "reductions", "step_size_up", "step_size_down", "warmup", "interval",
})  # fmt: skip
# Families whose closed form can advance once per epoch on a step axis.
_PER_EPOCH = ("cosine", "exponential", "linear", "polynomial", "cosine_restarts", "wsd", "onecycle")
_OF_EPOCHS = ("step", "multistep", "reduce_on_plateau")
_CHAINED = ("exponential x ramp", "cosine x ramp")
_FEWEST_IN_WARMUP = 3
_FEWEST_EPOCHS = 60


@dataclass(frozen=True)
class Log:
    """A logged LR and what is true of it; ``every`` is the distance between points in x units."""

    family: str
    parameters: Mapping[str, Any]
    series: Series
    every: float
    clock: Clock

    @property
    def identifiable(self) -> bool:
        """Whether the log can show all parameters: a warm-up takes three logging intervals."""
        length = self.parameters.get("warmup")
        return length is None or float(length) >= _FEWEST_IN_WARMUP * self.every


# ---------------------------------------------------------------------------- schedules


def _top(rng: Rng) -> float:
    return float(rng.choice(_TOPS) * rng.choice([1.0, 1.0, 0.5, 1.5, 0.8]))


def _warmup(rng: Rng, steps: int, top: float, shapes: tuple[str, ...] = ("linear",)) -> Parameters:
    if rng.random() < 0.5:
        return {}
    length = max(2, int(steps * rng.choice([0.02, 0.03, 0.05, 0.06, 0.1, 0.15])))
    start = float(top * rng.choice([0.0, 0.0, 0.0, 0.1, 0.01, 0.001]))
    shape = str(rng.choice(shapes))
    if shape == "cosine":
        start = 0.0  # from above 0 it would be a one-cycle, value for value
    return {"warmup": length, "warmup_start_lr": start, "warmup_shape": shape}


def _floor(rng: Rng, top: float) -> float:
    return float(top * rng.choice([0.0, 0.0, 0.01, 0.001, 0.1]))


def _constant(rng: Rng, n: int) -> Parameters:
    top = _top(rng)
    return {"lr": top, **_warmup(rng, n, top, ("linear", "linear", "log"))}


def _step(rng: Rng, n: int) -> Parameters:
    size = max(1, n // int(rng.integers(3, 9)))
    return {"lr": _top(rng), "step_size": size, "gamma": float(rng.choice([0.1, 0.5, 0.2, 0.8]))}


def _multistep(rng: Rng, n: int) -> Parameters:
    shares = [(0.5, 0.75), (0.6, 0.85), (0.3, 0.6, 0.8), (0.5, 0.8, 0.9)][int(rng.integers(4))]
    marks = sorted({int(share * n) for share in shares})
    return {"lr": _top(rng), "milestones": marks, "gamma": float(rng.choice([0.1, 0.2, 0.5]))}


def _exponential(rng: Rng, n: int) -> Parameters:
    return {"lr": _top(rng), "gamma": float(np.exp(-rng.uniform(0.7, 7.0) / n))}


def _cosine(rng: Rng, n: int) -> Parameters:
    top = _top(rng)
    ramp = _warmup(rng, n, top, ("linear", "linear", "linear", "cosine", "log"))
    return {"lr": top, "T_max": n - ramp.get("warmup", 0), "eta_min": _floor(rng, top), **ramp}


def _restarts(rng: Rng, n: int) -> Parameters:
    top, mult = _top(rng), int(rng.choice([1, 1, 2]))
    first = n // int(rng.integers(2, 7)) if mult == 1 else n // int(rng.choice([3, 7]))
    return {"lr": top, "T_0": max(first, 2), "T_mult": mult, "eta_min": _floor(rng, top)}


def _linear(rng: Rng, n: int) -> Parameters:
    top = _top(rng)
    ramp = _warmup(rng, n, top, ("linear", "linear", "linear", "log"))
    return {"lr": top, "total_steps": n - ramp.get("warmup", 0), **ramp}


def _polynomial(rng: Rng, n: int) -> Parameters:
    top = _top(rng)
    ramp = _warmup(rng, n, top)
    power = float(rng.choice([0.9, 0.9, 2.0, 3.0, 0.5]))
    return {"lr": top, "total_steps": n - ramp.get("warmup", 0), "power": power, **ramp}


def _onecycle(rng: Rng, n: int) -> Parameters:
    return {
        "max_lr": _top(rng),
        "total_steps": n,
        "pct_start": float(rng.choice([0.3, 0.3, 0.2, 0.1, 0.25, 0.4, 0.5])),
        "div_factor": float(rng.choice([25.0, 10.0, 100.0])),
        "final_div_factor": float(rng.choice([1e4, 1e3, 100.0])),
        "anneal_strategy": str(rng.choice(["cos", "cos", "linear"])),
    }


def _three_phases(rng: Rng, n: int) -> Parameters:
    share = float(rng.choice([0.3, 0.2, 0.25, 0.4]))
    return {**_onecycle(rng, n), "pct_start": share, "three_phase": True}


def _cyclic(rng: Rng, n: int) -> Parameters:
    top = _top(rng)
    size = max(2, n // int(rng.integers(4, 12)))
    mode = str(rng.choice(["triangular", "triangular2"]))
    return {"base_lr": top / 10, "max_lr": top, "step_size_up": size, "mode": mode}


def _exp_range(rng: Rng, n: int) -> Parameters:
    gamma = float(f"{np.exp(-rng.uniform(0.5, 3.0) / n):.9g}")
    return {**_cyclic(rng, n), "mode": "exp_range", "gamma": gamma}


def _inverse_sqrt(rng: Rng, n: int) -> Parameters:
    length = max(2, int(n * rng.choice([0.02, 0.05, 0.1])))
    top, hold = _top(rng), rng.random() < 0.2
    if hold:  # T5
        return {"lr": top, "timescale": length, "warmup": length} | {
            "warmup_shape": "constant",
            "warmup_start_lr": top,
        }
    return {"lr": top, "timescale": length, "warmup": length}


def _wsd(rng: Rng, n: int) -> Parameters:
    steps = int(n * rng.choice([0.1, 0.2, 0.3]))
    shape = str(rng.choice(["linear", "cosine", "1-sqrt"]))
    start = {"decay_start": n - steps, "decay_steps": steps, "decay_shape": shape}
    top = _top(rng)
    return {"lr": top, **start, **_warmup(rng, n, top)}


def _plateau(rng: Rng, n: int) -> Parameters:
    cuts = sorted(rng.choice(np.arange(n // 8, n), size=int(rng.integers(3, 6)), replace=False))
    if np.diff(cuts).min() < n / 30:
        return _plateau(rng, n)
    factor = float(rng.choice([0.1, 0.5, 0.2]))
    return {"lr": _top(rng), "factor": factor, "reductions": [int(c) for c in cuts]}


def _chained(rng: Rng, n: int, body: Callable[[Rng, int], Parameters]) -> Parameters:
    """torch's ChainedScheduler: a LinearLR that multiplies the schedule from the start."""
    plain = {k: v for k, v in body(rng, n).items() if not k.startswith("warmup")}
    start = float(plain["lr"] * rng.choice([0.1, 0.01, 0.25]))
    length = int(n * rng.choice([0.05, 0.1]))
    if "T_max" in plain:
        plain["T_max"] = n
    return {**plain, "warmup": length, "warmup_start_lr": start, "warmup_overlap": True}


# Rows of the table: the name that must be found, and how its parameters are drawn.
DRAW: Mapping[str, tuple[str, Callable[[Rng, int], Parameters]]] = {
    "constant": ("constant", _constant),
    "step": ("step", _step),
    "multistep": ("multistep", _multistep),
    "exponential": ("exponential", _exponential),
    "cosine": ("cosine", _cosine),
    "cosine_restarts": ("cosine_restarts", _restarts),
    "linear": ("linear", _linear),
    "polynomial": ("polynomial", _polynomial),
    "onecycle": ("onecycle", _onecycle),
    "onecycle, 3 phases": ("onecycle", _three_phases),
    "cyclic": ("cyclic", _cyclic),
    "cyclic, exp_range": ("cyclic", _exp_range),
    "inverse_sqrt": ("inverse_sqrt", _inverse_sqrt),
    "wsd": ("wsd", _wsd),
    "reduce_on_plateau": ("reduce_on_plateau", _plateau),
    "exponential x ramp": ("exponential", lambda r, n: _chained(r, n, _exponential)),
    "cosine x ramp": ("cosine", lambda r, n: _chained(r, n, _cosine)),
}


# ---------------------------------------------------------------------------- logs


def drawn(row: str, rng: Rng, *, digits: int, partial: bool, points: int = 0) -> Log:
    """A log of a random schedule: every k-th step, once per epoch, or of an epoch schedule.

    ``digits`` significant digits are kept (0: float32); a partial log stops at 40 to 100 %.
    """
    family, draw = DRAW[row]
    size = points or int(np.exp(rng.uniform(np.log(40), np.log(5000))))
    way = 0.0 if row in _CHAINED else rng.random()
    if way < 0.6 or (points and way < 0.85):
        log = _every_kth(family, draw, rng, size)
    elif way < 0.85 or row not in _PER_EPOCH:
        log = _once_per_epoch(family, draw, rng, min(size, 600))
    else:
        log = _of_epoch_schedule(family, draw, rng, size)
    seen = max(int(len(log.series) * rng.uniform(0.4, 1.0)), 20) if partial else len(log.series)
    y = stored(log.series.value[:seen], digits)
    series = Series("lr", log.series.step[:seen], y)
    return Log(log.family, log.parameters, series, log.every, log.clock)


def stored(values: Array, digits: int) -> Array:
    """Values as a log keeps them: in float32, or with some significant digits as text."""
    single = values.astype(np.float32).astype(float)
    return np.array([float(f"{v:.{digits - 1}e}") for v in single]) if digits else single


def _logged(
    family: str, parameters: Parameters, x: Array, at: Array, every: float, clock: Clock
) -> Log:
    value = from_parameters(family, parameters).lr(np.asarray(at, dtype=float))
    return Log(family, parameters, Series("lr", x.astype(np.int64), value), every, clock)


def _every_kth(family: str, draw: Callable[[Rng, int], Parameters], rng: Rng, size: int) -> Log:
    """Counters from 0, the last step of each k, or steps done (1-based), where a trainer may log
    the LR used or the one to come."""
    every = int(rng.choice([1, 1, 5, 10, 50, 100, 391]))
    parameters = draw(rng, size * every)
    time = every * np.arange(size)
    way = int(rng.integers(4))
    if way == 1:
        time = time + every - 1
    x, at = time, time
    if way == 2:
        x = every * np.arange(1, size + 1)
        at = x - 1
    if way == 3:
        x = at = every * np.arange(1, size + 1)
    epoch = Clock(ClockUnit.OPTIMIZER_STEP, float(every * max(size // 30, 2)))
    return _logged(family, parameters, x, at, float(every), epoch)


def _once_per_epoch(
    family: str, draw: Callable[[Rng, int], Parameters], rng: Rng, epochs: int
) -> Log:
    """A schedule of batches over an axis of epochs, from the first or the last batch of each.

    Cuts are made between epochs, and a logarithm of batches has no likeness in epochs.
    """
    batches = int(rng.choice([32, 100, 391, 1251]))
    if family in _OF_EPOCHS:
        parameters, batches = draw(rng, epochs), 1
    else:
        drawn_ = draw(rng, epochs * batches)
        parameters = {k: _per_epoch(k, v, batches) for k, v in drawn_.items()}
    if parameters.get("warmup_shape") == "log":
        parameters["warmup_shape"] = "linear"
    if family == "onecycle":
        parameters["interval"] = 1.0 / batches
    x = np.arange(epochs)
    at = x + (0.0 if rng.random() < 0.5 else 1.0 - 1.0 / batches)
    return _logged(family, parameters, x, at, 1.0, Clock(ClockUnit.EPOCH, 1.0))


def _per_epoch(name: str, value: Any, batches: int) -> Any:
    if name in POSITIONS:
        return [v / batches for v in value] if isinstance(value, list) else value / batches
    return value**batches if name == "gamma" and value > 0.95 else value


def _of_epoch_schedule(
    family: str, draw: Callable[[Rng, int], Parameters], rng: Rng, size: int
) -> Log:
    """A schedule that advances once per epoch, logged some times within each."""
    inside = int(rng.choice([4, 8, 20]))
    epochs = max(size // inside, _FEWEST_EPOCHS)
    every = int(rng.choice([1, 10, 50]))
    batches = every * inside
    plain = {k: v for k, v in draw(rng, epochs).items() if not k.startswith("warmup")}
    if "T_max" in plain:
        plain["T_max"] = epochs
    if family in ("linear", "polynomial"):
        plain["total_steps"] = epochs
    scaled = {
        k: v * batches if k in POSITIONS else v ** (1 / batches) if k == "gamma" else v
        for k, v in plain.items()
    }
    x = every * np.arange(epochs * inside)
    clock = Clock(ClockUnit.OPTIMIZER_STEP, float(batches))
    return _logged(family, {**scaled, "interval": batches}, x, x, float(every), clock)
