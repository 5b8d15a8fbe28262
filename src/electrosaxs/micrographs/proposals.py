"""Triangles that straight pieces of an outline suggest: from one whole side, from two sides that meet at a tip, from three.

Rows x, y, edge, angle, truncation (`triangle_kernels`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..compiled import compiled
from ..nouns import FloatArray
from .morphology import Mask
from .outlines import Outlines, Sides
from .triangle_kernels import ANGLE, CUT, EDGE, SQRT3, TURN, IntArray, X, Y, side_of, tips_of

MISTURNED = np.radians(14.0)  # of two pieces against 120 degrees
FACING = 0.9  # cosine between the normals of an outline point and of the side it lies on
NEAR = 2.0  # px from a side
ROUNDS = 4
Row = tuple[float, float, float, float, float]
"""x, y, edge, angle, truncation, where a kernel makes one: a tuple compiles in a quarter of the time of an array."""
INSIDE = 0.8  # of a triangle's points in the frame that stand out


def proposals(
    sides: Sides, sizes: FloatArray | Sequence[float], smallest: float, largest: float, truncation: float,
    own: Mask,
) -> FloatArray:  # fmt: skip
    """Candidates (n, 5) from the pieces of one component; `sizes`: edges to try where the pieces leave the size
    open; `own`: the component's pixels, which must hold most of each triangle."""
    order = np.argsort(-sides.length)
    rows = _from_pieces(
        sides.angle[order], sides.offset[order], sides.ends[order], np.asarray(sizes, dtype=float), smallest, largest,
        MISTURNED,
    )  # fmt: skip
    rows[:, CUT] = truncation
    return rows[_promising(rows, own, INSIDE)]


@compiled()
def _triangle(angle: float, o0: float, o1: float, o2: float) -> Row:
    """The triangle whose sides have the normals angle + 180 + 120 k and these offsets: r is their mean,
    c = 2/3 sum (o - r) n."""
    r = (o0 + o1 + o2) / 3.0
    x, y = 0.0, 0.0
    for k in range(3):
        o = o0 if k == 0 else (o1 if k == 1 else o2)
        x -= 2.0 / 3.0 * (o - r) * np.cos(angle + TURN * k)
        y -= 2.0 / 3.0 * (o - r) * np.sin(angle + TURN * k)
    return x, y, 2.0 * SQRT3 * r, angle, 0.0


@compiled()
def _middle(ends: FloatArray, k: int) -> tuple[float, float, float]:
    """Middle of piece k and its length."""
    (ax, ay), (bx, by) = ends[k, 0], ends[k, 1]
    return 0.5 * (ax + bx), 0.5 * (ay + by), np.hypot(bx - ax, by - ay)


@compiled()
def _misturn(angle: FloatArray, i: int, k: int, steps: int) -> float:
    """By how much the normal of piece k is off that of piece i turned by `steps` third turns."""
    turn = angle[k] - angle[i] - steps * TURN
    return turn - 2.0 * np.pi * np.round(turn / (2.0 * np.pi))


@compiled()
def _out(base: float, x: float, y: float, k: int) -> float:
    """How far out a point lies along the normal of side k of a triangle whose first tip points to `base`."""
    return x * np.cos(base + np.pi + TURN * k) + y * np.sin(base + np.pi + TURN * k)


@compiled()
def _farthest(ends: FloatArray, k: int, x: float, y: float) -> float:
    """Distance of the farther end of piece k from a point."""
    return max(np.hypot(ends[k, 0, 0] - x, ends[k, 0, 1] - y), np.hypot(ends[k, 1, 0] - x, ends[k, 1, 1] - y))


@compiled()
def _from_pieces(
    angle: FloatArray, offset: FloatArray, ends: FloatArray, sizes: FloatArray, smallest: float, largest: float,
    misturned: float,
) -> FloatArray:  # fmt: skip
    found = [(0.0, 0.0, 0.0, 0.0, 0.0)]
    number = angle.shape[0]
    for i in range(number):
        nx, ny = np.cos(angle[i]), np.sin(angle[i])
        mx, my, length = _middle(ends, i)
        for stretch in (1.0, 1.12):
            edge = stretch * length + 2.0
            if length >= 0.7 * smallest and smallest <= edge <= largest:
                r = edge / (2.0 * SQRT3)
                found.append((mx - r * nx, my - r * ny, edge, angle[i] + np.pi, 0.0))
        for j in range(number):
            turn = _misturn(angle, i, j, 1)
            if abs(turn) > misturned or i == j:
                continue
            jx, jy = np.cos(angle[j]), np.sin(angle[j])
            kx, ky, other = _middle(ends, j)
            apart = np.hypot(kx - mx, ky - my) > 1.1 * largest
            if apart or nx * kx + ny * ky > offset[i] + 2.0 or jx * mx + jy * my > offset[j] + 2.0:
                continue
            base = angle[i] + turn * other / (length + other) + np.pi
            det = nx * jy - ny * jx
            vx, vy = (offset[i] * jy - offset[j] * ny) / det, (offset[j] * nx - offset[i] * jx) / det
            o0, o1 = _out(base, mx, my, 0), _out(base, kx, ky, 1)
            far_i, far_j = _farthest(ends, i, vx, vy), _farthest(ends, j, vx, vy)
            least = max(far_i, far_j) - 4.0
            for option in range(2 + sizes.shape[0]):
                edge = far_i + 2.0 if option == 0 else (far_j + 2.0 if option == 1 else sizes[option - 2])
                if least <= edge and smallest <= edge <= largest:
                    found.append(_triangle(base, o0, o1, edge * SQRT3 / 2.0 - o0 - o1))
            if i > j and angle[i] != angle[j]:
                continue
            for k in range(number):
                turn_k = _misturn(angle, i, k, 2)
                if abs(turn_k) > misturned or k in (i, j):
                    continue
                qx, qy, third = _middle(ends, k)
                base = angle[i] + (turn * other + turn_k * third) / (length + other + third) + np.pi
                o0, o1, o2 = _out(base, mx, my, 0), _out(base, kx, ky, 1), _out(base, qx, qy, 2)
                if max(smallest, least) <= 2.0 / SQRT3 * (o0 + o1 + o2) <= largest:
                    found.append(_triangle(base, o0, o1, o2))
    rows = np.zeros((len(found) - 1, 5))
    for n in range(1, len(found)):
        rows[n - 1, X], rows[n - 1, Y], rows[n - 1, EDGE], rows[n - 1, ANGLE], rows[n - 1, CUT] = found[n]
    return rows


@compiled()
def _promising(rows: FloatArray, own: Mask, share: float) -> Mask:
    """Whether enough of 36 points spread over a triangle are pixels of the component; those outside count for it."""
    good = np.zeros(rows.shape[0], dtype=np.bool_)
    for n in range(rows.shape[0]):
        row = rows[n]
        inside, total = 0, 0
        for i in range(8):
            for j in range(8 - i):
                a, b = (i + 0.4) / 8.2, (j + 0.4) / 8.2
                dx, dy = 0.0, 0.0
                for k in range(3):
                    part = a if k == 0 else (b if k == 1 else 1.0 - a - b)
                    dx += part * np.cos(row[ANGLE] + TURN * k) * row[EDGE] / SQRT3
                    dy += part * np.sin(row[ANGLE] + TURN * k) * row[EDGE] / SQRT3
                x, y = int(np.round(row[X] + dx)), int(np.round(row[Y] + dy))
                if 0 <= x < own.shape[1] and 0 <= y < own.shape[0]:
                    total += 1
                    inside += own[y, x]
        good[n] = total >= 8 and inside >= share * total
    return good


def fitted(rows: FloatArray, found: Outlines, tolerance: float) -> FloatArray:
    """The candidates drawn onto the outline points that they explain: least squares over angle and offsets, four rounds.

    A side of which less than a sixth is seen keeps its size from the candidate.
    """
    fresh = rows.copy()
    _fit(fresh, found.points, found.normals, tolerance)
    return fresh


@compiled()
def _fit(rows: FloatArray, points: FloatArray, normals: FloatArray, tolerance: float) -> None:
    for n in range(rows.shape[0]):
        for step in range(ROUNDS):
            near = max(tolerance, (3.5 - step) * 1.2)
            if not _fit_once(rows[n], points, normals, near):
                break


@compiled()
def _fit_once(row: FloatArray, points: FloatArray, normals: FloatArray, near: float) -> bool:
    """One step: offsets o_k and a small turn w minimise sum (n . p + w s - o_k)^2, s along the side from its foot."""
    count, mean_s, mean_d, cross, square = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    ways = tips_of(row[ANGLE])
    for i in range(points.shape[0]):
        k = side_of(points[i, 0], points[i, 1], normals[i, 0], normals[i, 1], row, ways, near, FACING)
        if k < 0 or k > 2:
            continue
        c, s = -ways[k, 0], -ways[k, 1]
        dx, dy = points[i, 0] - row[X], points[i, 1] - row[Y]
        along, away = dy * c - dx * s, dx * c + dy * s
        count[k] += 1.0
        mean_s[k] += along
        mean_d[k] += away
        cross[k] += along * away
        square[k] += along * along
    up, down = 0.0, 0.0
    for k in range(3):
        if count[k] > 0.0:
            mean_s[k] /= count[k]
            mean_d[k] /= count[k]
            up += cross[k] - count[k] * mean_s[k] * mean_d[k]
            down += square[k] - count[k] * mean_s[k] ** 2
    if down <= 0.0:
        return False
    turn = min(0.15, max(-0.15, -up / down))
    r = row[EDGE] / (2.0 * SQRT3)
    enough = max(4.0, row[EDGE] / 6.0)
    o, seen, shifts = np.zeros(3), 0, 0.0
    for k in range(3):
        if count[k] >= enough:
            seen += 1
            o[k] = mean_d[k] + turn * mean_s[k]
            shifts += o[k] - r
    if seen == 0:
        return False
    for k in range(3):
        if count[k] < enough:  # two sides leave the third so that the size stays, one leaves half its shift to each
            o[k] = r - (shifts if seen == 2 else 0.5 * shifts)
    dx, dy, edge, _, _ = _triangle(row[ANGLE], o[0], o[1], o[2])
    row[X] += dx
    row[Y] += dy
    row[EDGE] = max(4.0, edge)
    row[ANGLE] += turn
    return True


def distinct(rows: FloatArray, merit: FloatArray, most: int) -> IntArray:
    """Indices of the candidates of highest merit that are not nearly the same as a better one, at most `most`."""
    return _distinct(rows, np.argsort(-merit), most)


@compiled()
def _distinct(rows: FloatArray, order: IntArray, most: int) -> IntArray:
    kept = np.empty(min(most, rows.shape[0]), dtype=np.int64)
    number = 0
    for k in order:
        same = False
        for m in range(number):
            other = rows[kept[m]]
            edge = max(rows[k, EDGE], other[EDGE])
            turn = rows[k, ANGLE] - other[ANGLE]
            turn -= TURN * np.round(turn / TURN)
            if (
                np.hypot(rows[k, X] - other[X], rows[k, Y] - other[Y]) < 0.05 * edge
                and abs(rows[k, EDGE] - other[EDGE]) < 0.06 * edge
                and abs(turn) < 0.07
            ):
                same = True
                break
        if not same:
            kept[number] = k
            number += 1
            if number == kept.shape[0]:
                break
    return kept[:number]
