"""Triangles against pixels and outline points, for thousands of candidates.

A candidate is a row x, y, edge, angle, truncation in pixels and radians, y downwards: its tips lie at angle + 120 degrees k,
its side k is opposite to tip k. Lists of what each candidate holds are flat, `start[k]` to `start[k + 1]`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..compiled import compiled
from ..nouns import FloatArray

IntArray = npt.NDArray[np.int64]
SQRT3 = float(np.sqrt(3.0))
TURN = 2.0 * np.pi / 3.0
X, Y, EDGE, ANGLE, CUT = range(5)


@compiled()
def depth(px: float, py: float, row: FloatArray) -> float:
    """Distance into the triangle with cut tips, negative outside; the kernel of `physics.tetrahedron.depth`."""
    dx, dy = px - row[X], py - row[Y]
    side, tip = -1e30, -1e30
    for k in range(3):
        c, s = np.cos(row[ANGLE] + TURN * k), np.sin(row[ANGLE] + TURN * k)
        along = dx * c + dy * s
        side = max(side, -along)
        tip = max(tip, along)
    return min(row[EDGE] / (2.0 * SQRT3) - side, row[EDGE] * (1.0 / SQRT3 - row[CUT] * SQRT3 / 2.0) - tip)


@compiled()
def pixels_inside(rows: FloatArray, height: int, width: int) -> tuple[IntArray, IntArray, FloatArray]:
    """(start, pixels, areas): flat indices of the pixels of a window that each triangle holds, and its area with what
    lies outside the window."""
    start, at = np.zeros(rows.shape[0] + 1, dtype=np.int64), 0
    areas = np.zeros(rows.shape[0])
    found = np.empty(1024, dtype=np.int64)
    for k in range(rows.shape[0]):
        row = rows[k]
        reach = row[EDGE] / SQRT3
        areas[k] = SQRT3 / 4.0 * row[EDGE] ** 2 * (1.0 - 3.0 * row[CUT] ** 2)
        c0, s0 = np.cos(row[ANGLE]), np.sin(row[ANGLE])
        inradius = row[EDGE] / (2.0 * SQRT3)
        cut = row[EDGE] * (1.0 / SQRT3 - row[CUT] * SQRT3 / 2.0)
        for y in range(max(0, int(np.ceil(row[Y] - reach))), min(height, int(row[Y] + reach) + 1)):
            if found.shape[0] < at + width:
                found = _longer(found, at, width)
            dy = y - row[Y]
            low, high = _along_row(dy, c0, s0, inradius, cut, reach)
            for x in range(max(0, int(np.ceil(row[X] + low))), min(width, int(np.floor(row[X] + high)) + 1)):
                dx = x - row[X]
                a = dx * c0 + dy * s0
                b = -0.5 * a + SQRT3 / 2.0 * (dy * c0 - dx * s0)
                c = -a - b
                if min(a, min(b, c)) > -inradius and max(a, max(b, c)) < cut:
                    found[at] = y * width + x
                    at += 1
        start[k + 1] = at
    return start, found[:at].copy(), areas


@compiled()
def _along_row(dy: float, c0: float, s0: float, inradius: float, cut: float, reach: float) -> tuple[float, float]:
    """Between which places of a row of pixels, dy below its centre, a triangle lies, a pixel more on both sides."""
    low, high = -reach, reach
    for k in range(3):
        c, s = c0, s0  # to tip k
        if k > 0:
            turn = SQRT3 / 2.0 if k == 1 else -SQRT3 / 2.0
            c, s = -0.5 * c0 - turn * s0, -0.5 * s0 + turn * c0
        if abs(c) > 1e-9:
            first, second = (-inradius - dy * s) / c, (cut - dy * s) / c
            low, high = max(low, min(first, second) - 1.0), min(high, max(first, second) + 1.0)
    return low, high


@compiled()
def _longer(found: IntArray, used: int, more: int) -> IntArray:
    """A list twice as long, with room for so many more."""
    fresh = np.empty(2 * found.shape[0] + more, dtype=np.int64)
    fresh[:used] = found[:used]
    return fresh


@compiled()
def points_explained(
    rows: FloatArray, points: FloatArray, normals: FloatArray, tolerance: float, agreement: float
) -> tuple[IntArray, IntArray]:
    """(start, points): outline points that lie on a side of each triangle and face as it does, or on one of its tips."""
    start, at = np.zeros(rows.shape[0] + 1, dtype=np.int64), 0
    found = np.empty(points.shape[0] + 1, dtype=np.int64)
    for k in range(rows.shape[0]):
        if found.shape[0] < at + points.shape[0]:
            found = _longer(found, at, points.shape[0])
        ways = tips_of(rows[k, ANGLE])
        for n in range(points.shape[0]):
            px, py, nx, ny = points[n, 0], points[n, 1], normals[n, 0], normals[n, 1]
            if side_of(px, py, nx, ny, rows[k], ways, tolerance, agreement) >= 0:
                found[at] = n
                at += 1
        start[k + 1] = at
    return start, found[:at].copy()


@compiled()
def tips_of(angle: float) -> FloatArray:
    """Unit vectors (3, 2) from the centre of a triangle to its tips."""
    ways = np.empty((3, 2))
    for k in range(3):
        ways[k, 0], ways[k, 1] = np.cos(angle + TURN * k), np.sin(angle + TURN * k)
    return ways


@compiled()
def side_of(
    px: float, py: float, nx: float, ny: float, row: FloatArray, ways: FloatArray, tolerance: float, agreement: float
) -> int:  # fmt: skip
    """Side 0 to 2 on which an outline point with its normal lies, 3 to 5 for a tip, -1 for neither; `ways`: to the tips."""
    edge = row[EDGE]
    dx, dy = px - row[X], py - row[Y]
    if dx * dx + dy * dy > (edge / SQRT3 + tolerance) ** 2:
        return -1
    off = max(tolerance, 0.03 * edge)
    side, tip = -1e30, -1e30
    for k in range(3):
        c, s = -ways[k, 0], -ways[k, 1]
        out = dx * c + dy * s
        side, tip = max(side, out), max(tip, -out)
        away = out - edge / (2.0 * SQRT3)
        along = abs(dy * c - dx * s)
        if abs(away) <= off and nx * c + ny * s >= agreement and along <= 0.5 * edge * (1.0 - 2.0 * row[CUT]) + 2.0:
            return k
    if abs(min(edge / (2.0 * SQRT3) - side, edge * (1.0 / SQRT3 - row[CUT] * SQRT3 / 2.0) - tip)) > off:  # its `depth`
        return -1
    for k in range(3):
        c, s = ways[k, 0], ways[k, 1]
        if np.hypot(dx - edge / SQRT3 * c, dy - edge / SQRT3 * s) <= row[CUT] * edge + 4.0 and nx * c + ny * s > 0.3:
            return 3 + k
    return -1


class Evidence(NamedTuple):
    """What each candidate holds and what that is worth: `start`, `pixels` and `first`, `points` are flat lists by candidate;
    worth (pixel,) of covering a pixel, crowding: what covering it once more costs; per_point: worth of an outline point;
    prices (candidate,): of taking it."""

    start: IntArray
    pixels: IntArray
    worth: FloatArray
    crowding: float
    first: IntArray
    points: IntArray
    per_point: float
    prices: FloatArray


class Taken(NamedTuple):
    """Which candidates are taken, and by how many of them each pixel is covered and each outline point is explained; the
    kernels change it in place."""

    chosen: npt.NDArray[np.bool_]
    cover: IntArray
    seen: IntArray


@compiled()
def _energy_of_adding(k: int, of: Evidence, taken: Taken) -> float:
    """What candidate k changes: uncovered island pixels count negative, substrate positive, explained outline negative."""
    change = of.prices[k]
    for i in range(of.start[k], of.start[k + 1]):
        p = of.pixels[i]
        change += of.crowding if taken.cover[p] > 0 else -of.worth[p]
    for i in range(of.first[k], of.first[k + 1]):
        if taken.seen[of.points[i]] == 0:
            change -= of.per_point
    return change


@compiled()
def _energy_of_removing(k: int, of: Evidence, taken: Taken) -> float:
    """What is lost (positive) or won (negative) where a candidate that is taken is left out."""
    change = -of.prices[k]
    for i in range(of.start[k], of.start[k + 1]):
        p = of.pixels[i]
        change += of.worth[p] if taken.cover[p] == 1 else -of.crowding
    for i in range(of.first[k], of.first[k + 1]):
        if taken.seen[of.points[i]] == 1:
            change += of.per_point
    return change


@compiled()
def _take(k: int, by: int, of: Evidence, taken: Taken) -> None:
    """Take candidate k (by 1) or leave it out again (by -1)."""
    taken.chosen[k] = by > 0
    for i in range(of.start[k], of.start[k + 1]):
        taken.cover[of.pixels[i]] += by
    for i in range(of.first[k], of.first[k + 1]):
        taken.seen[of.points[i]] += by


@compiled()
def explain(of: Evidence, number_of_points: int, chosen: npt.NDArray[np.bool_]) -> FloatArray:
    """The set of candidates of least energy that adding, leaving out and exchanging one for up to two others reach.

    `chosen` holds the first guess and then the result; returns for each candidate taken what leaving it out would cost.
    """
    number = of.prices.shape[0]
    cover = np.zeros(of.worth.shape[0], dtype=np.int64)
    taken = Taken(chosen, cover, np.zeros(max(1, number_of_points), dtype=np.int64))
    for k in range(number):
        if chosen[k]:
            _take(k, 1, of, taken)
    _fill(of, taken, 1000, -1)
    for _ in range(8):
        better = False
        for k in range(number):
            if not chosen[k]:
                continue
            change = _energy_of_removing(k, of, taken)
            _take(k, -1, of, taken)
            added, gain = _fill(of, taken, 2, k)
            if change + gain < -1e-6:
                better = True
                continue
            for other in added:
                if other >= 0:
                    _take(other, -1, of, taken)
            _take(k, 1, of, taken)
        if not better:
            break
        _fill(of, taken, 1000, -1)
    cost = np.zeros(number)
    for k in range(number):
        if chosen[k]:
            cost[k] = _energy_of_removing(k, of, taken)
    return cost


@compiled()
def _fill(of: Evidence, taken: Taken, most: int, banned: int) -> tuple[IntArray, float]:
    """Add the best candidate while the energy falls, at most `most`; which (at most two told), and the change."""
    added = np.full(2, -1, dtype=np.int64)
    total = 0.0
    for step in range(most):
        best, which = -1e-6, -1
        for k in range(of.prices.shape[0]):
            if taken.chosen[k] or k == banned:
                continue
            change = _energy_of_adding(k, of, taken)
            if change < best:
                best, which = change, k
        if which < 0:
            break
        _take(which, 1, of, taken)
        total += best
        if step < 2:
            added[step] = which
    return added, total
