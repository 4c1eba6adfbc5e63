"""Fits side by side: courses and losses padded to one size, and what they are evaluated to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product
from operator import itemgetter

import numpy as np

from lrdoctor.replay.law._arrays import Values, namespace
from lrdoctor.replay.law._place import Place, like
from lrdoctor.replay.law.course import Course
from lrdoctor.replay.law.fitted import ALIKE
from lrdoctor.replay.law.laws import Law, Scale
from lrdoctor.replay.law.path import LossRun, Points, points_of
from lrdoctor.types import Array

# A term that others can stand in for gets some finite amplitude.
_RIDGE = 1e-13
_LARGEST = 1e6


@dataclass(frozen=True, slots=True)
class Group:
    """Runs of one model, which are fitted together, and their units."""

    runs: tuple[Points, ...]
    scale: Scale

    @property
    def size(self) -> tuple[int, int, int]:
        """Runs, steps and knots."""
        steps = max(len(run.at) for run in self.runs)
        return len(self.runs), steps, max(len(run.path.step) for run in self.runs)


def group_of(runs: Sequence[LossRun]) -> Group:
    """Runs of one model in common units. Raises ``ValueError`` where none has a loss to fit."""
    points = tuple(points_of(run) for run in runs)
    if not any(len(run.at) for run in points):
        raise ValueError("no loss after the warm-up to fit a law to")
    scale = Scale(max(p.path.peak for p in points), max(p.path.length for p in points))
    return Group(points, scale)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """b fits to r runs each. ``course``: ``[b, r, 1, k]`` and ``[b, r, 1, m]``; ``loss`` and
    ``trust``, the inverse of its error: ``[b, r m]``, 0 where there is padding. ``terms`` of a
    law's memory exist at a time."""

    course: Course
    loss: Values
    trust: Values
    terms: int

    def take(self, rows: Values) -> Batch:
        """Some of the fits, by indices or a mask."""
        course = self.course.map(lambda values: values[rows])
        return Batch(course, self.loss[rows], self.trust[rows], self.terms)

    def bases(self, law: Law, outer: Values, moves: Array) -> Values:
        """What the amplitudes are multiplied with, at ``outer: [b, p]`` plus each of ``moves:
        float64[v, p]``, the first of which is nothing: ``[b, v, r m, q]``."""
        xp = namespace(outer)
        moved = (moves[:, np.isin(list(law.priors), law.remembers)] != 0).any(axis=1)
        moved[0] = True
        source = np.where(moved, np.cumsum(moved) - 1, 0)
        at = outer[:, None, None] + like(moves, outer)
        memory = self._memory(law, at[:, :, np.flatnonzero(moved)])[:, :, source]
        basis = law.basis(at, self.course, memory)
        basis = xp.nan_to_num(basis, nan=_LARGEST, posinf=_LARGEST, neginf=-_LARGEST)
        basis = xp.moveaxis(basis, 1, 2)
        return basis.reshape(*basis.shape[:2], -1, basis.shape[-1])

    def _memory(self, law: Law, outer: Values) -> Values:
        """The law's memory at ``outer: [b, 1, v, p]``: ``[b, r, v, m]``, a few fits, or some steps
        of one, at a time. Steps in their order need only the knots before them."""
        count, runs, _, knots = self.course.lr.shape
        steps = self.course.at_time.shape[-1]
        variants = outer.shape[2]
        each = runs * variants * knots
        width, length = max(self.terms // (each * steps), 1), min(max(self.terms // each, 1), steps)
        xp = namespace(outer)
        memory = xp.zeros_like(self.course.at_time + outer[..., :1])
        for i in range(0, count, width):
            part = slice(i, i + width)
            course, at = self.course.map(itemgetter(part)), law.named(outer[part])
            for j in range(0, steps, length):
                some = slice(j, j + length)
                near = knots if length == steps else int(course.left[..., some].max()) + 2
                memory[part, ..., some] = law.memory(at, course.window(some, near))
        return memory


def batch_of(groups: Sequence[Group], place: Place) -> Batch:
    """The groups side by side."""
    runs, steps, knots = np.max([group.size for group in groups], axis=0).tolist()
    courses, (loss, trust) = [], np.zeros((2, len(groups), runs, steps))
    for i, group in enumerate(groups):
        own = [group.scale.course(run.path, run.at).padded(knots, steps) for run in group.runs]
        courses.append(own + own[:1] * (runs - len(own)))
        for j, run in enumerate(group.runs):
            inside = (i, j, slice(len(run.at)))
            loss[inside], trust[inside] = run.loss, 1.0 / (run.sigma * np.sqrt(ALIKE))
    columns = (
        np.array([[getattr(course, field.name) for course in row] for row in courses])
        for field in fields(Course)
    )
    course = Course(*(place.bring(column[:, :, None]) for column in columns))
    flat = (len(groups), runs * steps)
    return Batch(
        course, place.bring(loss.reshape(flat)), place.bring(trust.reshape(flat)), place.terms
    )


def amplitudes(basis: Values, target: Values) -> Values:
    """Least-squares amplitudes >= 0 for ``basis: [.., m, q]`` and ``target: [.., m]``: ``[.., q]``,
    the best of all sets of amplitudes that may be other than 0."""
    xp = namespace(basis)
    norm = xp.clip(xp.sqrt((basis * basis).sum(-2)), 1e-300, None)
    unit = basis / norm[..., None, :]
    turned = xp.moveaxis(unit, -1, -2)
    gram, moment = turned @ unit, (turned @ target[..., None])[..., 0]
    best = _solved(gram, moment, np.ones(gram.shape[-1]))
    wrong = (best < 0).any(-1)
    if wrong.any():
        best[wrong] = _best_set(gram[wrong], moment[wrong])
    return best / norm


def _best_set(gram: Values, moment: Values) -> Values:
    xp = namespace(gram)
    best, most = xp.zeros_like(moment), xp.zeros_like(moment[..., 0])
    for used in product((0.0, 1.0), repeat=gram.shape[-1]):
        part = _solved(gram, moment, np.array(used))
        gained = xp.where((part < 0).any(-1), 0.0, (part * moment).sum(-1))
        best = xp.where((gained > most)[..., None], part, best)
        most = xp.where(gained > most, gained, most)
    return best


def _solved(gram: Values, moment: Values, used: Array) -> Values:
    """The amplitudes that are ``used`` (1, others 0), whatever their sign."""
    unused = like(np.diag(1.0 - used + _RIDGE), gram)
    pairs = like(np.outer(used, used), gram)
    matrix = gram * pairs + unused
    return namespace(gram).linalg.solve(matrix, (moment * like(used, gram))[..., None])[..., 0]
