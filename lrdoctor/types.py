"""Every value that passes between stages: immutable, picklable, a sentence each.

Steps are positions on the run's own x axis (``Clock.unit`` says which); intervals are half-open
``[start, stop)``. Arrays are float64 or int64, one-dimensional and read-only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from lrdoctor.protocols import NamedSchedule, Shape

Array: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
Scalar: TypeAlias = str | int | float | bool | None


class Role(StrEnum):
    """What a series means to a diagnosis. ``LR`` is one series per param group."""

    LR = "lr"
    TRAIN_LOSS = "train_loss"
    VAL_LOSS = "val_loss"
    EPOCH = "epoch"
    METRIC = "metric"
    GRAD_NORM = "grad_norm"


class Severity(StrEnum):
    """How much it costs the user, from least to most."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for info, 1 for warning, 2 for error."""
        return list(Severity).index(self)


class Confidence(StrEnum):
    """How rarely the rule is wrong when it fires."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Status(StrEnum):
    """What became of one rule on one run."""

    PASSED = "passed"
    FOUND = "found"
    NOT_APPLICABLE = "not_applicable"
    SUPPRESSED = "suppressed"
    FAILED = "failed"


class ClockUnit(StrEnum):
    """The unit of a run's x axis."""

    OPTIMIZER_STEP = "optimizer_step"
    BATCH = "batch"
    EPOCH = "epoch"


class _Value:
    """Pickles through the constructor: the default protocol would lose numpy's read-only flag."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[Any], tuple[Any, ...]]:
        return type(self), tuple(_thawed(getattr(self, f.name)) for f in fields(self))  # type: ignore[arg-type]


def _thawed(value: Any) -> Any:
    return dict(value) if isinstance(value, MappingProxyType) else value


def _freeze(owner: object, **values: Any) -> None:
    """Sets fields of a frozen dataclass during ``__post_init__``, arrays and mappings read-only."""
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
        elif isinstance(value, Mapping):
            value = MappingProxyType(dict(value))
        object.__setattr__(owner, name, value)


def _column(values: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A contiguous read-only copy; a frozen array is shared, since nobody can change it."""
    array = np.asarray(values, dtype=dtype)
    if not array.flags.writeable and array.base is None and array.flags.c_contiguous:
        return array
    return np.array(array, dtype=dtype, order="C")


# ---------------------------------------------------------------------------- what the log says


@dataclass(frozen=True, slots=True)
class Note(_Value):
    """Something odd about the data that was met and dealt with; evidence, never an exception."""

    kind: str
    message: str
    file: str | None = None
    step: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RawSeries(_Value):
    """One tag as a file has it: in file order, steps may repeat or go back.

    ``step: int64[n]``, ``value: float64[n]``, ``wall_time: float64[n]`` Unix seconds or None.
    ``order: int64[n]`` counts the file's records before each point, None where it decides nothing.
    """

    tag: str
    step: IntArray
    value: Array
    wall_time: Array | None = None
    order: IntArray | None = None

    def __post_init__(self) -> None:
        order = None if self.order is None else _column(self.order, np.int64)
        columns = _checked_columns(self.tag, self.step, self.value, self.wall_time)
        _freeze(self, **columns, order=order)


@dataclass(frozen=True, slots=True, eq=False)
class RawLog(_Value):
    """Everything one file says, uninterpreted.

    ``axis`` is the name of the x axis as found ("step", "epoch", "iteration", "row" where the file
    has none). ``purges`` are steps at which the writer declared a restart (TensorBoard's SessionLog
    START), ``purge_order`` the records before each, empty where there are none: what was logged
    earlier at that step or later is obsolete. ``record_steps`` are the steps of all records where
    the writer declares none and a step going back is the sign (event files before version 2).
    """

    file: str
    format: str
    axis: str
    series: tuple[RawSeries, ...]
    hparams: Mapping[str, Scalar] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    purges: tuple[int, ...] = ()
    purge_order: tuple[int, ...] = ()
    record_steps: IntArray | None = None

    def __post_init__(self) -> None:
        steps = None if self.record_steps is None else _column(self.record_steps, np.int64)
        _freeze(self, hparams=self.hparams, record_steps=steps)


@dataclass(frozen=True, slots=True, eq=False)
class Series(_Value):
    """One scalar over steps, strictly ascending; NaN and infinities stay, they are evidence.

    ``step: int64[n]``, ``value: float64[n]``, ``wall_time: float64[n]`` Unix seconds or None.
    """

    tag: str
    step: IntArray
    value: Array
    wall_time: Array | None = None

    def __post_init__(self) -> None:
        _freeze(self, **_checked_columns(self.tag, self.step, self.value, self.wall_time))
        if np.any(self.step[1:] <= self.step[:-1]):
            raise ValueError(f"series {self.tag!r}: steps must be strictly increasing")

    def __len__(self) -> int:
        return len(self.step)

    def between(self, start: float, stop: float) -> Series:
        """The points with ``start <= step < stop``."""
        lo, hi = np.searchsorted(self.step, [start, stop])
        wall = None if self.wall_time is None else self.wall_time[lo:hi]
        return Series(self.tag, self.step[lo:hi], self.value[lo:hi], wall)

    def finite(self) -> Series:
        """The points whose value is finite."""
        keep = np.isfinite(self.value)
        if keep.all():
            return self
        wall = None if self.wall_time is None else self.wall_time[keep]
        return Series(self.tag, self.step[keep], self.value[keep], wall)


def _checked_columns(
    tag: str, step: IntArray, value: Array, wall_time: Array | None
) -> dict[str, npt.NDArray[Any] | None]:
    columns = {"step": _column(step, np.int64), "value": _column(value, np.float64)}
    wall = None if wall_time is None else _column(wall_time, np.float64)
    lengths = {len(a) for a in (*columns.values(), *(() if wall is None else (wall,)))}
    if len(lengths) > 1:
        raise ValueError(f"series {tag!r}: step, value and wall_time differ in length")
    return {**columns, "wall_time": wall}


@dataclass(frozen=True, slots=True)
class Restart(_Value):
    """Training went back to ``step`` (a checkpoint); ``discarded`` logged steps were trained again.

    ``file`` is where the log goes on, ``gap_seconds`` the wall time between the two parts.
    """

    step: int
    discarded: int
    file: str | None = None
    gap_seconds: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Run(_Value):
    """What the log says about one training, no interpretation.

    ``name`` is the path relative to the analysed root, with a suffix ``#2`` where one file holds
    several runs. ``hparams`` are flattened ("optimizer.lr"), from the log and from configuration
    files beside it; ``hparam_sources`` names the file of each.
    """

    name: str
    files: tuple[str, ...]
    format: str
    axis: str
    series: Mapping[str, Series]
    hparams: Mapping[str, Scalar] = field(default_factory=dict)
    hparam_sources: Mapping[str, str] = field(default_factory=dict)
    restarts: tuple[Restart, ...] = ()
    notes: tuple[Note, ...] = ()

    def __post_init__(self) -> None:
        _freeze(self, series=self.series, hparams=self.hparams, hparam_sources=self.hparam_sources)


# ---------------------------------------------------------------------------- what it means


@dataclass(frozen=True, slots=True)
class Quantity(_Value):
    """A number that says its unit; ``unit`` is "" for a ratio."""

    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Clock(_Value):
    """The unit of the run's x axis, and how many x units make one epoch where that is known."""

    unit: ClockUnit
    steps_per_epoch: float | None = None


@dataclass(frozen=True, slots=True)
class Intent(_Value):
    """What the configuration says was meant; None where it says nothing.

    ``scheduler`` and ``arguments`` use the canonical names ("onecycle"; pct_start, T_max …).
    ``sources`` maps each field that is set to where it was read ("hparams.yaml: max_epochs").
    """

    scheduler: str | None = None
    arguments: Mapping[str, Scalar] = field(default_factory=dict)
    lr: float | None = None
    epochs: float | None = None
    total_steps: int | None = None
    batches_per_epoch: int | None = None
    batch_size: int | None = None
    accumulation: int | None = None
    devices: int | None = None
    dataset_size: int | None = None
    unfreeze_epoch: float | None = None
    unfreeze_step: int | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _freeze(self, arguments=self.arguments, sources=self.sources)


@dataclass(frozen=True, slots=True)
class Segment(_Value):
    """One stretch of an LR curve. ``shape`` sees local time ``step - start``; ``residual`` is the
    RMS error over the largest LR of the curve."""

    start: float
    stop: float
    shape: Shape
    residual: float


@dataclass(frozen=True, slots=True)
class Alternative(_Value):
    """Another schedule that this log cannot tell from the one named, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Schedule(_Value):
    """The schedule one param group followed over ``[start, stop)``.

    ``segments`` touch and ascend. ``named`` is what a user would call it, or None; its own time is
    0 at step ``origin`` (before ``start`` where the log lacks its first part). ``logged`` says if a
    value is the LR that step used or the next one's, ``began`` why this took over from another.
    """

    start: int
    stop: int
    segments: tuple[Segment, ...]
    named: NamedSchedule | None
    residual: float
    origin: float = 0.0
    logged: str = "unknown"
    alternatives: tuple[Alternative, ...] = ()
    began: str = ""

    def lr(self, step: npt.ArrayLike) -> Array:
        """LR at each step, ``float64[m]``: of the named schedule where there is one."""
        at = np.asarray(step, dtype=np.float64)
        if self.named is not None:
            return self.named.lr(at - self.origin)
        result = np.full(at.shape, np.nan)
        for index, segment in enumerate(self.segments):
            inside = at >= segment.start if index else np.ones(at.shape, dtype=bool)
            result[inside] = segment.shape.lr(at[inside] - segment.start)
        return result


@dataclass(frozen=True, slots=True, eq=False)
class ParamGroup(_Value):
    """One entry of the optimizer's groups: its logged LR and the schedules it went through.

    ``governs`` is False for a series whose curve does not say how training went: a bias group that
    falls in warm-up, a group at LR 0 throughout beside others that train, a factor logged as an LR.
    """

    name: str
    lr: Series
    schedules: tuple[Schedule, ...]
    governs: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Case(_Value):
    """A run with its meaning: roles, clock, a schedule per param group, what was intended.

    ``signals`` has one series per role, the loss for judgement among them, never LR (that is
    ``param_groups``, governing ones first). ``total_steps`` is the planned length in x units and
    ``finished`` says if it was reached; None if unknown. ``role_reasons``: each tag's role and why.
    """

    run: Run
    signals: Mapping[Role, Series]
    param_groups: tuple[ParamGroup, ...]
    clock: Clock
    intent: Intent = field(default_factory=Intent)
    total_steps: int | None = None
    finished: bool | None = None
    regime: str = "unknown"
    role_reasons: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _freeze(self, signals=self.signals, role_reasons=self.role_reasons)

    @property
    def first(self) -> int:
        """The first step of any LR or signal; 0 for an empty run."""
        return min((int(s.step[0]) for s in self._all() if len(s)), default=0)

    @property
    def last(self) -> int:
        """The last step of any LR or signal; 0 for an empty run."""
        return max((int(s.step[-1]) for s in self._all() if len(s)), default=0)

    def has(self, role: Role) -> bool:
        """Whether the run has a non-empty series of this role."""
        if role is Role.LR:
            return any(len(g.lr) for g in self.param_groups)
        return role in self.signals and len(self.signals[role]) > 0

    def _all(self) -> tuple[Series, ...]:
        judged = (s for r, s in self.signals.items() if r is not Role.EPOCH)
        return (*(g.lr for g in self.param_groups), *judged)


__all__ = [name for name in dict(globals()) if not name.startswith("_") and name[0].isupper()]
