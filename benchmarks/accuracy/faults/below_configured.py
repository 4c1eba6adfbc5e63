"""LRD508, LR far below the configured one: something multiplies it on the way to the optimizer."""

from __future__ import annotations

from benchmarks.accuracy import scripts, symptoms
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.scripts_level import factors, linear
from benchmarks.accuracy.tasks import Teacher


def _scene(draw: Draw, lr: float, scale: float) -> Scene:
    """A line to 0 in a LambdaLR, all of it times ``scale``."""
    epochs = int(draw.integers(16, 26))
    make = factors(lambda done: scale * linear(done))
    intent = {"optimizer": "AdamW", "learning_rate": lr, "max_epochs": epochs}
    setup = scripts.scheduled(lr, make, per="step", optimizer=scripts.adamw)
    recipe = Recipe(setup, epochs, intent=intent, optimizer="AdamW")
    return Scene(Teacher(noise=0.3), recipe, ("lightning_csv", "json_lines", "trainer_state"))


def lambda_returns_lr(draw: Draw, faulty: bool) -> Scene:
    """The function returns the LR itself, which LambdaLR multiplies with it once more."""
    lr = nearby(draw, 2e-3)
    return _scene(draw, lr, lr if faulty else 1.0)


def hidden_factor(draw: Draw, faulty: bool) -> Scene:
    """A division left over from an experiment."""
    lr = nearby(draw, 3e-3)
    return _scene(draw, lr, 1 / float(draw.integers(150, 900)) if faulty else 1.0)


def far_behind(faulty: History, control: History) -> bool:
    """It ends at more than 1.2 times the loss that the control ends at."""
    return symptoms.final_loss(faulty) > 1.2 * symptoms.final_loss(control)


_EFFECTS = ("LRD204", "LRD415")
INJECTIONS = (
    Injection("LRD508", lambda_returns_lr, far_behind, needs_intent=True, also=_EFFECTS),
    Injection("LRD508", hidden_factor, far_behind, needs_intent=True, also=_EFFECTS),
)

SAMPLES = sample_pair(
    ("lr-squared", "lr-as-configured"),
    lambda_returns_lr,
    "trainer_state",
    "LRD508",
    "The function of a LambdaLR returns the LR, not a factor: the run trains at its square.",
)
