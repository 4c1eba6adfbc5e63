"""Pages in a real browser: what they show, what they do, and what they let nobody do."""

from __future__ import annotations

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrdoctor.reports._compare import compare
from lrdoctor.reports._compare_page import page as compare_page
from lrdoctor.reports._site import site
from lrdoctor.reports.html import Html
from lrdoctor.types import Role
from tests.reports import browser as chrome
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import healthy, late_peak, loss_jump, sample_report

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing() or "")
BAD = "default-src 'none'; img-src 'self'; style-src 'self';"
FIGURE = ".finding .chart"


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    with chrome.launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample report as one file and as a folder, and a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "report.html").write_text(Html().render(sample_report()), encoding="utf-8")
    runs = [late_peak(), replace(late_peak(), run="other"), healthy()]
    (folder / "compare.html").write_text(compare_page(compare(runs)), encoding="utf-8")
    for name, text in site(sample_report()):
        (folder / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "site" / name).write_text(text, encoding="utf-8")
    return folder


class Tab:
    """A page with what it complained about and asked for."""

    def __init__(self, browser: Any, path: Path | str, **options: Any) -> None:
        self.context = browser.new_context(
            **{"viewport": {"width": 1200, "height": 900}, **options}
        )
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.goto(path.as_uri() if isinstance(path, Path) else path)

    def __enter__(self) -> Any:
        return self.page

    def __exit__(self, *_: object) -> None:
        self.context.close()


def window(page: Any) -> tuple[float, float]:
    """Left end and width of what the first chart shows, in shares of its x axis."""
    view = page.locator(FIGURE).first.locator(".view").first
    width = 100 / float(view.get_attribute("width").rstrip("%"))
    left = view.get_attribute("x")
    return (-float(left.rstrip("%")) / 100 * width if left else 0.0), width


def step_in(chart: Any) -> int:
    """The step whose values a chart shows."""
    told = chart.locator(".readout").inner_text()
    return int(re.search(r"step ([\d,]+) \(epoch", told)[1].replace(",", ""))


@pytest.mark.parametrize("name", ["report.html", "compare.html", "site/index.html"])
def test_page_loads_without_a_complaint_or_a_request_elsewhere(
    opened: Any, files: Path, name: str
) -> None:
    tab = Tab(opened, files / name)
    with tab as page:
        assert page.locator("h1").count() == 1
        assert tab.complaints == []
        assert all(url.startswith(files.as_uri()) for url in tab.asked)


def test_first_screen_says_what_to_change_in_which_run(opened: Any, files: Path) -> None:
    with Tab(opened, files / "report.html") as page:
        for text in ("2 of 5 runs have", "exp1/onecycle", "Set pct_start to 0.2", "Start here"):
            box = page.get_by_text(text).first.bounding_box()
            assert box is not None and box["y"] + box["height"] < 900, text


def test_pointer_reads_the_logged_values(opened: Any, files: Path) -> None:
    with Tab(opened, files / "report.html") as page:
        chart = page.locator(FIGURE).first
        chart.scroll_into_view_if_needed()
        box = chart.locator(".plot").first.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 40)
        told, step = chart.locator(".readout").inner_text(), step_in(chart)
    lr = next(c.series for c in late_peak().curves if c.role is Role.LR)
    assert abs(step - 0.3 * 8970) < 0.02 * 8970
    logged = lr.value[np.flatnonzero(lr.step == step)[0]]
    assert float(re.search(r"lr/head ([\d.e-]+)", told)[1]) == pytest.approx(logged, rel=1e-3)
    assert re.search(r"predicted loss [\d.]+ \([\d.]+–[\d.]+\)", told)


def test_keys_read_zoom_move_and_show_all(opened: Any, files: Path) -> None:
    with Tab(opened, files / "report.html") as page:
        chart = page.locator(FIGURE).first
        ticks = chart.locator(".axis").first.text_content
        all_ticks = ticks()
        chart.focus()
        page.keyboard.press("ArrowRight")
        assert step_in(chart) == pytest.approx(0.51 * 8970, abs=80)
        page.keyboard.press("+")
        page.keyboard.press("+")
        left, width = window(page)
        assert width == pytest.approx(0.25) and left < 0.51 < left + width
        assert ticks() != all_ticks
        for _ in range(12):
            page.keyboard.press("PageDown")
        moved, _ = window(page)
        assert moved > left
        page.keyboard.press("0")
        assert window(page) == (0, 1)
        assert page.locator(FIGURE).first.get_attribute("class") == "chart"


def test_wheel_zooms_where_the_pointer_is_once_the_chart_was_clicked(
    opened: Any, files: Path
) -> None:
    with Tab(opened, files / "report.html") as page:
        chart = page.locator(FIGURE).first
        chart.scroll_into_view_if_needed()
        box = chart.locator(".plot").first.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50)
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(100)
        assert window(page) == (0, 1)  # the page scrolls instead
        chart.scroll_into_view_if_needed()
        box = chart.locator(".plot").first.bounding_box()
        at = (box["x"] + box["width"] * 0.8, box["y"] + 50)
        page.mouse.click(*at)
        page.mouse.wheel(0, -200)
        page.wait_for_function(f"document.querySelector('{FIGURE} .view').getAttribute('x')")
        left, width = window(page)
        assert width == pytest.approx(0.5)
        assert left + 0.8 * width == pytest.approx(0.8, abs=0.01)
        page.mouse.down()
        page.mouse.move(at[0] + box["width"] * 0.2, at[1])
        page.mouse.up()
        assert window(page)[0] == pytest.approx(left - 0.1, abs=0.01)
        page.mouse.dblclick(*at)
        assert window(page) == (0, 1)


def test_touch_reads_values(opened: Any, files: Path) -> None:
    options = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    with Tab(opened, files / "report.html", **options) as page:
        chart = page.locator(FIGURE).first
        chart.scroll_into_view_if_needed()
        box = chart.locator(".plot").first.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] * 0.25, box["y"] + 20)
        assert step_in(chart) == pytest.approx(0.25 * 8970, abs=80)


def test_copy_button_copies_the_change(opened: Any, files: Path) -> None:
    (fix,) = late_peak().candidates
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    with Tab(opened, files / "report.html", **options) as page:
        page.get_by_role("button", name="Copy").first.click()
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == fix.diff.rstrip("\n")


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_are_shown_and_do_nothing(opened: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(Html().render(hostile_report(name)), encoding="utf-8")
    tab = Tab(opened, path, viewport={"width": 390, "height": 800})
    tab.page.on("dialog", lambda d: tab.complaints.append(d.message))
    with tab as page:
        page.locator(FIGURE).first.hover()
        assert tab.complaints == []
        assert page.title() == "lrdoctor: 1 of 1 run has a learning-rate fault."
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_nothing_executes_even_where_the_escaping_is_taken_out(opened: Any, tmp_path: Path) -> None:
    attack = (
        '<img src=x onerror="window.done=1"><script>window.done=1</script>'
        '<svg onload="window.done=1"></svg>'
        '<iframe srcdoc="<script>parent.done=1</script>"></iframe>'
        '<a id="go" href="javascript:window.done=1">go</a><style>h1 { display: none }</style>'
        '<form action="https://example.org"><button id="send">send</button></form>'
    )
    text = Html().render(sample_report()).replace("<h1>", attack + "<h1>", 1)
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    tab = Tab(opened, path)
    with tab as page:
        for target in ("go", "send"):
            page.evaluate(f"document.getElementById('{target}').click()")
        page.wait_for_timeout(100)
        assert page.evaluate("window.done") is None
        assert page.locator("h1").is_visible()
        assert page.url == path.as_uri()
        assert [url for url in tab.asked if "example" in url] == []


def test_page_is_whole_without_javascript(opened: Any, files: Path) -> None:
    with Tab(opened, files / "report.html", java_script_enabled=False) as page:
        assert page.get_by_text("2 of 5 runs have").is_visible()
        assert page.locator(FIGURE).first.locator("path[class]").first.is_visible()
        assert not page.locator(".copy").first.is_visible()
        assert page.get_by_text("+    pct_start=0.2").first.is_visible()
        assert page.locator(".tools, .readout, .filter").count() == 0


@pytest.fixture
def strict(files: Path) -> Iterator[str]:
    """A loopback server with the policy that Jenkins sends by default."""

    class Strict(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", f"sandbox; {BAD}")
            super().end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Strict, directory=str(files))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_page_reads_well_where_a_server_forbids_styles_and_scripts(
    opened: Any, strict: str
) -> None:
    with Tab(opened, f"{strict}/report.html", java_script_enabled=False) as page:
        assert page.get_by_text("2 of 5 runs have").is_visible()
        line = page.locator(".k-lr").nth(1)
        assert line.get_attribute("stroke") == "#0072b2"
        assert page.locator(FIGURE).first.locator(".plot").first.bounding_box()["width"] > 600
    with Tab(opened, f"{strict}/site/index.html", java_script_enabled=False) as page:
        radius = "getComputedStyle(document.querySelector('.top')).borderRadius"
        assert page.evaluate(radius) == "12px"  # a style sheet of its own is let through


@pytest.mark.parametrize("name", ["report.html", "compare.html", "site/index.html"])
def test_phone_needs_no_sideways_scrolling(opened: Any, files: Path, name: str) -> None:
    with Tab(opened, files / name, viewport={"width": 390, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_dark_mode_is_dark(opened: Any, files: Path) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    for scheme, dark in (("light", False), ("dark", True)):
        with Tab(opened, files / "report.html", color_scheme=scheme) as page:
            red = int(re.findall(r"\d+", page.evaluate(colour))[0])
            assert (red < 60) is dark


def test_print_shows_what_is_folded_and_no_buttons(opened: Any, files: Path) -> None:
    with Tab(opened, files / "report.html", color_scheme="dark") as page:
        folded = page.get_by_text("no param group joins or moves").first
        assert not folded.is_visible()
        page.emulate_media(media="print")
        assert not page.locator(".copy, .readout, .tools").first.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert folded.is_visible()
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_table_of_runs_sorts_and_filters(opened: Any, tmp_path: Path) -> None:
    runs = tuple(replace(loss_jump(), run=f"run{i}", last=1000 - i) for i in range(9))
    path = tmp_path / "report.html"
    report = replace(sample_report(), diagnoses=(*runs, healthy()))
    path.write_text(Html().render(report), encoding="utf-8")
    with Tab(opened, path) as page:
        rows = page.locator("table.runs tbody tr:visible th")
        page.get_by_role("button", name="Length").click()
        assert rows.first.inner_text() == "run8" and rows.last.inner_text() == "exp2/cosine"
        page.get_by_role("button", name="Length").click()
        assert rows.first.inner_text() == "exp2/cosine"
        page.get_by_role("searchbox").fill("no fault cosine")
        assert rows.all_inner_texts() == ["exp2/cosine"]
        assert page.locator(".filter [role=status]").inner_text() == "1 of 10"


def test_index_leads_to_a_run_and_back(opened: Any, files: Path) -> None:
    tab = Tab(opened, files / "site" / "index.html")
    with tab as page:
        page.get_by_role("link", name="exp1/onecycle").first.click()
        page.locator("h1", has_text="This run has 1 learning-rate fault.").wait_for()
        assert "#run-1-finding-1" in page.url
        page.locator(FIGURE).first.hover()
        assert "lr/head" in page.locator(FIGURE).first.locator(".readout").inner_text()
        page.get_by_role("link", name="all 5 runs").click()
        page.locator("h1", has_text="2 of 5 runs").wait_for()
        assert tab.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["report.html", "compare.html", "site/index.html", "a run"])
def test_axe_finds_no_violation(opened: Any, files: Path, name: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    path = next((files / "site" / "runs").glob("exp1-m*")) if name == "a run" else files / name
    with Tab(opened, path, color_scheme=scheme) as page:
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        results = axe.Axe().run(page)
    assert [(v["id"], v["nodes"][0]["html"]) for v in results.response["violations"]] == []
