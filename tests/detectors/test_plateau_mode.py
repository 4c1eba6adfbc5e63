"""ReduceLROnPlateau in the wrong mode: cuts while the loss improves, and cuts that were due."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.detectors._plateau_cuts import replay
from lrdoctor.types import Confidence
from lrdoctor.verdict import Unjudged
from tests.builders import RunBuilder, a_run
from tests.detectors.cases import evidence, falling, judge, silent

NAME = "plateau_mode"


def plateau_run(loss, first: int = 4, every: int = 3, factor: float = 0.5) -> RunBuilder:  # type: ignore[no-untyped-def]
    """ReduceLROnPlateau, patience 2, cuts from epoch ``first`` on."""
    cuts = np.arange(first, 40, every)
    return (
        a_run()
        .on_axis("epoch")
        .steps(0, 40)
        .lr(lambda t: np.maximum(0.1 * factor ** np.sum([t >= c for c in cuts], axis=0), 1e-5))
        .series("val_loss", loss)
        .series("train_loss", loss)
        .hparams(scheduler="ReduceLROnPlateau", patience=2)
    )


def test_cuts_while_the_loss_improves() -> None:
    found = evidence(NAME, plateau_run(lambda t: falling(t, 10)).case())
    assert found.start == 4
    assert found.measured["interval"].value == 3
    assert found.measured["new_bests"].value == 100
    assert found.confidence is Confidence.HIGH
    assert 'mode="max"' in found.detail


def test_another_series_is_watched() -> None:
    """A constant score is cut for at equal intervals, though not at those of this loss."""
    noisy = falling(np.arange(40.0), 10) * (1 + 3 * (np.arange(40) == 5))
    found = evidence(NAME, plateau_run(noisy).case())
    assert found.confidence is None
    assert "watches a series that never improved" in found.detail


def test_a_series_that_improved_first_may_be_watched_rightly() -> None:
    assert silent(NAME, plateau_run(lambda t: falling(t, 10), first=9).case())


def test_cuts_on_a_plateau_are_what_the_scheduler_is_for() -> None:
    flat = np.where(np.arange(40) < 2, 2.0 - np.arange(40) / 4, 1.0)
    flat = flat + np.random.default_rng(0).normal(0, 1e-6, 40)
    assert silent(NAME, plateau_run(flat).case())


def test_cuts_that_answer_a_logged_score_are_quiet() -> None:
    score = np.where(np.arange(40) == 0, 0.5, 0.9)
    run = plateau_run(lambda t: falling(t, 10), first=5).series("val_acc", score)
    assert silent(NAME, run.case())


@pytest.mark.parametrize("seed", range(8))
def test_cuts_that_each_waited_their_patience_are_quiet(seed: int) -> None:
    """Each cut brings five evaluations of progress, then six without: intervals are equal too."""
    epoch, rng = np.arange(44), np.random.default_rng(seed)
    progress = 5 * (epoch // 11) + np.minimum(epoch % 11, 4)
    waiting = epoch % 11 > 4
    loss = 4 * 0.8**progress * np.where(waiting, rng.uniform(1.05, 1.6, 44), 1.0)
    run = a_run().on_axis("epoch").steps(0, 44).lr(0.1 * 0.5 ** (epoch // 11))
    run = run.series("val_loss", loss).series("train_loss", loss)
    assert silent(NAME, run.hparams(scheduler="ReduceLROnPlateau").case())


def test_milestones_are_not_plateau_cuts() -> None:
    run = a_run().on_axis("epoch").steps(0, 40).lr(lambda t: 0.1 * 0.1 ** (t // 12))
    run = run.series("val_loss", lambda t: falling(t, 10))
    assert silent(NAME, run.case())
    assert silent(NAME, run.hparams(scheduler="StepLR").case())


def test_without_a_configuration_the_first_interval_tells_it_from_milestones() -> None:
    bare = plateau_run(lambda t: falling(t, 10)).hparams(scheduler="")
    assert evidence(NAME, bare.case()).start == 4
    bare = plateau_run(lambda t: falling(t, 10), first=3).hparams(scheduler="")
    assert silent(NAME, bare.case())


def test_the_share_of_new_bests_is_the_edge() -> None:
    stalls = falling(np.arange(40.0) - np.arange(40) % 2, 10)
    case = plateau_run(stalls).case()
    assert evidence(NAME, case, new_best_share=0.49).measured["new_bests"].value == 50
    assert silent(NAME, case, new_best_share=0.51)


def test_two_cuts_are_the_least() -> None:
    case = plateau_run(lambda t: falling(t, 10), first=20, every=30).case()
    assert silent(NAME, case)


def test_without_a_loss_it_cannot_be_judged() -> None:
    run = a_run().on_axis("epoch").steps(0, 40).lr(lambda t: 0.1 * 0.5 ** (t // 5))
    (judgement,) = judge(NAME, run.hparams(scheduler="ReduceLROnPlateau").case())
    assert isinstance(judgement, Unjudged)


def test_gaps_in_the_loss_are_no_new_bests() -> None:
    loss = falling(np.arange(40.0), 10)
    loss[[3, 17]] = np.nan
    assert evidence(NAME, plateau_run(loss).case()).start == 4


@pytest.mark.parametrize(
    ("mode", "values"),
    [
        ("min", [3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]),
        ("max", [3, 2, 1, 1, 1, 1, 4, 1, 1, 1, 5, 0.5, 0.5, 0.5, 0.5]),
        ("min", [1, np.nan, np.nan, np.nan, np.nan, 0.5, 0.4, 0.4, 0.4, 0.4]),
        ("max", list(np.random.default_rng(3).uniform(0.5, 1.5, 60))),
        ("min", list(np.random.default_rng(4).uniform(0.5, 1.5, 60))),
    ],
)
@pytest.mark.parametrize("cooldown", [0, 2])
def test_the_replay_is_torch_s(mode: str, values: list[float], cooldown: int) -> None:
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode=mode, patience=2, factor=0.5, cooldown=cooldown, eps=0.0
    )
    cuts = []
    for index, value in enumerate(values):
        before = optimizer.param_groups[0]["lr"]
        scheduler.step(value)
        if optimizer.param_groups[0]["lr"] < before:
            cuts.append(index)
    made = replay(np.array(values), 2, upwards=mode == "max", cooldown=cooldown)
    assert made.tolist() == cuts
