from __future__ import annotations

import posixpath
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from lrdoctor.reports._site import MOST_ON_A_PAGE, page_name, site, wants_folder
from tests.reports.hostile import NAMES, hostile_report
from tests.reports.sample_report import late_peak, loss_jump, sample_report
from tests.reports.test_html import Page


def links(files: dict[str, str]) -> list[tuple[str, str]]:
    """File and anchor of every link, as places in the folder of the report."""
    found = []
    for name, text in files.items():
        if name.endswith(".html"):
            page = Page(text)
            for target in page.values("href") + page.values("src"):
                if not target.startswith("https://"):
                    path, _, anchor = unquote(target).partition("#")
                    place = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
                    found.append((place if path else name, anchor))
    return found


@pytest.mark.parametrize(
    ("index", "beside"), [("index.html", ""), ("my report.html", "my report_files/")]
)
def test_every_link_leads_to_a_page_of_the_folder_and_a_place_on_it(
    index: str, beside: str
) -> None:
    files = dict(site(sample_report(), index, beside))
    assert sorted(p for p in files if not p.startswith(beside + "runs/")) == sorted(
        [index, beside + "lrdoctor.css", beside + "lrdoctor.js"]
    )
    assert len([p for p in files if p.startswith(beside + "runs/")]) == 5
    targets = links(files)
    assert {path for path, _ in targets} == set(files)
    for path, anchor in targets:
        assert not anchor or f'id="{anchor}"' in files[path]


def test_index_comes_last_so_that_it_never_leads_nowhere() -> None:
    assert [name for name, _ in site(sample_report())][-1] == "index.html"


def test_pages_share_their_style_and_script_under_a_policy_of_their_own() -> None:
    for name, text in site(sample_report()):
        if name.endswith(".html"):
            page = Page(text)
            (policy,) = [v for v in page.values("content") if "default-src" in v]
            assert (
                "style-src 'self' file:; script-src 'self' file:;" in policy
                and "unsafe" not in policy
            )
            assert page.raw == {"style": [], "script": []}


def test_healthy_run_has_a_page_that_says_what_was_checked() -> None:
    files = dict(site(sample_report()))
    (healthy,) = [text for name, text in files.items() if "exp2-cosine" in name]
    assert "Every check passed." in healthy and "Checks passed" in healthy
    assert "all 5 runs" in healthy


def test_page_of_a_fault_without_a_correction_says_so() -> None:
    run = replace(late_peak(), candidates=())
    files = dict(site(replace(sample_report(), diagnoses=(run,))))
    (text,) = [text for name, text in files.items() if name.startswith("runs/")]
    assert "This run has 1 learning-rate fault." in text
    assert "No ready correction" in text and "at hand" not in text


def test_runs_of_one_name_have_a_page_each() -> None:
    report = replace(sample_report(), diagnoses=(late_peak(), late_peak()))
    pages = [text for name, text in site(report) if name.startswith("runs/")]
    assert len(dict(site(report))) == len(pages) + 3 == 5


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_hostile_names_make_plain_file_names(name: str) -> None:
    files = dict(site(hostile_report(name)))
    (page,) = [p for p in files if p.startswith("runs/")]
    assert re.fullmatch(r"runs/[A-Za-z0-9][A-Za-z0-9._-]{0,70}\.html", page)
    assert {path for path, _ in links(files)} == set(files)


def test_page_name_is_readable_and_tells_names_apart() -> None:
    assert page_name("exp1/run 3").startswith("exp1-run-3-")
    assert page_name("a/b") != page_name("a-b")
    assert page_name("..").startswith("run-")


def test_folder_is_for_more_than_fifty_runs_with_faults() -> None:
    runs = (loss_jump(),) * MOST_ON_A_PAGE
    assert not wants_folder(replace(sample_report(), diagnoses=runs))
    assert wants_folder(replace(sample_report(), diagnoses=(*runs, late_peak())))
