"""What a fit of one law is, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lrdoctor.replay.law.course import Course
from lrdoctor.replay.law.laws import Law, Scale
from lrdoctor.replay.law.path import LrPath
from lrdoctor.types import Array

# Neighbouring errors of a law are alike: so many points count as one.
ALIKE = 4.0
# The slopes of a fit are differences over this much of an outer parameter.
STEP = 1e-4
# Searches that end this close, in standard deviations of a prior, would go on alike.
_SAME = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class LawFit:
    """A law fitted: ``outer`` and ``amplitudes``, their joint covariance, and the cost.

    ``covariance`` is that of (outer, amplitudes), float64[p + q, p + q].
    """

    law: Law
    scale: Scale
    outer: Array
    amplitudes: Array
    covariance: Array
    cost: float

    def loss(self, path: LrPath, at: Array) -> Array:
        """The loss at steps ``at: float64[m]`` under a path."""
        return basis_of(self.law, self.outer, self.scale.course(path, at)) @ self.amplitudes

    def slopes(self, course: Course) -> Array:
        """Derivative by (outer, amplitudes) of the loss on a course in the fit's own units:
        float64[m, p + q]."""
        columns = []
        for step in STEP * np.eye(len(self.outer)):
            high, low = (
                basis_of(self.law, self.outer + move, course) @ self.amplitudes
                for move in (step, -step)
            )
            columns.append((high - low) / (2 * STEP))
        basis = basis_of(self.law, self.outer, course)
        return np.concatenate([np.stack(columns, axis=1), basis], axis=1)


def basis_of(law: Law, outer: Array, course: Course) -> Array:
    """What the amplitudes are multiplied with: float64[m, q], finite whatever ``outer`` is."""
    with np.errstate(all="ignore"):
        basis = law.basis(outer, course, law.memory(law.named(outer), course))
    return np.asarray(np.nan_to_num(basis, nan=1e6, posinf=1e6, neginf=-1e6))


def distinct(ends: Array) -> npt.NDArray[np.bool_]:
    """Which of s ends of searches, float64[b, s, p], lie apart from all before them: bool[b, s]."""
    gaps = np.abs(ends[:, :, None] - ends[:, None]).max(axis=-1)
    return np.asarray(~np.tril(gaps < _SAME, k=-1).any(axis=-1))
