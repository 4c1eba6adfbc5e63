"""Fits the laws to many models at once, on a GPU where one is there and they are many."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from lrdoctor.replay.law._batch import group_of
from lrdoctor.replay.law._fit_batch import fit_batch
from lrdoctor.replay.law._place import Place, on_cpu, on_torch
from lrdoctor.replay.law.answer import Oracle
from lrdoctor.replay.law.ensemble import Fitted
from lrdoctor.replay.law.laws import LAWS
from lrdoctor.replay.law.path import LossRun, points_of
from lrdoctor.replay.law.refuse import grade, unfit
from lrdoctor.replay.law.solve import fit_law

# A CPU core fits ten models a second; to import torch and to start a GPU takes some seconds.
_MANY = 100


def fit_many(groups: Sequence[Sequence[LossRun]], device: str = "auto") -> list[Fitted]:
    """What ``fit`` makes of each group of runs, which are of one model.

    ``device``: "cpu" is NumPy, "cuda" (or "cuda:1") torch on a GPU and "torch" torch on the CPU;
    "scipy" fits one after another by MINPACK, which the batches are measured against; "auto" takes
    a GPU for 100 groups and more if there is one, else the CPU. Raises ``ValueError`` for a group
    without losses, ``ConfigError`` for a device that there is not and ``MissingExtraError`` where
    torch is needed and not installed.
    """
    made = [group_of(runs) for runs in groups]
    if device == "scipy":
        return [Fitted(tuple(fit_law(w, g.runs, g.scale) for w in LAWS), g.runs) for g in made]
    place = _place(device, len(made))
    # Groups of like size side by side waste little on padding.
    order = sorted(range(len(made)), key=lambda i: made[i].size)
    found: dict[int, Fitted] = {}
    for at in range(0, len(order), place.groups):
        chunk = order[at : at + place.groups]
        for i, fits in zip(chunk, fit_batch([made[i] for i in chunk], place), strict=True):
            found[i] = Fitted(fits, made[i].runs)
    return [found[i] for i in range(len(made))]


def consult_many(groups: Sequence[Sequence[LossRun]], device: str = "auto") -> list[Oracle]:
    """What ``consult`` makes of each group of runs; those without a law are refused alone."""
    prepared = [[(run, points_of(run)) for run in runs] for runs in groups]
    reasons = [next((why for one in some if (why := unfit(*one))), None) for some in prepared]
    sound = [runs for runs, why in zip(groups, reasons, strict=True) if why is None]
    fitted = iter(fit_many(sound, device))
    return [
        Oracle(None, why, "D")
        if why is not None
        else Oracle(next(fitted), None, grade([points for _, points in some]))
        for some, why in zip(prepared, reasons, strict=True)
    ]


def _place(device: str, count: int) -> Place:
    if device == "auto":
        device = "cuda" if count >= _MANY and _gpu() else "cpu"
    if device == "cpu":
        return on_cpu()
    return on_torch("cpu" if device == "torch" else device)


def _gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
