"""Mean thickness of all islands of a sample, of which only the thick ones are resolved.

A facet shows where it is wider than a few blurs, so that the islands whose thickness is known are the thicker ones, and their
mean is not that of the sample. The others are known to be thinner than a limit: censored, not missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_ndtr

from ..nouns import FloatArray

STEP = 1e-3  # of the spread, for second differences
NARROWEST = 0.01  # spread over the mean, at least


@dataclass(frozen=True)
class MeanThickness:
    """mean with sigma, and spread (standard deviation, 0: not known) of the islands of a sample; any unit of length."""

    mean: float
    sigma: float
    spread: float

    def below(self, limit: float) -> float:
        """Mean of the islands thinner than `limit`: mu - s phi(z) / Phi(z), z = (limit - mu) / s."""
        z = (limit - self.mean) / self.spread
        return float(max(self.mean - self.spread * np.exp(-0.5 * z * z - log_ndtr(z)) / np.sqrt(2.0 * np.pi), 0.0))


def mean_thickness(known: FloatArray, own: FloatArray, limits: FloatArray) -> MeanThickness:
    """Of a normal distribution: `known` with sigmas `own`, and one island measured thinner than each of `limits` (Tobin 1958),
    with the error that the known ones usually have.

    L = sum log N(T; mu, s^2 + own^2) + sum log Phi((limit - mu) / (s^2 + own^2)^(1/2)); sigma from its curvature, the spread
    being free.
    """
    usual = float(np.median(own))
    start = float(known.mean()), float(np.log(max(known.std(), 0.05 * known.mean())))
    floor = float(np.log(NARROWEST * known.mean()))

    def misfit(at: npt.NDArray[np.float64]) -> float:
        spread = np.exp(max(at[1], floor))
        variance = spread**2 + np.square(own)
        seen = 0.5 * (np.square(known - at[0]) / variance + np.log(variance)).sum()
        return float(seen - log_ndtr((limits - at[0]) / np.hypot(spread, usual)).sum())

    best = minimize(misfit, np.array(start), method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-8}).x
    spread = float(np.exp(max(best[1], floor)))
    step = np.array([STEP * spread, STEP])
    curvature = np.empty((2, 2))
    for i, j in ((0, 0), (0, 1), (1, 1)):
        a, b = step * np.eye(2)[i], step * np.eye(2)[j]
        corners = misfit(best + a + b) - misfit(best + a - b) - misfit(best - a + b) + misfit(best - a - b)
        curvature[i, j] = curvature[j, i] = corners / (4.0 * step[i] * step[j])
    free = curvature[0, 0] - curvature[0, 1] ** 2 / curvature[1, 1] if curvature[1, 1] > 0.0 else curvature[0, 0]
    least = float(np.hypot(spread, np.median(own)) / np.sqrt(len(known) + len(limits)))
    sigma = max(float(free**-0.5), least) if free > 0.0 else spread
    return MeanThickness(float(best[0]), sigma, spread)
