"""What the neighbours of a voxel in height and time say that it holds: for frames that are missing or are to be judged.

ln phi is interpolated as a Boolean sum (Gordon 1969), P_z + P_t - P_z P_t, with polynomials in the root of height (P_z) and the
root of time or its inverse (P_t): in the one the layer at the anode grows evenly at first, in the other the ratio of two
heights is a straight line once both grow evenly. Its error is that of P_z times that of P_t: what changes with height alone, or
with time alone, it meets exactly. A voxel never enters its own prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .surface_kernels import JUDGES, Grid, expected_at

__all__ = ["JUDGES", "Expected", "expected"]

LEAST_SIGMA = 3e-3
"""Of ln phi (chosen): no prediction is trusted further."""
FIRST_SIGMA = 0.03
"""The same in the first scan, whose layer is thin and whose neighbours in time are later or flat (simulated: 1 to 4 %)."""
FARTHEST = float(np.log(10.0))
"""Of ln phi beyond the least and the largest that was measured (chosen): in an emptied cell, where ln phi is noise, surfaces
through it lead anywhere."""
NEAR_SURFACE_UM = 20.0
LEAST_TIME_S = 1.0
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Expected:
    """ln phi (scan, height) from its neighbours, and what it is uncertain by; NaN where it was not asked for or not known."""

    logarithm: FloatArray
    sigma: FloatArray


def expected(
    phi: FloatArray, wanted: BoolArray, *, height_um: FloatArray, time_s: FloatArray, start: float | None = None
) -> Expected:
    """The prediction at the voxels `wanted` of a map `phi` (scan, height) from those that are finite and above 0.

    time_s (scan, height); start: phi at field-on. sigma: the error (rms) of the scheme in the voxels around, or the median
    of what the other schemes say otherwise.
    """
    places = np.argwhere(wanted)
    from_start = np.ascontiguousarray(places + np.array([1, 0]))  # of one layout: the kernel is compiled for each
    value, error, between = expected_at(_grid(phi, height_um, time_s, start), from_start).T
    least = np.where(places[:, 0] == 0, FIRST_SIGMA, LEAST_SIGMA)
    logarithm, sigma = np.full(phi.shape, np.nan), np.full(phi.shape, np.nan)
    logarithm[wanted] = value
    sigma[wanted] = np.where(np.isfinite(error), np.fmax(np.fmax(error, between), least), np.nan)
    return Expected(logarithm, sigma)


def _grid(phi: FloatArray, height_um: FloatArray, time_s: FloatArray, start: float | None) -> Grid:
    """ln phi with the starting solution as a first row, and the coordinates in which it is interpolated."""
    known = np.isfinite(phi) & (phi > 0.0)
    x = np.log(np.where(known, phi, 1.0))
    first = min(0.0, float(time_s.min()))
    t = np.sqrt(time_s - first)
    begun = start is not None and start > 0.0 and float(time_s.min()) > 0.0
    level = np.log(start) if begun and start is not None else 0.0
    x = np.vstack([np.full(phi.shape[1], level), x])
    known = np.vstack([np.full(phi.shape[1], begun), known])
    root = np.vstack([np.zeros(t.shape[1]), t])
    inverse = np.vstack([np.full(t.shape[1], np.inf), 1.0 / np.maximum(time_s - first, LEAST_TIME_S)])
    measured = x[known]
    return Grid(
        x,
        known,
        np.sqrt(np.maximum(height_um, 0.0) + NEAR_SURFACE_UM),
        np.ascontiguousarray(np.array([root.T, inverse.T])),
        np.argsort(~known.T, axis=1, kind="stable"),
        known.sum(axis=0),
        float(measured.min(initial=np.inf)) - FARTHEST,
        float(measured.max(initial=-np.inf)) + FARTHEST,
    )
