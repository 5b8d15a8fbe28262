"""The fewest triangles that explain what stands out: its pixels, and its outline.

Energy, in pixels: island pixels that no triangle holds, substrate pixels that one holds, outline points that none explains,
a price per triangle. What lies within a few pixels of the outline counts less, as its place is not known better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from ..nouns import FloatArray
from .mask import usual_edge
from .morphology import Mask
from .outlines import IntArray, Outlines, Sides, outlines
from .proposals import FACING, NEAR, distinct, fitted, proposals
from .triangle_kernels import ANGLE, CUT, EDGE, SQRT3, Evidence, X, Y, explain, pixels_inside, points_explained

UNSURE = 3  # px from the outline over which a pixel's worth grows to 1
PER_POINT = 2.0  # px of energy for a pixel of outline
PRICE = 0.09  # of the typical island's area, for one triangle
FRAGMENT = 0.3  # of what the frame leaves of a component: the price is not more
CROWDING = 0.12  # for a pixel that two triangles hold
SPREAD = 0.18  # of the logarithm of the edge, at least: beyond it a size is unusual
FIRST_CUT = 0.06
ENOUGH = 600  # candidates of one component
SMALLEST = 9.0  # px: edge


@dataclass(frozen=True, eq=False)
class Explanation:
    """rows (n, 5): triangles. cost: energy that leaving each out would add. support: share of its visible outline that is
    seen. fill: share of its pixels in the frame that stand out. component: of each. typical: edge, px (nan: none)."""

    rows: FloatArray
    cost: FloatArray
    support: FloatArray
    fill: FloatArray
    component: FloatArray
    typical: float
    outlines: Outlines


def explain_mask(mask: Mask) -> Explanation:
    """Explain every component of a mask: first each alone, to learn the usual size, then all with it."""
    found, sides = outlines(mask)
    worth = _worth(mask)
    number = int(found.labels.max())
    boxes = ndimage.find_objects(found.labels)
    usual = usual_edge(mask)
    margin = 6 if np.isnan(usual) else int(max(6.0, 0.7 * usual))
    points, pieces = _by_component(found.component, number), _by_component(sides.component, number)
    parts = [
        _Part(mask, worth, _Own(found, points[k], sides, pieces[k]), k + 1, boxes[k], margin) for k in range(number)
    ]
    first = [part.explained((), usual, FIRST_CUT, alone=True) for part in parts]
    good = [rows[0, EDGE] for rows, _, support, fill in first if len(rows) == 1 and support[0] > 0.75 and fill[0] > 0.9]
    if len(good) < 3:
        good = [row[EDGE] for rows, *_ in first for row in rows]
    if not good or np.isnan(usual):
        empty = np.zeros(0)
        return Explanation(np.zeros((0, 5)), empty, empty, empty, empty, float("nan"), found)
    typical = float(np.exp(np.median(np.log(good))))
    sizes = np.percentile(good, [10, 35, 65, 90]) if len(good) > 3 else np.array([typical])
    spread = max(SPREAD, 1.3 * 1.4826 * float(np.median(np.abs(np.log(good) - np.log(typical)))))
    cut = _tip_cut(parts, first)
    second = [
        one if part.told(*one) else part.explained(sizes, typical, cut, spread)
        for part, one in zip(parts, first, strict=True)
    ]
    component = np.concatenate([np.full(len(rows), part.label) for part, (rows, *_) in zip(parts, second, strict=True)])
    rows, cost, support, fill = (np.concatenate(one) for one in zip(*second, strict=True))
    return Explanation(rows, cost, support, fill, component, typical, found)


def _by_component(component: IntArray, number: int) -> list[IntArray]:
    """Places of those of component 1, 2, ... `number`, in their order."""
    order = np.argsort(component, kind="stable")
    return np.split(order, np.searchsorted(component[order], np.arange(1, number + 2)))[1:-1]


class _Own(NamedTuple):
    """What a component has of the outlines and of their straight pieces."""

    found: Outlines
    points: IntArray
    sides: Sides
    pieces: IntArray


class _Part:
    """One component of the mask, in a window of its own."""

    def __init__(
        self, mask: Mask, worth: FloatArray, has: _Own, label: int, box: tuple[slice, slice], margin: int
    ) -> None:
        found, mine, sides, own_sides = has
        rows, columns = (slice(max(0, b.start - margin), b.stop + margin) for b in box)
        self.label = label
        self.cut_by_frame = any(b.start == 0 or b.stop == size for b, size in zip(box, mask.shape, strict=True))
        self.corner = np.array([columns.start, rows.start], dtype=float)
        own = found.labels[rows, columns] == label
        self.own, self.shape = own, own.shape
        self.worth = np.where(own, worth[rows, columns], -np.abs(worth[rows, columns])).ravel()
        self.area = float(own.sum())
        self.frame = mask.shape
        self.outline = Outlines(
            found.points[mine] - self.corner, found.normals[mine], found.component[mine], found.labels[rows, columns]
        )
        ends = sides.ends[own_sides] - self.corner
        normals = np.stack([np.cos(sides.angle[own_sides]), np.sin(sides.angle[own_sides])], axis=1)
        self.sides = Sides(
            sides.angle[own_sides], sides.offset[own_sides] - normals @ self.corner, ends, sides.component[own_sides]
        )

    def explained(
        self,
        sizes: FloatArray | tuple[float, ...],
        typical: float,
        cut: float,
        spread: float = SPREAD,
        *,
        alone: bool = False,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """(rows, cost, support, fill) of the triangles taken, in the image's pixels; `alone`: sizes are not known yet."""
        largest = min(1.25 * float(np.hypot(*self.shape)) * 2.0 / SQRT3, 3.0 * typical)
        smallest = max(SMALLEST, 0.25 * typical)
        raw = proposals(self.sides, sizes, smallest, largest, cut, self.own)
        none = np.zeros(0)
        if not len(raw):
            return np.zeros((0, 5)), none, none, none
        price = PRICE * SQRT3 / 4.0 * typical**2
        if alone:
            price = min(price, PRICE * self.area)
        if self.cut_by_frame:
            price = min(price, FRAGMENT * self.area)
        pool = raw[distinct(raw, raw[:, EDGE], ENOUGH)]
        pool = fitted(pool, self.outline, NEAR)
        pool = pool[(pool[:, EDGE] > smallest) & (pool[:, EDGE] < largest)]
        if not len(pool):
            return np.zeros((0, 5)), none, none, none
        merit = self._merit(pool)
        keep = distinct(pool, merit, ENOUGH // 2)
        pool = pool[keep][merit[keep] > 0.0]
        if not len(pool):
            return np.zeros((0, 5)), none, none, none
        rows, cost = self._chosen(pool, price, np.nan if alone else typical, spread)
        for _ in range(2):
            fresh = fitted(rows, self.outline, NEAR)
            pool = np.concatenate([fresh, rows, pool])
            rows, cost = self._chosen(
                pool[distinct(pool, self._merit(pool), ENOUGH)], price, np.nan if alone else typical, spread
            )
        support, fill = self._quality(rows)
        rows = rows.copy()
        rows[:, [X, Y]] += self.corner
        return rows, cost, support, fill

    def told(self, rows: FloatArray, cost: FloatArray, support: FloatArray, fill: FloatArray) -> bool:
        """Whether one triangle explains the component so well that sizes learnt elsewhere cannot change it."""
        if len(rows) != 1 or support[0] < 0.85 or fill[0] < 0.95:
            return False
        if self.cut_by_frame:
            return False
        area = SQRT3 / 4.0 * rows[0, EDGE] ** 2 * (1.0 - 3.0 * rows[0, CUT] ** 2)
        return bool(self.area < 1.08 * area)

    def _lists(self, rows: FloatArray) -> tuple:
        start, pixels, areas = pixels_inside(rows, *self.shape)
        first, points = points_explained(rows, self.outline.points, self.outline.normals, NEAR, FACING)
        return start, pixels, areas, first, points

    def _merit(self, rows: FloatArray) -> FloatArray:
        """What a candidate explains alone, less the substrate that it holds."""
        start, pixels, _, first, _ = self._lists(rows)
        total = np.concatenate([[0.0], np.cumsum(self.worth[pixels])])
        return total[start[1:]] - total[start[:-1]] + PER_POINT * np.diff(first)

    def _chosen(self, pool: FloatArray, price: float, typical: float, spread: float) -> tuple[FloatArray, FloatArray]:
        if not len(pool):
            return pool, np.zeros(0)
        start, pixels, _, first, points = self._lists(pool)
        prices = np.full(len(pool), price)
        if not np.isnan(typical):
            prices *= 1.0 + 0.5 * np.minimum((np.log(pool[:, EDGE] / typical) / spread) ** 2, 12.0)
        evidence = Evidence(start, pixels, self.worth, CROWDING, first, points, PER_POINT, prices)
        taken = np.zeros(len(pool), dtype=bool)
        cost = explain(evidence, len(self.outline.points), taken)
        return pool[taken], cost[taken]

    def _quality(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(support, fill): explained over visible outline length, and the share of the pixels that stand out."""
        start, pixels, _, first, _ = self._lists(rows)
        own = self.worth > 0.0
        total = np.concatenate([[0], np.cumsum(own[pixels])])
        fill = (total[start[1:]] - total[start[:-1]]) / np.maximum(np.diff(start), 1)
        visible, _ = exposed_outline(rows, self.frame, self.corner)
        return np.diff(first) / np.maximum(visible, 1.0), fill


def exposed_outline(
    rows: FloatArray, frame: tuple[int, int], corner: FloatArray | tuple[int, int] = (0, 0)
) -> tuple[FloatArray, FloatArray]:
    """Lengths (px) of the outline of each triangle: in the frame (rows, columns) and in no other triangle, and in all. corner:
    column and row of the frame at which the triangles' own coordinates begin."""
    lengths, whole = np.zeros(len(rows)), np.zeros(len(rows))
    x, y, edge = rows[:, [X, Y, EDGE]].T
    for k, row in enumerate(rows):
        line = _outline_points(row)
        at = line + corner
        inside = (at >= 0.5).all(axis=1) & (at[:, 0] < frame[1] - 1.5) & (at[:, 1] < frame[0] - 1.5)
        for m in np.flatnonzero(np.hypot(x - row[X], y - row[Y]) < (edge + row[EDGE]) / SQRT3):
            if m != k:
                inside &= _depths(line, rows[m]) < 1.0
        lengths[k], whole[k] = inside.sum(), len(line)
    return lengths, whole


def _outline_points(row: FloatArray) -> FloatArray:
    """Points a pixel apart along the outline of one triangle."""
    angles = row[ANGLE] + 2.0 * np.pi / 3.0 * np.arange(3)
    tips = np.stack([np.cos(angles), np.sin(angles)], axis=1) * row[EDGE] / SQRT3 + row[[X, Y]]
    lines = []
    for k in range(3):
        first, last = tips[k], tips[(k + 1) % 3]
        share = np.linspace(row[CUT], 1.0 - row[CUT], max(2, round(row[EDGE] * (1.0 - 2.0 * row[CUT]))))
        lines.append(first + np.outer(share, last - first))
    return np.concatenate(lines)


def _depths(points: FloatArray, row: FloatArray) -> FloatArray:
    offset = points - row[[X, Y]]
    angles = row[ANGLE] + 2.0 * np.pi / 3.0 * np.arange(3)
    along = offset @ np.stack([np.cos(angles), np.sin(angles)])
    return np.minimum(
        row[EDGE] / (2.0 * SQRT3) + along.min(axis=1),
        row[EDGE] * (1.0 / SQRT3 - row[CUT] * SQRT3 / 2.0) - along.max(axis=1),
    )


def _worth(mask: Mask) -> FloatArray:
    """Positive on islands, negative on substrate: 0 on a straight outline, growing to 1 at UNSURE px from it."""
    share = ndimage.uniform_filter(mask.astype(np.float32), 2 * UNSURE + 1, mode="nearest")
    certain = np.abs(2.0 * share - 1.0)
    return np.where(mask, certain, -certain).astype(np.float64)


def _tip_cut(parts: list[_Part], first: list) -> float:
    """The usual truncation: how far from the sharp tip the outline passes, over islands that stand alone."""
    cuts = []
    for part, (rows, _, support, fill) in zip(parts, first, strict=True):
        if len(rows) != 1 or support[0] < 0.7 or fill[0] < 0.9:
            continue
        row = rows[0].copy()
        row[[X, Y]] -= part.corner
        for k in range(3):
            angle = row[ANGLE] + 2.0 * np.pi / 3.0 * k
            along = (part.outline.points - row[[X, Y]]) @ np.array([np.cos(angle), np.sin(angle)])
            cuts.append((row[EDGE] / SQRT3 - along.max()) / (row[EDGE] * SQRT3 / 2.0))
    return float(np.clip(np.median(cuts), 0.0, 0.3)) if cuts else FIRST_CUT
