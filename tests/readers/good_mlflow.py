"""A small MLflow run for the reader contract, with a nested metric and one NaN."""

from __future__ import annotations

import math

_LOSS = [2 - i / 20 if i != 7 else math.nan for i in range(20)]
_LR = [0.1 - i / 1000 for i in range(20)]
_STEPS = [10 * i for i in range(20)]


def _metric(values: list[float]) -> bytes:
    rows = zip(values, _STEPS, strict=True)
    return "".join(f"{1633448439785 + s} {v!r} {s}\n" for v, s in rows).encode()


FILES = {
    "mlruns/0/3c7a/metrics/lr": _metric(_LR),
    "mlruns/0/3c7a/metrics/train/loss": _metric(_LOSS),
}
EXPECTED = {"lr": (_STEPS, _LR), "train/loss": (_STEPS, _LOSS)}
