"""Whether the pixels of a frame are really in the file.

HDF5 fills in, without a word, what is not there: a chunk that was never written, a virtual data set whose source was not
copied or is too short. Such a frame reads as zero counts, which a detector may have counted too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from .hdf5 import DAMAGED

NEVER_WRITTEN = "was never written"
UNLIMITED = 2**40
IntArray = npt.NDArray[np.int64]


class Presence:
    """What is missing of the frames of a data set (..., y, x), which are numbered through in the order of the file; sources of
    a virtual one are opened when asked for.

    `files`: the files that hold the pixels, itself and its sources, whether they are there or not.
    """

    def __init__(self, data: h5py.Dataset) -> None:
        self._data = data
        self._path = Path(data.file.filename)
        self._parts = list(_parts(data)) if data.is_virtual else []
        self._part_reasons: dict[int, dict[int, str]] = {}
        self._parts_of: dict[int, list[int]] = {}
        self._area = np.zeros(math.prod(self._lead), dtype=np.int64)  # pixels of each frame that have a source
        for number, part in enumerate(self._parts):
            self._area[list(part.place_of)] += part.pixels
            for frame in part.place_of:
                self._parts_of.setdefault(frame, []).append(number)
        self._written_until: int | None = None
        self._whole: dict[int, tuple[Path, str, IntArray]] = {}
        sources = (_source_path(part.file, self._path) for part in self._parts)
        self.files = tuple(dict.fromkeys([self._path, *sources]))

    @property
    def _lead(self) -> tuple[int, ...]:
        """All dimensions but those of a frame; a file that is being written grows."""
        return tuple(self._data.shape[:-2])

    def why_not(self, index: int) -> str:
        """What is missing of frame `index`, in words that follow "frame 3"; empty where all is there."""
        if self._data.is_virtual:
            return self._why_not_virtual(index)
        if self._data.chunks is None:
            empty = self._data.external is None and self._data.id.get_offset() is None and _is_contiguous(self._data)
            return NEVER_WRITTEN if empty else self._why_not_external(index)
        written = [self._chunk_is_there(index, y, x) for y, x in self._tiles()]
        if not any(written):
            return NEVER_WRITTEN
        if not all(written):
            return f"was written only in part ({sum(written)} of {len(written)} blocks of pixels)"
        return NEVER_WRITTEN if index >= self._end() else ""

    def source(self, index: int) -> tuple[Path, str, int] | None:
        """File, data set and number there of a frame that a virtual data set shows as it is; None where it does not."""
        numbers = self._parts_of.get(index, ())
        if len(numbers) != 1 or self.why_not(index) or numbers[0] not in self._whole:
            return None
        path, name, frames = self._whole[numbers[0]]
        return path, name, int(frames[self._parts[numbers[0]].place_of[index]])

    def _tiles(self) -> Iterator[tuple[int, int]]:
        height, width = self._data.shape[-2:]
        high, wide = self._data.chunks[-2:]
        return product(range(0, height, high), range(0, width, wide))

    def _chunk(self, index: int) -> tuple[int, ...]:
        """Where the block of frames begins that holds a frame, along all dimensions but the last two."""
        place = np.unravel_index(index, self._lead) if self._lead else ()
        return tuple(int(i) - int(i) % depth for i, depth in zip(place, self._data.chunks, strict=False))

    def _chunk_is_there(self, index: int, y: int, x: int) -> bool:
        return self._data.id.get_chunk_info_by_coord((*self._chunk(index), y, x)).byte_offset is not None

    def _end(self) -> int:
        """First frame that was never written: behind the last one that holds anything, in the last block of frames there is.

        A writer that died within a block of several frames left the rest of it filled. A block that holds nothing at all
        was written as it is.
        """
        frames, depth = math.prod(self._lead), math.prod(self._data.chunks[:-2])
        if depth == 1:
            return frames
        if self._written_until is None:
            last = next((i for i in reversed(range(frames)) if self._chunk_is_there(i, 0, 0)), 0)
            block = self._chunk(last)
            mates = [i for i in range(max(last + 1 - self._reach(), 0), last + 1) if self._chunk(i) == block]
            full = [i for i in mates if not np.all(self.pixels(i) == self._data.fillvalue)]
            self._written_until = full[-1] + 1 if full else frames
        return self._written_until

    def _reach(self) -> int:
        """How far apart two frames of one block of frames can stand."""
        depths = self._data.chunks[:-2]
        return (
            int(np.ravel_multi_index([min(d, n) - 1 for d, n in zip(depths, self._lead, strict=True)], self._lead)) + 1
        )

    def pixels(self, index: int) -> npt.NDArray:
        """Frame `index` as HDF5 gives it, (y, x)."""
        return np.asarray(self._data[tuple(np.unravel_index(index, self._lead)) if self._lead else ()])

    def _why_not_external(self, index: int) -> str:
        """Pixels in raw files beside the HDF5 file, of which what is missing reads as zero."""
        if not self._data.external:
            return ""
        size = int(np.prod(self._data.shape[-2:])) * self._data.dtype.itemsize
        end, start = (index + 1) * size, 0
        for name, offset, length in self._data.external:
            if start < end and start + length > index * size:
                raw = _source_path(name, self._path)
                if not raw.is_file():
                    return f"is in {raw.name}, and there is no such file"
                if raw.stat().st_size < offset + min(end - start, length):
                    return f"is in {raw.name}, which is truncated"
            start += length
        return ""

    def _why_not_virtual(self, index: int) -> str:
        if not self._area[index]:
            return "is mapped to no source of the virtual data set"
        for number in self._parts_of[index]:
            if number not in self._part_reasons:
                self._part_reasons[number] = self._reasons(self._parts[number])
            if reason := self._part_reasons[number].get(index, ""):
                return reason
        if self._area[index] < self._area.max():
            return "is mapped in part only: the virtual data set has sources for more of the other frames"
        return ""

    def _reasons(self, part: _Part) -> dict[int, str]:
        """Frame -> why the source `part` does not show it; frames that are there are left out."""
        path = _source_path(part.file, self._path)
        if not path.is_file():
            return part.all(f"is in {path.name}, and there is no such file")
        try:
            with h5py.File(path, "r") as file:
                source = file.get(part.name)
                if isinstance(source, h5py.Dataset):
                    return self._missing_in(source, path, part)
                return part.all(f"is in {path.name}, which has no data set {part.name}")
        except DAMAGED:
            return part.all(f"is in {path.name}, which is damaged or no HDF5 file")

    def _missing_in(self, source: h5py.Dataset, path: Path, part: _Part) -> dict[int, str]:
        where = path.name
        if source.ndim < 3:
            empty = source.id.get_storage_size() == 0 and not source.is_virtual
            return part.all(f"is in {where}, and {NEVER_WRITTEN} there") if empty else {}
        selected = self._selected(source, part)
        high, wide = source.shape[-2:]
        if high * wide < part.pixels or high < selected.reach[0] or wide < selected.reach[1]:
            return part.all(f"is in {where}, whose frames of {source.shape[-2:]} pixels are too small")
        if (high, wide) == self._data.shape[-2:] == part.shape and part.pixels == high * wide:
            self._whole[self._parts.index(part)] = (path, part.name, selected.frames)
        presence, found, holds = Presence(source), {}, math.prod(source.shape[:-2])
        for frame, place in part.place_of.items():
            own = int(selected.frames[place]) if place < selected.frames.size else holds
            if own >= holds:
                found[frame] = f"is in {where}, which holds {holds} frames only"
            elif reason := presence.why_not(own):
                found[frame] = f"is frame {own} of {where}, which {reason}"
        return found

    def _selected(self, source: h5py.Dataset, part: _Part) -> _Selected:
        """What the virtual data set shows of `source`; HDF5 knows it only once it has read from there."""
        whole = _Selected(np.arange(len(part.place_of)), part.pixels, (0, 0))
        if math.prod(source.shape[:-2]) == whole.frames.size and math.prod(source.shape[-2:]) == part.pixels:
            return whole
        _ = self._data[part.corner]
        space = self._data.id.get_create_plist().get_virtual_srcspace(part.mapping)
        if space.get_simple_extent_ndims() != source.ndim:
            return whole
        selected = _Selected.of(space)
        grows = selected.frames.size == 1 and whole.frames.size > 1  # an unlimited selection states one block
        return replace(selected, frames=selected.frames[0] + whole.frames) if grows else selected


@dataclass(frozen=True, eq=False)
class _Part:
    """One source of a virtual data set: file and data set; which frames of the whole are its first, second, ...; where it
    begins in the whole; number of the mapping that names it; how many pixels of each frame, and where (y, x) they end."""

    file: str
    name: str
    place_of: dict[int, int]
    corner: tuple[int, ...]
    mapping: int
    pixels: int
    shape: tuple[int, int]

    def all(self, reason: str) -> dict[int, str]:
        """`reason` for every frame."""
        return dict.fromkeys(self.place_of, reason)


@dataclass(frozen=True)
class _Selected:
    """A selection in a data space: numbers along the first dimension, rising; elements of each; where the last two end."""

    frames: IntArray
    pixels: int
    reach: tuple[int, int]

    @classmethod
    def of(cls, space: h5py.h5s.SpaceID, most: tuple[int, ...] | None = None) -> _Selected:
        """most: sizes of the dimensions before the last two, where the selection may be unlimited."""
        shape = space.get_simple_extent_dims()
        lead = shape[:-2]
        if space.get_select_type() != h5py.h5s.SEL_HYPERSLABS:
            return cls(np.arange(math.prod(lead)), int(np.prod(shape[-2:])), shape[-2:])
        if not space.is_regular_hyperslab():
            low, high = space.get_select_bounds()
            places = [np.arange(first, last + 1) for first, last in zip(low[:-2], high[:-2], strict=True)]
            frames = _numbered(places, most or lead)
            return cls(frames, space.get_select_npoints() // frames.size, (int(high[-2]) + 1, int(high[-1]) + 1))
        start, stride, count, block = (np.asarray(x, dtype=np.int64) for x in space.get_regular_hyperslab())
        end = start + stride * (count - 1) + block
        pixels, reach = int(np.prod((count * block)[-2:])), (int(end[-2]), int(end[-1]))
        places = []
        for axis in range(len(lead)):
            repeats = int(count[axis])
            if not 0 < repeats < UNLIMITED:
                repeats = 1 if most is None else -(-(most[axis] - int(start[axis])) // int(stride[axis]))
            numbers = start[axis] + stride[axis] * np.arange(repeats)[:, None] + np.arange(block[axis])
            numbers = numbers.ravel()
            places.append(numbers if most is None else numbers[numbers < most[axis]])
        return cls(_numbered(places, most or lead), pixels, reach)


def _numbered(places: list[IntArray], sizes: tuple[int, ...]) -> IntArray:
    """Numbers of the frames at all combinations of places along the dimensions before the last two, in the file's order."""
    if not places:
        return np.zeros(1, dtype=np.int64)
    if len(places) == 1:
        return np.asarray(places[0], dtype=np.int64)
    grid = np.meshgrid(*places, indexing="ij")
    return np.asarray(np.ravel_multi_index([axis.ravel() for axis in grid], sizes), dtype=np.int64)


def _parts(data: h5py.Dataset) -> Iterator[_Part]:
    """The sources that a virtual data set declares."""
    for mapping, source in enumerate(data.virtual_sources()):
        shown = _Selected.of(source.vspace, data.shape[:-2])
        frames, corner = shown.frames.tolist(), source.vspace.get_select_bounds()[0]
        names = (source.file_name, source.dset_name)
        if any("%b" in name for name in names):  # one source per block: file-0.h5, file-1.h5, ...
            for block, frame in enumerate(frames):
                file, name = (text.replace("%b", str(block)) for text in names)
                yield _Part(file, name, {frame: 0}, (frame, *corner[1:]), mapping, shown.pixels, shown.reach)
        else:
            places = {frame: place for place, frame in enumerate(frames)}
            yield _Part(*names, places, corner, mapping, shown.pixels, shown.reach)


def _source_path(name: str | bytes, beside: Path) -> Path:
    """Where HDF5 looks for the file of a virtual or external source: "." is the file itself, else beside it."""
    text = name.decode() if isinstance(name, bytes) else name
    if text == ".":
        return beside
    near = beside.parent / text
    here = Path(text)
    return here if not near.exists() and here.exists() else near


def _is_contiguous(data: h5py.Dataset) -> bool:
    return bool(data.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS)
