"""Rule files: everything wrong is said with file and line, everything right is loaded."""

from __future__ import annotations

import os
import pickle
from dataclasses import fields
from pathlib import Path

import pytest

from lrdoctor.errors import RuleError
from lrdoctor.plugins import discover
from lrdoctor.rulebook import load_rulebook
from lrdoctor.types import Severity

BUILT_IN = load_rulebook()


def a_rule_file(folder: Path, stem: str = "my-rule", **changes: str) -> Path:
    """A correct rule file on the first built-in detector, with some lines replaced."""
    detector = next(iter(discover("detectors")))
    lines = {
        "code": 'code = "SITE001"',
        "name": f'name = "{stem}"',
        "title": 'title = "A site rule"',
        "detector": f'detector = "{detector}"',
        "severity": 'severity = "warning"',
        "confidence": 'confidence = "low"',
        "message": 'message = "seen at {start}"',
        "why": 'why = "because"',
        "harmless": 'harmless = "never"',
        "fixes": "fixes = []",
        "references": "references = []",
        "examples": '[examples]\nfires = "a"\nquiet = "b"',
    }
    for field in fields(discover("detectors")[detector]):
        lines[field.name] = f'[thresholds.{field.name}]\nvalue = 1.0\nunit = "x"\nsource = "a test"'
    path = folder / f"{stem}.toml"
    path.write_text("\n".join({**lines, **changes}.values()) + "\n")
    return path


def test_correct_file_joins_the_built_in_rules(tmp_path: Path) -> None:
    a_rule_file(tmp_path)
    book = load_rulebook([tmp_path])
    rule = book.find("my-rule")
    assert rule is not None and rule is book.find("site001")
    assert len(book.rules) == len(BUILT_IN.rules) + 1
    assert book.digest != BUILT_IN.digest


@pytest.mark.parametrize(
    ("changes", "complaint", "line"),
    [
        ({"code": 'code = "lrd 1"'}, "three digits", 1),
        ({"name": 'name = "other"'}, "file name 'my-rule'", 2),
        ({"severity": 'severity = "fatal"'}, "one of info, warning, error", 5),
        ({"detector": 'detector = "nope"'}, "unknown detector 'nope'", 4),
        ({"message": 'message = "{nonsense}"'}, "{nonsense}, which is not measured", 7),
        ({"message": 'message = "{start"'}, "broken braces", 7),
        ({"fixes": 'fixes = ["prayer"]'}, "unknown fix 'prayer'", 10),
        ({"fixes": "fixes = 3"}, "list of texts", 10),
        ({"why": ""}, "missing key 'why'", None),
        ({"why": 'why = " "'}, "non-empty text", 8),
        ({"why": 'why = "x"\nwhyy = "y"'}, r"unknown key 'whyy' \(did you mean 'why'\?\)", 9),
        ({"title": "title = "}, "TOML", 3),
        ({"examples": "examples = 3"}, "examples must be a table", 12),
        ({"fixes": "fixes = []\nexplained_by = 3"}, "list of texts", 11),
        (
            {"fixes": 'fixes = []\nexplained_by = ["decay-to-fast"]'},
            r"unknown rule 'decay-to-fast' \(did you mean 'decay-too-fast'\?\)",
            11,
        ),
        ({"fixes": 'fixes = []\nexplained_by = ["my-rule"]'}, "leads back to 'my-rule'", 11),
        ({"extra": '[thresholds.zeal]\nvalue = 1\nunit = ""\nsource = ""'}, "'zeal'", None),
        ({"extra": '[thresholds.zeal]\nvalue = nan\nunit = ""\nsource = ""'}, "a number", None),
        ({"extra": "[thresholds.zeal]\nvalue = 1"}, "value, unit and source", None),
    ],
)
def test_wrong_file_is_placed(
    tmp_path: Path, changes: dict[str, str], complaint: str, line: int | None
) -> None:
    path = a_rule_file(tmp_path, **changes)
    with pytest.raises(RuleError, match=complaint) as caught:
        load_rulebook([tmp_path])
    assert caught.value.path == str(path)
    if line is not None:
        assert caught.value.line == line


def test_code_is_never_used_twice(tmp_path: Path) -> None:
    a_rule_file(tmp_path, "one")
    a_rule_file(tmp_path, "two")
    with pytest.raises(RuleError, match="defined twice"):
        load_rulebook([tmp_path])


def test_two_rules_do_not_explain_each_other(tmp_path: Path) -> None:
    a_rule_file(tmp_path, "one", fixes='fixes = []\nexplained_by = ["two"]')
    a_rule_file(
        tmp_path, "two", code='code = "SITE002"', fixes='fixes = []\nexplained_by = ["one"]'
    )
    with pytest.raises(RuleError, match="an effect cannot explain its cause"):
        load_rulebook([tmp_path])


def test_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="no such folder"):
        load_rulebook([tmp_path / "none"])


def test_overrides_change_severity_and_thresholds_and_the_digest() -> None:
    rule = next(r for r in BUILT_IN.rules if r.thresholds)
    name = next(iter(rule.thresholds))
    book = load_rulebook(overrides={rule.name: {"severity": "info", "thresholds": {name: 123.0}}})
    changed = book.find(rule.code)
    assert changed is not None and changed.severity is Severity.INFO
    assert changed.thresholds[name].value == 123.0
    assert getattr(book.detectors[rule.code], name) == 123.0
    assert book.digest != BUILT_IN.digest


def test_rule_is_disabled_only_with_a_reason() -> None:
    code = BUILT_IN.rules[0].code
    with pytest.raises(RuleError, match="needs a reason"):
        load_rulebook(overrides={code: {"enabled": False}})
    book = load_rulebook(overrides={code: {"enabled": False, "reason": "not ours"}})
    assert book.disabled == {code: "not ours"}


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"decay-to-fast": {}}, "did you mean 'decay-too-fast'"),
        ({"decay-too-fast": {"colour": 1}}, "unknown key 'colour'"),
        ({"decay-too-fast": {"severity": "fatal"}}, "none of info, warning, error"),
        ({"decay-too-fast": {"thresholds": {"zeal": 1}}}, "unknown threshold 'zeal'"),
    ],
)
def test_wrong_override_is_refused(overrides: dict[str, dict[str, object]], complaint: str) -> None:
    with pytest.raises(RuleError, match=complaint):
        load_rulebook(overrides=overrides)


def test_rulebook_travels_to_workers() -> None:
    assert pickle.loads(pickle.dumps(BUILT_IN)).digest == BUILT_IN.digest


def test_pipe_among_rule_files_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.toml")
    with pytest.raises(RuleError, match="not a regular file"):
        load_rulebook([tmp_path])
