"""Where islands lie relative to each other: nearest neighbours, pair correlation, departure from chance; the frame corrected.

Points of several fields of one size or of different sizes; distances in the points' unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from ..nouns import FloatArray

CHANCES = 60  # random patterns for the sigma of the pair statistic
BINS, FARTHEST = 24, 3.0  # bins of the pair correlation, up to so many mean spacings


@dataclass(frozen=True, eq=False)
class Field:
    """points (n, 2) in a frame of width x height."""

    points: FloatArray
    width: float
    height: float


def density(fields: Sequence[Field]) -> float:
    """Points per area, over all fields."""
    return sum(len(f.points) for f in fields) / sum(f.width * f.height for f in fields)


def nearest_neighbours(fields: Sequence[Field]) -> FloatArray:
    """Distances to the nearest neighbour of the points that lie farther than that from the frame: for the others a
    nearer one may lie outside (Hanisch)."""
    found = []
    for field in fields:
        if len(field.points) < 2:
            continue
        nearest = _distances(field.points).min(axis=1)
        x, y = field.points.T
        inside = np.minimum.reduce([x, y, field.width - x, field.height - y])
        found.append(nearest[nearest <= inside])
    return np.concatenate(found) if found else np.zeros(0)


def pair_correlation(fields: Sequence[Field]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(distance, g, sigma): pairs at a distance over those of random points, each pair weighted with the share of
    translations that keep both in the frame (Ohser); sigma from the number of pairs."""
    spacing = 1.0 / np.sqrt(density(fields))
    edges = np.linspace(0.0, FARTHEST * spacing, BINS + 1)
    pairs, number = np.zeros(BINS), np.zeros(BINS)
    expected = np.zeros(BINS)
    ring = np.pi * np.diff(edges**2)
    for field in fields:
        distance, weight = _weighted_pairs(field)
        pairs += np.histogram(distance, edges, weights=weight)[0]
        number += np.histogram(distance, edges)[0]
        n = len(field.points)
        expected += n * max(n - 1, 0) / (field.width * field.height) * ring
    g = pairs / np.maximum(expected, 1e-300)
    sigma = np.maximum(g, pairs.sum() / max(expected.sum(), 1e-300)) / np.sqrt(np.maximum(number / 2.0, 1.0))
    return 0.5 * (edges[1:] + edges[:-1]), g, sigma


def clustering(fields: Sequence[Field]) -> tuple[float, float]:
    """(K(r) / (pi r^2), sigma by chance) at the mean spacing r: 1 for random points, below 1 where they avoid each other."""
    radius = 1.0 / np.sqrt(density(fields))
    random = np.random.default_rng(0)
    value = _pair_ratio(fields, radius)
    chance = [
        _pair_ratio([Field(random.uniform(0.0, 1.0, f.points.shape) * [f.width, f.height], f.width, f.height)
                     for f in fields], radius)
        for _ in range(CHANCES)
    ]  # fmt: skip
    return value, float(np.std(chance))


def _pair_ratio(fields: Sequence[Field], radius: float) -> float:
    pairs, expected = 0.0, 0.0
    for field in fields:
        n = len(field.points)
        first, second = (
            cKDTree(field.points).query_pairs(radius, output_type="ndarray").T if n else np.zeros((2, 0), int)
        )
        pairs += 2.0 * float(_weights(field, first, second)[1].sum())
        expected += n * max(n - 1, 0) / (field.width * field.height) * np.pi * radius**2
    return pairs / expected if expected else float("nan")


def _weighted_pairs(field: Field) -> tuple[FloatArray, FloatArray]:
    """Distances of all ordered pairs, and their weights."""
    return _weights(field, *np.nonzero(~np.eye(len(field.points), dtype=bool)))


def _weights(field: Field, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Distances of pairs and their weights A / ((W - |dx|) (H - |dy|))."""
    dx, dy = np.abs(field.points[first] - field.points[second]).reshape(-1, 2).T
    kept = np.maximum((field.width - dx) * (field.height - dy), 1e-9 * field.width * field.height)
    return np.hypot(dx, dy), field.width * field.height / kept


def _distances(points: FloatArray) -> FloatArray:
    distance = np.hypot(*(points[:, None, :] - points[None, :, :]).transpose(2, 0, 1))
    np.fill_diagonal(distance, np.inf)
    return np.asarray(distance)
