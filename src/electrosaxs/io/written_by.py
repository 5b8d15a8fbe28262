"""Which command wrote a file or a folder: `entry@command` of results.nxs, `command` of provenance.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

from .hdf5 import DAMAGED, text

RESULTS, PROVENANCE = "results.nxs", "provenance.json"


def written_by(path: Path) -> str | None:
    """The command that wrote a results file, or whose results lie in a folder; None where nothing there tells."""
    if path.is_dir():
        return _of_provenance(path / PROVENANCE) or (written_by(path / RESULTS) if (path / RESULTS).is_file() else None)
    try:
        with h5py.File(path, "r") as file:
            found = file["entry"].attrs.get("command")
    except (*DAMAGED, KeyError):
        return None
    return None if found is None else text(found)


def version_of(folder: Path) -> str | None:
    """The version of electrosaxs that left its results in a folder; None where nothing there tells."""
    versions = _record(folder / PROVENANCE).get("versions")
    found = versions.get("electrosaxs") if isinstance(versions, dict) else None
    return found if isinstance(found, str) else None


def _of_provenance(path: Path) -> str | None:
    found = _record(path).get("command")
    return found if isinstance(found, str) else None


def _record(path: Path) -> dict[str, Any]:
    """provenance.json; empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
