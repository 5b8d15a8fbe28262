"""The part of the asked q window that the detector has: nothing may be read from bins without a pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError, bad_value
from ..nouns import AnalysisSettings
from ..nouns.run import FEWEST_BINS
from .azimuthal import UPPER_EDGE


def filled_window(
    asked: AnalysisSettings, pixels_per_bin: npt.NDArray[np.int64], width: float, *, where: Path
) -> tuple[AnalysisSettings, tuple[str, ...]]:
    """`asked` without its empty bins at both ends, the others as wide as before, and what was cut in words (none: ()).

    width: of a bin, 1/nm. Raises CalibrationError where fewer than 50 bins are left; `where` names the geometry.
    """
    filled = np.flatnonzero(pixels_per_bin)
    first, last = int(filled[0]), int(filled[-1])
    if first == 0 and last == pixels_per_bin.size - 1:
        return asked, ()
    bins = last - first + 1
    low = asked.q_min_per_nm + first * width
    high = (low + bins * width) / UPPER_EDGE
    span = f"{low:.4g} to {high:.4g} 1/nm"
    if bins < FEWEST_BINS:
        raise bad_value(
            CalibrationError,
            where=where,
            field="analysis.q_min_per_nm to q_max_per_nm",
            value=f"{asked.q_min_per_nm:g} to {asked.q_max_per_nm:g} in {asked.bins} bins",
            rule=f"the detector has unmasked pixels from {span} only, in {bins} of these bins; {FEWEST_BINS} are needed",
            remedy=f"give a q window within {span}",
        )
    note = f"q window: cut to {span}, asked were {asked.q_min_per_nm:g} to {asked.q_max_per_nm:g}: no pixel lies beyond"
    return asked.model_copy(update={"q_min_per_nm": low, "q_max_per_nm": high, "bins": bins}), (note,)
