"""What the neighbours of a voxel in height and time say that it holds: for frames that are missing or are to be judged.

ln phi is interpolated as a Boolean sum (Gordon 1969), P_z + P_t - P_z P_t, with polynomials in the root of height (P_z) and the
root of time or its inverse (P_t): in the one the layer at the anode grows evenly at first, in the other the ratio of two
heights is a straight line once both grow evenly. Its error is that of P_z times that of P_t: what changes with height alone, or
with time alone, it meets exactly. A voxel never enters its own prediction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

ROOT, INVERSE = 0, 1
SCHEMES = ((2, 1, ROOT), (2, 2, ROOT), (2, 3, ROOT), (2, 4, ROOT), (2, 1, INVERSE), (2, 2, INVERSE))
"""Scans and heights that are read, and the coordinate in time; that which predicts the voxels around best is taken."""
Scheme = tuple[int, int, int]
JUDGES = 2
"""Scans before and after, at the same height, and heights beside, in which a scheme is tried."""
LEAST_SIGMA = 3e-3
"""Of ln phi (chosen): no prediction is trusted further."""
FIRST_SIGMA = 0.03
"""The same in the first scan, whose layer is thin and whose neighbours in time are later or flat (simulated: 1 to 4 %)."""
FARTHEST = float(np.log(10.0))
"""Of ln phi beyond the least and the largest that was measured (chosen): in an emptied cell, where ln phi is noise, surfaces
through it lead anywhere."""
NEAR_SURFACE_UM = 20.0
LEAST_TIME_S = 1.0
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Expected:
    """ln phi (scan, height) from its neighbours, and what it is uncertain by; NaN where it was not asked for or not known."""

    logarithm: FloatArray
    sigma: FloatArray


@dataclass(frozen=True, eq=False)
class _Grid:
    """ln phi with the starting solution as a first row, and the coordinates in which it is interpolated."""

    x: FloatArray
    known: BoolArray
    z: FloatArray
    t: FloatArray
    inverse: FloatArray
    least: float
    largest: float

    @classmethod
    def of(cls, phi: FloatArray, height_um: FloatArray, time_s: FloatArray, start: float | None) -> _Grid:
        known = np.isfinite(phi) & (phi > 0.0)
        x = np.log(np.where(known, phi, 1.0))
        first = min(0.0, float(time_s.min()))
        t = np.sqrt(time_s - first)
        begun = start is not None and start > 0.0 and float(time_s.min()) > 0.0
        level = np.log(start) if begun and start is not None else 0.0
        x = np.vstack([np.full(phi.shape[1], level), x])
        known = np.vstack([np.full(phi.shape[1], begun), known])
        measured = x[known]
        return cls(
            x,
            known,
            np.sqrt(np.maximum(height_um, 0.0) + NEAR_SURFACE_UM),
            np.vstack([np.zeros(t.shape[1]), t]),
            np.vstack([np.full(t.shape[1], np.inf), 1.0 / np.maximum(time_s - first, LEAST_TIME_S)]),
            float(measured.min(initial=np.inf)) - FARTHEST,
            float(measured.max(initial=-np.inf)) + FARTHEST,
        )

    def without(self, row: int, column: int) -> _Grid:
        """The same with one place not known."""
        known = self.known.copy()
        known[row, column] = False
        return replace(self, known=known)

    def predicted(self, row: int, column: int, scheme: Scheme) -> float:
        """ln phi at one place from the others; NaN where they are too few."""
        when = self.t if scheme[2] == ROOT else self.inverse
        rows = np.flatnonzero(self.known[:, column] & np.isfinite(when[:, column]))
        rows = _nearest(rows[rows != row], when[rows[rows != row], column], when[row, column], scheme[0])
        columns = np.flatnonzero(self.known[row])
        columns = columns[columns != column]
        columns = columns[self.known[np.ix_(rows, columns)].all(axis=0)] if rows.size else columns
        columns = _nearest(columns, self.z[columns], self.z[column], scheme[1])
        if (rows.size < scheme[0] and columns.size < 2) or columns.size < min(scheme[1], 2):
            return np.nan
        in_time = _weights(when[rows, column], when[row, column])
        in_height = _weights(self.z[columns], self.z[column])
        across = self.x[np.ix_(rows, columns)]
        value = in_height @ self.x[row, columns] + in_time @ self.x[rows, column] - in_time @ across @ in_height
        return float(min(max(value, self.least), self.largest))


def expected(
    phi: FloatArray, wanted: BoolArray, *, height_um: FloatArray, time_s: FloatArray, start: float | None = None
) -> Expected:
    """The prediction at the voxels `wanted` of a map `phi` (scan, height) from those that are finite and above 0.

    time_s (scan, height); start: phi at field-on. sigma: the error (rms) of the scheme in the voxels around, or the median
    of what the other schemes say otherwise.
    """
    grid = _Grid.of(phi, height_um, time_s, start)
    logarithm, sigma = np.full(phi.shape, np.nan), np.full(phi.shape, np.nan)
    for scan, column in np.argwhere(wanted):
        row = int(scan) + 1
        others = grid.without(row, int(column))
        judges = _around(others, row, int(column))
        tried = []
        for scheme in SCHEMES:
            value = others.predicted(row, int(column), scheme)
            if np.isfinite(value):
                own = [abs(e) for r, c in judges if np.isfinite(e := others.predicted(r, c, scheme) - grid.x[r, c])]
                tried.append((float(np.sqrt(np.mean(np.square(own)))) if own else np.inf, value))
        if tried:
            error, best = min(tried)
            between = float(np.median([abs(value - best) for _, value in tried]))
            logarithm[scan, column] = best
            least = FIRST_SIGMA if scan == 0 else LEAST_SIGMA
            sigma[scan, column] = max(error, between, least) if np.isfinite(error) else np.nan
    return Expected(logarithm, sigma)


def _around(grid: _Grid, row: int, column: int) -> list[tuple[int, int]]:
    """Known voxels of the same height in the scans before and after; where there are none, those beside in the scan."""
    rows = [r for r in range(max(row - JUDGES, 1), min(row + JUDGES + 1, grid.x.shape[0])) if r != row]
    found = [(r, column) for r in rows if grid.known[r, column]]
    if found:
        return found
    return [(row, c) for c in (column - 1, column + 1) if 0 <= c < grid.x.shape[1] and grid.known[row, c]]


def _nearest(places: npt.NDArray[np.intp], at: FloatArray, target: float, count: int) -> npt.NDArray[np.intp]:
    """Those `count` of `places` whose coordinate is nearest the target."""
    return places[np.sort(np.argsort(np.abs(at - target), kind="stable")[:count])]


def _weights(at: FloatArray, target: float) -> FloatArray:
    """Of the polynomial through points at `at`, read at the target (Lagrange)."""
    weight = np.ones(at.size)
    for i in range(at.size):
        others = np.delete(at, i)
        weight[i] = np.prod((target - others) / (at[i] - others))
    return weight
