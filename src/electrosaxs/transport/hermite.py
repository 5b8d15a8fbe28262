"""The cubic through two values and the rates there.

Not scipy's CubicHermiteSpline: it takes twice as long for the few points of a height, and a fit asks for each of them.
"""

from __future__ import annotations

import numpy as np

from ..nouns import FloatArray


def parabola_rate(low: FloatArray, high: FloatArray, after: FloatArray, length: FloatArray | float) -> FloatArray:
    """The rate at the beginning where it is not known: that of the parabola through both values and the rate `after`."""
    return np.asarray(2.0 * (high - low) / length - after)


def hermite(
    low: FloatArray, high: FloatArray, before: FloatArray, after: FloatArray, length: FloatArray | float, s: FloatArray
) -> FloatArray:
    """The cubic at share s (0 to 1) of an interval `length`, rates in units of its inverse; all shapes broadcast."""
    ends = s * s * (3.0 - 2.0 * s)
    rates = s * (1.0 - s) ** 2 * before + s * s * (s - 1.0) * after
    return np.asarray((1.0 - ends) * low + ends * high + length * rates)
