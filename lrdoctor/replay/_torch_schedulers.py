"""torch's own scheduler for a named schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lrdoctor.protocols import NamedSchedule
from lrdoctor.types import Array

# A whole run of a large training is millions of steps; closed forms show any error much earlier.
MOST_STEPS = 20_000
# torch's LinearLR refuses a start of 0.
_LEAST_START = 1e-8

Values = Mapping[str, Any]
Make = Callable[[Any, Values], Any]


def maker(named: NamedSchedule) -> Callable[[Any, Sequence[float]], Any] | None:
    """Makes torch's scheduler for an optimizer and its groups' LRs; None where torch has none."""
    values, _ = _per_step(named)
    make = _MAKERS.get(named.name)
    if make is None or values is None:
        return None

    def made(optimizer: Any, tops: Sequence[float]) -> Any:
        # One-cycle takes the LRs of all groups as an argument; all others scale each group's own.
        own = {**values, "max_lr": list(tops)} if "max_lr" in values else values
        return _with_warmup(optimizer, make, own, tops[0])

    return made


def closed_form(named: NamedSchedule, steps: int) -> Array:
    """The same by the formula of this package."""
    _, interval = _per_step(named)
    return named.lr(np.arange(min(steps, MOST_STEPS), dtype=np.float64) * interval)


def scheduler_steps(named: NamedSchedule, length: float) -> int:
    """How many scheduler steps fill ``length`` x units, as far as torch's class has the same form.

    A cosine that stays at its floor has torch's form up to the floor only, and torch's one-cycle
    ends with an error.
    """
    values, interval = _per_step(named)
    steps = max(1, round(length / interval))
    if values is not None and named.name == "onecycle":
        return min(steps, int(values["total_steps"]))
    if values is not None and values.get("clamp"):
        return min(steps, int(values["T_max"] + values.get("warmup", 0)) + 1)
    return steps


def _per_step(named: NamedSchedule) -> tuple[dict[str, Any] | None, float]:
    """Parameters with lengths in whole scheduler steps (None where torch cannot say them)."""
    values: dict[str, Any] = dict(named.parameters())
    interval = float(values.pop("interval", 1.0))
    if values.get("min_lr") or (named.name == "polynomial" and values["end_lr"]):
        return None, interval  # torch's classes have no floor
    if named.name == "exponential":
        values["gamma"] = values["gamma"] ** interval
    for name in ("step_size", "T_max", "T_0", "total_steps", "warmup", "T_mult"):
        if name not in values:
            continue
        exact = float(values[name]) / (1.0 if name == "T_mult" else interval)
        if abs(exact - round(exact)) > 1e-6 * max(exact, 1.0):
            return None, interval
        values[name] = round(exact)
    return values, interval


def _with_warmup(optimizer: Any, make: Make, values: Values, top: float) -> Any:
    from torch.optim.lr_scheduler import LinearLR, SequentialLR

    length = values.get("warmup")
    if not length:
        return make(optimizer, values)
    start = max(float(values["warmup_start_lr"]) / top, _LEAST_START)
    rise = LinearLR(optimizer, start_factor=start, total_iters=length)
    return SequentialLR(optimizer, [rise, make(optimizer, values)], milestones=[length])


def _scheduler(cls: str, **names: str) -> Make:
    """A maker of ``torch.optim.lr_scheduler.<cls>``: keyword -> canonical parameter."""

    def make(optimizer: Any, values: Values) -> Any:
        from torch.optim import lr_scheduler

        return getattr(lr_scheduler, cls)(optimizer, **{k: values[v] for k, v in names.items()})

    return make


def _linear(optimizer: Any, values: Values) -> Any:
    from torch.optim.lr_scheduler import LinearLR

    end = values["end_lr"] / values["lr"]
    return LinearLR(optimizer, 1.0, end, total_iters=values["total_steps"])


def _multistep(optimizer: Any, values: Values) -> Any:
    from torch.optim.lr_scheduler import MultiStepLR

    # SequentialLR starts its second part at 0 after the warm-up.
    later = [m - (values.get("warmup") or 0) for m in values["milestones"]]
    return MultiStepLR(optimizer, later, values["gamma"])


def _exponential(optimizer: Any, values: Values) -> Any:
    from torch.optim.lr_scheduler import ExponentialLR

    return ExponentialLR(optimizer, values["gamma"])


def _polynomial(optimizer: Any, values: Values) -> Any:
    from torch.optim.lr_scheduler import PolynomialLR

    return PolynomialLR(optimizer, values["total_steps"], values["power"])


_MAKERS: Mapping[str, Make] = {
    "step": _scheduler("StepLR", step_size="step_size", gamma="gamma"),
    "multistep": _multistep,
    "cosine": _scheduler("CosineAnnealingLR", T_max="T_max", eta_min="eta_min"),
    "cosine_restarts": _scheduler(
        "CosineAnnealingWarmRestarts", T_0="T_0", T_mult="T_mult", eta_min="eta_min"
    ),
    "linear": _linear,
    "exponential": _exponential,
    "polynomial": _polynomial,
    "onecycle": _scheduler(
        "OneCycleLR",
        max_lr="max_lr",
        total_steps="total_steps",
        pct_start="pct_start",
        div_factor="div_factor",
        final_div_factor="final_div_factor",
        anneal_strategy="anneal_strategy",
    ),
}
