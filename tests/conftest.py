"""Options of the whole suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.object_store import ObjectStore, object_store


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected files of reports"
    )


@pytest.fixture(scope="session")
def s3_server() -> Iterator[ObjectStore]:
    """The S3 server of the session; skips where none can be started."""
    for package in ("moto", "flask_cors", "s3fs"):
        pytest.importorskip(package, reason="remote roots are tested with moto and s3fs")
    with object_store() as store:
        yield store


@pytest.fixture
def s3(s3_server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The S3 server, reset, with the environment that leads to it."""
    s3_server.reset()
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    return s3_server
