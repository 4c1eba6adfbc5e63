"""What the outer parameters of the loss laws have in common from one family of models to the next.

    python -m benchmarks.replay.priors FOLDER [--only mpl,schaipp]

Each model's curves are fitted together under wide priors; the medians and spreads over families
are what ``lrdoctor/replay/law/laws.py`` holds as priors. ``--without`` leaves out the family that
is to be predicted with priors of other families only.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.replay.curves import Logged, by_family, load_groups
from lrdoctor.replay.law.laws import LAWS, Scale
from lrdoctor.replay.law.path import points_of
from lrdoctor.replay.law.solve import fit_law

_WIDER = 3.0
_CURVES = 10


def main() -> None:
    """Prints mean and standard deviation of each outer parameter."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="parts of the names of groups, with commas")
    parser.add_argument("--without", default="", help="families left out, with commas")
    options = parser.parse_args()
    families = by_family(load_groups(options.folder, options.only))
    for name in options.without.split(","):
        families.pop(name, None)
    print_priors(families)


def print_priors(families: dict[str, list[list[Logged]]]) -> None:
    """A line per outer parameter; a model is fitted as one, each family counts once."""
    for law in LAWS:
        wide = {name: (mean, _WIDER * spread) for name, (mean, spread) in law.priors.items()}
        outer: dict[str, list[np.ndarray]] = defaultdict(list)
        for family, models in families.items():
            for curves in models:
                points = tuple(points_of(c.run) for c in curves[:_CURVES])
                scale = Scale(max(p.path.peak for p in points), max(p.path.length for p in points))
                outer[family].append(fit_law(replace(law, priors=wide), points, scale).outer)
        centre = np.median([np.median(v, axis=0) for v in outer.values()], axis=0)
        everything = np.concatenate(list(outer.values()))
        spread = 1.4826 * np.median(np.abs(everything - centre), axis=0)
        for name, mean, sd in zip(law.priors, centre, spread, strict=True):
            print(f"{law.name:14}{name:10} mean {mean:7.2f}  standard deviation {sd:5.2f}")


if __name__ == "__main__":
    main()
