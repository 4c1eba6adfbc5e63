"""Whatever a name holds, what programs read still parses, and a second reading changes nothing."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrdoctor.cli._github import defused
from lrdoctor.plugins import discover
from lrdoctor.reports.json_v1 import JsonV1, read_json
from tests.reports.cases import with_baseline
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import sample_report

# Surrogates, controls and what Unicode has not assigned are among them.
TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    [*NAMES.values()]
)


def rendered(name: str) -> dict[str, str]:
    """Every format of a report in which every text is ``name``, saved and read back before."""
    report = read_json(JsonV1().render(hostile_report(name)))
    return {kind: renderer().render(report) for kind, renderer in discover("reports").items()}


@settings(deadline=None, max_examples=40)
@given(TEXT)
def test_every_format_parses(name: str) -> None:
    texts = rendered(name)
    for kind in ("json", "sarif", "gitlab"):
        json.loads(texts[kind])
    Xml.fromstring(texts["junit"].encode())
    for kind in ("html", "markdown", "text", "junit", "github"):
        texts[kind].encode()
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u2028-\u202e\u2066-\u2069]", texts[kind])
    commands = [line for line in texts["github"].splitlines() if line.startswith("::")]
    assert len(commands) == 1
    for line in defused(texts["text"]).splitlines():
        assert not line.lstrip().startswith("::") and "##[" not in line


@pytest.mark.parametrize("kind", sorted(discover("reports")))
def test_every_format_counts_or_tells_suppressed_and_known_findings(kind: str) -> None:
    renderer = discover("reports")[kind]()
    assert re.search(r"suppress", renderer.render(sample_report()), re.IGNORECASE)
    assert re.search(r'known (before|since)|"known": 1', renderer.render(with_baseline()))
