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
"""Relative change of phi0, or of the first scan's level, beyond which a level is not that of the bulk (chosen): depleted
heights are alike too."""
LARGEST_OF_ALL, FEWEST_FIRST = 0.7, 3
"""Of ln phi: how far the first scan's level may be from the start, by a solution that is another one (chosen); its heights."""
STEADY = 0.3
"""Of the first scan's level: within it those of later scans are the same, and what is off was off from the start (chosen)."""
SIGNIFICANT = 4.0
CLEAR, FLATTER, REACH = 0.02, 0.4, 5.0
"""Excess over the start of what is surely the layer; of the steepness before, below which what is above is not its end; times
that its end may be more than a straight line of its logarithm foretells (chosen)."""
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

    @property
    def off_from_the_start(self) -> float:
        """The level of all scans where it is not that of the start and the same from the first scan on; 0 where it drifts."""
        if not self.drifts or not np.isfinite(self.change[0]):
            return 0.0
        told = self.change[np.isfinite(self.change)]
        steady = np.ptp(told) < STEADY * abs(told[0]) and abs(told[0]) > SIGNIFICANT * self.sigma[0]
        return float(np.median(told)) if steady else 0.0

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
    base = _first_level(x[0], own[0]) if len(phi) else 0.0
    for scan in range(len(phi)):
        level = _longest_level(x[scan] - base, own[scan])
        if level is not None:
            weight = 1.0 / np.square(own[scan, level])
            change[scan] = float(weight @ x[scan, level] / weight.sum())
            two = level.size == FEWEST_HEIGHTS  # the end of a layer has two alike, too
            apart = float(np.ptp(x[scan, level])) if two else 0.0
            sigma[scan] = float(np.sqrt(1.0 / weight.sum() + shared**2 + apart**2))
            bulk[scan, level] = True
    return BulkLevel(change, sigma, bulk)


def _first_level(x: FloatArray, own: FloatArray) -> float:
    """What the first scan's level is off by where that is more than a bulk drifts: the solution is another one than the
    reference. Before anything has arrived no layer and no depletion makes three heights in a row alike."""
    level = _longest_level(x, own, fewest=FEWEST_FIRST, largest=LARGEST_OF_ALL)
    if level is None:
        return 0.0
    off = float(np.median(x[level]))
    return off if abs(off) > LARGEST else 0.0


def _longest_level(
    x: FloatArray, own: FloatArray, *, fewest: int = FEWEST_HEIGHTS, largest: float = LARGEST
) -> npt.NDArray[np.intp] | None:
    """The alike ones of the most known heights in a row of which most are alike and that are not off by more than `largest`;
    None with fewer than `fewest`."""
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(own))
    for count in range(known.size, fewest - 1, -1):
        for first in range(known.size - count, -1, -1):
            places = known[first : first + count]
            alike = np.abs(x[places] - np.median(x[places])) < ALIKE * own[places]
            if alike[0] and alike[-1] and alike.sum() >= max(fewest, MOST * count):
                weight = 1.0 / np.square(own[places[alike]])
                if abs(float(weight @ x[places[alike]] / weight.sum())) < largest:
                    return places[alike]
    return None


def beside_the_bulk(
    phi: FloatArray, relative: FloatArray, *, height_um: FloatArray, start: float, level: FloatArray
) -> BoolArray:
    """(scan, height) where phi has to be that of the bulk though it may not be: the layer at the anode, continued, adds less
    than sigma, depletion has not made it smaller, and another height like it is at the level (scan,), relative to the start."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(phi > 0.0, np.log(phi / start), np.nan) - level[:, None]
    own = ALIKE * np.hypot(relative, LEAST_SIGMA)
    beyond = np.zeros(phi.shape, dtype=bool)
    for scan in range(len(phi)):
        known = np.flatnonzero(np.isfinite(x[scan]) & np.isfinite(own[scan]))
        beyond[scan, known] = _end_of_the_layer(np.expm1(x[scan, known]), height_um[known]) < own[scan, known]
    rests = beyond & (np.abs(x) < own)
    others = rests.sum(axis=1, keepdims=True) - rests
    return np.asarray(beyond & (x > -own) & (others > 0))


def _end_of_the_layer(excess: FloatArray, height_um: FloatArray) -> FloatArray:
    """The most that a layer may add at each height (ascending), from where it is surely seen; infinite where nothing tells."""
    if not excess.size:
        return excess
    steepness, last = 0.0, 0
    for k in range(excess.size - 1):
        if not excess[k] > excess[k + 1] > CLEAR:
            break
        here = float(np.log(excess[k] / excess[k + 1]) / (height_um[k + 1] - height_um[k]))
        if here < FLATTER * steepness:
            break
        steepness, last = here, k + 1
    above = np.maximum(height_um - height_um[last], 0.0)
    end = REACH * excess[last] * np.exp(-steepness * above)
    return np.where((above > 0.0) & (steepness > 0.0), end, np.inf)
