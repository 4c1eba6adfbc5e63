"""Hostile names from the disk to every report: all of it printable, all of it parses."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

import lrdoctor
from lrdoctor.plugins import discover
from lrdoctor.verdict import Report
from tests.reports.hostile import NAMES

# A file name takes 255 bytes, neither a slash nor NUL; a tag takes what a cell takes.
FILE_NAMES = {
    key: name.replace("/", "").replace("\0", "")[:80]
    for key, name in NAMES.items()
    if key != "surrogate"
} | {"bytes": b"a\x80b\xff".decode("utf-8", "surrogateescape")}
VISIBLE = re.compile(
    r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*"
)


def write_run(folder: Path, name: str, tag: str) -> None:
    """A constant LR of 0 after a third of the run, under hostile names for everything."""
    run = folder / name
    run.mkdir(parents=True)
    with (run / "metrics.csv").open("w", newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.writer(file)
        tag = tag.replace("|", "")  # as many as to look like the delimiter
        rows.writerow(["step", "train_loss", f"lr/{tag}", f"lr/{tag}2"])
        for step in range(300):
            lr = 0.1 * max(1 - step / 100, 0)
            loss = 0.3 + 2 * math.exp(-step / 40) + 0.01 * math.sin(step)
            rows.writerow([step, loss, lr, lr / 10])
    (run / "hparams.yaml").write_text(json.dumps({tag: tag, "epochs": 3}), encoding="utf-8")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The report on a run per hostile name, read from the disk."""
    root = tmp_path_factory.mktemp("logs")
    for key, name in FILE_NAMES.items():
        try:
            write_run(root / key, name, NAMES.get(key, name))
        except OSError:  # a file system without such names
            write_run(root / key, "plain", NAMES.get(key, name))
    (root / "bad\n::error::x.csv.gz").write_bytes(b"\x1f\x8b\x00")
    return lrdoctor.analyze(root)


def strings(value: object) -> Iterator[str]:
    """Every text in parsed JSON, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from (key, *strings(inner))
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def test_runs_were_judged_and_something_was_found(report: Report) -> None:
    assert len(report.diagnoses) == len(FILE_NAMES)
    assert "bad\\n::error::x.csv.gz" in report.unreadable[0].path
    assert all(d.judged for d in report.diagnoses)
    assert all(d.findings for d in report.diagnoses)


def test_nothing_that_was_read_is_unprintable(report: Report) -> None:
    for diagnosis in report.diagnoses:
        texts = [
            diagnosis.run,
            *diagnosis.files,
            *diagnosis.hparams,
            *map(str, diagnosis.hparams.values()),
        ]
        texts += [c.tag for c in diagnosis.curves] + [f.message for f in diagnosis.findings]
        texts += [n.message for n in diagnosis.notes]
        for text in texts:
            assert text.isprintable(), ascii(text)
            assert len(diagnosis.run) <= 200


@pytest.mark.parametrize("kind", sorted(discover("reports")))
def test_every_format_is_free_of_hidden_characters(report: Report, kind: str) -> None:
    text = lrdoctor.render(report, kind)
    assert VISIBLE.fullmatch(text), kind
    text.encode()  # and so can be written


@pytest.mark.parametrize("kind", ["json", "sarif", "gitlab"])
def test_json_parses_and_holds_no_hidden_characters(report: Report, kind: str) -> None:
    for text in strings(json.loads(lrdoctor.render(report, kind))):
        assert VISIBLE.fullmatch(text), ascii(text)


def test_xml_parses(report: Report) -> None:
    root = Xml.fromstring(lrdoctor.render(report, "junit").encode())
    assert len(root) == len(FILE_NAMES) + 1


@pytest.mark.parametrize("kind", ["text", "github", "markdown"])
def test_no_name_starts_a_line_as_a_command(report: Report, kind: str) -> None:
    from lrdoctor.cli._github import defused

    text = lrdoctor.render(report, kind)
    lines = text.splitlines() if kind == "github" else defused(text).splitlines()
    commands = [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
    if kind == "github":
        assert all(re.match(r"::(error|warning|notice) file=", line) for line in commands)
        assert len(commands) == 10
    else:
        assert commands == []


class Elements(HTMLParser):
    """Collects what an HTML page would run."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.handlers: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.images += tag == "img"
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag == "script":
            self.scripts.append(dict(attrs).get("src") or "inline")


def test_html_gains_no_element_from_a_name(report: Report) -> None:
    page = Elements()
    page.feed(lrdoctor.render(report, "html"))
    assert (page.images, page.handlers) == (0, [])
    assert page.scripts == ["inline"]
    assert "{{7*7}}" in lrdoctor.render(report, "html")
