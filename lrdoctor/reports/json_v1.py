"""The public machine interface, version 1: fields are added, never renamed or re-typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lrdoctor.reports._json_read import read_json
from lrdoctor.reports._json_write import document, pretty
from lrdoctor.verdict import Report

__all__ = ["JsonV1", "read_json"]


@dataclass(frozen=True, slots=True)
class JsonV1:
    """Everything in a report as JSON; ``read_json`` is its inverse.

    NaN and the infinities are the strings "nan", "inf" and "-inf". Rules stand sorted by code,
    hyper-parameters by name, everything else in the order of the report.
    """

    name: ClassVar[str] = "json"
    suffix: ClassVar[str] = ".json"

    def render(self, report: Report) -> str:
        """The whole document, ASCII, ending in a newline."""
        return pretty(document(report)) + "\n"
