"""Proxy training does what plain loops of torch's own optimizers do; its statistics are paired."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from lrdoctor.replay.proxy.compare import compare, final_losses

torch = pytest.importorskip("torch")

from lrdoctor.errors import ConfigError  # noqa: E402
from lrdoctor.replay.proxy import TASKS, Settings, train  # noqa: E402
from lrdoctor.replay.proxy.train import Setback  # noqa: E402

STEPS = 50


def rates(*tops: float, steps: int = STEPS) -> np.ndarray:
    """A cosine per candidate, the same for head and backbone."""
    cosine = 0.5 * (1 + np.cos(np.pi * np.arange(steps) / steps))
    return np.stack([np.repeat((top * cosine)[:, None], 2, axis=1) for top in tops])


def plain_loop(name: str, optimizer: str, lr: np.ndarray, seed: int) -> np.ndarray:
    """The same training by torch's optimizer, one candidate and seed."""
    task = TASKS[name]()
    module = task.model(seed)
    split = {0: [], 1: []}  # type: ignore[var-annotated]
    for parameter, value in module.named_parameters():
        split[task.group(parameter)].append(value)
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9, weight_decay=0.01),
        "adam": lambda p: torch.optim.Adam(p, lr=1.0, weight_decay=0.01),
        "adamw": lambda p: torch.optim.AdamW(p, lr=1.0, weight_decay=0.01),
    }
    made = makers[optimizer]([{"params": split[0]}, {"params": split[1]}])
    losses = []
    for step in range(len(lr)):
        for group, value in zip(made.param_groups, lr[step], strict=True):
            group["lr"] = float(np.float32(value))
        loss = task.loss(module, task.batch(step, seed))
        made.zero_grad()
        loss.backward()
        made.step()
        losses.append(float(loss.detach()))
    return np.array(losses)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("name", sorted(TASKS))
def test_one_program_does_what_a_plain_loop_does(name: str, optimizer: str) -> None:
    lr = rates(0.01, 0.002)
    lr[:, :20, 1] = 0.0  # the backbone is frozen first
    trained = train(TASKS[name](), lr, Settings(optimizer, seeds=2, device="cpu"))
    assert trained.complete and trained.loss.shape == (2, 2, STEPS)
    for candidate, seed in ((0, 0), (1, 1)):
        expected = plain_loop(name, optimizer, lr[candidate], seed)
        np.testing.assert_allclose(trained.loss[candidate, seed], expected, rtol=1e-4, atol=1e-5)


def test_candidates_of_one_seed_start_alike_and_seeds_do_not() -> None:
    loss = train(TASKS["teacher"](), rates(0.01, 0.001), Settings(seeds=3, device="cpu")).loss
    assert np.ptp(loss[:, :, 0], axis=0) == pytest.approx(0, abs=1e-6)
    assert len(set(loss[0, :, 0].tolist())) == 3


def test_chunks_change_nothing() -> None:
    lr = rates(0.01, 0.001, steps=10)
    whole = train(TASKS["teacher"](), lr, Settings(seeds=2, device="cpu"))
    parts = train(TASKS["teacher"](), lr, Settings(seeds=2, device="cpu", chunk=1))
    np.testing.assert_allclose(whole.loss, parts.loss, rtol=1e-4)


def test_a_spent_budget_keeps_what_is_done() -> None:
    lr = rates(0.01, steps=400)
    trained = train(TASKS["teacher"](), lr, Settings(seeds=1, device="cpu", budget=1e-9))
    assert not trained.complete
    assert np.isfinite(trained.loss[0, 0, 0]) and np.isnan(trained.loss[0, 0, -1])


def test_a_stop_keeps_the_chunks_that_are_done() -> None:
    def stop(done: int, total: int) -> None:
        if done > 10:
            raise KeyboardInterrupt

    settings = Settings(seeds=2, device="cpu", chunk=1)
    trained = train(TASKS["teacher"](), rates(0.01, steps=10), settings, stop)
    assert trained.stopped and not trained.complete
    assert np.isfinite(trained.loss[0, 0]).all() and np.isnan(trained.loss[0, 1]).all()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_group_without_lr_is_frozen_with_its_optimizer_state(optimizer: str) -> None:
    """Against torch's own way to freeze: a parameter without gradient is passed over."""
    lr = rates(0.01)
    lr[:, :20, 1] = np.nan
    trained = train(TASKS["teacher"](), lr, Settings(optimizer, seeds=1, device="cpu"))
    task = TASKS["teacher"]()
    module = task.model(0)
    head = [p for n, p in module.named_parameters() if task.group(n) == 0]
    rest = [p for n, p in module.named_parameters() if task.group(n) == 1]
    kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[optimizer]
    extra = {"momentum": 0.9} if optimizer == "sgd" else {}
    made = kind([{"params": head}, {"params": rest}], lr=1.0, weight_decay=0.01, **extra)
    for step in range(STEPS):
        for parameter in rest:
            parameter.requires_grad_(step >= 20)
        for group, value in zip(made.param_groups, lr[0, step], strict=True):
            group["lr"] = float(np.nan_to_num(value))
        loss = task.loss(module, task.batch(step, 0))
        assert trained.loss[0, 0, step] == pytest.approx(float(loss.detach()), rel=1e-4)
        made.zero_grad()
        loss.backward()
        made.step()


def test_setbacks_go_back_to_earlier_weights_or_forget_the_optimizer_state() -> None:
    lr = rates(0.02, 0.02, 0.02)
    setbacks = ((), (Setback(40, 5),), (Setback(40),))
    settings = Settings("adamw", seeds=2, device="cpu")
    loss = train(TASKS["teacher"](), lr, settings, setbacks=setbacks).loss
    np.testing.assert_allclose(loss[0, :, :40], loss[1, :, :40], rtol=1e-5)
    assert (loss[1, :, 40] > 1.2 * loss[0, :, 40]).all()
    np.testing.assert_allclose(loss[0, :, 40], loss[2, :, 40], rtol=1e-5)
    assert not np.allclose(loss[0, :, 41:], loss[2, :, 41:], rtol=1e-3)


def test_out_of_memory_halves_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []
    whole = import_module("lrdoctor.replay.proxy.train")._train_chunk

    def small(task, lr, setbacks, chunk, *rest):  # type: ignore[no-untyped-def]
        widths.append(len(chunk))
        if len(chunk) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried …")
        return whole(task, lr, setbacks, chunk, *rest)

    monkeypatch.setattr(import_module("lrdoctor.replay.proxy.train"), "_train_chunk", small)
    trained = train(
        TASKS["teacher"](), rates(0.01, 0.001, steps=5), Settings(seeds=3, device="cpu")
    )
    assert trained.complete and widths == [6, 3, 1, 1, 1, 1, 1, 1]


def test_a_gpu_that_is_not_there_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="--device cuda"):
        train(TASKS["teacher"](), rates(0.01), Settings(device="cuda"))
    auto = train(TASKS["teacher"](), rates(0.01, steps=2), Settings(seeds=1, device="auto"))
    assert auto.device == "cpu"


def test_gains_are_paired() -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(1.0, 0.5, size=(8, 1)) * np.ones((8, 40))
    better = compare(base, base - 0.02)
    assert better.verdict == "better" and better.gain == pytest.approx(0.02)
    assert compare(base - 0.02, base).verdict == "worse"
    same = compare(base, base + np.tile([[0.1], [-0.09]], (4, 1)))
    assert compare(base, base - 0.02, least=0.05).verdict == "no effect"
    assert same.verdict == "no effect" and same.interval[0] < 0 < same.interval[1]


def test_one_seed_proves_nothing_and_none_is_an_error() -> None:
    base = np.ones((1, 10))
    assert compare(base, base - 0.5).verdict == "no effect"
    with pytest.raises(ValueError, match="no pair"):
        compare(np.full((2, 10), np.nan), np.ones((2, 10)))
    assert final_losses(np.arange(100.0)[None]).tolist() == [97.0]
