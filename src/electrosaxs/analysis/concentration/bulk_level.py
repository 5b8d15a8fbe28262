"""What the bulk of the cell says of slow change: where neither the layer at the anode nor depletion has arrived, phi is phi0.

Every class of particles drifts as fast at each of these heights, so what flows in flows out and phi stays, whatever the sizes.
A phi there that moves with time is a monitor, a diode or windows that do, and all heights move with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

FEWEST_HEIGHTS = 2
ALIKE = 3.0
"""Sigmas within which heights are of one level."""
MOST = 0.7
"""Of the heights in a row: the others may have a deposit or be faulty."""
LEAST_SIGMA = 5e-4
"""Relative (chosen): the footprint of neighbouring layers."""
LARGEST = 0.1
"""Relative change of phi0 beyond which a level is not that of the bulk (chosen): depleted heights are alike too."""
SIGNIFICANT = 4.0
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BulkLevel:
    """change (scan,): of phi in the bulk against phi0, relative, NaN where no bulk is told; sigma: of it, own to each scan and
    shared; bulk (scan, height): which voxels."""

    change: FloatArray
    sigma: FloatArray
    bulk: BoolArray

    @property
    def drifts(self) -> bool:
        """Whether two scans or more differ from the start beyond SIGNIFICANT sigmas."""
        told = np.isfinite(self.change)
        return bool(np.sum(np.abs(self.change[told]) > SIGNIFICANT * self.sigma[told]) >= 2)

    def at(self, time_s: FloatArray) -> FloatArray:
        """change (scan, height) at the times of the frames: between scans along a line, beyond them the nearest."""
        told = np.flatnonzero(np.isfinite(self.change))
        if not told.size:
            return np.zeros(time_s.shape)
        when = np.array([np.mean(time_s[scan][self.bulk[scan]]) for scan in told])
        order = np.argsort(when)
        return np.asarray(np.interp(time_s, when[order], self.change[told][order]))


def bulk_level(phi: FloatArray, relative: FloatArray, *, start: float, shared: float) -> BulkLevel:
    """From phi (scan, height), heights ascending, NaN where there is no frame; relative: own sigma of phi; shared: relative
    sigma of the starting solution, which all scans have in common."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(phi > 0.0, np.log(phi / start), np.nan)
    own = np.hypot(relative, LEAST_SIGMA)
    change, sigma, bulk = np.full(len(phi), np.nan), np.full(len(phi), np.nan), np.zeros(phi.shape, dtype=bool)
    for scan in range(len(phi)):
        level = _longest_level(x[scan], own[scan])
        if level is not None:
            weight = 1.0 / np.square(own[scan, level])
            change[scan] = float(weight @ x[scan, level] / weight.sum())
            apart = (
                float(np.ptp(x[scan, level])) if level.size == FEWEST_HEIGHTS else 0.0
            )  # a layer's end has two alike, too
            sigma[scan] = float(np.sqrt(1.0 / weight.sum() + shared**2 + apart**2))
            bulk[scan, level] = True
    return BulkLevel(change, sigma, bulk)


def _longest_level(x: FloatArray, own: FloatArray) -> npt.NDArray[np.intp] | None:
    """The alike ones of the most known heights in a row of which most are alike; None with fewer than FEWEST_HEIGHTS."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(own))
    for count in range(known.size, FEWEST_HEIGHTS - 1, -1):
        for first in range(known.size - count, -1, -1):
            places = known[first : first + count]
            alike = np.abs(x[places] - np.median(x[places])) < ALIKE * own[places]
            if alike[0] and alike[-1] and alike.sum() >= max(FEWEST_HEIGHTS, MOST * count):
                weight = 1.0 / np.square(own[places[alike]])
                if abs(float(weight @ x[places[alike]] / weight.sum())) < LARGEST:
                    return places[alike]
    return None
