"""run.toml and experiment.toml (docs/formats.md): read to the nouns Run and Experiment, and written back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ..nouns import Experiment, FrameSource, Run
from ..nouns.frame_source import INSIDE, split
from ..nouns.material import OwnMaterials
from .atomic import replacing
from .beamline.image_series import image_folder
from .poni import read_poni
from .refusal import refusal
from .toml_kinds import EXPERIMENT, RUN
from .toml_settings import read_settings


def read_run(path: str | Path) -> Run:
    """The run that `path` describes, its paths absolute and the files behind them there.

    Raises InputFileError (one line: file, field, value, rule, remedy) for a missing or malformed file, an unknown,
    missing or impossible setting, and for a geometry, mask, frame file, table or image folder that does not exist.
    """
    path = Path(path)
    run = read_settings(path, Run, kind=RUN)
    files = {
        "geometry": _existing_file(path, "detector.geometry", run.detector.geometry),
        "mask": None if run.detector.mask is None else _existing_file(path, "detector.mask", run.detector.mask),
    }
    detector = run.detector.model_copy(update=files)
    read_poni(detector.geometry)
    return run.model_copy(update={"detector": detector, "frames": _frame_source(path, run.frames)})


def read_experiment(path: str | Path) -> Experiment:
    """The experiment that `path` describes; the path of a size distribution is absolute. Raises as `read_run`."""
    path = Path(path)
    experiment = read_settings(path, Experiment, kind=EXPERIMENT)
    if experiment.solution.distribution is None:
        return experiment
    table = _existing_file(path, "solution.distribution", experiment.solution.distribution)
    return experiment.model_copy(update={"solution": experiment.solution.model_copy(update={"distribution": table})})


def write_run(path: str | Path, run: Run) -> None:
    """Write `run` so that `read_run` gives it back; files below the folder of `path` are named relative to it."""
    write_settings(Path(path), run)


def write_experiment(path: str | Path, experiment: Experiment) -> None:
    """Write `experiment` so that `read_experiment` gives it back."""
    write_settings(Path(path), experiment)


def _frame_source(toml: Path, frames: FrameSource) -> FrameSource:
    """`frames` with absolute paths, and what they name there."""
    nexus = None if frames.nexus is None else _existing_file(toml, "frames.nexus", frames.nexus)
    table = None if frames.table is None else _table(toml, frames.table)
    images = None if frames.images is None else _absolute(toml, frames.images)
    if nexus is None and images is None:
        assert table is not None  # FrameSource refuses any other form
        images = split(table)[0].parent
    if images is not None and not image_folder(images).is_dir():
        raise _absent(toml, "frames.images", image_folder(images), "folder")
    return frames.model_copy(update={"nexus": nexus, "table": table, "images": images})


def _table(toml: Path, value: Path) -> Path:
    """The table, its file there; what is meant in the file stays behind it."""
    file, inside = split(value)
    path = _existing_file(toml, "frames.table", file)
    return Path(f"{path}{INSIDE}{inside}") if inside else path


def _existing_file(toml: Path, field: str, value: Path) -> Path:
    path = _absolute(toml, value)
    if not path.is_file():
        raise _absent(toml, field, path, "file")
    return path


def _absolute(toml: Path, value: Path) -> Path:
    return (toml.parent / value.expanduser()).resolve()


def _absent(toml: Path, field: str, path: Path, kind: str) -> Exception:
    return refusal(
        toml,
        field,
        path,
        f"there is no such {kind}",
        f"paths are relative to the folder of {toml.name}; correct it or put the {kind} there",
    )


def write_settings(path: Path, settings: BaseModel) -> None:
    """Write a settings model, one TOML table per field; what is None is left out."""
    folder = path.resolve().parent
    lines: list[str] = []
    for section in type(settings).model_fields:
        table = getattr(settings, section)
        if table is None:
            continue
        values = {key: getattr(table, key) for key in type(table).model_fields}
        materials = values.pop("materials", None)
        lines += [f"[{section}]", *_rows(values, folder), ""]
        lines += [] if materials is None else _own_materials(materials, folder)
    with replacing(path) as part:
        part.write_text("\n".join(lines), encoding="utf-8")


def _rows(values: Mapping[str, Any], folder: Path) -> list[str]:
    known = {key: value for key, value in values.items() if value is not None and value == value}  # NaN: not known
    return [f"{key} = {_toml(value, folder)}" for key, value in known.items()]


def _own_materials(own: OwnMaterials, folder: Path) -> list[str]:
    """The file's own materials, one table each, without what is not given."""
    lines = []
    for kind in type(own).model_fields:
        for name, material in getattr(own, kind).items():
            values = material.model_dump(exclude_defaults=True)
            lines += [f"[materials.{kind}.{_toml(name, folder)}]", *_rows(values, folder), ""]
    return lines


def quoted(text: str | list[str]) -> str:
    """A string of TOML, or a list of them: quotation marks, backslashes and control characters are escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # which JSON leaves as it is


def _toml(value: Any, folder: Path) -> str:
    """One TOML value: number, text, path (relative below `folder`) or list of numbers."""
    if isinstance(value, Path):
        inside = value.is_relative_to(folder)
        value = value.relative_to(folder).as_posix() if inside else value.as_posix()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key, folder)} = {_toml(item, folder)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item, folder) for item in value) + "]"
    return str(value).lower() if isinstance(value, bool) else repr(value)
