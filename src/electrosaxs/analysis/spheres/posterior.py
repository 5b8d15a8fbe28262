"""The posterior of the sizes of one curve: diameter and deviation on a grid, what enters linearly integrated exactly.

I = scale (P_0(q; d, delta) + skewness P_3(q; d, delta)) + background, with noise of known variance. At every (d, delta) the
curve is linear in scale, scale x skewness and background, whose integral over a flat prior of scale and background and the
normal prior of the skewness is Gaussian:

    p(d, delta | I) ~ exp(-chi^2_least / 2) / (scale sqrt det A),    A = X^T W X + prior

with the prior of scale x skewness taken at the scale that the place itself asks for, and d and delta flat within the bounds of
the fit (O'Hagan & Forster 2004, ch. 9, on linear nuisance parameters). Where counts are many this is the covariance of the fit;
where delta is hardly seen it is not, and says on which side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns.base import FloatArray
from .fit import BinNoise, SphereFit
from .kernels import NARROWEST, WIDEST, log_evidence

NODES = 25
REACH = 5.0
"""The grid: so many nodes along either axis, over so many deviations to either side of the middle."""
PASSES = 5
ALIKE = 0.25
"""A grid whose middle and deviations are those of its own posterior, within this share of a deviation, is the last one."""
FIRST_GUESS = 0.2
"""Relative deviation of d and delta where the fit gives none, as at a bound."""
ONE_SIGMA = 0.682689492137


@dataclass(frozen=True, eq=False)
class SpherePosterior:
    """Places (place, 2) of d and delta in nm, and the probability (place,) of each; they sum to 1."""

    places: FloatArray
    probability: FloatArray

    @property
    def mean(self) -> FloatArray:
        """Of d and delta (nm), (2,)."""
        return self.probability @ self.places

    @property
    def covariance(self) -> FloatArray:
        """Of d and delta (nm^2), (2, 2)."""
        away = self.places - self.mean
        return np.asarray((self.probability[:, None] * away).T @ away)

    def quantiles(self, levels: FloatArray) -> FloatArray:
        """d and delta (level, 2) in nm below which these shares of the probability lie."""
        return np.stack([self._quantiles(k, levels) for k in range(2)], axis=1)

    def interval(self, share: float) -> FloatArray:
        """Lower and upper end of d and delta (2, 2) in nm: as much of the probability lies below as above."""
        return self.quantiles(np.array([0.5 - 0.5 * share, 0.5 + 0.5 * share]))

    def _quantiles(self, k: int, levels: FloatArray) -> FloatArray:
        values, which = np.unique(np.round(self.places[:, k], 12), return_inverse=True)
        share = np.bincount(which, self.probability)
        edges = np.concatenate([values[:1], 0.5 * (values[1:] + values[:-1]), values[-1:]])
        return np.interp(levels, np.concatenate([[0.0], np.cumsum(share)]), edges)


def sphere_posterior(noise: BinNoise, fit: SphereFit, frame: int = 0) -> SpherePosterior | None:
    """The posterior of one curve from its fit on; None where the fit did not converge, or the grid finds no end.

    Where the noise is only known up to a factor, it is that of the fit's residuals.
    """
    if not fit.converged[frame] or not fit.scale[frame] > 0.0:
        return None
    used = noise.used[frame]
    q, y = noise.q[used], noise.intensity[frame, used]
    model = fit.model(noise.q)[:, used]
    variance = noise.variance(fit.model(noise.q))[frame, used] + noise.solvent_variance[frame, used]
    if noise.unknown:
        variance = variance * float(np.sum((y - model[frame]) ** 2 / variance)) / fit.degrees_of_freedom[frame]
    middle = np.array([fit.diameter[frame], fit.deviation[frame]])
    spread = fit.covariance[frame, 1:3, 1:3]
    if not (np.all(np.diag(spread) > 0.0) and np.linalg.det(spread) > 0.0):
        spread = np.diag((FIRST_GUESS * middle) ** 2)
    bounds = np.array([1.0 / noise.q.max(), 2.0 * np.pi / noise.q[noise.q > 0.0].min()])
    for _ in range(PASSES):
        places, shape = _grid(middle, spread, bounds)
        evidence = log_evidence(q, y, 1.0 / variance, places)
        weight = np.exp(evidence - evidence.max())
        found = SpherePosterior(places, weight / weight.sum())
        moved = np.abs(np.linalg.solve(shape, found.mean - middle)).max()
        ratio = np.sqrt(np.diag(found.covariance) / np.diag(spread))
        if moved < ALIKE and np.all(np.abs(ratio - 1.0) < ALIKE):
            return found
        middle, spread = found.mean, found.covariance + np.diag((1e-3 * found.mean) ** 2 * 1e-3)
    return None


def _grid(middle: FloatArray, spread: FloatArray, bounds: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Places (place, 2) along the axes of a covariance (2, 2), those within the bounds of the fit; and its root."""
    shape = np.asarray(np.linalg.cholesky(spread), dtype=np.float64)
    steps = np.linspace(-REACH, REACH, NODES)
    u, v = (a.ravel() for a in np.meshgrid(steps, steps, indexing="ij"))
    places = middle + np.stack([u, v], axis=1) @ shape.T
    d, delta = places.T
    inside = (d >= bounds[0]) & (d <= bounds[1]) & (delta >= NARROWEST * d) & (delta <= WIDEST * d)
    return np.ascontiguousarray(places[inside]), np.asarray(shape)
