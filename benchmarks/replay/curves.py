"""Groups of loss curves of one model under several schedules, read from a folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from lrdoctor.curves.noise import point_sigma
from lrdoctor.replay.law import LossRun

# The last value of a noisy log is one batch; the mean of this share of its rows, at least so many,
# stands for it.
_LAST = 0.04
_FEWEST = 6
_CLEAN = 2e-3


@dataclass(frozen=True)
class Logged:
    """One curve: ``family`` of models, ``group`` (one model), schedule ``name``, and the run."""

    family: str
    group: str
    name: str
    run: LossRun

    @cached_property
    def final(self) -> float:
        """The loss at the end: the last value of a clean log, else the mean of its last 4 %."""
        return float(self.run.loss[-self._last :].mean())

    @cached_property
    def final_sigma(self) -> float:
        """Standard deviation of ``final`` from the noise of its rows."""
        return point_sigma(self.run.loss) / float(np.sqrt(self._last))

    @cached_property
    def _last(self) -> int:
        loss = self.run.loss
        clean = point_sigma(loss) < _CLEAN * float(np.ptp(loss))
        return 1 if clean else max(int(_LAST * len(loss)), _FEWEST)


def load_groups(folder: Path, only: str = "") -> dict[str, list[Logged]]:
    """Curves by group, a CSV file (step, lr, loss) per run in ``folder/<source>/<model>/``.

    The family is the source, split where one source trained different kinds of models: the first
    word of the model's name. Groups of a single curve are left out.
    """
    groups: dict[str, list[Logged]] = defaultdict(list)
    for path in sorted(folder.glob("*/*/*.csv")):
        group = f"{path.parent.parent.name}/{path.parent.name}"
        if not only or any(part in group for part in only.split(",")):
            family = f"{path.parent.parent.name}/{path.parent.name.split('_')[0]}"
            groups[group].append(Logged(family, group, path.stem, _read(path)))
    return {name: curves for name, curves in groups.items() if len(curves) > 1}


def _read(path: Path) -> LossRun:
    table = np.genfromtxt(path, delimiter=",", names=True)
    step, lr, loss = (np.atleast_1d(table[name]) for name in ("step", "lr", "loss"))
    # Some loggers write LR 0 in the very last row of a run that never decayed.
    if len(lr) > 2 and lr[-1] == 0 and lr[-2] > lr.max() / 2:
        step, lr, loss = step[:-1], lr[:-1], loss[:-1]
    return LossRun(step, lr, step, loss)


def by_family(groups: Mapping[str, list[Logged]]) -> dict[str, list[list[Logged]]]:
    """The groups of each family."""
    families: dict[str, list[list[Logged]]] = defaultdict(list)
    for curves in groups.values():
        families[curves[0].family].append(curves)
    return dict(families)
