"""Tables over all answers: errors, order, regret, intervals, gains."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from benchmarks.replay.asked import Asked, kind

# Two losses closer than this share of the source's range after its warm-up are not ordered, nor
# are two whose own noise could turn them round.
_APART = 0.02
_SIGMAS = 2.0
_ONE_LENGTH = 0.05


def constant(asked: Asked) -> bool:
    """Whether nothing but a constant LR was logged."""
    return kind(asked.source.run.path()) == "constant"


def by(asked: Iterable[Asked], key: Callable[[Asked], str]) -> dict[str, list[Asked]]:
    """Answers by a key, those of all keys last."""
    groups: dict[str, list[Asked]] = defaultdict(list)
    for one in asked:
        groups[key(one)].append(one)
    return {**dict(sorted(groups.items())), "all": [a for v in groups.values() for a in v]}


def errors(asked: Sequence[Asked]) -> str:
    """Error, coverage and width of the answers told."""
    told = [a for a in asked if a.told]
    if not told:
        return f"{len(asked):5d} asked    0 told"
    error = [a.error for a in told if a.answer.loss is not None]
    middle, late = np.percentile(error, [50, 90]) if error else (np.nan, np.nan)
    return (
        f"{len(asked):5d} asked{len(told):5d} told   error {100 * middle:6.2f} % "
        f"p90 {100 * late:6.2f} %   covered {100 * np.mean([a.covered for a in told]):5.1f} % "
        f"of +-{100 * np.median([a.half for a in told]):6.2f} %"
    )


def ordered(asked: Iterable[Asked]) -> Iterator[tuple[Asked, bool]]:
    """One entry per pair of candidates of a source, and whether their order was told right."""
    for found in _by_source(asked).values():
        for one, other in itertools.combinations(found, 2):
            apart = one.target.final - other.target.final
            noise = np.hypot(one.target.final_sigma, other.target.final_sigma)
            if abs(apart) > max(_APART * one.spread, _SIGMAS * noise):
                told = (one.answer.loss or 0.0) - (other.answer.loss or 0.0)
                yield one, bool(told * apart > 0)


def regrets(asked: Iterable[Asked]) -> Iterator[tuple[Asked, float]]:
    """How much worse the candidate of lowest predicted loss truly is than the best one, as a share
    of the loss: per source, among three candidates or more of one length."""
    for found in _by_source(asked).values():
        lengths: dict[int, list[Asked]] = defaultdict(list)
        for one in found:
            length = np.log(one.target.run.path().length) / np.log1p(_ONE_LENGTH)
            lengths[round(length)].append(one)
        for same in lengths.values():
            if len(same) > 2:
                chosen = min(same, key=lambda a: a.answer.loss or np.inf)
                yield chosen, chosen.target.final / min(a.target.final for a in same) - 1.0


def gains(asked: Iterable[Asked]) -> tuple[int, int, int]:
    """Gains claimed, true ones among them, and true gains in all."""
    points = [a for a in asked if a.answer.loss is not None]
    claimed = [a for a in points if a.answer.gains]
    true = sum(a.source.final > a.target.final for a in claimed)
    return len(claimed), true, sum(a.source.final > a.target.final for a in points)


def refusals(asked: Iterable[Asked]) -> list[tuple[str, int]]:
    """Reasons for which no answer was given, most frequent first; numbers in them left out."""
    reasons = (a.answer.refused for a in asked if a.answer.refused)
    return Counter("".join("N" if c.isdigit() else c for c in r) for r in reasons).most_common()


def _by_source(asked: Iterable[Asked]) -> dict[int, list[Asked]]:
    sources: dict[int, list[Asked]] = defaultdict(list)
    for one in asked:
        if one.answer.loss is not None:
            sources[id(one.source)].append(one)
    return sources
