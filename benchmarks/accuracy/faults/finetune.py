"""LRD606 and LRD607, a fine-tuning's LR too high or too low, by when it acts and what is logged."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from benchmarks.accuracy import scripts
from benchmarks.accuracy.lab import History, Recipe, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.symptoms import Symptom
from benchmarks.accuracy.tasks import Digits, Sequences, Teacher
from benchmarks.accuracy.tasks_finetune import Adapted


def _adapted(draw: Draw) -> Adapted:
    shift = float(draw.uniform(0.1, 0.25))
    base = Teacher() if draw.integers(2) else Digits(samples=768)
    return Adapted(base, round(shift, 2))


def warmup_linear(o: Optimizer, t: Training, warmup: float) -> LRScheduler:
    """Hugging Face's ``linear``: a warm-up of so many epochs, then straight to 0."""
    rise = max(1, round(warmup * t.steps_per_epoch))
    left = max(1, t.total_steps - rise)
    return LambdaLR(o, lambda s: min((s + 1) / rise, max(0.0, (t.total_steps - s) / left)))


_STEPWISE = ("trainer_state", "tensorboard", "json_lines", "lightning_csv")


def _recipe(setup: scripts.Setup, epochs: int, lr: float, **config: object) -> Recipe:
    intent = {"optimizer": "AdamW", "learning_rate": lr, "pretrained": True, **config}
    return Recipe(setup, epochs, batch_size=16, intent=intent, optimizer="AdamW")  # type: ignore[arg-type]


def rises_in_warmup(draw: Draw, faulty: bool) -> Scene:
    """The LR of a training from scratch, warmed up over two or three epochs."""
    task, epochs = _adapted(draw), int(draw.integers(7, 14))
    right, wrong = nearby(draw, 3e-4), nearby(draw, 6e-2, 0.7, 1.8)
    lr, warmup = wrong if faulty else right, float(draw.uniform(1.5, 3))
    setup = scripts.scheduled(
        lr, lambda o, t: warmup_linear(o, t, warmup), per="step", optimizer=scripts.adamw
    )
    recipe = _recipe(setup, epochs, lr, lr_scheduler_type="linear", warmup_epochs=warmup)
    return Scene(task, recipe, _STEPWISE)


def wrecked_at_once(draw: Draw, faulty: bool) -> Scene:
    """One LR from the first step on, far too high; the model was evaluated before training."""
    task, epochs = _adapted(draw), int(draw.integers(6, 10))
    lr = nearby(draw, 6e-2, 0.7, 1.8) if faulty else nearby(draw, 3e-4)

    def setup(t: Training) -> None:
        t.optimizer = scripts.adamw(t, lr)

    recipe = _recipe(setup, epochs, lr)
    recipe = Recipe(**{**recipe.__dict__, "baseline": True})
    return Scene(task, recipe, ("tensorboard", "json_lines"))


def creeps(draw: Draw, faulty: bool) -> Scene:
    """An LR a hundred times too low after three "divided by" on the way: the loss hardly moves."""
    task, epochs = _unlike(draw), int(draw.integers(6, 12))
    right = nearby(draw, 1e-3)
    lr = right / float(draw.uniform(150, 400)) if faulty else right
    setup = scripts.scheduled(
        lr, lambda o, t: warmup_linear(o, t, 0.5), per="step", optimizer=scripts.adamw
    )
    return Scene(task, _recipe(setup, epochs, lr, lr_scheduler_type="linear"), _STEPWISE)


def creeps_at_one_lr(draw: Draw, faulty: bool) -> Scene:
    """The same at a constant LR, a row per epoch."""
    task, epochs = _unlike(draw), int(draw.integers(6, 12))
    right = nearby(draw, 1e-3)
    lr = right / float(draw.uniform(150, 400)) if faulty else right

    def setup(t: Training) -> None:
        t.optimizer = scripts.adamw(t, lr)

    return Scene(task, _recipe(setup, epochs, lr), ("epoch_csv", "tensorboard"))


def _unlike(draw: Draw) -> Adapted:
    """Sequences of which a part of the tokens has other names than before: much to learn anew."""
    return Adapted(Sequences(samples=256), float(draw.choice([0.17, 0.25, 0.34])), 600)


def made_worse(by: float, ends: float) -> Symptom:
    """The second to fourth evaluations are worse than the control's first by the factor ``by``, and
    the last two than the control's by ``ends``."""
    return lambda faulty, control: bool(
        faulty.val_loss[1:4].min() > by * _came(control)
        and faulty.val_loss[-2:].mean() > ends * control.val_loss[-2:].mean()
    )


def _came(history: History) -> float:
    return history.untrained[0] if history.untrained else float(history.val_loss[0])


def hardly_moves(faulty: History, control: History) -> bool:
    """The validation loss falls by less than 2 %, and the control ends 5 % better."""
    first, last = faulty.val_loss[[0, -1]]
    return bool(first * 0.98 < last and control.val_loss.min() < 0.95 * faulty.val_loss.min())


INJECTIONS = (
    # Only the configuration says that the weights are not new.
    Injection("LRD606", rises_in_warmup, made_worse(1.2, 1.03), True, also=("LRD202", "LRD403")),
    Injection("LRD606", wrecked_at_once, made_worse(1.2, 1.03), True, also=("LRD101", "LRD403")),
)
INJECTIONS += (
    Injection("LRD607", creeps, hardly_moves, True),
    Injection("LRD607", creeps_at_one_lr, hardly_moves, True),
)

SAMPLES = (
    *sample_pair(
        ("fine-tuning-lr-high", "fine-tuning-lr-right"),
        rises_in_warmup,
        "trainer_state",
        "LRD606",
        "A trained model goes on at 4.8e-2, an LR for training from scratch, instead of 3.8e-4: "
        "its validation loss rises from 0.41 to 1.41 while the LR warms up; at the end 0.32 "
        "against 0.12.",
        seed=2,
    ),
    *sample_pair(
        ("fine-tuning-lr-low", "fine-tuning-lr-fitting"),
        creeps,
        "trainer_state",
        "LRD607",
        "An LR of 7.5e-6 where 1.4e-3 was fitting: in nine epochs the validation loss falls by "
        "1.5 %, to 3.97 against 2.55.",
    ),
)
