"""Spikes that come back: at once (a note), slowly (a warning), explained, or mere noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import a_run
from tests.detectors.cases import cosine, evidence, falling, judge, mild, silent
from tests.detectors.loss_shapes import eventful, spike_at, step_at


def test_a_slow_recovery() -> None:
    found = evidence("slow_spike", eventful(spike_at(400, 4.0, 300)).case())
    assert found.severity is None
    assert found.start == pytest.approx(400, abs=3)
    assert found.measured["recovered_after"].value == pytest.approx(250, abs=100)


def test_a_recovery_that_waits_for_the_lr_names_it() -> None:
    long = eventful(spike_at(200, 6.0, 700))
    found = evidence("slow_spike", long.lr(lambda t: cosine(t, 1000)).case())
    assert "that LR was too high" in found.detail
    assert 0 < found.measured["lr_left"].value <= 50
    found = evidence("slow_spike", eventful(spike_at(200, 6.0, 700)).lr(0.1).case())
    assert "lr_left" not in found.measured and "no resume" in found.detail


def test_a_cheap_one_is_a_note() -> None:
    assert mild(evidence("slow_spike", eventful(spike_at(400, 3.0, 60)).case()))


def test_what_it_cost_is_a_share_of_the_whole_run_where_that_is_known() -> None:
    run = eventful(spike_at(400, 4.0, 300))
    assert mild(evidence("slow_spike", replace(run.case(), finished=False)))
    longer = evidence("slow_spike", run.hparams(max_steps=10_000).case())
    assert mild(longer) and longer.measured["lost_share"].value < 4
    assert not mild(evidence("slow_spike", run.hparams(max_steps=1200).case()))


def test_a_brief_one_is_the_other_rule_s() -> None:
    case = eventful(spike_at(400, 4.0, 6)).case()
    assert silent("slow_spike", case)
    assert evidence("brief_spike", case).start == pytest.approx(400, abs=2)


def test_a_single_point_within_a_long_log() -> None:
    loss = falling(np.arange(20_000.0)) + np.random.default_rng(0).normal(0, 0.02, 20_000)
    loss[12_345] = 3.0
    found = evidence("brief_spike", a_run().steps(0, 20_000).series("loss", loss).case())
    assert (found.start, found.stop) == (12_345, 12_347)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_noise_is_quiet(seed: int, noise: float) -> None:
    case = eventful(lambda t: 1 + 0 * t, noise=noise, seed=seed).case()
    assert silent("slow_spike", case)
    assert silent("brief_spike", case)


def test_heavy_tails_are_noise() -> None:
    draw = np.random.default_rng(1)
    loss = falling(np.arange(4000.0)) * draw.exponential(1.0, 4000)
    case = a_run().steps(0, 4000).series("loss", loss).case()
    assert silent("slow_spike", case)
    assert silent("brief_spike", case)


def test_a_warm_restart_and_a_resume_explain_it() -> None:
    run = eventful(spike_at(500, 4.0, 300))
    assert silent("slow_spike", run.lr(lambda t: cosine(t % 500, 500)).case())
    assert silent("slow_spike", run.restart_at(500).case())


def test_a_step_never_comes_back() -> None:
    assert silent("slow_spike", eventful(step_at(500, 2.0)).case())


def test_the_height_is_the_edge() -> None:
    case = eventful(spike_at(400, 2.0, 300), noise=0.002).case()
    assert evidence("slow_spike", case, rise_ratio=0.8)
    assert silent("slow_spike", case, rise_ratio=1.1)


def test_short_and_nan() -> None:
    for name in ("slow_spike", "brief_spike"):
        assert silent(name, a_run().steps(0, 12).loss(lambda t: 1.0 + (t == 6)).case())
        assert silent(name, a_run().series("loss", np.full(1000, np.nan)).case())


def test_many_spikes_are_the_log_s_nature() -> None:
    loss = falling(np.arange(20_000.0))
    loss[3_000::1_500] = 3.0
    assert not judge("brief_spike", a_run().steps(0, 20_000).series("loss", loss).case())
