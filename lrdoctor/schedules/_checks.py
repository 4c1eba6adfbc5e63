"""Range checks that the constructors of schedules share."""

from __future__ import annotations

import math

from lrdoctor.errors import ConfigError


def positive(**values: float) -> None:
    """Raises ``ConfigError`` unless every value is finite and above 0."""
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise ConfigError(f"{name} must be positive, got {value!r}")


def finite(**values: float) -> None:
    """Raises ``ConfigError`` unless every value is finite."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise ConfigError(f"{name} must be finite, got {value!r}")


def one_of(name: str, value: str, valid: tuple[str, ...]) -> None:
    """Raises ``ConfigError`` unless ``value`` is one of ``valid``."""
    if value not in valid:
        raise ConfigError(f"{name} must be one of {', '.join(valid)}, got {value!r}")
