"""Lines, encodings, names and numbers of files from anywhere."""

from __future__ import annotations

import gzip
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrdoctor.errors import ReadError
from lrdoctor.readers._text import (
    MAX_LINE,
    Lines,
    display_name,
    encoding_of,
    head_text,
    open_bytes,
    parse_number,
    read_document,
    read_head,
)


def lines(path: Path, content: bytes) -> Lines:
    path.write_bytes(content)
    return Lines(str(path))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"], ids=repr)
def test_line_ends(tmp_path: Path, end: str) -> None:
    text = end.join(["epoch,loss", "1,2.5", "2,2.25", ""])
    assert [t for _, t in lines(tmp_path / "a", text.encode())] == ["epoch,loss", "1,2.5", "2,2.25"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings(tmp_path: Path, encoding: str, packed: bool) -> None:
    text = "époque,perte d'entraînement\n1,2.5\n" + "2,2.25\n" * 4000
    content = text.encode(encoding)
    read = list(lines(tmp_path / "a", gzip.compress(content) if packed else content))
    assert [t for _, t in read[:2]] == ["époque,perte d'entraînement", "1,2.5"]
    assert len(read) == 4002
    assert read_document(str(tmp_path / "a")).lstrip("\ufeff") == text


def test_zero_bytes_are_left_out_and_said(tmp_path: Path) -> None:
    source = lines(tmp_path / "a", b"1,2\n3,4\n" + bytes(100))
    assert [t for _, t in source] == ["1,2", "3,4"]
    assert [n.kind for n in source.notes] == ["zero-bytes"]


def test_long_line_is_left_out_and_said(tmp_path: Path) -> None:
    source = lines(tmp_path / "a", b"a\n" + b"x" * (10 * MAX_LINE) + b"\nb\n")
    assert list(source) == [(1, "a"), (3, "b")]
    assert source.notes[0].kind == "long-line" and "line 2" in source.notes[0].message


def test_conflict_markers_are_dropped_and_the_fork_kept(tmp_path: Path) -> None:
    text = b"h\n<<<<<<< HEAD\n1\n2\n=======\n3\n>>>>>>> 6.16\n4\n"
    source = lines(tmp_path / "a", text)
    assert [t for _, t in source] == ["h", "1", "2", "3", "4"]
    assert source.forks == [(3, 1)]
    assert source.notes[0].kind == "conflict-markers"


def test_ruler_is_no_marker(tmp_path: Path) -> None:
    source = lines(tmp_path / "a", b"=======\nepoch 1\n=======\n")
    assert [t for _, t in source] == ["=======", "epoch 1", "======="] and not source.forks


def test_truncated_gzip_gives_its_first_lines(tmp_path: Path) -> None:
    rows = b"".join(b"%d,%d\n" % (i, i * i) for i in range(20_000))
    source = lines(tmp_path / "a.gz", gzip.compress(rows)[:-5000])
    assert next(iter(source)) == (1, "0,0")
    read = list(source)
    assert 1000 < len(read) < 20_000 and source.notes[-1].kind == "truncated"
    assert read_head(str(tmp_path / "a.gz"))[:4] == b"0,0\n"


def test_pipe_and_folder_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("pipe", "not a regular file"), ("", "is a folder"), ("x", "not exist")):
        with pytest.raises(ReadError, match=reason), open_bytes(str(tmp_path / name)):
            pass


def test_document_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"[1, 2, 3]")
    with pytest.raises(ReadError, match="larger than"):
        read_document(str(tmp_path / "a"), limit=5)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1e-3", 1e-3), (" 2.5 ", 2.5), ("-Infinity", -math.inf), ("inf", math.inf), ("", None),
        ("None", None), ("tensor(0.5, device='cuda:0')", 0.5), ("[0.001]", 0.001),
        ("np.float64(0.25)", 0.25), ("(0.1, 0.2)", 0.1), ("1_000", None), ("True", 1.0),
        ("[[[[0.5]]]]", 0.5), ("0:01:03", None), ("v1.2", None), ("f(x)", None),
    ],
)  # fmt: skip
def test_numbers(text: str, number: float | None) -> None:
    assert parse_number(text) == number


def test_nan_is_a_value() -> None:
    for text in ("nan", "NaN", "-nan", "tensor(nan)"):
        value = parse_number(text)
        assert value is not None and math.isnan(value)


@given(st.text(max_size=500))
def test_display_name_is_one_printable_line(text: str) -> None:
    shown = display_name(text)
    assert shown.isprintable() and len(shown) <= 200
    shown.encode("utf-8")
    assert display_name(shown) == shown


def test_display_name_keeps_both_ends() -> None:
    shown = display_name("a" * 300 + "z")
    assert len(shown) == 200 and shown.startswith("aa") and shown.endswith("az") and "…" in shown
    assert display_name("lr\u202egp\n") == "lr\\u202egp\\n"


@given(st.binary(max_size=300))
def test_any_head_is_text_or_nothing(head: bytes) -> None:
    assert "\0" not in head_text(head)
    assert encoding_of(head) in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


def test_cell_of_brackets_takes_no_time() -> None:
    assert parse_number("(" * 500_000 + "1" * 500_000 + "  x") is None
    assert parse_number("9" * 100_000) == math.inf
