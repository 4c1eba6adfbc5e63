"""Which series is the training loss and which the validation loss, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.roles_names import (
    TRAIN,
    is_smoothed,
    is_whole_loss,
    leaf,
    names_loss,
    reinforcement_markers,
    side,
    words,
)
from lrdoctor.types import Role, Series, _Value

NONE = "none"
# A summary row at the end (Hugging Face logs the mean of the run as ``train_loss``) is no curve.
_FEWEST_POINTS = 3
# Parts of one loss are logged together: a part with fewer points belongs to something else.
_TOGETHER = 0.9
_NAMED_PARTS = 4
_ADVERSARIES = ({"g", "gen", "generator"}, {"d", "disc", "discriminator", "critic"})


@dataclass(frozen=True, slots=True, eq=False)
class LossChoice(_Value):
    """The losses to judge, None where there is none, and a (role, reason) for every loss tag."""

    train: Series | None
    val: Series | None
    reasons: Mapping[str, tuple[str, str]]


def find_losses(
    series: Mapping[str, Series], run_name: str = "", others: Sequence[str] = ()
) -> LossChoice:
    """The training and validation loss among the series.

    ``others`` are further tags of the run: reinforcement learning shows in them, and of its losses
    only a total is taken.
    """
    losses = {tag: s for tag, s in series.items() if names_loss(tag)}
    markers = reinforcement_markers((*series, *others))
    if markers:
        return _reinforcement(losses, markers[0])
    sides: dict[str, list[Series]] = {"train": [], "val": [], "test": []}
    for tag, s in losses.items():
        sides[side(tag, run_name)].append(s)
    train, reasons = _choose(sides["train"], Role.TRAIN_LOSS)
    measured, unmeasured = _without_unmeasured(sides["val"])
    val, val_reasons = _choose(measured, Role.VAL_LOSS)
    reasons |= val_reasons | unmeasured
    test, test_reasons = _choose(sides["test"], Role.VAL_LOSS)
    if val is None and test is not None and len(test) >= _FEWEST_POINTS:
        stands_in = "no validation loss is logged; the test loss stands in for it"
        reasons |= {t: (r, stands_in if r != NONE else w) for t, (r, w) in test_reasons.items()}
        val = test
    else:
        reasons |= {s.tag: (NONE, "test loss; not used to judge training") for s in sides["test"]}
    return LossChoice(train, val, reasons)


def _reinforcement(losses: Mapping[str, Series], marker: str) -> LossChoice:
    """The total alone: policy, value and entropy losses chase a moving target."""
    why = f"the run is reinforcement learning ({marker}), where it need not fall"
    whole = [s for s in losses.values() if is_whole_loss(s.tag) and len(s) >= _FEWEST_POINTS]
    best = max(whole, key=_preference, default=None)
    reasons: dict[str, tuple[str, str]] = dict.fromkeys(losses, (NONE, f"a loss, but {why}"))
    if best is not None:
        reasons[best.tag] = (Role.TRAIN_LOSS, f"named as the whole loss; {why}")
    return LossChoice(best, None, reasons)


def sum_of(parts: Sequence[Series]) -> Series:
    """The sum of series at their common steps; its tag names them. One part is returned as is."""
    if len(parts) == 1:
        return parts[0]
    steps = parts[0].step
    for part in parts[1:]:
        steps = np.intersect1d(steps, part.step, assume_unique=True)
    total = sum((p.value[np.searchsorted(p.step, steps)] for p in parts), np.zeros(len(steps)))
    wall = parts[0].wall_time
    if wall is not None:
        wall = wall[np.searchsorted(parts[0].step, steps)]
    return Series(_tag_of_sum([p.tag for p in parts]), steps, total, wall)


def _tag_of_sum(tags: Sequence[str]) -> str:
    shown = " + ".join(tags[:_NAMED_PARTS])
    return shown if len(tags) <= _NAMED_PARTS else f"{shown} + … ({len(tags)} parts)"


def _choose(
    losses: Sequence[Series], role: Role
) -> tuple[Series | None, dict[str, tuple[str, str]]]:
    """The best loss of one side: the whole loss before parts, the densest before the rest."""
    whole = [s for s in losses if is_whole_loss(s.tag)]
    parts = [s for s in losses if not is_whole_loss(s.tag)]
    if whole:
        best = max(whole, key=_preference)
        longest_part = max((len(p) for p in parts), default=0)
        if len(best) >= min(_FEWEST_POINTS, longest_part):
            return best, _why_whole(best, whole, parts, role)
    if not parts:
        return None, {}
    return _sum_parts(parts, whole, role)


def _preference(series: Series) -> tuple[int, bool, bool, int]:
    return (
        len(series.finite()),
        not is_smoothed(series.tag),
        bool(set(words(series.tag)) & TRAIN),
        -len(series.tag),
    )


def _why_whole(
    best: Series, whole: Sequence[Series], parts: Sequence[Series], role: Role
) -> dict[str, tuple[str, str]]:
    reasons = {
        p.tag: (NONE, f"a part or variant of the loss; {best.tag} is the whole") for p in parts
    }
    for other in whole:
        if len(other) < len(best):
            why = (
                f"{len(other)} points against {len(best)} of {best.tag}: noise needs the denser one"
            )
        elif is_smoothed(other.tag):
            why = f"smoothed; {best.tag} is as logged"
        else:
            why = f"{best.tag} says the same more plainly"
        reasons[other.tag] = (NONE, why)
    why = "named as the whole loss"
    if len(whole) > 1:
        why += f", with the most points ({len(best)}) of {len(whole)} such series"
    return {**reasons, best.tag: (role, why)}


def _sum_parts(
    parts: Sequence[Series], whole: Sequence[Series], role: Role
) -> tuple[Series | None, dict[str, tuple[str, str]]]:
    """The sum of the parts logged together, unless they work against each other."""
    reasons = {w.tag: (NONE, f"only {len(w)} points: a summary, not a curve") for w in whole}
    if _adversarial(parts):
        why = "generator and discriminator work against each other: neither loss shows progress"
        return None, reasons | {p.tag: (NONE, why) for p in parts}
    longest = max(len(p) for p in parts)
    together = [p for p in parts if len(p) >= _TOGETHER * longest]
    reasons |= {
        p.tag: (NONE, f"{len(p)} points, other parts {longest}: not summed")
        for p in parts
        if len(p) < _TOGETHER * longest
    }
    total = sum_of(together)
    if not len(total):
        return None, reasons | {p.tag: (NONE, "parts share no step") for p in together}
    why = (
        "the only loss logged"
        if len(together) == 1
        else f"no total is logged: one of {len(together)} parts summed"
    )
    return total, reasons | {p.tag: (role, why) for p in together}


def _adversarial(parts: Sequence[Series]) -> bool:
    leaves = [set(words(leaf(p.tag))) for p in parts]
    return all(any(found & names for found in leaves) for names in _ADVERSARIES)


def _without_unmeasured(
    losses: Sequence[Series],
) -> tuple[list[Series], dict[str, tuple[str, str]]]:
    """Losses without the zeros some trainers write for epochs that were not validated."""
    measured, reasons = [], {}
    for series in losses:
        real = series.value != 0
        if real.all() or (len(series) and real[0]):
            measured.append(series)
        elif not real.any():
            reasons[series.tag] = (NONE, "0 throughout: validation did not run")
        else:
            wall = None if series.wall_time is None else series.wall_time[real]
            measured.append(Series(series.tag, series.step[real], series.value[real], wall))
    return measured, reasons
