"""Errors, one per thing the caller can do about it. Only ``cli`` turns them into exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterable


class LrdoctorError(Exception):
    """Base of all errors this package raises on purpose."""


class ConfigError(LrdoctorError, ValueError):
    """A configuration file, option or plug-in is wrong; the user must correct it.

    ``path`` and ``line`` (1-based) name the place where they are known.
    """

    def __init__(self, reason: str, path: str | None = None, line: int | None = None) -> None:
        self.reason, self.path, self.line = reason, path, line
        super().__init__(_placed(reason, path, line))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, str | None, int | None]]:
        return type(self), (self.reason, self.path, self.line)


class RuleError(ConfigError):
    """A rule file is wrong: unknown keys, a missing detector, a threshold without source."""


class ReadError(LrdoctorError, OSError):
    """This file cannot be read as a training log; other files go on."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"

    def __reduce__(self) -> tuple[type[ReadError], tuple[str, str]]:
        return type(self), (self.path, self.reason)


class MissingExtraError(LrdoctorError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(
            f"{package} is not installed; install it with: pip install 'lrdoctor[{extra}]'"
        )

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.package, self.extra)


def toml_line(error: Exception, text: str) -> int:
    """The 1-based line of a TOML error in ``text``: the last where it speaks of the end."""
    named = re.search(r"at line (\d+)", str(error))
    return int(named[1]) if named else text.count("\n") + 1


def did_you_mean(word: str, choices: Iterable[str], cutoff: float = 0.6) -> str:
    """The likeliest slip, to follow a name that is not one of ``choices``; empty without one.

    ``cutoff`` is difflib's least similarity, 0 to 1.

    >>> did_you_mean("cosin", ["cosine", "linear"])
    " (did you mean 'cosine'?)"
    """
    import difflib  # the command line starts without it

    close = difflib.get_close_matches(word, list(choices), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _placed(reason: str, path: str | None, line: int | None) -> str:
    place = "" if path is None else path if line is None else f"{path}:{line}"
    return f"{place}: {reason}" if place else reason
