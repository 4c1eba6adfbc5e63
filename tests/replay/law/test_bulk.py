"""Batches of fits against scipy's, one after another, and what must not disturb them."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.errors import ConfigError, MissingExtraError
from lrdoctor.replay.law import Fitted, LossRun, fit, fit_many, predict
from lrdoctor.replay.law import bulk as bulk_module
from lrdoctor.replay.law._batch import amplitudes, group_of
from lrdoctor.replay.law._fit_batch import fit_batch
from lrdoctor.replay.law._place import Place
from lrdoctor.replay.law.bulk import consult_many
from lrdoctor.replay.law.fitted import distinct
from lrdoctor.replay.law.solve import nonnegative
from tests.replay.law.curves import STEPS, cooled, cosine, path_of, run_of, warmed

END = np.array([STEPS])
MIXED = [
    [run_of(cosine, noise=0.01, every=10)],
    [run_of(cooled, every=40)],
    [run_of(warmed, noise=0.003, every=150)],
    [run_of(cosine, noise=0.01), run_of(warmed, noise=0.01, every=100)],
]
DEVICES = ["cpu", pytest.param("torch", marks=pytest.mark.skipif("not TORCH", reason="no torch"))]
try:
    import torch  # noqa: F401

    TORCH = True
except ImportError:
    TORCH = False


def hopeless() -> LossRun:
    """It blows up after half of the steps."""
    t = np.arange(50.0, STEPS + 1, 50)
    return LossRun(t, cosine(t), t, 3.0 + np.exp(np.maximum(t - 5000, 0) / 50))


def final(fitted: Fitted) -> tuple[float, float]:
    told = predict(fitted, path_of(cooled), END)
    return float(told.loss[0]), float(told.half[0])


@pytest.fixture(scope="module")
def reference() -> list[Fitted]:
    return fit_many(MIXED, "scipy")


@pytest.mark.parametrize("device", DEVICES)
def test_a_batch_agrees_with_scipy(device: str, reference: list[Fitted]) -> None:
    for one, other in zip(reference, fit_many(MIXED, device), strict=True):
        loss, half = final(other)
        assert loss == pytest.approx(final(one)[0], rel=1e-3)
        assert half == pytest.approx(final(one)[1], rel=2e-2)
        for scipys, own in zip(one.fits, other.fits, strict=True):
            assert own.cost < 1.001 * scipys.cost + 1e-3
            errors = (np.sqrt(np.diag(fit.covariance)) for fit in (scipys, own))
            assert next(errors) == pytest.approx(next(errors), rel=0.05)


def test_no_mate_disturbs_a_fit() -> None:
    runs = [[run_of(cosine, noise=0.01)], [hopeless()], [run_of(cooled, noise=0.01, every=25)]]
    together = fit_many(runs, "cpu")
    for alone, among in ((fit(runs[0]), together[0]), (fit(runs[2]), together[2])):
        assert final(among) == pytest.approx(final(alone), rel=1e-5)
    for law in together[1].fits:
        assert np.isfinite([law.cost, *law.outer, *law.amplitudes, *law.covariance.ravel()]).all()


def test_small_pieces_give_what_one_piece_gives() -> None:
    groups = [group_of(runs) for runs in MIXED[1:3]]
    large, small = (
        fit_batch(groups, Place(lambda values: values, terms=terms, groups=9))
        for terms in (2**24, 2**14)
    )
    for one, other in zip(large, small, strict=True):
        for first, second in zip(one, other, strict=True):
            assert second.cost == pytest.approx(first.cost, rel=1e-4)


def test_parameters_stay_within_their_limits() -> None:
    for fitted in fit_many(MIXED, "cpu"):
        for law in fitted.fits:
            low, high = law.law.range
            assert np.all((low <= law.outer) & (law.outer <= high))
            assert np.all(law.amplitudes >= 0)


def test_without_torch_all_but_a_gpu_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(bulk_module, "_MANY", 1)
    assert len(fit_many(MIXED[1:2])) == 1
    with pytest.raises(MissingExtraError, match=r"lrdoctor\[replay\]"):
        fit_many(MIXED[1:2], "cuda")


@pytest.mark.skipif("not TORCH", reason="no torch")
def test_without_a_gpu_auto_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(bulk_module, "_MANY", 1)
    assert len(fit_many(MIXED[1:2])) == 1
    with pytest.raises(ConfigError, match="no GPU"):
        fit_many(MIXED[1:2], "cuda")
    with pytest.raises(ConfigError, match="unknown device 'gpu'"):
        fit_many(MIXED[1:2], "gpu")


def test_few_models_do_not_import_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_module, "_gpu", lambda: pytest.fail("looked for a GPU"))
    assert len(fit_many(MIXED[1:2])) == 1


def test_one_refused_model_leaves_the_others_theirs() -> None:
    oracles = consult_many([[hopeless()], [run_of(cosine)], [run_of(cosine, every=500)]])
    assert [oracle.refused is None for oracle in oracles] == [False, True, False]
    assert oracles[1].fitted is not None and oracles[1].grade == "B"
    assert final(oracles[1].fitted) == pytest.approx(final(fit([run_of(cosine)])), rel=1e-6)


def test_nothing_to_fit() -> None:
    assert fit_many([]) == []
    t = np.arange(1.0, 9.0)
    with pytest.raises(ValueError, match="no loss after the warm-up"):
        fit_many([[LossRun(t, t, t, np.full(8, np.nan))]])


@given(st.integers(0, 10_000), st.integers(2, 3))
@settings(max_examples=60, deadline=None)
def test_amplitudes_are_the_best_that_are_not_negative(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    basis, target = rng.normal(size=(5, 12, count)), rng.normal(size=(5, 12))
    for one, found, wanted in zip(basis, amplitudes(basis, target), target, strict=True):
        assert np.all(found >= 0)
        left = np.sum((wanted - one @ found) ** 2)
        assert left == pytest.approx(np.sum((wanted - one @ nonnegative(one, wanted)) ** 2))


def test_searches_that_end_alike_go_on_as_one() -> None:
    ends = np.array([[[0.0, 0.0], [1.0, 0.0], [0.001, 0.0], [1.0, 0.01]]])
    assert distinct(ends).tolist() == [[True, True, False, False]]
