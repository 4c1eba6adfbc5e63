"""Which series are the learning rates of the param groups, and which of them govern training."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lrdoctor.roles_names import (
    Words,
    looks_like_lr,
    names_factor,
    names_lr,
    plain,
    words,
)
from lrdoctor.types import Array, Series, _Value

# Share of changes of direction among all changes: 2/3 for white noise, about 0 for a schedule.
_JAGGED, _SMOOTH, _ENOUGH_CHANGES = 0.5, 0.1, 20
# A bias group has joined the others' curve when it is this close; logs round to 3 digits or more.
_JOINED = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class LrGroup(_Value):
    """The LR of one param group; ``tags`` are all names under which these values are logged."""

    name: str
    series: Series
    tags: tuple[str, ...]
    governs: bool
    why: str


def find_lr(series: Mapping[str, Series]) -> tuple[tuple[LrGroup, ...], dict[str, str]]:
    """LR groups among the series, governing ones first, and why other candidates were left out."""
    left_out = {
        tag: "names a setting or statistic beside the LR, not an LR"
        for tag in series
        if looks_like_lr(tag) and not names_lr(tag)
    }
    candidates = []
    for tag in sorted((t for t in series if names_lr(t)), key=_natural):
        fault = _value_fault(series[tag])
        if fault:
            left_out[tag] = fault
        else:
            candidates.append(series[tag])
    roughness = {s.tag: _roughness(s) for s in candidates}
    if any(r is not None and r < _SMOOTH for r in roughness.values()):
        rough = [s for s in candidates if (roughness[s.tag] or 0.0) > _JAGGED]
        left_out |= {s.tag: "named like an LR, but the values are noise" for s in rough}
        candidates = [s for s in candidates if s.tag not in left_out]
    left_out |= dict(_coarser(candidates))
    return group_lr([s for s in candidates if s.tag not in left_out]), left_out


def _coarser(candidates: Sequence[Series]) -> Iterator[tuple[str, str]]:
    """Pairs of tag and reason for LRs that another series of that name has in more detail.

    DINO logs ``lr`` each batch and its mean over the epoch as ``train_lr``.
    """
    named_alike: dict[Words, list[Series]] = {}
    for series in candidates:
        named_alike.setdefault(plain(series.tag), []).append(series)
    for alike in named_alike.values():
        finest = max(alike, key=len)
        why = f"{finest.tag} has the same LR in more detail ({len(finest)} points)"
        yield from ((s.tag, why) for s in alike if 2 * len(s) < len(finest))


def group_lr(candidates: Sequence[Series]) -> tuple[LrGroup, ...]:
    """One group per distinct curve, governing groups first."""
    same: dict[tuple[bytes, bytes], list[Series]] = {}
    for series in candidates:
        same.setdefault((series.step.tobytes(), series.value.tobytes()), []).append(series)
    distinct = [twins[0] for twins in same.values()]
    groups = []
    for twins in same.values():
        others = [s for s in distinct if s is not twins[0]]
        governs, why = _judge(twins[0], others)
        tags = tuple(s.tag for s in twins)
        if len(tags) > 1:
            why += f"; {', '.join(tags[1:])} logged the same values and count as this group"
        groups.append(LrGroup(tags[0], twins[0], tags, governs, why))
    return tuple(sorted(groups, key=lambda g: (not g.governs, not _is_base(g.name))))


def _judge(series: Series, others: Sequence[Series]) -> tuple[bool, str]:
    """Whether this group's LR governs training, and why it is (not) the one to look at."""
    value = series.finite().value
    if others and not value.any() and any(o.finite().value.any() for o in others):
        return False, "LR of a group that stays at 0; other groups train"
    if others and names_factor(series.tag) and value.max() == 1:
        return False, "a factor with maximum 1, logged beside the LRs it may scale"
    if any(_falls_in_warmup_of(series, other) for other in others if _may_fall(series, other)):
        return False, "bias group: falls during warm-up while the others rise (YOLO warmup_bias_lr)"
    if _is_base(series.tag) and others:
        return True, "base LR of the optimizer; `lr` is that of its first param group"
    return True, "named as a learning rate, with values of one"


def _may_fall(series: Series, other: Series) -> bool:
    """Whether the first values allow it; spares the comparison of all pairs of many groups."""
    first = series.value[:2]
    return len(first) > 1 and bool(first[1] < first[0] > other.value.max() > other.value[0])


def _falls_in_warmup_of(series: Series, other: Series) -> bool:
    """Whether ``series`` starts above all of ``other`` and falls to it while ``other`` rises."""
    _, at, of = np.intersect1d(series.step, other.step, return_indices=True)
    mine, theirs = series.value[at], other.value[of]
    if len(mine) < 2 or not (np.isfinite(mine).all() and np.isfinite(theirs).all()):
        return False
    peak = int(np.argmax(theirs))
    warmup = mine[: peak + 1]
    if peak == 0 or mine[0] <= theirs.max() or np.any(np.diff(warmup) > 0):
        return False
    in_warmup = peak == len(mine) - 1
    joined = abs(mine[-1] - theirs[-1]) <= _JOINED * theirs.max()
    return bool(warmup[-1] < warmup[0] and (joined or in_warmup))


def _value_fault(series: Series) -> str | None:
    """Why the values cannot be an LR, or None."""
    finite = series.finite().value
    if 2 * len(finite) < len(series) or not len(finite):
        return "named like an LR, but most values are not numbers"
    if 2 * np.count_nonzero(finite < 0) > len(finite):
        return "named like an LR, but most values are negative"
    return None


def _roughness(series: Series) -> float | None:
    """Share of changes of direction among the changes, None where there are too few to tell."""
    change: Array = np.diff(series.finite().value)
    change = change[change != 0]
    if len(change) < _ENOUGH_CHANGES:
        return None
    return float(np.mean(np.sign(change[1:]) != np.sign(change[:-1])))


def _is_base(tag: str) -> bool:
    return words(tag)[-2:] == ("base", "lr")


def _natural(tag: str) -> tuple[tuple[int, str | int], ...]:
    """Sort key that puts ``pg2`` before ``pg10``."""
    return tuple(_order(part) for part in re.split(r"(\d+)", tag) if part)


def _order(part: str) -> tuple[int, str | int]:
    return (0, int(part)) if part.isdigit() else (1, part)


def reasons_of(groups: Sequence[LrGroup]) -> Iterator[tuple[str, str]]:
    """Pairs of tag and reason for every tag of every group."""
    for group in groups:
        yield group.name, group.why
        for tag in group.tags[1:]:
            yield tag, f"same values as {group.name}; one group"
