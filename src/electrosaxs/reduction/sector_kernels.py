"""The loops over pixels and rings that set the quarters of a frame against each other: compiled, and without the interpreter's
lock, so that frames are compared side by side as they are integrated. Private: `sectors.Sectors` is the way in."""

from __future__ import annotations

import numpy as np
from numba import njit

QUARTERS = 4
SHAPES = 2 + QUARTERS


@njit(cache=True, nogil=True)
def quarter_sums(pixels, limit, pixel, slot, weight, counts, weights):  # type: ignore[no-untyped-def]
    """Adds the counts of the pixels looked at that lie below `limit`, and their weights, to counts and weights (slot,)."""
    for k in range(pixel.size):
        shown = pixels[pixel[k]]
        if shown < limit:
            counts[slot[k]] += shown
            weights[slot[k]] += weight[k]


@njit(cache=True, nogil=True)
def against_each_other(counts, weights, slope, direction):  # type: ignore[no-untyped-def]
    """Of rings (ring, quarter): counts beyond what each quarter should have of its ring, that, their variance, and shapes
    (6, ring, quarter): what a shift of one pixel along columns and rows and a gain of each quarter make of them.

    slope (ring,): d ln I per pixel of radius; direction (2, ring, quarter): mean cosine and sine.
    """
    rings = counts.shape[0]
    excess, expected, variance = np.empty((rings, QUARTERS)), np.empty((rings, QUARTERS)), np.empty((rings, QUARTERS))
    shapes = np.empty((SHAPES, rings, QUARTERS))
    for r in range(rings):
        whole, share = counts[r].sum(), weights[r] / max(weights[r].sum(), 1e-12)
        for j in range(QUARTERS):
            expected[r, j] = whole * share[j]
            excess[r, j] = counts[r, j] - expected[r, j]
            variance[r, j] = max(expected[r, j] * (1.0 - share[j]), 1e-9)
        for a in range(2):
            mean = 0.0
            for j in range(QUARTERS):
                mean += share[j] * direction[a, r, j]
            for j in range(QUARTERS):
                shapes[a, r, j] = -slope[r] * expected[r, j] * (direction[a, r, j] - mean)
        for i in range(QUARTERS):
            for j in range(QUARTERS):
                shapes[2 + i, r, j] = (expected[r, j] if i == j else 0.0) - share[j] * expected[r, i]
    return excess, expected, variance, shapes


@njit(cache=True, nogil=True)
def normal_equations(shapes, excess, variance):  # type: ignore[no-untyped-def]
    """(6, 6) and (6,) of the sizes of the shapes by weighted least squares."""
    normal, seen = np.zeros((SHAPES, SHAPES)), np.zeros(SHAPES)
    for r in range(excess.shape[0]):
        for j in range(QUARTERS):
            precision = 1.0 / variance[r, j]
            for a in range(SHAPES):
                part = shapes[a, r, j] * precision
                seen[a] += part * excess[r, j]
                for b in range(a, SHAPES):
                    normal[a, b] += part * shapes[b, r, j]
    for a in range(SHAPES):
        for b in range(a):
            normal[a, b] = normal[b, a]
    return normal, seen
