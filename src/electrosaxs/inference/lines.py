"""A line through few points with errors in both axes: York et al. 2004 as a likelihood, for values, logarithms or counts.

y is seen with its own statistics (`Values`, `PowerValues`, `PowerCounts`), x as x_true + errors with a covariance, which may
be shared by points. Unknown true x are part of the fit, so that Gaussian y gives York's solution exactly. What points scatter
beyond their sigmas is added to each of them until chi-squared is what it should be (Paule & Mandel 1982). A scatter that few
points tell is itself hardly known: sigma is then half the width that holds 68 % of a t distribution (Welch 1947).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, stdtr, stdtrit

from ..errors import FitError
from ..nouns import FloatArray

MOST_SCATTER = 10.0
"""In units of `spread` of what is seen: scatter beyond it is no trend."""
SMALL = 1e-4
MOST_STEPS, AT_REST = 200, 1e-8
"""Steps of a fit, and the squared length of a step in sigmas that ends it."""
HALVES = tuple(0.5**k for k in range(12))


class Seen(Protocol):
    """What was seen of each point whose expected (logarithm of) y is eta."""

    def deviance(self, eta: FloatArray) -> FloatArray:
        """Of each point: twice what the logarithm of its likelihood falls short of the best."""

    def score(self, eta: FloatArray) -> FloatArray:
        """Derivative of the log-likelihood by eta."""

    def information(self, eta: FloatArray) -> FloatArray:
        """Expected second derivative of the negative log-likelihood by eta."""

    def start(self) -> FloatArray:
        """A first eta of each point."""

    def spread(self) -> float:
        """A scale of eta over the points."""

    def scattered(self, scatter: float) -> Self:
        """The same with a further scatter of eta of one sigma."""


@dataclass(frozen=True, eq=False)
class Values:
    """y with Gaussian sigma; eta = y."""

    y: FloatArray
    sigma: FloatArray

    def deviance(self, eta: FloatArray) -> FloatArray:
        return np.asarray(np.square((self.y - eta) / self.sigma))

    def score(self, eta: FloatArray) -> FloatArray:
        return np.asarray((self.y - eta) / self.sigma**2)

    def information(self, eta: FloatArray) -> FloatArray:
        return np.asarray(self.sigma**-2.0)

    def start(self) -> FloatArray:
        return self.y

    def spread(self) -> float:
        return float(np.ptp(self.y)) or 1.0

    def scattered(self, scatter: float) -> Values:
        return replace(self, sigma=np.hypot(self.sigma, scatter))


@dataclass(frozen=True, eq=False)
class PowerValues:
    """y with Gaussian sigma, of any sign where sigma allows it; eta = ln of the expected y. A scatter is relative, of the
    expected y: a point that scattered low weighs no more than one that scattered high."""

    y: FloatArray
    sigma: FloatArray
    scatter: float = 0.0

    def deviance(self, eta: FloatArray) -> FloatArray:
        """With variance s^2 + (c mu)^2 of the expected mu: the quasi-deviance 2 int_mu^y (y - m) / (s^2 + c^2 m^2) dm
        (Wedderburn 1974), chi-squared where c = 0."""
        mean, s, c = np.exp(eta), self.sigma, self.scatter
        near = np.square(self.y - mean) / self._variance(mean)
        if c == 0.0:
            return np.asarray(near)
        seen, expected = c * self.y / s, c * mean / s
        angle = np.arctan2(seen - expected, 1.0 + seen * expected)
        exact = (2.0 * seen * angle - np.log1p(seen**2) + np.log1p(expected**2)) / c**2
        return np.asarray(np.where(np.abs(self.y - mean) < SMALL * mean, near, np.maximum(exact, 0.0)))

    def _variance(self, mean: FloatArray) -> FloatArray:
        return np.asarray(np.square(self.sigma) + np.square(self.scatter * mean))

    def score(self, eta: FloatArray) -> FloatArray:
        mean = np.exp(eta)
        return np.asarray((self.y - mean) * mean / self._variance(mean))

    def information(self, eta: FloatArray) -> FloatArray:
        mean = np.exp(eta)
        return np.asarray(np.square(mean) / self._variance(mean))

    def start(self) -> FloatArray:
        return np.log(np.maximum(self.y, 0.3 * self.sigma))

    def spread(self) -> float:
        return 1.0

    def scattered(self, scatter: float) -> PowerValues:
        return replace(self, scatter=float(np.hypot(self.scatter, scatter)))


@dataclass(frozen=True, eq=False)
class PowerCounts:
    """Counts over `exposure` (area), Poisson about exposure exp(eta) with a further relative variance `excess` (detection,
    field to field), as a gamma distribution: negative binomial."""

    counts: FloatArray
    exposure: FloatArray
    excess: FloatArray

    def deviance(self, eta: FloatArray) -> FloatArray:
        n, mean, v = self.counts, self.exposure * np.exp(eta), np.maximum(self.excess, 1e-12)
        off = n - mean
        near = np.square(off) / (mean + v * np.square(mean))
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.where(n > 0.0, n * np.log(n / mean), 0.0)
            exact = 2.0 * (own - (n + 1.0 / v) * np.log1p(v * off / (1.0 + v * mean)))
        return np.asarray(np.where(np.abs(off) < SMALL * mean, near, np.maximum(exact, 0.0)))

    def score(self, eta: FloatArray) -> FloatArray:
        mean = self.exposure * np.exp(eta)
        return np.asarray((self.counts - mean) / (1.0 + self.excess * mean))

    def information(self, eta: FloatArray) -> FloatArray:
        mean = self.exposure * np.exp(eta)
        return np.asarray(mean / (1.0 + self.excess * mean))

    def start(self) -> FloatArray:
        return np.log(np.maximum(self.counts, 0.5) / self.exposure)

    def spread(self) -> float:
        return 1.0

    def scattered(self, scatter: float) -> PowerCounts:
        return replace(self, excess=self.excess + scatter**2)


@dataclass(frozen=True, eq=False)
class LineThrough:
    """eta = intercept + slope (x - centre), with the covariance of (intercept, slope); scatter: of eta, one sigma, beyond
    the sigmas; chi_squared over `freedom` before it was added. tails: degrees of freedom of the t distribution of the
    slope's error, infinite where nothing scatters; the covariance is that of a normal one that is as wide at 68 %."""

    intercept: float
    slope: float
    centre: float
    covariance: FloatArray
    scatter: float
    chi_squared: float
    freedom: int
    tails: float = np.inf

    @property
    def slope_sigma(self) -> float:
        return float(np.sqrt(self.covariance[1, 1]))


def line_through(x: FloatArray, seen: Seen, *, x_covariance: FloatArray | None = None) -> LineThrough:
    """The most likely line. x (n,); x_covariance (n, n), None where x is exact. FitError where x does not vary."""
    if len(x) < 2 or np.ptp(x) <= 1e-9 * max(float(np.abs(x).max()), 1e-300):
        raise FitError("a line needs points at two places")
    root = _root(x_covariance, len(x))
    first = _fit(x, seen, root)
    if first.freedom < 1 or first.chi_squared <= first.freedom:
        return first

    def beyond(scatter: float) -> float:
        return _fit(x, seen.scattered(scatter), root).chi_squared - first.freedom

    most = MOST_SCATTER * seen.spread()
    scatter = most if beyond(most) > 0.0 else float(brentq(beyond, 0.0, most, xtol=1e-5 * most, rtol=1e-3))
    last = _fit(x, seen.scattered(scatter), root)
    tails = freedom_of_sum(first.covariance[1, 1], last.covariance[1, 1], first.freedom)
    wide = last.covariance * one_sigma(tails) ** 2
    return replace(last, covariance=wide, scatter=scatter, chi_squared=first.chi_squared, tails=tails)


def freedom_of_sum(known: float, total: float, freedom: int) -> float:
    """Degrees of freedom of the variance `total`, of which `known` is known and the rest is estimated from `freedom`
    residuals: freedom (total / rest)^2 (Welch 1947)."""
    rest = max(total - known, 0.0)
    return float(freedom * (total / rest) ** 2) if rest > 0.0 else float("inf")


def one_sigma(freedom: float) -> float:
    """Half the width that holds 68.3 % of a t distribution: 1.84 for one degree of freedom, 1.32 for two, 1 for many."""
    return 1.0 if np.isinf(freedom) else float(stdtrit(freedom, ndtr(1.0)))


def within(width: float, freedom: float) -> float:
    """Probability that a t distribution has within -`width` to `width`."""
    return float(1.0 - 2.0 * (ndtr(-width) if np.isinf(freedom) else stdtr(freedom, -width)))


def _root(covariance: FloatArray | None, size: int) -> FloatArray:
    """(n, m) with root root^T = covariance; m is 0 where x is exact."""
    if covariance is None:
        return np.zeros((size, 0))
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-12 * max(float(values.max()), 1e-300)
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))


def _fit(x: FloatArray, seen: Seen, root: FloatArray) -> LineThrough:
    """Fisher scoring with halved steps; parameters: intercept, slope, and what x is off by in units of the columns of
    `root`. FitError where it does not come to rest."""
    weights = np.maximum(seen.information(seen.start()), 1e-300)
    centre = float(np.average(x, weights=weights))
    off = x - centre
    slope, intercept = np.polyfit(off, seen.start(), 1, w=np.sqrt(weights / weights.max()))
    p = np.array([intercept, slope, *np.zeros(root.shape[1])])
    prior = np.diag([0.0, 0.0, *np.ones(root.shape[1])])

    def eta(p: FloatArray) -> FloatArray:
        return np.asarray(p[0] + p[1] * (off + root @ p[2:]))

    def total(p: FloatArray) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            found = float(np.sum(seen.deviance(eta(p))) + p[2:] @ p[2:])
        return found if np.isfinite(found) else np.inf

    best = total(p)
    for _ in range(MOST_STEPS):
        design = np.column_stack([np.ones_like(x), off + root @ p[2:], p[1] * root])
        curvature = design.T @ (seen.information(eta(p))[:, None] * design) + prior
        covariance = np.linalg.pinv(curvature, hermitian=True)
        step = covariance @ (design.T @ seen.score(eta(p)) - prior @ p)
        if float(step @ curvature @ step) < AT_REST:
            return LineThrough(float(p[0]), float(p[1]), centre, covariance[:2, :2], 0.0, best, len(x) - 2)
        share = next((share for share in HALVES if total(p + share * step) < best), None)
        if share is None:
            break
        p = p + share * step
        best = total(p)
    raise FitError("the line through the points is not determined: their sigmas are too large")


def interpolation(at: FloatArray, known: FloatArray, *, alike: float) -> tuple[FloatArray, FloatArray]:
    """Weights (at, known) of linear interpolation between the nearest `known` (ascending), and the share of each step;
    a row of NaN where `at` lies beyond them by more than `alike`, which also decides what is the same place."""
    weights = np.full((len(at), len(known)), np.nan)
    for row, place in zip(weights, at, strict=True):
        near = int(np.argmin(np.abs(known - place)))
        if abs(known[near] - place) <= alike:
            row[:] = 0.0
            row[near] = 1.0
        elif known[0] < place < known[-1]:
            k = int(np.searchsorted(known, place))
            share = (place - known[k - 1]) / (known[k] - known[k - 1])
            row[:] = 0.0
            row[k - 1 : k + 1] = 1.0 - share, share
    return weights, np.isfinite(weights).all(axis=1)
