"""What a worker does: a range of frames, read and integrated where the worker is, into files that the one in charge takes over.

A task is a folder and two numbers. Everything else is in that folder, once: run, table and integrator (`series.pickle`,
unpacked once per process, the same numbers on every machine), the finished parts, and which ranges were begun
(`cluster.attempts`).
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ...cluster.attempts import Tries
from ...cluster.workers import refuse_others
from ...io.images import open_frames
from ...nouns import FrameTable, Run
from ...nouns.frame_reader import FrameReader
from ...reduction.memory import keep_freed_frames
from ...reduction.parts import SUFFIX, write_part
from ...reduction.stream import (
    FrameIntegrator,
    ReducedFrame,
    frames_together,
    reduced_frame,
    reduced_together,
    unreduced,
)

SERIES, TRIES = "series.pickle", "tries"
MOST_TRIES = 3
KILLS = f"the process that read it died {MOST_TRIES} times, give the workers more memory"
NO_MEMORY = "there is not enough memory to read it"
_OPENING, _ALONE = threading.Lock(), threading.Lock()


@dataclass(frozen=True, eq=False)
class Series:
    """What is the same for all ranges of a run."""

    run: Run
    table: FrameTable
    integrator: FrameIntegrator


@dataclass(frozen=True)
class FrameRange:
    """Frames first to stop - 1 of the series in `folder`; versions: of the process in charge, for workers that come late."""

    folder: Path
    first: int
    stop: int
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.first:08d}-{self.stop:08d}"


@dataclass(frozen=True)
class RangeDone:
    """Names of the parts that hold the frames, and why the others are not there, by index."""

    parts: tuple[str, ...]
    errors: tuple[tuple[int, str], ...]


def reduce_range(job: FrameRange) -> RangeDone:
    """Reduce the frames of a range into a part, or into one part each where an earlier try of this range was killed."""
    refuse_others("worker", job.versions)
    reader, integrator = _opened(job.folder)
    if (job.folder / f"{job.name}{SUFFIX}").is_file():  # its worker died when it had finished
        return RangeDone((f"{job.name}{SUFFIX}",), ())
    with Tries(job.folder / TRIES, job.name) as tries:
        if tries.earlier == 0:
            return _kept(job.folder, job.name, list(_all(job, reader, integrator)))
        with _ALONE:  # so that what dies was what this try was at
            singles = list(_one_by_one(job, tries, reader, integrator))
    return RangeDone(tuple(n for s in singles for n in s.parts), tuple(e for s in singles for e in s.errors))


def _all(job: FrameRange, reader: FrameReader, integrator: FrameIntegrator) -> Iterator[ReducedFrame]:
    """Some frames at a time, and each alone where memory lacks for them together."""
    some = frames_together(integrator)
    for first in range(job.first, job.stop, some):
        indices = range(first, min(first + some, job.stop))
        try:
            yield from reduced_together(reader, indices, integrator)
        except MemoryError:
            yield from [_reduced(reader, index, integrator) for index in indices]


def _one_by_one(job: FrameRange, tries: Tries, reader: FrameReader, integrator: FrameIntegrator) -> Iterator[RangeDone]:
    """Each frame on its own: on disk before the next is begun, given up where it was at hand when MOST_TRIES tries died (the
    first of which did not say what it was at)."""
    for index in range(job.first, job.stop):
        one = FrameRange(job.folder, index, index + 1)
        part = f"{one.name}{SUFFIX}"
        if (job.folder / part).is_file():
            yield RangeDone((part,), ())
        elif tries.at_hand.count(index) + 1 >= MOST_TRIES:
            yield RangeDone((), ((index, KILLS),))
        else:
            tries.now_at(index)
            yield _kept(job.folder, one.name, [_reduced(reader, index, integrator)])


def _reduced(reader: FrameReader, index: int, integrator: FrameIntegrator) -> ReducedFrame:
    try:
        return reduced_frame(reader, index, integrator)
    except MemoryError:
        return unreduced(index, NO_MEMORY)


def _kept(folder: Path, name: str, frames: list[ReducedFrame]) -> RangeDone:
    """The good frames in a part."""
    good = [frame for frame in frames if not frame.error]
    if good:
        write_part(folder / f"{name}{SUFFIX}", good)
    errors = tuple((frame.index, frame.error) for frame in frames if frame.error)
    return RangeDone((f"{name}{SUFFIX}",) if good else (), errors)


def _opened(folder: Path) -> tuple[FrameReader, FrameIntegrator]:
    """Frames and integrator, one of each per process."""
    with _OPENING:
        return _open(folder)


@lru_cache(maxsize=1)
def _open(folder: Path) -> tuple[FrameReader, FrameIntegrator]:
    keep_freed_frames()
    with (folder / SERIES).open("rb") as file:
        series: Series = pickle.load(file)
    return open_frames(series.run, series.table, checked=False), series.integrator
