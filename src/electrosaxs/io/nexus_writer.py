"""Writing frames as NeXus, one per chunk, packed outside HDF5's lock so that several threads write at full speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bitshuffle
import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..nouns import FrameTable
from .hdf5 import NewHdf5
from .nexus import HEADER
from .table_nexus import write_nexus_table

BLOCK_BYTES = 8192  # what bitshuffle itself chooses
INDEX_BYTES = 256  # of a chunk in HDF5's index, more than it needs
TABLE_ROW_BYTES = 256  # nine columns of 8 bytes and a role, more than they need


class NexusFrameWriter(NewHdf5):
    """A NeXus file of `n_frames` integer frames of `shape` (y, x).

    saturation: the count from which a pixel is saturated, where it is known.
    """

    def __init__(
        self,
        path: str | Path,
        shape: tuple[int, int],
        dtype: npt.DTypeLike,
        n_frames: int,
        *,
        title: str = "frames",
        saturation: float | None = None,
    ) -> None:
        super().__init__(path)
        self.shape, self.dtype = (int(shape[0]), int(shape[1])), np.dtype(dtype)
        if self.dtype.kind not in "iu":
            raise ShapeError(f"frames of type {self.dtype}: detector frames are integer counts")
        self._data = self._layout(int(n_frames), title)
        if saturation is not None:
            self._data.parent["saturation_value"] = saturation

    def write(self, index: int, frame: npt.NDArray[np.integer]) -> None:
        """Write frame `index`; packs outside the lock. Raises ShapeError for another shape or type."""
        if frame.shape != self.shape or frame.dtype != self.dtype:
            raise ShapeError(f"frame of {frame.dtype} {frame.shape}: this file holds {self.dtype} {self.shape}")
        items = BLOCK_BYTES // self.dtype.itemsize
        packed = bitshuffle.compress_lz4(np.ascontiguousarray(frame), items)
        chunk = HEADER.pack(frame.nbytes, BLOCK_BYTES) + packed.tobytes()
        with self._lock:
            self._reserve(len(chunk) + INDEX_BYTES)
            self._data.id.write_direct_chunk((index, 0, 0), chunk)

    def write_table(self, table: FrameTable) -> None:
        """Write the frame table to /entry/frames; raises ShapeError where it has not one row per frame."""
        if len(table) != len(self._data):
            raise ShapeError(f"table of {len(table)} rows: this file holds {len(self._data)} frames")
        with self._lock:
            self._reserve(TABLE_ROW_BYTES * len(table))
            write_nexus_table(self._file["entry"], table)

    def _layout(self, n_frames: int, title: str) -> h5py.Dataset:
        self._file.attrs.update({"NX_class": "NXroot", "default": "entry"})
        entry = _group(self._file, "entry", "NXentry", default="data")
        entry["title"] = title
        instrument = _group(entry, "instrument", "NXinstrument")
        detector = _group(instrument, "detector", "NXdetector")
        data = detector.create_dataset(
            "data",
            shape=(n_frames, *self.shape),
            dtype=self.dtype,
            chunks=(1, *self.shape),
            compression=hdf5plugin.Bitshuffle(nelems=BLOCK_BYTES // self.dtype.itemsize, cname="lz4"),
        )
        data.attrs.update({"units": "counts", "interpretation": "image", "long_name": "counts"})
        plot = _group(entry, "data", "NXdata", signal="data")
        plot["data"] = h5py.SoftLink(data.name)
        return data


def _group(parent: h5py.Group, name: str, nx_class: str, **attributes: Any) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs.update({"NX_class": nx_class, **attributes})
    return group
