"""A FrameReader on the image stack of a beamline's HDF5 file: pieces in other files, missing ones, one still being written."""

from __future__ import annotations

import bisect
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import FrameError
from ...nouns.frame_reader import Frame
from ..kept_open import KeptOpen
from ..nexus import NexusFrames
from ..presence import NEVER_WRITTEN
from ..refusal import refusal
from .detector_facts import detector_facts
from .stacks import Piece, the_stack, with_missing


def whole_stack(path: Path) -> StackFrames:
    """Every frame of the only stack in a file, in its order."""
    return StackFrames(path, None, rows=the_stack(path, None).frames)


class StackFrames:
    """The frames of a stack in the order of the rows of a table; any number of threads may read.

    A piece whose file is missing costs its frames, not the run: `read` raises FrameError for them.
    """

    def __init__(self, path: Path, data: str | None, *, rows: int, place: npt.NDArray[np.int64] | None = None) -> None:
        """rows: of the table; place: number of each row's frame in the stack, None where they are the same. InputFileError
        where there is no such stack, and where it has not one frame per row."""
        self.path = path
        self._stack = the_stack(path, data)
        self._place = np.arange(rows) if place is None else place
        facts = detector_facts(path, self._stack.name)
        needed = int(self._place.max()) + 1 if self._place.size else 0
        counts = with_missing(self._stack, facts.frames or needed)
        self._ends = list(accumulate(counts))
        self._kept: KeptOpen[Piece, NexusFrames] = KeptOpen(
            lambda piece: NexusFrames(piece.place.file, name=piece.place.name)
        )
        with self._kept.of(self._stack.there[0]) as first:
            self.shape, stated = first.shape, first.saturation
            self.growing = first.being_written
            self.files = tuple(dict.fromkeys([path, *first.files, *(p.place.file for p in self._stack.pieces)]))
        self.saturation = facts.saturation or stated
        total = self._ends[-1]
        if place is None and not self.growing and total != rows:
            rule = f"the table has {rows} rows"
            remedy = "give the table of these frames, or name frames that are not meant in columns.role.ignore"
            raise refusal(path, self._stack.name, f"{total} frames", rule, remedy)

    def __len__(self) -> int:
        return len(self._place)

    def read(self, index: int) -> Frame:
        """The frame of row `index`, (y, x); raises FrameError where it is not there or is damaged."""
        if reason := self._missing(index):
            raise refusal(self.path, f"frame {index}", "missing", reason, "the frame is left out", FrameError)
        piece, number = self._at(index)
        with self._kept.of(piece) as frames:
            return frames.read(number)

    def why_not(self, index: int) -> str:
        """What is missing of the frame of row `index`, in words; empty where nothing is."""
        if reason := self._missing(index):
            return reason
        piece, number = self._at(index)
        with self._kept.of(piece) as frames:
            return frames.why_not(number)

    def close(self) -> None:
        self._kept.close()

    def _missing(self, index: int) -> str:
        if int(self._place[index]) >= self._ends[-1]:
            return NEVER_WRITTEN
        piece, _ = self._at(index)
        return piece.place.missing

    def _at(self, index: int) -> tuple[Piece, int]:
        """The piece of a row, and the number of its frame in there."""
        frame = int(self._place[index])
        number = bisect.bisect_right(self._ends, frame)
        before = self._ends[number - 1] if number else 0
        return self._stack.pieces[number], frame - before
