"""PLAN.toml to the noun RunPlan, with absolute paths and the files behind them there."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

from ..nouns.run_plan import HeldFlux, NucleationStep, RunPlan
from .poni import read_poni
from .refusal import refusal
from .small_file import text_of
from .toml_kinds import RUN_PLAN
from .toml_settings import read_settings


def read_plan(path: str | Path) -> RunPlan:
    """The plan at `path`. Raises InputFileError (one line: file, field, value, rule, remedy) for a missing or malformed
    file, an unknown, missing or impossible setting, and a file named in it that is not there."""
    path = Path(path)
    plan = read_settings(path, RunPlan, kind=RUN_PLAN)
    detector, beamline, scan = plan.detector, plan.beamline, plan.scan
    found = {
        "detector.geometry": detector.geometry,
        "detector.mask": detector.mask,
        "beamline.experiment": beamline.experiment,
        "beamline.names": beamline.names,
        "scan.background": scan.background,
    }
    files = {field: None if value is None else _existing(path, field, value) for field, value in found.items()}
    if files["detector.geometry"] is not None:
        read_poni(files["detector.geometry"])
    if plan.hold is not None:
        plan = plan.model_copy(update={"hold": _with_paths(path, plan.hold)})
    return plan.model_copy(
        update={
            "detector": detector.model_copy(
                update={"geometry": files["detector.geometry"], "mask": files["detector.mask"]}
            ),
            "beamline": beamline.model_copy(
                update={"experiment": files["beamline.experiment"], "names": files["beamline.names"]}
            ),
            "scan": scan.model_copy(update={"background": files["scan.background"]}),
        }
    )


def copy_plan(source: Path, target: Path) -> None:
    """The plan as it was given, byte for byte."""
    shutil.copyfile(source, target)


def _with_paths(toml: Path, hold: HeldFlux) -> HeldFlux:
    """The belief behind a held flux, with absolute paths; a model that is not named need not be there beside a fit."""
    paths: dict[str, Path | NucleationStep] = {}
    if (step := hold.nucleate) is not None:
        table = _existing(toml, "hold.nucleate.calibration", step.calibration)
        paths["nucleate"] = step.model_copy(update={"calibration": table})
    if hold.fit is not None:
        fit = (toml.parent / hold.fit.expanduser()).resolve()
        paths["fit"] = fit
        if not fit.exists():
            rule = "there is no such folder"
            raise refusal(toml, "hold.fit", fit, rule, "give the --out folder of electrosaxs fit")
    if hold.fit is None or "model" in hold.model_fields_set:
        paths["model"] = _existing(toml, "hold.model", hold.model)
    return hold.model_copy(update=paths)


def _existing(toml: Path, field: str, value: Path) -> Path:
    path = (toml.parent / value.expanduser()).resolve()
    if not path.is_file():
        rule = "there is no such file"
        raise refusal(toml, field, path, rule, f"paths are relative to the folder of {toml.name}; correct it")
    return path


def plan_tables(path: Path) -> dict[str, Any]:
    """The tables of the plan in a run folder as they stand, unchecked: its paths lead from where it lay. Empty where there
    is none."""
    try:
        return tomllib.loads(text_of(path))
    except (OSError, ValueError):
        return {}
