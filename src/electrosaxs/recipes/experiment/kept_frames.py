"""Frames of a run that are at hand, with their rows: what the run folder has written, read again without its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...nouns import FrameTable, Role


@dataclass(frozen=True)
class Kept:
    """A frame that is in the folder: image (y, x), role, and its row by NeXus names of the columns."""

    image: npt.NDArray[np.integer]
    role: Role
    row: Mapping[str, float]


class KeptFrames:
    """A FrameReader of frames that are at hand. files: where they were written."""

    def __init__(self, frames: Sequence[Kept], saturation: float | None, files: tuple[Path, ...]) -> None:
        self._frames, self.saturation, self.files = frames, saturation, files
        self.shape = (frames[0].image.shape[0], frames[0].image.shape[1])

    def __len__(self) -> int:
        return len(self._frames)

    def read(self, index: int) -> npt.NDArray[np.integer]:
        """The pixels of a frame."""
        return self._frames[index].image

    def why_not(self, index: int) -> str:
        """Nothing is missing."""
        return ""

    def close(self) -> None:
        """Nothing is held."""


def table_of(still: Sequence[Kept], source: Path) -> FrameTable:
    """The rows of the still frames as a table."""

    def column(name: str) -> npt.NDArray[np.float64]:
        return np.array([frame.row.get(name, np.nan) for frame in still])

    return FrameTable(
        role=np.array([str(frame.role) for frame in still], dtype=np.str_), height=column("height"), time=column("time"),
        exposure=column("exposure"), monitor=column("monitor"), transmission=column("transmission"), voltage=None,
        current=None, file=(), source=source,
    )  # fmt: skip
