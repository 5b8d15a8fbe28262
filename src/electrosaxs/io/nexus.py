"""Frames of one data set of an HDF5 file, in NeXus /entry/instrument/detector/data: shape (frame, y, x) or with more
dimensions before the last two, numbered through in the order of the file; integer counts.

The usual form, one frame per chunk with bitshuffle + LZ4 (HDF5 filter 32008), passes HDF5's lock as packed bytes and
is decoded outside it (`bitshuffle` releases the GIL), so that threads scale; of a virtual data set that shows such frames
as they are, too. Everything else goes through HDF5.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import bitshuffle
import h5py
import numpy as np

from ..errors import FrameError, InputFileError
from ..nouns.frame_reader import Frame
from .bitshuffle_blocks import blocks_fit
from .hdf5 import dataset, open_hdf5
from .kept_open import KeptOpen
from .presence import Presence
from .refusal import refusal
from .whole_counts import REMEDY as WHOLE_REMEDY
from .whole_counts import RULE, a_fraction, whole_counts

DATA = "/entry/instrument/detector/data"
SATURATION = "/entry/instrument/detector/saturation_value"
GROWING = (
    "growing"  # attribute of /entry/frames: image first, row after, so that the rows say how many frames there are
)
BITSHUFFLE = 32008
LZ4 = 2  # fifth parameter of the filter: 0 none, 2 LZ4, 3 Zstandard
HEADER = struct.Struct(">QI")  # bytes unpacked, bytes per block; before the blocks of each chunk
LARGEST_BLOCK = 2**27
"""Bytes of a block of frames that is kept unpacked; of a larger one every frame unpacks it again."""
CACHE_SLOTS = 521
REMEDY = "copy the file again; the frame is left out until then"


class NexusFrames:
    """A FrameReader on one data set of one HDF5 file; any number of threads may read."""

    def __init__(self, path: Path, file: h5py.File | None = None, *, name: str = DATA) -> None:
        """Open (or take `file`, opened by another); raises InputFileError where the file, the data set `name` or its form is
        not what it must be."""
        self.path, self.name = path, name
        self._file = file or open_hdf5(path, "frames.nexus")
        self._sources: KeptOpen[tuple[Path, str], NexusFrames] = KeptOpen(lambda key: NexusFrames(key[0], name=key[1]))
        try:
            self._data = _with_room_for_blocks(self._file, path, name)
            self._lead = tuple(self._data.shape[:-2])
            self.shape: tuple[int, int] = self._data.shape[-2:]
            self.dtype = self._data.dtype
            self.saturation = _saturation(self._file)
            self._length = math.prod(self._lead)
            table = self._file.get("entry/frames")
            self.growing = table is not None and bool(table.attrs.get(GROWING, False))
            self._direct = _is_direct(self._data)
            self._presence = Presence(self._data)
            self.files = tuple(dict.fromkeys([path, *self._presence.files]))
            if self.dtype.kind == "f":
                self._refuse_fractions()
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._length

    @property
    def being_written(self) -> bool:
        """True where the file could only be opened beside its writer."""
        return bool(self._file.swmr_mode)

    def keep(self, frames: int) -> None:
        """Only the first `frames`: an image of a growing file may not have its row yet."""
        self._length = min(self._length, frames)

    def grow(self) -> None:
        """Look how many frames there are now; `file` was opened for a single writer and many readers."""
        self._data.refresh()
        self._lead = tuple(self._data.shape[:-2])
        self._length = math.prod(self._lead)

    def read(self, index: int) -> Frame:
        """Frame `index`, (y, x); raises FrameError where it was never written or is damaged."""
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        if reason := self.why_not(index):
            raise self._damaged(index, reason)
        try:
            frame = self._pixels(index)
        except (OSError, RuntimeError, ValueError, struct.error) as error:
            if isinstance(error, FrameError):
                raise
            raise self._damaged(index, f"cannot be unpacked ({error})") from error
        if self.dtype.kind == "f":
            counts = whole_counts(frame)
            if counts is None:
                raise self._damaged(index, f"{RULE} (one pixel holds {a_fraction(frame):g})")
            return counts
        return np.ascontiguousarray(frame, dtype=self.dtype.newbyteorder("="))

    def why_not(self, index: int) -> str:
        """What is missing of frame `index` in the file and its sources, in words; empty where nothing is."""
        return self._presence.why_not(index)

    def close(self) -> None:
        self._sources.close()
        self._file.close()

    def _pixels(self, index: int) -> Frame:
        """Frame `index` in the type of the file, by the fastest way."""
        if self._direct:
            return self._unpack(index)
        source = self._presence.source(index) if self._data.is_virtual else None
        if source is None:
            return self._presence.pixels(index)
        path, name, number = source
        with self._sources.of((path, name)) as frames:
            return frames.read(number).astype(self.dtype, copy=False)

    def _unpack(self, index: int) -> Frame:
        place = np.unravel_index(index, self._lead)
        skipped, packed = self._data.id.read_direct_chunk((*map(int, place), 0, 0))
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

    def _refuse_fractions(self) -> None:
        """Numbers that were stored as floating-point ones are counts where they are whole, as the first frame that is there."""
        first = next((i for i in range(len(self)) if not self.why_not(i)), None)
        if first is not None and whole_counts(frame := self._pixels(first)) is None:
            value = f"type {self.dtype}, one pixel of frame {first} holds {a_fraction(frame):g}"
            raise refusal(self.path, self.name, value, RULE, WHOLE_REMEDY)

    def _damaged(self, index: int, rule: str) -> Exception:
        return refusal(self.path, f"frame {index}", "unreadable", rule, REMEDY, FrameError)


def _with_room_for_blocks(file: h5py.File, path: Path, name: str) -> h5py.Dataset:
    """The data set; where its blocks hold several frames, with a cache in which two of them stay unpacked, so that each is
    unpacked once and not once a frame."""
    data = _checked(dataset(file, name.lstrip("/"), path), path, name)
    size = 0 if data.chunks is None else math.prod(data.chunks) * data.dtype.itemsize
    if not size or math.prod(data.chunks[:-2]) == 1 or size > LARGEST_BLOCK:
        return data
    real, at = data.file, data.name
    del data  # or HDF5 goes on with the cache that it has
    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(CACHE_SLOTS, 2 * size, 1.0)
    return h5py.Dataset(h5py.h5d.open(real.id, at.encode(), access))


def _checked(data: h5py.Dataset, path: Path, name: str) -> h5py.Dataset:
    if data.ndim < (3 if name == DATA else 2):
        rule, remedy = "must be (frame, y, x)", "write one image per frame, three dimensions in all"
        raise refusal(path, name, f"shape {data.shape}", rule, remedy, InputFileError)
    if data.dtype.kind not in "iuf":
        raise refusal(path, name, f"type {data.dtype}", RULE, "write the detector's own integers")
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
    one = (*(1 for _ in data.shape[:-2]), *data.shape[-2:])
    if data.is_virtual or data.chunks != one or data.dtype.kind not in "iu":
        return False
    filters = data.id.get_create_plist()
    if filters.get_nfilters() != 1:
        return False
    code, _, parameters, _ = filters.get_filter(0)
    return bool(code == BITSHUFFLE and len(parameters) >= 5 and parameters[4] == LZ4)
