from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.reports import _format as fmt
from lrdoctor.reports._prose import plain, prose
from lrdoctor.types import ClockUnit
from tests.reports.hostile import NAMES

anything = st.text(st.characters(), max_size=200)


@given(anything)
def test_visible_text_holds_nothing_invisible_and_is_stable(text: str) -> None:
    shown = fmt.visible(text)
    shown.encode("utf-8")
    assert all(c in "\n\t" or unicodedata.category(c)[0] != "C" for c in shown)
    assert fmt.visible(shown) == shown


def test_ordinary_text_is_left_alone() -> None:
    for text in ("train/loss", "学習率 é ½ – …", "a\nb\tc"):
        assert fmt.visible(text) == text


def test_bidi_override_is_spelled_out() -> None:
    assert fmt.visible("a\u202eb\x1b\x00") == "a\\u202eb\\x1b\\x00"


@given(anything, st.integers(8, 60))
def test_middle_fits(text: str, width: int) -> None:
    short = fmt.middle(text, width)
    assert fmt.cells(short) <= width
    assert short == text or "…" in short


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"])), st.integers(8, 60))
def test_wrapped_lines_fit_and_lose_nothing(text: str, width: int) -> None:
    lines = list(fmt.wrap(text, width))
    assert all(fmt.cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_are_kept_whole_where_they_fit() -> None:
    assert list(fmt.wrap("one two three four", 9)) == ["one two", "three", "four"]


@pytest.mark.parametrize(
    ("start", "stop", "unit", "text"),
    [
        (300, 900, ClockUnit.OPTIMIZER_STEP, "steps 300–900"),
        (300, 301, ClockUnit.BATCH, "batch 300"),
        (12000, 24000, ClockUnit.BATCH, "batches 12,000–24,000"),
        (1, 3, ClockUnit.EPOCH, "epochs 1–3"),
    ],
)
def test_span(start: int, stop: int, unit: ClockUnit, text: str) -> None:
    assert fmt.span(start, stop, unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "none"),
        (20240101, "20240101"),
        (1.0, "1"),
        (0.000123456, "0.000123456"),
        (float("nan"), "nan"),
        ((1.0, 2.5), "1, 2.5"),
        ("SGD", "SGD"),
    ],
)
def test_scalar(value: object, text: str) -> None:
    assert fmt.scalar(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0213, "0.021 s"), (90, "90 s"), (300, "5 min"), (9000, "2.5 h")]
)
def test_duration(seconds: float, text: str) -> None:
    assert fmt.duration(seconds) == text


def test_changed_lines_leave_headers_out() -> None:
    assert fmt.changed_lines("--- a\n+++ b\n@@\n x\n-old\n+new\n") == ["-old", "+new"]


def test_sentence_leaves_names_alone() -> None:
    assert fmt.sentence("loss rises") == "Loss rises"
    assert fmt.sentence("lr/head falls") == "lr/head falls"
    assert fmt.sentence("") == ""


def test_prose_knows_paragraphs_lists_code_bold_and_links() -> None:
    html = prose("Use `a<b`, **now**.\n\n- one\n- [two](https://x.org/?a=1&b=2)")
    assert html == (
        "<p>Use <code>a&lt;b</code>, <strong>now</strong>.</p><ul><li>one</li>"
        '<li><a href="https://x.org/?a=1&amp;b=2" rel="noreferrer">two</a></li></ul>'
    )


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_prose_lets_no_markup_through(name: str) -> None:
    html = str(prose(name))
    for tag in ("<img", "<script", "</style", 'javascript:alert(1)">', "onmouseover='"):
        assert tag not in html


def test_plain_drops_the_marks() -> None:
    assert plain("Use `a`, **now**.") == "Use a, now."


def test_long_line_of_a_diff_is_continued_not_cut() -> None:
    line = "+    scheduler = CosineAnnealingLR(optimizer, T_max=384, eta_min=0.0)"
    parts = list(fmt.code_lines(line, 40))
    assert parts[0].startswith("+    scheduler")
    assert all(part.startswith("+") and len(part) <= 40 for part in parts)
    assert "".join("".join(p[1:].split()) for p in parts) == "".join(line[1:].split())
