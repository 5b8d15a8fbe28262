"""The section [micrograph] of a TOML file, with [height_map] and [packing] beside it."""

from __future__ import annotations

from pathlib import Path

from ..nouns.micrograph import MicrographFile
from .toml_kinds import MICROGRAPHS
from .toml_settings import has_table, read_settings


def read_micrograph_settings(path: Path) -> MicrographFile | None:
    """What the sections say; None where the file has no [micrograph]. InputFileError for a file that is no TOML, and for a
    section with a mistake."""
    if not has_table(path, "micrograph"):
        return None
    return read_settings(path, MicrographFile, kind=MICROGRAPHS)
