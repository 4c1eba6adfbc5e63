"""LRD411 to LRD415: losses off by a factor, redefined, or never learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.faults.loss_events import change
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.symptoms import final_loss
from benchmarks.accuracy.tasks import Data, Digits, Sequences

# Logs that hold a metric beside the losses.
_WITH_METRIC = ("lightning_csv", "keras_csv")


def _cosine(lr: float, *then: Callable[[Training], None]) -> scripts.Setup:
    """SGD under a cosine per epoch; ``then`` adds what a script does besides."""

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        t.each_epoch.append(CosineAnnealingLR(t.optimizer, t.recipe.epochs).step)
        for add in then:
            add(t)

    return setup


def _intent(epochs: int, lr: float, at: int | None = None) -> dict[str, object]:
    known = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "CosineAnnealingLR"}
    return known if at is None else {**known, "change_epoch": at}


def _shown(loss: Tensor, factor: float) -> Tensor:
    """The loss as a log shows it, ``factor`` times too large; its gradient is the right one."""
    return loss + (factor - 1) * loss.detach()


# ------------------------------------------------------------------------------ LRD411, the factor


@dataclass(frozen=True)
class Misreported(Sequences):
    """Reports the training loss ``factor`` times too large."""

    factor: float = 1.0

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Cross entropy per token, as reported."""
        loss = super().losses(net, x, y)["loss"]
        return {"loss": _shown(loss, self.factor) if net.training else loss}


def summed_over_accumulation(draw: Draw, faulty: bool) -> Scene:
    """The training loss is summed over the micro-batches of a step; evaluation takes the mean."""
    epochs, lr, k = int(draw.integers(8, 14)), nearby(draw, 2e-3), int(draw.choice([2, 4, 8]))
    setup = scripts.scheduled(
        lr, lambda o, t: CosineAnnealingLR(o, t.total_steps), per="step", optimizer=scripts.adamw
    )
    intent = {"learning_rate": lr, "lr_scheduler_type": "cosine", "gradient_accumulation_steps": k}
    recipe = Recipe(setup, epochs, 8, k, intent, optimizer="AdamW")
    return Scene(Misreported(factor=k if faulty else 1.0), recipe, ("trainer_state",))


def off_by_factor(faulty: History, control: History) -> bool:
    """The last losses are twice the control's, or half of them, at the same validation loss."""
    ratio = final_loss(faulty) / final_loss(control)
    val = float(faulty.val_loss[-1] / control.val_loss[-1])
    return abs(np.log(ratio)) > np.log(1.8) and abs(np.log(val)) < np.log(1.1)


# ---------------------------------------------------------------- LRD412, another loss function


@dataclass(frozen=True)
class Smoothed(Digits):
    """Cross entropy; label smoothing (``kind`` smooth) or an added term once ``odd`` is set."""

    kind: str = "smooth"

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The loss in force."""
        out, label = net(x)[:, :10], y[:, 0].long()
        if not getattr(net, "odd", False):
            return {"loss": F.cross_entropy(out, label)}
        if self.kind == "smooth":
            return {"loss": F.cross_entropy(out, label, label_smoothing=0.2)}
        return {"loss": 1.5 * F.cross_entropy(out, label) + 0.4}


def another_loss(draw: Draw, faulty: bool) -> Scene:
    """The second stage of a training uses label smoothing, or a larger weight and one more term."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.015)
    at, kind = int(epochs * draw.uniform(0.4, 0.7)), str(draw.choice(["smooth", "weight"]))

    def add(t: Training) -> None:
        if faulty:
            t.at_epoch(at, lambda: setattr(t.net, "odd", True))

    recipe = Recipe(_cosine(lr, add), epochs, intent=_intent(epochs, lr, at))
    return Scene(Smoothed(kind=kind), recipe, ("lightning_csv",))


def level_alone_moves(faulty: History, control: History) -> bool:
    """The loss moves by a quarter, the accuracy ends within two points of the control's."""
    ratio = final_loss(faulty) / final_loss(control)
    return abs(np.log(ratio)) > 0.25 and abs(faulty.accuracy[-1] - control.accuracy[-1]) < 0.03


# ---------------------------------------------------------------------------- LRD415, no progress


@dataclass(frozen=True)
class Deep(Digits):
    """Many narrow layers; ``saturating`` puts sigmoids between them."""

    saturating: bool = False

    def net(self, seed: int) -> nn.Module:
        """Eight hidden layers."""
        torch.manual_seed(seed)
        act = nn.Sigmoid if self.saturating else nn.ReLU
        layers: list[nn.Module] = [nn.Flatten(), nn.Linear(144, 48), act()]
        for _ in range(7):
            linear = nn.Linear(48, 48)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            layers += [linear, act()]
        return nn.Sequential(*layers, nn.Linear(48, 12))


def vanishing_gradient(draw: Draw, faulty: bool) -> Scene:
    """Eight layers of sigmoids: nothing arrives at the first ones."""
    epochs, lr = int(draw.integers(24, 32)), nearby(draw, 0.005)
    recipe = Recipe(_cosine(lr), epochs, intent=_intent(epochs, lr))
    return Scene(Deep(samples=384, noise=0.5, saturating=faulty), recipe, _WITH_METRIC)


@dataclass(frozen=True)
class Shuffled(Digits):
    """Labels that were shuffled against their inputs."""

    def data(self, seed: int) -> Data:
        """The glyphs with the labels of others."""
        data = super().data(seed)
        g = torch.Generator().manual_seed(seed)
        y, v = data.y, data.y_val
        y, v = y[torch.randperm(len(y), generator=g)], v[torch.randperm(len(v), generator=g)]
        return replace(data, y=y, y_val=v)


def shuffled_labels(draw: Draw, faulty: bool) -> Scene:
    """Inputs and labels are shuffled apart."""
    epochs, lr = int(draw.integers(22, 30)), nearby(draw, 0.01)
    recipe = Recipe(_cosine(lr), epochs, intent=_intent(epochs, lr))
    task = Shuffled(noise=2.0) if faulty else Digits(noise=2.0)
    return Scene(task, recipe, _WITH_METRIC)


def vanishing_input(draw: Draw, faulty: bool) -> Scene:
    """Pixels are divided by 255 twice: the network sees nothing but its own biases."""
    epochs, lr = int(draw.integers(24, 32)), nearby(draw, 0.01)
    recipe = Recipe(_cosine(lr), epochs, intent=_intent(epochs, lr))
    task = Digits(scale=1 / 255**2 if faulty else 1.0)
    return Scene(task, recipe, _WITH_METRIC)


def never_moves(faulty: History, control: History) -> bool:
    """Four fifths of the run lie within 2 % of each other; the control falls by a fifth."""
    rest = faulty.train_loss[len(faulty.train_loss) // 5 :]
    learned = final_loss(control) < 0.8 * float(np.mean(control.loss[:5]))
    return float(np.ptp(rest)) < 0.02 * float(np.mean(rest)) and learned


INJECTIONS = (
    Injection("LRD411", summed_over_accumulation, off_by_factor, needs_intent=True),
    Injection("LRD412", another_loss, level_alone_moves, place=change),
    Injection("LRD415", vanishing_gradient, never_moves),
    Injection("LRD415", shuffled_labels, never_moves),
    Injection("LRD415", vanishing_input, never_moves),
)

SAMPLES = (
    *sample_pair(
        ("loss-times-accumulation", "loss-averaged"),
        summed_over_accumulation,
        "trainer_state",
        "LRD411",
        "The training loss is summed over the micro-batches of a step, the validation loss is a "
        "mean.",
    ),
    *sample_pair(
        ("loss-redefined", "loss-kept"),
        another_loss,
        "lightning_csv",
        "LRD412",
        "The second stage of the training has another loss function; the accuracy goes on.",
    ),
    *sample_pair(
        ("stuck-at-chance", "unstuck"),
        vanishing_gradient,
        "lightning_csv",
        "LRD415",
        "Eight layers of sigmoids: the accuracy is that of guessing throughout.",
        seed=2,
    ),
)
