from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from lrdoctor.reports.html import Html
from lrdoctor.types import Status
from lrdoctor.verdict import Report, RuleResult
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import (
    healthy,
    late_peak,
    one_run_report,
    sample_report,
    without_lr,
)
from tests.reports.sample_rules import RULES

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects tags with attributes, the text outside style and script, and checks nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self._open: list[str] = []
        self.feed(text)
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"attribute twice in {tag}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in self.raw:
            self.raw[self._open[-1]].append(data)
        else:
            self.text += data

    def values(self, name: str) -> list[str]:
        """All values of an attribute."""
        return [v for _, attrs in self.tags for k, v in attrs.items() if k == name and v]


def page(report: Report) -> Page:
    return Page(Html().render(report))


def test_first_screen_says_what_to_change_in_which_run() -> None:
    text = " ".join(page(sample_report()).text.split())
    verdict = text.index("2 of 5 runs have a learning-rate fault.")
    fix = text.index("Set pct_start to 0.2, so that the LR peaks at epoch 18")
    counts = text.index("files found")
    table = text.index("Checks made")
    assert verdict < fix < counts < table < text.index("Why we think so")
    assert "exp1/onecycle" in text[verdict:fix]


def test_finding_shows_evidence_doubt_fix_and_replay_in_this_order() -> None:
    text = " ".join(page(one_run_report()).text.split()).partition("high confidence")[2]
    parts = ["Why we think so", "tolerance", "What would change our mind", "How to fix it",
             "pct_start=0.2", "Replay", "of loss: 0.4312 → 0.4187", "Checks passed",
             "no param group joins or moves", "How this report was made"]  # fmt: skip
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_policy_admits_exactly_the_style_and_the_script_of_the_page() -> None:
    html = page(sample_report())
    (policy,) = [v for v in html.values("content") if "default-src" in v]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = html.raw[tag]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_nothing_is_loaded_and_nothing_runs_inline() -> None:
    html = page(sample_report())
    for tag, attributes in html.tags:
        assert tag not in {"img", "link", "iframe", "object", "embed", "form", "base"}
        assert not {"style", "src"} & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith(("#", "https://"))


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    html = page(sample_report())
    ids = html.values("id")
    assert len(ids) == len(set(ids))
    targets = [v[1:] for v in html.values("href") if v.startswith("#")]
    targets += [v for values in html.values("aria-labelledby") for v in values.split()]
    assert set(targets) <= set(ids)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(name: str) -> None:
    plain, html = page(sample_report()), page(hostile_report(name))
    assert {tag for tag, _ in html.tags} <= {tag for tag, _ in plain.tags}
    assert html.raw["script"] == plain.raw["script"]
    assert html.raw["style"] == plain.raw["style"]
    known = {key for _, attributes in plain.tags for key in attributes} | {"title"}
    assert {key for _, attributes in html.tags for key in attributes} <= known


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_invisible_character_gets_out(name: str) -> None:
    html = Html().render(hostile_report(name))
    html.encode("utf-8")
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", html
    )


def test_template_code_in_a_name_is_shown_as_it_stands() -> None:
    text = page(hostile_report("{{7*7}}")).text
    assert "{{7*7}}" in text
    assert "49" not in text


def test_long_names_are_shortened_in_the_middle_with_the_whole_in_reach() -> None:
    html = page(hostile_report("start/" + "x" * 400 + "/end"))
    assert any(len(title) == 410 for title in html.values("title"))
    assert "start/x" in html.text
    assert "x/end" in html.text


def test_healthy_run_says_what_was_checked_and_what_could_not_be() -> None:
    results = (
        *(RuleResult(rule, Status.PASSED) for rule in RULES[:3]),
        *(RuleResult(r, Status.NOT_APPLICABLE, reason="the log has no loss") for r in RULES[3:]),
    )
    run = replace(healthy(), results=results)
    text = " ".join(page(replace(one_run_report(), diagnoses=(run,))).text.split())
    assert "No learning-rate fault in 1 run." in text
    assert "2 of 5 checks could not be made" in text
    assert "the log has no loss" in text


def test_run_that_could_not_be_judged_does_not_look_healthy() -> None:
    text = " ".join(page(replace(one_run_report(), diagnoses=(without_lr(),))).text.split())
    assert "Nothing was judged" in text
    assert "does not mean that this run is healthy: the log has no learning rate" in text
    assert "no fault" not in text


def test_remarks_do_not_look_like_faults() -> None:
    html = page(sample_report())
    text = " ".join(html.text.split())
    table, remarks = text.index("What to change, most costly first"), text.index("no action needed")
    assert "exp2/constant" not in text[table : text.index("Checks made")]
    assert "exp2/constant" in text[remarks : text.index("Not read")]
    assert "remark LRD402" in text[table:remarks]


def test_first_correction_is_named_where_the_costliest_fault_has_none() -> None:
    report = sample_report()
    first, *others = report.diagnoses
    text = page(replace(report, diagnoses=(replace(first, candidates=()), *others))).text
    assert "No ready correction" in text
    assert "First correction at hand, for exp1/multistep: Replace the drop" in " ".join(
        text.split()
    )


def test_code_in_a_message_is_code_and_nothing_else_is_markup() -> None:
    run = late_peak()
    result, *rest = run.results
    assert result.finding is not None
    finding = replace(result.finding, message="write `lr` <b> [a](https://b.c) **d**")
    told = replace(run, results=(replace(result, finding=finding), *rest))
    html = Html().render(replace(one_run_report(), diagnoses=(told,)))
    assert "Write <code>lr</code> &lt;b&gt; [a](https://b.c) **d**." in html


def test_empty_report_says_so() -> None:
    report = Report((), (), "0.1.0", "sha256:0", ("analyze", "."), RULES)
    assert "Nothing was analysed: no run found." in page(report).text


def test_one_run_is_small() -> None:
    size = len(Html().render(one_run_report()).encode())
    assert size <= 60_000


def test_figures_have_a_description() -> None:
    labels = page(one_run_report()).values("aria-label")
    (summary,) = [label for label in labels if label.startswith("Charts over")]
    assert "learning rate, linear axis: lr/head, lr/backbone, corrected lr/head" in summary
    assert "Shaded: steps 1,800–2,700." in summary
