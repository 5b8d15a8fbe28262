"""The height of the anode from what it cuts out of the beam, and what a half-blocked beam sees.

The anode is a knife edge in a Gaussian beam: the share that passes above it, with the beam centre at stage height h,
is Phi((h - h0) / s), s = FWHM / (2 sqrt(2 ln 2)). How noisy a transmission is, is not given: it is estimated from the
scatter about the edge, as a constant and a relative part. The height is the mean of its posterior with the noise
integrated out (a Student distribution), whose standard deviation holds also for few frames and for steps wider than
the beam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import curve_fit
from scipy.special import fdtrc

from ..errors import CalibrationError, ShapeError, bad_value
from ..nouns import FloatArray, Number
from ..physics.beam import beam_deviation, relative_density, share_above

FEWEST_FRAMES = 5
NOISE_FLOOR = 5e-6  # of the largest transmission: keeps a table without noise from giving a sigma of 0
NOISE_SHAPES = (np.inf, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
"""Constant over relative noise, compared by their likelihood."""
EDGE_EVIDENCE = 4.0  # -log10 of the probability (F test) that frames without an edge look like this
WILD = 8.0  # robust sigma beyond which a frame is left out, at most one in eight
OPEN = 0.97  # share of the beam above which a frame counts as open
UNEVEN = 0.2  # of the optical depth that a frame has more than the open ones: its beam is not evenly absorbed (chosen)
GRID = 401
WIDTH_PASSES = 4
CLEARLY, OTHER_WIDTH = 4.0, 0.05  # sigmas and share (chosen) from which on a beam is of another width than said

CHANGES = 0.5
"""Of the most that passes in any frame (chosen): where less does in another, the transmission changes."""
STEADY = "the transmission does not change over the frames: no edge is seen"
NOT_AS_AN_EDGE = (
    "the transmission changes, and not with the height as where an edge cuts the beam: no edge is seen (do the rows have the"
    " transmission of their own frames?)"
)


@dataclass(frozen=True)
class AnodeHeight(Number):
    """Stage height (um) at which half of the beam is blocked, a Number; value None where the frames do not say it.

    frames: used, left_out: as wild; noise: of an open frame's transmission, relative, from the scatter about the edge
    with degrees_of_freedom (no chi squared beside it, since no noise is given).
    """

    frames: int = 0
    left_out: int = 0
    noise: float = float("nan")
    degrees_of_freedom: int = 0


def anode_height_from_alignment(
    height_um: npt.ArrayLike, transmission: npt.ArrayLike, *, fwhm_um: float
) -> AnodeHeight:
    """h0 (um) from frames of a homogeneous cell taken across the edge, both (frame,), NaN left out.

    Absent, with the reason, where the frames do not see both sides of an edge. Raises CalibrationError where the
    transmission falls with height: the stage counts the other way.
    """
    height, light = _known(height_um, transmission)
    spread = beam_deviation(fwhm_um)
    if height.size < FEWEST_FRAMES:
        return _absent(f"{height.size} usable frames: at least {FEWEST_FRAMES} are needed")
    rising, falling = (_fit_edge(sign * height, light, spread, blocked=True) for sign in (1.0, -1.0))
    if max(rising.evidence, falling.evidence) < EDGE_EVIDENCE:
        return _absent(NOT_AS_AN_EDGE if light.min() < CHANGES * light.max() else STEADY)
    if falling.evidence > rising.evidence:
        raise bad_value(
            CalibrationError,
            where="alignment frames",
            field="height",
            value=f"transmission falls at {-falling.height:.4g} um as the height rises",
            rule="heights must rise away from the anode",
            remedy="change the sign of height_um in the frame table",
        )
    if not height.min() <= rising.height <= height.max():
        return _absent("the frames do not reach both sides of the edge")
    left_out = f", {rising.left_out} wild left out" if rising.left_out else ""
    return rising.number(f"knife edge through {rising.frames} alignment frames{left_out}")


def anode_height_from_scans(
    height_um: npt.ArrayLike,
    transmission: npt.ArrayLike,
    expected: npt.ArrayLike,
    *,
    fwhm_um: float,
) -> AnodeHeight:
    """h0 (um) from sample frames, all (frame,): the share of the beam that passes is T over `expected` (beam all open).

    `expected` follows from the frame's own volume fraction; a factor common to all frames is taken from the open
    ones. Frames in which the solution has become denser than usual count less, because their beam is not evenly
    absorbed. Absent, with the reason, where no frame is partly blocked.
    """
    light, clear = np.asarray(transmission, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    height, share, clear = _known(height_um, light / np.where(clear > 0.0, clear, np.nan), clear)
    if height.size < FEWEST_FRAMES:
        return _absent(f"{height.size} usable frames: at least {FEWEST_FRAMES} are needed")
    spread = beam_deviation(fwhm_um)
    depth = -np.log(clear)
    scatter = max(_scatter_between_repeats(height, share), 1e-3)
    relative = np.hypot(scatter, UNEVEN * (depth - np.median(depth)))
    edge = _fit_edge(height, share, spread, blocked=False, relative=relative)
    passing = share_above(height - edge.height, spread)
    if edge.evidence < EDGE_EVIDENCE or passing.min() > OPEN:
        return _absent(f"no frame is partly blocked by the anode (the lowest is at {height.min():.4g} um)")
    if passing.max() < OPEN:
        return _absent("no frame is fully open: what the solution transmits is not calibrated")
    return edge.number(f"transmission of {int((passing < OPEN).sum())} partly blocked sample frames")


def fitted_edge(
    height_um: npt.ArrayLike, transmission: npt.ArrayLike, spread: float
) -> tuple[_Edge, FloatArray, FloatArray, FloatArray] | None:
    """The edge of alignment frames in a beam of this deviation, with the height, light and weight of each usable frame."""
    height, light = _known(height_um, transmission)
    if height.size < FEWEST_FRAMES:
        return None
    edge = _fit_edge(height, light, spread, blocked=True)
    return edge, height, light, edge_weights(edge.height, height, light, spread)


def beam_width_from_alignment(height_um: npt.ArrayLike, transmission: npt.ArrayLike, *, fwhm_um: float) -> Number:
    """FWHM (um) of the Gaussian beam that alignment frames (frame,) show; fwhm_um: what it is said to be.

    Least squares of shut + (open - shut) Phi((h - h0) / s) with s free, sigma from the scatter about it; weights are those of
    the fitted width. Absent where the edge does not tell it.
    """
    height, light = _known(height_um, transmission)
    spread = beam_deviation(fwhm_um)
    unit = fwhm_um / spread
    if height.size < FEWEST_FRAMES or _fit_edge(height, light, spread, blocked=True).evidence < EDGE_EVIDENCE:
        return Number.absent("um", "no edge is seen")

    def passed(z: FloatArray, place: float, opened: float, shut: float, s: float) -> FloatArray:
        return np.asarray(shut + (opened - shut) * share_above(z - place, abs(s)))

    middle = float(height[np.argmin(np.abs(light - 0.5 * light.max()))])
    fit, weight = np.array([middle, light.max(), light.min(), spread]), np.ones(height.size)
    for _ in range(WIDTH_PASSES):
        try:
            fit, covariance = curve_fit(passed, height, light, p0=fit, sigma=1.0 / np.sqrt(weight))
        except RuntimeError:
            return Number.absent("um", "the edge fits no beam")
        weight = edge_weights(float(fit[0]), height, light, abs(float(fit[3])))
    width, sigma = unit * abs(float(fit[3])), unit * float(np.sqrt(covariance[3, 3]))
    if not 0.0 < sigma < width:
        return Number.absent("um", "the edge does not tell the width of the beam")
    return Number(width, sigma, "um", f"knife edge through {height.size} alignment frames")


def is_other_width(seen: Number, fwhm_um: float, fwhm_sigma_um: float = 0.0) -> bool:
    """Whether `beam_width_from_alignment` shows a beam of another width than it is said to have."""
    if seen.value is None or seen.sigma is None:
        return False
    return abs(seen.value - fwhm_um) > max(CLEARLY * float(np.hypot(seen.sigma, fwhm_sigma_um)), OTHER_WIDTH * fwhm_um)


def edge_weights(edge_um: float, height: FloatArray, light: FloatArray, spread: float) -> FloatArray:
    """(frame,) 1 for the noisiest frame of an edge at `edge_um` in a beam of standard deviation `spread` (um)."""
    opened = float(light.max())
    return _noise_weights((edge_um, opened, 0.0), height, light, spread, True, NOISE_FLOOR * opened)


def _absent(why: str) -> AnodeHeight:
    return AnodeHeight(None, None, "um", why)


def _known(height_um: npt.ArrayLike, *columns: npt.ArrayLike) -> tuple[FloatArray, ...]:
    """The rows in which every column is finite; ShapeError where lengths differ."""
    arrays = [np.asarray(a, dtype=np.float64).ravel() for a in (height_um, *columns)]
    if len({a.size for a in arrays}) != 1:
        raise ShapeError(f"heights and transmissions have lengths {[a.size for a in arrays]}: they must be one length")
    good = np.logical_and.reduce([np.isfinite(a) for a in arrays])
    return tuple(a[good] for a in arrays)


def _scatter_between_repeats(height: FloatArray, share: FloatArray) -> float:
    """Robust relative scatter of the upper half of the frames about their median."""
    upper = share[height >= np.median(height)]
    level = float(np.median(upper))
    return 1.4826 * float(np.median(np.abs(upper / level - 1.0)))


@dataclass(frozen=True)
class _Edge:
    """Posterior mean and standard deviation of h0; evidence: -log10 of the chance that there is no edge."""

    height: float
    sigma: float
    evidence: float
    freedom: int
    frames: int
    left_out: int
    noise: float

    def number(self, source: str) -> AnodeHeight:
        """As a Number."""
        return AnodeHeight(
            self.height,
            self.sigma,
            "um",
            source,
            frames=self.frames,
            left_out=self.left_out,
            noise=self.noise,
            degrees_of_freedom=self.freedom,
        )


def _fit_edge(
    height: FloatArray,
    light: FloatArray,
    spread: float,
    *,
    blocked: bool,
    relative: FloatArray | None = None,
) -> _Edge:
    """Robust start, wild points left out, weights, then the posterior.

    `relative`: noise over transmission where it is known.
    """
    steps = max(GRID, int(np.ptp(height) / (0.2 * spread)))
    wide = np.linspace(height.min() - 3.0 * spread, height.max() + 3.0 * spread, min(steps, 5 * GRID))
    floor = NOISE_FLOOR * float(np.abs(light).max())
    share = share_above(height - wide[:, None], spread)
    start, residual = _robust_start(wide, share, light, blocked, floor)
    usual = max(1.4826 * float(np.median(np.abs(residual))), floor)
    wild = np.abs(residual) > WILD * usual
    wild &= wild.sum() <= max(1, light.size // 8)
    height, light, share = height[~wild], light[~wild], np.compress(~wild, share, axis=1)
    model = np.maximum(_curve(start, height, spread), 0.01 * start[1])
    if relative is None:
        weight = _noise_weights(start, height, light, spread, blocked, floor)
    else:
        weight = np.square(1.0 / (relative[~wild] * model))
    fitted = 2 + int(blocked)
    freedom = max(light.size - fitted, 1)

    on_wide = _solve(share, light, weight, blocked)[0]
    least_noise = freedom * floor**2 * float(weight.mean())
    if relative is not None:  # a stated noise may be too small, but it is not made smaller
        least_noise += max(freedom - float(on_wide.min()), 0.0)

    def misfit(grid: FloatArray) -> FloatArray:
        if grid is wide:
            return on_wide + least_noise
        return _solve(share_above(height - grid[:, None], spread), light, weight, blocked)[0] + least_noise

    mean, sigma, least = _posterior(wide, misfit, freedom)
    flat = float(np.sum(weight * np.square(light - np.average(light, weights=weight))))
    ratio = max(flat - least, 0.0) / (fitted - 1) / (least / freedom)
    with np.errstate(divide="ignore"):  # beyond 300 decades it is as good as certain
        evidence = -float(np.log10(fdtrc(fitted - 1, freedom, ratio)))
    noise = float(np.sqrt(least / freedom / weight[np.argmax(model)])) / float(model.max())
    return _Edge(mean, sigma, evidence, freedom, light.size, int(wild.sum()), noise)


def _curve(edge: tuple[float, float, float], height: FloatArray, spread: float) -> FloatArray:
    """T(h) = shut + (open - shut) Phi((h - h0) / s) for edge = (h0, open, shut)."""
    h0, opened, shut = edge
    return np.asarray(shut + (opened - shut) * share_above(height - h0, spread))


def _solve(
    p: FloatArray, light: FloatArray, weight: FloatArray, blocked: bool
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Least weighted square, open and shut transmission for every h0, each (h0,).

    T = open P + shut (1 - P), open >= shut >= 0 (shut = 0 unless `blocked`). p: P = Phi((h - h0) / s), (h0, point);
    weight broadcasts to it.
    """
    q = 1.0 - p
    weight = np.broadcast_to(weight, p.shape)
    wp, wq = weight * p, weight * q
    pp, pq, qq = (np.einsum("hp,hp->h", a, b) for a, b in ((wp, p), (wp, q), (wq, q)))
    pt, qt, tt = wp @ light, wq @ light, weight @ np.square(light)
    opened, shut = pt / np.maximum(pp, 1e-300), np.zeros_like(pt)
    if blocked:
        determinant = np.maximum(pp * qq - pq * pq, 1e-14 * pp * qq + 1e-300)
        rest = (pp * qt - pq * pt) / determinant
        opened = np.where(rest > 0.0, (qq * pt - pq * qt) / determinant, opened)
        shut = np.maximum(rest, 0.0)
        level = (pt + qt) / (pp + 2.0 * pq + qq)
        falls = opened < shut
        opened, shut = np.where(falls, level, opened), np.where(falls, level, shut)
    square = tt - 2.0 * (opened * pt + shut * qt) + opened**2 * pp + 2.0 * opened * shut * pq + shut**2 * qq
    return np.maximum(square, 0.0), opened, shut


def _robust_start(
    grid: FloatArray, share: FloatArray, light: FloatArray, blocked: bool, floor: float
) -> tuple[tuple[float, float, float], FloatArray]:
    """(h0, open, shut) of least absolute deviation, by re-weighting at every h0 of the grid, share (h0, frame) open.

    And the residuals about it.
    """
    weight = np.ones_like(share)
    for _ in range(8):
        _, opened, shut = _solve(share, light, weight, blocked)
        residual = light - shut[:, None] - (opened - shut)[:, None] * share
        weight = 1.0 / np.maximum(np.abs(residual), floor + 1e-300)
    best = int(np.argmin(np.abs(residual).sum(axis=-1)))
    return (float(grid[best]), float(opened[best]), float(shut[best])), residual[best]


def _noise_weights(
    start: tuple[float, float, float],
    height: FloatArray,
    light: FloatArray,
    spread: float,
    blocked: bool,
    floor: float,
) -> FloatArray:
    """Weights, 1 for the noisiest point, for sigma^2 ~ c^2 open^2 + T^2.

    c is the one of `NOISE_SHAPES` with the largest restricted likelihood (Patterson & Thompson 1971) of the
    residuals.
    """
    model = _curve(start, height, spread) / max(abs(start[1]), 1e-300)
    share, bell = share_above(height - start[0], spread), relative_density(height - start[0], spread)
    design = np.stack([share, bell, 1.0 - share] if blocked else [share, bell], axis=1)
    best, chosen = -np.inf, np.ones(light.size)
    for shape in NOISE_SHAPES:
        variance = np.ones(light.size) if np.isinf(shape) else shape**2 + np.square(model)
        weight = variance.max() / variance
        root = np.sqrt(weight)
        solution, *_ = np.linalg.lstsq(design * root[:, None], light * root, rcond=None)
        square = float(np.sum(weight * (np.square(light - design @ solution) + floor**2)))
        _, determinant = np.linalg.slogdet(design.T @ (design * weight[:, None]) + 1e-12 * np.eye(design.shape[1]))
        likelihood = np.log(weight).sum() - determinant - (light.size - design.shape[1]) * np.log(square)
        if likelihood > best:
            best, chosen = likelihood, weight
    return chosen


def _posterior(
    grid: FloatArray, misfit: Callable[[FloatArray], FloatArray], freedom: int
) -> tuple[float, float, float]:
    """Mean and standard deviation of h0 under misfit^(-(freedom + 1) / 2), on a grid refined until it resolves them.

    Flat prior in h0, 1/sigma in the noise. Also the least misfit.
    """
    for _ in range(12):
        square = misfit(grid)
        density = np.exp(-0.5 * (freedom + 1) * np.log(square / square.min()))
        mean = float(np.average(grid, weights=density))
        sigma = float(np.sqrt(np.average(np.square(grid - mean), weights=density)))
        step = float(grid[1] - grid[0])
        if sigma > 4.0 * step:
            break
        reach = max(10.0 * sigma, 3.0 * step)
        grid = np.linspace(mean - reach, mean + reach, GRID)
    return mean, sigma, float(square.min())
