"""Where base and top edges lie, from the brightness across the sides of an island.

Along each side that shows, the image is averaged into one profile across it. Substrate, facet and top are three levels with
two blurred steps between: I(u) = b + A Phi((e - u)/s) + B Phi((e - w - u)/s), u outwards. The levels differ from side
to side (light comes from somewhere) and from channel to channel, the facet's width w is one for the island, the blur s one for
the image, the offset e one for each side.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from ..compiled import njit
from ..nouns import FloatArray
from .triangle_kernels import ANGLE, CUT, EDGE, SQRT3, TURN, X, Y, depth

OUTSIDE, STEP = 6.0, 0.5  # px: how far out profiles go, and their step
FARTHER = 7.5  # px: how far out where the outline follows the top edge
DEEPEST = 0.24  # of the edge: how far in they go; the centre is at 0.289
SEARCH = 3.5  # px around the outline's side in which the edge is looked for
TRUSTED = 0.5  # px: standard deviation of the outline's side, as a prior
BLURS = 0.6 * 1.16 ** np.arange(12)
ALIKE = 40.0  # difference of misfits of an image's islands that the shape of the blur explains
NEARBY = 0.93 ** np.arange(4, -3, -1)  # of the blur that was learnt
SHARES = (0.0, 0.5, 1.0)
SAMPLE, MANY = 24, 100  # islands from which the blur is learnt, and a facet that they share
CLEAR = 80.0  # drop of chi squared that makes the second step believable
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
    blur, share = _learnt_blur([profiles[k] for k in sample])
    if share > 0.0:
        profiles = [_profiles(image, k, rows, STEP, FARTHER, DEEPEST) for k in range(len(rows))]
    fits = [_fit(*profile, blur, share, SEARCH, TRUSTED, -1.0) for profile in profiles]
    common = 0.0
    if _shares_a_facet([fit[0] for fit in fits]):
        sharper, common = _shared_facet(profiles, blur, share)
        if common < RESOLVED * blur:
            blur = sharper
            fits = [_fit(*profile, blur, share, SEARCH, TRUSTED, -1.0) for profile in profiles]
    fresh = rows.copy()
    for k, (profile, (_, fit)) in enumerate(zip(profiles, fits, strict=True)):
        if not (fit[11] >= CLEAR and fit[9] >= RESOLVED * blur):
            facet = fit[9:12].copy()
            fit = _fit(*profile, blur, share, SEARCH, TRUSTED, common)[1]
            fit[9:12] = facet
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


def _shares_a_facet(falls: list) -> bool:
    """Whether the islands of the image together show a second step. `falls`: misfit over its noise at widths STEP apart, of
    each island. Where no island's own facet is clear, its base edge still needs a facet between substrate and top, or it is
    drawn inwards."""
    total = _together(falls)
    return bool(len(total) and total[0] - total.min() > CLEAR)


def _together(falls: list) -> FloatArray:
    """Sum over islands at the widths that all of them have."""
    able = [fall for fall in falls if len(fall) > 4]
    least = min((len(fall) for fall in able), default=0)
    return np.asarray(np.sum([fall[:least] for fall in able], axis=0)) if able else np.zeros(0)


def _shared_facet(profiles: list, blur: float, share: float) -> tuple[float, float]:
    """(blur, facet width) px that serve some islands best, both the same for all of them.

    A narrow facet and the blur are hardly told apart: from a wide blur without facet to a narrow one with a wide facet there
    is a valley of nearly one misfit, and its lowest place is the noise's choice. The mean over the valley is not.
    """
    blurs = blur * NEARBY
    profiles = profiles[:MANY]
    curves = [_misfits(profiles, float(one), share) for one in blurs]
    middle = [int(np.clip(np.argmin(curve), 3, len(curve) - 2)) for curve in curves]
    widths = [STEP * max(m + _lowest(c[m - 1 : m + 2]), 0.0) for m, c in zip(middle, curves, strict=True)]
    valley = CubicSpline(blurs, np.stack([[curve.min() for curve in curves], widths], axis=1))
    fine = np.linspace(blurs[0], blurs[-1], 200)
    misfit, width = valley(fine).T
    weight = np.exp(-0.5 * (misfit - misfit.min()) / ALIKE)
    return float(np.average(fine, weights=weight)), float(np.average(width, weights=weight))


def _misfits(profiles: list[tuple[FloatArray, FloatArray, FloatArray]], blur: float, share: float) -> FloatArray:
    """Misfit of all profiles together at widths STEP apart."""
    fits = [_fit(mean, count, at, blur, share, SEARCH, TRUSTED, -1.0) for mean, count, at in profiles]
    return _together([chi * one[12] / chi.min() for chi, one in fits if len(chi)])


def _lowest(values: FloatArray) -> float:
    """Place of a parabola's minimum through values at -1, 0 and 1; 0 where it has none."""
    bend = values[0] - 2.0 * values[1] + values[2]
    return float(0.5 * (values[0] - values[2]) / bend) if bend > 0.0 else 0.0


def _learnt_blur(profiles: list) -> tuple[float, float]:
    """(blur, share): the blur with which the profiles of some islands are fitted best, between the steps of BLURS by a
    parabola, and whether the outline follows their base edge (0), their top edge (1) or what lies between. Both together: of
    an outline that follows the top a wide blur without facet is nearly as good."""
    misfits = np.array([[_total(profiles, float(blur), share) for blur in BLURS] for share in SHARES])
    which, best = np.unravel_index(int(np.argmin(misfits)), misfits.shape)
    misfit, share = misfits[which], SHARES[which]
    if best in (0, len(BLURS) - 1):
        return float(BLURS[best]), share
    left, middle, right = misfit[best - 1 : best + 2]
    shift = 0.5 * (left - right) / max(left - 2.0 * middle + right, 1e-12)
    return float(BLURS[best] * (BLURS[1] / BLURS[0]) ** shift), share


def _total(profiles: list[tuple[FloatArray, FloatArray, FloatArray]], blur: float, share: float) -> float:
    fits = (_fit(mean, count, at, blur, share, SEARCH, TRUSTED, -1.0) for mean, count, at in profiles)
    return float(sum(one[1][12] for one in fits))


@njit(cache=True)
def _profiles(
    image: FloatArray, which: int, rows: FloatArray, step: float, outside: float, deepest: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(mean, count, at): means (side, u, channel), how many pixels' worth each holds (side, u), and u (px, outwards)."""
    row = rows[which]
    edge = row[EDGE]
    depths = int((outside + max(3.0, deepest * edge)) / step) + 1
    at = np.empty(depths)
    for d in range(depths):
        at[d] = outside - step * d
    channels = image.shape[2]
    total, count = np.zeros((3, depths, channels)), np.zeros((3, depths))
    half = 0.5 * edge * (1.0 - 2.0 * row[CUT])
    near, number = np.empty(rows.shape[0], dtype=np.int64), 0
    for m in range(rows.shape[0]):
        apart = np.hypot(rows[m, X] - row[X], rows[m, Y] - row[Y])
        if m != which and apart < (rows[m, EDGE] + edge) / SQRT3 + 8.0:
            near[number] = m
            number += 1
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
                for m in range(number):
                    if depth(x, y, rows[near[m]]) > -3.0:
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
def _steps(blur: float, at: FloatArray, search: float) -> FloatArray:
    """Phi((e - u) / s) for all differences e - u, a quarter of a pixel apart from -LONGEST: looked up, not computed."""
    number = int(4.0 * (at[0] - at[at.shape[0] - 1] + 2.0 * search + 40.0)) + 1
    low = -at[0] - search - 40.0
    table = np.empty(number + 400)
    for n in range(table.shape[0]):
        table[n] = 0.5 * (1.0 + math.erf((low + 0.25 * n) / (blur * math.sqrt(2.0))))
    return table


@njit(cache=True)
def _misfit(mean: FloatArray, count: FloatArray, at: FloatArray, e: int, w: int, table: FloatArray, zero: int) -> float:
    """Weighted sum of squares of one side about the best levels of each channel, one or (w > 0) two steps; e and w in
    quarters of a pixel."""
    total = 0.0
    for channel in range(mean.shape[1]):
        n0 = n1 = n2 = n11 = n12 = n22 = r0 = r1 = r2 = square = 0.0
        for d in range(at.shape[0]):
            weight = count[d]
            if weight <= 0.0:
                continue
            value = mean[d, channel]
            first = table[zero + e - round(4.0 * at[d])]
            second = table[zero + e - w - round(4.0 * at[d])] if w > 0 else 0.0
            n0 += weight
            n1 += weight * first
            n2 += weight * second
            n11 += weight * first * first
            n12 += weight * first * second
            n22 += weight * second * second
            r0 += weight * value
            r1 += weight * first * value
            r2 += weight * second * value
            square += weight * value * value
        if n0 <= 0.0:
            continue
        a11, a12, a22 = n11 - n1 * n1 / n0, n12 - n1 * n2 / n0, n22 - n2 * n2 / n0
        b1, b2 = r1 - n1 * r0 / n0, r2 - n2 * r0 / n0
        total += square - r0 * r0 / n0
        a11 += 1e-9 * n0
        a22 += 1e-6 * n0
        if w > 0:
            det = a11 * a22 - a12 * a12
            total -= (b1 * b1 * a22 - 2.0 * b1 * b2 * a12 + b2 * b2 * a11) / det
        else:
            total -= b1 * b1 / a11
    return total


@njit(cache=True)
def _side(
    mean: FloatArray,
    count: FloatArray,
    at: FloatArray,
    w: int,
    table: FloatArray,
    zero: int,
    search: int,
    fine: int,
    trusted: float,
    share: float,
) -> tuple[float, float, float]:
    """(misfit, offset, curvature) of one side for a facet of width w; w, search and fine in quarters of a pixel. The offset is
    looked for around share w, where the outline says that it is."""
    best, where, steps = 1e300, 0, search // fine
    middle = round(share * w)
    values = np.empty(2 * steps + 1)
    for n in range(2 * steps + 1):
        away = middle + (n - steps) * fine
        astray = away - share * w
        values[n] = _misfit(mean, count, at, away, w, table, zero) + (0.25 * astray / trusted) ** 2
        if values[n] < best:
            best, where = values[n], n
    step = 0.25 * fine
    e, bend = 0.25 * middle + (where - steps) * step, 0.0
    if 0 < where < 2 * steps:
        left, at_best, right = values[where - 1], values[where], values[where + 1]
        bend = (left - 2.0 * at_best + right) / step**2
        if bend > 0.0:
            e += 0.5 * step * (left - right) / (left - 2.0 * at_best + right)
            best -= 0.125 * (left - right) ** 2 / (left - 2.0 * at_best + right)
    return best, e, bend


@njit(cache=True)
def _usable(count: FloatArray) -> int:
    """Points of a side that hold more than 4 pixels' worth; 0 where they are too few, or one near the outline does not."""
    usable = 0
    for d in range(count.shape[0]):
        if count[d] > 4.0:
            usable += 1
        elif d < 16:
            return 0
    return usable if usable > 16 else 0


@njit(cache=True)
def _sides_seen(count: FloatArray) -> tuple[npt.NDArray[np.bool_], float]:
    """Which of the three sides (3,) can be fitted, and their usable points together."""
    seen, points = np.zeros(3, dtype=np.bool_), 0.0
    for k in range(3):
        usable = _usable(count[k])
        seen[k] = usable > 0
        points += usable
    return seen, points


@njit(cache=True)
def _fit(
    mean: FloatArray,
    count: FloatArray,
    at: FloatArray,
    blur: float,
    share: float,
    search: float,
    trusted: float,
    given: float,
) -> tuple[FloatArray, FloatArray]:
    """Misfit over its noise for facet widths STEP apart; and offsets (3), their sigmas (3), sides seen (3), facet width, its
    sigma, drop by the second step, misfit. `given`: a facet width to take, negative: the best."""
    result = np.zeros(13)
    result[9] = result[10] = np.nan
    seen, points = _sides_seen(count)
    points *= mean.shape[2]
    result[6:9] = seen
    if points == 0.0:
        return np.zeros(0), result
    table = _steps(blur, at, search)
    zero = round(4.0 * (at[0] + search + 40.0))
    far = round(4.0 * search)
    widest = -at[at.shape[0] - 1] - 3.0 * blur
    number = max(1, int(widest / 0.5) + 1)
    chi = np.empty(number)
    for n in range(number):
        chi[n] = 1e300
        if n == 1 or (given >= 0.0 and n > 0 and n != round(2.0 * given)):
            continue
        chi[n] = 0.0
        for k in range(3):
            if seen[k]:
                chi[n] += _side(mean[k], count[k], at, 2 * n, table, zero, far, 1, trusted, share)[0]
    if number > 2:
        chi[1] = min(chi[1], max(chi[0], chi[2]))
    best = int(np.argmin(chi)) if given < 0.0 else min(number - 1, round(2.0 * given))
    noise = max(chi[best] / max(points - 12.0, 1.0), 1e-12)
    w, w_sigma = 0.5 * best if given < 0.0 else given, np.nan
    if 2 < best < number - 1 and given < 0.0:
        bend = chi[best - 1] - 2.0 * chi[best] + chi[best + 1]
        if bend > 0.0:
            w += 0.25 * (chi[best - 1] - chi[best + 1]) / bend
            w_sigma = np.sqrt(2.0 * noise * 0.25 / bend)
    for k in range(3):
        if seen[k]:
            below = int(4.0 * w)
            _, e, bend = _side(mean[k], count[k], at, below, table, zero, far, 1, trusted, share)
            if 4.0 * w > below > 0:
                wider = _side(mean[k], count[k], at, below + 1, table, zero, far, 1, trusted, share)[1]
                e += (4.0 * w - below) * (wider - e)
            result[k] = e
            result[3 + k] = np.sqrt(2.0 * noise / bend) if bend > 0.0 else search
    result[9], result[10] = w, w_sigma
    result[11] = (chi[0] - chi[best]) / noise
    result[12] = chi[best]
    for n in range(number):
        chi[n] /= noise
    return chi, result
