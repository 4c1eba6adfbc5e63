"""Tells URLs of remote folders from paths, and keeps credentials out of everything printed."""

from __future__ import annotations

import re

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# What follows the first colon is a password, not a port; up to the last "@", as secrets hold "/".
_PASSWORD = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+://)([^/@:\s]*):(?!\d+(?:[/?#]|$))\S*@")
_QUERY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+://[^\s?]*)\?\S*=\S*?(?=['\"]?(?:\s|$))")
_NAMED_USERS = ("ssh://", "sftp://")


def is_remote(path: str) -> bool:
    """Whether the path is a URL such as ``s3://bucket/runs``.

    >>> is_remote("s3://bucket/runs"), is_remote("runs/a"), is_remote("C:/runs")
    (True, False, False)
    """
    return "://" in path and _URL.match(path) is not None


def without_secrets(text: str) -> str:
    """The text with passwords, keys and queries cut out of the URLs in it.

    >>> without_secrets("ssh://ann:pass@host/runs")
    'ssh://ann@host/runs'
    >>> without_secrets("s3://KEY:se/cret@bucket/runs")
    's3://bucket/runs'
    """
    if "://" not in text:
        return text
    return _QUERY.sub(r"\1", _PASSWORD.sub(_no_password, text))


def _no_password(found: re.Match[str]) -> str:
    scheme, user = found.groups()
    return f"{scheme}{user}@" if scheme.lower() in _NAMED_USERS and user else str(scheme)
