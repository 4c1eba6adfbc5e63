"""How far the fitted schedules of real runs agree with what somebody saw in them.

    python -m benchmarks.manifest_schedules FOLDER

FOLDER holds a MANIFEST.csv with the columns ``path`` (from the folder above FOLDER, or from it) and
``schedule_seen`` (free text), and the runs. Where the text is definite it is one of the families
below; each disagreement is printed with both readings.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lrdoctor.api import read_runs
from lrdoctor.case import build_case
from lrdoctor.errors import LrdoctorError
from lrdoctor.types import ParamGroup, Schedule

RISING = "only rising"
_CUTS = frozenset({"step", "multistep", "reduce_on_plateau"})
# What a text says, the first that is found in it; an empty set where it leaves the family open. A
# decay is open where it was cut off, or where the curve that was tried missed by 3 % and more.
_READINGS: tuple[tuple[str, frozenset[str]], ...] = (
    (r"no LR logged|too few points|all zeros|several|three .* runs|very slow", frozenset()),
    (r"partial decay|upward jump", frozenset()),
    (r"fit error 0\.(0[3-9]|[1-9])", frozenset()),
    (r"ReduceLROnPlateau|step/multistep", _CUTS),
    (r"rising only", frozenset({RISING})),
    (r"WSD|hold \d+%.*decay", frozenset({"wsd"})),
    (r"linear decay", frozenset({"linear"})),
    (r"cosine decay", frozenset({"cosine"})),
    (r"poly ?0\.9", frozenset({"polynomial"})),
    (r"constant", frozenset({"constant"})),
)


def main() -> None:
    """Prints the agreement and each disagreement."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    agreed, definite, disagreements = 0, 0, []
    for path, text in _rows(folder):
        families = expected(text)
        if not families:
            continue
        definite += 1
        found = _found(path, text)
        if any(_agrees(families, schedules) for _, schedules in found):
            agreed += 1
        else:
            disagreements.append((path, text, found))
    for path, text, found in disagreements:
        print(f"{path.relative_to(folder.parent)}\n    seen:   {text}")
        for name, schedules in found:
            print(f"    fitted: {name}: {'; '.join(_shown(s) for s in schedules)}")
    share = 100.0 * agreed / definite if definite else 0.0
    print(f"{agreed} of {definite} definite schedules agree ({share:.1f} %)")


def expected(text: str) -> frozenset[str]:
    """The families that a text allows; empty where it leaves that open."""
    for pattern, families in _READINGS:
        if re.search(pattern, text):
            return families
    return frozenset()


def _rows(folder: Path) -> Iterator[tuple[Path, str]]:
    with (folder / "MANIFEST.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            beside, above = folder / row["path"], folder.parent / row["path"]
            yield (above if above.exists() else beside), row["schedule_seen"]


def _found(path: Path, text: str) -> list[tuple[str, tuple[Schedule, ...]]]:
    """The schedules of each param group, or of the one named in brackets."""
    try:
        cases = [build_case(run) for run in read_runs([path])]
    except LrdoctorError as error:
        return [(str(error), ())]
    groups = [group for case in cases for group in case.param_groups]
    named = re.search(r"\[(.+)\]", text)
    own = [g for g in groups if named and _is(g, named[1])]
    return [(g.name, g.schedules) for g in own or groups]


def _is(group: ParamGroup, name: str) -> bool:
    return name in (group.name, group.lr.tag)


def _agrees(families: frozenset[str], schedules: Sequence[Schedule]) -> bool:
    """Whether all schedules of a group are of the families."""
    return bool(schedules) and all(_family(s) in families for s in schedules)


def _family(schedule: Schedule) -> str:
    if schedule.named is not None:
        return schedule.named.name
    return RISING if schedule.alternatives else "no name"


def _shown(schedule: Schedule) -> str:
    values = "" if schedule.named is None else f" {dict(schedule.named.parameters())}"
    others = ", ".join(sorted({a.name for a in schedule.alternatives}))
    return (
        f"{_family(schedule)}{values}, misses by {schedule.residual:.1e}"
        f"{f', or {others}' if others else ''}"
    )


if __name__ == "__main__":
    main()
