"""LRD602 to LRD605, LRD609, LRD610: what schedulers and scripts do to the LRs of param groups."""

from __future__ import annotations

import numpy as np
from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    CyclicLR,
    LambdaLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
)

from benchmarks.accuracy import scripts_groups as scripts
from benchmarks.accuracy import symptoms
from benchmarks.accuracy.lab import History, Recipe, Setup, Training
from benchmarks.accuracy.scene import Draw, Injection, Scene, nearby, sample_pair
from benchmarks.accuracy.symptoms import Symptom
from benchmarks.accuracy.tasks import Transfer
from benchmarks.accuracy.tasks_finetune import Reused

_TWO = ("head", "backbone")
_THREE = ("head", "block2", "block1")


def _draw(draw: Draw) -> tuple[Transfer, int, float]:
    task = Transfer(samples=int(draw.choice([768, 1024])), noise=float(draw.choice([0.05, 0.1])))
    return task, int(draw.integers(20, 32)), nearby(draw, 1.5e-3)


def _reused(draw: Draw) -> tuple[Reused, int, float]:
    """A backbone that fits and few samples: what it knows is worth keeping."""
    epochs = int(draw.integers(24, 40))
    return Reused(samples=int(draw.choice([96, 128, 192]))), epochs, nearby(draw, 3e-3)


def _recipe(
    setup: Setup, epochs: int, groups: tuple[str, ...] = _TWO, **config: float | str
) -> Recipe:
    intent = {"optimizer": "AdamW", "pretrained": True, **config}
    return Recipe(setup, epochs, intent=intent, groups=groups, optimizer="AdamW")


# ------------------------------------------------------------------ LRD610, far below the head


def backbone_hidden_factor(draw: Draw, faulty: bool) -> Scene:
    """The configured backbone LR, a tenth of the head's, is multiplied again in the script."""
    task, epochs, lr = _draw(draw)
    factor = float(draw.choice([0.01, 0.02, 0.05])) if faulty else 1.0
    setup = scripts.grouped((lr, 0.1 * lr * factor))
    return Scene(task, _recipe(setup, epochs, head_lr=lr, backbone_lr=0.1 * lr))


def backbone_far_below(draw: Draw, faulty: bool) -> Scene:
    """A backbone 200 to 1000 times below the head, as somebody typed it."""
    task, epochs, lr = _draw(draw)
    ratio = 1 / draw.uniform(200, 1000) if faulty else 0.1
    milestones = [epochs // 2, epochs * 3 // 4]
    setup = scripts.grouped((lr, lr * ratio), lambda o, t: MultiStepLR(o, milestones), per="epoch")
    return Scene(task, _recipe(setup, epochs, lr=lr))


def layers_far_apart(draw: Draw, faulty: bool) -> Scene:
    """A decay per layer of 0.005 where 0.5 was meant."""
    task, epochs, lr = _draw(draw)
    decay = 0.005 if faulty else 0.5
    setup = scripts.grouped((lr, lr * decay, lr * decay**2))
    return Scene(task, _recipe(setup, epochs, _THREE, lr=lr))


# ------------------------------------------------------------------ LRD602, one LR for all


def onecycle_single_max_lr(draw: Draw, faulty: bool) -> Scene:
    """OneCycleLR with one max_lr for groups that were given a ratio of 10 to 100."""
    task, epochs, lr = _reused(draw)
    low = lr / float(draw.choice([10, 30, 100]))

    def make(o: Optimizer, t: Training) -> LRScheduler:
        max_lr = lr if faulty else [lr, low]
        return OneCycleLR(o, max_lr, total_steps=t.total_steps, cycle_momentum=False)

    config = {"head_lr": lr, "backbone_lr": low, "scheduler": "OneCycleLR", "max_epochs": epochs}
    return Scene(task, _recipe(scripts.grouped((lr, low), make), epochs, **config))


def cyclic_single_max_lr(draw: Draw, faulty: bool) -> Scene:
    """The same by CyclicLR; the backbone's LR is configured as a multiple of the base LR."""
    task, epochs, lr = _reused(draw)
    factor = float(draw.choice([0.1, 0.05]))

    def make(o: Optimizer, t: Training) -> LRScheduler:
        top = lr if faulty else [lr, lr * factor]
        low = lr / 10 if faulty else [lr / 10, lr * factor / 10]
        half = t.steps_per_epoch * max(2, epochs // 8)
        return CyclicLR(o, low, top, step_size_up=half, cycle_momentum=False)

    config = {"lr": lr, "backbone_lr_mult": factor, "scheduler": "CyclicLR"}
    setup = scripts.grouped((lr, lr * factor), make)
    return Scene(task, _recipe(setup, epochs, **config))


def onecycle_built_later(draw: Draw, faulty: bool) -> Scene:
    """After some constant epochs OneCycleLR takes over and sets one LR: the log shows both."""
    task, epochs, lr = _reused(draw)
    low, at = lr / float(draw.choice([10, 30])), max(2, epochs // 8)

    def setup(t: Training) -> None:
        t.optimizer = scripts.grouped_optimizer(t, (lr, low))

        def take_over() -> None:
            max_lr = lr if faulty else [lr, low]
            left = t.total_steps - t.step
            schedule = OneCycleLR(t.optimizer, max_lr, total_steps=left, cycle_momentum=False)
            t.each_step.append(lambda: scripts.advance(schedule))

        t.at_epoch(at, take_over)

    return Scene(task, _recipe(setup, epochs))


# ------------------------------------------------------------------ LRD603, a common floor


def cosine_common_floor(draw: Draw, faulty: bool) -> Scene:
    """CosineAnnealingLR whose eta_min is near the backbone's LR."""
    task, epochs, lr = _draw(draw)
    low = lr / float(draw.choice([20, 50, 100]))
    floor = low * float(draw.choice([0.1, 0.2]))

    def make(o: Optimizer, t: Training) -> LRScheduler:
        if faulty:
            return CosineAnnealingLR(o, t.total_steps, floor)
        share = floor / lr
        return LambdaLR(
            o, lambda s: share + (1 - share) * (1 + np.cos(np.pi * s / t.total_steps)) / 2
        )

    config = {"head_lr": lr, "backbone_lr": low, "eta_min": floor}
    setup = scripts.grouped((lr, low), make)
    return Scene(task, _recipe(setup, epochs, **config), ("tensorboard", "json_lines"))


def plateau_common_floor(draw: Draw, faulty: bool) -> Scene:
    """ReduceLROnPlateau with one min_lr a quarter of the backbone's LR."""
    _, epochs, lr = _draw(draw)
    lr, low = 2 * lr, lr / 25

    def setup(t: Training) -> None:
        t.optimizer = scripts.grouped_optimizer(t, (lr, low))
        floor = low / 4
        min_lr = floor if faulty else [floor * 50, floor]
        scheduler = ReduceLROnPlateau(t.optimizer, factor=0.2, patience=1, min_lr=min_lr)
        t.each_epoch.append(lambda: scheduler.step(t.val_loss))

    config = {"head_lr": lr, "backbone_lr": low, "scheduler": "ReduceLROnPlateau"}
    recipe = _recipe(setup, 2 * epochs, **config)
    return Scene(Reused(samples=128, noise=0.5), recipe)


# ------------------------------------------------------------------ LRD604, frozen and lifted


def frozen_under_onecycle(draw: Draw, faulty: bool) -> Scene:
    """A backbone "frozen" by LR 0 under OneCycleLR with one max_lr; right: a list with 0 first."""
    task, epochs, lr = _reused(draw)
    at = epochs // 3

    def setup(t: Training) -> None:
        t.optimizer = scripts.grouped_optimizer(t, (lr, 0.0))

        def make(max_lr: float | list[float]) -> OneCycleLR:
            return OneCycleLR(t.optimizer, max_lr, total_steps=t.total_steps, cycle_momentum=False)

        scheduler = make(lr if faulty else [lr, 0.0])
        t.each_step.append(lambda: scripts.advance(scheduler))
        if not faulty:
            t.at_epoch(at, lambda: scheduler.optimizer.param_groups[1].update(_tenth(scheduler)))

    config = {"head_lr": lr, "backbone_lr": 0.0, "unfreeze_epoch": at, "scheduler": "OneCycleLR"}
    return Scene(task, _recipe(setup, epochs, **config))


def _tenth(scheduler: OneCycleLR) -> dict[str, float]:
    """OneCycleLR keeps its levels in the groups: a tenth of the head's from here on."""
    head = scheduler.optimizer.param_groups[0]
    return {key: head[key] / 10 for key in ("initial_lr", "max_lr", "min_lr")}


def frozen_until_taken_over(draw: Draw, faulty: bool) -> Scene:
    """The head warms up alone for an epoch or two at a constant LR, the backbone at 0; then
    OneCycleLR is built and lifts both, long before the unfreezing that the configuration names."""
    task, epochs, lr = _reused(draw)
    begin, at = max(1, epochs // 12), epochs // 3

    def setup(t: Training) -> None:
        t.optimizer = scripts.grouped_optimizer(t, (lr, 0.0))

        def take_over() -> None:
            left = t.total_steps - t.step
            max_lr = lr if faulty else [lr, 0.0]
            scheduler = OneCycleLR(t.optimizer, max_lr, total_steps=left, cycle_momentum=False)
            t.each_step.append(lambda: scripts.advance(scheduler))
            if not faulty:
                t.at_epoch(at, lambda: t.optimizer.param_groups[1].update(_tenth(scheduler)))

        t.at_epoch(begin, take_over)

    return Scene(task, _recipe(setup, epochs, unfreeze_epoch=at))


def frozen_creeps_to_eta_min(draw: Draw, faulty: bool) -> Scene:
    """CosineAnnealingLR with eta_min above 0 draws the backbone's 0 up to it."""
    task, epochs, lr = _reused(draw)
    floor = lr * float(draw.choice([0.01, 0.02, 0.05]))
    setup = scripts.grouped(
        (lr, 0.0), lambda o, t: CosineAnnealingLR(o, t.total_steps, floor if faulty else 0.0)
    )
    return Scene(task, _recipe(setup, epochs, head_lr=lr, eta_min=floor))


# ------------------------------------------------------------------ LRD605, joined too late


def joins_outside(draw: Draw, faulty: bool) -> Scene:
    """A scheduler of the user's own keeps the base LRs it was built with; the backbone comes later
    and is left out by ``zip``."""
    task, epochs, lr = _reused(draw)
    return Scene(task, _joining(draw, epochs, lr, scripts.own_cosine, told=not faulty))


def first_group_alone(draw: Draw, faulty: bool) -> Scene:
    """A training loop sets the LR of ``param_groups[0]`` at the drops; the right one of all."""
    task, epochs, lr = _reused(draw)
    milestones = (epochs // 2, epochs * 3 // 4)
    return Scene(task, _joining(draw, epochs, lr, scripts.own_drops(milestones, not faulty)))


def _joining(
    draw: Draw, epochs: int, lr: float, control: scripts.Control, told: bool = False
) -> Recipe:
    at, ratio = int(epochs * draw.uniform(0.15, 0.35)), float(draw.choice([0.1, 0.3]))
    setup = scripts.joining(lr, at, ratio, control, told=told)
    return _recipe(setup, epochs, lr=lr, unfreeze_epoch=at)


# ------------------------------------------------------------------ LRD609, one LR by choice


def one_lr_for_both(draw: Draw, faulty: bool) -> Scene:
    """A new head on a backbone that fits, few samples: both at one LR; right: a tenth for it."""
    task, epochs, lr = _reused(draw)
    setup = scripts.grouped((lr, lr if faulty else lr / 10))
    return Scene(task, _recipe(setup, 2 * epochs))


# ------------------------------------------------------------------ what has to happen


def ratio_lost(share: float) -> Symptom:
    """Both LRs are equal over that share of the run, in the faulty run alone."""

    def equal(history: History) -> float:
        head, backbone = history.lr["head"], history.lr["backbone"]
        return float(np.mean(np.isclose(head, backbone, rtol=1e-3) & (head > 0)))

    return lambda faulty, control: equal(faulty) > share > equal(control)


def ratio_shrinks(faulty: History, control: History) -> bool:
    """Less than half of the first ratio is left for 5 % of the run, and none at the end."""

    def lost(history: History) -> float:
        ratio = history.lr["head"] / history.lr["backbone"]
        return float(np.mean(ratio < ratio[0] / 2)) if ratio[-1] < 1.1 else 0.0

    return lost(faulty) >= 0.05 > lost(control)


def trains_early(faulty: History, control: History) -> bool:
    """The backbone has an LR in the first tenth of the run, the control's has none."""
    first = slice(1, len(faulty.loss) // 5)
    return bool(faulty.lr["backbone"][first].any() and not control.lr["backbone"][first].any())


def stays_constant(faulty: History, control: History) -> bool:
    """The backbone's LR never moves after it joined, the control's does."""
    own, right = (h.lr["backbone"] for h in (faulty, control))
    return bool(np.nanmax(own) == np.nanmin(own) and np.nanmax(right) > 2 * np.nanmin(right))


def validates_worse(faulty: History, control: History) -> bool:
    """The training loss is better and the validation loss 2 % worse than the control's."""
    best = [float(h.val_loss.min()) for h in (faulty, control)]
    ends = [symptoms.final_loss(h) for h in (faulty, control)]
    return best[0] > 1.02 * best[1] and ends[0] < ends[1]


def joined(history: History) -> int | None:
    """The first step of the backbone's group."""
    return int(np.flatnonzero(np.isfinite(history.lr["backbone"]))[0])


def taken_over(history: History) -> int | None:
    """The first step at which both LRs are the same."""
    head, backbone = history.lr["head"], history.lr["backbone"]
    return int(np.flatnonzero(np.isclose(head, backbone, rtol=1e-3))[0])


INJECTIONS = (
    Injection("LRD610", backbone_hidden_factor, symptoms.ends_worse(0.05)),
    Injection("LRD610", backbone_far_below, symptoms.ends_worse(0.05)),
    # Names of layers alone do not say that they were trained before.
    Injection("LRD610", layers_far_apart, symptoms.ends_worse(0.05), True),
    # That two equal LRs were meant to differ is in the configuration, or nowhere.
    Injection("LRD602", onecycle_single_max_lr, ratio_lost(0.5), True),
    Injection("LRD602", cyclic_single_max_lr, ratio_lost(0.5), True),
    Injection("LRD602", onecycle_built_later, ratio_lost(0.5), place=taken_over),
    Injection("LRD603", cosine_common_floor, ratio_shrinks),
    Injection("LRD603", plateau_common_floor, ratio_shrinks),
    Injection("LRD604", frozen_under_onecycle, trains_early, True),
    Injection("LRD604", frozen_until_taken_over, trains_early, True),
    Injection("LRD604", frozen_creeps_to_eta_min, trains_early, True),
    Injection("LRD605", joins_outside, stays_constant, place=joined),
    Injection("LRD605", first_group_alone, stays_constant, place=joined),
    Injection("LRD609", one_lr_for_both, validates_worse, True),
)

SAMPLES = (
    *sample_pair(
        ("backbone-lr-hidden-factor", "backbone-lr-as-configured"),
        backbone_hidden_factor,
        "epoch_csv",
        "LRD610",
        "The backbone's configured 1.2e-4 is multiplied by 0.05 once more: final training "
        "loss 1.18 against 0.53.",
    ),
    *sample_pair(
        ("group-ratio-erased", "group-ratio-listed"),
        onecycle_single_max_lr,
        "epoch_csv",
        "LRD602",
        "OneCycleLR with one max_lr: head and backbone train at 4.1e-3 where the settings "
        "give the backbone 4.1e-4. Training loss 0.07 against 0.16, validation loss 0.35 "
        "against 0.30.",
    ),
    *sample_pair(
        ("group-ratio-at-floor", "group-floors-in-ratio"),
        cosine_common_floor,
        "epoch_csv",
        "LRD603",
        "One eta_min of 2.4e-6 for a head at 1.2e-3 and a backbone at 1.2e-5: the ratio of "
        "100 is gone at the end. It costs nothing here.",
    ),
    *sample_pair(
        ("frozen-group-lifted", "frozen-group-kept"),
        frozen_until_taken_over,
        "epoch_csv",
        "LRD604",
        "The backbone waits at LR 0 for its unfreezing in epoch 10; OneCycleLR, built in "
        "epoch 2, gives it the head's LR at once. Validation loss 0.35 against 0.30.",
    ),
    *sample_pair(
        ("late-group-unscheduled", "late-group-scheduled"),
        joins_outside,
        "epoch_csv",
        "LRD605",
        "The backbone joins in epoch 5 at 1.2e-3 and is left out by the scheduler, whose cosine "
        "takes the head to 0: training loss 0.08 against 0.12, validation loss 0.32 against 0.31.",
    ),
    *sample_pair(
        ("equal-group-lr", "tenth-group-lr"),
        one_lr_for_both,
        "epoch_csv",
        "LRD609",
        "A new head and the backbone under it at one LR: training loss 0.02 against 0.11, "
        "validation loss 0.40 against 0.31 with the backbone at a tenth.",
    ),
)
