"""How bright the reflections of a film should be: spheres, displacements, rings, and the two waves in the film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..nouns.base import FloatArray
from ..physics.sphere_kernels import squared_form_factor

DIAMETERS = np.linspace(0.3, 1.0, 36)  # of the distance of neighbours
SPREADS = (0.04, 0.06, 0.08, 0.11, 0.15)  # of the diameter
SCATTER = 0.6  # of the logarithm of an intensity about the model: shapes, orientations, absorption
LARGEST_SQUARE = 2.0  # nm^2: of the displacement
NEAR_ZERO, STEP, LONGEST = 1e-3, 0.01, 200.0  # of q d in the table of the form factor
LEAST_SPOTS = 4
LEVEL_ROUNDS = 3
UNSEEN = -60.0  # ln of the level of an image that shows none of the spots
UNLIKELY = 0.02  # of the likelihood of the best, from which on others count


@dataclass(frozen=True)
class Envelope:
    """ln intensity = level + ln P(q) - q^2 u^2 for a reflection with weight 1. diameter (nm) with spread (1) of the
    spheres; u (nm): displacement along one axis, its variance with sigma. likely: (weight, diameter, spread, variance) of all
    that explain the intensities nearly as well, the weights together 1."""

    level: float
    diameter: float
    spread: float
    square: float
    square_sigma: float
    likely: tuple[tuple[float, float, float, float], ...] = ()

    def log(self, q: FloatArray) -> FloatArray:
        """ln intensity over q (1/nm)."""
        return self.level + log_spheres(q, self.diameter, self.spread) - self.square * np.square(q)

    def leaning(self, q: FloatArray) -> FloatArray:
        """ln intensity over q (1/nm), its mean over what is likely, up to a constant: whose slope draws spots."""
        square = sum(weight * u2 for weight, _, _, u2 in self._likely)
        spheres = [weight * log_spheres(q, diameter, spread) for weight, diameter, spread, _ in self._likely]
        return np.asarray(np.sum(spheres, axis=0) - square * np.square(q))

    @property
    def _likely(self) -> tuple[tuple[float, float, float, float], ...]:
        return self.likely or ((1.0, self.diameter, self.spread, self.square),)


def log_spheres(q: FloatArray, diameter: float, spread: float) -> FloatArray:
    """ln P(q) / P(0) of spheres."""
    return np.asarray(np.interp(q * diameter, *_log_form(spread)))


@lru_cache(maxsize=16)
def _log_form(spread: float) -> tuple[FloatArray, FloatArray]:
    """q d and ln P / P(0) of spheres of this spread: a function of q d alone."""
    x = np.arange(0.0, LONGEST, STEP)
    form = squared_form_factor(np.maximum(x, NEAR_ZERO), 1.0, spread)
    return x, np.log(form) - np.log(form[0])


def fit_envelope(q: FloatArray, log_intensity: FloatArray, *, neighbour_nm: float, copies: float = 1.0) -> Envelope:
    """Spheres and displacement that explain ln of the weighted intensities (n,); flat where there are few spots. copies: how
    often each reflection was seen: what scatters about the model is its own, and says no more when it is seen again."""
    level = float(np.median(log_intensity)) if q.size else 0.0
    if q.size < LEAST_SPOTS:
        return Envelope(level, 0.5 * neighbour_nm, 0.15, 0.0, np.inf)
    diameters = DIAMETERS * neighbour_nm
    sizes = [(float(d), s) for s in SPREADS for d in diameters]
    foretold = [np.interp(np.multiply.outer(diameters, q), *_log_form(s)) for s in SPREADS]
    y = log_intensity - np.concatenate(foretold)  # (size, spot)
    square, weight = np.square(q), np.ones(y.shape)
    for _ in range(4):
        total, first, second = weight.sum(axis=1), (weight * square).sum(axis=1), (weight * square**2).sum(axis=1)
        mean, slope = (weight * y).sum(axis=1), (weight * y * square).sum(axis=1)
        determinant = total * (second + 1e-6) - first**2
        displaced = np.clip((mean * first - slope * total) / determinant, 0.0, LARGEST_SQUARE)
        levels = (mean + displaced * first) / total
        off = (y - levels[:, None] + displaced[:, None] * square) / SCATTER
        weight = 1.0 / (1.0 + np.square(off))
    cost = np.log1p(np.square(off)).sum(axis=1)
    best = int(np.argmin(cost))
    likely = np.exp(-(cost - cost[best]) / copies)
    centre = float((likely * displaced).sum() / likely.sum())
    between = float((likely * np.square(displaced - centre)).sum() / likely.sum())
    sigma = float(np.sqrt(copies * SCATTER**2 * total[best] / determinant[best] + between))
    some = np.flatnonzero(likely > UNLIKELY)
    share = likely[some] / likely[some].sum()
    told = tuple((float(w), *sizes[k], float(displaced[k])) for w, k in zip(share, some, strict=True))
    return Envelope(float(levels[best]), *sizes[best], float(displaced[best]), sigma, told)


def envelopes_of_images(parts: Sequence[tuple[FloatArray, FloatArray]], *, neighbour_nm: float) -> tuple[Envelope, ...]:
    """The envelope of one film, with each image's own level, for exposures differ: spheres and displacement are those of all
    images together. parts: q and ln of the weighted intensities of each image; one without any is foretold nothing."""
    counts = [q.size for q, _ in parts]
    if len(parts) == 1 or not any(counts):
        return tuple(fit_envelope(q, logs, neighbour_nm=neighbour_nm) for q, logs in parts)
    envelope = fit_envelope(*parts[int(np.argmax(counts))], neighbour_nm=neighbour_nm)
    shift = np.full(len(parts), UNSEEN)
    for _ in range(LEVEL_ROUNDS):
        for i, (q, logs) in enumerate(parts):
            shift[i] = float(np.median(logs - envelope.log(q))) if q.size else UNSEEN
        level = np.concatenate([logs - s for (_, logs), s in zip(parts, shift, strict=True)])
        envelope = fit_envelope(
            np.concatenate([q for q, _ in parts]), level, neighbour_nm=neighbour_nm, copies=sum(counts) / max(counts)
        )
    return tuple(
        replace(envelope, level=envelope.level + float(s) if q.size else UNSEEN)
        for (q, _), s in zip(parts, shift, strict=True)
    )
