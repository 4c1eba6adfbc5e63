"""Fits the laws to many models at once: one batch on a GPU or CPU instead of one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lrdoctor.replay.law._arrays import Values
from lrdoctor.replay.law._batch import Group
from lrdoctor.replay.law._fit_batch import fit_batch
from lrdoctor.replay.law.ensemble import Fitted, group_of
from lrdoctor.replay.law.path import LossRun
from lrdoctor.types import Array


def fit_many(groups: Sequence[Sequence[LossRun]], device: str = "auto") -> list[Fitted]:
    made = [group_of(runs) for runs in groups]
    order = sorted(range(len(made)), key=lambda i: made[i].size)
    fitted = {}
    onto, most, width = _place(device)
    for at in range(0, len(order), width):
        chunk = order[at : at + width]
        with np.errstate(all="ignore"):
            fits = fit_batch([made[i] for i in chunk], most, onto)
        fitted.update({i: Fitted(f, made[i].runs) for i, f in zip(chunk, fits, strict=True)})
    return [fitted[i] for i in range(len(made))]


def _place(device):
    if device == "numpy":
        return (lambda a: a), 2**16, 32
    import torch
    def onto(a): return torch.as_tensor(a, device=device)
    return onto, (2**16 if device == "cpu" else 2**27), (32 if device=="cpu" else 512)
