"""Runs with a head and a backbone, shared by the tests of the rules on param groups."""

from __future__ import annotations

import numpy as np

from tests.builders import RunBuilder, Values, a_run
from tests.detectors.cases import cosine

LR = 1e-3


def head_cosine(t: np.ndarray) -> np.ndarray:
    """The head's cosine over 1,000 steps."""
    return cosine(t, 1000, LR)


def two_groups(head: Values, backbone: Values, **settings: object) -> RunBuilder:
    """A fine-tuning of 1,000 steps that logs both LRs."""
    run = a_run().lr(head, tag="lr-AdamW/head").lr(backbone, tag="lr-AdamW/backbone")
    return run.hparams(**{"pretrained": True, **settings})  # type: ignore[arg-type]
