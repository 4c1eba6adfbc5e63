"""What a job on GitHub gets without being asked for: annotations and a summary of the step."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lrdoctor.errors import ConfigError

if TYPE_CHECKING:
    from lrdoctor.verdict import Report


def is_action() -> bool:
    """Whether this process runs in a job of GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def defused(text: str) -> str:
    """The text without anything that the runner would take for a command of ours.

    It reads ``::error …`` at the start of a line, blanks before it included, and ``##[error]``
    anywhere, and a run may be called so.
    """
    return re.sub(r"(?m)^(\s*:)(?=:)|(#)(?=#\[)", r"\1\2 ", text)


def summarise(report: Report) -> None:
    """Adds the report to the step's summary, as much as still fits. Raises ``ConfigError``."""
    from lrdoctor.reports.markdown import Markdown

    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        file = Path(path)
        used = file.stat().st_size if file.exists() else 0
        text = Markdown(limit=max(Markdown.MOST_BYTES - used, 0)).render(report)
        with file.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"cannot write the job summary: {reason}", path) from error
