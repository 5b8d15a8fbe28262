"""Which kind of file a TOML is by the tables in it, so that a run is not taken for a misspelt experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .refusal import refusal

RUN, EXPERIMENT, CAMPAIGN = "a run", "an experiment", "a campaign"
PLAN, MATERIALS = "the voltage table of a plan", "a table of materials"
RUN_PLAN, FILM, MICROGRAPHS = "a plan of a run", "a film", "micrographs"
EPICS = "names of a beamline on EPICS"
ARTICLE = {RUN: "run.toml", EXPERIMENT: "experiment.toml", CAMPAIGN: "campaign.toml"}
ONLY_IN = {
    RUN: (("frames", ""), ("analysis", ""), ("detector", "geometry"), ("detector", "mask")),
    EXPERIMENT: (
        ("scan", ""), ("transport", ""), ("growth", ""), ("output", ""), ("voltage", ""), ("solution", "core_diameter_nm"),
        ("solution", "distribution"), ("beam", "photons_per_s"), ("detector", "distance_m"),
    ),
}  # fmt: skip


def kind_of(data: Mapping[str, Any]) -> str | None:
    """What the tables and keys of a file are, None where they do not tell."""
    if "runs" in data or any(isinstance(data.get(key), list) for key in ("films", "micrographs")):
        return CAMPAIGN
    if "source_meter" in data or "beamline" in data:
        return RUN_PLAN
    if "film" in data:
        return FILM
    if "micrograph" in data:
        return MICROGRAPHS
    if "stage" in data or "diodes" in data:
        return EPICS
    if set(data) == {"voltage"}:
        return PLAN
    if set(data) == {"materials"}:
        return MATERIALS
    marks = {kind: sum(_has(data, *mark) for mark in of) for kind, of in ONLY_IN.items()}
    run, experiment = marks[RUN], marks[EXPERIMENT]
    return RUN if run > 2 * experiment else EXPERIMENT if experiment > 2 * run else None


def check_kind(path: Path, data: Mapping[str, Any], wanted: str) -> None:
    """InputFileError where the file is clearly of another kind than `wanted`, with what to do with it instead."""
    found = kind_of(data)
    if found in (None, wanted) or wanted in (
        RUN_PLAN,
        FILM,
        MICROGRAPHS,
        EPICS,
    ):  # which has tables of both, and whose further tables are refused by name
        return
    tables = ", ".join(f"[{key}]" if isinstance(value, Mapping) else key for key, value in data.items())
    remedy = {
        RUN: f"give {ARTICLE[wanted]}; a run is for electrosaxs analyse {path.name} --out RESULTS",
        EXPERIMENT: f"give {ARTICLE[wanted]}; an experiment becomes a run with electrosaxs simulate {path.name} --out RUN",
        CAMPAIGN: f"give one {ARTICLE[wanted]}; a campaign is for electrosaxs campaign {path.name} --out RESULTS",
        PLAN: "give experiment.toml, which the plan left beside it with this table in it",
        RUN_PLAN: f"give {ARTICLE[wanted]}; a plan becomes a run with electrosaxs acquire {path.name} --out RUN",
        FILM: f"give {ARTICLE[wanted]}; a film becomes a frame with electrosaxs simulate {path.name} --out FILM",
        MICROGRAPHS: f"give {ARTICLE[wanted]}; micrographs are made with electrosaxs simulate {path.name} --out IMAGES",
        EPICS: f"give {ARTICLE[wanted]}; names of a beamline belong beside a plan: beamline.names",
        MATERIALS: f"copy it into {ARTICLE[wanted]}",
    }[str(found)]
    raise refusal(path, "tables", tables, f"this is {found}, not {wanted}", remedy)


def _has(data: Mapping[str, Any], table: str, key: str) -> bool:
    inside = data.get(table)
    return inside is not None and (not key or (isinstance(inside, Mapping) and key in inside))
