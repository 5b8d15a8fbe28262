"""The outline of what stands out, as points with outward normals, and its straight pieces."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import find_contours

from ..compiled import compiled
from ..nouns import FloatArray
from .filters import gaussian
from .morphology import Mask

ROUNDING = 1.0  # px: the mask is smoothed so much before its outline is drawn
BOW = 1.3  # px: how far a straight piece may bow out
SHORTEST = 5.0  # px: length of a straight piece
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Outlines:
    """points (n, 2) as x, y, about a pixel apart; normals (n, 2) outwards; component (n,) as in `labels` (rows, columns)."""

    points: FloatArray
    normals: FloatArray
    component: IntArray
    labels: IntArray


@dataclass(frozen=True, eq=False)
class Sides:
    """Straight pieces: angle of the outward normal (radians, y downwards), offset normal . p, ends (n, 2, 2), component."""

    angle: FloatArray
    offset: FloatArray
    ends: FloatArray
    component: IntArray

    @property
    def length(self) -> FloatArray:
        return np.asarray(np.hypot(*(self.ends[:, 1] - self.ends[:, 0]).T))


def outlines(mask: Mask) -> tuple[Outlines, Sides]:
    """Outlines of a mask and their straight pieces; the frame of the image is no outline."""
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    soft = gaussian(mask.astype(np.float32), ROUNDING, mirrored=False)
    slope = [gaussian(soft, 1.0, order, mirrored=False) for order in ((0, 1), (1, 0))]
    padded = np.pad(labels, 2, mode="edge")
    lines, sides = [], []
    for line in find_contours(soft, 0.5):
        points = _evenly(np.ascontiguousarray(line[:, ::-1]))
        if len(points) < SHORTEST:
            continue
        at = np.round(points).astype(int)
        near = [padded[at[:, 1] + down, at[:, 0] + right] for down in range(5) for right in range(5)]
        component = int(np.bincount(np.max(near, axis=0)).argmax())
        normals = -np.stack([ndimage.map_coordinates(s, points.T[::-1], order=1, mode="nearest") for s in slope], 1)
        normals /= np.maximum(np.hypot(*normals.T), 1e-9)[:, None]
        lines.append((points, normals, np.full(len(points), component)))
        sides += [(*piece, component) for piece in _straight_pieces(points, normals)]
    if not lines:
        empty = np.zeros((0, 2))
        nobody = np.zeros(0, dtype=np.int64)
        return Outlines(empty, empty, nobody, labels), Sides(np.zeros(0), np.zeros(0), np.zeros((0, 2, 2)), nobody)
    joined = [np.concatenate(parts) for parts in zip(*lines, strict=True)]
    parted = list(zip(*sides, strict=True)) if sides else [(), (), np.zeros((0, 2, 2)), ()]
    angle, offset, ends = (np.array(part, dtype=np.float64) for part in parted[:3])
    owner = np.array(parted[3], dtype=np.int64)
    return Outlines(joined[0], joined[1], joined[2], labels), Sides(angle, offset, ends, owner)


def _evenly(line: FloatArray) -> FloatArray:
    """Points one pixel apart along a line; a closed one starts at its farthest point from the middle: a corner."""
    closed = np.allclose(line[0], line[-1])
    if closed and len(line) > 3:
        ring = line[:-1]
        start = int(np.argmax(np.hypot(*(ring - ring.mean(axis=0)).T)))
        line = np.concatenate([ring[start:], ring[: start + 1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.linspace(0.0, along[-1], max(2, round(along[-1]) + 1))
    return np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], axis=1)


def _straight_pieces(points: FloatArray, normals: FloatArray) -> list[tuple[float, float, FloatArray]]:
    """(angle, offset, ends) of the straight pieces of one line, each fitted without its rounded ends."""
    corners = [int(k) for k in np.flatnonzero(_corners(points, BOW))]
    pieces = []
    for first, last in pairwise(corners):
        if last - first < SHORTEST:
            continue
        margin = min(2, (last - first) // 6)
        part = points[first + margin : last + 1 - margin]
        middle = part.mean(axis=0)
        direction = np.linalg.svd(part - middle, full_matrices=False)[2][0]
        normal = np.array([direction[1], -direction[0]])
        normal *= np.sign(normal @ normals[first + margin : last + 1 - margin].mean(axis=0)) or 1.0
        ends = middle + np.outer([(points[k] - middle) @ direction for k in (first, last)], direction)
        pieces.append((float(np.arctan2(normal[1], normal[0])), float(normal @ middle), ends))
    return pieces


@compiled()
def _corners(points: FloatArray, bow: float) -> Mask:
    """Douglas and Peucker: keep the point farthest from the chord until none is farther than `bow`."""
    number = points.shape[0]
    kept = np.zeros(number, dtype=np.bool_)
    kept[0] = kept[number - 1] = True
    stack = [(0, number - 1)]
    while len(stack) > 0:
        first, last = stack.pop()
        if last - first < 2:
            continue
        dx, dy = points[last, 0] - points[first, 0], points[last, 1] - points[first, 1]
        length = np.hypot(dx, dy)
        worst, where = -1.0, first
        for k in range(first + 1, last):
            px, py = points[k, 0] - points[first, 0], points[k, 1] - points[first, 1]
            away = abs(dx * py - dy * px) / length if length > 1e-9 else np.hypot(px, py)
            if away > worst:
                worst, where = away, k
        if worst > bow:
            kept[where] = True
            stack.append((first, where))
            stack.append((where, last))
    return kept
