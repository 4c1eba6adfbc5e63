"""The recipes for scheduled scans do what they say, as far as one machine can tell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lrdoctor.fleet.state_file import read_store
from tests.fleet.fleets import write_fleet

ROOT = Path(__file__).parent.parent
RECIPES = ROOT / ".github" / "recipes"
SCRIPTS = sorted(RECIPES.glob("*.sh"))
RUNS = 6

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shells of Unix")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A machine in a folder: runs in ``runs``, programs in ``bin``, states in ``state``."""
    write_fleet(tmp_path / "runs", RUNS)
    (tmp_path / "state").mkdir()
    program(tmp_path, "lrdoctor", f'exec "{sys.executable}" -m lrdoctor "$@"')
    return tmp_path


def program(site: Path, name: str, body: str) -> None:
    (site / "bin").mkdir(exist_ok=True)
    (site / "bin" / name).write_text(f"#!/bin/bash\nset -e\n{body}\n")
    (site / "bin" / name).chmod(0o755)


def sh(site: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of a command with this machine's programs first."""
    path = f"{site / 'bin'}:{os.environ['PATH']}"
    python = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env={**os.environ, "PATH": path, "PYTHONPATH": python, **environment},
        cwd=site, text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def runs_in(state: Path) -> int:
    with read_store(str(state)) as store:
        return int(store.rows("SELECT count(*) FROM run")[0][0])


def has_whole_report(folder: Path) -> bool:
    text = (folder / "index.html").read_text(encoding="utf-8")
    return f"2 of {RUNS} runs" in text and len(list((folder / "runs").iterdir())) == 2


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_script_is_sound(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
    assert os.access(script, os.X_OK)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", script], check=True)


@pytest.mark.skipif(not shutil.which("flock"), reason="no flock here: apt-get install util-linux")
def test_cron_line_mails_new_errors_once_and_waits_for_nobody(site: Path) -> None:
    (line,) = re.findall(r"^17 \* \* \* \* (.+)$", (RECIPES / "lrdoctor.cron").read_text(), re.M)
    assert "%" not in line, "cron would end the line there"
    line = line.replace("/var/lib/lrdoctor", str(site / "state"))
    line = line.replace("/data/runs", str(site / "runs"))
    (site / "state/env").write_text("export LRDOCTOR_WEBHOOK=no-address\n")
    broken = sh(site, line)
    assert "webhook must be an address" in broken.stdout
    (site / "state/env").unlink()
    busy = sh(site, f"flock {site / 'state/scan.lock'} sh -c '{line}'")
    assert (busy.returncode, busy.stdout, busy.stderr) == (0, "", "")
    first = sh(site, line)
    assert "2 new" in first.stdout and first.stdout.count("\n") == 1
    again = sh(site, line)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert has_whole_report(site / "state/report")


def test_systemd_units(site: Path) -> None:
    service = (RECIPES / "lrdoctor-scan.service").read_text()
    (command,) = re.findall(r"^ExecStart=/usr/local/bin/(.+)$", service, re.M)
    done = sh(site / "state", command.replace("/data/runs", "../runs"), PATH=f"{site}/bin:/bin")
    assert done.returncode == 1 and re.search(r"^SuccessExitStatus=1$", service, re.M)
    assert has_whole_report(site / "state/report")
    assert "lrdoctor_runs" in (site / "state/metrics/lrdoctor.prom").read_text()
    if shutil.which("systemd-analyze"):
        units = [site / "lrdoctor-scan.service", site / "lrdoctor-scan.timer"]
        units[0].write_text(service.replace("/usr/local/bin/lrdoctor", str(site / "bin/lrdoctor")))
        units[1].write_text((RECIPES / "lrdoctor-scan.timer").read_text())
        checked = subprocess.run(
            ["systemd-analyze", "verify", *units], text=True, capture_output=True, check=False
        )
        ours = [line for line in checked.stderr.splitlines() if "lrdoctor" in line]
        assert checked.returncode == 0 and not ours


def test_kubernetes_jobs_scan_every_run_once_and_join(site: Path) -> None:
    scan, merge = yaml.safe_load_all((RECIPES / "kubernetes.yaml").read_text())
    for job in (scan, merge):
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
    spec = scan["spec"]["jobTemplate"]["spec"]
    assert spec["completionMode"] == "Indexed"
    command = _container(scan)["args"][0]
    assert f'/{spec["completions"]}"' in command
    mounts = {v["mountPath"]: v.get("readOnly") for v in _container(scan)["volumeMounts"]}
    assert mounts == {"/runs": True, "/state": None}
    for index in range(spec["completions"]):
        done = sh(site, _placed(command, site), JOB_COMPLETION_INDEX=str(index))
        assert done.returncode == 0, done.stderr  # also where no run falls into this eighth
    joined = sh(site, _placed(_container(merge)["args"][0], site))
    assert joined.returncode == 0, joined.stderr
    assert runs_in(site / "state/fleet.sqlite") == RUNS
    assert has_whole_report(site / "state/report")


def _container(job: dict) -> dict:  # type: ignore[type-arg]
    (found,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return found  # type: ignore[no-any-return]


def _placed(command: str, site: Path) -> str:
    return command.replace("/runs ", f"{site}/runs ").replace("/state/", f"{site}/state/")


def test_slurm_round_scans_every_run_once_and_joins(site: Path) -> None:
    program(site, "sbatch", STAND_IN)
    (line,) = re.findall(r"^17 2 \* \* \* (.+)$", (RECIPES / "scrontab").read_text(), re.M)
    (site / "lrdoctor").symlink_to(site / "state")
    (site / "state/recipes").symlink_to(RECIPES)
    done = sh(site, line, HOME=str(site), LRDOCTOR_RUNS=str(site / "runs"), LRDOCTOR_SHARDS="3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["7"]
    log = (site / "submitted").read_text().splitlines()
    assert "--array=1-3" in log[0] and "--dependency=afterany:7" in log[1]
    assert runs_in(site / "state/fleet.sqlite") == RUNS
    assert has_whole_report(site / "state/report")


# Runs at once what it is given, each task of an array in turn, and gives back a job number.
STAND_IN = """
echo "$*" >> "$(dirname "$0")/../submitted"
script=${!#}
tasks=$(printf '%s\\n' "$@" | sed -n 's/^--array=1-//p')
for task in $(seq 1 "${tasks:-1}"); do
    SLURM_ARRAY_TASK_ID=$task SLURM_CPUS_PER_TASK=1 bash "$script" >&2
done
echo 7
"""


def test_every_recipe_is_described() -> None:
    text = (RECIPES / "README.md").read_text()
    for path in RECIPES.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in text, path.name
    assert ".github/recipes" in (ROOT / "README.md").read_text()
