"""Annotations of GitHub Actions, as commands that a runner reads from the output of a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.gate import NOTHING_READ, exit_code
from lrdoctor.reports._ci import Item, advice, items, log_file, message, run_name, title, totals
from lrdoctor.reports._format import count
from lrdoctor.reports._view import view
from lrdoctor.types import Severity
from lrdoctor.verdict import Report

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


@dataclass(frozen=True, slots=True)
class Github:
    """The ``most`` costly findings, then verdict and counts as plain text: GitHub shows ten
    annotations of a kind and step."""

    name: ClassVar[str] = "github"
    suffix: ClassVar[str] = ""  # made for standard output; no file name asks for it
    most: int = 10

    def render(self, report: Report) -> str:
        """A command per line."""
        seen = view(report)
        told = [item for item in items(seen) if item.accepted is None]
        lines = [_command(item) for item in told[: self.most]]
        left = len(told) - len(lines)
        if exit_code(report) == NOTHING_READ:
            lines.append(f"::warning title=lrdoctor::{_data(seen.verdict)}")
        more = f" {count(left, 'more finding')} in the job summary." if left else ""
        lines.append(f"lrdoctor: {seen.verdict}{more} ({totals(seen)})")
        return "\n".join(lines) + "\n"


def _command(item: Item) -> str:
    text = "\n".join([f"{run_name(item.diagnosis)}: {message(item)}", *advice(item)])
    place = {"file": log_file(item.diagnosis), "title": title(item.finding)}
    properties = ",".join(f"{key}={_property(value)}" for key, value in place.items())
    return f"::{_COMMAND[item.finding.severity]} {properties}::{_data(text)}"


def _data(text: str) -> str:
    """Escaped as the runner unescapes the text of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escaped as the runner unescapes the value of a property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
