"""One expected file per format from one fixed report; ``--update-golden`` rewrites them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrdoctor.protocols import Renderer
from lrdoctor.reports.github import Github
from lrdoctor.reports.gitlab import Gitlab
from lrdoctor.reports.html import Html
from lrdoctor.reports.json_v1 import JsonV1, read_json
from lrdoctor.reports.junit import Junit
from lrdoctor.reports.markdown import Markdown
from lrdoctor.reports.sarif import Sarif
from lrdoctor.reports.text import Text
from tests.reports.sample_report import sample_report

GOLDEN = Path(__file__).parent / "golden"
RENDERERS: dict[str, Renderer] = {
    "report.json": JsonV1(),
    "report.html": Html(),
    "report.md": Markdown(),
    "report.sarif": Sarif(),
    "report.junit.xml": Junit(),
    "report.gitlab.json": Gitlab(),
    "report.github.txt": Github(),
    "report.txt": Text(),
    "report.quiet.txt": Text(quiet=True),
    "report.verbose.txt": Text(verbose=True, width=100),
    "report.ansi.txt": Text(color=True),
}


@pytest.mark.parametrize("name", RENDERERS)
def test_report_is_as_expected(name: str, request: pytest.FixtureRequest) -> None:
    text = RENDERERS[name].render(sample_report())
    path = GOLDEN / name
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", RENDERERS)
def test_saved_report_renders_to_the_same_bytes(name: str) -> None:
    report = sample_report()
    again = read_json(JsonV1().render(report))
    assert RENDERERS[name].render(again) == RENDERERS[name].render(report)
