"""The reduction of a run on the workers of a scheduler: ranges handed out, parts taken into the store in this process.

Frames are stored by their index, so the order in which ranges end is nowhere in the numbers. What is on disk outlives workers,
scheduler and this process.
"""

from __future__ import annotations

import os
import pickle
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from ...cluster import probe
from ...cluster.workers import Cluster, Died
from ...errors import ClusterError, bad_value
from ...reduction.parts import parts_in, read_part
from ...reduction.stream import ReducedFrame, ReductionStore, unreduced
from .frame_ranges import SERIES, TRIES, FrameRange, Series, reduce_range

AT_WORK = "at-work"
LONGEST = 256
"""Frames of a range: about a second of work, which a hand-over costs a hundredth of."""
RANGES_PER_THREAD = 4
"""Of a short series, so that all workers end at about the same time."""
FLUSH_EVERY_S = 1.0
FILES_LOOKED_AT = 8
"""Of the files that hold the frames: workers are asked for so many."""
SEEN_WITHIN_S = 30.0
"""How long a network file system may take to show here what a worker has written."""


def reduce_on_workers(
    cluster: Cluster, series: Series, store: ReductionStore, files: Iterable[Path]
) -> Iterator[ReducedFrame]:
    """Reduce into `store` what it does not hold yet; yields each new frame, in the order in which ranges end. files: what the
    frames are in.

    Raises ClusterError where workers do not see the files or the folder of the store, or all die with the same range.
    """
    pending = store.pending
    if not pending.size:
        return
    folder = _at_work(store, series)
    try:
        cluster.check([folder, folder / SERIES, *_looked_at(files)])
        yield from _taken(cluster, folder, store, pending)
    finally:
        take_left_over(store)


def _at_work(store: ReductionStore, series: Series) -> Path:
    """A folder of this call alone, with what workers need in it."""
    folder = store.folder.resolve() / f"{_name(store)}-{uuid4().hex[:12]}"
    (folder / TRIES).mkdir(parents=True)
    with (folder / SERIES).open("wb") as file:
        pickle.dump(series, file, protocol=pickle.HIGHEST_PROTOCOL)
        file.flush()
        os.fsync(file.fileno())
    return folder


def _name(store: ReductionStore) -> str:
    """The same for all calls that reduce to the same numbers."""
    return f"{AT_WORK}-{store.key[:32]}-{store.done.size}"


def _looked_at(files: Iterable[Path]) -> list[Path]:
    """A few of the files that are there, first and last among them."""
    there = [path for path in files if path.is_file()]
    chosen = np.unique(np.linspace(0, max(len(there) - 1, 0), FILES_LOOKED_AT).astype(int))
    return [there[i] for i in chosen] if there else []


def _taken(
    cluster: Cluster, folder: Path, store: ReductionStore, pending: npt.NDArray[np.intp]
) -> Iterator[ReducedFrame]:
    """Ranges of `pending` reduced on workers, their parts taken."""
    versions, _, _ = probe.look(probe.PACKAGES, ())
    length = -(-pending.size // (RANGES_PER_THREAD * max(sum(cluster.threads().values()), 1)))
    jobs = (FrameRange(folder, *ends, versions) for ends in ranges(pending, min(length, LONGEST)))
    read: list[Path] = []
    flushed = time.monotonic()
    for job, done in cluster.each(reduce_range, jobs):
        if isinstance(done, type):
            assert done is Died
            raise bad_value(
                ClusterError, where="workers", field="frames", value=f"{job.first} to {job.stop - 1}",
                rule="every worker that had them died, before it could say at which frame", remedy="give workers more memory",
            )  # fmt: skip
        for name in done.parts:
            frames = read_part(_shown(folder / name))
            store.collect(frames)
            read.append(folder / name)
            yield from frames
        yield from (unreduced(index, error) for index, error in done.errors)
        if time.monotonic() - flushed > FLUSH_EVERY_S:
            _settle(store, read)
            flushed = time.monotonic()
    _settle(store, read)


def _settle(store: ReductionStore, read: list[Path]) -> None:
    """Into the store what was read of parts; then they may go."""
    store.flush()
    for part in read:
        part.unlink(missing_ok=True)
    read.clear()


def _shown(part: Path) -> Path:
    """`part`, once this machine sees it."""
    ends = time.monotonic() + SEEN_WITHIN_S
    while not part.is_file() and time.monotonic() < ends:
        time.sleep(0.1)
    return part


def ranges(pending: npt.NDArray[np.intp], length: int) -> Iterator[tuple[int, int]]:
    """First and stop of stretches of `pending` (rising) without a gap, of at most `length` frames."""
    for stretch in np.split(pending, np.flatnonzero(np.diff(pending) != 1) + 1):
        for start in range(0, stretch.size, length):
            piece = stretch[start : start + length]
            yield int(piece[0]), int(piece[-1]) + 1


def take_left_over(store: ReductionStore) -> None:
    """Parts that nobody took, of this call or of one that was killed, into the store; the folders of such calls go."""
    for folder in store.folder.glob(f"{AT_WORK}-*"):
        if folder.name.startswith(f"{_name(store)}-"):
            for part in parts_in(folder):
                try:
                    store.collect(read_part(part))
                except (OSError, ValueError):  # a disk that lost it: its frames are reduced again
                    continue
            store.flush()
        _remove(folder)


def _remove(folder: Path) -> None:
    """The folder and what is in it; a worker that still writes there finds no folder."""
    gone = folder.with_name(f".{folder.name}")
    try:
        os.replace(folder, gone)
    except FileNotFoundError:  # removed by another process
        return
    shutil.rmtree(gone, ignore_errors=True)
