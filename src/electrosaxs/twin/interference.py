"""How dissolved particles of all sizes scatter together: hard or sticky spheres of core and solvated shell.

To first order in the density the pairs of all classes are summed, which is exact for any mixture; what comes beyond is that
of spheres of the mean volume (Percus-Yevick), decoupled from size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray
from ..nouns.imperfections import Imperfections
from ..physics.sphere_kernels import amplitude
from ..physics.structure_factor import decoupled, pair_exclusion, percus_yevick

POINTS = 400  # of q: the structure factor is smooth


@dataclass(frozen=True, eq=False)
class Interference:
    """q (n,) coarse; form (class, n): amplitudes in nm^3; wet (class,): contact diameters in nm; pairs (n, class, class):
    what two exclude, nm^3; stickiness of their surfaces."""

    q: FloatArray
    form: FloatArray
    wet: FloatArray
    pairs: FloatArray
    stickiness: float

    @classmethod
    def of(
        cls, wrong: Imperfections, q: FloatArray, diameter: FloatArray, solvated_shell: float
    ) -> Interference | None:
        """None where the particles do not see each other."""
        if wrong.interaction == "none":
            return None
        coarse = np.linspace(0.0, float(q[-1]), POINTS)
        stickiness = wrong.stickiness if wrong.interaction == "sticky" else np.inf
        wet = diameter + 2.0 * solvated_shell
        contact = 0.5 * (wet[:, None] + wet)
        pairs = pair_exclusion(coarse[:, None, None] * contact, contact, stickiness)
        return cls(coarse, np.stack([amplitude(coarse, float(d), 0.0) for d in diameter]), wet, pairs, stickiness)

    def change(self, number: FloatArray, q: FloatArray) -> FloatArray:
        """S(q) - 1 of `number` (class,) particles per nm^3, on q (bins,)."""
        total = float(number.sum())
        if total <= 0.0:
            return np.zeros(q.size)
        weighted = number[:, None] * self.form
        alone = number @ self.form**2
        first = -np.einsum("iq,qij,jq->q", weighted, self.pairs, weighted, optimize=True) / alone
        mean = float(np.cbrt(number @ self.wet**3 / total))
        whole = percus_yevick(self.q, 0.5 * mean, np.pi / 6.0 * total * mean**3, self.stickiness)
        beyond = whole + total * pair_exclusion(self.q * mean, np.array(mean), self.stickiness)
        beta = weighted.sum(axis=0) ** 2 / (total * alone)
        return np.interp(q, self.q, first + decoupled(beyond, beta) - 1.0)
