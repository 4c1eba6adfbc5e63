"""The wheel works alone: rules and templates inside, found from any folder."""

from __future__ import annotations

import os
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from this checkout."""
    pytest.importorskip("build", reason="the wheel is built with the package 'build'")
    pytest.importorskip("hatchling", reason="the build backend is needed without a network")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that has the wheel, and our dependencies but not our checkout."""
    home = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return python


def run_from_elsewhere(python: Path, *arguments: str) -> str:
    """What Python prints, far from our checkout and without a path to it."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *arguments],
        cwd="/", env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_wheel_holds_every_rule_and_template(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("rules", "templates"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                assert f"lrdoctor/{path.relative_to(ROOT)}" in names
    assert "lrdoctor/py.typed" in names
    assert not [name for name in names if name.split("/")[0] in ("tests", "sample_runs", "rules")]


def test_installed_wheel_is_used_and_finds_its_rules(installed: Path) -> None:
    where = run_from_elsewhere(installed, "-c", "import lrdoctor; print(lrdoctor.__file__)")
    assert str(installed.parent.parent) in where
    listing = run_from_elsewhere(installed, "-m", "lrdoctor", "rules")
    rules = len(list((ROOT / "rules").rglob("*.toml")))
    assert f"{rules} rules." in listing


def test_installed_wheel_analyses_and_renders(installed: Path, tmp_path: Path) -> None:
    sample = next((ROOT / "sample_runs").glob("*/*"))
    report = tmp_path / "report.html"
    command = ("-m", "lrdoctor", "analyze", str(sample.parent), "--fail-on", "never")
    text = run_from_elsewhere(installed, *command, "--report", str(report))
    assert "runs read" in text
    assert report.read_text().lower().startswith("<!doctype html>")
