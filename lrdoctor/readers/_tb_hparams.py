"""Hyper-parameters in an event file: the hparams plug-in's, and settings written down as text.

Field numbers are those of tensorboard's ``plugins/hparams/plugin_data.proto`` and protobuf's
``struct.proto``. Text counts where it is a JSON object (Hugging Face's ``args``) or a Markdown
table of two columns (CleanRL's ``hyperparameters``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from lrdoctor.readers._collect import flatten, scalar
from lrdoctor.readers._protobuf import BYTES, VARINT, WireError, double, fields
from lrdoctor.types import Scalar

_SESSION_START, _HPARAMS, _KEY, _VALUE = 3, 1, 1, 2
_NULL, _NUMBER, _STRING, _BOOL = 1, 2, 3, 4
_TEXT_SUFFIX = "/text_summary"  # torch appends it to the name given
_ARGUMENTS = {"args", "hparams", "hyperparameters", "hyper_parameters", "config"}
_TABLE_ROW = re.compile(r"^\s*\|([^|]*)\|(.*)\|\s*$")
_RULE = re.compile(r"[\s:-]*")


def of_plugin(content: bytes) -> dict[str, Scalar]:
    """The settings in an ``HParamsPluginData``; {} where there are none or it is malformed."""
    try:
        return {
            name: value
            for _, start in _inside(content, _SESSION_START)
            for _, entry in _inside(start, _HPARAMS)
            for name, value in _entry(entry)
        }
    except (WireError, UnicodeDecodeError):
        return {}


def of_text(tag: str, text: str) -> dict[str, Scalar]:
    """The settings in a text; ``{}`` where it holds none.

    A text named as arguments gives them under their own names, any other under its tag.
    """
    name = tag.removesuffix(_TEXT_SUFFIX)
    found = _json_object(text) if text.lstrip()[:1] == "{" else _table(text)
    prefix = "" if name.rsplit("/")[-1].lower() in _ARGUMENTS else name
    return flatten(found, prefix)


def _json_object(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(text: str) -> dict[str, object]:
    """The rows of a two-column Markdown table below its header."""
    rows = [m.groups() for line in text.splitlines() if (m := _TABLE_ROW.match(line))]
    if len(rows) < 3 or not all(_RULE.fullmatch(cell) for cell in rows[1]):
        return {}
    return {key.strip().strip("`*"): scalar(value) for key, value in rows[2:] if key.strip()}


def _entry(entry: bytes) -> Iterator[tuple[str, Scalar]]:
    name, value = "", b""
    for number, kind, body in fields(entry):
        if isinstance(body, bytes) and kind == BYTES:
            if number == _KEY:
                name = body.decode()
            elif number == _VALUE:
                value = body
    for number, kind, body in fields(value):
        if number == _NULL:
            yield name, None
        elif number == _NUMBER and isinstance(body, bytes) and len(body) == 8:
            yield name, double(body)
        elif number == _STRING and isinstance(body, bytes):
            yield name, body.decode()
        elif number == _BOOL and kind == VARINT:
            yield name, bool(body)


def _inside(message: bytes, wanted: int) -> Iterator[tuple[int, bytes]]:
    for number, kind, body in fields(message):
        if number == wanted and kind == BYTES and isinstance(body, bytes):
            yield number, body
