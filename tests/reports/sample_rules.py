"""The rules of the fixed report: texts as a rule file would give them."""

from __future__ import annotations

from lrdoctor.types import Confidence, Severity
from lrdoctor.verdict import Rule, Threshold

PEAK = Rule(
    code="LRD201",
    name="onecycle-peak-misplaced",
    category="peak",
    title="OneCycle peaks elsewhere than configured",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    detector="peak_position",
    message="the LR peaks at epoch {peak_epoch} where {expected_epoch} was intended",
    why=(
        "One-cycle spends `pct_start` of its steps rising. A peak elsewhere means that the "
        "scheduler was built with **another horizon** or another `pct_start`.\n\n"
        "- A late peak leaves too few steps to anneal.\n- An early peak wastes the high LR."
    ),
    harmless="Harmless where the peak was moved on purpose and the configuration was not updated.",
    fixes=("move_peak",),
    references=("https://arxiv.org/abs/1708.07120", "Smith 2018, section 4"),
    thresholds={
        "tolerance": Threshold(0.02, "of the run", "twice the logging interval of the sample runs")
    },
)
JUMP = Rule(
    code="LRD401",
    name="loss-jump-at-lr-drop",
    category="loss",
    title="Loss rises where the LR drops",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    detector="loss_jump",
    message="training loss rises from {loss_before} to {loss_after} at step {start}",
    why="A plain drop lowers the loss. A rise means that something else changed at that step.",
    harmless="Harmless where the data changed at the same step.",
    fixes=("smooth_drop",),
    references=("https://arxiv.org/abs/1512.03385",),
    thresholds={
        "rise_sigma": Threshold(4.0, "standard deviations", "1 in 10,000 under Gaussian noise"),
        "window": Threshold(50.0, "steps", "the shortest window that averages the noise out"),
    },
)
FLAT = Rule(
    code="LRD402",
    name="plateau-never-reduced",
    category="loss",
    title="Loss is flat and the LR never moves",
    severity=Severity.WARNING,
    confidence=Confidence.LOW,
    detector="flat_loss",
    message="loss is flat over {flat_share} of the run at LR {lr}",
    why="A loss that is flat within its noise at a high LR is usually limited by that LR.",
    harmless="Harmless at the noise floor of the data.",
    fixes=("decay_tail",),
    references=(),
    thresholds={"flat_share": Threshold(0.3, "", "the share that a cooldown needs")},
)
DECAY = Rule(
    code="LRD301",
    name="decay-too-fast",
    category="decay",
    title="The LR is at its floor while most of the run is to come",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    detector="decay_rate",
    message="the LR reaches its floor at step {floor_at} of {total}",
    why="An LR at its floor trains nothing any more.",
    harmless="Harmless as the tail of a finished schedule.",
    fixes=("set_t_max",),
    references=(),
    thresholds={"early": Threshold(0.6, "of the run", "sample runs")},
)
UNFREEZE = Rule(
    code="LRD601",
    name="lr-collapse-after-unfreezing",
    category="groups",
    title="The LR collapses where layers are unfrozen",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    detector="unfreeze_collapse",
    message="LR falls by {ratio} at the unfreeze",
    why="A scheduler rebuilt from the decayed LR starts far below the original.",
    harmless="Harmless where the new group has its own LR on purpose.",
    fixes=("keep_state_on_unfreeze", "raise_group_lr"),
    references=(),
    thresholds={"ratio": Threshold(100.0, "", "sample runs")},
)
RULES = (PEAK, DECAY, JUMP, FLAT, UNFREEZE)
