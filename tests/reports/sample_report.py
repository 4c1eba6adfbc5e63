"""One fixed report with everything in it that a renderer must show.

Curves come from closed forms and are rounded to six digits, so that the golden files do not depend
on the last bit of a machine's cosine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lrdoctor.plugins import discover
from lrdoctor.schedules._build import from_parameters
from lrdoctor.types import (
    Alternative,
    Array,
    ClockUnit,
    Note,
    Quantity,
    Restart,
    Role,
    Schedule,
    Segment,
    Series,
    Severity,
    Status,
)
from lrdoctor.verdict import (
    Band,
    Candidate,
    Curve,
    Diagnosis,
    Evidence,
    Finding,
    GroupSchedule,
    Outcome,
    ReadFailure,
    Report,
    Rule,
    RuleResult,
)
from tests.reports.sample_rules import DECAY, FLAT, JUMP, PEAK, RULES, UNFREEZE

STEP = np.arange(0, 9000, 30)
NOISE = np.random.default_rng(7).normal(0, 1, len(STEP))


def curve(
    role: Role, tag: str, values: Array | Callable[[Array], Array], group: str | None = None
) -> Curve:
    """A curve over ``STEP``, rounded to six significant digits."""
    raw = values(STEP.astype(float)) if callable(values) else values
    rounded = np.array([float(f"{v:.6g}") for v in raw])
    return Curve(role, tag, Series(tag, STEP, rounded), group)


def schedule(
    name: str | None, parameters: dict[str, object], stop: int = 9000, start: int = 0
) -> Schedule:
    """A fitted schedule of one segment, whose shape is beside the point here."""
    shape = discover("shapes")["constant"](value=0.001)
    segment = Segment(float(start), float(stop), shape, 1e-6)
    named = None if name is None else from_parameters(name, parameters)
    return Schedule(start, stop, (segment,), named, 2.5e-7, origin=float(start), logged="used")


def onecycle(peak: float, max_lr: float) -> Callable[[Array], Array]:
    """One-cycle over 9,000 steps, from max_lr / 25 up to the peak, down to max_lr / 250,000."""
    low, end = max_lr / 25, max_lr / 250_000

    def lr(t: Array) -> Array:
        up = max_lr + (low - max_lr) / 2 * (1 + np.cos(np.pi * t / peak))
        down = end + (max_lr - end) / 2 * (1 + np.cos(np.pi * (t - peak) / (9000 - peak)))
        return np.where(t < peak, up, down)

    return lr


def found(rule: Rule, evidence: Evidence, message: str, cause: str | None = None) -> RuleResult:
    """A finding with the rule's own confidence; with a cause it is suppressed under that."""
    severity = evidence.severity or rule.severity
    fingerprint = f"{rule.code.lower()}{'0' * 58}"
    finding = Finding(rule, evidence, message, severity, rule.confidence, fingerprint, cause)
    if cause is not None:
        return RuleResult(rule, Status.SUPPRESSED, finding, f"explained by {cause}")
    return RuleResult(rule, Status.FOUND, finding)


def late_peak() -> Diagnosis:
    """An error with a safe correction, rehearsed and predicted; two param groups."""
    onecycle_parameters = {"max_lr": 0.01, "total_steps": 9000, "pct_start": 0.3}
    head = schedule("onecycle", onecycle_parameters)
    slow = schedule("onecycle", {**onecycle_parameters, "max_lr": 0.001})
    better = {
        name: schedule("onecycle", {**onecycle_parameters, "max_lr": top, "pct_start": 0.2})
        for name, top in (("head", 0.01), ("backbone", 0.001))
    }
    evidence = Evidence(
        start=1800,
        stop=2700,
        tags=("lr/head",),
        measured={
            "peak_epoch": Quantity(27.0, "epochs"),
            "expected_epoch": Quantity(18.0, "epochs"),
            "ratio": Quantity(1.5, ""),
        },
        param_group="head",
        detail="pct_start is 0.3 where the configuration says 0.2",
        revision="A configuration that says pct_start=0.3 would clear this run.",
    )
    move = Candidate(
        fix="move_peak",
        title="Set pct_start to 0.2, so that the LR peaks at epoch 18",
        answers=("LRD201",),
        disposition="safe",
        schedules=better,
        curves=(
            curve(Role.LR, "lr/head", onecycle(1800, 0.01), "head"),
            curve(Role.LR, "lr/backbone", onecycle(1800, 0.001), "backbone"),
        ),
        diff=(
            "--- train.py\n+++ train.py\n@@ scheduler @@\n scheduler = OneCycleLR(\n"
            "     optimizer,\n     max_lr=[0.01, 0.001],\n     total_steps=9000,\n"
            "-    pct_start=0.3,\n+    pct_start=0.2,\n )\n"
        ),
        code={
            "torch": "OneCycleLR(optimizer, max_lr=[0.01, 0.001], total_steps=9000, pct_start=0.2)"
        },
        resolves=("LRD201",),
        outcomes=(
            Outcome("dry_run", ("The optimizer steps once per scheduler step.",), seconds=0.02),
            Outcome(
                "law",
                ("Same data and batch size.", "The loss law holds beyond the log."),
                grade="B",
                baseline_loss=0.4312,
                loss=0.4187,
                interval=(0.4101, 0.4266),
                gain_interval=(0.0046, 0.0211),
                seconds=0.4,
                band=Band(
                    step=np.array([0.0, 4500.0, 9000.0]),
                    loss=np.array([2.3, 0.6131, 0.4187]),
                    low=np.array([2.2, 0.604, 0.4101]),
                    high=np.array([2.4, 0.6228, 0.4266]),
                ),
            ),
        ),
    )
    loss = 0.4 + 1.9 / np.sqrt(1 + STEP / 90) + 0.02 * NOISE
    return Diagnosis(
        run="exp1/onecycle",
        files=("exp1/onecycle/events.out.tfevents.1700000000.host",),
        format="tensorboard",
        first=0,
        last=8970,
        unit=ClockUnit.OPTIMIZER_STEP,
        steps_per_epoch=100.0,
        planned=9000,
        finished=True,
        roles={
            Role.LR: ("lr/head", "lr/backbone"),
            Role.TRAIN_LOSS: ("train/loss",),
            Role.VAL_LOSS: ("val/loss",),
            Role.EPOCH: ("epoch",),
        },
        restarts=(),
        schedules=(
            GroupSchedule("head", "lr/head", head, {"torch": "OneCycleLR(optimizer, 0.01, 9000)"}),
            GroupSchedule("backbone", "lr/backbone", slow),
        ),
        results=(
            found(PEAK, evidence, "the LR peaks at epoch 27 where 18 was intended (pct_start 0.3)"),
            RuleResult(DECAY, Status.PASSED),
            RuleResult(JUMP, Status.PASSED),
            RuleResult(FLAT, Status.PASSED),
            RuleResult(UNFREEZE, Status.NOT_APPLICABLE, reason="no param group joins or moves"),
        ),
        candidates=(move,),
        curves=(
            curve(Role.LR, "lr/head", onecycle(2700, 0.01), "head"),
            curve(Role.LR, "lr/backbone", onecycle(2700, 0.001), "backbone"),
            curve(Role.TRAIN_LOSS, "train/loss", loss),
            curve(Role.VAL_LOSS, "val/loss", loss + 0.06),
        ),
        hparams={"pct_start": 0.2, "max_epochs": 90, "optimizer": "SGD", "amp": True, "seed": None},
    )


def loss_jump() -> Diagnosis:
    """A warning that explains another, a correction to review and one that does harm; a restart."""
    steps = np.where(STEP < 4500, 0.1, 0.01)
    jump = np.where(STEP >= 4500, 0.5 * np.exp(-(STEP - 4500) / 400), 0.0)
    loss = 0.5 + 1.5 / np.sqrt(1 + STEP / 60) + jump + 0.015 * NOISE
    evidence = Evidence(
        start=4500,
        stop=5220,
        tags=("loss",),
        measured={
            "loss_before": Quantity(0.672, ""),
            "loss_after": Quantity(1.143, ""),
            "rise": Quantity(31.4, "standard deviations"),
        },
        detail="the optimizer state was lost",
        revision="A validation loss that does not rise at the same step would speak against it.",
    )
    after = Evidence(
        6000, 9000, ("loss",), {"flat_share": Quantity(0.33, "")}, severity=Severity.INFO
    )
    smooth = Candidate(
        fix="smooth_drop",
        title="Replace the drop by a cosine over 1,000 steps",
        answers=("LRD401",),
        disposition="review",
        schedules={"lr": schedule(None, {})},
        curves=(curve(Role.LR, "lr", lambda t: 0.01 + 0.045 * (1 + np.cos(np.pi * t / 9000))),),
        diff=(
            "-scheduler = MultiStepLR(optimizer, [4500])\n"
            "+scheduler = CosineAnnealingLR(optimizer, 9000)\n"
        ),
        resolves=("LRD401",),
    )
    harmful = Candidate(
        fix="reduce_on_plateau",
        title="Reduce on plateau",
        answers=("LRD401",),
        disposition="review",
        schedules={},
        introduces=("LRD402",),
        outcomes=(
            Outcome("law", ("None.",), grade="D", refused="the loss rises unexplained by LR"),
        ),
    )
    multistep = schedule("multistep", {"lr": 0.1, "milestones": [4500], "gamma": 0.1})
    return Diagnosis(
        run="exp1/multistep",
        files=("exp1/multistep/metrics.csv", "exp1/multistep/metrics.resumed.csv"),
        format="csv",
        first=0,
        last=8970,
        unit=ClockUnit.BATCH,
        steps_per_epoch=None,
        planned=None,
        finished=None,
        roles={Role.LR: ("lr",), Role.TRAIN_LOSS: ("loss",), Role.METRIC: ("acc", "f1")},
        restarts=(Restart(3000, 120, "exp1/multistep/metrics.resumed.csv", 5400.0),),
        schedules=(GroupSchedule("lr", "lr", multistep),),
        results=(
            RuleResult(PEAK, Status.NOT_APPLICABLE, reason="the schedule is not one-cycle"),
            found(JUMP, evidence, "training loss rises from 0.672 to 1.143 at batch 4,500"),
            found(FLAT, after, "loss is flat over 0.33 of the run", cause="LRD401"),
            RuleResult(
                DECAY,
                Status.SUPPRESSED,
                found(DECAY, Evidence(4500, 9000, ("lr",), {}), "the LR reaches its floor").finding,
                "short run, accepted by the team until the next release",
            ),
            RuleResult(
                UNFREEZE,
                Status.FAILED,
                reason="the check failed: ZeroDivisionError: division by zero",
                traceback="Traceback (most recent call last):\n  …\nZeroDivisionError\n",
            ),
        ),
        candidates=(harmful, smooth),
        curves=(
            curve(Role.LR, "lr", steps, "lr"),
            curve(Role.TRAIN_LOSS, "loss", loss),
        ),
        hparams={"lr": 0.1, "milestones": "[4500]"},
        notes=(
            Note(
                "truncated_record", "the last record is cut off", "exp1/multistep/metrics.csv", 8970
            ),
            Note("duplicate_steps", "120 steps were trained again and the later values kept"),
        ),
    )


def diverged() -> Diagnosis:
    """A remark only, on an epoch axis whose loss becomes NaN."""
    epoch = np.arange(40)
    loss = 2.0 / (1 + epoch / 4)
    loss[31:34], loss[36:] = np.nan, np.inf
    lr = Series("lr", epoch, np.full(40, 3e-4))
    evidence = Evidence(12, 31, ("lr",), {"flat_share": Quantity(0.47, "")}, severity=Severity.INFO)
    return Diagnosis(
        run="exp2/constant",
        files=("exp2/constant/log.jsonl",),
        format="jsonl",
        first=0,
        last=39,
        unit=ClockUnit.EPOCH,
        steps_per_epoch=1.0,
        planned=100,
        finished=False,
        roles={Role.LR: ("lr",), Role.TRAIN_LOSS: ("loss",)},
        restarts=(),
        schedules=(
            GroupSchedule(
                "lr",
                "lr",
                Schedule(
                    0,
                    40,
                    (),
                    from_parameters("constant", {"lr": 3e-4}),
                    0.0,
                    alternatives=(
                        Alternative("inverse_sqrt", "the log is too short to tell them apart"),
                    ),
                ),
            ),
        ),
        results=(
            found(FLAT, evidence, "loss is flat over 0.47 of the run at LR 0.0003"),
            RuleResult(DECAY, Status.PASSED),
        ),
        curves=(
            Curve(Role.LR, "lr", lr, "lr"),
            Curve(Role.TRAIN_LOSS, "loss", Series("loss", epoch, np.round(loss, 6))),
        ),
        hparams={"weight_decay": float("nan")},
    )


def healthy() -> Diagnosis:
    """Nothing to say, every check made."""
    loss = 0.3 + 1.2 / np.sqrt(1 + STEP / 100) + 0.01 * NOISE
    cosine = schedule("cosine", {"lr": 0.003, "T_max": 8500, "eta_min": 0.0, "warmup": 500})
    warm = np.minimum(STEP / 500, 1)
    falling = 0.0015 * (1 + np.cos(np.pi * np.clip((STEP - 500) / 8500, 0, 1)))
    return Diagnosis(
        run="exp2/cosine",
        files=("exp2/cosine/trainer_state.json",),
        format="trainer_state",
        first=0,
        last=8970,
        unit=ClockUnit.OPTIMIZER_STEP,
        steps_per_epoch=250.0,
        planned=9000,
        finished=True,
        roles={Role.LR: ("learning_rate",), Role.TRAIN_LOSS: ("loss",)},
        restarts=(),
        schedules=(GroupSchedule("learning_rate", "learning_rate", cosine),),
        results=tuple(RuleResult(rule, Status.PASSED) for rule in RULES),
        curves=(
            curve(Role.LR, "learning_rate", warm * falling, "learning_rate"),
            curve(Role.TRAIN_LOSS, "loss", loss),
        ),
    )


def without_lr() -> Diagnosis:
    """Nothing could be judged."""
    reason = "the log has no learning rate"
    return Diagnosis(
        run="exp3/no-lr",
        files=("exp3/no-lr/metrics.csv",),
        format="csv",
        first=0,
        last=8970,
        unit=ClockUnit.OPTIMIZER_STEP,
        steps_per_epoch=None,
        planned=None,
        finished=None,
        roles={Role.TRAIN_LOSS: ("loss",)},
        restarts=(),
        schedules=(),
        results=tuple(RuleResult(r, Status.NOT_APPLICABLE, reason=reason) for r in RULES),
        curves=(curve(Role.TRAIN_LOSS, "loss", 1 / (1 + STEP / 500)),),
    )


def sample_report() -> Report:
    """Five runs and a file that cannot be read."""
    return Report(
        diagnoses=(late_peak(), loss_jump(), diverged(), healthy(), without_lr()),
        unreadable=(ReadFailure("exp3/broken.csv", "not text: byte 0x00 at offset 3"),),
        version="0.1.0",
        rulebook_digest="sha256:" + "5f" * 32,
        arguments=("analyze", "runs/"),
        rules=RULES,
        files_found=8,
        notes=(Note("skipped", "exp3/videos was excluded by --exclude"),),
    )


def one_run_report() -> Report:
    """The report of one run with an error."""
    whole = sample_report()
    return Report(
        (late_peak(),), (), whole.version, whole.rulebook_digest, (), RULES, files_found=1
    )
