"""The flux between two neighbouring nodes, exponentially fitted, and its two terms.

Flux towards the anode: J = v phi + D d phi/dz. Between nodes at distance h the flux that is constant with the given end
values is J = (D/h) (B(-p) phi_above - B(p) phi_below), p = v h / D, B(x) = x / (exp(x) - 1): exact for the Boltzmann
profile, upwind for p >> 1, central for p << 1 (Scharfetter & Gummel 1969). Second order; adds D p^2 / 12 of diffusion.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..nouns import FloatArray

UPWIND_ONLY = 1e3
"""A Peclet number of a face that stands for infinity, where a column does not diffuse."""
LEAST, MOST = 1e-290, 700.0
"""B(x) is 1 below and next to nothing above, where exp(x) would leave the range of numbers."""
DOUBLINGS = 10


@njit(cache=True, nogil=True, error_model="numpy")
def bernoulli(x: float) -> float:
    """B(x) = x / (exp(x) - 1), relative error 2e-15 up to x = 40 and x 1e-16 beyond.

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


def face_coefficients(spacing: FloatArray, drift: FloatArray, diffusion: FloatArray) -> tuple[FloatArray, FloatArray]:
    """`node_coefficients` of the faces alone, (..., face, column), for drift (..., face, column)."""
    above, below = node_coefficients(spacing, drift.reshape(-1, *drift.shape[-2:]), diffusion)
    return above[:, 1:].reshape(drift.shape), below[:, 1:].reshape(drift.shape)


@njit(cache=True, nogil=True, error_model="numpy")
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


def face_values(phi: FloatArray, spacing: FloatArray, drift: FloatArray, diffusion: FloatArray) -> FloatArray:
    """phi on the inner faces, from the fitted profile between the nodes: share 1 / (1 + exp(-p/2)) of the upper node."""
    upwind = np.copysign(np.full(drift.shape, UPWIND_ONLY), drift)
    p = np.divide(drift * spacing[:, None], diffusion, out=upwind, where=diffusion > 0.0)
    share = 0.5 + 0.5 * np.tanh(0.25 * p)
    return np.asarray(share * phi[..., 1:, :] + (1.0 - share) * phi[..., :-1, :])


def flux_terms(
    phi: FloatArray,
    spacing: FloatArray,
    drift: FloatArray,
    diffusion: FloatArray,
    faces: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Drift and diffusion flux towards the anode (m/s) through the inner faces of phi (..., node, column).

    Drift is v times phi on the face (`faces`, where known); diffusion is D d phi/dz of the same profile. Their sum is the
    flux of the scheme.
    """
    from_above, from_below = face_coefficients(spacing, drift, diffusion)
    total = from_above * phi[..., 1:, :] - from_below * phi[..., :-1, :]
    drifting = drift * (face_values(phi, spacing, drift, diffusion) if faces is None else faces)
    return drifting, total - drifting
