"""What a colour bar says: ticks where the colours are, and an arrow only at an end beyond which values lie."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..nouns import FloatArray

Extend = Literal["neither", "min", "max", "both"]
MOST_TICKS = 6
ROUNDING = 1e-3  # of the bar's length: what lies this little beyond an end has its colour


def extend(values: FloatArray, lowest: float, highest: float, *, log: bool = False) -> Extend:
    """The ends of a bar from `lowest` to `highest` beyond which finite `values` lie; `log`: of a logarithmic bar."""
    seen = values[np.isfinite(values)]
    if log:
        with np.errstate(divide="ignore"):
            seen, lowest, highest = np.log(np.maximum(seen, 0.0)), float(np.log(lowest)), float(np.log(highest))
    margin = ROUNDING * (highest - lowest)
    below, above = bool((seen < lowest - margin).any()), bool((seen > highest + margin).any())
    if below and above:
        return "both"
    return "min" if below else "max" if above else "neither"


def ticks_within(lowest: float, highest: float) -> list[float]:
    """Round numbers from `lowest` to `highest`; one beyond the end would stand at the end and be read as its value."""
    ticks = MaxNLocator(MOST_TICKS).tick_values(lowest, highest)
    rounding = 1e-9 * (highest - lowest)
    return [float(x) for x in ticks if lowest - rounding <= x <= highest + rounding]
