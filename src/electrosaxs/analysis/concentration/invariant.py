"""The invariant of each frame and the particle volume that it measures, with exact first-order counting errors.

    Q = integral of I q^2 dq from 0 to infinity = Q_window + Q_low + Q_high,        Y = Q R

Q_window is the sum of (I - background) q^2 dq over the bins, dq included, background the fitted constant. Q_low and
Q_high are what the fitted spheres scatter outside the window; their total 2 pi^2 scale <V> is known in closed form
(Porod 1951), and a missing bin is filled by the model. R = <(d + 2 s)^3> / <d^3> turns core volume into core + dry
shell. The fitted constant is not counted as particles: keeping it in the window costs twice the counting noise at a
tenth of the starting concentration (docs/decisions/0003 has the numbers), and 0.1 % of I(q_min) of it 7 % of Q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import ShapeError
from ...nouns import SampleIntensity
from ...nouns.base import FloatArray
from ...physics.size_distribution import mean_volume, shell_volume_ratio, skewed_moment
from ..spheres.fit import BinNoise, SphereFit, bin_noise
from .invariant_kernels import window_block

LOW_Q_UNCERTAINTY = 0.20
"""Relative: the spheres' interaction (a structure factor of 0.8 to 1.2 below q_min), own in each frame."""
HIGH_Q_UNCERTAINTY = 0.05
"""Relative: the Porod level beyond q_max (roughness of the cores' surface), the same for all frames of a run."""


@dataclass(frozen=True, eq=False)
class ParticleVolume:
    """Y = (window + low + high) R per frame, relative scale: the volume of core + dry shell in the beam.

    value, window, low, high (1/nm^3 x intensity), shell_ratio: (frame,); window is what the bins hold less the fitted
    constant. influence (frame, q) = dY/dI of each bin, through the sum and through the fit, which see the same counts;
    variance and solvent_variance (frame, q) of the bins are the model's own counting and the subtracted solvent's.
    """

    value: FloatArray
    window: FloatArray
    low: FloatArray
    high: FloatArray
    shell_ratio: FloatArray
    influence: FloatArray
    variance: FloatArray
    solvent_variance: FloatArray

    @property
    def sigma(self) -> FloatArray:
        """Own counting sigma of Y, (frame,)."""
        return np.asarray(np.sqrt(np.sum(np.square(self.influence) * self.variance, axis=1)))

    @property
    def background_sigma(self) -> FloatArray:
        """Sigma of Y from the solvent's counting, (frame,), shared between frames."""
        return np.asarray(np.sqrt(np.sum(np.square(self.influence) * self.solvent_variance, axis=1)))

    @property
    def low_share(self) -> FloatArray:
        """Part of the invariant below the window, (frame,)."""
        return self.low / (self.window + self.low + self.high)

    @property
    def high_share(self) -> FloatArray:
        """Part of the invariant beyond the window, (frame,)."""
        return self.high / (self.window + self.low + self.high)

    @property
    def extrapolation_sigma(self) -> FloatArray:
        """Sigma of Y from what the window misses, (frame,)."""
        missing = np.hypot(LOW_Q_UNCERTAINTY * self.low, HIGH_Q_UNCERTAINTY * self.high)
        return np.asarray(missing * self.shell_ratio)


def bin_widths(q: FloatArray) -> FloatArray:
    """dq of each bin, edges midway between the centres and the outer bins as wide as they reach inwards."""
    edges = 0.5 * (q[1:] + q[:-1])
    return np.diff(np.concatenate(([2.0 * q[0] - edges[0]], edges, [2.0 * q[-1] - edges[-1]])))


def shell_ratio_gradient(fit: SphereFit, shell: float) -> FloatArray:
    """dR/d theta (frame, 5), from R = M(d + 2 s) / M(d), M(d) = d^3 + 3 d delta^2 + skewness delta^3."""
    d, delta, skewness = fit.diameter, fit.deviation, fit.skewness
    coated = d + 2.0 * shell
    core, ratio = skewed_moment(3, d, delta, skewness), shell_volume_ratio(d, delta, shell, skewness)
    gradient = np.zeros((d.size, 5))
    gradient[:, 1] = 3.0 * (coated**2 + delta**2 - ratio * (d**2 + delta**2)) / core
    gradient[:, 2] = (6.0 * delta * (coated - ratio * d) + 3.0 * skewness * delta**2 * (1.0 - ratio)) / core
    gradient[:, 4] = delta**3 * (1.0 - ratio) / core
    return gradient


def total_gradient(fit: SphereFit) -> FloatArray:
    """Derivatives (frame, 5) of 2 pi^2 scale <V>, <V> = pi/6 (d^3 + 3 d delta^2 + skewness delta^3)."""
    d, delta, skewness = fit.diameter, fit.deviation, fit.skewness
    by_d, by_delta = 3.0 * (d**2 + delta**2), 6.0 * d * delta + 3.0 * skewness * delta**2
    gradient = np.zeros((d.size, 5))
    gradient[:, 0] = skewed_moment(3, d, delta, skewness)
    gradient[:, 1], gradient[:, 2], gradient[:, 4] = fit.scale * by_d, fit.scale * by_delta, fit.scale * delta**3
    return np.pi**3 / 3.0 * gradient


def particle_volume(sample: SampleIntensity, fit: SphereFit, *, dry_shell_nm: float) -> ParticleVolume:
    """Y of every frame of `sample` from its window and the fit of the same frames.

    dry_shell_nm: thickness s of the dry ligand shell per side. NaN where the fit did not converge. Raises ShapeError where
    sample and fit have other frames or bins.
    """
    noise = bin_noise(sample)
    frames, bins = noise.intensity.shape
    if fit.influence.shape != (frames, 5, bins):
        raise ShapeError(f"the fit has frames and bins {fit.influence.shape}, the curves {noise.intensity.shape}")
    present = np.isfinite(noise.intensity)
    weights = noise.q**2 * bin_widths(noise.q)
    q2_dq = np.where(present, weights, 0.0)
    particles, slope, low = np.empty((frames, bins)), np.empty((frames, 5)), np.empty(frames)
    window_block(noise.q, q2_dq, fit.theta, particles, slope, low)
    slope[:, 3] = q2_dq.sum(axis=1)
    model = particles + fit.background[:, None]
    excess = np.sum(q2_dq * np.where(present, noise.intensity - fit.background[:, None] - particles, 0.0), axis=1)
    total = 2.0 * np.pi**2 * fit.scale * mean_volume(fit.diameter, fit.deviation, fit.skewness)
    ratio = shell_volume_ratio(fit.diameter, fit.deviation, dry_shell_nm, fit.skewness)
    by_theta = (total + excess)[:, None] * shell_ratio_gradient(fit, dry_shell_nm)
    by_theta += ratio[:, None] * (total_gradient(fit) - slope)
    inside = particles @ weights
    return ParticleVolume(
        value=(total + excess) * ratio,
        window=inside + excess,
        low=low,
        high=total - inside - low,
        shell_ratio=ratio,
        influence=ratio[:, None] * q2_dq + np.einsum("fi,fik->fk", by_theta, fit.influence),
        variance=np.where(present, _variance(noise, model, fit), 0.0),
        solvent_variance=np.where(present, noise.solvent_variance, 0.0),
    )


def _variance(noise: BinNoise, model: FloatArray, fit: SphereFit) -> FloatArray:
    """Own counting variance of the bins (frame, q); where it is a guess, scaled to the residuals."""
    variance = noise.variance(model)
    if not noise.unknown:
        return variance
    misfit = np.nansum(np.square(noise.intensity - model) / variance, axis=1) / fit.degrees_of_freedom
    return variance * misfit[:, None]
