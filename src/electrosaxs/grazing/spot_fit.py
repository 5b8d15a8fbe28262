"""One spot: an elliptical Gaussian of any direction on a sloping background, fitted to the pixels around it.

Model: b0 + b1 x + b2 y + A exp(-(x - c)' M (x - c) / 2), M = L L' with L lower triangular, so that the spot stays a spot.
Weights are the variances of the model itself (of counts: Poisson), renewed at every step, so that empty pixels of a weak
spot do not pull. The centre's covariance comes from the least squares, widened where the spot is no Gaussian.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from .noise import NoiseModel
from .spot_search import Candidate

HALF_WINDOW = 4.0  # widths of the candidate
SMALLEST_HALF, LARGEST_HALF = 5, 60
STEPS = 30
SETTLED = 1e-3  # pixels: smaller moves end the fit
PARAMETERS = 9
LEAST_WIDTH = 0.3  # pixels
AMPLITUDE, ROW, COLUMN, L0, L1, L2, BASE = range(7)  # two slopes follow


@dataclass(frozen=True, eq=False)
class FittedSpot:
    """Centre (row, column) with its covariance (2, 2), covariance of the spot's shape (2, 2), all in pixels; intensity:
    sum over the spot above the background, in the image's units, with sigma; background: per pixel at the centre; seen:
    share of the spot on usable pixels."""

    centre: FloatArray
    covariance: FloatArray
    shape: FloatArray
    intensity: float
    intensity_sigma: float
    background: float
    seen: float

    @property
    def signal_to_noise(self) -> float:
        """Intensity over its sigma."""
        return self.intensity / self.intensity_sigma

    @property
    def widths(self) -> FloatArray:
        """Standard deviations along the long and the short axis (pixels)."""
        return np.asarray(np.sqrt(np.linalg.eigvalsh(self.shape))[::-1])


def fit_spot(
    image: FloatArray, bad: npt.NDArray[np.bool_], noise: NoiseModel, at: Candidate, others: FloatArray
) -> FittedSpot | None:
    """The spot at a candidate's place, or None where there is none. others (n, 2): centres of the other candidates, whose
    pixels (those nearer to them) are left out."""
    half = int(np.clip(round(HALF_WINDOW * at.width), SMALLEST_HALF, LARGEST_HALF))
    for _ in range(2):
        fitted = _fit_window(image, bad, noise, at, others, half)
        if fitted is None:
            return None
        needed = int(np.clip(np.ceil(HALF_WINDOW * fitted.widths[0]), SMALLEST_HALF, LARGEST_HALF))
        if abs(needed - half) <= max(2, half // 5):
            break
        at = Candidate(fitted.centre[0], fitted.centre[1], float(fitted.widths[0]), at.significance)
        half = needed
    return fitted


def _fit_window(
    image: FloatArray, bad: npt.NDArray[np.bool_], noise: NoiseModel, at: Candidate, others: FloatArray, half: int
) -> FittedSpot | None:
    row, column = round(at.row), round(at.column)
    rows = slice(max(0, row - half), min(image.shape[0], row + half + 1))
    columns = slice(max(0, column - half), min(image.shape[1], column + half + 1))
    y, x = np.mgrid[rows, columns].astype(np.float64)
    apart = np.hypot(y - at.row, x - at.column)
    usable = ~bad[rows, columns] & (apart <= half + 0.5)
    for other in others[np.hypot(others[:, 0] - at.row, others[:, 1] - at.column) < 2.0 * half]:
        usable &= apart <= np.hypot(y - other[0], x - other[1])
    if np.count_nonzero(usable) < 2 * PARAMETERS:
        return None
    values, dy, dx = image[rows, columns][usable], y[usable] - at.row, x[usable] - at.column
    solved = _least_squares(values, dy, dx, noise, at.width)
    if solved is None:
        return None
    theta, covariance = solved
    inverse = np.array([[theta[L0], 0.0], [theta[L1], theta[L2]]])
    if not abs(theta[L0] * theta[L2]) > 1.0 / half**4:
        return None
    shape = np.linalg.inv(inverse @ inverse.T)
    widths = np.sqrt(np.linalg.eigvalsh(shape))
    moved = np.hypot(theta[ROW], theta[COLUMN])
    if not (moved < half and widths[0] > LEAST_WIDTH and widths[1] < half and theta[AMPLITUDE] > 0.0):
        return None
    volume = 2.0 * np.pi / abs(theta[L0] * theta[L2])
    by_intensity = np.zeros(PARAMETERS)  # of A volume
    by_intensity[[AMPLITUDE, L0, L2]] = volume * np.array([1.0, *(-theta[AMPLITUDE] / theta[[L0, L2]])])
    variance = by_intensity @ covariance @ by_intensity
    if not (np.isfinite(variance) and variance > 0.0):
        return None
    weight = _gaussian(theta, y - at.row, x - at.column)[0]
    seen = float((weight * ~bad[rows, columns]).sum() / max(volume, weight.sum()))
    return FittedSpot(
        np.array([at.row + theta[ROW], at.column + theta[COLUMN]]), covariance[ROW : COLUMN + 1, ROW : COLUMN + 1],
        shape, float(theta[AMPLITUDE] * volume), float(np.sqrt(variance)), float(theta[BASE]), seen,
    )  # fmt: skip


def _gaussian(theta: FloatArray, dy: FloatArray, dx: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """exp(-(u^2 + v^2) / 2) with (u, v) = L' (x - c), and u, v."""
    y, x = dy - theta[ROW], dx - theta[COLUMN]
    u, v = theta[L0] * y + theta[L1] * x, theta[L2] * x
    with np.errstate(over="ignore", invalid="ignore"):  # a trial step may make the spot as narrow as it likes
        return np.exp(-0.5 * (u * u + v * v)), u, v


def _least_squares(
    values: FloatArray, dy: FloatArray, dx: FloatArray, noise: NoiseModel, width: float
) -> tuple[FloatArray, FloatArray] | None:
    """Parameters and their covariance, by Levenberg and Marquardt with renewed weights; None where it does not settle."""
    base = (
        float(np.mean(np.sort(values)[: max(values.size // 2, 1)]))
        if not noise.counting
        else float(np.mean(values[np.hypot(dy, dx) > np.median(np.hypot(dy, dx))]))
    )
    near = np.hypot(dy, dx) <= max(width, 1.0)
    height = max(float(values[near].mean() if near.any() else values.max()) - base, 1e-3 * abs(base), 1e-6) * 1.5
    theta = np.array([height, 0.0, 0.0, 1.0 / width, 0.0, 1.0 / width, base, 0.0, 0.0])
    damping = 1e-2
    design = np.empty((values.size, PARAMETERS))
    design[:, BASE], design[:, BASE + 1], design[:, BASE + 2] = 1.0, dy, dx

    def model(t: FloatArray) -> FloatArray:
        return t[AMPLITUDE] * _gaussian(t, dy, dx)[0] + design[:, BASE:] @ t[BASE:]

    current = model(theta)
    for _ in range(STEPS):
        weight = 1.0 / noise.variance(current)
        shape, u, v = _gaussian(theta, dy, dx)
        high, y, x = theta[AMPLITUDE] * shape, dy - theta[ROW], dx - theta[COLUMN]
        design[:, AMPLITUDE] = shape
        design[:, ROW] = high * u * theta[L0]
        design[:, COLUMN] = high * (u * theta[L1] + v * theta[L2])
        design[:, L0], design[:, L1], design[:, L2] = -high * u * y, -high * u * x, -high * v * x
        weighted = design * weight[:, None]
        normal, gradient = design.T @ weighted, weighted.T @ (values - current)
        before = float(weight @ np.square(values - current))
        for _ in range(8):
            try:
                step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-300), gradient)
            except np.linalg.LinAlgError:
                return None
            step[L0:BASE] = np.clip(step[L0:BASE], -0.5 / width, 0.5 / width)
            trial = model(theta + step)
            if np.isfinite(trial).all() and weight @ np.square(values - trial) <= before * (1.0 + 1e-9):
                break
            damping *= 4.0
        else:
            break
        theta, current, damping = theta + step, trial, max(0.2 * damping, 1e-7)
        if np.hypot(step[ROW], step[COLUMN]) < SETTLED and abs(step[AMPLITUDE]) < 1e-3 * abs(theta[AMPLITUDE]):
            break
    reduced = float(np.mean(np.square(values - current) / noise.variance(current)))
    covariance = np.linalg.pinv(normal, rcond=1e-14) * max(reduced, 1.0)
    return (theta, np.asarray(covariance, dtype=np.float64)) if np.isfinite(covariance).all() else None
