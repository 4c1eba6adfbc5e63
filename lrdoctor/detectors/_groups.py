"""Param groups by what they are: pretrained or new, and the LR the configuration gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lrdoctor.intent_names import number
from lrdoctor.types import Array, Case, ParamGroup, Role, Series

# Words of tags and settings that say nothing about the part of the model.
_PLAIN = frozenset({
    "lr", "learning", "rate", "train", "group", "param", "params", "optimizer", "optim", "adam",
    "adamw", "sgd", "radam", "nadam", "lamb", "lion", "adafactor", "rmsprop", "scheduler", "model",
    "initial", "init", "max", "peak", "the", "of", "for",
})  # fmt: skip
_PRETRAINED = frozenset({
    "backbone", "encoder", "pretrained", "trunk", "body", "bert", "vit", "resnet", "vision",
    "features", "extractor",
})  # fmt: skip
_NEW = frozenset({
    "head", "heads", "classifier", "decoder", "fc", "new", "adapter", "projector", "probe",
})  # fmt: skip
_FACTORS = frozenset({"mult", "multiplier", "ratio", "scale", "factor"})
# Schedulers that take one LR for all groups and set it, whatever the groups had.
SETS_ONE = {"onecycle": "OneCycleLR", "cyclic": "CyclicLR"}
# Two LRs that a log prints with four digits are the same up to this.
SAME = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One logged LR. ``group`` is the param group that has its curve, of another name where several
    were logged with the same values; ``part`` the words of its tag that name a part of the model.
    """

    tag: str
    lr: Series
    group: ParamGroup
    part: frozenset[str]

    @property
    def pretrained(self) -> bool:
        """Whether its name says that its weights were trained before."""
        return bool(self.part & _PRETRAINED)

    @property
    def new(self) -> bool:
        """Whether its name says that its weights are new."""
        return bool(self.part & _NEW) and not self.pretrained

    @property
    def named(self) -> bool:
        """Whether its tag has a word for the part of the model, not a number alone."""
        return not all(word.isdigit() or word == "pg" for word in self.part)


def members(case: Case, every: bool = False) -> tuple[Member, ...]:
    """Every logged LR that governs or stays at 0, those with the same values one by one.

    ``every`` adds those taken for a factor or for biases that fall in a warm-up.
    """
    found = []
    for group in case.param_groups:
        lr = group.lr.finite()
        if len(lr) and (every or group.governs or not np.any(lr.value)):
            found.append(Member(group.name, lr, group, words(group.name)))
    if len(case.role_reasons) > len(case.param_groups):
        names = {group.name for group in case.param_groups}
        for tag, (role, _) in case.role_reasons.items():
            if role == Role.LR and tag not in names and tag in case.run.series:
                found += _twin(case, tag, found)
    return tuple(found)


def _twin(case: Case, tag: str, found: list[Member]) -> list[Member]:
    """The series ``tag`` that has the values of a group: their own, should that be corrected."""
    own = case.run.series[tag]
    for member in found:
        other = case.run.series.get(member.tag)
        if other is None or not np.array_equal(own.value, other.value, equal_nan=True):
            continue
        on_axis = len(own) == len(member.group.lr)
        step = member.group.lr.step if on_axis else member.lr.step
        value = own.value if on_axis else member.lr.value
        return [Member(tag, Series(tag, step, value).finite(), member.group, words(tag))]
    return []


def words(name: str) -> frozenset[str]:
    """The words of a tag or setting that may name a part of the model."""
    split = re.findall(r"[a-z]+|\d+", re.sub(r"([a-z])([A-Z][a-z])", r"\1 \2", name).lower())
    return frozenset(split) - _PLAIN


def pretrained_and_new(found: tuple[Member, ...]) -> tuple[Member, Member] | None:
    """The pretrained and the new part by name, those of the largest LRs; None without both."""
    old = [m for m in found if m.pretrained and m.lr.value.any()]
    new = [m for m in found if m.new and m.lr.value.any()]
    if not old or not new:
        return None
    top = lambda m: float(m.lr.value.max())  # noqa: E731
    return max(old, key=top), max(new, key=top)


def configured(case: Case, found: tuple[Member, ...]) -> Mapping[str, float]:
    """The LR that the configuration gives each tag, by the name of its part ("backbone_lr",
    "head.lr", "backbone_lr_mult"); a new part without a setting of its own has the LR of all."""
    settings = _settings(case)
    given = {m.tag: settings[m.part] for m in found if m.part in settings}
    base = case.intent.lr
    if given and base is not None:
        given |= {m.tag: base for m in found if m.tag not in given and m.new}
    return given


def of_numbered(case: Case, found: tuple[Member, ...]) -> Mapping[str, float]:
    """What the configuration gives the two groups of a run that only numbers tell apart.

    The smaller LR goes to the first, where the backbone usually is: only where both train at one
    LR does the order not matter. A run may be configured with an LR of the backbone and log the
    two halves of the head (with and without weight decay), so only schedulers that set every
    group's LR to one value count.
    """
    if len(found) != 2 or case.intent.lr is None or any(m.named for m in found):
        return {}
    known = {s.named.name for m in found for s in m.group.schedules if s.named is not None}
    if not SETS_ONE.keys() & {*known, case.intent.scheduler}:
        return {}
    settings = _settings(case)
    old = {v for part, v in settings.items() if part & _PRETRAINED}
    new = {v for part, v in settings.items() if part & _NEW} or {case.intent.lr}
    if len(old) != 1 or len(new) != 1:
        return {}
    given = sorted((old.pop(), new.pop()))
    return {m.tag: lr for m, lr in zip(found, given, strict=True)}


def _settings(case: Case) -> dict[frozenset[str], float]:
    result: dict[frozenset[str], float] = {}
    for key, raw in case.run.hparams.items():
        value = number(raw)
        if value is None or value < 0:
            continue
        name = "_".join(re.split(r"[./]", key)[-2:])
        parts = re.findall(r"[a-z]+|\d+", name.lower())
        if "lr" not in parts and not {"learning", "rate"} <= set(parts):
            continue
        factor = _FACTORS & set(parts)
        if factor:
            value *= case.intent.lr or float("nan")
        part = words(name) - _FACTORS
        if part and np.isfinite(value):
            result.setdefault(part, value)
    return result


def common(a: Series, b: Series) -> tuple[Array, Array, Array]:
    """Steps at which both have a finite value, and the two values."""
    if np.array_equal(a.step, b.step):
        return a.step.astype(np.float64), a.value, b.value
    step, mine, theirs = np.intersect1d(a.step, b.step, assume_unique=True, return_indices=True)
    return step.astype(np.float64), a.value[mine], b.value[theirs]


def ratios(high: Series, low: Series) -> tuple[Array, Array]:
    """Steps at which both LRs are above 0, and the ratio of the two there."""
    step, top, own = common(high, low)
    with np.errstate(over="ignore"):
        both = (top > 0) & (own > 0)
        ratio = top[both] / own[both]
    usable = np.isfinite(ratio)
    return step[both][usable], ratio[usable]
