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
from .links import item_at, located
from .moments import EPICS_EPOCH
from .stacks import natural
from .their_table import TheirColumn

BESIDE = ("", "../instrument/positioners/", "../instrument/", "../sample/", "../")
SIGNALS = ("data", "value", "values", "readback")
EPICS_CLOCKS = {"NDArrayEpicsTSSec"}
DEEPEST = 8
LONGEST = 1_000_000


class Hdf5Table:
    """The table in the groups `inside` (a path, or a pattern of paths; empty: the whole file) of the file at `path`."""

    def __init__(self, path: Path, inside: str) -> None:
        self.path = path
        self.rows: int | None = None
        self._groups = _groups(path, inside)
        self._found: dict[str, TheirColumn | None] = {}
        self._below: dict[str, list[tuple[str, int]]] = {}
        self._sizes: dict[str, int] = {}

    def names(self) -> Sequence[str]:
        """The columns in the groups, their positioners and sample; of a whole file every path."""
        with open_hdf5(self.path) as file:
            if self._groups == ["/"]:
                return [name for name, _ in self._all_below(file, "/")]
            places = [(g, beside) for g in self._groups for beside in ("", "../instrument/positioners/", "../sample/")]
            found = [
                f"{beside}{name}" if beside == "../sample/" else name
                for group, beside in places
                for name, _ in _children(file, self.path, posixpath.normpath(posixpath.join(group, beside)))
            ]
            return list(dict.fromkeys(found)) or [name for name, _ in self._all_below(file, self._groups[0])]

    def column(self, name: str) -> TheirColumn | None:
        """One value for all rows, one per frame, or with the dimensions of the scan; None where a group has none."""
        if name not in self._found:
            with open_hdf5(self.path) as file:
                self._found[name] = self._joined(file, name)
        return self._found[name]

    def _joined(self, file: h5py.File, name: str) -> TheirColumn | None:
        parts = []
        for group in self._groups:
            part = self._part(file, group, name)
            if part is None:
                return None
            parts.append(part)
        if len(parts) == 1:
            return parts[0]
        rows = [self._rows(file, group) for group in self._groups]
        values = [
            np.full(n, part.values.ravel()[0]) if part.values.size == 1 else part.values.ravel()
            for part, n in zip(parts, rows, strict=True)
        ]
        return TheirColumn(name, np.concatenate(values), parts[0].unit, parts[0].epoch)

    def _part(self, file: h5py.File, group: str, name: str) -> TheirColumn | None:
        paths = [name] if name.startswith("/") else [posixpath.normpath(posixpath.join(group, b, name)) for b in BESIDE]
        for path in paths:
            with item_at(file, self.path, path) as item:
                if (data := _signal(item)) is not None:
                    return _column(name, data)
        if "/" in name:
            return None
        below = [path for path, _ in self._all_below(file, group) if name in path.split("/")[-2:]]
        if len(below) > 1:
            exact = [path for path in below if path.endswith(f"/{name}")]
            if len(exact) != 1:
                rule = f"stands in several places: {', '.join(below[:8])}"
                raise refusal(self.path, "frames.columns", name, rule, "give its path in the file")
            below = exact
        return self._part(file, group, below[0]) if below else None

    def _all_below(self, file: h5py.File, group: str) -> list[tuple[str, int]]:
        if group not in self._below:
            self._below[group] = _columns_below(file, group)
        return self._below[group]

    def _rows(self, file: h5py.File, group: str) -> int:
        """The number of values that most columns of a group have."""
        if group not in self._sizes:
            sizes = [size for _, size in _children(file, self.path, group) if size > 1]
            self._sizes[group] = max(set(sizes), key=sizes.count) if sizes else 1
        return self._sizes[group]


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


def _children(file: h5py.File, path: Path, group: str) -> list[tuple[str, int]]:
    """Columns directly in a group, with the number of values each."""
    found: list[tuple[str, int]] = []
    with item_at(file, path, group) as place:
        if not isinstance(place, h5py.Group):
            return found
        for name in place:
            try:
                data = _signal(place[name])
            except (KeyError, OSError):  # a link that leads nowhere
                continue
            if data is not None and is_column(data):
                found.append((name, int(data.size)))
    return found


def is_column(data: h5py.Dataset) -> bool:
    """Whether a data set may hold one value per frame."""
    return data.size <= LONGEST and (data.ndim < 3 or min(data.shape[-2:]) == 1)


def _columns_below(file: h5py.File, group: str) -> list[tuple[str, int]]:
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
            elif isinstance(child, h5py.Dataset) and is_column(child):
                found.append((where, int(child.size)))

    top = file.get(group)
    if isinstance(top, h5py.Group):
        visit(top, group.rstrip("/"), 0)
    return found
