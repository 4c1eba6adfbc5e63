"""Writes a documented task file to start from."""

from __future__ import annotations

from pathlib import Path

from lrdoctor.errors import ConfigError
from lrdoctor.resources import data_dir

_NAME = "replay_task.py.j2"


def write_template(path: str) -> None:
    """Writes the template to ``path``. Raises ``ConfigError`` where that exists, is no ``.py`` file
    or cannot be written."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    target = Path(path)
    if target.suffix != ".py":
        raise ConfigError("a task is a Python file: its name must end in .py", path)
    environment = Environment(
        loader=FileSystemLoader(data_dir("templates")),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # Python, not HTML
    )
    text = environment.get_template(_NAME).render(file=path)
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError("it exists already and is left as it is", path) from None
    except OSError as error:
        raise ConfigError(f"cannot write it: {error.strerror or error}", path) from error
