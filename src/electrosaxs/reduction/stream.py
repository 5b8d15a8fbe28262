"""A series of frames -> a stream of reduced frames, and the store from which a killed reduction goes on.

Decoding and integrating happen together in worker threads (both let go of the interpreter lock). They go LOOK_AHEAD frames
ahead of the one that is taken, as curves, so that they work while a block of them is written to the disk, and finished curves
live in files, so memory does not grow with the series.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

import numpy as np
import numpy.typing as npt
import scipp as sc

from ..errors import FrameError, InputFileError, ShapeError, bad_value
from ..nouns import FloatArray, RadialCounts
from ..nouns.frame_reader import FrameReader
from .azimuthal import FrameSums
from .four_frames import FOUR
from .memory import keep_freed_frames
from .sectors import COLUMNS, UNKNOWN

BLOCK = 32  # frames that are written together
LOOK_AHEAD = BLOCK
LARGE_PIXELS = 1_000_000  # of an image whose page faults count
HELD_PIXELS = 40_000_000  # of the images of one worker, 160 MB
READ = 512  # frames that are looked through together
SCATTERED = 64  # frames far from each other that are read together
DONE = 1


class FrameIntegrator(Protocol):
    """`azimuthal.Integrator` or `cross_check.PyFAIIntegrator`."""

    @property
    def shape(self) -> tuple[int, int]: ...
    def integrate(self, frame: npt.NDArray, /) -> FrameSums: ...


@runtime_checkable
class SeveralFramesIntegrator(FrameIntegrator, Protocol):
    """One that takes less time for up to FOUR frames together, with the same numbers."""

    def integrate_together(self, frames: Sequence[npt.NDArray], /) -> list[FrameSums]: ...


@dataclass(frozen=True, eq=False)
class ReducedFrame:
    """One frame in q bins as FrameSums, counts and norm (bins,); or `error`, why there is none (both then empty)."""

    index: int
    counts: FloatArray | npt.NDArray[np.int64]
    norm: FloatArray
    negative: int = 0
    saturated: int = 0
    stopped: int = 0
    error: str = ""
    sectors: FloatArray = field(default_factory=lambda: UNKNOWN)


def reduce_frames(
    reader: FrameReader, indices: Iterable[int], integrator: FrameIntegrator, *, workers: int = 2
) -> Iterator[ReducedFrame]:
    """The frames `indices` of `reader`, reduced, in that order.

    A frame that raises FrameError comes as a ReducedFrame with `error`; every other mistake stops the series.
    Raises ShapeError before the first frame where the detector is another one than the integrator's.
    """
    same_detector(reader, integrator)
    if math.prod(reader.shape) >= LARGE_PIXELS:
        keep_freed_frames()
    waiting: deque[Future[list[ReducedFrame]]] = deque()
    together = frames_together(integrator)
    rest = iter(indices)
    with ThreadPoolExecutor(workers, thread_name_prefix="reduce") as pool:
        try:
            while some := [int(index) for index in islice(rest, together)]:
                waiting.append(pool.submit(reduced_together, reader, some, integrator))
                if len(waiting) > LOOK_AHEAD // together + workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def frames_together(integrator: FrameIntegrator) -> int:
    """How many frames a worker reads before it integrates them: it holds that many images."""
    if not isinstance(integrator, SeveralFramesIntegrator):
        return 1
    return min(max(HELD_PIXELS // math.prod(integrator.shape), 2), FOUR)


def same_detector(reader: FrameReader, integrator: FrameIntegrator) -> None:
    """ShapeError where the frames are of another detector than the integrator."""
    if tuple(reader.shape) != tuple(integrator.shape):
        raise ShapeError(
            f"frames have shape {tuple(reader.shape)}: the geometry is for {tuple(integrator.shape)}; "
            "give the geometry of this detector"
        )


def reduced_frame(reader: FrameReader, index: int, integrator: FrameIntegrator) -> ReducedFrame:
    """Frame `index` in q bins, or why it cannot be read."""
    return reduced_together(reader, [index], integrator)[0]


def reduced_together(reader: FrameReader, indices: Sequence[int], integrator: FrameIntegrator) -> list[ReducedFrame]:
    """One frame, or some together, in q bins, each as `reduced_frame` has it."""
    found, frames = {}, {}
    for index in indices:
        try:
            frames[index] = reader.read(index)
        except FrameError as error:
            found[index] = unreduced(index, str(error))
    if len(frames) > 1 and isinstance(integrator, SeveralFramesIntegrator):
        sums = dict(zip(frames, integrator.integrate_together(list(frames.values())), strict=True))
    else:
        sums = {index: integrator.integrate(frame) for index, frame in frames.items()}
    found |= {index: _reduced(index, one) for index, one in sums.items()}
    return [found[index] for index in indices]


def _reduced(index: int, sums: FrameSums) -> ReducedFrame:
    return ReducedFrame(
        index, sums.counts, sums.norm, sums.negative, sums.saturated, sums.stopped, sectors=sums.sectors
    )


def unreduced(index: int, error: str) -> ReducedFrame:
    """A frame of which there is only why it is not reduced."""
    return ReducedFrame(index, np.zeros(0), np.zeros(0), error=error)


class StoredFrames:
    """Reduced frames as arrays over all frames of a series, on disk in `folder`: counts, norm (frame, bins), negative,
    saturated and stopped (frame,), sectors (frame, COLUMNS) where they are kept, and a mark where a frame is there."""

    folder: Path
    counts: npt.NDArray
    norm: npt.NDArray
    negative: npt.NDArray
    saturated: npt.NDArray
    stopped: npt.NDArray
    sectors: npt.NDArray | None = None
    _status: npt.NDArray

    @property
    def done(self) -> npt.NDArray[np.bool_]:
        """(frames,) True where the frame is stored."""
        return np.asarray(self._status) == DONE

    @property
    def pending(self) -> npt.NDArray[np.intp]:
        """Indices of the frames that are not stored yet, rising."""
        return np.flatnonzero(~self.done)

    def in_blocks(self) -> Iterator[tuple[int, npt.NDArray, npt.NDArray]]:
        """First frame, counts and norm (frame, bins) of READ frames after the other; their pages leave memory afterwards."""
        for first in range(0, len(self.counts), READ):
            yield first, self.counts[first : first + READ], self.norm[first : first + READ]
            for stored in (self.counts, self.norm):
                _give_back(stored)

    def radial_counts(self, indices: npt.ArrayLike, q: FloatArray) -> RadialCounts:
        """The stored frames `indices` as a noun, dims (frame, q), with the coordinate `index`; q: (bins,) in 1/nm."""
        wanted = np.asarray(indices, dtype=np.int64)
        missing = wanted[~self.done[wanted]]
        if missing.size:
            raise ShapeError(f"{self.folder}: frame {missing[0]} is not reduced: leave it out or reduce it first")
        counts, norm = (_rows(stored, wanted) for stored in (self.counts, self.norm))
        dims = ["frame", "q"]
        data = sc.DataArray(
            sc.array(dims=dims, values=counts, variances=counts, unit="counts"),
            coords={"q": sc.array(dims=["q"], values=q, unit="1/nm"), "index": sc.array(dims=["frame"], values=wanted)},
        )
        return RadialCounts(data, sc.array(dims=dims, values=norm, unit="one"))


class ReductionStore(StoredFrames):
    """Reduced frames in a folder: arrays on disk, each frame marked as done only after its data are there.

    key: says what the numbers depend on (files, geometry, mask, bins); another key, number of frames or bins than
    the folder's starts anew. Frames are written in blocks; a kill loses the block that was being collected.
    Frames with an error are not stored: they are tried again when the reduction goes on. Use as a context manager.
    """

    def __init__(self, folder: str | Path, *, key: str, n_frames: int, bins: int) -> None:
        self.folder, self.key = Path(folder), key
        self._collected: list[ReducedFrame] = []
        identity = {"key": key, "frames": n_frames, "bins": bins}
        label = self.folder / "key.json"
        layout: dict[str, tuple[tuple[int, ...], str]] = {
            "counts": ((n_frames, bins), "float64"),
            "norm": ((n_frames, bins), "float64"),
            "negative": ((n_frames,), "int64"),
            "saturated": ((n_frames,), "int64"),
            "stopped": ((n_frames,), "int64"),
            "sectors": ((n_frames, len(COLUMNS)), "float64"),
            "status": ((n_frames,), "uint8"),
        }
        self.resumed = _label(label) == identity and all((self.folder / f"{name}.npy").exists() for name in layout)
        if not self.resumed:
            self.folder.mkdir(parents=True, exist_ok=True)
            label.unlink(missing_ok=True)
            for name, (shape, dtype) in layout.items():
                _create(self.folder / f"{name}.npy", shape, dtype)
            replacement = label.with_suffix(".new")
            replacement.write_text(json.dumps(identity), encoding="utf-8")
            os.replace(replacement, label)
        opened = {name: np.lib.format.open_memmap(self.folder / f"{name}.npy", mode="r+") for name in layout}
        self.counts, self.norm = opened["counts"], opened["norm"]
        self.negative, self.saturated, self.stopped = (opened[name] for name in ("negative", "saturated", "stopped"))
        self.sectors = opened["sectors"]
        self._status, self._maps = opened["status"], opened

    def add(self, frame: ReducedFrame) -> None:
        """Take a frame; it is on disk after the next `flush`, which comes by itself once per block."""
        self.collect([frame])
        if len(self._collected) >= BLOCK:
            self.flush()

    def collect(self, frames: Iterable[ReducedFrame]) -> None:
        """Take frames that are kept elsewhere until the next `flush`, which the caller asks for."""
        self._collected += [frame for frame in frames if not frame.error]

    def flush(self) -> None:
        """Write what was collected: data first, the marks after they are on disk."""
        for frame in self._collected:
            self.counts[frame.index] = frame.counts
            self.norm[frame.index] = frame.norm
            self.negative[frame.index] = frame.negative
            self.saturated[frame.index] = frame.saturated
            self.stopped[frame.index] = frame.stopped
            self._maps["sectors"][frame.index] = frame.sectors
        for name in ("counts", "norm", "negative", "saturated", "stopped", "sectors"):
            self._maps[name].flush()
            _give_back(self._maps[name])
        self._status[[frame.index for frame in self._collected]] = DONE
        self._maps["status"].flush()
        self._collected.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.flush()


def _rows(stored: npt.NDArray, wanted: npt.NDArray[np.int64]) -> npt.NDArray:
    """Some rows of an array on disk. A few at a time: with each row that is far from the others the system maps the sixteen
    pages around it."""
    rows = np.empty((wanted.size, stored.shape[1]), stored.dtype)
    for first in range(0, wanted.size, SCATTERED):
        some = slice(first, first + SCATTERED)
        rows[some] = stored[wanted[some]]
        _give_back(stored)
    return rows


def _give_back(array: npt.NDArray) -> None:
    """The pages of a map leave this process's memory, which else keeps all that was ever read; the disk's cache has them."""
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)


def _label(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _create(path: Path, shape: tuple[int, ...], dtype: str) -> None:
    """An array of zeros in a file that really has its space: writing to a map of a full disk would end the process."""
    array = np.lib.format.open_memmap(path, mode="w+", shape=shape, dtype=dtype)
    array.flush()
    if hasattr(os, "posix_fallocate") and array.nbytes:
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            raise bad_value(
                InputFileError,
                where=path,
                field="size",
                value=f"{array.nbytes / 1e6:.0f} MB",
                rule=f"the disk cannot hold it ({error.strerror})",
                remedy="free space, or give an output folder on another disk",
            ) from error


def reduce_series(
    reader: FrameReader,
    integrator: FrameIntegrator,
    store: ReductionStore,
    *,
    workers: int = 2,
) -> Iterator[ReducedFrame]:
    """Reduce into `store` what it does not hold yet; yields each new frame."""
    with store:
        for frame in reduce_frames(reader, store.pending, integrator, workers=workers):
            store.add(frame)
            yield frame
