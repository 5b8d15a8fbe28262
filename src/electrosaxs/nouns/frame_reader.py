"""What every source of frames offers, wherever the pixels come from."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Frame = npt.NDArray[np.integer]


class FrameReader(Protocol):
    """The frames of a run, read one at a time, from any number of threads.

    shape: (y, x) of a frame. `read(i)` gives frame i of the table as integers (y, x) in the type of the file, C order,
    native byte order, the caller's own; raises FrameError where this one frame cannot be read.
    saturation: the count from which a pixel is saturated, None where the files do not say it.
    """

    shape: tuple[int, int]
    saturation: float | None

    def __len__(self) -> int: ...

    def read(self, index: int) -> Frame: ...

    def close(self) -> None: ...
