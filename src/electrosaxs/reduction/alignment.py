"""Where the anode's surface is, from a beam of known height that it cuts: a knife edge of a Gaussian beam.

    T(h) = T_block + (T_open - T_block) Phi((h - h0) / s),        s = FWHM / 2.3548

h: stage height of the beam centre, h0: that of the surface, Phi: the normal distribution function. How noisy T is, is not
given: it is taken as constant and relative noise in the proportion that explains the residuals best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import ndtr, ndtri

from ..errors import CalibrationError, bad_value
from ..nouns import FloatArray, Number

FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
FEWEST = 5
LEAST_STEP = 0.3  # of T_open: a smaller fall is absorption or drift, not an edge
FLOORS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)  # constant noise over relative noise of the open beam, tried in turn
WILD = 8.0  # a residual beyond so many robust sigma is left out, one at a time, at most a fifth of the frames
EXACT_UM = 1e-3  # sigma where T has no noise at all: no stage is better


def open_fraction(height_um: npt.ArrayLike, fwhm_um: float) -> FloatArray:
    """Share of the beam above the surface, its centre `height_um` above it."""
    return np.asarray(ndtr(np.asarray(height_um, dtype=np.float64) * FWHM_PER_SIGMA / fwhm_um))


def effective_height(height_um: npt.ArrayLike, fwhm_um: float) -> FloatArray:
    """Mean height (um) of the open part of the beam: h + s phi(h/s) / Phi(h/s), 0.798 s for a beam centred on the surface.

    The mean of a truncated normal distribution; far above the surface it is the beam centre.
    """
    height = np.asarray(height_um, dtype=np.float64)
    spread = fwhm_um / FWHM_PER_SIGMA
    x = np.maximum(height / spread, -30.0)
    density = np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(np.maximum(x, height / spread) * spread + spread * density / np.maximum(ndtr(x), 1e-300))


def anode_height_from_alignment(height_um: npt.ArrayLike, transmission: npt.ArrayLike, *, fwhm_um: float) -> Number:
    """h0 (um) from frames of a homogeneous cell taken across the edge, both (frame,).

    Absent, with the reason, where the frames do not see an edge. Raises CalibrationError where the transmission falls with
    height: the stage counts the other way round.
    """
    height, light = _known(height_um, transmission)
    if height.size < FEWEST:
        return Number.absent("um", f"{height.size} usable frames: at least {FEWEST} are needed")
    order = np.argsort(height)
    height, light = height[order], light[order]
    ends = max(1, height.size // 5)
    low, high = float(np.median(light[:ends])), float(np.median(light[-ends:]))
    if abs(high - low) < LEAST_STEP * max(high, low):
        return Number.absent(
            "um", f"transmission changes from {low:.3g} to {high:.3g} over the frames: no edge is seen"
        )
    if high < low:
        raise bad_value(
            CalibrationError,
            where="alignment frames",
            field="height",
            value=f"transmission falls from {low:.3g} to {high:.3g} as the height rises",
            rule="heights must rise away from the anode",
            remedy="change the sign of height_um in the frame table",
        )
    kept = np.ones(height.size, dtype=bool)
    edge = _fit_edge(height, light, fwhm_um)
    for _ in range(height.size // 5):
        deviation = np.where(kept, np.abs(light - edge.curve(height)) / edge.shape(height), 0.0)
        worst = int(np.argmax(deviation))
        lit = kept & (edge.curve(height) > 0.02 * edge.opened)
        if deviation[worst] <= WILD * 1.4826 * float(np.median(deviation[lit])) + 1e-9:
            break
        kept[worst] = False
        edge = _fit_edge(height[kept], light[kept], fwhm_um)
    if not height[0] - fwhm_um < edge.height < height[-1] + fwhm_um:
        return Number.absent("um", "the edge lies outside the frames")
    left_out = f", {int((~kept).sum())} wild left out" if not kept.all() else ""
    source = f"knife edge through {int(kept.sum())} alignment frames{left_out}"
    return Number(edge.height, max(edge.sigma, EXACT_UM), "um", source)


@dataclass(frozen=True)
class _Edge:
    """A fitted edge: h0 and its sigma (um), open and blocked transmission, beam sigma (um), constant part of the noise."""

    height: float
    sigma: float
    opened: float
    blocked: float
    spread: float
    floor: float

    def curve(self, height: FloatArray) -> FloatArray:
        return self.blocked + (self.opened - self.blocked) * ndtr((height - self.height) / self.spread)

    def shape(self, height: FloatArray) -> FloatArray:
        """Standard deviation of T at `height` up to a factor."""
        return np.hypot(self.curve(height), self.floor)


def _fit_edge(height: FloatArray, light: FloatArray, fwhm_um: float) -> _Edge:
    """The best of FLOORS by restricted likelihood: residuals against noise scale x hypot(T, floor)."""
    candidates = [_edge_with_floor(height, light, fwhm_um, ratio) for ratio in FLOORS]
    return max(candidates, key=lambda pair: pair[0])[1]


def _edge_with_floor(height: FloatArray, light: FloatArray, fwhm_um: float, ratio: float) -> tuple[float, _Edge]:
    spread, opened = fwhm_um / FWHM_PER_SIGMA, float(np.max(light))
    middle = float(height[np.argmin(np.abs(light - 0.5 * opened))])
    floor = ratio * opened
    weight = 1.0 / np.hypot(light, floor)
    for _ in range(3):

        def residuals(p: FloatArray, weight: FloatArray = weight) -> FloatArray:
            return (p[1] * p[2] + p[1] * (1.0 - p[2]) * ndtr((height - p[0]) / spread) - light) * weight

        bounds = ([-np.inf, 0.0, 0.0], [np.inf, np.inf, 0.5])
        fit = least_squares(
            residuals, [middle, opened, 1e-6], bounds=bounds, x_scale=[spread, opened, 1e-2], xtol=1e-12, ftol=1e-14
        )
        h0, top, share = fit.x
        model = top * share + top * (1.0 - share) * ndtr((height - h0) / spread)
        weight = 1.0 / np.hypot(model, floor)
    # the blocked share is a free parameter only where it is not pressed to 0
    free = [0, 1, 2] if share > 1e-6 else [0, 1]
    dof = max(height.size - len(free), 1)
    square = max(float(np.sum(fit.fun**2)) / dof, 1e-30)
    curvature = fit.jac[:, free].T @ fit.jac[:, free]
    # the scale of the noise is itself estimated: variance of Student's t
    variance = float(np.linalg.pinv(curvature)[0, 0]) * square * dof / max(dof - 2, 1)
    # restricted log-likelihood: -1/2 [dof ln scale^2 - sum ln weight^2 + ln det J^T J]
    likelihood = -0.5 * (dof * np.log(square) - np.sum(np.log(weight**2)) + np.linalg.slogdet(curvature)[1])
    edge = _Edge(float(h0), float(np.sqrt(variance)), float(top), float(top * share), spread, floor)
    return float(likelihood), edge


def anode_height_from_scans(
    height_um: npt.ArrayLike, transmission: npt.ArrayLike, expected: npt.ArrayLike, *, fwhm_um: float
) -> Number:
    """h0 (um) from sample frames, all (frame,): the share of the beam that passes is T over `expected` (beam all open).

    `expected` follows from the frame's own volume fraction; what is wrong with it, as a factor common to all frames, is taken
    from the frames far above the lowest one. Each partly open frame gives h0 = h - s Phi^-1(share); frames in which the
    solution has become denser than at the start count less, because their beam is not uniform. Absent, with the reason,
    where no frame is partly blocked.
    """
    height, light, clear = (np.asarray(x, dtype=np.float64) for x in (height_um, transmission, expected))
    known = np.isfinite(height) & np.isfinite(light) & np.isfinite(clear) & (light > 0) & (clear > 0)
    height, share, depth = height[known], light[known] / clear[known], -np.log(clear[known])
    far = height > height.min() + 2.5 * fwhm_um if height.size else np.zeros(0, dtype=bool)
    if far.sum() < FEWEST:
        return Number.absent("um", f"fewer than {FEWEST} frames lie far above the lowest height to compare with")
    level = float(np.median(share[far]))
    scatter = 1.4826 * float(np.median(np.abs(share[far] / level - 1.0)))
    share = share / level
    partly = (share > 0.02) & (share < 0.98) & ~far
    if not partly.any():
        return Number.absent("um", "no frame is partly blocked by the anode")
    spread = fwhm_um / FWHM_PER_SIGMA
    quantile = ndtri(share[partly])
    estimate = height[partly] - spread * quantile
    uneven = 0.2 * np.abs(depth[partly] - np.median(depth[far]))
    relative = np.hypot(max(scatter, 1e-5), uneven)
    slope = np.exp(-0.5 * quantile**2) / np.sqrt(2.0 * np.pi) / spread  # d share / d h
    weight = np.square(slope / (share[partly] * relative))
    value = float(np.sum(weight * estimate) / weight.sum())
    spread_squared = float(np.sum(weight * (estimate - value) ** 2) / max(int(partly.sum()) - 1, 1))
    sigma = float(np.sqrt(max(1.0, spread_squared) / weight.sum()))
    return Number(
        value, max(sigma, EXACT_UM), "um", f"transmission of {int(partly.sum())} partly blocked sample frames"
    )


def _known(height_um: npt.ArrayLike, transmission: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    height, light = np.asarray(height_um, dtype=np.float64), np.asarray(transmission, dtype=np.float64)
    good = np.isfinite(height) & np.isfinite(light)
    return height[good], light[good]
