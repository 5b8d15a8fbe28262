"""What the neighbours of a voxel in height and time say that it holds: for frames that are missing or are to be judged.

ln phi is interpolated as a Boolean sum (Gordon 1969), P_z + P_t - P_z P_t, with polynomials in the root of height (P_z) and the
root of time or its inverse (P_t): in the one the layer at the anode grows evenly at first, in the other the ratio of two
heights is a straight line once both grow evenly. Its error is that of P_z times that of P_t: what changes with height alone, or
with time alone, it meets exactly. A voxel never enters its own prediction.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, prod, sqrt
from statistics import fmean, median

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

ROOT, INVERSE = 0, 1
SCHEMES = ((2, 1, ROOT), (2, 2, ROOT), (2, 3, ROOT), (2, 4, ROOT), (2, 1, INVERSE), (2, 2, INVERSE))
"""Scans and heights that are read, and the coordinate in time; that which predicts the voxels around best is taken."""
Scheme = tuple[int, int, int]
Place = tuple[int, int]
TIE = 9
"""Decimals of an error of ln phi: of schemes that err alike the first is taken, not the one that rounding favours."""
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
    """ln phi with the starting solution as a first row, and the coordinates in which it is interpolated, as lists: a
    prediction reads a handful of single numbers, however long the series is.

    x: [row][column]. known: [row], the columns that it knows, as bits. rows: [column], the rows that know it. z: [column].
    when: for ROOT and INVERSE, [column][row]. shapes: what `_beside` found already.
    """

    x: list[list[float]]
    known: list[int]
    rows: list[list[int]]
    z: list[float]
    when: tuple[list[list[float]], list[list[float]]]
    least: float
    largest: float
    shapes: dict[tuple[int, int, int], tuple[list[int], list[float]]]

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
        root = np.vstack([np.zeros(t.shape[1]), t])
        inverse = np.vstack([np.full(t.shape[1], np.inf), 1.0 / np.maximum(time_s - first, LEAST_TIME_S)])
        measured = x[known]
        return cls(
            x.tolist(),
            [sum(1 << column for column in np.flatnonzero(row).tolist()) for row in known],
            [np.flatnonzero(column).tolist() for column in known.T],
            np.sqrt(np.maximum(height_um, 0.0) + NEAR_SURFACE_UM).tolist(),
            (root.T.tolist(), inverse.T.tolist()),
            float(measured.min(initial=np.inf)) - FARTHEST,
            float(measured.max(initial=-np.inf)) + FARTHEST,
            {},
        )

    def knows(self, place: Place) -> bool:
        return bool(self.known[place[0]] >> place[1] & 1)

    def _beside(self, column: int, count: int, among: int) -> tuple[list[int], list[float]]:
        """The `count` columns of `among` (bits) that are nearest to a column, without it, and their weights there. The rows of
        a series know a few sets of columns, which are asked for again and again."""
        key = (column, count, among)
        if key not in self.shapes:
            every = range(len(self.z))
            columns = _nearest(self.z, column, count, every, lambda c: bool(among >> c & 1))
            self.shapes[key] = columns, _weights([self.z[c] for c in columns], self.z[column])
        return self.shapes[key]

    def predicted(self, row: int, column: int, scheme: Scheme, unseen: Place | None) -> float:
        """ln phi at one place from the others but `unseen`; NaN where they are too few."""
        in_scans, in_heights, coordinate = scheme
        x, when = self.x, self.when[coordinate][column]

        def told(r: int) -> int:
            return self.known[r] & ~(1 << unseen[1]) if unseen is not None and r == unseen[0] else self.known[r]

        rows = _nearest(
            when, row, in_scans, self.rows[column], lambda r: bool(told(r) >> column & 1) and when[r] < np.inf
        )
        among = told(row)
        for r in rows:
            among &= told(r)
        columns, in_height = self._beside(column, in_heights, among)
        if (len(rows) < in_scans and len(columns) < 2) or len(columns) < min(in_heights, 2):
            return np.nan
        in_time = _weights([when[r] for r in rows], when[row])
        value = sum(w * x[row][c] for w, c in zip(in_height, columns, strict=True))
        for v, r in zip(in_time, rows, strict=True):
            value += v * (x[r][column] - sum(w * x[r][c] for w, c in zip(in_height, columns, strict=True)))
        return min(max(value, self.least), self.largest)


def expected(
    phi: FloatArray, wanted: BoolArray, *, height_um: FloatArray, time_s: FloatArray, start: float | None = None
) -> Expected:
    """The prediction at the voxels `wanted` of a map `phi` (scan, height) from those that are finite and above 0.

    time_s (scan, height); start: phi at field-on. sigma: the error (rms) of the scheme in the voxels around, or the median
    of what the other schemes say otherwise.
    """
    grid = _Grid.of(phi, height_um, time_s, start)
    misses: dict[tuple[int, int, Scheme, Place | None], float] = {}

    def missed(r: int, c: int, scheme: Scheme, unseen: Place | None) -> float:
        """By how much a judge is missed. A place that is not known takes nothing from it: all holes around share it."""
        key = (r, c, scheme, unseen)
        if key not in misses:
            misses[key] = grid.predicted(r, c, scheme, unseen) - grid.x[r][c]
        return misses[key]

    logarithm, sigma = np.full(phi.shape, np.nan), np.full(phi.shape, np.nan)
    for scan, column in np.argwhere(wanted).tolist():
        place = (scan + 1, column)
        unseen = place if grid.knows(place) else None
        judges = _around(grid, *place)
        tried = []
        for scheme in SCHEMES:
            value = grid.predicted(*place, scheme, unseen)
            if isfinite(value):
                own = [e * e for r, c in judges if isfinite(e := missed(r, c, scheme, unseen))]
                tried.append((sqrt(fmean(own)) if own else np.inf, value))
        if tried:
            error, best = min(tried, key=lambda one: round(one[0], TIE))
            between = median(abs(value - best) for _, value in tried)
            logarithm[scan, column] = best
            least = FIRST_SIGMA if scan == 0 else LEAST_SIGMA
            sigma[scan, column] = max(error, between, least) if isfinite(error) else np.nan
    return Expected(logarithm, sigma)


def _around(grid: _Grid, row: int, column: int) -> list[Place]:
    """Voxels of the same height in the scans before and after that know it, however far; where there are none, those beside in
    the scan."""
    rows = grid.rows[column]
    at = bisect_left(rows, row)
    beside = [*rows[max(at - JUDGES, 0) : at], *rows[bisect_right(rows, row) :][:JUDGES]]
    found = [(r, column) for r in beside if r > 0]
    if found:
        return found
    return [(row, c) for c in (column - 1, column + 1) if 0 <= c < len(grid.z) and grid.knows((row, c))]


def _nearest(
    at: Sequence[float], here: int, count: int, among: Sequence[int], told: Callable[[int], bool]
) -> list[int]:
    """Those `count` places beside `here` of `among` (rising), themselves rising, that are told and whose coordinate is nearest;
    `at` rises or falls."""
    found: list[int] = []
    below = bisect_left(among, here) - 1
    above = bisect_right(among, here)
    while len(found) < count and (below >= 0 or above < len(among)):
        nearer = below >= 0 and (
            above >= len(among) or abs(at[among[below]] - at[here]) <= abs(at[among[above]] - at[here])
        )
        place = among[below if nearer else above]
        below, above = below - nearer, above + (not nearer)
        if told(place):
            found.append(place)
    return sorted(found)


def _weights(at: list[float], target: float) -> list[float]:
    """Of the polynomial through points at `at`, read at the target (Lagrange)."""
    return [prod((target - b) / (a - b) for b in at[:i] + at[i + 1 :]) for i, a in enumerate(at)]
