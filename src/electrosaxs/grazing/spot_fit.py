"""One spot: an elliptical Gaussian of any direction on a sloping background, fitted to the pixels around it; or two of one
shape, where two reflections lie so near that they look like one.

Model: b0 + b1 x + b2 y + sum over spots of A exp(-(x - c)' M (x - c) / 2), M = L L' with L lower triangular, so that a spot
stays a spot.
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
OF_EACH = 3  # parameters that each spot has for itself: height and centre
LEAST_WIDTH = 0.3  # pixels
AMPLITUDE, ROW, COLUMN, L0, L1, L2, BASE = range(
    7
)  # of one spot; two slopes follow. Those of more spots go ahead, the last one's last


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


def fit_pair(
    image: FloatArray,
    bad: npt.NDArray[np.bool_],
    noise: NoiseModel,
    one: FittedSpot,
    places: FloatArray,
    others: FloatArray,
) -> tuple[list[FittedSpot], float] | None:
    """Two spots of one shape where one was found, from first places (2, 2); and by how much chi-squared is less than that of
    one spot in the same pixels, over what it is per pixel. None where there are no two."""
    middle, reach = places.mean(axis=0), float(np.linalg.norm(places[1] - places[0])) / 2.0
    half = int(np.clip(round(HALF_WINDOW * one.widths[1] + reach), SMALLEST_HALF, LARGEST_HALF))
    window = _window(image, bad, middle, others, half)
    if window is None:
        return None
    pair = _least_squares(window, noise, float(one.widths[1]), places - middle)
    alone = _least_squares(window, noise, float(one.widths[0]), (one.centre - middle)[None])
    if pair is None or alone is None:
        return None
    made = [_made(pair[0], pair[1], number, middle, window, half) for number in range(2)]
    if made[0] is None or made[1] is None:
        return None
    variance = noise.variance(_model(pair[0], window))
    off, before = (np.square(window.values - _model(t, window)) / variance for t in (pair[0], alone[0]))
    return [made[0], made[1]], float((before - off).sum() / max(off.mean(), 1.0))


@dataclass(frozen=True, eq=False)
class _Window:
    """Values of the pixels that count and where they lie from the middle; dy, dx of all pixels of the window, and which are
    used by nothing."""

    values: FloatArray
    dy: FloatArray
    dx: FloatArray
    all_dy: FloatArray
    all_dx: FloatArray
    bad: npt.NDArray[np.bool_]


def _window(
    image: FloatArray, bad: npt.NDArray[np.bool_], middle: FloatArray, others: FloatArray, half: int
) -> _Window | None:
    """The pixels within `half` of a place, but those nearer to others (n, 2); None where they are too few."""
    row, column = round(middle[0]), round(middle[1])
    rows = slice(max(0, row - half), min(image.shape[0], row + half + 1))
    columns = slice(max(0, column - half), min(image.shape[1], column + half + 1))
    y, x = np.mgrid[rows, columns].astype(np.float64)
    apart = np.hypot(y - middle[0], x - middle[1])
    usable = ~bad[rows, columns] & (apart <= half + 0.5)
    for other in others[np.hypot(others[:, 0] - middle[0], others[:, 1] - middle[1]) < 2.0 * half]:
        usable &= apart <= np.hypot(y - other[0], x - other[1])
    if np.count_nonzero(usable) < 2 * PARAMETERS:
        return None
    dy, dx = y - middle[0], x - middle[1]
    return _Window(image[rows, columns][usable], dy[usable], dx[usable], dy, dx, bad[rows, columns])


def _fit_window(
    image: FloatArray, bad: npt.NDArray[np.bool_], noise: NoiseModel, at: Candidate, others: FloatArray, half: int
) -> FittedSpot | None:
    middle = np.array([at.row, at.column])
    window = _window(image, bad, middle, others, half)
    if window is None:
        return None
    solved = _least_squares(window, noise, at.width, np.zeros((1, 2)))
    return None if solved is None else _made(*solved, 0, middle, window, half)


def _made(
    theta: FloatArray, covariance: FloatArray, number: int, middle: FloatArray, window: _Window, half: int
) -> FittedSpot | None:
    """One of the spots that were fitted, None where it is none."""
    first, shared = OF_EACH * number, theta.size - PARAMETERS
    own = np.array([*range(first, first + OF_EACH), *range(shared + L0, theta.size)])
    theta, covariance = theta[own], covariance[np.ix_(own, own)]
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
    weight = _gaussian(theta, window.all_dy, window.all_dx)[0]
    seen = float((weight * ~window.bad).sum() / max(volume, weight.sum()))
    return FittedSpot(
        middle + theta[[ROW, COLUMN]], covariance[ROW : COLUMN + 1, ROW : COLUMN + 1],
        shape, float(theta[AMPLITUDE] * volume), float(np.sqrt(variance)), float(theta[BASE]), seen,
    )  # fmt: skip


def _gaussian(
    theta: FloatArray, dy: FloatArray, dx: FloatArray, number: int = 0
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """exp(-(u^2 + v^2) / 2) with (u, v) = L' (x - c), and u, v, of one of the spots."""
    own, shared = OF_EACH * number, theta.size - PARAMETERS
    y, x = dy - theta[own + ROW], dx - theta[own + COLUMN]
    u, v = theta[shared + L0] * y + theta[shared + L1] * x, theta[shared + L2] * x
    with np.errstate(over="ignore", invalid="ignore"):  # a trial step may make the spot as narrow as it likes
        return np.exp(-0.5 * (u * u + v * v)), u, v


def _model(theta: FloatArray, window: _Window) -> FloatArray:
    """Spots and background at the pixels of a window."""
    shared, dy, dx = theta.size - PARAMETERS, window.dy, window.dx
    background = theta[shared + BASE] + theta[shared + BASE + 1] * dy + theta[shared + BASE + 2] * dx
    spots = [theta[OF_EACH * n] * _gaussian(theta, dy, dx, n)[0] for n in range(1 + shared // OF_EACH)]
    return np.asarray(sum(spots) + background)


def _slopes(theta: FloatArray, window: _Window) -> FloatArray:
    """Derivatives (pixel, parameter) of the model."""
    shared = theta.size - PARAMETERS
    design = np.zeros((window.values.size, theta.size))
    design[:, shared + BASE], design[:, shared + BASE + 1], design[:, shared + BASE + 2] = 1.0, window.dy, window.dx
    l0, l1, l2 = theta[shared + L0 : shared + BASE]
    for own in range(0, shared + 1, OF_EACH):
        shape, u, v = _gaussian(theta, window.dy, window.dx, own // OF_EACH)
        high, y, x = theta[own + AMPLITUDE] * shape, window.dy - theta[own + ROW], window.dx - theta[own + COLUMN]
        design[:, own + AMPLITUDE] = shape
        design[:, own + ROW] = high * u * l0
        design[:, own + COLUMN] = high * (u * l1 + v * l2)
        design[:, shared + L0] -= high * u * y
        design[:, shared + L1] -= high * u * x
        design[:, shared + L2] -= high * v * x
    return design


def _first_guess(window: _Window, noise: NoiseModel, width: float, at: FloatArray) -> FloatArray:
    """Round spots of a width at places (n, 2), as bright as the pixels there."""
    values, away = window.values, np.hypot(window.dy, window.dx)
    base = (
        float(np.mean(np.sort(values)[: max(values.size // 2, 1)]))
        if not noise.counting
        else float(np.mean(values[away > np.median(away)]))
    )
    spots = []
    for row, column in at:
        near = np.hypot(window.dy - row, window.dx - column) <= max(width, 1.0)
        level = float(values[near].mean() if near.any() else values.max())
        spots += [max(level - base, 1e-3 * abs(base), 1e-6) * 1.5, row, column]
    return np.array([*spots, 1.0 / width, 0.0, 1.0 / width, base, 0.0, 0.0])


def _least_squares(
    window: _Window, noise: NoiseModel, width: float, at: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Parameters and their covariance, by Levenberg and Marquardt with renewed weights, of as many spots as there are first
    places (n, 2); None where it does not settle."""
    values, theta, damping = window.values, _first_guess(window, noise, width, at), 1e-2
    shape = slice(theta.size - PARAMETERS + L0, theta.size - PARAMETERS + BASE)
    current = _model(theta, window)
    for _ in range(STEPS):
        weight, design = 1.0 / noise.variance(current), _slopes(theta, window)
        weighted = design * weight[:, None]
        normal, gradient = design.T @ weighted, weighted.T @ (values - current)
        before = float(weight @ np.square(values - current))
        for _ in range(8):
            try:
                step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-300), gradient)
            except np.linalg.LinAlgError:
                return None
            step[shape] = np.clip(step[shape], -0.5 / width, 0.5 / width)
            trial = _model(theta + step, window)
            if np.isfinite(trial).all() and weight @ np.square(values - trial) <= before * (1.0 + 1e-9):
                break
            damping *= 4.0
        else:
            break
        theta, current, damping = theta + step, trial, max(0.2 * damping, 1e-7)
        own = step[: OF_EACH * len(at)].reshape(-1, OF_EACH)
        settled = np.hypot(own[:, ROW], own[:, COLUMN]) < SETTLED
        if (settled & (np.abs(own[:, 0]) < 1e-3 * np.abs(theta[: own.size : OF_EACH]))).all():
            break
    reduced = float(np.mean(np.square(values - current) / noise.variance(current)))
    covariance = np.linalg.pinv(normal, rcond=1e-14) * max(reduced, 1.0)
    return (theta, np.asarray(covariance, dtype=np.float64)) if np.isfinite(covariance).all() else None
