"""Compiled parts of the fit of edges: profiles across the sides of an island, and two blurred steps in them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ..compiled import compiled
from ..nouns import FloatArray
from .triangle_kernels import ANGLE, CUT, EDGE, SQRT3, TURN, IntArray, X, Y, depth

PARTS, FLAT = 16, 6.0  # of a pixel, in which steps are looked up; blurs from a step beyond which it is flat
OWN_BLURS = 0.8 * 1.1 ** np.arange(9)  # of the image's, that a side without facet may have


@compiled()
def profiles_across(
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
    margin = 2.5 + 0.08 * edge
    near, number = np.empty(rows.shape[0], dtype=np.int64), 0
    for m in range(rows.shape[0]):
        apart = np.hypot(rows[m, X] - row[X], rows[m, Y] - row[Y])
        if m != which and apart < (rows[m, EDGE] + edge) / SQRT3 + 8.0:
            near[number] = m
            number += 1
    for k in range(3):
        c, s = -np.cos(row[ANGLE] + TURN * k), -np.sin(row[ANGLE] + TURN * k)
        for d in range(depths):
            reach = _half_of_side(edge, row[CUT], max(0.0, -at[d])) - margin
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


@compiled()
def _half_of_side(edge: float, cut: float, inside: float) -> float:
    """Half of the line so far inside a side that is nearer to that side than to the others and to the cut tips: it ends on the
    bisectors, of 60 degrees between sides, of 120 between a side and a cut."""
    return min(0.5 * edge - inside * SQRT3, edge * (0.5 - cut) - inside / SQRT3)


@compiled()
def _steps(blur: float, at: FloatArray, search: float) -> tuple[FloatArray, int]:
    """(table, zero): Phi((e - u) / s) at `zero` + e - u, in parts of a pixel, for all differences: looked up, not computed."""
    span = at[0] - at[at.shape[0] - 1]
    zero = round(PARTS * (at[0] + search + span + 1.0))
    table = np.empty(round(PARTS * (4.0 * span + 2.0 * search)) + 4 * PARTS)
    for n in range(table.shape[0]):
        away = (n - zero) / (PARTS * blur)
        if abs(away) < FLAT:
            table[n] = 0.5 * (1.0 + math.erf(away / math.sqrt(2.0)))
        else:
            table[n] = 1.0 if away > 0.0 else 0.0
    return table, zero


@compiled()
def _misfit(mean: FloatArray, count: FloatArray, at: IntArray, e: int, w: int, table: FloatArray, zero: int) -> float:
    """Weighted sum of squares of one side about the best levels of each channel, one or (w > 0) two steps; at, e and w in
    parts of a pixel."""
    total = 0.0
    for channel in range(mean.shape[1]):
        n0 = n1 = n2 = n11 = n12 = n22 = r0 = r1 = r2 = square = 0.0
        for d in range(at.shape[0]):
            weight = count[d]
            if weight <= 0.0:
                continue
            value = mean[d, channel]
            first = table[zero + e - at[d]]
            second = table[zero + e - w - at[d]] if w > 0 else 0.0
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


@compiled()
def _side(
    mean: FloatArray,
    count: FloatArray,
    at: IntArray,
    w: int,
    table: FloatArray,
    zero: int,
    search: int,
    trusted: float,
    share: float,
) -> tuple[float, float, float]:
    """(misfit, offset, curvature) of one side for a facet of width w; at, w and search in parts of a pixel. The offset is
    looked for around share w, where the outline says that it is, closer and closer: a parabola through quarters of a pixel is
    off by more than the noise of a clear image."""
    middle, best, where, reach = round(share * w), 1e300, 0, search
    for step in (PARTS // 2, PARTS // 8, 1):
        for n in range(-(reach // step), reach // step + 1):
            e = middle + n * step
            value = _misfit(mean, count, at, e, w, table, zero) + ((e - share * w) / (PARTS * trusted)) ** 2
            if value < best:
                best, where = value, e
        middle, reach = where, step - 1
    left, right = 0.0, 0.0
    for sign in (-1, 1):
        e = where + sign
        value = _misfit(mean, count, at, e, w, table, zero) + ((e - share * w) / (PARTS * trusted)) ** 2
        left, right = (value, right) if sign < 0 else (left, value)
    bend = left - 2.0 * best + right
    if bend <= 0.0 or min(left, right) < best:
        return best, where / PARTS, 0.0
    offset = (where + 0.5 * (left - right) / bend) / PARTS
    return best - 0.125 * (left - right) ** 2 / bend, offset, bend * PARTS**2


@compiled()
def _usable(count: FloatArray, at: FloatArray) -> int:
    """Points of a side that hold more than 4 pixels' worth; 0 where they are too few, or one near the outline does not."""
    usable = 0
    for d in range(count.shape[0]):
        if count[d] > 4.0:
            usable += 1
        elif -2.0 < at[d] <= 6.0:
            return 0
    return usable if usable > 16 else 0


@compiled()
def sides_seen(count: FloatArray, at: FloatArray) -> tuple[npt.NDArray[np.bool_], float]:
    """Which of the three sides (3,) can be fitted, and their usable points together."""
    seen, points = np.zeros(3, dtype=np.bool_), 0.0
    for k in range(3):
        usable = _usable(count[k], at)
        seen[k] = usable > 0
        points += usable
    return seen, points


@compiled()
def _in_parts(at: FloatArray) -> IntArray:
    """Places (px) in parts of a pixel."""
    parts = np.empty(at.shape[0], dtype=np.int64)
    for d in range(at.shape[0]):
        parts[d] = round(PARTS * at[d])
    return parts


@compiled()
def _alone(mean: FloatArray, count: FloatArray, at: FloatArray, blur: float, search: float, trusted: float) -> float:
    """Misfit of the three sides with one step each, blurred as each side would have it: sides that lie askew, that are rough
    or that a lens or a drift smears are wider or sharper than an image's usual ones, and that is no facet."""
    seen, parts, far = sides_seen(count, at)[0], _in_parts(at), round(PARTS * search)
    least = np.full(3, 1e300)
    for factor in OWN_BLURS:
        table, zero = _steps(factor * blur, at, search)
        for k in range(3):
            if seen[k]:
                least[k] = min(least[k], _side(mean[k], count[k], parts, 0, table, zero, far, trusted, 0.0)[0])
    total = 0.0
    for k in range(3):
        if seen[k]:
            total += least[k]
    return total


@compiled()
def _widest(count: FloatArray, at: FloatArray, blur: float, share: float) -> float:
    """The widest facet (px) of which both steps lie within what is seen of the profile, the outer one three blurs from its end,
    the inner one anywhere: islands whose facet may not be as wide as it is make the image's blur too small."""
    deepest = at[0]
    for d in range(at.shape[0]):
        if count[0, d] > 4.0 or count[1, d] > 4.0 or count[2, d] > 4.0:
            deepest = at[d]
    widest = at[0] - deepest
    if share < 1.0:
        widest = min(widest, -deepest / (1.0 - share))
    if share > 0.0:
        widest = min(widest, (at[0] - 3.0 * blur) / share)
    return max(widest, 0.0)


@compiled()
def fit_sides(
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
    sigma, drop by the second step, misfit, noise. `given`: a facet width to take, negative: the best. Without facet, in what
    is compared with it, each side has its own blur."""
    result = np.zeros(14)
    result[9] = result[10] = np.nan
    seen, points = sides_seen(count, at)
    points *= mean.shape[2]
    result[6:9] = seen
    if points == 0.0:
        return np.zeros(0), result
    table, zero = _steps(blur, at, search)
    far, parts, half = round(PARTS * search), _in_parts(at), PARTS // 2
    number = max(1, int(_widest(count, at, blur, share) / 0.5) + 1)
    given = min(given, 0.5 * (number - 1))
    chi = np.empty(number)
    for n in range(number):
        chi[n] = 1e300
        if (n == 1 and given < 0.0) or (given >= 0.0 and n > 0 and n != round(2.0 * given)):
            continue
        chi[n] = 0.0
        for k in range(3):
            if seen[k]:
                chi[n] += _side(mean[k], count[k], parts, half * n, table, zero, far, trusted, share)[0]
    if number > 2 and given < 0.0:
        chi[1] = min(chi[1], max(chi[0], chi[2]))
    best = int(np.argmin(chi)) if given < 0.0 else round(2.0 * given)
    noise = max(chi[best] / max(points - 12.0, 1.0), 1e-12)
    w, w_sigma = 0.5 * best if given < 0.0 else given, np.nan
    if 2 < best < number - 1 and given < 0.0:
        bend = chi[best - 1] - 2.0 * chi[best] + chi[best + 1]
        if bend > 0.0:
            w += 0.25 * (chi[best - 1] - chi[best + 1]) / bend
            w_sigma = np.sqrt(2.0 * noise * 0.25 / bend)
    for k in range(3):
        if seen[k]:
            below = int(PARTS * w)
            _, e, bend = _side(mean[k], count[k], parts, below, table, zero, far, trusted, share)
            if PARTS * w > below > 0:
                wider = _side(mean[k], count[k], parts, below + 1, table, zero, far, trusted, share)[1]
                e += (PARTS * w - below) * (wider - e)
            result[k] = e
            result[3 + k] = np.sqrt(2.0 * noise / bend) if bend > 0.0 else search
    result[9], result[10] = w, w_sigma
    result[12], result[13] = chi[best], noise
    if given < 0.0:
        chi[0] = min(chi[0], _alone(mean, count, at, blur, search, trusted))
    result[11] = (chi[0] - result[12]) / noise
    for n in range(number):
        chi[n] /= noise
    return chi, result
