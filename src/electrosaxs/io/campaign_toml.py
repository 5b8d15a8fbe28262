"""campaign.toml, its paths made absolute, and the record that tells whether a member has to be computed again."""

from __future__ import annotations

import glob
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputFileError, bad_value
from ..nouns.campaign import CampaignFile, ExSituCell
from .atomic import replacing
from .toml_kinds import CAMPAIGN
from .toml_settings import read_settings

RECORD = "member.json"
WITHIN = ("results.nxs", "run.toml")
"""Files that stand for the folder that they lie in."""
Cell = TypeVar("Cell", bound=ExSituCell)


def read_campaign(path: str | Path) -> CampaignFile:
    """The members that `path` names; InputFileError with one line for what is wrong."""
    path = Path(path)
    found = read_settings(path, CampaignFile, kind=CAMPAIGN)
    home = path.resolve().parent
    campaign = found.model_copy(
        update={
            "runs": tuple(home / run for run in found.runs),
            "films": tuple(_from(home, film) for film in found.films),
            "micrographs": tuple(_from(home, sample) for sample in found.micrographs),
        }
    )
    _check_once(path, campaign)
    return campaign


def _check_once(path: Path, campaign: CampaignFile) -> None:
    """InputFileError where two names are one folder: "run", "/data/run/" and "run/results.nxs"."""
    named = [("runs", run) for run in campaign.runs]
    cells: dict[str, Sequence[ExSituCell]] = {"films": campaign.films, "micrographs": campaign.micrographs}
    named += [
        (f"{kind}.results", one.results) for kind, found in cells.items() for one in found if one.results is not None
    ]
    places: list[tuple[str, Path]] = []
    for key, given in named:
        place = (key, (given.parent if given.name in WITHIN else given).resolve())
        if place in places:
            raise bad_value(
                InputFileError, where=path, field=key, value=str(given), rule="stands twice, and would count twice",
                remedy="name each member once",
            )  # fmt: skip
        places.append(place)


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
