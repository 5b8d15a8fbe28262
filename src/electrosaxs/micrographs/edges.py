"""Where base and top edges lie, from the brightness across the sides of an island.

Along each side that shows, the image is averaged into one profile across it. Substrate, facet and top are three levels with
two blurred steps between: I(u) = b + A Phi((e - u)/s) + B Phi((e - w - u)/s), u outwards from the side. The levels differ from side
to side (light comes from somewhere) and from channel to channel, the facet's width w is one for the island, the blur s one for
the image, the offset e one for each side.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..nouns import FloatArray
from .triangle_kernels import ANGLE, CUT, EDGE, SQRT3, TURN, X, Y, depth

OUTSIDE, STEP = 6.0, 0.5  # px: how far out profiles go, and their step
DEEPEST = 0.24  # of the edge: how far in they go; the centre is at 0.289
SEARCH = 3.5  # px around the outline's side in which the edge is looked for
BLURS = np.array([0.6, 0.85, 1.2, 1.7, 2.4, 3.4])
SAMPLE = 24  # islands from which the blur is learnt
CLEAR = 30.0  # drop of chi squared that makes the second step believable
RESOLVED = 3.0  # blurs that a facet must be wide
FLOOR = 0.06  # px: what no fit of an edge is better than


def fit_edges(image: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """(rows, facets, blur) of islands on an image (rows, columns, channels) whose noise is 1 and white.

    rows: with edge and place corrected. facets (n, 4): width (nan: not resolved), its sigma, sigma of the base edge,
    drop of chi squared by the second step. blur: px.
    """
    facets = np.full((len(rows), 4), np.nan)
    if not len(rows):
        return rows, facets, float("nan")
    profiles = [_profiles(image, k, rows, STEP, OUTSIDE, DEEPEST) for k in range(len(rows))]
    sample = np.argsort([-p[1].sum() for p in profiles])[:SAMPLE]
    blur = _learnt_blur([profiles[k] for k in sample])
    fresh = rows.copy()
    for k, (mean, count, at) in enumerate(profiles):
        fit = _fit(mean, count, at, blur, SEARCH)
        offsets, sigmas, seen = fit[0:3], fit[3:6], fit[6:9] > 0.0
        if not seen.any():
            continue
        offsets = np.where(seen, offsets, offsets[seen].mean())
        r = offsets.mean()
        turn = rows[k, ANGLE] + np.pi + TURN * np.arange(3)
        shift = 2.0 / 3.0 * (offsets - r) @ np.stack([np.cos(turn), np.sin(turn)], axis=1)
        fresh[k, [X, Y]] += shift
        fresh[k, EDGE] += 2.0 * SQRT3 * r
        spread = np.sqrt(np.square(sigmas[seen]).sum()) / seen.sum() + FLOOR
        facets[k] = fit[9], fit[10], 2.0 * SQRT3 * spread, fit[11]
    return fresh, facets, blur


def _learnt_blur(profiles: list) -> float:
    """The blur with which the profiles of some islands are fitted best, between the steps of BLURS by a parabola."""
    misfit = np.array([sum(_fit(*p, blur, SEARCH)[12] for p in profiles) for blur in BLURS])
    best = int(np.argmin(misfit))
    if best in (0, len(BLURS) - 1):
        return float(BLURS[best])
    left, middle, right = misfit[best - 1 : best + 2]
    shift = 0.5 * (left - right) / (left - 2.0 * middle + right)
    return float(BLURS[best] * np.sqrt(2.0) ** shift)


@njit(cache=True)
def _profiles(
    image: FloatArray, which: int, rows: FloatArray, step: float, outside: float, deepest: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(mean, count, at): means (side, u, channel), how many pixels' worth each holds (side, u), and u (px, outwards)."""
    row = rows[which]
    edge = row[EDGE]
    depths = int((outside + max(3.0, deepest * edge)) / step) + 1
    at = outside - step * np.arange(depths)
    channels = image.shape[2]
    total, count = np.zeros((3, depths, channels)), np.zeros((3, depths))
    half = 0.5 * edge * (1.0 - 2.0 * row[CUT])
    near = [rows[m] for m in range(rows.shape[0])
            if m != which and np.hypot(rows[m, X] - row[X], rows[m, Y] - row[Y]) < (rows[m, EDGE] + edge) / SQRT3 + 8.0]
    for k in range(3):
        c, s = -np.cos(row[ANGLE] + TURN * k), -np.sin(row[ANGLE] + TURN * k)
        for d in range(depths):
            reach = half - 2.5 - 0.08 * edge - max(0.0, -at[d]) * SQRT3
            for position in range(-int(reach), int(reach) + 1):
                away = edge / (2.0 * SQRT3) + at[d]
                x = row[X] + away * c - position * s
                y = row[Y] + away * s + position * c
                if x < 0.0 or y < 0.0 or x >= image.shape[1] - 1 or y >= image.shape[0] - 1:
                    continue
                free = True
                for other in near:
                    if depth(x, y, other) > -3.0:
                        free = False
                        break
                if not free:
                    continue
                left, top = int(x), int(y)
                fx, fy = x - left, y - top
                for channel in range(channels):
                    total[k, d, channel] += (
                        (1.0 - fx) * (1.0 - fy) * image[top, left, channel]
                        + fx * (1.0 - fy) * image[top, left + 1, channel]
                        + (1.0 - fx) * fy * image[top + 1, left, channel]
                        + fx * fy * image[top + 1, left + 1, channel]
                    )
                count[k, d] += 1.0
    for k in range(3):
        for d in range(depths):
            if count[k, d] > 0.0:
                for channel in range(channels):
                    total[k, d, channel] /= count[k, d]
    return total, count, at


@njit(cache=True)
def _misfit(
    mean: FloatArray, count: FloatArray, at: FloatArray, e: float, w: float, blur: float
) -> float:
    """Weighted sum of squares of one side about the best levels of each channel, one or (w > 0) two steps."""
    total = 0.0
    for channel in range(mean.shape[1]):
        number = 3 if w > 0.0 else 2
        normal, right, square = np.zeros((number, number)), np.zeros(number), 0.0
        term = np.ones(number)
        for d in range(at.shape[0]):
            if count[d] <= 0.0:
                continue
            term[1] = 0.5 * (1.0 + math.erf((e - at[d]) / (blur * math.sqrt(2.0))))
            if number == 3:
                term[2] = 0.5 * (1.0 + math.erf((e - w - at[d]) / (blur * math.sqrt(2.0))))
            for i in range(number):
                for j in range(number):
                    normal[i, j] += count[d] * term[i] * term[j]
                right[i] += count[d] * term[i] * mean[d, channel]
            square += count[d] * mean[d, channel] ** 2
        for i in range(number):
            normal[i, i] += 1e-6 * (normal[0, 0] + 1.0)
        total += square - right @ np.linalg.solve(normal, right)
    return total


@njit(cache=True)
def _side(
    mean: FloatArray, count: FloatArray, at: FloatArray, w: float, blur: float, search: float, fine: float
) -> tuple[float, float, float]:
    """(misfit, offset, curvature) of one side for a facet of width w."""
    best, where, steps = 1e300, 0, int(search / fine)
    values = np.empty(2 * steps + 1)
    for n in range(2 * steps + 1):
        values[n] = _misfit(mean, count, at, (n - steps) * fine, w, blur)
        if values[n] < best:
            best, where = values[n], n
    e, bend = (where - steps) * fine, 0.0
    if 0 < where < 2 * steps:
        left, middle, right = values[where - 1], values[where], values[where + 1]
        bend = (left - 2.0 * middle + right) / fine**2
        if bend > 0.0:
            e += 0.5 * fine * (left - right) / (left - 2.0 * middle + right)
            best -= 0.125 * (left - right) ** 2 / (left - 2.0 * middle + right)
    return best, e, bend


@njit(cache=True)
def _fit(mean: FloatArray, count: FloatArray, at: FloatArray, blur: float, search: float) -> FloatArray:
    """Offsets (3), their sigmas (3), sides seen (3), facet width, its sigma, drop by the second step, misfit."""
    result = np.zeros(13)
    result[9] = result[10] = np.nan
    seen = np.zeros(3, dtype=np.bool_)
    points = 0.0
    for k in range(3):
        usable = (count[k] > 4.0).sum()
        seen[k] = count[k, : int(8.0 / 0.5)].min() > 4.0 and usable > 16
        result[6 + k] = seen[k]
        points += seen[k] * usable * mean.shape[2]
    if points == 0.0:
        return result
    widest = -at[at.shape[0] - 1] - 3.0 * blur
    number = max(1, int(widest / 0.5) + 1)
    chi = np.full(number, 1e300)
    for n in range(number):
        if n == 1:
            continue
        chi[n] = 0.0
        for k in range(3):
            if seen[k]:
                chi[n] += _side(mean[k], count[k], at, 0.5 * n, blur, search, 0.5)[0]
    best = int(np.argmin(chi))
    noise = max(chi[best] / max(points - 12.0, 1.0), 1e-12)
    w, w_sigma = 0.5 * best, np.nan
    if 2 < best < number - 1 and chi[best - 1] < 1e299:
        bend = chi[best - 1] - 2.0 * chi[best] + chi[best + 1]
        if bend > 0.0:
            w += 0.25 * (chi[best - 1] - chi[best + 1]) / bend
            w_sigma = np.sqrt(2.0 * noise * 0.25 / bend)
    for k in range(3):
        if seen[k]:
            _, e, bend = _side(mean[k], count[k], at, w, blur, search, 0.25)
            result[k] = e
            result[3 + k] = np.sqrt(2.0 * noise / bend) if bend > 0.0 else search
    result[9], result[10] = w, w_sigma
    result[11] = (chi[0] - chi[best]) / noise
    result[12] = chi[best]
    return result
