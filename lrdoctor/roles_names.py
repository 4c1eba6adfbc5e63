"""What the name of a logged series says: its words, and the kind of quantity it may be.

Names only suggest; ``roles_lr`` and ``roles_loss`` look at the values too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from lrdoctor.types import Series

Words = tuple[str, ...]

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_LR_WORD = re.compile(r"lrs?\d*|learningrates?\d*")
_LOSS_WORD = re.compile(r"[a-z]*loss(es)?\d*")

TRAIN = frozenset({"train", "training", "trn"})
VAL = frozenset({"val", "valid", "validation", "eval", "evaluation", "dev", "heldout"})
TEST = frozenset({"test", "testing"})

# Words beside "lr" that make it another quantity: optimizer settings Lightning's monitor logs next
# to each LR, statistics over parameters, settings that are not followed in time.
_NOT_LR = frozenset({
    "momentum", "wd", "std", "schedule", "scheduler", "loss", "ratio", "patience", "reductions",
    "steps", "epochs", "initial", "init", "beta1", "beta2", "betas", "eps", "norm", "time",
})  # fmt: skip
_DECAY_SETTING = re.compile(r"(lr|learning[ _-]?rate|weight)[ _-]?decay")
_FACTOR = frozenset({"scale", "factor", "mult", "multiplier"})

_NOT_LOSS = frozenset({
    "scale", "scaler", "weight", "weights", "coef", "coeff", "lambda", "best", "lowest", "std",
    "unscaled", "ratio", "count", "time", "norm", "ppl", "perplexity", "acc", "accuracy",
})  # fmt: skip
# Words that leave a loss the whole loss: where it was logged and over what it is averaged.
_WHOLE = frozenset({
    "loss", "losses", "total", "overall", "sum", "avg", "average", "mean", "step", "epoch", "batch",
    "iter", "iteration", "running", "model", "metrics", "metric", "scalars", "perf", "performance",
    "stats", "log", "logs", "history", "current", "main", "per", "by", "lm", "final", "set",
})  # fmt: skip

# Quality metrics in the order of preference, as patterns on the spaced lower-case leaf.
_METRICS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\bmap ?50 95|\bmap 0 5 0 95",
        r"map\b|\bmap\d*\b",
        r"miou|\biou\b",
        r"accuracy|\bacc\b|acc1\b|top ?1\b",
        r"\bf1|f1\b",
        r"\bdice",
        r"auc\b|auroc",
        r"bleu|rouge|psnr|ssim|\bmrr\b|\br2\b",
        r"\b(wer|cer|fid|mae|mse|rmse|mape|smape)\b",
        r"perplexity|\bppl\b",
        r"recall|precision",
        r"\breward|rew mean",
    )
)


def words(tag: str) -> Words:
    """Lower-case words of a tag: ``"lr-Adam/pg1"`` is lr, adam, pg1; ``"trainLoss"`` is two."""
    return tuple(w for w in _NOT_WORD.split(_CAMEL.sub(" ", tag).lower()) if w)


def leaf(tag: str) -> str:
    """The last component of a tag with folders."""
    return tag.rstrip("/").rsplit("/", 1)[-1]


def names_lr(tag: str) -> bool:
    """Whether the name says "learning rate", and not a setting or statistic beside it."""
    found = words(tag)
    pairs = itertools.pairwise(found)
    is_lr = any(_LR_WORD.fullmatch(w) for w in found) or ("learning", "rate") in pairs
    beside = set(words(leaf(tag))) & _NOT_LR
    return is_lr and not beside and not _DECAY_SETTING.search(tag.lower())


def looks_like_lr(tag: str) -> bool:
    """Whether LR is mentioned at all, so that a reason for leaving it out is owed."""
    return any(_LR_WORD.fullmatch(w) for w in words(tag)) or "learning" in words(tag)


def names_factor(tag: str) -> bool:
    """Whether the name says that this is a factor of an LR rather than one."""
    return bool(set(words(leaf(tag))) & _FACTOR)


def names_loss(tag: str) -> bool:
    """Whether the name says "loss", and not a weight, scale or record of one."""
    found = words(tag)
    is_loss = any(_LOSS_WORD.fullmatch(w) for w in found) or found[-1:] in (("nll",), ("elbo",))
    return is_loss and not set(words(leaf(tag))) & _NOT_LOSS


def is_whole_loss(tag: str) -> bool:
    """Whether nothing in the name makes the loss a part of a larger one."""
    return set(words(tag)) <= _WHOLE | TRAIN | VAL | TEST


def plain(tag: str) -> Words:
    """The words of a tag without those that say where or how often it was logged."""
    return tuple(w for w in words(tag) if w not in TRAIN | {"epoch", "step", "avg", "mean"})


def is_smoothed(tag: str) -> bool:
    """Whether the name says that values are averaged over time."""
    return bool(set(words(tag)) & {"running", "ema", "smooth", "smoothed", "avg", "average"})


def side(tag: str, run_name: str = "") -> str:
    """ "train", "val" or "test"; a tag that says nothing takes the run's last folder, else train.

    Keras writes ``epoch_loss`` into one folder ``train`` and one folder ``validation``.
    """
    for found in (set(words(tag)), set(words(leaf(run_name)))):
        if found & VAL:
            return "val"
        if found & TEST:
            return "test"
        if found & TRAIN:
            return "train"
    return "train"


def names_epoch(tag: str) -> bool:
    """Whether the series counts epochs."""
    counted = set(words(tag)) - TRAIN - {"trainer", "progress", "current", "cur", "float"}
    return counted in ({"epoch"}, {"epochs"})


def names_grad_norm(tag: str) -> bool:
    """Whether the series is a gradient norm of the whole model."""
    found = set(words(tag))
    norm = "norm" in found and found & {"grad", "grads", "gradient", "gradients"}
    return bool((norm or "gnorm" in found) and not found & {"clip", "clipped", "max"})


def metric_rank(tag: str) -> int | None:
    """Place of a quality metric in the order of preference, 0 best; None if it is none."""
    spaced = _NOT_WORD.sub(" ", (leaf(tag) if "/" in tag else tag).lower())
    return next((i for i, pattern in enumerate(_METRICS) if pattern.search(spaced)), None)


def counts_by_one(series: Series) -> bool:
    """Whether the steps are 0, 1, 2 … or 1, 2, 3 … without a gap, as a counter of epochs is."""
    step = series.step
    return len(step) > 0 and step[0] in (0, 1) and step[-1] - step[0] == len(step) - 1


# Reinforcement learning: one of the first, or two of the second, mark a run as such.
_RL_CERTAIN = (
    "ep_rew_mean", "ep_len_mean", "explained_variance", "approx_kl", "approximate_kullback",
    "policy_gradient_loss", "policy_loss", "actor_loss", "critic_loss", "exploration_rate",
)  # fmt: skip
_RL_HINTS = frozenset({"rollout", "reward", "episode", "advantage", "return"})


def reinforcement_markers(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags that show the run to be reinforcement learning; empty if it does not look like one."""
    tags = tuple(tags)
    certain = tuple(t for t in tags if any(m in t.lower().replace("-", "_") for m in _RL_CERTAIN))
    hints = tuple(t for t in tags if set(words(t)) & _RL_HINTS)
    kinds = {w for t in hints for w in words(t)} & _RL_HINTS
    return certain if certain else hints if len(kinds) > 1 else ()
