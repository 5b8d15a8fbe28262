"""Frames as they arrive: the rows of a table that grows, and their images, in either form of a run (docs/formats.md).

A row counts once it is whole. An image that is not there yet, or only in part, raises FrameError until it is; whoever follows
the run asks again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import h5py
import numpy as np
import numpy.typing as npt
import scipp as sc

from ..errors import FrameError, InputFileError, UnitError
from ..nouns import Run
from ..nouns.frame_reader import Frame
from ..units import in_unit
from .beamline.image_series import image_path
from .hdf5 import answers, is_cut, text
from .images import read_image, stated_cutoff
from .nexus import NexusFrames
from .refusal import refusal
from .table_columns import COLUMNS
from .table_csv import table_of_text

TABLE = "entry/frames"


@dataclass(frozen=True)
class ArrivedRow:
    """One row of the frame table. numbers: by NeXus name of the column, NaN where empty; trouble: why it cannot be read."""

    index: int
    role: str = ""
    file: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    trouble: str = ""


class Arriving(Protocol):
    """What arrives of a run. `saturation`: as a FrameReader's, known with the first image that is read."""

    saturation: float | None
    path: Path

    def changed(self) -> float | None:
        """Epoch s of the last change of the table, None where it is not there."""

    def rows(self) -> list[ArrivedRow]:
        """The rows that were not given yet."""

    def read(self, row: ArrivedRow) -> Frame:
        """The image of a row; FrameError where it is not (yet) readable."""

    def files(self) -> tuple[Path, ...]:
        """What the pixels are in; of a folder of images one of them."""

    def close(self) -> None:
        """Nothing more is asked for."""


def arriving(run: Run) -> Arriving:
    """The frames of `run` from the first on; InputFileError for those that a beamline wrote in its own form."""
    if run.frames.foreign:
        rule = "frames in a beamline's own form are not followed while they are written"
        raise refusal(run.frames.files[0], "frames", run.frames.files[0].name, rule, "electrosaxs analyse reads them")
    if run.frames.nexus is not None:
        return ArrivingNexus(run.frames.nexus)
    assert run.frames.table is not None
    assert run.frames.images is not None
    return ArrivingImages(run.frames.table, run.frames.images)


class ArrivingImages:
    """A folder of images with a CSV that grows by whole lines, or is replaced by a longer one."""

    def __init__(self, table: Path, images: Path) -> None:
        self.path, self._images = table, images
        self.saturation: float | None = None
        self._header, self._offset, self._inode, self._count, self._looked = "", 0, -1, 0, False
        self._files: tuple[Path, ...] = ()

    def changed(self) -> float | None:
        return _changed(self.path)

    def rows(self) -> list[ArrivedRow]:
        try:
            with self.path.open("rb") as stream:
                status = self.path.stat()
                if (
                    status.st_ino != self._inode or status.st_size < self._offset
                ):  # another file: from its head, less what was
                    self._header, self._offset, self._inode, behind = "", 0, status.st_ino, self._count
                else:
                    behind = 0
                stream.seek(self._offset)
                new = stream.read()
        except OSError:
            return []
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        found = [line for line in whole.decode("utf-8-sig", "replace").splitlines() if _holds_something(line)]
        if not self._header and found:
            self._header, *found = found
        given = list(self._rows(found[behind:]))
        return given

    def _rows(self, lines: list[str]) -> Iterator[ArrivedRow]:
        for line in lines:
            index, self._count = self._count, self._count + 1
            try:
                raw = table_of_text(self.path, f"{self._header}\n{line}\n")
                numbers = {name: float(values[0]) for name, values in raw.numbers.items()}
                yield ArrivedRow(index, raw.role[0].strip().lower(), raw.file[0], numbers)
            except InputFileError as error:
                yield ArrivedRow(index, trouble=str(error))

    def read(self, row: ArrivedRow) -> Frame:
        path = image_path(self._images, row.file, self.path)
        if not path.is_file():
            raise FrameError(f"{path}: there is no such file")
        frame = read_image(path)
        if not self._looked:
            self._looked, self._files, self.saturation = True, (path,), stated_cutoff(path)
        return frame

    def files(self) -> tuple[Path, ...]:
        return self._files

    def close(self) -> None:
        """Nothing is held open."""


class ArrivingNexus:
    """One NeXus file, growing (single writer, multiple readers) or finished. What is held open locks nobody out."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.saturation: float | None = None
        self._file: h5py.File | None = None
        self._frames: NexusFrames | None = None
        self._inode, self._time, self._count = -1, -1, 0
        self._cut: tuple[tuple[int, int, int], bool] | None = None
        self._lock = Lock()

    def changed(self) -> float | None:
        return _changed(self.path)

    def rows(self) -> list[ArrivedRow]:
        try:
            columns = self._columns()
            if columns is None:
                return []
            first = self._count
            whole = min((len(column) for column in columns.values() if column.ndim), default=0)
            part = {name: _rows(column, first, whole) for name, column in columns.items()} if whole > first else {}
        except (OSError, RuntimeError, KeyError):  # being written, or replaced: again later
            self.close()
            return []
        self._count = max(whole, first)
        roles = part.pop("role", ())
        part = {name: values * _factor(columns[name], name) for name, values in part.items()}
        return [
            ArrivedRow(
                first + k,
                text(roles[k]).strip().lower(),
                numbers={name: float(v[k]) if np.isfinite(v[k]) else np.nan for name, v in part.items()},
            )
            for k in range(whole - first)
        ]

    def _columns(self) -> dict[str, h5py.Dataset] | None:
        """Role and columns, as long as they are now; None where the table is not there."""
        file = self._opened()
        group = None if file is None else file.get(TABLE)
        if group is None or "role" not in group:
            return None
        columns = {"role": group["role"]}
        columns |= {c.nexus: group[c.nexus] for c in COLUMNS if c.nexus in group}
        if self._held:
            for column in columns.values():
                column.refresh()
        return columns

    def _opened(self) -> h5py.File | None:
        """The file as it is now: held open where it is written for many readers, opened again after a change where not."""
        try:
            status = self.path.stat()
        except OSError:
            self.close()
            return None
        stale = status.st_ino != self._inode or (not self._held and status.st_mtime_ns != self._time)
        if self._file is not None and stale:
            self.close()
        if self._file is None:
            if is_cut(self.path) and not self._answers(status):
                return None  # being copied, or never whole: the analysis at the end says which
            self._file = _open(self.path)
            self._inode, self._time = status.st_ino, status.st_mtime_ns
        return self._file

    def _answers(self, status: os.stat_result) -> bool:
        """Of a file that is cut, asked once as long as it does not change."""
        now = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._cut is None or self._cut[0] != now:
            self._cut = now, answers(self.path)
        return self._cut[1]

    @property
    def _held(self) -> bool:
        return self._file is not None and bool(self._file.swmr_mode)

    def read(self, row: ArrivedRow) -> Frame:
        """May be called from several threads."""
        try:
            with self._lock:
                frames = self._grown()
            if row.index >= len(frames):
                raise FrameError(f"{self.path}: frame {row.index} of {len(frames)} is not there")
            return frames.read(row.index)
        except (OSError, RuntimeError) as error:
            with self._lock:
                self.close()
            raise FrameError(f"{self.path}: frame {row.index}: {error}") from error

    def _grown(self) -> NexusFrames:
        """The images as many as there are now."""
        file = self._opened()
        if file is None:
            raise FrameError(f"{self.path}: cannot be opened")
        if self._frames is None:
            self._frames = NexusFrames(self.path, file)
            self.saturation = self._frames.saturation
        if self._held:
            self._frames.grow()
        return self._frames

    def files(self) -> tuple[Path, ...]:
        return (self.path,) if self._frames is None else self._frames.files

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._frames = None, None


def _open(path: Path) -> h5py.File:
    """For reading while it is written; a file of an older layout, which cannot be written so, without a lock."""
    try:
        return h5py.File(path, "r", libver="latest", swmr=True)
    except OSError:
        return h5py.File(path, "r", locking=False)


def _factor(data: h5py.Dataset, name: str) -> float:
    """From the unit that a column states to that of the frame table; NaN where it states none that can be meant."""
    ours = next(c.unit for c in COLUMNS if c.nexus == name)
    try:
        return float(in_unit(sc.scalar(1.0, unit=text(data.attrs["units"])), ours, name=name))
    except (KeyError, sc.UnitError, UnitError):
        return math.nan


def _rows(column: h5py.Dataset, first: int, last: int) -> npt.NDArray[Any]:
    """Values of the frames `first` to `last`; a single value is that of all, and an axis of one (frame, 1) is none."""
    values = column[first:last] if column.ndim else np.full(last - first, column[()])
    return np.asarray(values.reshape(last - first, -1)[:, 0])


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _holds_something(line: str) -> bool:
    return bool(line.strip(" ,;\t\r\n")) and not line.lstrip().startswith("#")
