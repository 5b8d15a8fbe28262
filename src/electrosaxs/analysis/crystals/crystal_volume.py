"""Particle volume of voxels that hold crystals.

The invariant of spheres that see each other is not that of independent ones within a finite window: inside a crystal
the cores fill a share phi_c of space (0.22 at a = 15.1 nm), so that 2 pi^2 phi_c (1 - phi_c) is measured, and the
rest, the scattering of whole crystals in the solvent, lies far below q_min. Without this phi of a voxel that is two
thirds crystal comes out 15 % low. What the fitted structure factor adds to and takes from the window is therefore taken
out again: with the fitted model M = scale P S + background,

    Y = R [ 2 pi^2 scale <V> + sum over the window of (I - M) q^2 dq ],

which is the particle volume as if each scattered alone, with the counts of the window still deciding.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...nouns import FloatArray
from ...physics.size_distribution import mean_volume, shell_volume_ratio
from ..concentration.invariant import ParticleVolume, bin_widths, shell_ratio_gradient, total_gradient
from ..spheres.fit import SphereFit
from .lattice_fit import LatticeFit

LOW_POINTS = 65


def crystal_particle_volume(
    fits: Sequence[LatticeFit], spheres: SphereFit, q: FloatArray, *, dry_shell_nm: float
) -> ParticleVolume:
    """Y of the frames of `fits`; `spheres` is their solution part on the bins `q` (structure_factor.spheres_of)."""
    size = spheres.diameter, spheres.deviation
    total = 2.0 * np.pi**2 * spheres.scale * mean_volume(*size, spheres.skewness)
    ratio = shell_volume_ratio(*size, dry_shell_nm, spheres.skewness)
    excess, variance, solvent_variance, by_excess = (
        np.zeros(len(fits)),
        np.zeros((len(fits), q.size)),
        np.zeros((len(fits), q.size)),
        np.zeros((len(fits), q.size)),
    )
    for row, one in enumerate(fits):
        place = np.searchsorted(q, one.curve.q)
        weight = (q**2 * bin_widths(q))[place]
        outcome = one.outcome
        model, slopes = (one.curve.seen(part) for part in one.model(outcome.parameters))
        excess[row] = weight @ (one.curve.intensity - model)
        by_excess[row, place] = weight - (weight @ slopes) @ outcome.influence
        counted = outcome.variance - one.curve.excess * one.curve.shared_variance
        variance[row, place] = counted * one.widening**2
        solvent_variance[row, place] = one.curve.shared_variance
    by_theta = (total + excess)[:, None] * shell_ratio_gradient(spheres, dry_shell_nm)
    by_theta += ratio[:, None] * total_gradient(spheres)
    inside = spheres.particles(q) @ (q**2 * bin_widths(q))
    low = _below_window(spheres, q)
    return ParticleVolume(
        value=(total + excess) * ratio,
        window=inside + excess,
        low=low,
        high=total - inside - low,
        shell_ratio=ratio,
        influence=ratio[:, None] * by_excess + np.einsum("fi,fik->fk", by_theta, spheres.influence),
        variance=variance,
        solvent_variance=solvent_variance,
    )


def _below_window(spheres: SphereFit, q: FloatArray) -> FloatArray:
    """Integral of the spheres' I q^2 from 0 to the lower edge of the first bin."""
    from scipy.integrate import simpson  # a tenth of a second: only where there are crystals

    fine = np.linspace(0.0, q[0] - 0.5 * (q[1] - q[0]), LOW_POINTS)
    scattered = np.concatenate([np.zeros((spheres.scale.size, 1)), spheres.particles(fine[1:]) * fine[1:] ** 2], axis=1)
    return np.asarray(simpson(scattered, x=fine, axis=1))
