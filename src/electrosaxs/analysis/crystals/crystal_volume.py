"""Particle volume of voxels that hold crystals.

The invariant of spheres that see each other is not that of independent ones within a finite window: inside a crystal
the cores fill a share phi_c of space (0.22 at a = 15.1 nm), so that 2 pi^2 phi_c (1 - phi_c) is measured, and the
rest, the scattering of whole crystals in the solvent, lies far below q_min. Without this phi of a voxel that is two
thirds crystal comes out 15 % low. What the fitted structure factor adds to and takes from the window is therefore taken
out again: with the fitted model M = scale P S + background,

    Y = R [ 2 pi^2 scale <V> + sum over the window of (I - M) q^2 dq ],

which is the particle volume as if each scattered alone, with the counts of the window still deciding. Where the fit needed a
smooth correction C of all scattering (bragg), that is how these particles scatter alone, C P in place of P: C and scale may
share a factor that no curve tells apart, and only their product is known. Beyond the fitted bins C is that of the last one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...nouns import FloatArray
from ...physics.lattice_kernels import sphere_gradient
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
    inside = spheres.particles(q) @ (q**2 * bin_widths(q))
    low = _below_window(spheres, q)
    high = total - inside - low
    corrected = [np.zeros(len(fits)) for _ in range(3)]
    for row, one in enumerate(fits):
        place = np.searchsorted(q, one.curve.q)
        weight = (q**2 * bin_widths(q))[place]
        outcome = one.outcome
        model, slopes = (one.curve.seen(part) for part in one.model(outcome.parameters))
        excess[row] = weight @ (one.curve.intensity - model)
        by_excess[row, place] = weight - (weight @ slopes) @ outcome.influence
        if one.model.corrections:
            more, slope = _correction(one, q, (float(low[row]), float(high[row])), total_gradient(spheres)[row])
            for part, value in zip(corrected, more, strict=True):
                part[row] = value
            by_excess[row, place] += slope @ outcome.influence
        counted = outcome.variance - one.curve.excess * one.curve.shared_variance
        variance[row, place] = counted * one.widening**2
        solvent_variance[row, place] = one.curve.shared_variance
    below, within, beyond = corrected
    whole = total + excess + below + within + beyond
    by_theta = whole[:, None] * shell_ratio_gradient(spheres, dry_shell_nm)
    by_theta += ratio[:, None] * total_gradient(spheres)
    return ParticleVolume(
        value=whole * ratio,
        window=inside + excess + within,
        low=low + below,
        high=high + beyond,
        shell_ratio=ratio,
        influence=ratio[:, None] * by_excess + np.einsum("fi,fik->fk", by_theta, spheres.influence),
        variance=variance,
        solvent_variance=solvent_variance,
    )


def _correction(
    one: LatticeFit, q: FloatArray, outside: tuple[float, float], by_size: FloatArray
) -> tuple[tuple[float, float, float], FloatArray]:
    """What C adds to the integral of the spheres' scattering below, within and beyond the window `q`, of `outside` there; and
    the derivative of their sum by every parameter of the fit (the size's part of what lies below is neglected).

    by_size (5,): of the whole integral by the solution's parameters.
    """
    s, parameters = one.solution, one.outcome.parameters
    nearest = np.clip(np.searchsorted(one.curve.q, q), 0, one.curve.q.size - 1)  # of bins that the fit did not use
    c = one.model.correction(parameters)
    weight = q**2 * bin_widths(q)
    form = np.array(sphere_gradient(q, s.diameter, s.deviation, s.skewness))
    first, last = float(c[0]) - 1.0, float(c[-1]) - 1.0
    parts = first * outside[0], float((c[nearest] - 1.0) * weight @ form[0]) * s.scale, last * outside[1]
    slope = np.zeros(parameters.size)
    slope[[0, 1, 2, 4]] = ((c[nearest] - c[-1]) * weight) @ form.T * np.array([1.0, s.scale, s.scale, s.scale])
    slope[0] += (first - last) * outside[0] / s.scale
    slope[: by_size.size] += last * by_size
    smooth = one.model.smooth
    by_smooth = s.scale * (weight * form[0]) @ smooth[nearest] + outside[0] * smooth[0] + outside[1] * smooth[-1]
    slope[slope.size - smooth.shape[1] :] = by_smooth
    return parts, slope


def _below_window(spheres: SphereFit, q: FloatArray) -> FloatArray:
    """Integral of the spheres' I q^2 from 0 to the lower edge of the first bin."""
    from scipy.integrate import simpson  # a tenth of a second: only where there are crystals

    fine = np.linspace(0.0, q[0] - 0.5 * (q[1] - q[0]), LOW_POINTS)
    scattered = np.concatenate([np.zeros((spheres.scale.size, 1)), spheres.particles(fine[1:]) * fine[1:] ** 2], axis=1)
    return np.asarray(simpson(scattered, x=fine, axis=1))
