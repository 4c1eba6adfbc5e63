"""What lrdoctor says of real runs, beside what a person saw in them.

    python -m benchmarks.manifest FOLDER

``FOLDER/MANIFEST.csv`` has a row per run: ``path`` (from FOLDER's parent) and ``pathologies_seen``
("none", or labels separated by semicolons; "unsure:" before a label that was not clear). Prints the
share of healthy runs with a warning or error, and for every other run the labels and the findings.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from lrdoctor.api import analyze
from lrdoctor.types import Severity
from lrdoctor.verdict import Finding


def main() -> None:
    """Prints the findings of each labelled run, false alarms first."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with (folder / "MANIFEST.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    calm = [row for row in rows if row["pathologies_seen"].strip() == "none"]
    alarms = 0
    for row in calm:
        loud = [f for f in findings(folder.parent / row["path"]) if _loud(f)]
        alarms += bool(loud)
        for finding in loud:
            print(f"alarm {row['path']}: {_line(finding)}")
    print(f"\nhealthy runs with a warning or error: {alarms} of {len(calm)}\n")
    for row in rows:
        if row not in calm:
            found = [_line(f) for f in findings(folder.parent / row["path"])]
            print(f"{row['pathologies_seen']:45} {row['path']}: {'; '.join(found) or 'nothing'}")


def findings(path: Path) -> list[Finding]:
    """Everything found in the runs at ``path``."""
    return [f for d in analyze(path).diagnoses for f in d.findings]


def _loud(finding: Finding) -> bool:
    return finding.severity.rank >= Severity.WARNING.rank


def _line(finding: Finding) -> str:
    return f"{finding.severity} {finding.rule.code} {finding.message[:150]}"


if __name__ == "__main__":
    main()
