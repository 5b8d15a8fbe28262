"""campaign.toml, its paths made absolute, and the record that tells whether a member has to be computed again."""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputFileError, bad_value
from ..nouns.campaign import Campaign, CampaignFile, ExSituCell, FilmMember, MicrographMember, RefusedMember, told_by
from .atomic import replacing
from .toml_kinds import CAMPAIGN, check_kind
from .toml_settings import Refused, member_of, settings_of
from .toml_text import load_toml

RECORD = "member.json"
WITHIN = ("results.nxs", "run.toml")
"""Files that stand for the folder that they lie in."""
Cell = TypeVar("Cell", bound=ExSituCell)
LISTS: dict[str, type[ExSituCell]] = {"films": FilmMember, "micrographs": MicrographMember}
INPUTS = ("images", "height_maps", "packing")


def read_campaign(path: str | Path) -> Campaign:
    """The members that `path` names. One whose values cannot be meant is refused alone, with its reason; InputFileError with
    one line for what is wrong with the file: an unknown key, a value of another type, a member that stands twice."""
    path = Path(path)
    data = load_toml(path)
    check_kind(path, data, CAMPAIGN)
    refused: dict[str, dict[int, RefusedMember]] = {key: {} for key in LISTS}
    for key, model in LISTS.items():
        for place, table in enumerate(data[key] if isinstance(data.get(key), list) else ()):
            found = member_of(path, table, model, f"{key}[{place}]")
            if isinstance(found, Refused):
                refused[key][place] = _refused(table, found, f"{key}-{place + 1}")
    meant = {key: _without(value, refused.get(key, {})) for key, value in data.items()}
    file = settings_of(path, meant, CampaignFile)
    if not (file.runs or file.films or file.micrographs or any(refused.values())):
        raise bad_value(
            InputFileError, where=path, field="runs", value="none", rule="a campaign has at least one member",
            remedy='give runs = ["14/run.toml"], [[films]] or [[micrographs]]',
        )  # fmt: skip
    home = path.resolve().parent
    campaign = Campaign(
        tuple(home / run for run in file.runs),
        _in_order([_from(home, film) for film in file.films], refused["films"]),
        _in_order([_from(home, sample) for sample in file.micrographs], refused["micrographs"]),
    )
    _check_once(path, campaign)
    return campaign


def _without(value: Any, refused: Mapping[int, RefusedMember]) -> Any:
    """A list less the places of the refused; anything else as it is."""
    return [one for place, one in enumerate(value) if place not in refused] if refused else value


def _in_order(meant: Sequence[Cell], refused: Mapping[int, RefusedMember]) -> tuple[Cell | RefusedMember, ...]:
    """Those that can be meant and the refused, each at its place in the file."""
    rest = iter(meant)
    return tuple(refused.get(place) or next(rest) for place in range(len(meant) + len(refused)))


def _refused(table: Mapping[str, Any], why: Refused, place: str) -> RefusedMember:
    """What can be meant of a table whose other values cannot; `place` is its name where it says none."""
    results = [Path(table["results"])] if isinstance(table.get("results"), str) else []
    inputs = [one for key in INPUTS for one in table.get(key) or ()]
    named = table.get("name") or (told_by(results[0] if results else None, inputs) if results or inputs else place)
    stated = {key: table.get(key) for key in ("voltage_V", "gap_mm", "duration_s") if key not in why.keys}
    return RefusedMember(named, why.line, **stated)


def _check_once(path: Path, campaign: Campaign) -> None:
    """InputFileError where two names are one folder: "run", "/data/run/" and "run/results.nxs"."""
    named = [("runs", run) for run in campaign.runs]
    cells = {"films": campaign.films, "micrographs": campaign.micrographs}
    named += [
        (f"{kind}.results", one.results)
        for kind, found in cells.items()
        for one in found
        if isinstance(one, ExSituCell) and one.results is not None
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
    for key in INPUTS:
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
