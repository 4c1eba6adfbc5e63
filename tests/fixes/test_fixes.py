"""Each fix on the fault it is for: the corrected LR by formula, the diff, the disposition."""

from __future__ import annotations

import numpy as np
import pytest

from lrdoctor.types import Array, Case
from lrdoctor.verdict import Candidate
from tests.builders import RunBuilder, a_run
from tests.fixes.findings import a_finding, propose

STEPS = np.arange(1000.0)


def cosine(lr: float, total: float, floor: float = 0.0) -> Array:
    return floor + (lr - floor) * (1 + np.cos(np.pi * STEPS / total)) / 2


def onecycle(total: int, pct: float, max_lr: float = 0.1, div: float = 25.0) -> Array:
    """torch's OneCycleLR, held at its end."""
    top, end = pct * total - 1, total - 1
    start = max_lr / div
    last = start / 1e4
    rise = max_lr + (start - max_lr) * (1 + np.cos(np.pi * STEPS / top)) / 2
    fall = last + (max_lr - last) * (1 + np.cos(np.pi * (STEPS - top) / (end - top))) / 2
    return np.where(top >= STEPS, rise, np.where(end >= STEPS, fall, last))


def lr_of(candidate: Candidate, group: str = "lr") -> Array:
    return candidate.schedules[group].lr(STEPS)


def with_plan(run: RunBuilder, **settings: str | int | float) -> Case:
    return run.hparams(max_steps=1000, **settings).case()


# ----------------------------------------------------------------------------------- OneCycle


def test_the_peak_moves_to_the_configured_share() -> None:
    run = a_run().lr(onecycle(1000, 0.3)).hparams(pct_start=0.2, scheduler="OneCycleLR")
    (fixed,) = propose("move_peak", with_plan(run), a_finding(199, 300, planned=1000))
    np.testing.assert_allclose(lr_of(fixed), onecycle(1000, 0.2), rtol=1e-6)
    assert fixed.disposition == "safe"
    assert "-scheduler = OneCycleLR(" in fixed.diff and "pct_start=0.3" in fixed.diff
    assert "+scheduler = OneCycleLR(" in fixed.diff and "pct_start=0.2" in fixed.diff


def test_a_halved_horizon_is_doubled() -> None:
    run = a_run().lr(onecycle(500, 0.3)).hparams(pct_start=0.3, scheduler="OneCycleLR")
    finding = a_finding(149, 300, planned=1000, horizon=500)
    (fixed,) = propose("move_peak", with_plan(run, max_lr=0.1), finding)
    assert np.argmax(lr_of(fixed)) == 299
    np.testing.assert_allclose(lr_of(fixed), onecycle(1000, 0.3), rtol=1e-6)
    assert "total_steps=500" in fixed.diff and "total_steps=1000" in fixed.diff


def test_a_cycle_that_never_rose_needs_the_configured_peak() -> None:
    run = a_run().lr(0.004 + STEPS * 1e-8).hparams(pct_start=0.3, scheduler="OneCycleLR")
    finding = a_finding(299, 1000, planned=1000)
    assert propose("move_peak", with_plan(run), finding) == []
    (fixed,) = propose("move_peak", with_plan(run, max_lr=0.1), finding)
    np.testing.assert_allclose(lr_of(fixed), onecycle(1000, 0.3), rtol=1e-6)


# ----------------------------------------------------------------------------------- decay


def early_cosine() -> RunBuilder:
    return a_run().lr(np.where(STEPS < 200, cosine(0.1, 200), 0.0))


def test_t_max_becomes_the_planned_length() -> None:
    (fixed,) = propose("set_t_max", with_plan(early_cosine()), a_finding(200, 1000))
    np.testing.assert_allclose(lr_of(fixed), cosine(0.1, 1000), atol=1e-12)
    assert fixed.disposition == "safe"
    assert "T_max=1000" in fixed.diff


def test_without_a_plan_the_logged_length_is_used_and_must_be_reviewed() -> None:
    (fixed,) = propose("set_t_max", early_cosine().case(), a_finding(200, 1000))
    np.testing.assert_allclose(lr_of(fixed), cosine(0.1, 1000), atol=1e-12)
    assert fixed.disposition == "review"


def test_the_warmup_is_kept() -> None:
    ramp = np.minimum(STEPS / 50, 1.0)
    run = a_run().lr(0.1 * np.where(STEPS < 50, ramp, np.maximum(0, 1 - (STEPS - 50) / 150)))
    (fixed,) = propose("set_t_max", with_plan(run), a_finding(200, 1000))
    expected = 0.1 * np.where(STEPS < 50, ramp, 1 - (STEPS - 50) / 950)
    np.testing.assert_allclose(lr_of(fixed), expected, atol=1e-5)


def test_steps_have_no_horizon_to_set() -> None:
    run = a_run().lr(0.1 * 0.1 ** (STEPS // 10))
    assert propose("set_t_max", with_plan(run), a_finding(20, 1000)) == []


def test_a_scheduler_stepped_per_batch_is_stepped_per_epoch() -> None:
    run = a_run().lr(0.1 * 0.1 ** (STEPS // 10)).series("epoch", STEPS // 25)
    case = with_plan(run, scheduler="StepLR", step_size=10, gamma=0.1)
    (fixed,) = propose("step_per_epoch", case, a_finding(20, 1000))
    np.testing.assert_allclose(lr_of(fixed), 0.1 * 0.1 ** (STEPS // 250))
    assert fixed.disposition == "safe"
    assert "-        scheduler.step()" in fixed.diff and "+    scheduler.step()" in fixed.diff


def test_an_epochs_gamma_acts_once_an_epoch() -> None:
    run = a_run().lr(0.1 * 0.9**STEPS).series("epoch", STEPS // 25)
    case = with_plan(run, scheduler="ExponentialLR", gamma=0.9)
    (fixed,) = propose("step_per_epoch", case, a_finding(44, 1000))
    np.testing.assert_allclose(lr_of(fixed), 0.1 * 0.9 ** (STEPS // 25), rtol=1e-6)


def test_nothing_is_stepped_per_epoch_where_an_epoch_is_unknown() -> None:
    run = a_run().lr(0.1 * 0.1 ** (STEPS // 10))
    assert propose("step_per_epoch", with_plan(run), a_finding(20, 1000)) == []


def test_an_exponential_gets_a_gentler_gamma_first() -> None:
    run = a_run().lr(0.1 * 0.95**STEPS)
    gentle, smooth = propose("slow_decay", with_plan(run), a_finding(90, 1000))
    assert lr_of(gentle)[-1] == pytest.approx(0.1 * 0.02 ** (999 / 1000), rel=1e-4)
    np.testing.assert_allclose(lr_of(smooth), cosine(0.1, 1000), atol=1e-6)
    assert {gentle.disposition, smooth.disposition} == {"review"}


# ----------------------------------------------------------------------------------- loss response


def test_drops_become_a_cosine_between_the_same_levels() -> None:
    run = a_run().lr(np.where(STEPS < 500, 0.1, 0.01))
    (fixed,) = propose("smooth_drop", with_plan(run), a_finding(500, 520))
    np.testing.assert_allclose(lr_of(fixed), cosine(0.1, 1000, 0.01), rtol=1e-6)
    assert fixed.disposition == "review"


def test_the_tail_decays_to_zero() -> None:
    (fixed,) = propose("decay_tail", with_plan(a_run().lr(0.1)), a_finding(300, 1000))
    expected = 0.1 * np.clip((1000 - STEPS) / 200, 0, 1)
    np.testing.assert_allclose(lr_of(fixed), expected, atol=1e-12)


def test_a_run_in_progress_decays_from_where_it_is() -> None:
    run = a_run().steps(0, 900).lr(0.1)
    (fixed,) = propose("decay_tail", with_plan(run), a_finding(300, 900))
    lr = lr_of(fixed)
    assert lr[899] == pytest.approx(0.1) and lr[950] == pytest.approx(0.05)


def test_a_plateau_is_cut_after_the_patience() -> None:
    run = a_run().lr(0.1).series("epoch", STEPS // 20)
    case = with_plan(run, scheduler="ReduceLROnPlateau", factor=0.5, scheduler_patience=4)
    (fixed,) = propose("reduce_on_plateau", case, a_finding(300, 1000, loss_level=0.5))
    lr = lr_of(fixed)
    assert lr[399] == pytest.approx(0.1) and lr[400] == pytest.approx(0.05)
    assert lr[-1] == pytest.approx(0.025)
    assert 'threshold=0.0005, threshold_mode="abs"' in fixed.diff


# ----------------------------------------------------------------------------------- unfreezing


def collapsed() -> RunBuilder:
    """A head's cosine to 2 %, then both groups rebuilt on that."""
    first = cosine(1e-3, 400, 2e-5)
    later = 2e-5 * (1 + np.cos(np.pi * (STEPS - 400) / 600)) / 2
    return (
        a_run()
        .lr(np.where(STEPS < 400, first, later), tag="lr/head")
        .steps(400, 1000)
        .lr(0.1 * later[400:], tag="lr/backbone")
    )


def test_an_unfreeze_starts_from_the_original_lr() -> None:
    case = with_plan(collapsed(), lr=1e-3, unfreeze_step=400)
    finding = a_finding(400, 1000, param_group="lr/head", lr_reference=1e-3, lr_after=2e-5)
    rebuilt, kept = propose("keep_state_on_unfreeze", case, finding)
    late = STEPS[400:]
    expected = 1e-3 * (1 + np.cos(np.pi * (late - 400) / 600)) / 2
    np.testing.assert_allclose(lr_of(rebuilt, "lr/head")[400:], expected, atol=1e-12)
    np.testing.assert_allclose(lr_of(rebuilt, "lr/backbone")[400:], 0.1 * expected, atol=1e-12)
    np.testing.assert_allclose(lr_of(kept, "lr/head"), cosine(1e-3, 1000), atol=1e-12)
    assert (rebuilt.disposition, kept.disposition) == ("safe", "review")
    assert 'group["lr"] = group["initial_lr"] = lr' in rebuilt.diff


def test_before_the_unfreeze_the_curve_stays_as_logged() -> None:
    case = with_plan(collapsed(), lr=1e-3, unfreeze_step=400)
    finding = a_finding(400, 1000, param_group="lr/head", lr_reference=1e-3, lr_after=2e-5)
    rebuilt, _ = propose("keep_state_on_unfreeze", case, finding)
    curve = next(c for c in rebuilt.curves if c.param_group == "lr/head").series
    np.testing.assert_allclose(curve.value[:400], cosine(1e-3, 400, 2e-5)[:400])
    assert curve.value[400] == pytest.approx(1e-3)


def starved() -> Case:
    head = cosine(1e-3, 1000)
    run = a_run().lr(head, tag="lr/head").steps(400, 1000).lr(1e-3 * head[400:], tag="lr/backbone")
    return with_plan(run, unfreeze_step=400)


def test_a_starved_group_gets_a_tenth_of_the_next() -> None:
    finding = a_finding(400, 1000, param_group="lr/backbone", lr_reference=6.5e-4, lr_after=6.5e-7)
    (fixed,) = propose("raise_group_lr", starved(), finding)
    np.testing.assert_allclose(
        lr_of(fixed, "lr/backbone")[400:], cosine(1e-4, 1000)[400:], atol=1e-12
    )
    assert set(fixed.schedules) == {"lr/backbone"}


def test_the_two_unfreezing_fixes_do_not_mix() -> None:
    low = a_finding(400, 1000, param_group="lr/backbone", lr_reference=6.5e-4, lr_after=6.5e-7)
    assert propose("keep_state_on_unfreeze", starved(), low) == []
    case = with_plan(collapsed(), lr=1e-3, unfreeze_step=400)
    all_of = a_finding(400, 1000, param_group="lr/head", lr_reference=1e-3, lr_after=2e-5)
    assert propose("raise_group_lr", case, all_of) == []


# ------------------------------------------------------------------------------------- a resume


def test_the_schedule_goes_on_after_a_resume() -> None:
    restarted = np.where(STEPS < 400, cosine(0.1, 1000), np.roll(cosine(0.1, 1000), 400))
    case = with_plan(a_run().lr(restarted).restart_at(400))
    (fixed,) = propose("continue_schedule", case, a_finding(400, 1000))
    np.testing.assert_allclose(lr_of(fixed), cosine(0.1, 1000), atol=1e-6)
    assert '+scheduler.load_state_dict(checkpoint["scheduler"])' in fixed.diff
    assert fixed.schedules["lr"].start == 400


def test_a_decay_that_would_rise_again_is_not_carried_on() -> None:
    restarted = np.where(STEPS < 400, cosine(0.1, 500), np.roll(cosine(0.1, 500), 400))
    case = with_plan(a_run().lr(restarted).restart_at(400))
    assert propose("continue_schedule", case, a_finding(400, 1000)) == []
