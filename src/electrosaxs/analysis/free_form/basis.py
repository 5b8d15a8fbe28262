"""What a size distribution may look like before the data speak: nodes, and smooth modes of its logarithm.

The number density is n(d) = exp(s(d)), never negative. s is a parabola in d (with it alone n is a normal distribution,
the fit of `sphere_fit`) plus a Gaussian process over ln d with correlation length `CORRELATION` and amplitude tau:

    s(d) = c_0 + c_1 t + c_2 t^2 + sum_k c_k m_k(d),   t linear in d,   c_k normal with deviation tau.

tau = 0 is the normal, so that the data pay for every departure from it (Silverman, Ann. Stat. 10, 795 (1982), with the
third derivative as penalty; Rasmussen & Williams 2006, section 2.7, for explicit trends beside a process).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...nouns import FloatArray
from ...physics.sphere_matrix import hat_integrals, particle_volume, sphere_matrix

NODE_STEP = 0.04
"""Of ln d: a third of the correlation length, so that the nodes do not show."""
CORRELATION = 0.12
"""Of ln d (chosen): the 7.1 +- 1.1 nm of the paper are 0.155 wide, clusters of 3.0 +- 0.3 nm 0.10 (decision 0005)."""
LEAST_VARIANCE = 1e-4
"""Modes with less of the largest mode's variance are left out."""
TREND = 3
RESOLUTIONS = 18.0
"""Largest node in units of pi / q_max, the distance that the curve resolves; pi / q_min where that is smaller."""


def default_diameters(q: FloatArray) -> FloatArray:
    """Nodes (nm) from pi / q_max to the smaller of 18 pi / q_max and pi / q_min, 4 % apart."""
    positive = q[q > 0.0]
    low = np.pi / positive.max()
    high = min(RESOLUTIONS * low, np.pi / positive.min())
    return np.exp(np.arange(np.log(low), np.log(max(high, 2.0 * low)) + NODE_STEP, NODE_STEP))


@dataclass(frozen=True, eq=False)
class SizeBasis:
    """Nodes `diameter` (nm), bins `q` (1/nm) and dry shell per side (nm), with everything that follows from them."""

    q: FloatArray
    diameter: FloatArray
    shell: float

    @classmethod
    def of(cls, q: FloatArray, *, shell: float, diameter: FloatArray | None = None) -> SizeBasis:
        """The basis for curves over q; the default nodes where none are given. Raises ShapeError for bad nodes."""
        nodes = default_diameters(q) if diameter is None else np.asarray(diameter, dtype=np.float64)
        return cls(np.asarray(q, dtype=np.float64), nodes, shell)

    @cached_property
    def matrix(self) -> FloatArray:
        """(q, node): intensity of a unit of volume density, relative scale."""
        return sphere_matrix(self.q, self.diameter, self.shell)

    @cached_property
    def volume(self) -> FloatArray:
        """v(d) of the particles at the nodes over that at the middle node: density = v exp(s)."""
        v = particle_volume(self.diameter, self.shell)
        return np.asarray(v / v[v.size // 2])

    @cached_property
    def modes(self) -> FloatArray:
        """(node, mode): the parabola's three, then those of the process with unit amplitude."""
        d, log_d = self.diameter, np.log(self.diameter)
        t = (2.0 * d - d[0] - d[-1]) / (d[-1] - d[0])
        distance = (log_d[:, None] - log_d) / CORRELATION
        variance, shape = np.linalg.eigh(np.exp(-0.5 * distance**2))
        kept = variance > LEAST_VARIANCE * variance[-1]
        process = shape[:, kept] * np.sqrt(variance[kept])
        return np.ascontiguousarray(np.column_stack([np.ones_like(t), t, t * t, process]))

    @cached_property
    def narrow(self) -> FloatArray:
        """(node, population): densities of narrow populations of unit volume at each node, half as wide as the correlation."""
        log_d = np.log(self.diameter)
        shape = np.exp(-0.5 * np.square((log_d[:, None] - log_d) / (0.5 * CORRELATION)))
        return np.asarray(shape / (self.integral(np.ones_like) @ shape))

    def integral(
        self, weight: Callable[[FloatArray], FloatArray], limits: tuple[float, float] | None = None
    ) -> FloatArray:
        """Vector w (node,) with w @ density = integral of weight(d) density(d) dd between `limits`."""
        return hat_integrals(weight, self.diameter, limits)
