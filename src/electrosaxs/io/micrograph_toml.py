"""The section [micrograph] of a TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ..nouns.micrograph import MicrographFile, MicrographSettings
from .toml_settings import read_settings


def read_micrograph_settings(path: Path) -> MicrographSettings | None:
    """What the section says; None where the file has no such section (or is no TOML: its own reader says so).

    Raises InputFileError for a section with a mistake.
    """
    try:
        with path.open("rb") as file:
            sections = tomllib.load(file)
    except (OSError, ValueError):
        return None
    return read_settings(path, MicrographFile).micrograph if "micrograph" in sections else None
