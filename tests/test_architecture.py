"""The floors of the package: who may import whom, and what the ground floor must not touch."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import lrdoctor

PACKAGE = Path(lrdoctor.__file__).parent

# Within a floor, a module imports only from what stands to its left.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("types", "errors", "verdict", "protocols", "plugins", "messages", "_version"),
    ("shapes", "curves"),
    (
        "schedules",
        "fit_numbers",
        "fit_resolution",
        "fit_segments",
        "fit_tails",
        "fit_levels",
        "fit_origin",
        "fit_rows",
        "fit_onecycle",
        "fit_variants",
        "fit_cost",
        "fit_refine",
        "fit_echo",
        "fit_cycles",
        "fit_names",
        "fit_resumed",
        "fit_parts",
        "fit_doubts",
        "fit",
        "horizon",
        "key_points",
        "roles_names",
        "roles_lr",
        "roles_loss",
        "roles",
        "intent_names",
        "intent",
        "planning",
        "one_axis",
        "clock",
        "fit_groups",
        "case",
    ),
    ("detectors", "fixes"),
    ("gate", "resources", "rulebook", "casebook", "snippets", "causes", "diagnosis"),
    ("readers", "replay", "reports"),
    ("config", "fleet", "baseline", "job", "preflight", "api", "integrations"),
    ("cli", "__init__", "__main__"),
)
PLUGIN_FOLDERS = {"shapes", "schedules", "detectors", "fixes", "readers", "reports"}
SEPARATE_EDGES = {"readers", "replay", "reports"}
BANNED_BELOW_FLOOR_4 = {
    "pathlib", "os", "io", "logging", "click", "pandas", "torch", "tensorboard", "time",
    "datetime", "random", "shutil", "subprocess", "sys", "rich", "jinja2",
}  # fmt: skip
BANNED_CALLS = {"open", "print", "input", "exec", "eval"}
TORCH_FOLDERS = {"replay", "integrations"}

FILES = sorted(p for p in PACKAGE.rglob("*.py") if "rules" not in p.relative_to(PACKAGE).parts[:1])


def unit_of(path: Path) -> str:
    """The module or folder of the package that a file belongs to."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def place(unit: str) -> tuple[int, int]:
    """Floor and position of a module or folder."""
    for floor, units in enumerate(FLOORS):
        if unit in units:
            return floor, units.index(unit)
    raise AssertionError(f"{unit} stands on no floor: add it to FLOORS")


def imports(tree: ast.AST) -> list[tuple[str, int]]:
    """Absolute names imported outside ``if TYPE_CHECKING``, with their lines."""
    found: list[tuple[str, int]] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
        else:
            found += imports(node)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_file_keeps_to_its_floor(path: Path) -> None:
    unit = unit_of(path)
    floor, position = place(unit)
    for name, line in imports(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] != "lrdoctor" or len(parts) < 2:
            if floor < 4 and unit != "plugins":
                assert parts[0] not in BANNED_BELOW_FLOOR_4, f"{path}:{line} imports {name}"
            if parts[0] == "torch":
                assert unit in TORCH_FOLDERS, f"{path}:{line} imports torch"
            continue
        other = (
            parts[1]
            if (PACKAGE / parts[1]).exists() or (PACKAGE / f"{parts[1]}.py").exists()
            else "__init__"
        )
        if other == unit:
            if unit in PLUGIN_FOLDERS and not path.stem.startswith("_") and len(parts) > 2:
                assert parts[2].startswith("_"), f"{path}:{line} imports its sibling {name}"
            continue
        other_floor, other_position = place(other)
        if unit in SEPARATE_EDGES:
            assert other not in SEPARATE_EDGES, f"{path}:{line}: edges never import each other"
        assert (other_floor, other_position) < (floor, position), (
            f"{path}:{line}: {unit} (floor {floor}) must not import {other} (floor {other_floor})"
        )


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if place(unit_of(p))[0] < 4],
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_ground_floor_has_no_side_effects(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in BANNED_CALLS, f"{path}:{node.lineno} calls {node.func.id}"
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            assert not dotted.startswith("np.random.") or dotted.startswith(
                ("np.random.Generator", "np.random.default_rng")
            ), f"{path}:{node.lineno} uses global random state"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
