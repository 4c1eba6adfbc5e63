"""The report folder of a fleet: what it says, whose pages it has, and what it costs."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lrdoctor.errors import ConfigError
from lrdoctor.fleet import overview as overview_module
from lrdoctor.fleet.overview import Overview, overview
from lrdoctor.fleet.pages import Pages, index
from lrdoctor.fleet.records import FindingRecord, LogRecord, RunRecord, job_digest, judge_log
from lrdoctor.fleet.scan import Scope, Tally, scan
from lrdoctor.fleet.state_file import open_store, read_store
from lrdoctor.fleet.store import FoundLog
from tests.fleet.fleets import OLD, Here, job, scan_here, write_fleet, write_run
from tests.reports import browser as chrome
from tests.reports.hostile import NAMES
from tests.reports.test_html import Page


def put(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def scan_to(state: Path, folder: Path, *roots: Path, write: Any = put) -> tuple[Tally, str]:
    """The counts of a scan with a report folder, and what is said at its end."""
    with open_store(str(state)) as (store, _):
        pages = Pages(str(folder), store, write)
        engine = Here(partial(judge_log, job=job(), pages=True))
        wanted = Scope(tuple(map(str, roots)))
        _, tally = scan(store, wanted, engine, job_digest(job()), pages=pages)
        pages.remove_old()
        return tally, pages.finish()


def pages_in(folder: Path) -> set[str]:
    """Names of the runs that have a page."""
    return {p.name.rpartition("-")[0] for p in (folder / "runs").glob("*.html")}


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    write_fleet(tmp_path / "runs", 6)
    return tmp_path / "runs"


def test_index_leads_to_the_page_of_every_run_with_a_fault(fleet: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    _, told = scan_to(tmp_path / "s.sqlite", folder, fleet)
    assert told == f"wrote {folder}/index.html"
    assert pages_in(folder) == {"project0-run000", "project0-run003"}
    page = Page((folder / "index.html").read_text(encoding="utf-8"))
    for text in ("2 of 6 runs have a learning-rate fault.", "2 runs in project0 share", "LRD304"):
        assert text in page.text
    for target in page.values("href") + page.values("src"):
        path, _, anchor = target.partition("#")
        assert (folder / path).is_file() or not path
        assert not anchor or f'id="{anchor}"' in (folder / "index.html").read_text()
    run = Page(next((folder / "runs").glob("project0-run000*")).read_text(encoding="utf-8"))
    assert "all runs" in run.text and "../index.html" in run.values("href")
    assert "The LR is exactly 0 for the last" in run.text


def test_unchanged_runs_keep_their_pages_unread(fleet: Path, tmp_path: Path) -> None:
    state, folder = tmp_path / "s.sqlite", tmp_path / "report"
    scan_to(state, folder, fleet)
    tally, _ = scan_to(state, folder, fleet)
    assert (tally.judged, tally.unchanged) == (0, 6)


def test_missing_and_old_pages_are_made_from_the_log_again(fleet: Path, tmp_path: Path) -> None:
    state, folder = tmp_path / "s.sqlite", tmp_path / "report"
    scan_here(state, fleet)
    tally, _ = scan_to(state, folder, fleet)
    assert tally.judged == 2, "the two with a fault"
    first, second = sorted((folder / "runs").iterdir())
    first.unlink()
    os.utime(second, (OLD, OLD))
    tally, _ = scan_to(state, folder, fleet)
    assert tally.judged == 2 and len(pages_in(folder)) == 2


def test_page_of_a_mended_run_goes_and_what_is_not_ours_stays(fleet: Path, tmp_path: Path) -> None:
    state, folder = tmp_path / "s.sqlite", tmp_path / "report"
    scan_to(state, folder, fleet)
    put(str(folder / "runs/notes.html"), "mine")
    write_run(fleet / "project0/run000", at=OLD + 1)
    scan_to(state, folder, fleet)
    assert (folder / "runs/notes.html").read_text() == "mine"
    assert pages_in(folder) - {""} == {"project0-run003"}
    page = Page((folder / "index.html").read_text(encoding="utf-8"))
    assert "1 of 6 runs has a learning-rate fault." in page.text
    assert "Open findings over the scans" in page.text and "1 findings fixed" in page.text


def test_run_that_cannot_be_read_for_once_keeps_its_page_and_one_that_vanishes_does_not(
    fleet: Path, tmp_path: Path
) -> None:
    state, folder = tmp_path / "s.sqlite", tmp_path / "report"
    scan_to(state, folder, fleet)
    write_run(fleet / "project0/run000", faulty=True, at=OLD + 1)
    scan_here(state, fleet, function=dies)
    shutil.rmtree(fleet / "project0/run003")
    with open_store(str(state)) as (store, _):
        pages = Pages(str(folder), store, put)
        assert pages_in(folder) == {"project0-run000", "project0-run003"}
        _, tally = scan(store, Scope((str(fleet),)), Here(dies), job_digest(job()), pages=pages)
        pages.remove_old()
        pages.finish()
    assert (tally.gone, tally.unreadable) == (1, 1)
    assert pages_in(folder) == {"project0-run000"}
    text = Page((folder / "index.html").read_text(encoding="utf-8")).text
    assert "1 of 5 runs has" in text and "its worker died" in text


def dies(task: Any) -> LogRecord:
    return LogRecord(reason="its worker died")


def test_folder_that_cannot_be_written_does_not_lose_the_scan(fleet: Path, tmp_path: Path) -> None:
    def full(path: str, text: str) -> None:
        raise ConfigError("cannot be written: No space left on device", path)

    state = tmp_path / "s.sqlite"
    with pytest.raises(ConfigError, match="No space left"):
        scan_to(state, tmp_path / "report", fleet, write=full)
    with read_store(str(state)) as store:
        assert store.rows("SELECT count(*) FROM scan WHERE finished") == [(1,)]
        assert store.rows("SELECT count(*) FROM finding") == [(2,)]


def test_runs_of_one_name_in_two_roots_have_a_page_each(tmp_path: Path) -> None:
    for root in ("one", "two"):
        write_run(tmp_path / root / "p/run0", faulty=True)
    scan_to(tmp_path / "s.sqlite", tmp_path / "r", tmp_path / "one", tmp_path / "two")
    assert len(list((tmp_path / "r/runs").iterdir())) == 2


# ---------------------------------------------------------------------- from a state alone


def a_run(name: str, *codes: str, severity: str = "error", **other: Any) -> RunRecord:
    found = tuple(
        FindingRecord(f"{name}-{code}", f"rule-{code}", code, severity, f"{name} is wrong", "{}")
        for code in codes
    )
    values: dict[str, Any] = {"project": name.rpartition("/")[0] or "root", "spark": "zi0"}
    run = RunRecord(name, "", True, 99, "optimizer_step", None, None, None, "", found)
    return replace(run, **{**values, **other})


def seen_of(state: Path, *scans: list[RunRecord]) -> Overview:
    """The overview after scans that found these runs, each in a log of its own."""
    with open_store(str(state)) as (store, _):
        for runs in scans:
            number = store.begin_scan(["/r"], "", "d")
            for run in runs:
                log = FoundLog(f"/r/{run.name}", "csv", "/r", f"/r/{run.name}/m", "m", "d")
                store.put(log, LogRecord((run,)), number)
            ((still,),) = store.rows("SELECT count(*) FROM finding WHERE state = 'open'")
            store.end_scan(number, {"open_findings": still})
        seen = overview(store)
    assert seen is not None
    return seen


def test_worst_runs_come_first_and_new_ones_are_marked(tmp_path: Path) -> None:
    old = [a_run("a/1"), a_run("a/2", "LRD2", severity="warning"), a_run("a/3", judged=False)]
    new = [a_run("a/4", "LRD1", "LRD2"), a_run("a/5", "LRD9", severity="info")]
    seen = seen_of(tmp_path / "s.sqlite", old, [*old, *new])
    assert [run.name for run in seen.runs] == ["a/4", "a/2", "a/5", "a/3", "a/1"]
    assert (seen.faulty, seen.new, seen.tone, seen.before) == (2, 1, "error", 1)
    page = Page(index(seen))
    assert "new in scan 2" in page.text and page.text.count("new in") == 1
    assert "LRD1, LRD2" in page.text and "? not judged" in page.text


def test_short_run_fills_its_cell(tmp_path: Path) -> None:
    seen = seen_of(tmp_path / "s.sqlite", [a_run("a/1", spark="zi0"), a_run("a/2", spark="z" * 32)])
    assert [v for v in Page(index(seen)).values("viewbox") if v != "0 0 22 14"] == [
        "-1 -2 4 39",
        "-1 -2 33 39",
    ]


def test_first_scan_calls_nothing_new(tmp_path: Path) -> None:
    seen = seen_of(tmp_path / "s.sqlite", [a_run("a/1", "LRD1")])
    assert seen.new == 0 and seen.trend is None and "new in" not in Page(index(seen)).text


def test_state_without_faults_or_runs_says_so(tmp_path: Path) -> None:
    healthy = seen_of(tmp_path / "h.sqlite", [a_run("a/1")])
    assert healthy.verdict == "No learning-rate fault in 1 run that could be judged."
    assert healthy.tone == "healthy"
    empty = seen_of(tmp_path / "e.sqlite", [])
    assert empty.verdict == "No run could be read." and empty.tone == "unjudged"
    assert Page(index(empty)).text


def test_trend_has_the_counts_of_every_scan(tmp_path: Path) -> None:
    one, two = a_run("a/1", "LRD1"), a_run("a/2", "LRD1", "LRD2")
    seen = seen_of(tmp_path / "s.sqlite", [one], [one, two], [one, a_run("a/2")])
    assert seen.trend is not None
    lines = {line.label: line.values for line in seen.trend.panels[0].lines}
    assert lines == {"all rules": "1 3 1", "LRD1": "1 2 1", "LRD2": "0 1 0"}
    assert [row.course for row in seen.rules] == ["M0 18l1-18 1 18"]


def test_very_many_runs_are_listed_up_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview_module, "MOST_ROWS", 3)
    runs = [a_run(f"a/{n}") for n in range(9)] + [a_run("z/1", "LRD1")]
    seen = seen_of(tmp_path / "s.sqlite", runs)
    assert len(seen.runs) == 3 and seen.runs[0].name == "z/1"
    page = Page(index(seen)).text
    assert "1 of 10 runs" in page and "and 7 more that are no worse" in page


def test_row_of_a_run_is_small(tmp_path: Path) -> None:
    def size(count: int) -> int:
        state = tmp_path / f"{count}.sqlite"
        return len(index(seen_of(state, [a_run(f"team/exp/run{n:05}") for n in range(count)])))

    assert (size(60) - size(20)) / 40 < 600


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_stay_text(name: str, tmp_path: Path) -> None:
    name = name.replace("\udc80", "\\x80").replace("\x00", "\\x00")
    run = a_run(f"{name}/{name}", "LRD1", script=name, project=name)
    run = replace(run, findings=(replace(run.findings[0], message=name, rule=name),))
    seen = seen_of(tmp_path / "s.sqlite", [a_run("x/1")], [run])
    page = Page(index(seen))
    assert {tag for tag, _ in page.tags} >= {"table", "svg"}
    assert page.raw == {"style": [], "script": []}
    assert not [a for _, attrs in page.tags for a in attrs if a.startswith("on") or a == "style"]
    assert not [v for v in page.values("href") if re.match(r"\s*javascript", v)]
    assert "\u202e" not in page.text and "\x1b" not in page.text
    (policy,) = [v for v in page.values("content") if "default-src" in v]
    assert "script-src 'self'" in policy and "unsafe" not in policy


# ---------------------------------------------------------------------- in a browser


@pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing() or "")
def test_links_filter_and_headings_sort(tmp_path: Path) -> None:
    old = [a_run(f"a/{n}", "LRD1", last_step=n) for n in range(5)]
    old += [a_run(f"b/{n}", "LRD2", severity="warning", last_step=100 - n) for n in range(5)]
    seen = seen_of(tmp_path / "s.sqlite", old, [*old, a_run("a/new", "LRD1")])
    with open_store(str(tmp_path / "s.sqlite")) as (store, _):
        Pages(str(tmp_path / "r"), store, put).finish()
    assert seen.new == 1

    with chrome.launched() as browser:
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda m: complaints.append(m.text))
        page.goto((tmp_path / "r/index.html").as_uri())

        def shown() -> list[str]:
            return page.locator(".fleet tbody tr:visible th").all_inner_texts()

        assert len(shown()) == 11
        page.get_by_role("link", name="Show the 1 run with new faults").click()
        assert shown() == ["a/new"]
        page.locator(".by-rule").get_by_role("link", name="LRD2").click()
        assert shown() == [f"b/{n}" for n in range(5)]
        page.locator(".fleet .sort", has_text="Length").click()
        assert shown() == [f"b/{n}" for n in (4, 3, 2, 1, 0)]
        page.locator(".by-folder").get_by_role("link", name="a").click()
        assert sorted(shown()) == [*(f"a/{n}" for n in range(5)), "a/new"]
        assert complaints == []


@pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing() or "")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(fleet: Path, tmp_path: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing")
    scan_to(tmp_path / "s.sqlite", tmp_path / "r", fleet)
    write_run(fleet / "project0/run001", faulty=True, at=OLD + 1)
    scan_to(tmp_path / "s.sqlite", tmp_path / "r", fleet)
    with chrome.launched() as browser:
        page = browser.new_page(color_scheme=scheme)
        page.goto((tmp_path / "r/index.html").as_uri())
        page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        results = axe.Axe().run(page)
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert [(v["id"], v["nodes"][0]["html"]) for v in results.response["violations"]] == []
