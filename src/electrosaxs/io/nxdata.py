"""One noun as one NXdata group, and back.

Signal data set named after the group; counting sigma `<signal>_errors`; shared contributions `<signal>_<name>_errors`;
masks `<signal>_mask_<name>`; coordinates under their own names. Each data set has `units`, `dims` (comma-separated
names of its dimensions), `content` (signal, errors, contribution, mask, coordinate, coordinate_errors, index, model, quality,
column, document, parameter) and `long_name`, which plots show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import h5py
import numpy as np
import numpy.typing as npt
import scipp as sc

from ..nouns import Noun
from .hdf5 import text

N = TypeVar("N", bound=Noun)


def nx_group(parent: h5py.Group, name: str, nx_class: str, **attributes: Any) -> h5py.Group:
    """A new group of NeXus class `nx_class`."""
    group = parent.create_group(name)
    group.attrs.update({"NX_class": nx_class, **attributes})
    return group


def write_noun(parent: h5py.Group, name: str, noun: Noun) -> h5py.Group:
    """Write `noun` as NXdata `name` with the axes that a plotting program takes; returns the group."""
    data = noun.data
    group = nx_group(parent, name, "NXdata", signal=name)
    _write(group, name, data.values, data.dims, data.unit, "signal")
    if data.variances is not None:
        _write(group, f"{name}_errors", np.sqrt(data.variances), data.dims, data.unit, "errors")
    for label, sigma in noun.shared.items():
        _write(group, f"{name}_{label}_errors", sigma.values, sigma.dims, sigma.unit, "contribution", label)
    for label, mask in data.masks.items():
        values = np.asarray(mask.values, dtype=np.uint8)
        _write(group, f"{name}_mask_{label}", values, mask.dims, None, "mask", label)
    for label, coord in data.coords.items():
        _write(group, label, coord.values, coord.dims, coord.unit, "coordinate", label)
        if coord.variances is not None:
            values = np.sqrt(coord.variances)
            _write(group, f"{label}_errors", values, coord.dims, coord.unit, "coordinate_errors", label)
    mark_axes(group, data.dims, data.shape)
    return group


def mark_axes(group: h5py.Group, dims: Sequence[str], shape: Sequence[int]) -> None:
    """Set `axes` and `<coordinate>_indices`; a dimension without a coordinate of its own gets an index 0, 1, ..."""
    axes = []
    for dim, size in zip(dims, shape, strict=True):
        if dim not in group:
            _write(group, dim, np.arange(size), (dim,), None, "index")
        axes.append(dim if group[dim].shape == (size,) and _dims(group[dim]) == (dim,) else ".")
    if axes:
        group.attrs["axes"] = axes
    for name, stored in group.items():
        if stored.attrs.get("content") in ("coordinate", "index"):
            positions = [dims.index(d) for d in _dims(stored) if d in dims]
            if positions:
                group.attrs[f"{name}_indices"] = np.array(positions, dtype=np.int32)


def read_noun(group: h5py.Group, kind: type[N]) -> N:
    """The noun that `write_noun` wrote; raises UnitError or ShapeError where it is not one of `kind`."""
    parts: dict[str, dict[str, sc.Variable]] = {"contribution": {}, "mask": {}, "coordinate": {}}
    errors = {}
    for stored in group.values():
        content, label = stored.attrs.get("content"), stored.attrs.get("label")
        if content in parts:
            parts[content][label] = _read(stored)
        elif content == "coordinate_errors":
            errors[label] = stored[()]
    for label, sigma in errors.items():
        parts["coordinate"][label].variances = np.square(sigma)
    name = text(group.attrs["signal"])
    signal = _read(group[name])
    if f"{name}_errors" in group:
        signal.variances = np.square(group[f"{name}_errors"][()])
    return kind(sc.DataArray(signal, coords=parts["coordinate"], masks=parts["mask"]), parts["contribution"])


def write_arrays(
    group: h5py.Group,
    arrays: Mapping[str, npt.ArrayLike],
    unit: str = "one",
    *,
    dims: Sequence[str] = (),
    content: str = "model",
) -> None:
    """Bare arrays of one unit and the same dimensions as data sets of a group."""
    for name, values in arrays.items():
        _write(group, name, values, dims, sc.Unit(unit), content)


def described(stored: h5py.Dataset, *, dims: Sequence[str], content: str, unit: str = "1") -> None:
    """Say of a data set what every one says: `units` (of numbers), `dims`, `content`, `long_name`."""
    stored.attrs.update({"dims": ",".join(dims), "content": content})
    name = stored.name.rsplit("/", 1)[-1]
    if h5py.check_string_dtype(stored.dtype) is None:
        stored.attrs["units"] = unit
    stored.attrs["long_name"] = name if unit == "1" else f"{name} ({unit})"


def unit_text(unit: sc.Unit) -> str:
    """A unit in plain ASCII: "um", "1/nm", "1"."""
    return {"dimensionless": "1"}.get(str(unit), str(unit)).replace("µ", "u")


def _write(
    group: h5py.Group,
    name: str,
    values: Any,
    dims: Sequence[str],
    unit: sc.Unit | None,
    content: str,
    label: str | None = None,
) -> None:
    array = np.asarray(values)
    is_text = array.dtype.kind in "UO"
    stored = group.create_dataset(
        name, data=array.astype(object) if is_text else array, dtype=h5py.string_dtype() if is_text else None
    )
    described(stored, dims=dims, content=content, unit="1" if unit is None else unit_text(unit))
    if unit is None and not is_text:
        stored.attrs["unit_free"] = True  # a mask or a number of something, which is read back without a unit
    if label is not None:
        stored.attrs["label"] = label


def _read(stored: h5py.Dataset) -> sc.Variable:
    values = stored.asstr()[()] if h5py.check_string_dtype(stored.dtype) else stored[()]
    if stored.attrs["content"] == "mask":
        values = values.astype(bool)
    has_unit = "units" in stored.attrs and not stored.attrs.get("unit_free", False)
    unit = text(stored.attrs["units"]) if has_unit else None
    dims = _dims(stored)
    if not dims:
        return sc.scalar(values.item() if hasattr(values, "item") else values, unit=unit)
    return sc.array(dims=list(dims), values=values, unit=unit)


def _dims(stored: h5py.Dataset) -> tuple[str, ...]:
    return tuple(name for name in text(stored.attrs.get("dims", "")).split(",") if name)
