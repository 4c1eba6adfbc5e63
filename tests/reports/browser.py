"""A headless Chromium for tests of pages, and where one is looked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str | None:
    """The browser's path: of ``LRDOCTOR_CHROMIUM``, or of an installed Chromium or Chrome."""
    named = os.environ.get("LRDOCTOR_CHROMIUM")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


def missing() -> str | None:
    """Why no page can be opened here; None where one can."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return "playwright is not installed: pip install -e '.[dev]'"
    return None if chromium() else "no Chromium found: apt-get install chromium"


@contextmanager
def launched() -> Iterator[Any]:
    """A playwright ``Browser``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium(), args=list(_ARGUMENTS), chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()
