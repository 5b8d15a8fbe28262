"""Least squares of the geometry on control points, with a covariance that admits what is not noise.

Three kinds of error are told apart: counting noise of each point; scatter along the rings (module positions, flat
field), added to every point; and a common relative shift of a whole ring (sample thickness, an aged calibrant,
profile asymmetry), which many points on one ring do not average out. The last two are estimated from the residuals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, least_squares

from ..errors import ConvergenceError, bad_value
from ..nouns import FloatArray
from .ring_geometry import RingPoints, beam_centre, residual_slopes, residuals_px, ring_tangents

ROBUST_SCALE = 2.0
EVALUATIONS = 60
STEP = 1e-6  # of differences, relative to the distance or in rad
OUTLIER_SIGMA = 4.0
TILT_ALWAYS = np.deg2rad(0.05)
TILT_WORTH_TRYING = np.deg2rad(0.2)
TILT_EVIDENT = 30.0


@dataclass(frozen=True)
class GeometryFit:
    """A fitted geometry vector, which of its entries were free, its covariance (zero where fixed), chi squared.

    points: those used, their sigma including the scatter along rings; scatter_px: that scatter; ring_scatter:
    relative shift (one sigma) of whole rings, NaN where fewer than three rings leave it unknown.
    """

    geometry: FloatArray
    free: tuple[bool, ...]
    covariance: FloatArray
    chi_squared: float
    points: RingPoints
    scatter_px: float = 0.0
    ring_scatter: float = float("nan")

    @property
    def sigmas(self) -> FloatArray:
        """One standard deviation of each entry of the geometry vector, 0 where it was fixed."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


def fit_geometry(
    points: RingPoints,
    tangents: FloatArray,
    pixel: tuple[float, float],
    start: FloatArray,
    *,
    tilts: bool,
    robust: bool = False,
    ring_scatter: float = 0.0,
) -> GeometryFit:
    """Least squares of the ring residuals over their sigma.

    `robust` damps points beyond 2 sigma (soft L1), untilted unless `tilts`; it is the start of another fit, so it may end
    after `EVALUATIONS` where it then is. A fit that is not robust raises ConvergenceError there.
    """
    free = np.array([True, True, True, tilts, tilts])
    base = np.where(free, start, 0.0)
    size = np.array([start[0], start[0], start[0], 1.0, 1.0])[free]

    def at(step: FloatArray) -> FloatArray:
        geometry = base.copy()
        geometry[free] += step * size
        return geometry

    def white(residual: FloatArray) -> FloatArray:
        return whitened(residual, points, tangents, start[0], pixel, ring_scatter)

    def weighted(step: FloatArray) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):  # a step onto the sample is too long, and is taken back
            return white(residuals_px(at(step), points, tangents, pixel))

    def slopes(step: FloatArray) -> FloatArray:
        return white(residual_slopes(at(step), points, tangents, pixel)[:, free] * size)

    solution = least_squares(
        weighted,
        np.zeros(len(size)),
        slopes,
        loss="soft_l1" if robust else "linear",
        f_scale=ROBUST_SCALE,
        x_scale=1e-2,
        max_nfev=EVALUATIONS,
    )
    if solution.status == 0 and not robust:
        raise bad_value(
            ConvergenceError,
            where="calibration",
            field="geometry",
            value=f"{base[0]:.4g} m at the start",
            rule=f"the fit to {len(points)} points did not converge in {EVALUATIONS} evaluations",
            remedy="give --distance-m, or mask what is no ring",
        )
    geometry, jacobian = at(solution.x), slopes(solution.x)
    covariance = np.zeros((5, 5))
    covariance[np.ix_(free, free)] = np.linalg.pinv(jacobian.T @ jacobian) * np.outer(size, size)
    chi_squared = float(np.sum(np.square(weighted(solution.x))))
    return GeometryFit(geometry, tuple(bool(f) for f in free), covariance, chi_squared, points)


def whitened(
    residual: FloatArray,
    points: RingPoints,
    tangents: FloatArray,
    distance: float,
    pixel: tuple[float, float],
    ring_scatter: float,
) -> FloatArray:
    """Independent residuals (point,) of unit variance, or derivatives (point, n) of them, from a covariance
    sigma_i^2 + (ring_scatter r_n)^2 within a ring.

    With u = residual / sigma and a = ring_scatter r_n / sigma: (1 + a a^T)^(-1/2) u, ring by ring.
    """
    result = np.transpose(residual.T / points.sigma)
    if ring_scatter == 0.0:
        return np.asarray(result)
    for ring in np.unique(points.ring):
        of_ring = points.ring == ring
        radius = distance * tangents[ring] / np.sqrt(pixel[0] * pixel[1])
        a = ring_scatter * radius / points.sigma[of_ring]
        norm = a @ a
        share = (a @ result[of_ring]) / norm * (1.0 - 1.0 / np.sqrt(1.0 + norm))
        result[of_ring] -= np.multiply.outer(a, share)
    return np.asarray(result)


def numerical_jacobian(function: Callable[[FloatArray], FloatArray], at: FloatArray) -> FloatArray:
    """Central differences of a vector function, shape (residual, parameter)."""
    shifts = STEP * np.eye(len(at))
    return np.stack([(function(at + s) - function(at - s)) / (2.0 * STEP) for s in shifts], axis=1)


def careful_fit(
    points: RingPoints, tangents: FloatArray, pixel: tuple[float, float], start: FloatArray, *, tilts: bool
) -> GeometryFit:
    """Robust start, outliers beyond 4 sigma of the scatter left out.

    Then both scatters estimated and a linear fit with them.
    """
    fit = fit_geometry(points, tangents, pixel, start, tilts=tilts, robust=True)
    for _ in range(2):
        pull = residuals_px(fit.geometry, points, tangents, pixel) / points.sigma
        usual = max(1.4826 * float(np.median(np.abs(pull))), 1.0)
        kept = _whole_rings(points, np.abs(pull) < OUTLIER_SIGMA * usual)
        fit = fit_geometry(kept, tangents, pixel, fit.geometry, tilts=tilts, robust=True)
    scatter = _scatter_along_rings(fit, tangents, pixel)
    widened = replace(kept, sigma=np.hypot(kept.sigma, scatter))
    fit = fit_geometry(widened, tangents, pixel, fit.geometry, tilts=tilts)
    between = _scatter_between_rings(fit, tangents, pixel)
    known = 0.0 if np.isnan(between) else between
    fit = fit_geometry(widened, tangents, pixel, fit.geometry, tilts=tilts, ring_scatter=known)
    inflation = _correlation_inflation(fit, tangents, pixel)
    return replace(
        fit,
        covariance=fit.covariance * inflation,
        chi_squared=fit.chi_squared / inflation,
        scatter_px=scatter,
        ring_scatter=between,
    )


def _whole_rings(points: RingPoints, inlier: npt.NDArray[np.bool_]) -> RingPoints:
    """The inliers of the rings that keep at least three of them and half of their points.

    All inliers where none does.
    """
    keep = inlier.copy()
    for ring in np.unique(points.ring):
        of_ring = points.ring == ring
        if inlier[of_ring].sum() < max(3, 0.5 * of_ring.sum()):
            keep &= ~of_ring
    return points.select(keep if keep.any() else inlier)


def _scatter_along_rings(fit: GeometryFit, tangents: FloatArray, pixel: tuple[float, float]) -> float:
    """Scatter (px) that, added to the counting sigma.

    Brings chi squared about the ring means to its degrees of freedom; 0 where none is needed.
    """
    residual, sigma, ring = residuals_px(fit.geometry, fit.points, tangents, pixel), fit.points.sigma, fit.points.ring
    rings = np.unique(ring)
    freedom = max(len(ring) - len(rings) - sum(fit.free) + 1, 1)

    def excess(scatter: float) -> float:
        weight = 1.0 / (np.square(sigma) + scatter**2)
        total = 0.0
        for r in rings:
            m = ring == r
            mean = np.average(residual[m], weights=weight[m])
            total += float(np.sum(weight[m] * np.square(residual[m] - mean)))
        return total - freedom

    return 0.0 if excess(0.0) <= 0.0 else float(brentq(excess, 0.0, 10.0 * np.std(residual) + 1.0, xtol=1e-4))


def _scatter_between_rings(fit: GeometryFit, tangents: FloatArray, pixel: tuple[float, float]) -> float:
    """Relative shift of whole rings (one sigma) that their mean residuals ask for beyond their noise.

    NaN for fewer than three rings.
    """
    rings = np.unique(fit.points.ring)
    if len(rings) < 3:
        return float("nan")
    residual = residuals_px(fit.geometry, fit.points, tangents, pixel)
    weight = 1.0 / np.square(fit.points.sigma)
    radius = fit.geometry[0] * tangents[rings] / np.sqrt(pixel[0] * pixel[1])
    total = np.array([weight[fit.points.ring == r].sum() for r in rings])
    mean = np.array([np.sum((weight * residual)[fit.points.ring == r]) for r in rings]) / total
    relative, variance = mean / radius, 1.0 / (total * np.square(radius))

    def excess(shift: float) -> float:
        w = 1.0 / (variance + shift**2)
        return float(np.sum(w * np.square(relative - np.average(relative, weights=w)))) - (len(rings) - 1)

    return 0.0 if excess(0.0) <= 0.0 else float(brentq(excess, 0.0, 10.0 * np.std(relative) + 1e-3, xtol=1e-8))


def _correlation_inflation(fit: GeometryFit, tangents: FloatArray, pixel: tuple[float, float]) -> float:
    """(1 + c) / (1 - c) with c the correlation of neighbouring points on a ring.

    Where it is more than 2 sigma above zero; else 1.
    """
    residual = residuals_px(fit.geometry, fit.points, tangents, pixel) / fit.points.sigma
    centred = residual.copy()
    same = np.diff(fit.points.ring) == 0
    for ring in np.unique(fit.points.ring):
        centred[fit.points.ring == ring] -= np.mean(residual[fit.points.ring == ring])
    correlation = float(np.sum((centred[1:] * centred[:-1])[same]) / max(np.sum(np.square(centred)), 1e-12))
    if correlation < 2.0 / np.sqrt(max(same.sum(), 1)):
        return 1.0
    correlation = min(correlation, 0.9)
    return (1.0 + correlation) / (1.0 - correlation)


def with_or_without_tilts(
    points: RingPoints, tangents: FloatArray, pixel: tuple[float, float], start: FloatArray
) -> tuple[GeometryFit, str]:
    """The fit, and in words whether the data fix the tilts.

    Tilts are free where their sigma is below 0.05 degree; below 0.2 degree where the Bayesian information criterion
    asks for them (2 ln N); else only on overwhelming evidence (chi squared falls by 30).
    """
    flat = careful_fit(points, tangents, pixel, start, tilts=False)
    if len(np.unique(points.ring)) < 2 or len(points) < 12:
        return flat, "tilts fixed at 0: one ring cannot tell a tilt from a shift of the centre"
    tilted = careful_fit(points, tangents, pixel, start, tilts=True)
    sigma = float(tilted.sigmas[3:].max())
    rot1, rot2 = np.rad2deg(tilted.geometry[3:])
    gain = _gain(flat, tilted, tangents, pixel)
    size = f"sigma {np.rad2deg(sigma):.3f} deg, chi2 gain {gain:.1f}"
    said = f"free tilts would be rot1 {rot1:.3f}, rot2 {rot2:.3f} deg, {size}"
    needed = 2.0 * np.log(len(points)) if sigma < TILT_WORTH_TRYING else TILT_EVIDENT
    if sigma < TILT_ALWAYS or gain > needed:
        return tilted, f"tilts fitted: {size}"
    return flat, f"tilts fixed at 0: the data do not fix them ({said})"


def _gain(flat: GeometryFit, tilted: GeometryFit, tangents: FloatArray, pixel: tuple[float, float]) -> float:
    """Fall of chi squared when the tilts are freed, both on the points and scatters of the tilted fit."""
    between = 0.0 if np.isnan(tilted.ring_scatter) else tilted.ring_scatter
    same = fit_geometry(tilted.points, tangents, pixel, flat.geometry, tilts=False, ring_scatter=between)
    free = fit_geometry(tilted.points, tangents, pixel, tilted.geometry, tilts=True, ring_scatter=between)
    return (same.chi_squared - free.chi_squared) * tilted.chi_squared / max(free.chi_squared, 1e-12)


def tilt_coupling(
    fit: GeometryFit, tangents: FloatArray, pixel: tuple[float, float], tilt_rad: float
) -> tuple[float, float]:
    """Largest change of distance (m) and beam centre (px) where the detector is tilted and it is left out.

    Linear: the step of (distance, poni1, poni2) that answers a step of rot1 or rot2 in least squares, and where the
    beam then is.
    """
    between = 0.0 if np.isnan(fit.ring_scatter) else fit.ring_scatter
    size = np.array([fit.geometry[0], fit.geometry[0], fit.geometry[0], 1.0, 1.0])

    slopes = residual_slopes(fit.geometry, fit.points, tangents, pixel) * size
    jacobian = whitened(slopes, fit.points, tangents, fit.geometry[0], pixel, between)
    answer = -np.linalg.lstsq(jacobian[:, :3], jacobian[:, 3:], rcond=None)[0] * tilt_rad
    shifts = []
    here = np.array(beam_centre(fit.geometry, pixel))
    for i in range(2):
        step = np.concatenate([answer[:, i], tilt_rad * np.eye(2)[i]])
        shifts.append(float(np.hypot(*(np.array(beam_centre(fit.geometry + step * size, pixel)) - here))))
    return float(np.hypot(*answer[0])) * fit.geometry[0], max(shifts)


@dataclass(frozen=True)
class EnergyCoupling:
    """What rings of known spacing say about distance against energy.

    distance_slope: d ln(distance) / d ln(energy) along which the rings do not change; energy_ratio: energy that the
    rings alone would give over the one stated, and its sigma (large where only the product is known).
    """

    distance_slope: float
    energy_ratio: float
    energy_sigma: float


def energy_coupling(
    fit: GeometryFit, spacings_m: FloatArray, wavelength_m: float, pixel: tuple[float, float]
) -> EnergyCoupling:
    """One Gauss-Newton step with ln(wavelength) as a further parameter, from the fitted geometry."""
    free = np.array(fit.free)
    size = np.array([fit.geometry[0], fit.geometry[0], fit.geometry[0], 1.0, 1.0])[free]
    between = 0.0 if np.isnan(fit.ring_scatter) else fit.ring_scatter
    tangents = ring_tangents(spacings_m, wavelength_m)

    def weighted(step: FloatArray) -> FloatArray:
        geometry = fit.geometry.copy()
        geometry[free] += step[:-1] * size
        shifted = np.tan(2.0 * np.arcsin(wavelength_m * np.exp(step[-1]) / (2.0 * spacings_m[: len(tangents)])))
        residual = residuals_px(geometry, fit.points, shifted, pixel)
        return whitened(residual, fit.points, tangents, fit.geometry[0], pixel, between)

    zero = np.zeros(len(size) + 1)
    jacobian = numerical_jacobian(weighted, zero)
    slope = -np.linalg.lstsq(jacobian[:, :-1], jacobian[:, -1], rcond=None)[0][0]
    covariance = np.linalg.pinv(jacobian.T @ jacobian)
    if len(np.unique(fit.points.ring)) < 2:
        return EnergyCoupling(float(-slope), 1.0, float("inf"))
    step = -np.linalg.lstsq(jacobian, weighted(zero), rcond=None)[0]
    return EnergyCoupling(
        float(-slope), float(np.exp(np.clip(-step[-1], -3.0, 3.0))), float(np.sqrt(covariance[-1, -1]))
    )
