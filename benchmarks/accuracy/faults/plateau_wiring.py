"""LRD521 to LRD524: ReduceLROnPlateau that is fed the wrong thing, or stepped at the wrong time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor, nn

from benchmarks.accuracy import places, scripts, symptoms
from benchmarks.accuracy.lab import History, Recipe
from benchmarks.accuracy.places import Place
from benchmarks.accuracy.scene import Draw, Injection, Mechanism, Scene, nearby, sample_pair
from benchmarks.accuracy.tasks import Digits, Task, Teacher


def _falling(draw: Draw) -> tuple[Task, int, float]:
    """A training that goes on improving for as long as its LR lets it."""
    task: Task = Digits() if draw.integers(2) else Teacher(noise=0.05)
    return task, int(draw.integers(24, 40)), nearby(draw, 0.02)


def _scene(task: Task, setup: scripts.Setup, epochs: int, lr: float, **config: object) -> Scene:
    intent = {"optimizer": "SGD", "lr": lr, "max_epochs": epochs, "scheduler": "ReduceLROnPlateau"}
    return Scene(task, Recipe(setup, epochs, intent={**intent, **config}))  # type: ignore[dict-item]


# -------------------------------------------------------------------- LRD521, the mode


def plateau_wrong_mode(draw: Draw, faulty: bool) -> Scene:
    """ReduceLROnPlateau(mode="max") on a loss: cuts every patience + 1 epochs while it improves."""
    task, epochs, lr = _falling(draw)
    patience, factor = int(draw.integers(2, 4)), float(draw.choice([0.1, 0.3, 0.5]))
    mode = "max" if faulty else "min"
    setup = scripts.plateau(lr, mode=mode, patience=patience, factor=factor, min_lr=1e-7)
    return _scene(task, setup, epochs, lr, patience=patience, factor=factor)


def plateau_score_as_loss(draw: Draw, faulty: bool) -> Scene:
    """The monitor was changed to a score, the mode stayed "min": every gain counts against it."""
    task, epochs, lr = _falling(draw)
    patience, factor = int(draw.integers(2, 5)), float(draw.choice([0.1, 0.3]))
    setup = scripts.plateau(
        lr,
        monitor=lambda t: t.val_accuracy,
        mode="min" if faulty else "max",
        patience=patience,
        factor=factor,
        min_lr=1e-7,
    )
    return _scene(task, setup, epochs, lr, patience=patience, factor=factor)


# -------------------------------------------------------------------- LRD523, the interval


def plateau_per_batch(draw: Draw, faulty: bool) -> Scene:
    """Stepped in the batch loop with the batch's loss: a few noisy batches are a plateau."""
    task, epochs, lr = _falling(draw)
    patience, factor = int(draw.integers(4, 9)), float(draw.choice([0.1, 0.3, 0.5]))
    settings = {"patience": patience, "factor": factor, "min_lr": 1e-6}
    setup = (
        _stepped_per_batch(lr, lambda t: t.losses[-1], **settings)
        if faulty
        else scripts.plateau(lr, **settings)
    )
    return _scene(task, setup, epochs, lr, patience=patience, factor=factor)


def plateau_per_batch_stale(draw: Draw, faulty: bool) -> Scene:
    """Stepped in the batch loop with the last validation loss, which is the same all epoch long."""
    task, epochs, lr = _falling(draw)
    patience, factor = int(draw.integers(5, 11)), float(draw.choice([0.1, 0.5]))
    settings = {"patience": patience, "factor": factor, "min_lr": 1e-6}
    setup = (
        _stepped_per_batch(lr, lambda t: t.val_loss, **settings)
        if faulty
        else scripts.plateau(lr, **settings)
    )
    return _scene(task, setup, epochs, lr, patience=patience, factor=factor)


def _stepped_per_batch(
    lr: float, monitor: Callable[[scripts.Training], float], **settings: object
) -> scripts.Setup:
    """As ``scripts.plateau``, but in the batch loop, from the first value there is."""

    def setup(t: scripts.Training) -> None:
        t.optimizer = scripts.sgd(t, lr)
        scheduler = scripts.ReduceLROnPlateau(t.optimizer, **settings)  # type: ignore[arg-type]

        def advance() -> None:
            value = monitor(t)
            if math.isfinite(value):
                scheduler.step(value)

        t.each_batch.append(advance)

    return setup


# -------------------------------------------------------------------- LRD524, NaN


@dataclass(frozen=True)
class HalfSoftmax(Digits):
    """Validation computes its softmax by hand in half precision: logits above 11 overflow."""

    def losses(self, net: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Stable in training; inf / inf in validation once the network is sure enough."""
        if net.training:
            return Digits.losses(self, net, x, y)
        raised = net(x)[:, :10].exp().half()
        share = raised / raised.sum(1, keepdim=True)
        return {"loss": -share.gather(1, y[:, :1].long()).float().log().mean()}


def plateau_nan_softmax(draw: Draw, faulty: bool) -> Scene:
    """The validation loss overflows where the training loss does not."""
    _, epochs, lr = _falling(draw)
    kind = HalfSoftmax if faulty else Digits
    task = kind(noise=float(draw.choice([0.3, 0.5])), scale=2.0)
    patience, factor = int(draw.integers(2, 5)), 0.1
    setup = scripts.plateau(lr, patience=patience, factor=factor, min_lr=1e-6)
    scene = _scene(task, setup, epochs, lr, patience=patience, factor=factor)
    return replace(scene, writers=_WITH_NAN)


def cut_on_nan(faulty: History, control: History) -> bool:
    """The validation loss is NaN while the training loss is not, and the LR was cut meanwhile."""
    missing = np.flatnonzero(~np.isfinite(faulty.val_loss))
    if not len(missing) or not np.isfinite(faulty.loss).all():
        return False
    lr = faulty.lr["all"][(missing[0] + 1) * faulty.steps_per_epoch :]
    return bool(len(lr)) and float(lr.min()) < 0.5 * float(lr[0])


def first_nan(history: History) -> int | None:
    """The first evaluation that gives no number."""
    missing = np.flatnonzero(~np.isfinite(history.val_loss))
    return (int(missing[0]) + 1) * history.steps_per_epoch - 1


# -------------------------------------------------------------------- LRD522, the end


def _flat(draw: Draw) -> tuple[Task, int]:
    return Teacher(noise=0.5, width=int(draw.integers(4, 9))), int(draw.integers(60, 80))


def plateau_min_lr(draw: Draw, faulty: bool) -> Scene:
    """The first cut reaches min_lr; the control may cut on."""
    (task, epochs), lr = _flat(draw), nearby(draw, 0.03)
    patience, factor = int(draw.integers(3, 6)), 0.1
    least = factor * lr if faulty else 0.0
    setup = scripts.plateau(lr, patience=patience, factor=factor, min_lr=least, eps=0.0)
    return _scene(task, setup, epochs, lr, patience=patience, factor=factor, min_lr=least)


def plateau_eps(draw: Draw, faulty: bool) -> Scene:
    """Losses summed over all samples make gradients large and LRs tiny: eps stops their cuts."""
    (task, epochs), lr = _flat(draw), float(draw.choice([5e-8, 8e-8, 5e-7]))
    patience, factor = int(draw.integers(2, 5)), 0.1
    settings = {"patience": patience, "factor": factor}
    setup = scripts.plateau(
        lr, optimizer=_on_sums, eps=1e-8 if faulty else 0.0, threshold=1e-3, **settings
    )
    return _scene(task, setup, epochs, lr, threshold=1e-3, **settings)


def _on_sums(t: scripts.Training, lr: float) -> scripts.Optimizer:
    """SGD whose gradients are those of a sum, as large as makes ``lr`` a usual one."""
    for parameter in t.net.parameters():
        parameter.register_hook(lambda grad: grad * (0.03 / lr))
    return scripts.sgd(t, lr)


def stops_cutting(faulty: History, control: History) -> bool:
    """The control's LR ends at less than half of the faulty run's."""
    return float(control.lr["all"][-1]) < 0.5 * float(faulty.lr["all"][-1])


def last_drop(history: History) -> int | None:
    """The last step whose LR is a tenth below the one before."""
    lr = history.lr["all"]
    return int(np.flatnonzero(np.diff(lr) < -0.1 * lr[:-1])[-1]) + 1


_WITH_NAN = ("tensorboard", "json_lines", "epoch_csv")
_COSTS = symptoms.ends_worse(0.03)


def _injection(
    code: str, make: Mechanism, occurred: symptoms.Symptom, place: Place, intent: bool = False
) -> Injection:
    return Injection(code, make, occurred, intent, place=place, also=("LRD301",))


INJECTIONS = (
    _injection("LRD521", plateau_wrong_mode, _COSTS, places.first_drop),
    _injection("LRD521", plateau_score_as_loss, _COSTS, places.first_drop),
    _injection("LRD522", plateau_min_lr, stops_cutting, last_drop, True),
    _injection("LRD522", plateau_eps, stops_cutting, last_drop, True),
    _injection("LRD523", plateau_per_batch, _COSTS, places.first_drop),
    _injection("LRD523", plateau_per_batch_stale, _COSTS, places.first_drop),
    _injection("LRD524", plateau_nan_softmax, cut_on_nan, first_nan),
)

SAMPLES = (
    *sample_pair(
        ("plateau-wrong-mode", "plateau-right-mode"),
        plateau_wrong_mode,
        "epoch_csv",
        "LRD521",
        'ReduceLROnPlateau(mode="max") watches a loss: it cuts every third epoch while the loss '
        "improves.",
    ),
    *sample_pair(
        ("plateau-per-batch", "plateau-per-epoch"),
        plateau_per_batch,
        "lightning_csv",
        "LRD523",
        "ReduceLROnPlateau is stepped with every batch and used up in the first epochs.",
    ),
    *sample_pair(
        ("plateau-fed-nan", "plateau-without-nan"),
        plateau_nan_softmax,
        "epoch_csv",
        "LRD524",
        "The validation loss overflows where the training loss does not, and each NaN counts as a "
        "bad epoch.",
    ),
    *sample_pair(
        ("plateau-at-eps", "plateau-without-eps"),
        plateau_eps,
        "epoch_csv",
        "LRD522",
        "The LR is so small that torch ignores the next cut: a note, no fault.",
    ),
)
