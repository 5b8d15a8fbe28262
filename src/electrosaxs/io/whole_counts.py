"""Integer counts that were stored as floating-point numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..nouns.frame_reader import Frame

LARGEST = 2**31 - 1
NOT_A_COUNT = -1
RULE = "must be integer counts: the counting statistics need the photons that were counted"
REMEDY = "give the detector's own frames, before flat field, dark current or scaling made fractions of them"


def whole_counts(frame: npt.NDArray) -> Frame | None:
    """The same counts as int32, -1 (left out) where a pixel holds no finite number; None where a value is no whole number.

    What is beyond int32 becomes its largest number, which is left out as saturated.
    """
    finite = np.isfinite(frame)
    held = np.where(finite, frame, NOT_A_COUNT)
    if not np.array_equal(held, np.trunc(held)):
        return None
    return np.clip(held, NOT_A_COUNT, LARGEST).astype(np.int32)


def a_fraction(frame: npt.NDArray) -> float:
    """A value of the frame that is no whole number, for a message."""
    held = frame[np.isfinite(frame)]
    return float(held[held != np.trunc(held)][0])
