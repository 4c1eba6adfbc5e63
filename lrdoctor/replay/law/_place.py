"""Where batches of fits are worked out: NumPy on a CPU, torch on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lrdoctor.errors import ConfigError, MissingExtraError
from lrdoctor.replay.law._arrays import Values
from lrdoctor.types import Array

# Device memory for each term of a law's memory: some arrays of float64, twice over.
_BYTES = 64


@dataclass(frozen=True, slots=True)
class Place:
    """``bring`` takes an array there. ``terms`` of a law's memory exist at a time and ``groups`` of
    runs are one batch, so that the memory, or a CPU's cache, suffices."""

    bring: Callable[[Array], Values]
    terms: int
    groups: int


def on_cpu() -> Place:
    """NumPy's arrays: on one core its exponentials take half the time of torch's."""
    return Place(lambda values: values, terms=2**16, groups=8)


def on_torch(device: str) -> Place:
    """torch's arrays. Raises ``MissingExtraError`` without torch, ``ConfigError`` for a device that
    there is not."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", "replay") from error

    def bring(values: Array) -> Values:
        return torch.as_tensor(values, device=device)

    if device == "cpu":
        return Place(bring, terms=2**16, groups=8)
    if not device.startswith("cuda"):
        raise ConfigError(f"unknown device {device!r}; there are auto, cpu, cuda, torch and scipy")
    if not torch.cuda.is_available():
        raise ConfigError('torch finds no GPU here; leave the device to "auto" or take "cpu"')
    free, _ = torch.cuda.mem_get_info(device)
    return Place(bring, terms=free // _BYTES, groups=512)


def like(values: Array, other: Values) -> Values:
    """A numpy array as an array of the kind, and in the place, of ``other``."""
    return values if isinstance(other, np.ndarray) else other.new_tensor(values)


def on_host(values: Values) -> npt.NDArray[Any]:
    """Any array as numpy's."""
    return values if isinstance(values, np.ndarray) else np.asarray(values.cpu().numpy())
