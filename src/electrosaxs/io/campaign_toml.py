"""campaign.toml, its paths made absolute, and the record that tells whether a member has to be computed again."""

from __future__ import annotations

import glob
import json
from pathlib import Path
from typing import Any, TypeVar

from ..nouns.campaign import CampaignFile, ExSituCell
from .atomic import replacing
from .toml_kinds import CAMPAIGN
from .toml_settings import read_settings

RECORD = "member.json"
Cell = TypeVar("Cell", bound=ExSituCell)


def read_campaign(path: str | Path) -> CampaignFile:
    """The members that `path` names; InputFileError with one line for what is wrong."""
    path = Path(path)
    found = read_settings(path, CampaignFile, kind=CAMPAIGN)
    home = path.resolve().parent
    return found.model_copy(
        update={
            "runs": tuple(home / run for run in found.runs),
            "films": tuple(_from(home, film) for film in found.films),
            "micrographs": tuple(_from(home, sample) for sample in found.micrographs),
        }
    )


def _from(home: Path, cell: Cell) -> Cell:
    paths: dict[str, Any] = {}
    for key in ("results", "geometry", "mask"):
        given = getattr(cell, key, None)
        if given is not None:
            paths[key] = home / given
    for key in ("images", "height_maps", "packing"):
        patterns = getattr(cell, key, None)
        if patterns is not None:
            paths[key] = type(patterns)(_pattern_from(home, pattern) for pattern in patterns)
    return cell.model_copy(update=paths)


def _pattern_from(home: Path, pattern: str) -> str:
    """The pattern below `home`, whose own brackets are no pattern."""
    return str((Path(glob.escape(str(home))) if glob.has_magic(pattern) else home) / pattern)


def read_record(folder: Path) -> dict[str, Any] | None:
    """What `write_record` left in a member's folder, None where there is none."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """What a member was computed from, beside its results."""
    with replacing(folder / RECORD) as part:
        part.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
