"""A NeXus file of frames that grows while others read it (HDF5's single writer, multiple readers).

Groups, attributes and columns are there before the first frame; text has a fixed length; the image is written first and
its row after it, so that a row always has its image.
"""

from __future__ import annotations

from pathlib import Path

import bitshuffle
import h5py
import hdf5plugin
import numpy as np
import numpy.typing as npt

from .nexus import GROWING, HEADER
from .nexus_writer import BLOCK_BYTES
from .table_columns import COLUMNS

ROLE_TYPE = "S16"
ROWS_PER_CHUNK = 256


class GrowingNexus:
    """The file at `path`, for int32 frames of `shape` (y, x); visible from the first moment."""

    def __init__(self, path: Path, shape: tuple[int, int], *, title: str, saturation: float | None) -> None:
        self._file = h5py.File(path, "w", libver="latest")
        self._data = self._layout(shape, title, saturation)
        self._columns = self._table()
        self._file.swmr_mode = True
        self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def append(self, frame: npt.NDArray[np.integer], role: str, values: dict[str, float]) -> None:
        """One frame and its row; `values` by NeXus name of the column, NaN where there is none. OSError where the disk
        does not take it: the row is then not there."""
        items = BLOCK_BYTES // 4
        packed = bitshuffle.compress_lz4(np.ascontiguousarray(frame, dtype=np.int32), items)
        self.append_packed(HEADER.pack(4 * frame.size, BLOCK_BYTES) + packed.tobytes(), role, values)

    def append_packed(self, chunk: bytes, role: str, values: dict[str, float]) -> None:
        """`append` for a frame that is a chunk of this file already (bitshuffle and LZ4, with its header)."""
        row = self._rows
        try:
            self._data.resize(row + 1, axis=0)
            self._data.id.write_direct_chunk((row, 0, 0), chunk)
            self._data.flush()
            for name, column in self._columns.items():
                column.resize(row + 1, axis=0)
                column[row] = np.bytes_(role) if name == "role" else values.get(name, np.nan)
                column.flush()
        except RuntimeError as error:  # h5py has no OSError for every write that fails
            raise OSError(f"{self._file.filename}: {error}") from error
        self._rows += 1

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def _layout(self, shape: tuple[int, int], title: str, saturation: float | None) -> h5py.Dataset:
        self._file.attrs.update({"NX_class": "NXroot", "default": "entry"})
        entry = self._group(self._file, "entry", "NXentry")
        entry.attrs["default"] = "data"
        entry.create_dataset("title", data=np.bytes_(title.encode("utf-8") or b"untitled"))
        detector = self._group(self._group(entry, "instrument", "NXinstrument"), "detector", "NXdetector")
        data = detector.create_dataset(
            "data", shape=(0, *shape), maxshape=(None, *shape), dtype=np.int32, chunks=(1, *shape),
            compression=hdf5plugin.Bitshuffle(nelems=BLOCK_BYTES // 4, cname="lz4"),
        )  # fmt: skip
        data.attrs.update({"units": "counts", "interpretation": "image", "long_name": "counts"})
        if saturation is not None:
            detector["saturation_value"] = saturation
        plot = self._group(entry, "data", "NXdata")
        plot.attrs["signal"] = "data"
        plot["data"] = h5py.SoftLink(data.name)
        return data

    def _table(self) -> dict[str, h5py.Dataset]:
        group = self._group(self._file["entry"], "frames", "NXcollection")
        group.attrs[GROWING] = True
        columns = {
            "role": group.create_dataset("role", (0,), maxshape=(None,), chunks=(ROWS_PER_CHUNK,), dtype=ROLE_TYPE)
        }
        for column in COLUMNS:
            made = group.create_dataset(
                column.nexus, (0,), maxshape=(None,), chunks=(ROWS_PER_CHUNK,), dtype=np.float64, fillvalue=np.nan
            )
            made.attrs.update({"units": "1" if column.unit == "one" else column.unit, "long_name": column.csv})
            columns[column.nexus] = made
        return columns

    @staticmethod
    def _group(parent: h5py.Group, name: str, nx_class: str) -> h5py.Group:
        group = parent.create_group(name)
        group.attrs["NX_class"] = nx_class
        return group
