"""Files of the command `islands`: outlines as a table and back, and results.nxs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from .. import __version__
from ..nouns import FloatArray
from ..nouns.islands import Distribution
from .atomic import replacing
from .hdf5 import DAMAGED
from .nxdata import nx_group
from .refusal import refusal

OUTLINE = "outline_px"


def outline_text(outline: FloatArray) -> str:
    """Corners as `x y; x y; ...`."""
    return "; ".join(f"{x:.2f} {y:.2f}" for x, y in outline)


def read_outlines(path: str | Path) -> list[tuple[str, FloatArray]]:
    """(image, corners) of each row of a table with a column `outline_px`, `image` empty where there is no such column."""
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        if rows and OUTLINE not in rows[0]:
            raise ValueError(f"no column {OUTLINE}")
        found = []
        for row in rows:
            corners = np.array(
                [[float(v) for v in corner.split()] for corner in row[OUTLINE].split(";") if corner.strip()]
            )
            if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
                raise ValueError(f"{row[OUTLINE]!r} is no outline")
            found.append((row.get("image") or "", corners))
        return found
    except (ValueError, KeyError, csv.Error) as error:
        rule = f"holds no outlines ({error})"
        raise refusal(path, "--truth", path.name, rule, f"give a CSV with a column {OUTLINE}: x y; x y; ...") from error


def write_island_results(path: Path, title: str, distributions: Sequence[Distribution]) -> None:
    """results.nxs of the command `islands`: one NXdata group per distribution."""
    with replacing(path) as part, h5py.File(part, "w") as file:
        file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": f"electrosaxs {__version__}"})
        entry = nx_group(file, "entry", "NXentry")
        entry.attrs.update({"command": "islands", "version": __version__})
        if distributions:
            entry.attrs["default"] = distributions[0].name
        entry["title"] = title
        for one in distributions:
            group = nx_group(entry, one.name, "NXdata", signal=one.name, axes=[one.axis_name])
            for name, values, unit in (
                (one.name, one.values, one.value_unit), (f"{one.name}_errors", one.errors, one.value_unit),
                (one.axis_name, one.axis, one.unit),
            ):  # fmt: skip
                group.create_dataset(name, data=values).attrs["units"] = unit


def read_island_curves(path: Path) -> dict[str, Distribution]:
    """The distributions in a results.nxs of the command `islands`, by name; none where it cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            groups = {name: group for name, group in file["entry"].items() if isinstance(group, h5py.Group)}
            return {name: _curve(name, group) for name, group in groups.items()}
    except (*DAMAGED, KeyError, IndexError, AttributeError):
        return {}


def _curve(name: str, group: h5py.Group) -> Distribution:
    axis = next(iter(group.attrs["axes"]))
    axis = axis.decode() if isinstance(axis, bytes) else str(axis)
    return Distribution(
        name, axis, group[axis][:], group[name][:], group[f"{name}_errors"][:], str(group[axis].attrs["units"]),
        str(group[name].attrs["units"]),
    )  # fmt: skip
