"""What a results file holds beside maps: numbers, lattice assignment, frames, notes and settings, in /entry/summary."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

from ..nouns import FrameRecord, LatticeAssignment, LineFit, Peak, RunResults
from ..nouns.results import ExpectedReflection, ReflectionRecord
from .hdf5 import text
from .numbers_json import numbers_from_plain, numbers_to_plain
from .nxdata import described, nx_group
from .plain_json import to_json

FRAME_COLUMNS = {
    "index": np.int64,
    "file": str,
    "role": str,
    "scan": np.int64,
    "height_index": np.int64,
    "height_um": np.float64,
    "time_s": np.float64,
    "used": bool,
    "reason": str,
}
FRAME_UNITS = {"height_um": "um", "time_s": "s"}


def write_summary(entry: h5py.Group, results: RunResults) -> None:
    """Write group `summary`: JSON texts `numbers`, `assignment`, `growth_line`, `settings`, `notes`; table `frames`."""
    group = nx_group(entry, "summary", "NXcollection")
    documents = {
        "numbers": numbers_to_plain(results.numbers),
        "assignment": results.assignment,
        "growth_line": results.growth_line,
        "settings": results.settings,
        "notes": results.notes,
    }
    for name, value in documents.items():
        group[name] = to_json(value)
        group[name].attrs["type"] = "application/json"
        described(group[name], dims=(), content="document")
    _write_frames(group, results.frames)


def read_summary(entry: h5py.Group) -> dict[str, Any]:
    """The fields of RunResults that `write_summary` wrote, by name."""
    group = entry["summary"]
    stored = {name: json.loads(text(group[name][()])) for name in group if isinstance(group[name], h5py.Dataset)}
    line = stored["growth_line"]
    return {
        "numbers": numbers_from_plain(stored["numbers"]),
        "assignment": _assignment(stored["assignment"]),
        "growth_line": None if line is None else LineFit(**{key: float(value) for key, value in line.items()}),
        "settings": stored["settings"],
        "notes": tuple(stored["notes"]),
        "frames": _read_frames(group["frames"]),
    }


def _assignment(stored: dict[str, Any] | None) -> LatticeAssignment | None:
    if stored is None:
        return None
    return LatticeAssignment(
        lattice=stored["lattice"],
        **numbers_from_plain({name: stored[name] for name in ("a", "crystalline_fraction")}),
        peaks=tuple(_peak(peak) for peak in stored["peaks"]),
        scores={name: float(score) for name, score in stored["scores"].items()},
        verdict=stored["verdict"],
        probabilities={name: float(share) for name, share in stored.get("probabilities", {}).items()},
        against={name: _record(record) for name, record in stored.get("against", {}).items()},
    )


def _record(stored: dict[str, Any]) -> ReflectionRecord:
    reflections = tuple(
        ExpectedReflection(tuple(one["hkl"]), float(one["q"]), float(one["significance"]), one["fate"])
        for one in stored["reflections"]
    )
    return ReflectionRecord(reflections, tuple(float(q) for q in stored["unexplained"]))


def _peak(stored: dict[str, Any]) -> Peak:
    hkl = stored.pop("hkl")
    return Peak(**{key: float(value) for key, value in stored.items()}, hkl=None if hkl is None else tuple(hkl))


def _write_frames(parent: h5py.Group, frames: Sequence[FrameRecord]) -> None:
    group = nx_group(parent, "frames", "NXcollection")
    for name, kind in FRAME_COLUMNS.items():
        values = [getattr(frame, name) for frame in frames]
        group.create_dataset(name, data=values, dtype=h5py.string_dtype() if kind is str else kind)
    flags = [";".join(frame.flags) for frame in frames]
    group.create_dataset("flags", data=flags, dtype=h5py.string_dtype())
    for name, column in group.items():
        described(column, dims=("row",), content="column", unit=FRAME_UNITS.get(name, "1"))


def _read_frames(group: h5py.Group) -> tuple[FrameRecord, ...]:
    columns = {
        name: (group[name].asstr()[()] if kind is str else group[name][()]).tolist()
        for name, kind in FRAME_COLUMNS.items()
    }
    flags = [tuple(cell.split(";")) if cell else () for cell in group["flags"].asstr()[()]]
    rows = zip(*columns.values(), flags, strict=True)
    return tuple(FrameRecord(**dict(zip([*columns, "flags"], row, strict=True))) for row in rows)
