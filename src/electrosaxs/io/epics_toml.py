"""names.toml of a beamline on EPICS."""

from __future__ import annotations

from pathlib import Path

from ..nouns.epics_names import EpicsNames
from .toml_kinds import EPICS
from .toml_settings import read_settings


def read_names(path: Path) -> EpicsNames:
    """The process variables in the file at `path`; InputFileError with one line on the first mistake."""
    return read_settings(path, EpicsNames, kind=EPICS)
