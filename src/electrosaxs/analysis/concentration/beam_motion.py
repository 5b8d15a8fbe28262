"""A beam or a stage that moves in the course of a run: what passes the anode's edge changes from scan to scan.

A monochromator that warms up moves the beam by micrometres an hour, and a beam that is cut in half passes 1.9 % more for each
hundredth of its width. Scattering over transmission stays as it was: a frame whose light is not what an edge that stands still
lets pass is right in phi and wrong in height. Gas lacks solvent, and what was read wrong is not in keeping with the scans
before and after. A stage that does not come back to the same height lets pass more in some scans and less in others, in most.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

FEWEST = 5
"""Scans that tell a path from single frames."""
STILL = 3.0
"""Sigmas within which a frame is that of an edge that stands still, or is in keeping with the scans around."""
MOST = 0.7
"""Of the scans (chosen): so many stand still, or so many move steadily."""
WILD = 4.5
"""Times what most scans scatter (chosen): a frame that is farther is not of a stage that scatters."""
CENTRAL = (0.16, 0.84)
"""Between which shares of the scans two sigmas of them lie."""
FEWEST_BESIDE = 2
"""Scans that must lie clearly above the middle, and below it: gas and films go one way."""
CURVED = 0.35
"""Of the step between the scans before and after (chosen): how far a steady path may be from a straight line."""
FEWEST_OF_THE_STAGE = 3
"""Scans that tell how well a stage comes back to a height."""
BoolArray = npt.NDArray[np.bool_]


def wander(residual: FloatArray, sigma: FloatArray, time_s: FloatArray, may: BoolArray) -> FloatArray:
    """ln T (scan, height) by which what passes changes steadily, or scatters in most scans, at heights that `may` (height,); 0
    elsewhere and where it is still. residual: what an edge that stands still leaves, NaN without a frame, and its sigma."""
    path = np.zeros(residual.shape)
    for column in np.flatnonzero(may):
        known = np.flatnonzero(np.isfinite(residual[:, column]))
        if known.size < FEWEST:
            continue
        known = known[np.argsort(time_s[known, column])]
        path[known, column] = _steady(residual[known, column], sigma[known, column], time_s[known, column])
    return path


def _steady(value: FloatArray, sigma: FloatArray, when: FloatArray) -> FloatArray:
    """The path through values (scan,) most of which the two beside foretell and which do not stand still, one that is not
    foretold having what is; else what they scatter."""
    if np.mean(np.abs(value) < STILL * sigma) >= MOST:
        return np.zeros_like(value)
    before, after = np.arange(value.size) - 1, np.arange(value.size) + 1
    before[0], after[-1] = 2, value.size - 3
    share = (when - when[before]) / (when[after] - when[before])
    foretold = (1.0 - share) * value[before] + share * value[after]
    own = np.sqrt(np.square(sigma) + np.square((1.0 - share) * sigma[before]) + np.square(share * sigma[after]))
    step = np.abs(value[after] - value[before])
    step[[0, -1]] = np.abs(value[[1, -2]] - value[[2, -3]])
    steady = np.abs(value - foretold) < np.maximum(STILL * own, CURVED * step)
    return np.where(steady, value, foretold) if np.mean(steady) >= MOST else _scattered(value, sigma)


def _scattered(value: FloatArray, sigma: FloatArray) -> FloatArray:
    """The values (scan,) themselves where most of them lie off their middle on either side, 0 for wild ones; else 0."""
    off = value - np.median(value)
    up, down = off > STILL * sigma, off < -STILL * sigma
    if min(up.sum(), down.sum()) < FEWEST_BESIDE or np.mean(up | down) < 0.5 or not scatters(value):
        return np.zeros_like(value)
    low, high = np.quantile(value, CENTRAL)
    return np.where(np.abs(off) < WILD * 0.5 * (high - low), value, 0.0)


def scatters(path: FloatArray) -> bool:
    """Whether what passes goes up and down from scan to scan (scan,) rather than one way: most steps turn back."""
    steps = np.diff(path[path != 0.0])
    return bool(steps.size >= FEWEST - 1 and np.mean(steps[1:] * steps[:-1] < 0.0) > 0.5 * MOST)


def scatter_of_the_stage(residual: FloatArray, sigma: FloatArray, cut: BoolArray) -> FloatArray:
    """(height,) what ln T (scan, height) scatters from scan to scan beyond its sigma where the electrode cuts the beam, as of a
    stage that does not come back to the same height; infinite where too few scans tell, 0 elsewhere."""
    more = np.zeros(cut.size)
    for column in np.flatnonzero(cut):
        rest = residual[:, column] / sigma[:, column]
        rest = rest[np.isfinite(rest)]
        beyond = (
            1.4826 * float(np.median(np.abs(rest - np.median(rest)))) if rest.size >= FEWEST_OF_THE_STAGE else np.inf
        )
        usual = float(np.nanmedian(sigma[:, column])) if rest.size else 1.0
        more[column] = usual * np.sqrt(max(beyond**2 - 1.0, 0.0))
    return more
