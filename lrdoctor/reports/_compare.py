"""Several runs of one experiment side by side: what they differ in, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lrdoctor.messages import UNIT_NOUN, number_text, schedule_text, units_text
from lrdoctor.reports._format import count, scalar
from lrdoctor.types import Array, ClockUnit, Role, Series
from lrdoctor.verdict import Curve, Diagnosis

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_RUNS = len(LETTERS)
_TAIL = 0.05  # share of a loss whose median is its end: a single noisy value says little
_LOSSES = {Role.VAL_LOSS: "validation loss", Role.TRAIN_LOSS: "training loss"}
_MISSING = "–"


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One run: its letter, its largest LR and its losses over the common x axis, and what they
    come to. ``ends`` is the median of the last twentieth of a loss, ``best`` its least value."""

    letter: str
    diagnosis: Diagnosis
    schedule: str
    lr: tuple[Array, Array] | None
    losses: Mapping[Role, tuple[Array, Array]]
    best: Mapping[Role, float]
    ends: Mapping[Role, float]
    spent: float | None

    @property
    def name(self) -> str:
        """The run's path."""
        return self.diagnosis.run


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter and its value in each run, as text."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs, the best first by the loss that all of them log (``judged_by``; None without one).

    ``noun`` is what x counts; ``different`` and ``same`` are schedule parameters, then settings.
    """

    members: tuple[Member, ...]
    judged_by: Role | None
    noun: str
    per_epoch: float | None
    different: tuple[Row, ...]
    same: tuple[Row, ...]
    verdict: str
    notes: tuple[str, ...]


def compare(diagnoses: Sequence[Diagnosis]) -> Comparison:
    """Two or more runs, at most ``MOST_RUNS``; those beyond are left out with a note."""
    notes = []
    if len(diagnoses) > MOST_RUNS:
        notes.append(f"{count(len(diagnoses) - MOST_RUNS, 'more run')} left out.")
        diagnoses = diagnoses[:MOST_RUNS]
    noun, scales = _common_axis(diagnoses, notes)
    runs = [_member(d, scale) for d, scale in zip(diagnoses, scales, strict=True)]
    judged_by = next((r for r in _LOSSES if all(r in run.ends for run in runs)), None)
    if judged_by is None:
        notes.append("The runs log no loss of one kind, so none is called better.")
    else:
        runs.sort(key=lambda run: run.ends[judged_by])
    members = tuple(replace(run, letter=letter) for run, letter in zip(runs, LETTERS, strict=False))
    rows = tuple(_rows(members))
    different = tuple(row for row in rows if len(set(row.values)) > 1)
    return Comparison(
        members=members,
        judged_by=judged_by,
        noun=noun,
        per_epoch=_one([d.steps_per_epoch for d in diagnoses]) if noun != "epoch" else None,
        different=different,
        same=tuple(row for row in rows if row not in different),
        verdict=_verdict(members, judged_by, different),
        notes=tuple(notes),
    )


def loss_title(role: Role | None) -> str:
    """What a loss is called: "validation loss"."""
    return _LOSSES[role] if role else "loss"


def against_lr(member: Member, role: Role) -> tuple[Array, Array] | None:
    """A loss over the LR spent until then (LR times x, summed), float64[n] each; None without
    LR or loss."""
    if member.lr is None or role not in member.losses:
        return None
    x, loss = member.losses[role]
    at, rate = member.lr
    spent = _spent(at, rate)
    # Nothing is counted before the first logged LR; after the last one that holds.
    total = np.interp(x, at, spent) + np.maximum(x - at[-1], 0) * rate[-1]
    return np.maximum.accumulate(total), loss


def _common_axis(diagnoses: Sequence[Diagnosis], notes: list[str]) -> tuple[str, Sequence[float]]:
    """What x counts, and the steps of each run in one of it."""
    units = {d.unit for d in diagnoses}
    if len(units) == 1:
        return UNIT_NOUN[units.pop()], [1.0] * len(diagnoses)
    scales = [1.0 if d.unit is ClockUnit.EPOCH else d.steps_per_epoch for d in diagnoses]
    known = [scale for scale in scales if scale]
    if len(known) == len(scales):
        return UNIT_NOUN[ClockUnit.EPOCH], known
    names = " and ".join(sorted(units_text(unit) for unit in units))
    notes.append(f"Runs are logged in {names}: x is each run's own count.")
    return "count", [1.0] * len(diagnoses)


def _rates(diagnosis: Diagnosis) -> list[Curve]:
    """LR curves with a finite point, the largest first."""
    curves = [c for c in diagnosis.curves if c.role is Role.LR and len(c.series.finite())]
    return sorted(curves, key=lambda c: -float(c.series.finite().value.max()))


def _main_group(diagnosis: Diagnosis) -> str | None:
    rates = _rates(diagnosis)
    return rates[0].param_group if rates else None


def _member(diagnosis: Diagnosis, scale: float) -> Member:
    largest = next((c.series.finite() for c in _rates(diagnosis)), None)
    lr = None if largest is None else (largest.step / scale, largest.value)
    logged = {
        c.role: c.series
        for c in reversed(diagnosis.curves)
        if c.role in _LOSSES and np.isfinite(c.series.value).any()
    }
    finite = {role: series.finite().value for role, series in logged.items()}
    return Member(
        letter="",
        diagnosis=diagnosis,
        schedule="; ".join(
            dict.fromkeys(schedule_text(s.schedule.named) for s in diagnosis.schedules)
        ),
        lr=lr,
        losses={role: (s.step / scale, s.value) for role, s in logged.items()},
        best={role: float(v.min()) for role, v in finite.items()},
        ends={role: _end(series) for role, series in logged.items()},
        spent=None if lr is None else float(_spent(*lr)[-1]),
    )


def _end(loss: Series) -> float:
    """The median of the last twentieth; NaN or infinite where the loss ends so."""
    tail = loss.value[-max(1, round(_TAIL * len(loss))) :]
    return float(np.median(tail)) if np.isfinite(tail[-1]) else float("inf")


def _spent(x: Array, rate: Array) -> Array:
    steps = np.diff(x) * (rate[1:] + rate[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(steps)))


def _rows(members: Sequence[Member]) -> Iterator[Row]:
    """Facts, then schedule parameters, then settings, each once in the order of first sight."""
    for facts in (_facts, _schedule_facts, _settings):
        told = [facts(m.diagnosis) for m in members]
        for name in dict.fromkeys(key for each in told for key in each):
            yield Row(name, tuple(each.get(name, _MISSING) for each in told))


def _facts(diagnosis: Diagnosis) -> dict[str, str]:
    facts = {f"last {UNIT_NOUN[diagnosis.unit]}": number_text(diagnosis.last)}
    if diagnosis.steps_per_epoch and diagnosis.unit is not ClockUnit.EPOCH:
        facts[f"{units_text(diagnosis.unit)} per epoch"] = number_text(diagnosis.steps_per_epoch)
    return facts


def _schedule_facts(diagnosis: Diagnosis) -> dict[str, str]:
    """Parameters by name; those of the group with the largest LR without its name, of later
    schedules numbered."""
    main = _main_group(diagnosis)
    found: dict[str, str] = {}
    seen: dict[str, int] = {}
    for fitted in diagnosis.schedules:
        seen[fitted.param_group] = number = seen.get(fitted.param_group, 0) + 1
        named = fitted.schedule.named
        place = "" if fitted.param_group == main else f" of {fitted.param_group}"
        place += f" ({number})" if number > 1 else ""
        found[f"schedule{place}"] = named.name if named else "unnamed"
        for key, value in named.parameters().items() if named else ():
            found[f"{key}{place}"] = _rounded(value)
    return found


def _settings(diagnosis: Diagnosis) -> dict[str, str]:
    return {f"{key} (set)": scalar(value) for key, value in sorted(diagnosis.hparams.items())}


def _rounded(value: object) -> str:
    """Fitted values to four digits: further ones are noise of the log, not a difference."""
    if isinstance(value, tuple | list):
        return ", ".join(map(_rounded, value))
    return scalar(float(f"{value:.4g}") if isinstance(value, float) else value)


def _one(values: Sequence[float | None]) -> float | None:
    return values[0] if len(set(values)) == 1 else None


def _verdict(members: Sequence[Member], judged_by: Role | None, rows: Sequence[Row]) -> str:
    runs = count(len(members), "run")
    names = [row.name for row in rows]
    differ = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    what = f"they differ in {differ}" if names else "their schedules and settings are the same"
    if judged_by is None:
        return f"{runs}: {what}."
    first, second = members[:2]
    lead = f"{first.letter} ends with the lowest {loss_title(judged_by)}"
    low, next_low = (number_text(m.ends[judged_by]) for m in (first, second))
    return f"Of {runs}, {lead}, {low} ({second.letter}: {next_low}); {what}."
