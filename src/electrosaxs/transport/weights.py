"""Linear functionals of a profile: its value at a height, its mean over a slice, its mean over a beam's footprint.

Each is a row of weights on the nodes, (height, node); a profile of any class at any time is then one product. Between
nodes the profile is a cubic through the four nearest: with a twelfth of a decay length between nodes its error is 1e-6.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError, bad_value
from ..nouns import FloatArray
from ..physics.beam import beam_deviation, relative_density
from ..physics.quadrature import gauss_legendre

BEAM_REACH = 5.0
"""Half-width of a beam in sigma that is counted: 6e-7 of it lies outside."""
POINTS_PER_CELL = 4
CUBIC = 4


def point_weights(z: FloatArray, heights: npt.ArrayLike) -> FloatArray:
    """Weights (height, node) that give the profile at heights (m) between the electrodes."""
    heights = np.atleast_1d(np.asarray(heights, dtype=np.float64))
    _inside(z, heights)
    first = np.clip(np.searchsorted(z, heights, side="right") - CUBIC // 2, 0, z.size - CUBIC)
    node = first[:, None] + np.arange(CUBIC)
    rows = np.zeros((heights.size, z.size))
    for i in range(CUBIC):
        others = [k for k in range(CUBIC) if k != i]
        below = z[node[:, others]]
        rows[np.arange(heights.size), node[:, i]] = np.prod(
            (heights[:, None] - below) / (z[node[:, i], None] - below), axis=1
        )
    return rows


def slice_weights(z: FloatArray, low: float, high: float) -> FloatArray:
    """Weights (node,) of the mean over the slice from `low` to `high` (m)."""
    points, measure = _quadrature(z, low, high)
    return np.asarray(measure @ point_weights(z, points)) / (high - low)


def beam_weights(z: FloatArray, centres: npt.ArrayLike, fwhm: float) -> tuple[FloatArray, FloatArray]:
    """Weights (centre, node) of the mean over a Gaussian beam, and its density (1/m) on the anode's surface, (centre,).

    What of the beam lies in an electrode is blocked: weights are normalised to the open part. A layer of particle
    volume N (m) on the anode, thin against the beam, adds N x density. Centres (m) may lie within an electrode as long
    as a thousandth of the beam passes.
    """
    centres = np.atleast_1d(np.asarray(centres, dtype=np.float64))
    sigma = beam_deviation(fwhm)
    rows, density = np.zeros((centres.size, z.size)), np.zeros(centres.size)
    for k, centre in enumerate(centres):
        low, high = max(0.0, centre - BEAM_REACH * sigma), min(z[-1], centre + BEAM_REACH * sigma)
        _passes(centre, sigma, low, high)
        points, measure = _quadrature(z, low, high)
        measure = measure * relative_density(points - centre, sigma)
        rows[k] = (measure / measure.sum()) @ point_weights(z, points)
        density[k] = relative_density(centre, sigma) / measure.sum()
    return rows, density


def _quadrature(z: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Gauss-Legendre points (m) and measures (m) in every cell between `low` and `high`."""
    cuts = np.concatenate([[low], z[(z > low) & (z < high)], [high]])
    node, weight = gauss_legendre(POINTS_PER_CELL)
    half = 0.5 * np.diff(cuts)[:, None]
    points = 0.5 * (cuts[1:] + cuts[:-1])[:, None] + half * node
    return points.ravel(), (half * weight).ravel()


def _inside(z: FloatArray, heights: FloatArray) -> None:
    if not np.all((heights >= 0.0) & (heights <= z[-1])):
        raise bad_value(
            ShapeError,
            where="transport",
            field="height",
            value=f"{heights.min() * 1e6:g} to {heights.max() * 1e6:g} um",
            rule=f"must lie between the electrodes, 0 to {z[-1] * 1e6:g} um",
            remedy="leave out heights within an electrode",
        )


def _passes(centre: float, sigma: float, low: float, high: float) -> None:
    if high <= low or centre < low - 3.0 * sigma or centre > high + 3.0 * sigma:
        raise bad_value(
            ShapeError,
            where="transport",
            field="height",
            value=f"{centre * 1e6:g} um",
            rule="must be where the beam passes between the electrodes",
            remedy="leave out heights within an electrode",
        )
