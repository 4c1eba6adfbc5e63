"""The published test of the multi-power law: three runs predict six others, point by point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.replay.curves import Logged
from lrdoctor.replay.law import fit, predict

SOURCES = ("cosine_24000", "constant_24000", "wsdcon_9")


def three_predict_the_rest(curves: Sequence[Logged]) -> tuple[float, float, float] | None:
    """R2 over all points, and the mean absolute error per curve and per point (Luo et al., arXiv
    2503.12811, table 2); None where the folder lacks the curves."""
    named = {c.name: c for c in curves}
    if not all(name in named for name in SOURCES):
        return None
    fitted = fit([named[name].run for name in SOURCES])
    told, true = [], []
    for name, curve in named.items():
        if name not in SOURCES:
            told.append(predict(fitted, curve.run.path(), curve.run.loss_step).loss)
            true.append(curve.run.loss)
    each = float(np.mean([np.abs(t - y).mean() for t, y in zip(told, true, strict=True)]))
    off, loss = np.concatenate(told) - np.concatenate(true), np.concatenate(true)
    share = 1.0 - float(np.sum(off**2) / np.sum((loss - loss.mean()) ** 2))
    return share, each, float(np.abs(off).mean())
