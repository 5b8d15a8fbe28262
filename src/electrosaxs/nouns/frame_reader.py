"""What every source of frames offers, wherever the pixels come from."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.integer]


class FrameKind(Protocol):
    """What all frames of a run have in common. shape: (y, x); saturation: the count from which a pixel is saturated, None
    where the files do not say it; files: what the pixels are in."""

    shape: tuple[int, int]
    saturation: float | None
    files: tuple[Path, ...]


class FrameReader(FrameKind, Protocol):
    """The frames of a run, read one at a time, from any number of threads.

    `read(i)` gives frame i of the table as integers (y, x) in the type of the file, C order,
    native byte order, the caller's own; raises FrameError where this one frame cannot be read.
    `why_not(i)`: what is missing of frame i, in words, without reading its pixels; empty where they seem to be there.
    """

    def __len__(self) -> int: ...

    def read(self, index: int) -> Frame: ...

    def why_not(self, index: int) -> str: ...

    def close(self) -> None: ...
