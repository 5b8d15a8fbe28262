"""Numbers of a size distribution with their sigma: volume, mean diameters, width, the share of small particles.

Every number is a ratio of integrals of the density between two diameters, so that sizes which the curve cannot see
take no part; its sigma follows from the density's covariance to first order. Number-weighted means divide the density
by the volume of a particle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray
from ...physics.sphere_matrix import particle_volume
from .each_curve import FreeFormFit


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number per curve (frame,). sigma: counting and prior; shared_sigma: what all curves share through the solvent.

    undetected: how far the worst narrow population that a curve cannot show (free_form.UNDETECTED sigma) would move the
    number. A limit and no sigma: it is not part of total_sigma, which holds for the particles that were found.
    """

    value: FloatArray
    sigma: FloatArray
    shared_sigma: FloatArray
    undetected: FloatArray

    @property
    def total_sigma(self) -> FloatArray:
        return np.hypot(self.sigma, self.shared_sigma)


@dataclass(frozen=True, eq=False)
class SizeMoments:
    """Between `limits` (nm). volume: integral of the density (phi once calibrated). volume_mean: volume-weighted mean
    diameter; mean and deviation: number-weighted (nm). small_share: volume share below `small_below`, None without."""

    limits: tuple[float, float]
    volume: Estimate
    volume_mean: Estimate
    mean: Estimate
    deviation: Estimate
    small_share: Estimate | None


def size_moments(
    fit: FreeFormFit, *, limits: tuple[float, float] | None = None, small_below: float | None = None
) -> SizeMoments:
    """Moments of every curve of `fit` between two diameters (nm); the whole grid where no limits are given."""
    basis = fit.basis
    span = (float(basis.diameter[0]), float(basis.diameter[-1])) if limits is None else limits
    m0, m1 = (basis.integral(lambda d, k=k: d**k, span) for k in range(2))  # type: ignore[misc]
    n0, n1, n2 = (
        basis.integral(lambda d, k=k: d**k / particle_volume(d, basis.shell), span)  # type: ignore[misc]
        for k in range(3)
    )
    inside = (basis.diameter >= span[0]) & (basis.diameter <= span[1])
    p = fit.density
    volume, number = p @ m0, p @ n0
    volume_mean, mean = p @ m1 / volume, p @ n1 / number
    deviation = np.sqrt(p @ n2 / number - mean**2)

    def estimate(value: FloatArray, gradient: FloatArray) -> Estimate:
        own, shared = (
            np.sqrt(np.einsum("fi,fij,fj->f", gradient, c, gradient)) for c in (fit.covariance, fit.shared_covariance)
        )
        moved = np.einsum("fi,fik->fk", gradient, fit.undetected)
        return Estimate(value, own, shared, np.abs(np.where(inside, moved, 0.0)).max(axis=1))

    def ratio(value: FloatArray, upper: FloatArray, lower: FloatArray, whole: FloatArray) -> Estimate:
        return estimate(value, (upper - np.multiply.outer(value, lower)) / whole[:, None])

    small = None
    if small_below is not None:
        below = basis.integral(np.ones_like, (span[0], min(max(small_below, span[0]), span[1])))
        small = ratio(p @ below / volume, below, m0, volume)
    spread = n2 - 2.0 * np.multiply.outer(mean, n1) + np.multiply.outer(mean**2 - deviation**2, n0)
    return SizeMoments(
        limits=span,
        volume=estimate(volume, np.broadcast_to(m0, p.shape)),
        volume_mean=ratio(volume_mean, m1, m0, volume),
        mean=ratio(mean, n1, n0, number),
        deviation=estimate(deviation, spread / (2.0 * deviation * number)[:, None]),
        small_share=small,
    )
