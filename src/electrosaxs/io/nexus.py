"""Frames of a NeXus file: /entry/instrument/detector/data, shape (frame, y, x), integer counts.

The usual form, one frame per chunk with bitshuffle + LZ4 (HDF5 filter 32008), passes HDF5's lock as packed bytes and
is decoded outside it (`bitshuffle` releases the GIL), so that threads scale. Everything else goes through HDF5.
"""

from __future__ import annotations

import struct
from pathlib import Path

import bitshuffle
import h5py
import numpy as np

from ..errors import FrameError, InputFileError
from ..nouns.frame_reader import Frame
from .bitshuffle_blocks import blocks_fit
from .hdf5 import dataset, open_hdf5
from .presence import Presence
from .refusal import refusal

DATA = "/entry/instrument/detector/data"
SATURATION = "/entry/instrument/detector/saturation_value"
GROWING = (
    "growing"  # attribute of /entry/frames: image first, row after, so that the rows say how many frames there are
)
BITSHUFFLE = 32008
LZ4 = 2  # fifth parameter of the filter: 0 none, 2 LZ4, 3 Zstandard
HEADER = struct.Struct(">QI")  # bytes unpacked, bytes per block; before the blocks of each chunk
REMEDY = "copy the file again; the frame is left out until then"


class NexusFrames:
    """A FrameReader on one NeXus file; any number of threads may read."""

    def __init__(self, path: Path, file: h5py.File | None = None) -> None:
        """Open (or take `file`, opened by another); raises InputFileError where the file, the data set or its form is not
        what it must be."""
        self.path = path
        self._file = file or open_hdf5(path, "frames.nexus")
        try:
            self._data = _checked(dataset(self._file, DATA.lstrip("/"), path), path)
        except BaseException:
            self._file.close()
            raise
        self.shape: tuple[int, int] = self._data.shape[1:]
        self.dtype = self._data.dtype
        self.saturation = _saturation(self._file)
        self._length = int(self._data.shape[0])
        table = self._file.get("entry/frames")
        self.growing = table is not None and bool(table.attrs.get(GROWING, False))
        self._direct = _is_direct(self._data)
        self._presence = Presence(self._data)
        self.files = tuple(dict.fromkeys([path, *self._presence.files]))

    def __len__(self) -> int:
        return self._length

    def keep(self, frames: int) -> None:
        """Only the first `frames`: an image of a growing file may not have its row yet."""
        self._length = min(self._length, frames)

    def grow(self) -> None:
        """Look how many frames there are now; `file` was opened for a single writer and many readers."""
        self._data.refresh()
        self._length = int(self._data.shape[0])

    def read(self, index: int) -> Frame:
        """Frame `index`, (y, x); raises FrameError where it was never written or is damaged."""
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        if reason := self.why_not(index):
            raise self._damaged(index, reason)
        try:
            frame = self._unpack(index) if self._direct else self._data[index]
        except (OSError, RuntimeError, ValueError, struct.error) as error:
            if isinstance(error, FrameError):
                raise
            raise self._damaged(index, f"cannot be unpacked ({error})") from error
        return np.ascontiguousarray(frame, dtype=self.dtype.newbyteorder("="))

    def why_not(self, index: int) -> str:
        """What is missing of frame `index` in the file and its sources, in words; empty where nothing is."""
        return self._presence.why_not(index)

    def close(self) -> None:
        self._file.close()

    def _unpack(self, index: int) -> Frame:
        skipped, packed = self._data.id.read_direct_chunk((index, 0, 0))
        raw = np.frombuffer(packed, dtype=np.uint8)
        if skipped:
            return raw.view(self.dtype).reshape(self.shape)
        size, block = HEADER.unpack_from(packed)
        item, pixels = self.dtype.itemsize, self.shape[0] * self.shape[1]
        if size != item * pixels or block == 0 or block % (8 * item):
            raise self._damaged(index, f"has a chunk header of {size} bytes in blocks of {block}")
        if not blocks_fit(raw[HEADER.size :], pixels, item, block // item):
            raise self._damaged(index, "has blocks that reach beyond its chunk")
        return bitshuffle.decompress_lz4(raw[HEADER.size :], self.shape, self.dtype, block // item)

    def _damaged(self, index: int, rule: str) -> Exception:
        return refusal(self.path, f"frame {index}", "unreadable", rule, REMEDY, FrameError)


def _checked(data: h5py.Dataset, path: Path) -> h5py.Dataset:
    if data.ndim != 3:
        rule, remedy = "must be (frame, y, x)", "write one image per frame, three dimensions in all"
        raise refusal(path, DATA, f"shape {data.shape}", rule, remedy, InputFileError)
    if data.dtype.kind not in "iu":
        rule = "must be integer counts: the counting statistics need the photons that were counted"
        raise refusal(path, DATA, f"type {data.dtype}", rule, "write the detector's own integers")
    return data


def _saturation(file: h5py.File) -> float | None:
    """NXdetector's saturation_value, None where there is none above 0."""
    stated = file.get(SATURATION)
    if not isinstance(stated, h5py.Dataset) or stated.size != 1 or stated.dtype.kind not in "fiu":
        return None
    value = float(np.ravel(stated[()])[0])
    return value if np.isfinite(value) and value > 0 else None


def _is_direct(data: h5py.Dataset) -> bool:
    """Whether each frame is one chunk, packed by bitshuffle + LZ4 and nothing else."""
    if data.is_virtual or data.chunks != (1, *data.shape[1:]):
        return False
    filters = data.id.get_create_plist()
    if filters.get_nfilters() != 1:
        return False
    code, _, parameters, _ = filters.get_filter(0)
    return bool(code == BITSHUFFLE and len(parameters) >= 5 and parameters[4] == LZ4)
