"""The frame table in NeXus: one data set per column in /entry/frames, each with `units`; `role` as strings."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import scipp as sc

from ..errors import UnitError
from ..nouns import FloatArray, FrameTable
from ..units import in_unit
from .hdf5 import dataset, open_hdf5, text
from .nexus import GROWING
from .refusal import refusal
from .table_columns import COLUMNS, Column, RawTable

GROUP = "/entry/frames"


def read_nexus_table(path: Path) -> RawTable:
    """The columns below /entry/frames in canonical units; an infinite value becomes NaN.

    A unit that can be converted (mm, ms) is, a single value is that of all frames, and an axis of one (frame, 1) is none;
    raises InputFileError for a unit that cannot be converted, for one that is not stated, for a missing column and for
    columns of different lengths.
    """
    with open_hdf5(path, "frames.nexus") as file:
        group = file.get(GROUP)
        if not isinstance(group, h5py.Group):
            raise refusal(path, GROUP, "missing", "the frame table is required", "write one data set per column there")
        role = np.ravel(dataset(group, "role", path)[()])
        found = {c.nexus: _column(path, group, c) for c in COLUMNS if c.required or c.nexus in group}
        numbers = {name: _of_frames(values, len(role)) for name, values in found.items()}
        if group.attrs.get(GROWING, False):  # the last row may be half written
            whole = min(len(role), *(len(values) for values in numbers.values()))
            role, numbers = role[:whole], {name: values[:whole] for name, values in numbers.items()}
    for name, values in numbers.items():
        if values.shape != role.shape:
            rule = f"role has shape {role.shape}, every column must have one value per frame"
            raise refusal(path, f"{GROUP}/{name}", f"shape {values.shape}", rule, "write columns of one length")
    roles = tuple(text(value).strip() for value in role)
    return RawTable(roles, (), numbers, tuple(f"frame {i}" for i in range(len(roles))))


def _of_frames(values: FloatArray, number: int) -> FloatArray:
    """A single value for each of `number` frames; without the axis of one of (frame, 1)."""
    if not values.ndim:
        return np.full(number, values)
    return values.ravel() if values.size == len(values) else values


def write_nexus_table(entry: h5py.Group, table: FrameTable) -> None:
    """Write `table` as group `frames` of an NXentry."""
    group = entry.create_group("frames")
    group.attrs["NX_class"] = "NXcollection"
    group.create_dataset("role", data=[str(role) for role in table.role], dtype=h5py.string_dtype())
    for column in COLUMNS:
        values = getattr(table, column.nexus)
        if values is not None:
            data = group.create_dataset(column.nexus, data=np.asarray(values, dtype=np.float64))
            data.attrs["units"] = "1" if column.unit == "one" else column.unit
            data.attrs["long_name"] = column.csv


def _column(path: Path, group: h5py.Group, column: Column) -> FloatArray:
    if column.nexus not in group:
        raise refusal(path, f"{GROUP}/{column.nexus}", "missing", "is required", f"add it: {column.meaning}")
    data = dataset(group, column.nexus, path)
    field = f"{GROUP}/{column.nexus}"
    if data.dtype.kind not in "fiu":
        raise refusal(path, field, f"type {data.dtype}", "must be numbers", "write floating-point numbers")
    if "units" not in data.attrs:
        remedy = f'write the attribute units, for instance "{column.unit}"'
        raise refusal(path, f"{field}@units", "missing", "every column states its unit", remedy)
    unit = text(data.attrs["units"])
    try:
        measured = sc.array(dims=["row"], values=np.atleast_1d(data[()]).astype(np.float64).ravel(), unit=unit)
        values = np.array(in_unit(measured, column.unit, name=column.nexus))
    except (sc.UnitError, UnitError) as error:
        remedy = f"write {column.meaning.split(';')[0]}, in {column.unit}"
        raise refusal(path, f"{field}@units", repr(unit), f"cannot be converted to {column.unit}", remedy) from error
    values[~np.isfinite(values)] = np.nan
    return values.reshape(data.shape)
