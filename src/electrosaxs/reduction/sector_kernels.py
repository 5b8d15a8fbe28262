"""The loops over pixels and rings that set the quarters of a frame against each other: compiled, and without the interpreter's
lock, so that frames are compared side by side as they are integrated. Private: `sectors.Sectors` is the way in."""

from __future__ import annotations

import numpy as np

from ..compiled import compiled

QUARTERS = 4
SHAPES = 2 + QUARTERS
SMOOTHING = 9
LEAST_SHARE = 0.05
"""Of a bin's pixels that two of its quarters must have."""
FEWEST_COUNTS = 50.0


@compiled()
def quarter_sums(pixels, limit, pixel, slot, weight, counts, weights):  # type: ignore[no-untyped-def]
    """Adds the counts of the pixels looked at that lie below `limit`, and their weights, to counts and weights (slot,)."""
    for k in range(pixel.size):
        shown = pixels[pixel[k]]
        if shown < limit:
            counts[slot[k]] += shown
            weights[slot[k]] += weight[k]


@compiled()
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
    shapes, share = np.empty((SHAPES, rings, QUARTERS)), np.empty(QUARTERS)
    for r in range(rings):
        b = bins[r]
        whole, seen = 0.0, 0.0
        for j in range(QUARTERS):
            whole += counts[b, j]
            seen += weights[b, j]
        for j in range(QUARTERS):
            share[j] = weights[b, j] / max(seen, 1e-12)
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


@compiled()
def told_rings(counts, weight):  # type: ignore[no-untyped-def]
    """Which rings have pixels in two quarters at least, and counts enough."""
    told = np.zeros(counts.shape[0], dtype=np.bool_)
    for r in range(counts.shape[0]):
        whole, seen = max(weight[r].sum(), 1e-12), 0
        for j in range(QUARTERS):
            seen += weight[r, j] / whole > LEAST_SHARE
        told[r] = seen > 1 and counts[r].sum() > FEWEST_COUNTS
    return told


@compiled()
def log_slope(counts, weight, told, width):  # type: ignore[no-untyped-def]
    """d ln I / dq (ring,), of the mean of SMOOTHING rings around each of those that are told, by central differences."""
    rings = counts.shape[0]
    level, slope = np.empty(rings), np.empty(rings)
    of_ring, weight_of_ring = np.zeros(rings), np.zeros(rings)
    for r in range(rings):
        if told[r]:
            for j in range(QUARTERS):
                of_ring[r] += counts[r, j]
                weight_of_ring[r] += weight[r, j]
    for r in range(rings):
        shown, seen = 0.0, 0.0
        for k in range(max(r - SMOOTHING // 2, 0), min(r + SMOOTHING // 2 + 1, rings)):
            shown += of_ring[k]
            seen += weight_of_ring[k]
        level[r] = np.log(max(shown / max(seen, 1e-12), 1e-12))
    for r in range(rings):
        before, after = max(r - 1, 0), min(r + 1, rings - 1)
        slope[r] = (level[after] - level[before]) / ((after - before) * width)
    return slope


@compiled(fastmath={"contract", "reassoc"})
def _weighed_sum(one, other, precision):  # type: ignore[no-untyped-def]
    """Sum of one x other x precision, of as many values, in any order."""
    total = 0.0
    for k in range(precision.size):
        total += one[k] * other[k] * precision[k]
    return total


@compiled()
def normal_equations(shapes, excess, variance, normal, seen):  # type: ignore[no-untyped-def]
    """Those of the sizes of the shapes by weighted least squares, into normal (6, 6) and seen (6,)."""
    precision = (1.0 / variance).ravel()
    for a in range(SHAPES):
        seen[a] = _weighed_sum(shapes[a].ravel(), excess.ravel(), precision)
        for b in range(a + 1):
            normal[a, b] = normal[b, a] = _weighed_sum(shapes[a].ravel(), shapes[b].ravel(), precision)


@compiled()
def pulls(excess, expected, variance, found):  # type: ignore[no-untyped-def]
    """Excess over its sigma, of all rings together, into found (quarter,); NaN of a quarter without pixels."""
    for j in range(QUARTERS):
        of_excess, of_expected, of_variance = 0.0, 0.0, 0.0
        for r in range(excess.shape[0]):
            of_excess += excess[r, j]
            of_expected += expected[r, j]
            of_variance += variance[r, j]
        found[j] = of_excess / np.sqrt(of_variance) if of_expected > 0.0 else np.nan


@compiled()
def compared(counts, weights, width, per_pixel, direction):  # type: ignore[no-untyped-def]
    """Of some frames (frame, bin, quarter): how many rings are told, pulls (frame, quarter), and the normal equations of all
    shapes, (frame, 6, 6) and (frame, 6); zeros where fewer than SMOOTHING rings are told. Results are filled, not put in: a
    slice that is assigned costs seconds of compilation, for the words of its error."""
    frames = counts.shape[0]
    rings, apart = np.zeros(frames, np.int64), np.zeros((frames, QUARTERS))
    normal, seen = np.zeros((frames, SHAPES, SHAPES)), np.zeros((frames, SHAPES))
    for k in range(frames):
        told = told_rings(counts[k], weights[k])
        rings[k] = told.sum()
        if rings[k] >= SMOOTHING:
            slope = log_slope(counts[k], weights[k], told, width)
            excess, expected, variance, shapes = against_each_other(
                counts[k], weights[k], slope, per_pixel, direction, told
            )
            pulls(excess, expected, variance, apart[k])
            normal_equations(shapes, excess, variance, normal[k], seen[k])
    return rings, apart, normal, seen
