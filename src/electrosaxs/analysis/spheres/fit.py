"""Polydisperse spheres fitted to curves: number-weighted diameter, deviation and skewness with their covariance.

I(q) = scale P(q; d, delta, skewness) + background, each frame on its own: a batch gives to the last bit what single
curves give. Frames that carry `per_count` and `solvent` are weighted by the variance that the model predicts, which
is the Poisson likelihood's optimum at any count rate; others by their given variances, and curves without variances
by the counting-like guess I / q, with the noise taken from the residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ...errors import FitError, ShapeError, bad_value
from ...nouns import SampleIntensity
from ...nouns.base import FloatArray
from ...physics.sphere_kernels import skewed_form_factor
from .kernels import LARGEST_SKEWNESS, LEAST_COUNTS, NARROWEST, PARAMETERS, WIDEST, Curve, StartTable, fit_frame

BoolArray = npt.NDArray[np.bool_]
Parameter = Literal["scale", "diameter", "deviation", "background", "skewness"]
ORDER: tuple[Parameter, ...] = get_args(Parameter)

SMOOTHING_BINS = 15
"""Width of the moving average of the solvent that enters the weights only (its own noise would bias them)."""
START_GROUPS = 128
START_STEP = 0.05
START_WIDTHS = (0.05, 0.12, 0.25)
"""The start is searched over d in steps of 5 % and these delta / d: a fringe is pi / (q d / 2) of d apart."""
POOR_FIT_SIGMAS = 6.0
FEWEST_SIGMAS = 5.0
"""A fit is flagged when chi-squared exceeds its expectation by, or scale / sigma stays below, so many sigmas."""
POOR_MISFIT = 0.05
"""Without known noise: flagged when the weighted misfit exceeds 5 % of the weighted curve."""


@dataclass(frozen=True, eq=False)
class BinNoise:
    """Curves (frame, q) and what is known of their noise: variance = fixed + per_count (model + solvent).

    solvent (q,) is smoothed; solvent_variance (frame, q) is the subtracted solvent's own, shared by all frames.
    `unknown` is True where the variances are a guess up to a factor.
    """

    q: FloatArray
    intensity: FloatArray
    fixed: FloatArray
    per_count: FloatArray
    solvent: FloatArray
    solvent_variance: FloatArray
    unknown: bool

    @property
    def used(self) -> BoolArray:
        """Bins (frame, q) with an intensity and a variance."""
        given = self.fixed + self.per_count
        return np.asarray(np.isfinite(self.intensity) & np.isfinite(given) & (given > 0.0))

    def variance(self, model: FloatArray) -> FloatArray:
        """Own counting variance of the bins (frame, q) that hold `model`."""
        return self.fixed + self.per_count * np.maximum(model + self.solvent, LEAST_COUNTS * self.per_count)


def _own(q: FloatArray) -> FloatArray:
    """A copy of q: that of a noun cannot be written to, for which numba would compile every kernel a second time."""
    return np.array(q, dtype=np.float64)


def _smooth(curve: FloatArray) -> FloatArray:
    """Moving average over SMOOTHING_BINS, shorter at the ends."""
    window = np.ones(min(SMOOTHING_BINS, curve.size))
    good = np.isfinite(curve)
    total = np.convolve(np.where(good, curve, 0.0), window, mode="same")
    return np.asarray(total / np.maximum(np.convolve(good.astype(float), window, mode="same"), 1.0))


def bin_noise(sample: SampleIntensity) -> BinNoise:
    """The curves of `sample`, dims (frame, q) or (q,), and their noise model."""
    if sample.dims not in (("frame", "q"), ("q",)):
        raise ShapeError(f"curves to fit have dims {sample.dims}: they must be (frame, q) or (q,)")
    q = _own(sample.coord("q"))
    y = np.array(np.atleast_2d(sample.values))
    coords = sample.data.coords
    zeros = np.zeros_like(y)
    if "per_count" in coords:
        per_count = np.array(np.broadcast_to(sample.coord("per_count"), y.shape), dtype=np.float64)
        solvent = _smooth(sample.coord("solvent")) if "solvent" in coords else np.zeros(q.size)
        spread = _smooth(sample.coord("solvent_variance")) if "solvent_variance" in coords else np.zeros(q.size)
        return BinNoise(q, y, zeros, per_count, solvent, np.broadcast_to(spread, y.shape), False)
    unknown = sample.data.variances is None
    size = np.maximum(np.abs(y), 1e-9 * np.nanmax(np.abs(y), axis=1, keepdims=True)) / q
    fixed = size if unknown else np.array(np.atleast_2d(sample.data.variances), dtype=np.float64)
    shared = sample.shared.get("background")
    spread = zeros if shared is None else np.square(np.atleast_2d(shared.values))
    return BinNoise(q, y, fixed, zeros, np.zeros(q.size), spread, unknown)


@dataclass(frozen=True, eq=False)
class SphereFit:
    """Fitted spheres, one row per frame; NaN where a fit did not converge.

    scale (intensity / nm^6), diameter and deviation (nm), background (intensity), skewness: (frame,).
    covariance (frame, 5, 5) in ORDER: own counting, zero rows for parameters held fixed.
    shared_covariance: what the subtracted solvent's counting adds, the same error in all frames.
    influence (frame, 5, q): d parameter / d intensity of each bin, which carries any error of the curve into the fit.
    chi_squared is Pearson's with counting and solvent variance; flags say in words what is wrong.
    """

    scale: FloatArray
    diameter: FloatArray
    deviation: FloatArray
    background: FloatArray
    skewness: FloatArray
    covariance: FloatArray
    shared_covariance: FloatArray
    influence: FloatArray
    chi_squared: FloatArray
    degrees_of_freedom: npt.NDArray[np.int64]
    converged: BoolArray
    flags: tuple[tuple[str, ...], ...]

    @property
    def theta(self) -> FloatArray:
        """All parameters, (frame, 5) in ORDER."""
        return np.column_stack([self.scale, self.diameter, self.deviation, self.background, self.skewness])

    @property
    def polydispersity(self) -> FloatArray:
        """delta / d."""
        return self.deviation / self.diameter

    def sigma(self, parameter: Parameter) -> FloatArray:
        """Counting sigma of a parameter, (frame,)."""
        i = ORDER.index(parameter)
        return np.sqrt(self.covariance[:, i, i])

    def shared_sigma(self, parameter: Parameter) -> FloatArray:
        """Sigma (frame,) that the solvent's counting noise gives a parameter, the same error in all frames."""
        i = ORDER.index(parameter)
        return np.sqrt(self.shared_covariance[:, i, i])

    def particles(self, q: FloatArray) -> FloatArray:
        """scale P(q) without the background, (frame, q); q in 1/nm."""
        return _particles(_own(q), self.theta)

    def model(self, q: FloatArray) -> FloatArray:
        """scale P(q) + background, (frame, q); q in 1/nm."""
        return self.particles(q) + self.background[:, None]


def _particles(q: FloatArray, theta: FloatArray) -> FloatArray:
    """scale P(q), (frame, q), for theta (frame, 5) in ORDER."""
    curves = [scale * skewed_form_factor(q, d, delta, skewness) for scale, d, delta, _, skewness in theta]
    return np.array(curves).reshape(-1, q.size)


def _start_table(q: FloatArray, bounds: FloatArray) -> StartTable:
    """Candidate diameters and deviations and their P at the middle of each group of bins."""
    group = -(-q.size // START_GROUPS)
    middles = np.array([q[i : i + group].mean() for i in range(0, q.size, group)])
    ladder = np.exp(np.arange(np.log(bounds[0]), np.log(bounds[1]), START_STEP))
    d, width = (a.ravel() for a in np.meshgrid(ladder, START_WIDTHS))
    table = np.array([skewed_form_factor(middles, a, a * w, 0.0) for a, w in zip(d, width, strict=True)])
    return StartTable(d, d * width, table, group)


def _in_blocks(run: Callable[[range], None], frames: int, workers: int) -> None:
    """Call `run` on blocks of frames, on `workers` threads."""
    size = max(1, min(256, -(-frames // workers)))
    blocks = [range(i, min(i + size, frames)) for i in range(0, frames, size)]
    if len(blocks) == 1 or workers == 1:
        for block in blocks:
            run(block)
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, blocks))


def fit_spheres(sample: SampleIntensity, *, skewed: bool = True, workers: int = 2) -> SphereFit:
    """Fit every frame of `sample`; no starting values are needed, and bins without an intensity take no part.

    skewed: fit a third moment of the sizes; without it they are normal (docs/decisions/0003). Raises FitError where there
    are fewer bins than parameters.
    """
    noise = bin_noise(sample)
    frames, bins = noise.intensity.shape
    if bins <= PARAMETERS:
        raise bad_value(
            FitError,
            where="sphere fit",
            field="bins",
            value=bins,
            rule=f"must be more than {PARAMETERS}",
            remedy="give curves with more points",
        )
    wanted = np.array([True, True, True, True, skewed])
    bounds = np.array([1.0 / noise.q.max(), 2.0 * np.pi / noise.q[noise.q > 0.0].min()])
    table = _start_table(noise.q, bounds)
    theta = np.zeros((frames, PARAMETERS))
    covariance, influence = np.zeros((frames, PARAMETERS, PARAMETERS)), np.zeros((frames, PARAMETERS, bins))
    converged = np.zeros(frames, dtype=bool)
    used, model = noise.used, np.full((frames, bins), np.nan)
    clean = np.where(used, noise.intensity, 0.0)

    def run(part: range) -> None:
        for f in part:
            curve = Curve(noise.q, clean[f], noise.fixed[f], noise.per_count[f], noise.solvent, used[f])
            converged[f] = fit_frame(curve, table, wanted, bounds, theta[f], covariance[f], influence[f])
            if converged[f]:
                scale, d, delta, background, skewness = theta[f]
                model[f] = scale * skewed_form_factor(noise.q, d, delta, skewness) + background

    _in_blocks(run, frames, workers)
    for result in (theta, covariance, influence):
        result[~converged] = np.nan
    return _described(noise, wanted, bounds, theta, covariance, influence, converged, model)


def _described(
    noise: BinNoise,
    wanted: BoolArray,
    bounds: FloatArray,
    theta: FloatArray,
    covariance: FloatArray,
    influence: FloatArray,
    converged: BoolArray,
    model: FloatArray,
) -> SphereFit:
    """The fit with chi-squared, shared covariance and flags; noise from the residuals where it was not given."""
    used = noise.used
    dof = np.maximum(used.sum(axis=1) - int(wanted.sum()), 1)
    variance = np.where(used, noise.variance(model) + noise.solvent_variance, 1.0)
    chi_squared = np.sum(np.where(used, np.square(noise.intensity - model) / variance, 0.0), axis=1)
    poor = chi_squared / dof > 1.0 + POOR_FIT_SIGMAS * np.sqrt(2.0 / dof)
    if noise.unknown:
        size = np.sum(np.where(used, np.square(noise.intensity) / variance, 0.0), axis=1)
        poor = chi_squared > POOR_MISFIT**2 * size
        covariance, chi_squared = covariance * (chi_squared / dof)[:, None, None], dof.astype(np.float64)
    scale, diameter, deviation, background, skewness = (np.ascontiguousarray(column) for column in theta.T)
    return SphereFit(
        scale=scale,
        diameter=diameter,
        deviation=deviation,
        background=background,
        skewness=skewness,
        covariance=covariance,
        shared_covariance=np.einsum("fik,fk,fjk->fij", influence, noise.solvent_variance, influence, optimize=True),
        influence=influence,
        chi_squared=chi_squared,
        degrees_of_freedom=dof,
        converged=converged,
        flags=_flags(theta, covariance, poor, converged, bounds),
    )


def _flags(
    theta: FloatArray,
    covariance: FloatArray,
    poor: BoolArray,
    converged: BoolArray,
    bounds: FloatArray,
) -> tuple[tuple[str, ...], ...]:
    """What is wrong with each fit, in words; empty where nothing is."""
    scale, d, delta, _, skewness = theta.T
    checks = {
        "not converged": ~converged,
        "diameter at bound": (d <= bounds[0]) | (d >= bounds[1]),
        "deviation at bound": (delta <= NARROWEST * d) | (delta >= WIDEST * d),
        "skewness at bound": np.abs(skewness) >= LARGEST_SKEWNESS,
        "poor fit": poor,
        "too few counts": scale < FEWEST_SIGMAS * np.sqrt(covariance[:, 0, 0]),
    }
    return tuple(tuple(text for text, wrong in checks.items() if wrong[f]) for f in range(len(theta)))
