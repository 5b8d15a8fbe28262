"""Which sizes a curve can see at all: the averaging kernel of its linear inversion.

Before the data the density per ln d may be of the order of the whole volume anywhere, smooth over `CORRELATION`; after them
the estimate is R times the truth, R = S F (1 + S F)^-1 with the prior's covariance S and the information F of the bins
once a flat background has been taken out (Rodgers 2000, section 3.1). A size
is observable where the estimate takes at least half of its weight from within 25 % of it. Below, particles look like
the flat background; above pi / q_min they have scattered before the first bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import FitError, bad_value
from ...nouns import FloatArray
from .basis import CORRELATION, SizeBasis
from .each_curve import FreeFormFit
from .inversion import BoolArray

NEAR = 0.25
"""Of ln d."""
LEAST_RESPONSE = 0.5


@dataclass(frozen=True, eq=False)
class Observability:
    """For one curve. response (node,): share of the estimate at each size that comes from there. components: independent
    numbers about the distribution that the bins hold (trace of R)."""

    diameter: FloatArray
    response: FloatArray
    components: float

    @property
    def observable(self) -> BoolArray:
        """(node,): one unbroken range of sizes, around the best seen."""
        good = self.response >= LEAST_RESPONSE
        best = int(np.argmax(self.response))
        if not good[best]:
            return np.zeros_like(good)
        gaps = np.flatnonzero(~good)
        low = max(gaps[gaps < best], default=-1) + 1
        high = min(gaps[gaps > best], default=good.size)
        place = np.arange(good.size)
        return (place >= low) & (place < high)

    @property
    def limits(self) -> tuple[float, float] | None:
        """Smallest and largest observable diameter (nm); None where none is."""
        seen = self.diameter[self.observable]
        return (float(seen[0]), float(seen[-1])) if seen.size else None

    def words(self) -> str:
        """What can be seen, in one sentence."""
        if self.limits is None:
            return "the curve is too weak to tell any size from another"
        low, high = self.limits
        below = "smaller particles cannot be told from a flat background"
        above = "larger ones scatter below the first bin"
        if low == self.diameter[0]:
            below = "smaller ones were not asked for"
        if high == self.diameter[-1]:
            above = "larger ones were not asked for"
        return (
            f"sizes from {low:.2g} to {high:.2g} nm are observable ({self.components:.0f} independent numbers); "
            f"{below}, {above}"
        )


def observability(basis: SizeBasis, weight: FloatArray, volume: float) -> Observability:
    """What bins with `weight` (q,) = 1 / variance see of particles of total `volume` (integral of the density).

    Raises FitError where volume is not positive.
    """
    if not volume > 0.0:
        raise bad_value(
            FitError,
            where="observable sizes",
            field="volume",
            value=volume,
            rule="must be above 0",
            remedy="give a curve in which particles are seen",
        )
    log_d = np.log(basis.diameter)
    response = basis.matrix / basis.diameter
    weighted = response * weight[:, None]
    flat = weighted.sum(axis=0)
    information = response.T @ weighted - np.outer(flat, flat) / weight.sum()
    distance = log_d[:, None] - log_d
    prior = volume**2 * np.exp(-0.5 * np.square(distance / CORRELATION))
    gain = prior @ information
    kernel = np.linalg.solve((np.eye(log_d.size) + gain).T, gain.T).T
    kernel[basis.diameter > np.pi / basis.q[basis.q > 0.0].min()] = 0.0
    own = np.sum(np.where(np.abs(distance) <= NEAR, kernel, 0.0), axis=1)
    return Observability(basis.diameter, own, float(np.trace(kernel)))


def observable_sizes(fit: FreeFormFit, frame: int = 0) -> Observability:
    """What the curve `frame` of an uncalibrated `fit` sees, with the weights and the volume of the fit itself."""
    volume = float(fit.density[frame] @ fit.basis.integral(np.ones_like))
    return observability(fit.basis, fit.weight[frame], volume)
