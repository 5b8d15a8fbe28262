"""An image over (q_z, q_parallel) and over |q|."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns.base import FloatArray
from ..nouns.film_maps import FilmPattern, RadialIntensity
from ..physics.film_frame import Incidence, q_along_normal
from .geometry import DetectorPlane, film_coordinates
from .spots import PreparedImage

BINS_PER_PIXEL = 0.6  # of the pattern; fewer bins than pixels leave few of them empty
RADIAL_BINS = 600
MOST_BINS = 1200


@dataclass(frozen=True, eq=False)
class PixelQ:
    """q_parallel and q_z (1/nm, of the direct beam inside the film) of the usable pixels above the horizon, and their values
    and variances, arrays of one length."""

    parallel: FloatArray
    along: FloatArray
    value: FloatArray
    variance: FloatArray


def pixel_q(image: PreparedImage, plane: DetectorPlane, incidence: Incidence) -> PixelQ:
    """q of every usable pixel above the horizon."""
    row, column = np.nonzero(~image.bad)
    parallel, exit_sine = film_coordinates(plane, incidence, row, column)
    above = exit_sine > 0.0
    along = q_along_normal(exit_sine[above], wavenumber=plane.wavenumber, incidence=incidence, reflected=False)
    value = image.values[row[above], column[above]]
    return PixelQ(parallel[above], along, value, image.noise.variance(np.maximum(value, 0.0)))


def film_pattern(pixels: PixelQ, plane: DetectorPlane) -> FilmPattern:
    """Mean values on a grid of q_z and q_parallel that is somewhat coarser than the pixels."""
    step = (
        plane.wavenumber * float(np.linalg.norm(plane.by_column)) / float(np.linalg.norm(plane.origin)) / BINS_PER_PIXEL
    )
    edges = [_edges(x, step) for x in (pixels.along, pixels.parallel)]
    sums = [
        np.histogram2d(pixels.along, pixels.parallel, bins=edges, weights=weights)[0]
        for weights in (None, pixels.value, pixels.variance)
    ]
    count = sums[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, sigma = sums[1] / count, np.sqrt(sums[2]) / count
    middles = [0.5 * (e[1:] + e[:-1]) for e in edges]
    return FilmPattern.from_arrays(
        mean, sigma=sigma, dims=("q_z", "q_parallel"),
        coords={"q_z": (("q_z",), middles[0]), "q_parallel": (("q_parallel",), middles[1])},
    )  # fmt: skip


def _edges(values: FloatArray, step: float) -> FloatArray:
    low, high = float(values.min()), float(values.max())
    return np.linspace(low, high, int(np.clip((high - low) / step, 2, MOST_BINS)) + 1)


def radial_intensity(pixels: PixelQ) -> RadialIntensity:
    """Mean value over the pixels of each |q|; bins without pixels are left out."""
    q = np.hypot(pixels.parallel, pixels.along)
    edges = np.linspace(0.0, float(q.max()), RADIAL_BINS + 1)
    count, value, variance = (
        np.histogram(q, bins=edges, weights=weights)[0] for weights in (None, pixels.value, pixels.variance)
    )
    use = count > 0
    middle = 0.5 * (edges[1:] + edges[:-1])[use]
    return RadialIntensity.from_arrays(
        value[use] / count[use], sigma=np.sqrt(variance[use]) / count[use], dims=("q",), coords={"q": (("q",), middle)}
    )
