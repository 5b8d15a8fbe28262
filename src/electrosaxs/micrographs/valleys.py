"""Where two islands touch: a valley of the contrast between them, from one side of what stands out to the other.

Valley: the contrast curves upwards across a line and hardly along it (the largest less the magnitude of the other eigenvalue of
its second derivatives; Frangi et al. 1998, Lecture Notes in Computer Science 1496, 130). What is found counts only where
it is long, comes near the substrate, and runs down to it: noise makes short ones, and a top that is fainter than its facets
lies in a pit.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.morphology import reconstruction

from ..compiled import compiled
from ..nouns import FloatArray
from .contrast import MAD, Contrast
from .filters import gaussian, largest_nearby
from .morphology import Mask, grown

WIDTH = 2.0  # px: standard deviation of the valleys looked for
CLEAR_NOISE, CLEAR_DEPTH = 4.0, 0.04  # a valley over its noise, and over the height around it, somewhere along it
GRAINY = (
    10.0  # area of lines in that of what stands out over the usual edge: more are the grain of rough islands (chosen)
)
CLEAR_GRAIN = 2.5  # a valley over that grain
INNER = 4  # px from the outline, from which on an island's own grain is looked at
FAINT = 0.5  # of both, everywhere along it
PIT = 0.1  # of the height around it: how far below its way out a valley may lie
LONG = 0.3  # of the usual edge
FARTHEST = 3.0  # of the typical contrast: what is brighter does not make its surroundings fainter
OPEN = (
    7  # px between a valley and the substrate, at most: near the outline the contrast falls faster than a valley curves
)
EIGHT = np.ones((3, 3), dtype=bool)


def valleys(found: Contrast, mask: Mask, edge: float) -> Mask:
    """Pixels of `mask` on lines along which islands touch; `edge`: of the usual island, px."""
    nothing = np.zeros(mask.shape, dtype=bool)
    if np.isnan(edge) or not mask.any():
        return nothing
    curvature = _upwards(found.distance)
    quiet = ~grown(mask, 8)
    if quiet.sum() < 64:
        return nothing
    smooth = gaussian(found.distance, 0.5 * WIDTH)
    around = np.minimum(largest_nearby(smooth, 5), FARTHEST * found.typical)
    below = _level_of_the_way_out(smooth, mask)
    below -= smooth
    below /= around
    noise = max(CLEAR_NOISE * _scatter(curvature[quiet]), 1e-9)
    lines = _lines(_clear(curvature, around, mask, noise), below, mask, edge)
    if lines.sum() * edge > GRAINY * mask.sum():
        grain = CLEAR_GRAIN * _scatter(curvature[ndimage.binary_erosion(mask, iterations=INNER)])
        lines = _lines(_clear(curvature, around, mask, max(grain, noise)), below, mask, edge)
    return lines


@compiled()
def _clear(curvature: FloatArray, around: FloatArray, mask: Mask, noise: float) -> FloatArray:
    """How clear a valley is in each pixel of the mask: over `noise` and CLEAR_DEPTH of the height around; 0 elsewhere."""
    found = np.zeros(mask.shape)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            if mask[y, x]:
                found[y, x] = curvature[y, x] / max(noise, CLEAR_DEPTH * around[y, x])
    return found


def _lines(clear: FloatArray, below: FloatArray, mask: Mask, edge: float) -> Mask:
    """Long lines of `clear` valleys that run down to the substrate; below: depth below their way out, of the height around."""
    faint, number = ndimage.label(clear > FAINT)
    somewhere = np.zeros(number + 1, dtype=bool)
    somewhere[faint[clear > 1.0]] = True
    lines, number = ndimage.label(somewhere[faint], EIGHT)
    kept = np.zeros(number + 1, dtype=bool)
    outside = grown(~mask, OPEN)
    for k, box in enumerate(ndimage.find_objects(lines), start=1):
        long = np.hypot(*(b.stop - b.start for b in box)) >= LONG * edge
        mine = lines[box] == k
        kept[k] = long and (outside[box] & mine).any() and np.median(below[box][mine]) < PIT
    return np.asarray(kept[lines])


def _scatter(values: FloatArray) -> float:
    """Robust standard deviation, 0 of nothing."""
    return MAD * float(np.median(np.abs(values - np.median(values)))) if values.size else 0.0


def _level_of_the_way_out(height: FloatArray, mask: Mask) -> FloatArray:
    """The highest point of the lowest way from each pixel to the substrate: of each piece of `mask` on its own, for a way ends
    at the first pixel beside it."""
    level = height.copy()
    pieces, _ = ndimage.label(mask, EIGHT)
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        part = tuple(slice(max(0, one.start - 1), one.stop + 1) for one in box)
        here, own = height[part], pieces[part] == number
        found = reconstruction(np.where(own, here.max(), here), here, method="erosion")
        level[part][own] = found[own]
    return np.asarray(level)


def _upwards(height: FloatArray) -> FloatArray:
    """How far the surface curves upwards across a line more than along it, times the squared width."""
    down, across, mixed = (gaussian(height, WIDTH, order) for order in ((2, 0), (0, 2), (1, 1)))
    return _larger_curvature(down, across, mixed)


@compiled()
def _larger_curvature(down: FloatArray, across: FloatArray, mixed: FloatArray) -> FloatArray:
    """The largest eigenvalue of second derivatives less the magnitude of the other, times the squared width."""
    found = np.empty(down.shape)
    for y in range(down.shape[0]):
        for x in range(down.shape[1]):
            mean, half = 0.5 * (down[y, x] + across[y, x]), 0.5 * (down[y, x] - across[y, x])
            found[y, x] = 2.0 * WIDTH**2 * min(mean, np.sqrt(half * half + mixed[y, x] * mixed[y, x]))
    return found
