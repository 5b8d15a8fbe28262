"""The flux between two neighbouring nodes, exponentially fitted, and its two terms.

Flux towards the anode: J = v phi + D d phi/dz. Between nodes at distance h the flux that is constant with the given end
values is J = (D/h) (B(-p) phi_above - B(p) phi_below), p = v h / D, B(x) = x / (exp(x) - 1): exact for the Boltzmann
profile, upwind for p >> 1, central for p << 1 (Scharfetter & Gummel 1969). Second order; adds D p^2 / 12 of diffusion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..compiled import compiled
from ..nouns import FloatArray

UPWIND_ONLY = 1e3
"""A Peclet number of a face that stands for infinity, where a column does not diffuse."""
LEAST, MOST = 1e-290, 700.0
"""B(x) is 1 below and next to nothing above, where exp(x) would leave the range of numbers."""
DOUBLINGS = 10


@compiled(error_model="numpy")
def bernoulli(x: float) -> float:
    """B(x) = x / (exp(x) - 1), relative error 2e-15 up to x = 1, 3e-14 up to 100.

    exp(2y) - 1 = E (E + 2) with E = exp(y) - 1, a series for y = x / 1024: without a branch, so that a processor takes
    several at once, which it cannot with `expm1`.
    """
    size = min(max(abs(x), LEAST), MOST)
    y = size / 2.0**DOUBLINGS
    series = 1.0 + y / 8.0 * (1.0 + y / 9.0 * (1.0 + y / 10.0))
    series = 1.0 + y / 4.0 * (1.0 + y / 5.0 * (1.0 + y / 6.0 * (1.0 + y / 7.0 * series)))
    e = y * (1.0 + y / 2.0 * (1.0 + y / 3.0 * series))
    for _ in range(DOUBLINGS):
        e *= e + 2.0
    return size / e + max(-x, 0.0)


def node_coefficients(spacing: FloatArray, drift: FloatArray, diffusion: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(from_above, from_below) in m/s so that J = from_above phi_above - from_below phi_below below each node.

    spacing: (face,) m between nodes. drift: (profile, face, column) m/s towards the anode. diffusion: (column,) m2/s.
    Both results (profile, node, column) are not negative, and from_above - from_below = v: what makes the implicit step
    positive. There is no face below the first node: row 0 is 0. A column that does not diffuse is upwinded.
    """
    profiles, faces, columns = drift.shape
    above, below = np.empty((profiles, faces + 1, columns)), np.empty((profiles, faces + 1, columns))
    _fill(spacing, drift, diffusion, above, below)
    return above, below


@compiled(error_model="numpy")
def _fill(spacing, drift, diffusion, above, below):  # type: ignore[no-untyped-def]
    """Both coefficients of every face, (profile, node, column)."""
    for k in range(drift.shape[0]):
        peclet = below[k].reshape(-1)
        for i in range(diffusion.size):
            below[k, 0, i] = 0.0
        for j in range(spacing.size):
            for i in range(diffusion.size):
                d = diffusion[i]
                below[k, j + 1, i] = abs(drift[k, j, i]) * spacing[j] / d if d > 0.0 else UPWIND_ONLY
        for q in range(peclet.size):
            peclet[q] = bernoulli(peclet[q])
        for i in range(diffusion.size):
            above[k, 0, i], below[k, 0, i] = 0.0, 0.0
        for j in range(spacing.size):
            for i in range(diffusion.size):
                v, against = drift[k, j, i], diffusion[i] / spacing[j] * below[k, j + 1, i]
                above[k, j + 1, i] = against + max(v, 0.0)
                below[k, j + 1, i] = against + max(-v, 0.0)


@dataclass(frozen=True, eq=False)
class InnerFaces:
    """The faces between nodes at one drift: drift, above, below (face, column) in m/s, the latter two as in
    `node_coefficients`; share (face, column) of the upper node in phi on the face, 1 / (1 + exp(-p/2))."""

    drift: FloatArray
    above: FloatArray
    below: FloatArray
    share: FloatArray

    @classmethod
    def of(cls, spacing: FloatArray, drift: FloatArray, diffusion: FloatArray) -> Self:
        """For a drift (face, column) in m/s and the other arguments of `node_coefficients`."""
        above, below = node_coefficients(spacing, drift[None], diffusion)
        upwind = np.copysign(np.full(drift.shape, UPWIND_ONLY), drift)
        p = np.divide(drift * spacing[:, None], diffusion, out=upwind, where=diffusion > 0.0)
        return cls(drift, above[0, 1:], below[0, 1:], 0.5 + 0.5 * np.tanh(0.25 * p))

    def terms(self, phi: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """phi on the faces of a profile (node, column), from the fitted profile between the nodes, and the two terms of the
        flux towards the anode (m/s) through them.

        Drift is v times phi on the face; diffusion is D d phi/dz of the same profile. Their sum is the flux of the scheme.
        """
        on_face = self.share * phi[1:] + (1.0 - self.share) * phi[:-1]
        drifting = self.drift * on_face
        return on_face, drifting, self.above * phi[1:] - self.below * phi[:-1] - drifting
