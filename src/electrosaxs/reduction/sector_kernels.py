"""The loops over pixels and rings that set the quarters of a frame against each other: compiled, and without the interpreter's
lock, so that frames are compared side by side as they are integrated. Private: `sectors.Sectors` is the way in."""

from __future__ import annotations

import numpy as np
from numba import njit

QUARTERS = 4
SHAPES = 2 + QUARTERS
SMOOTHING = 9
LEAST_SHARE = 0.05
"""Of a bin's pixels that two of its quarters must have."""
FEWEST_COUNTS = 50.0


@njit(cache=True, nogil=True)
def quarter_sums(pixels, limit, pixel, slot, weight, counts, weights):  # type: ignore[no-untyped-def]
    """Adds the counts of the pixels looked at that lie below `limit`, and their weights, to counts and weights (slot,)."""
    for k in range(pixel.size):
        shown = pixels[pixel[k]]
        if shown < limit:
            counts[slot[k]] += shown
            weights[slot[k]] += weight[k]


@njit(cache=True, nogil=True)
def against_each_other(counts, weights, slope, per_pixel, direction, told):  # type: ignore[no-untyped-def]
    """Of the rings (ring, quarter) that are told: counts beyond what each quarter should have of its ring, that, their
    variance, and shapes (6, ring, quarter): what a shift of one pixel along columns and rows and a gain of each quarter make of
    them.

    slope (bin,): d ln I / dq; per_pixel: q per pixel of radius; direction (2, bin, quarter): mean cosine and sine; told (bin,):
    which are told.
    """
    bins = np.flatnonzero(told)
    rings = bins.size
    excess, expected, variance = np.empty((rings, QUARTERS)), np.empty((rings, QUARTERS)), np.empty((rings, QUARTERS))
    shapes = np.empty((SHAPES, rings, QUARTERS))
    for r in range(rings):
        b = bins[r]
        whole, share = counts[b].sum(), weights[b] / max(weights[b].sum(), 1e-12)
        for j in range(QUARTERS):
            expected[r, j] = whole * share[j]
            excess[r, j] = counts[b, j] - expected[r, j]
            variance[r, j] = max(expected[r, j] * (1.0 - share[j]), 1e-9)
        for a in range(2):
            mean = 0.0
            for j in range(QUARTERS):
                mean += share[j] * direction[a, b, j]
            for j in range(QUARTERS):
                shapes[a, r, j] = -per_pixel * slope[b] * expected[r, j] * (direction[a, b, j] - mean)
        for i in range(QUARTERS):
            for j in range(QUARTERS):
                shapes[2 + i, r, j] = (expected[r, j] if i == j else 0.0) - share[j] * expected[r, i]
    return excess, expected, variance, shapes


@njit(cache=True, nogil=True)
def told_rings(counts, weight):  # type: ignore[no-untyped-def]
    """Which rings have pixels in two quarters at least, and counts enough."""
    told = np.zeros(counts.shape[0], dtype=np.bool_)
    for r in range(counts.shape[0]):
        whole, seen = max(weight[r].sum(), 1e-12), 0
        for j in range(QUARTERS):
            seen += weight[r, j] / whole > LEAST_SHARE
        told[r] = seen > 1 and counts[r].sum() > FEWEST_COUNTS
    return told


@njit(cache=True, nogil=True)
def log_slope(counts, weight, told, width):  # type: ignore[no-untyped-def]
    """d ln I / dq (ring,), of the mean of SMOOTHING rings around each of those that are told, by central differences."""
    rings = counts.shape[0]
    level, slope = np.empty(rings), np.empty(rings)
    for r in range(rings):
        shown, seen = 0.0, 0.0
        for k in range(max(r - SMOOTHING // 2, 0), min(r + SMOOTHING // 2 + 1, rings)):
            if told[k]:
                shown += counts[k].sum()
                seen += weight[k].sum()
        level[r] = np.log(max(shown / max(seen, 1e-12), 1e-12))
    for r in range(rings):
        before, after = max(r - 1, 0), min(r + 1, rings - 1)
        slope[r] = (level[after] - level[before]) / ((after - before) * width)
    return slope


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


@njit(cache=True, nogil=True)
def pulls(excess, expected, variance):  # type: ignore[no-untyped-def]
    """(quarter,) excess over its sigma, of all rings together; NaN of a quarter without pixels."""
    found = np.full(QUARTERS, np.nan)
    for j in range(QUARTERS):
        if expected[:, j].sum() > 0.0:
            found[j] = excess[:, j].sum() / np.sqrt(variance[:, j].sum())
    return found
