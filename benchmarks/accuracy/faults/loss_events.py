"""LRD403 to LRD407: a loss that diverges, becomes NaN, steps up or spikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.places import Place
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.symptoms import Symptom, final_loss
from benchmarks.accuracy.tasks import Digits, Sequences, Task, Teacher

# Logs in which a spike of a few steps can be seen.
STEPWISE = ("tensorboard", "lightning_csv", "json_lines")


def _task(draw: Draw) -> Task:
    return Digits() if draw.integers(2) else Teacher(noise=0.05)


def _intent(epochs: int, lr: float, scheduler: str, optimizer: str = "SGD") -> dict[str, object]:
    return {"optimizer": optimizer, "lr": lr, "max_epochs": epochs, "scheduler": scheduler}


def _cosine(lr: float, *then: Callable[[Training], None]) -> scripts.Setup:
    """SGD under a cosine per epoch; ``then`` adds what a script does besides."""

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        t.each_epoch.append(CosineAnnealingLR(t.optimizer, t.recipe.epochs).step)
        for add in then:
            add(t)

    return setup


def _warmed(peak: float, share: float, momentum: float = 0.9) -> scripts.Setup:
    """SGD with a linear warm-up over ``share`` of the run, then constant."""

    def setup(t: Training) -> None:
        t.optimizer = torch.optim.SGD(t.net.parameters(), lr=peak, momentum=momentum)
        ramp = max(1, int(share * t.total_steps))
        t.each_step.append(LambdaLR(t.optimizer, lambda s: min(1.0, (s + 1) / ramp)).step)

    return setup


# ------------------------------------------------------------------------------------ LRD404, NaN


def nan_at_peak_lr(draw: Draw, faulty: bool) -> Scene:
    """A regression whose LR warms up to many times what it bears: the weights overflow."""
    epochs, lr = int(draw.integers(16, 26)), nearby(draw, 0.03)
    peak = lr * (300 if faulty else 1)
    setup = _warmed(peak, float(draw.choice([0.4, 0.6])))
    return Scene(Teacher(), Recipe(setup, epochs, intent=_intent(epochs, peak, "constant")))


@dataclass(frozen=True)
class OneAgainstRest(Digits):
    """A binary decision per class on scaled logits; ``naive`` writes the cross entropy out, which
    is 0 times the logarithm of 0 once a sigmoid rounds to 1."""

    logits: float = 8.0
    naive: bool = False

    def losses(self, net: torch.nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Mean binary cross entropy over the ten classes."""
        out = self.logits * net(x)[:, :10]
        target = F.one_hot(y[:, 0].long(), 10).float()
        if not self.naive:
            return {"loss": F.binary_cross_entropy_with_logits(out, target)}
        p = torch.sigmoid(out)
        return {"loss": -(target * p.log() + (1 - target) * (1 - p).log()).mean()}


def log_of_zero(draw: Draw, faulty: bool) -> Scene:
    """A cross entropy written as log(sigmoid): NaN as soon as the network is sure of a sample."""
    epochs, lr = int(draw.integers(16, 26)), nearby(draw, 0.02)
    recipe = Recipe(_cosine(lr), epochs, intent=_intent(epochs, lr, "CosineAnnealingLR"))
    return Scene(OneAgainstRest(naive=faulty), recipe)


def nan_in_transformer(draw: Draw, faulty: bool) -> Scene:
    """SGD at an LR far too high on a transformer, logged by the Hugging Face Trainer, whose filter
    writes 0 for NaN."""
    epochs, lr = int(draw.integers(12, 18)), nearby(draw, 0.1)
    peak = lr * (60 if faulty else 1)
    recipe = Recipe(
        _warmed(peak, 0.5),
        epochs,
        batch_size=16,
        intent={"learning_rate": peak, "lr_scheduler_type": "constant_with_warmup"},
    )
    return Scene(Sequences(samples=384), recipe, ("trainer_state",))


def goes_nan(faulty: History, control: History) -> bool:
    """The faulty run's losses are NaN to the end, the control's never."""
    lost = ~np.isfinite(faulty.loss)
    return bool(lost[-len(lost) // 10 :].all() and np.isfinite(control.loss).all())


def first_nan(history: History) -> int | None:
    """The first step without a finite loss."""
    lost = np.flatnonzero(~np.isfinite(history.loss))
    return int(lost[0]) if len(lost) else None


# ---------------------------------------------------------------------------- LRD403, divergence


def diverged_at_high_lr(draw: Draw, faulty: bool) -> Scene:
    """A warm-up to an LR that the network does not bear: what was learned on the way is lost."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.02)
    times = float(draw.choice([8.0, 12.0]))
    peak = lr * (times if faulty else 1)
    recipe = Recipe(
        _warmed(peak, float(draw.choice([0.5, 0.7]))),
        epochs,
        intent=_intent(epochs, peak, "constant"),
    )
    return Scene(Digits(batch_norm=False), recipe)


def loss_summed(draw: Draw, faulty: bool) -> Scene:
    """From one epoch on the loss is summed over the batch instead of averaged: every step is as
    large as if the LR were multiplied by the batch size."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.03)
    at = int(epochs * draw.uniform(0.3, 0.6))

    def add(t: Training) -> None:
        if faulty:
            t.at_epoch(at, lambda: _scale_gradients(t, 32.0))

    recipe = Recipe(_cosine(lr, add), epochs, intent=_intent(epochs, lr, "CosineAnnealingLR"))
    return Scene(Digits(), recipe)


def _scale_gradients(t: Training, factor: float, steps: int | None = None) -> None:
    """Multiplies the gradients of the next ``steps`` updates, of all if None."""
    last = None if steps is None else t.step + steps

    def scale(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        if last is None or t.step < last:
            for group in optimizer.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.grad.mul_(factor)

    t.optimizer.register_step_pre_hook(scale)


def diverges(faulty: History, control: History) -> bool:
    """The last tenth gives back half of what the best stretch had won; the control's does not."""
    return _given_back(faulty) > 0.6 and _given_back(control) < 0.1


def _given_back(history: History) -> float:
    loss = _smooth(history.loss, max(10, len(history.loss) // 50))
    if not np.isfinite(history.loss).all():
        return float("nan")
    best, first = float(loss.min()), float(np.mean(history.loss[:5]))
    return (final_loss(history) - best) / max(first - best, 1e-12)


def departure(history: History) -> int | None:
    """The first step from which half of the progress is given back for good."""
    width = max(10, len(history.loss) // 50)
    loss = _smooth(history.loss, width)
    first, low = float(np.mean(history.loss[:5])), float(loss.min())
    below = np.flatnonzero(loss <= (first + low) / 2)
    return int(below[-1]) + width // 2 if len(below) else None


def _smooth(loss: np.ndarray, width: int) -> np.ndarray:
    return np.convolve(loss, np.ones(width) / width, mode="valid")


# ------------------------------------------------------------------------- LRD407, a lasting step


def normalisation_lost(draw: Draw, faulty: bool) -> Scene:
    """From one epoch on the training data come without their normalisation; validation keeps it."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.005)
    at, gain = int(epochs * draw.uniform(0.55, 0.8)), float(draw.choice([0.35, 0.5]))

    def add(t: Training) -> None:
        def scale(net: torch.nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
            return (args[0] * gain,) if net.training else args

        if faulty:
            t.at_epoch(at, lambda: (t.net.register_forward_pre_hook(scale), None)[1])

    intent = {**_intent(epochs, lr, "CosineAnnealingLR"), "change_epoch": at}
    return Scene(Digits(), Recipe(_cosine(lr, add), epochs, intent=intent))


def harder_data(draw: Draw, faulty: bool) -> Scene:
    """From one epoch on the augmentation is half as strong again."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.01)
    at = int(epochs * draw.uniform(0.4, 0.7))

    def add(t: Training) -> None:
        def stronger() -> None:
            t.net[0].sigma *= 1.5  # type: ignore[index, operator, union-attr]

        if faulty:
            t.at_epoch(at, stronger)

    intent = {**_intent(epochs, lr, "CosineAnnealingLR"), "change_epoch": at}
    return Scene(Digits(), Recipe(_cosine(lr, add), epochs, intent=intent))


def stale_weights(draw: Draw, faulty: bool) -> Scene:
    """Most of the way through, weights from the second epoch are loaded and the LR is too low by
    then to make up for it."""
    epochs, lr = int(draw.integers(20, 30)), nearby(draw, 0.02)
    at = int(epochs * draw.uniform(0.75, 0.85))

    def add(t: Training) -> None:
        if faulty:
            t.at_epoch(at, scripts.reload_after(1)(t))

    intent = {**_intent(epochs, lr, "CosineAnnealingLR"), "change_epoch": at}
    return Scene(Teacher(noise=0.05), Recipe(_cosine(lr, add), epochs, intent=intent))


def steps_up(faulty: History, control: History) -> bool:
    """The epoch after the change and the end of the run lie 25 % above the epoch before it."""
    ratios = []
    for history in (faulty, control):
        at = _changed(history)
        before = float(np.mean(history.loss[at - history.steps_per_epoch : at]))
        after = float(np.mean(history.loss[at : at + history.steps_per_epoch]))
        ratios.append(min(after, final_loss(history)) / before)
    return ratios[0] > 1.25 and ratios[1] < 1.05


def _changed(history: History) -> int:
    return int(history.recipe.intent["change_epoch"]) * history.steps_per_epoch


# ----------------------------------------------------------------------- LRD405 and LRD406, spikes


def exploding_batch(draw: Draw, faulty: bool) -> Scene:
    """Some batches in a row have gradients hundreds of times too large, and nothing clips them."""
    factor = float(draw.choice([60.0, 100.0]))
    return _spiked(draw, faulty, factor, 3, (0.3, 0.5), nearby(draw, 0.004))


def moments_reset(draw: Draw, faulty: bool) -> Scene:
    """Adam's moments are cleared in mid run while its step counter goes on."""
    epochs, lr = int(draw.integers(20, 28)), nearby(draw, 1e-2)
    at = int(epochs * draw.uniform(0.3, 0.5))

    def setup(t: Training) -> None:
        t.optimizer = scripts.adamw(t, lr)
        t.each_epoch.append(CosineAnnealingLR(t.optimizer, epochs).step)
        if faulty:
            t.at_epoch(at, scripts.zero_moments(t))

    intent = {**_intent(epochs, lr, "CosineAnnealingLR", "AdamW"), "change_epoch": at}
    return Scene(Teacher(), Recipe(setup, epochs, intent=intent, optimizer="AdamW"), STEPWISE)


def corrupted_batches(draw: Draw, faulty: bool) -> Scene:
    """A few batches come damaged from the loader; clipping keeps them from doing harm."""
    epochs, lr = int(draw.integers(26, 36)), nearby(draw, 0.01)
    at, batches = int(epochs * draw.uniform(0.3, 0.8)), int(draw.integers(3, 8))

    def setup(t: Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        t.each_epoch.append(CosineAnnealingLR(t.optimizer, epochs).step)
        first = at * t.steps_per_epoch

        def damage(net: torch.nn.Module, args: tuple[Tensor]) -> tuple[Tensor]:
            bad = faulty and net.training and first <= t.step < first + batches
            return (-2.0 * args[0],) if bad else args

        def clip(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
            torch.nn.utils.clip_grad_norm_(t.net.parameters(), 0.1)

        t.net.register_forward_pre_hook(damage)
        t.optimizer.register_step_pre_hook(clip)

    intent = {**_intent(epochs, lr, "CosineAnnealingLR"), "change_epoch": at}
    return Scene(_task(draw), Recipe(setup, epochs, intent=intent), STEPWISE)


def _spiked(
    draw: Draw, faulty: bool, factor: float, steps: int, where: tuple[float, float], lr: float
) -> Scene:
    task, epochs = _task(draw), int(draw.integers(20, 30))
    at = int(epochs * draw.uniform(*where))

    def add(t: Training) -> None:
        if faulty:
            t.at_epoch(at, lambda: _scale_gradients(t, factor, steps))

    intent = {**_intent(epochs, lr, "CosineAnnealingLR"), "change_epoch": at}
    return Scene(task, Recipe(_cosine(lr, add), epochs, intent=intent), STEPWISE)


def _spike(history: History) -> tuple[float, float]:
    """Highest mean of five steps after the change over the mean of the epoch before, and the share
    of the run until an epoch's quarter is back at that level (1 if never)."""
    at, quarter = _changed(history), max(4, history.steps_per_epoch // 4)
    before = history.loss[at - history.steps_per_epoch : at]
    after = history.loss[at:]
    top = float(_smooth(after, 5)[: 2 * history.steps_per_epoch].max()) / float(np.mean(before))
    spread = float(np.std(before)) / np.sqrt(quarter)
    high = int(np.argmax(_smooth(after, 5)))
    back = np.flatnonzero(_smooth(after[high:], quarter) <= np.mean(before) + spread)
    return top, (high + int(back[0])) / len(history.loss) if len(back) else 1.0


def spikes_for(low: float, high: float, height: float = 1.6) -> Symptom:
    """The spike is ``height`` times the level and back after between two shares of the run."""

    def occurred(faulty: History, control: History) -> bool:
        top, share = _spike(faulty)
        return bool(top > height and low < share < high and _spike(control)[0] < top / 1.3)

    return occurred


def change(history: History) -> int | None:
    """The epoch that the change was made at."""
    return _changed(history)


_LATE: Place = change

INJECTIONS = (
    Injection("LRD404", nan_at_peak_lr, goes_nan, place=first_nan),
    Injection("LRD404", log_of_zero, goes_nan, place=first_nan),
    Injection("LRD404", nan_in_transformer, goes_nan, place=first_nan),
    Injection("LRD403", diverged_at_high_lr, diverges, place=departure),
    Injection("LRD403", loss_summed, diverges, place=departure),
    Injection("LRD407", normalisation_lost, steps_up, place=_LATE, also=("LRD403", "LRD412")),
    Injection("LRD407", harder_data, steps_up, place=_LATE, also=("LRD403", "LRD412")),
    Injection("LRD407", stale_weights, steps_up, place=_LATE),
    Injection("LRD406", exploding_batch, spikes_for(0.04, 0.7), place=_LATE),
    Injection("LRD406", moments_reset, spikes_for(0.04, 0.7), place=_LATE),
    Injection("LRD405", corrupted_batches, spikes_for(0.0, 0.018), place=_LATE),
)

SAMPLES = (
    *sample_pair(
        ("nan-at-peak-lr", "no-nan"),
        nan_in_transformer,
        "trainer_state",
        "LRD404",
        "The LR warms up to 60 times what the network bears; the Trainer's filter writes the NaN "
        "losses as 0, the gradient norm shows them.",
    ),
    *sample_pair(
        ("diverged-at-high-lr", "high-lr-borne"),
        diverged_at_high_lr,
        "trainer_state",
        "LRD403",
        "The LR warms up to ten times what the network bears: the loss falls, turns and never "
        "comes back.",
    ),
    *sample_pair(
        ("level-shift", "level-steady"),
        stale_weights,
        "trainer_state",
        "LRD407",
        "Late in the run, weights from the second epoch are loaded, and the LR is too low by then "
        "to make up for it.",
    ),
    *sample_pair(
        ("spike-slow", "spike-none"),
        exploding_batch,
        "trainer_state",
        "LRD406",
        "Three batches have gradients 60 or 100 times too large, which nothing clips.",
    ),
    *sample_pair(
        ("spike-brief", "spike-absent"),
        corrupted_batches,
        "trainer_state",
        "LRD405",
        "A few damaged batches under gradient clipping: the loss is back at once.",
    ),
)
