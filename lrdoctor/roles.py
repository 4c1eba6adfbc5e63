"""Assigns a role and a reason to every series of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lrdoctor.errors import ConfigError, did_you_mean
from lrdoctor.roles_loss import NONE, find_losses, sum_of
from lrdoctor.roles_lr import LrGroup, find_lr, group_lr, reasons_of
from lrdoctor.roles_names import (
    leaf,
    metric_rank,
    names_epoch,
    names_grad_norm,
    names_loss,
    side,
)
from lrdoctor.types import Role, Run, Series, _freeze, _Value

IGNORE = "ignore"
_LOSSES = (Role.TRAIN_LOSS, Role.VAL_LOSS)
_BY_USER = "set by the user"


@dataclass(frozen=True, slots=True, eq=False)
class Roles(_Value):
    """What the series of a run mean.

    ``lr`` has one group per distinct LR curve, governing groups first; ``signals`` one series for
    each other role that was found. ``reasons`` maps every tag of the run to its role ("none" if it
    has none) and why.
    """

    lr: tuple[LrGroup, ...]
    signals: Mapping[Role, Series]
    reasons: Mapping[str, tuple[str, str]]

    def __post_init__(self) -> None:
        _freeze(self, signals=self.signals, reasons=self.reasons)


def assign_roles(run: Run, overrides: Mapping[str, str] | None = None) -> Roles:
    """The role of every series, from its name and values.

    ``overrides`` maps tags to roles ("ignore" for none) and replaces what would be chosen for these
    roles; several tags as one loss are summed. Raises ``ConfigError`` for an unknown tag or role.

    >>> import numpy as np
    >>> lr = Series("lr-Adam", np.arange(3), [3.0, 2.0, 1.0])
    >>> assign_roles(Run("r", (), "csv", "step", {"lr-Adam": lr})).reasons["lr-Adam"][0]
    'lr'
    """
    forced = _checked(run, overrides or {})
    free = {tag: s for tag, s in run.series.items() if tag not in forced and len(s)}
    lr, lr_reasons = _lr_of(run, forced, free)
    signals, reasons = _losses_of(run, forced, free)
    for role, find in _FINDERS.items():
        chosen, why = _forced_signal(run, forced, role) or find(free)
        reasons |= why
        if chosen is not None:
            signals[role] = chosen
    reasons |= lr_reasons
    reasons |= {tag: (NONE, _BY_USER) for tag, role in forced.items() if role == IGNORE}
    reasons = {tag: (str(role), why) for tag, (role, why) in reasons.items()}
    return Roles(
        lr, signals, {tag: reasons.get(tag) or _default(s) for tag, s in run.series.items()}
    )


def _check_role(name: str) -> None:
    valid = [*map(str, Role), IGNORE]
    if name not in valid:
        raise ConfigError(
            f"unknown role {name!r}{did_you_mean(name, valid)}; roles: {', '.join(valid)}"
        )


def _checked(run: Run, overrides: Mapping[str, str]) -> dict[str, str]:
    for tag, role in overrides.items():
        _check_role(role)
        if tag not in run.series:
            known = ", ".join(sorted(run.series)) or "none"
            raise ConfigError(
                f"role {role}: run {run.name} has no series {tag!r}"
                f"{did_you_mean(tag, run.series)}; its series: {known}"
            )
    return dict(overrides)


def _lr_of(
    run: Run, forced: Mapping[str, str], free: Mapping[str, Series]
) -> tuple[tuple[LrGroup, ...], dict[str, tuple[str, str]]]:
    given = [run.series[tag] for tag, role in forced.items() if role == Role.LR]
    groups, left_out = find_lr(free)
    reasons = {tag: (NONE, why) for tag, why in left_out.items()}
    if given:
        reasons |= {t: (NONE, "the user named the LR series") for g in groups for t in g.tags}
        groups = group_lr(given)
        reasons |= {s.tag: (str(Role.LR), _BY_USER) for s in given}
    else:
        reasons |= {tag: (str(Role.LR), why) for tag, why in reasons_of(groups)}
    return groups, reasons


def _losses_of(
    run: Run, forced: Mapping[str, str], free: Mapping[str, Series]
) -> tuple[dict[Role, Series], dict[str, tuple[str, str]]]:
    choice = find_losses(free, run.name, others=tuple(forced))
    reasons = dict(choice.reasons)
    signals: dict[Role, Series] = {}
    for role, found in zip(_LOSSES, (choice.train, choice.val), strict=True):
        given = [run.series[tag] for tag, name in forced.items() if name == role]
        if given:
            why = (NONE, f"the user named the {role.replace('_', ' ')}")
            reasons = {t: why if r == role else (r, w) for t, (r, w) in reasons.items()}
            reasons |= {s.tag: (str(role), _BY_USER) for s in given}
            signals[role] = sum_of(given)
        elif found is not None:
            signals[role] = found
    return signals, reasons


Choice = tuple[Series | None, dict[str, tuple[str, str]]]


def _forced_signal(run: Run, forced: Mapping[str, str], role: Role) -> Choice | None:
    given = [run.series[tag] for tag, name in forced.items() if name == role]
    if len(given) > 1:
        tags = ", ".join(s.tag for s in given)
        raise ConfigError(f"only one series can be {role}; given: {tags}")
    return (given[0], {given[0].tag: (str(role), _BY_USER)}) if given else None


def _epoch(free: Mapping[str, Series]) -> Choice:
    counting = [s for t, s in free.items() if names_epoch(t) and _counts(s)]
    return _densest(counting, Role.EPOCH, "counts epochs")


def _grad_norm(free: Mapping[str, Series]) -> Choice:
    norms = [s for tag, s in free.items() if names_grad_norm(tag)]
    return _densest(norms, Role.GRAD_NORM, "gradient norm by name")


def _metric(free: Mapping[str, Series]) -> Choice:
    ranked = {t: r for t in free if not names_loss(t) and (r := metric_rank(t)) is not None}
    if not ranked:
        return None, {}
    best = min(ranked, key=lambda t: (side(t, "val") == "train", ranked[t], -len(free[t])))
    reasons = dict.fromkeys(ranked, (NONE, f"a metric; {best} is the one shown"))
    return free[best], {**reasons, best: (str(Role.METRIC), "the best-known quality metric logged")}


def _counts(series: Series) -> bool:
    """Whether values are finite for the most part and hardly ever go down."""
    value = series.finite().value
    backwards = int((value[1:] < value[:-1]).sum())
    return len(value) * 2 > len(series) and backwards * 50 <= len(value)


def _densest(candidates: list[Series], role: Role, why: str) -> Choice:
    if not candidates:
        return None, {}
    best = max(candidates, key=lambda s: (len(s), -len(s.tag)))
    reasons = {s.tag: (NONE, f"{best.tag} has at least as many points") for s in candidates}
    return best, {**reasons, best.tag: (str(role), why)}


def _default(series: Series) -> tuple[str, str]:
    if not len(series):
        return NONE, "no points"
    return (
        NONE,
        f"nothing in {leaf(series.tag)!r} names an LR, loss, epoch, metric or gradient norm",
    )


_FINDERS: Mapping[Role, Callable[[Mapping[str, Series]], Choice]] = {
    Role.EPOCH: _epoch,
    Role.GRAD_NORM: _grad_norm,
    Role.METRIC: _metric,
}
