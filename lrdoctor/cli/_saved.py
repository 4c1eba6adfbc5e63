"""Reads reports that ``lrdoctor analyze --format json:FILE`` saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.errors import ConfigError

if TYPE_CHECKING:
    from lrdoctor.verdict import Report

_MARK = '"lrdoctor-report"'


def read_saved(path: str) -> Report:
    """The report in a file. Raises ``ConfigError`` where it is none."""
    from lrdoctor.reports.json_v1 import read_json

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"not a readable JSON report: {error}", path) from error
    try:
        return read_json(text)
    except ConfigError as error:
        raise ConfigError(error.reason, path, error.line) from error


def is_saved(path: str) -> bool:
    """Whether a file begins as such a report does; a log in JSON does not."""
    if not path.endswith(".json") or not Path(path).is_file():
        return False
    with Path(path).open(encoding="utf-8", errors="replace") as file:
        return _MARK in file.read(200)
