"""Columns in an HDF5 file: a group of data sets (NeXus, BLISS, areaDetector), several groups one after the other, or paths.

A name is looked for in the group, among the positioners and the sample beside it, then below; a group that is named (NXlog,
NXmonitor) is its signal.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..hdf5 import open_hdf5, text
from ..refusal import refusal
from .links import located, opened
from .stacks import natural
from .their_table import TheirColumn

BESIDE = ("", "../instrument/positioners/", "../instrument/", "../sample/", "../")
SIGNALS = ("data", "value", "values", "readback")
EPICS_EPOCH = 631152000.0
"""1990-01-01 in seconds since 1970: the seconds past epoch of EPICS count from there."""
EPICS_CLOCKS = {"NDArrayEpicsTSSec"}
DEEPEST = 8
LONGEST = 1_000_000


class Hdf5Table:
    """The table in the groups `inside` (a path, or a pattern of paths; empty: the whole file) of the file at `path`."""

    def __init__(self, path: Path, inside: str) -> None:
        self.path = path
        self.rows: int | None = None
        self._groups = _groups(path, inside)

    def names(self) -> Sequence[str]:
        """The columns directly in the group; of a whole file every path."""
        group = self._groups[0]
        found = [] if group == "/" else [name for name, _ in _children(self.path, group)]
        return found or [name for name, item in columns_below(self.path, group)]

    def column(self, name: str) -> TheirColumn | None:
        """One value for all rows, one per frame, or with the dimensions of the scan; None where a group has none."""
        parts = [self._part(group, name) for group in self._groups]
        if any(part is None for part in parts):
            return None
        known = [part for part in parts if part is not None]
        if len(known) == 1:
            return known[0]
        rows = [self._rows(group) for group in self._groups]
        values = [
            np.full(n, part.values.ravel()[0]) if part.values.size == 1 else part.values.ravel()
            for part, n in zip(known, rows, strict=True)
        ]
        return TheirColumn(name, np.concatenate(values), known[0].unit, known[0].epoch)

    def _part(self, group: str, name: str) -> TheirColumn | None:
        paths = [name] if name.startswith("/") else [posixpath.normpath(posixpath.join(group, b, name)) for b in BESIDE]
        for path in paths:
            place = located(self.path, path)
            if not place.missing:
                with opened(place) as item:
                    if (data := _signal(item)) is not None:
                        return _column(name, data)
        if "/" in name:
            return None
        below = [path for path, _ in columns_below(self.path, group) if name in path.split("/")[-2:]]
        if len(below) > 1:
            exact = [path for path in below if path.endswith(f"/{name}")]
            if len(exact) != 1:
                rule = f"stands in several places: {', '.join(below[:8])}"
                raise refusal(self.path, "frames.columns", name, rule, "give its path in the file")
            below = exact
        return self._part(group, below[0]) if below else None

    def _rows(self, group: str) -> int:
        """The number of values that most columns of a group have."""
        sizes = [size for _, size in _children(self.path, group) if size > 1]
        return max(set(sizes), key=sizes.count) if sizes else 1


def _groups(path: Path, inside: str) -> list[str]:
    wanted = "/" + inside.strip("/")
    if not set("*?[") & set(inside):
        place = located(path, wanted)
        if place.missing:
            raise refusal(path, "frames.table", inside, place.missing, "correct the path of the group in the file")
        return [wanted]
    with open_hdf5(path) as file:
        found = list(_paths(file, wanted.strip("/").split("/"), ""))
    if not found:
        with open_hdf5(path) as file:
            there = ", ".join(list(file)[:20])
        raise refusal(path, "frames.table", inside, "fits no group of the file", f"the file holds {there}")
    return sorted(found, key=natural)


def _paths(group: h5py.Group, parts: list[str], at: str) -> Iterator[str]:
    """The paths that fit a pattern, component by component."""
    for name in fnmatch.filter(list(group), parts[0]):
        where = f"{at}/{name}"
        if len(parts) == 1:
            yield where
            continue
        item = group.get(name)
        if isinstance(item, h5py.Group):
            yield from _paths(item, parts[1:], where)


def _signal(item: Any) -> h5py.Dataset | None:
    """The data set itself, or the one that a group stands for."""
    if isinstance(item, h5py.Dataset):
        return item
    if not isinstance(item, h5py.Group):
        return None
    own = str(item.name).rpartition("/")[2]
    for name in (text(item.attrs.get("signal", "")), *SIGNALS, own):
        found = item.get(name) if name else None
        if isinstance(found, h5py.Dataset):
            return found
    return None


def _column(name: str, data: h5py.Dataset) -> TheirColumn:
    unit = next((text(data.attrs[key]) for key in ("units", "unit") if key in data.attrs), None)
    own = str(data.name).rpartition("/")[2]
    epoch = EPICS_EPOCH if own in EPICS_CLOCKS else _start(data)
    if data.dtype.kind in "iufb":
        return TheirColumn(name, np.asarray(data[()], dtype=float), unit, epoch)
    cells = np.atleast_1d(data[()])
    return TheirColumn(name, np.array([text(cell) for cell in cells.ravel()], dtype=object).reshape(cells.shape), unit)


def _start(data: h5py.Dataset) -> float:
    """When an NXlog's clock began (its attribute start), in seconds since 1970; 0 where it does not say."""
    try:
        return datetime.fromisoformat(text(data.attrs["start"])).timestamp()
    except (KeyError, ValueError):
        return 0.0


def _children(path: Path, group: str) -> list[tuple[str, int]]:
    """Columns directly in a group, with the number of values each."""
    place = located(path, group)
    found = []
    with opened(place) as item:
        for name in item if isinstance(item, h5py.Group) else ():
            at = located(place.file, f"{place.name}/{name}")
            if at.missing:
                continue
            with opened(at) as child:
                data = _signal(child)
                if data is not None and _is_column(data):
                    found.append((name, int(data.size)))
    return found


def _is_column(data: h5py.Dataset) -> bool:
    return data.size <= LONGEST and (data.ndim < 3 or min(data.shape[-2:]) == 1)


def columns_below(path: Path, group: str) -> list[tuple[str, int]]:
    """Path and number of values of every column below a group, links to other files left out."""
    found: list[tuple[str, int]] = []

    def visit(item: h5py.Group, at: str, depth: int) -> None:
        for name in item:
            link = item.get(name, getlink=True)
            if depth > DEEPEST or not isinstance(link, h5py.HardLink):
                continue
            child, where = item[name], f"{at}/{name}"
            if isinstance(child, h5py.Group):
                visit(child, where, depth + 1)
            elif isinstance(child, h5py.Dataset) and _is_column(child):
                found.append((where, int(child.size)))

    place = located(path, group)
    if not place.missing:
        with opened(place) as top:
            if isinstance(top, h5py.Group):
                visit(top, group.rstrip("/"), 0)
    return found
