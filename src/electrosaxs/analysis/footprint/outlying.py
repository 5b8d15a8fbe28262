"""Voxels of a map that do not fit their neighbours in height and time: a monitor or a transmission that was read wrong.

A wrong normalisation multiplies one frame's phi. ln phi itself is smooth: of nine voxels around one (three scans, three
heights), the second difference in time of the second difference in height is 0 but for noise and bends (up to 4 % in the
first scans of a field that fills the cell, 1 % later, on simulated runs). One wrong voxel shows in up to nine of these
differences with a pattern of its own, so that it is told from its neighbours, and several from each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

LEAST = 0.04
"""Of phi: smaller deviations are left to bends (chosen)."""
SIGNIFICANT = 6.0
"""Sigmas; a sigma holds counting noise and what the bends of the scan's other differences are."""
KNOWN = 0.05
"""Largest relative sigma of a voxel that is judged or that others are judged by."""
DEPLETED = 0.2
"""Of the median phi: below it a profile may do what it likes, and no neighbour sees it."""
MOST_SHARE = 0.1
"""Of the voxels; where more do not fit, it is not single frames that are wrong."""
LEAST_BY_LIGHT = 0.10
"""Of phi, against the transmission (chosen): in the first scan of a steep layer the two differ by 5 % without a fault, because
the beam sees phi at one height and absorption at another."""
LEAST_ABSORBED = 0.05
"""Optical depth of particles below which a transmission says too little about them (chosen)."""
POLISHINGS = 3
BoolArray = npt.NDArray[np.bool_]


def outlying(phi: FloatArray, relative_sigma: FloatArray, *, time_s: FloatArray, height_um: FloatArray) -> FloatArray:
    """phi over what its neighbours say (scan, height) where it does not fit them, NaN everywhere else.

    time_s (scan, height), height_um (height,) rising. Voxels are taken one after the other, the one first that explains
    most; the deviations of all that were taken are fitted together.
    """
    ratio = np.full(phi.shape, np.nan)
    known = np.isfinite(phi) & (phi > 0.0) & (relative_sigma < KNOWN)
    known &= phi > DEPLETED * np.median(phi[known]) if known.any() else False
    logarithm, sigma = np.log(np.where(known, phi, 1.0)).ravel(), np.where(known, relative_sigma, 0.0).ravel()
    rows, scans = _differences(known, time_s, height_um)
    if not rows.size:
        return ratio
    value, taken = rows @ logarithm, np.zeros(0, dtype=np.intp)
    left: FloatArray = value
    change: FloatArray = np.zeros(0)
    for _ in range(int(MOST_SHARE * known.sum()) + 1):
        weight = 1.0 / (np.square(rows) @ np.square(sigma) + np.square(_bends(left, scans)))
        precision = np.square(rows).T @ weight
        told = precision > 0.0
        score = np.divide(
            np.abs(rows.T @ (weight * left)), np.sqrt(precision), out=np.zeros_like(precision), where=told
        )
        best = int(np.argmax(score))
        if score[best] < SIGNIFICANT or score[best] < LEAST * np.sqrt(precision[best]):
            break
        taken = np.append(taken, best)
        root = np.sqrt(weight)
        change = np.asarray(np.linalg.lstsq(root[:, None] * rows[:, taken], root * value)[0], dtype=np.float64)
        left = value - rows[:, taken] @ change
    else:
        return ratio
    ratio.ravel()[taken] = np.exp(change)
    return ratio


def against_light(phi: FloatArray, absorbed: FloatArray, relative_sigma: FloatArray) -> FloatArray:
    """phi over what the transmission says (scan, height) where the two differ otherwise than in the rest of the map.

    absorbed: optical depth of the particles by transmission. Only single voxels show: what scan or height have in common
    (position of the anode, drift of the transmission, sizes) is taken off, as medians.
    """
    ratio = np.full(phi.shape, np.nan)
    known = np.isfinite(phi) & (phi > 0.0) & (absorbed > LEAST_ABSORBED) & (relative_sigma < KNOWN)
    x = np.log(np.where(known, phi, 1.0) / np.where(known, absorbed, 1.0))
    for _ in range(POLISHINGS):
        for axis in (1, 0):
            x = x - _median(x, known, axis)
    if not known.any():
        return ratio
    light = 1.4826 * float(np.median(np.abs(x * absorbed)[known]))  # sigma of the logarithm of the transmission
    sigma = np.sqrt(np.square(light / np.where(known, absorbed, 1.0)) + np.square(relative_sigma))
    odd = known & (np.abs(x) > np.maximum(SIGNIFICANT * sigma, LEAST_BY_LIGHT))
    if odd.sum() <= MOST_SHARE * known.sum():
        ratio[odd] = np.exp(x[odd])
    return ratio


def _median(values: FloatArray, known: BoolArray, axis: int) -> FloatArray:
    """Median of what is known along `axis`; 0 where fewer than three are, which it would follow instead of telling."""
    enough = known.sum(axis=axis, keepdims=True) >= 3
    safe = np.where(known | ~enough, values, np.nan)
    return np.where(enough, np.nanmedian(safe, axis=axis, keepdims=True), 0.0)


def _bends(left: FloatArray, scans: npt.NDArray[np.intp]) -> FloatArray:
    """How large the differences of each scan are where no voxel is wrong: a standard deviation from their median size,
    not below that of all scans."""
    size = np.abs(left)
    usual = {int(scan): float(np.median(size[scans == scan])) for scan in np.unique(scans)}
    return 1.4826 * np.maximum([usual[int(scan)] for scan in scans], np.median(size))


def _differences(
    known: BoolArray, time_s: FloatArray, height_um: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Second differences in time and height as weights (difference, voxel) of unit length, and the middle scan of each."""
    scans, heights = known.shape
    in_time = [dict(_second_differences(time_s[:, j], known[:, j])) for j in range(heights)]
    rows, middle = [], []
    for i in range(scans):
        has = np.array([i in found for found in in_time])
        for _, across in _second_differences(height_um, has):
            row = np.stack([w * in_time[j][i] if w else np.zeros(scans) for j, w in enumerate(across)], axis=1)
            rows.append(row.ravel() / np.linalg.norm(row))
            middle.append(i)
    return np.array(rows), np.array(middle, dtype=np.intp)


def _second_differences(x: FloatArray, known: BoolArray) -> Iterator[tuple[int, FloatArray]]:
    """Each known point between two others less a straight line through these: its index and weights (n,)."""
    places = np.flatnonzero(known)
    for before, i, after in zip(places[:-2], places[1:-1], places[2:], strict=True):
        share = (x[i] - x[before]) / (x[after] - x[before]) if x[after] != x[before] else 0.5
        weights = np.zeros(x.size)
        weights[[before, i, after]] = share - 1.0, 1.0, -share
        yield int(i), weights
