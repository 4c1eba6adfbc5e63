"""A log with a loss and without any learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.detectors._context import loss_of
from lrdoctor.types import Case, Quantity, Role
from lrdoctor.verdict import Evidence, Judgement

# What to add to which logger, by the format that the log was read as.
_ADVICE = {
    "keras_csv": "its LearningRateScheduler and ReduceLROnPlateau add it to the row; without them "
    "a callback placed before CSVLogger can: "
    '`logs["lr"] = float(self.model.optimizer.learning_rate)` in `on_epoch_end`',
    "lightning_csv": 'add `LearningRateMonitor(logging_interval="step")` to the Trainer\'s '
    "callbacks",
    "tensorboard": "add "
    '`writer.add_scalar("lr", optimizer.param_groups[0]["lr"], step)` beside the loss',
    "wandb": 'log `"lr": optimizer.param_groups[0]["lr"]` in the same call as the loss',
    "mlflow": "add "
    '`mlflow.log_metric("lr", optimizer.param_groups[0]["lr"], step=step)` beside the loss',
}
_ANY = 'write `optimizer.param_groups[0]["lr"]` as "lr" in the same row as the loss'


@dataclass(frozen=True, slots=True)
class LrMissing:
    """Fires on the absence itself: nearly every other rule waits for this series."""

    name: ClassVar[str] = "lr_missing"
    requires: ClassVar[frozenset[Role]] = frozenset()
    measures: ClassVar[frozenset[str]] = frozenset({"losses"})

    min_points: float

    def detect(self, case: Case) -> Iterator[Judgement]:
        """At most one finding, over the whole run."""
        loss = loss_of(case)
        if case.has(Role.LR) or loss is None or len(loss) < self.min_points:
            return
        yield Evidence(
            start=case.first,
            stop=case.last + 1,
            tags=(loss.tag,),
            measured={"losses": Quantity(float(len(loss)), "losses")},
            detail=_ADVICE.get(case.run.format, _ANY),
            revision="a tag that holds the learning rate under another name: say which with --role",
        )
