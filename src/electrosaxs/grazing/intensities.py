"""How bright the reflections of a film should be: spheres, displacements, rings, and the two waves in the film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns.base import FloatArray
from ..physics.sphere_kernels import squared_form_factor

DIAMETERS = np.linspace(0.3, 1.0, 36)  # of the distance of neighbours
SPREADS = (0.04, 0.06, 0.08, 0.11, 0.15)  # of the diameter
SCATTER = 0.6  # of the logarithm of an intensity about the model: shapes, orientations, absorption
LARGEST_SQUARE = 2.0  # nm^2: of the displacement
NEAR_ZERO = 1e-3  # 1/nm
LEAST_SPOTS = 4


@dataclass(frozen=True)
class Envelope:
    """ln intensity = level + ln P(q) - q^2 u^2 for a reflection with weight 1. diameter (nm) with spread (1) of the
    spheres; u (nm): displacement along one axis, its variance with sigma."""

    level: float
    diameter: float
    spread: float
    square: float
    square_sigma: float

    def log(self, q: FloatArray) -> FloatArray:
        """ln intensity over q (1/nm)."""
        return self.level + log_spheres(q, self.diameter, self.spread) - self.square * np.square(q)


def log_spheres(q: FloatArray, diameter: float, spread: float) -> FloatArray:
    """ln P(q) / P(0) of spheres."""
    form = squared_form_factor(np.append(np.ravel(q), NEAR_ZERO), diameter, spread * diameter)
    return np.reshape(np.log(form[:-1]) - np.log(form[-1]), np.shape(q))


def fit_envelope(q: FloatArray, log_intensity: FloatArray, *, neighbour_nm: float) -> Envelope:
    """Spheres and displacement that explain ln of the weighted intensities (n,); flat where there are few spots."""
    level = float(np.median(log_intensity)) if q.size else 0.0
    if q.size < LEAST_SPOTS:
        return Envelope(level, 0.5 * neighbour_nm, 0.15, 0.0, np.inf)
    sizes = [(d, s) for d in DIAMETERS * neighbour_nm for s in SPREADS]
    y = log_intensity - np.array([log_spheres(q, float(d), s) for d, s in sizes])  # (size, spot)
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
    likely = np.exp(-(cost - cost[best]))
    centre = float((likely * displaced).sum() / likely.sum())
    between = float((likely * np.square(displaced - centre)).sum() / likely.sum())
    sigma = float(np.sqrt(SCATTER**2 * total[best] / determinant[best] + between))
    return Envelope(float(levels[best]), float(sizes[best][0]), sizes[best][1], float(displaced[best]), sigma)
