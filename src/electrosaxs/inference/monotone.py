"""A curve through points that rises and falls only where they do: cubics with the slopes of Fritsch & Butland (1984).

What scipy's PchipInterpolator gives; its import takes longer than all that a fit has to interpolate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..nouns import FloatArray
from ..transport.hermite import hermite

HALVINGS = 60


@dataclass(frozen=True, eq=False)
class MonotoneCurve:
    """Through (x, y), (point,) each with x increasing, two points at least."""

    x: FloatArray
    y: FloatArray

    def __call__(self, at: FloatArray) -> FloatArray:
        """y at places between the first and the last x."""
        k = np.clip(np.searchsorted(self.x, at, side="right") - 1, 0, self.x.size - 2)
        h, rate = (self.x[k + 1] - self.x[k]), self._slopes
        return hermite(self.y[k], self.y[k + 1], rate[k], rate[k + 1], h, (at - self.x[k]) / h)

    def reached(self, level: float, k: int) -> float:
        """Where y is `level` between points k and k + 1, of which one lies below it and the other does not."""
        low, high = float(self.x[k]), float(self.x[k + 1])
        below = self.y[k] < level
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if (self(np.array(middle)) < level) == below:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)

    @cached_property
    def _slopes(self) -> FloatArray:
        """dy/dx at the points: harmonic means of the chords beside them, 0 where these have different signs."""
        h, chord = np.diff(self.x), np.diff(self.y) / np.diff(self.x)
        if chord.size == 1:
            return np.repeat(chord, 2)
        slopes = np.zeros(self.x.size)
        before, after = 2.0 * h[1:] + h[:-1], h[1:] + 2.0 * h[:-1]
        same = chord[:-1] * chord[1:] > 0.0
        mean = before[same] / chord[:-1][same] + after[same] / chord[1:][same]
        slopes[1:-1][same] = (before + after)[same] / mean
        slopes[0], slopes[-1] = _end(h[0], h[1], chord[0], chord[1]), _end(h[-1], h[-2], chord[-1], chord[-2])
        return slopes


def _end(first: float, second: float, chord: float, beyond: float) -> float:
    """The slope at an end: that of the parabola through three points, where it keeps the curve monotone."""
    slope = ((2.0 * first + second) * chord - first * beyond) / (first + second)
    if slope * chord <= 0.0:
        return 0.0
    return 3.0 * chord if chord * beyond <= 0.0 and abs(slope) > 3.0 * abs(chord) else slope
