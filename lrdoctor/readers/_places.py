"""Which folders are one training: log folders that frameworks nest belong to the one above."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lrdoctor.readers._sidecar import NAMES, PARENTS, UNREAD
from lrdoctor.readers._text import folder_of
from lrdoctor.readers._url import is_remote
from lrdoctor.readers._walk import Met, slashed

_NESTED = re.compile(r"(?:vis_data|tf_logs|tensorboard|tb|checkpoint-\d+)")
_WANDB_RUN = re.compile(r"(?:offline-)?run-.+")
SETTINGS = frozenset((*NAMES, *UNREAD))
_ABOVE_BUCKET = 2  # slashes of a URL without a path
_HIDDEN = tuple(name for name in NAMES if "/" in name)


@dataclass(frozen=True, slots=True)
class Near:
    """Configuration files in the folder of a log and in those above it that may be meant for it.

    ``shared`` says whether such a folder above has other folders, whose runs they might be for.
    """

    settings: tuple[str, ...] = ()
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one training, or of a collection, with every log of it and what is near."""

    folder: str
    logs: Mapping[str, Near]


@dataclass(slots=True)
class Gathering:
    """Collects logs by place while a tree is walked; holds only what is not complete yet."""

    _pending: dict[str, dict[str, Near]] = field(default_factory=dict)
    _trainers: set[str] = field(default_factory=set)
    _waiting: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _settings: dict[str, Near] = field(default_factory=dict)

    def meet(self, met: Met, logs: Sequence[str]) -> None:
        """Takes in a folder whose ``logs`` may be training logs."""
        own = [p for p in met.files if os.path.basename(p) in SETTINGS]  # noqa: PTH119
        hidden = (name for name in _HIDDEN if name.partition("/")[0] in met.hidden)
        own += [
            met.inside.get(name) or os.path.join(met.folder, name)  # noqa: PTH118
            for name in hidden
        ]
        self._settings[met.folder] = Near(tuple(own), bool(own) and met.below > 1)
        if not logs:
            return
        near, place = self._near(met.folder), home(met.folder)
        self._pending.setdefault(place, {}).update(dict.fromkeys(logs, near))
        if any("trainer_state.json" in log for log in logs):
            self._trainers.add(place)

    def leave(self, folder: str) -> Iterator[Place]:
        """The places that are complete once all below ``folder`` has been met."""
        self._settings.pop(folder, None)
        for place in self._waiting.pop(folder, ()):
            if folder in self._trainers:
                self._pending[folder] |= self._pending.pop(place)
            else:
                yield Place(place, self._pending.pop(place))
        self._trainers.discard(folder)
        if folder not in self._pending:
            return
        above = _above_runs(folder)
        if above is None:
            yield Place(folder, self._pending.pop(folder))
        else:
            self._waiting[above].append(folder)

    def rest(self) -> Iterator[Place]:
        """The places whose folder is above the root of the tree."""
        for place in sorted(self._pending):
            yield Place(place, self._pending[place])
        self._pending.clear()
        self._waiting.clear()

    def _near(self, folder: str) -> Near:
        settings: list[str] = []
        shared = False
        for level in range(PARENTS + 1):
            near = self._settings.get(folder)
            if near is None:
                break
            settings += near.settings
            shared |= level > 0 and near.shared
            folder = folder_of(folder)
        return Near(tuple(settings), shared)


def home(folder: str) -> str:
    """The folder of the whole training: log folders that frameworks nest are stripped."""
    if is_remote(folder) and folder.count("/") == _ABOVE_BUCKET:
        return folder
    parent, name = os.path.split(folder)
    run, metrics, _ = f"{slashed(folder)}/".rpartition("/metrics/")
    if run and metrics:  # MLflow: a metric's name may hold slashes, each a folder
        return run
    if parent and (_NESTED.fullmatch(name) or (name == "files" and _is_wandb(parent))):
        return home(parent)
    return folder


def _above_runs(folder: str) -> str | None:
    """The folder whose training this may belong to: Hugging Face writes event files to
    ``runs/<date>/`` beside its checkpoints; ``runs`` means nothing without such a neighbour."""
    above, runs = os.path.split(folder_of(folder))
    return above if runs == "runs" else None


def _is_wandb(folder: str) -> bool:
    return _WANDB_RUN.fullmatch(os.path.basename(folder)) is not None  # noqa: PTH119
