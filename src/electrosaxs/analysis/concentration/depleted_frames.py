"""phi of frames that hold next to nothing: with the sizes of the starting solution.

Where a cell empties, a curve is flat but for its noise. Spheres of free size then fit nothing, or any wriggle of it, and their
scale, which is above 0, is no measure of how little there is. With the sizes of the starting solution held

    I(q) = x (I_0(q) - b_0) + b,        phi = x phi0,

I_0 its fitted curve, is linear in x and b: x comes out at 0 within its sigma, as often below as above, whatever the few that
are left are like. That sizes are others is an error in proportion to phi, so this is read where x is no more than noise, and is
in its sigma: large particles drift away first, and those left scatter less for what they are, as d^6 / (d + 2 shell)^3.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray, SampleIntensity
from ...physics.size_distribution import gaussian_moment
from ..spheres.fit import FEWEST_SIGMAS, POOR_FIT_SIGMAS, BinNoise, SphereFit, bin_noise
from .invariant import ParticleVolume

EMPTIED = "holds next to nothing: phi with the sizes of the starting solution"
NO_FIT = "not converged"
UNTOLD = {NO_FIT, "too few counts"}
LITTLE = 1e-2
"""x (chosen) below which spheres that do not come to rest are those of a cell that empties."""
SMALLER = 2.0
"""Deviations of the starting sizes by which the last that are left may be smaller (chosen)."""
SMALLEST = 0.3
"""Of the starting diameter, at least."""
BoolArray = npt.NDArray[np.bool_]


def with_emptied(
    volume: ParticleVolume, sample: SampleIntensity, fit: SphereFit, reference: ParticleVolume, start: SphereFit
) -> tuple[ParticleVolume, BoolArray]:
    """`volume` of the frames of `sample` (frame, q), and which (frame,) are read with the sizes of the starting solution.

    fit: their spheres. reference, start: particle volume and spheres of the starting solution, one frame. Those whose spheres
    say too little, whose curve is flat and whose x is below FEWEST_SIGMAS of its sigma, or LITTLE where no spheres were found,
    are read so.
    """
    asked = np.flatnonzero([bool(UNTOLD.intersection(flags)) for flags in fit.flags])
    emptied = np.zeros(len(fit.flags), dtype=bool)
    if not (asked.size and start.converged[0]):
        return volume, emptied
    noise = bin_noise(sample)
    if noise.unknown:
        return volume, emptied
    particles = start.particles(noise.q)[0]
    columns = {name: getattr(volume, name).copy() for name in ParticleVolume.__dataclass_fields__}
    for frame in asked:
        x, influence, variance = _share(noise, int(frame), particles)
        most = FEWEST_SIGMAS * np.sqrt(np.sum(np.square(influence) * variance))
        if not abs(x) < (max(most, LITTLE) if NO_FIT in fit.flags[frame] else most):
            continue
        emptied[frame] = True
        for name in ("value", "window", "low", "high"):
            columns[name][frame] = x * getattr(reference, name)[0]
        columns["shell_ratio"][frame] = reference.shell_ratio[0]
        columns["influence"][frame] = reference.value[0] * influence
        columns["variance"][frame] = variance
        columns["solvent_variance"][frame] = np.where(noise.used[frame], noise.solvent_variance[frame], 0.0)
    return ParticleVolume(**columns), emptied


def left_unseen(start: SphereFit, dry_shell_nm: float) -> float:
    """What more than phi is there, over phi, where it is read with the sizes of the starting solution and all that is left are
    particles two deviations smaller: phi over scattering goes as <(d + 2 shell)^3> / <d^6>."""
    d, delta = float(start.diameter[0]), float(start.deviation[0])
    volumes = float(gaussian_moment(3, d + 2.0 * dry_shell_nm, delta))
    scattering = float(gaussian_moment(6, d, delta))
    least = max(d - SMALLER * delta, SMALLEST * d)
    return (least + 2.0 * dry_shell_nm) ** 3 / least**6 * scattering / volumes - 1.0


def _share(noise: BinNoise, frame: int, particles: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """x, its derivative by each bin and the own variance of the bins (q,); x is not finite where the curve is not flat.

    Weights are those of an even curve, without particles: counts do not decide how much they count.
    """
    used, y = noise.used[frame], np.where(noise.used[frame], noise.intensity[frame], 0.0)
    level = float(np.mean(y[used])) if used.any() else 0.0
    own = noise.variance(np.full(noise.intensity.shape, level))[frame]
    spread = own + noise.solvent_variance[frame]
    weight = np.where(used, 1.0 / np.where(used, spread, 1.0), 0.0)
    columns = np.stack([particles, np.ones_like(particles)])
    normal = (columns * weight) @ columns.T
    scale = np.sqrt(np.diag(normal))
    influence = np.linalg.pinv(normal / np.outer(scale, scale)) @ (columns * weight / scale[:, None]) / scale[:, None]
    x, background = influence @ y
    freedom = max(int(used.sum()) - 2, 1)
    misfit = float(np.sum(weight * np.square(y - x * particles - background))) / freedom
    flat = misfit < 1.0 + POOR_FIT_SIGMAS * np.sqrt(2.0 / freedom)
    return float(x) if flat else np.inf, influence[0], np.where(used, own, 0.0)
