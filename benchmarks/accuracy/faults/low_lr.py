"""LRD204, LR too low from scratch: the run covers only the straight beginning of its curve."""

from __future__ import annotations

from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR

from benchmarks.accuracy import scripts, symptoms
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Sample, Scene, nearby
from benchmarks.accuracy.tasks import Digits, Task, Teacher


def _scene(draw: Draw, lr: float, cosine: bool, task: Task) -> Scene:
    epochs = int(draw.integers(26, 40))
    setup = scripts.scheduled(
        lr,
        lambda o, t: CosineAnnealingLR(o, epochs) if cosine else ConstantLR(o, 1.0),
        optimizer=scripts.adamw,
    )
    intent = {"optimizer": "AdamW", "lr": lr, "max_epochs": epochs}
    recipe = Recipe(setup, epochs, intent=intent, optimizer="AdamW")
    return Scene(task, recipe, ("epoch_csv", "lightning_csv", "json_lines"))


def adam_constant(draw: Draw, faulty: bool) -> Scene:
    """Fine-tuning's LR for a network from scratch; the control has a hundred times as much."""
    lr = nearby(draw, 2e-5 if faulty else 2e-3)
    return _scene(draw, lr, cosine=False, task=Teacher(2048, 16, 0.3))


def adam_cosine(draw: Draw, faulty: bool) -> Scene:
    """A low LR under a cosine, on images."""
    lr = nearby(draw, 1e-4 if faulty else 5e-3)
    return _scene(draw, lr, cosine=True, task=Digits(convolution=True))


def far_behind(faulty: History, control: History) -> bool:
    """It ends at more than twice the loss that the control ends at."""
    return symptoms.final_loss(faulty) > 2 * symptoms.final_loss(control)


INJECTIONS = (
    Injection("LRD204", adam_constant, far_behind, also=("LRD415",)),
    Injection("LRD204", adam_cosine, far_behind, also=("LRD415",)),
)

SAMPLES = (
    Sample(
        "lr-too-low",
        lambda d: adam_constant(d, True),
        "epoch_csv",
        shows="Fine-tuning's LR for a network from scratch: the loss is still on a straight line.",
        code="LRD204",
        control="finder-typed",
    ),
)
