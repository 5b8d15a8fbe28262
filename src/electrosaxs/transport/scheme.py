"""The flux between two neighbouring nodes, exponentially fitted, and its two terms.

Flux towards the anode: J = v phi + D d phi/dz. Between nodes at distance h the flux that is constant with the given end
values is J = (D/h) (B(-p) phi_above - B(p) phi_below), p = v h / D, B(x) = x / (exp(x) - 1): exact for the Boltzmann
profile, upwind for p >> 1, central for p << 1 (Scharfetter & Gummel 1969). Second order; adds D p^2 / 12 of diffusion.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..nouns import FloatArray

SERIES_BELOW = 1e-4
UPWIND_ONLY = 1e3
"""A Peclet number of a face that stands for infinity, where a column does not diffuse."""


@njit(cache=True, nogil=True, error_model="numpy")
def bernoulli(x: float) -> float:
    """B(x) = x / (exp(x) - 1); 1 - x/2 + x^2/12 near 0."""
    if abs(x) < SERIES_BELOW:
        return 1.0 - 0.5 * x + x * x / 12.0
    return x / math.expm1(x)


def face_coefficients(spacing: FloatArray, drift: FloatArray, diffusion: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(from_above, from_below) in m/s so that J = from_above phi_above - from_below phi_below.

    spacing: (face,) m between nodes. drift: (..., face, column) m/s towards the anode. diffusion: (column,) m2/s.
    Both results are not negative, and from_above - from_below = v: what makes the implicit step positive.
    A column that does not diffuse is upwinded.
    """
    above, below = np.empty(drift.shape), np.empty(drift.shape)
    whole = (-1, *drift.shape[-2:])
    _fill(spacing, drift.reshape(whole), diffusion, above.reshape(whole), below.reshape(whole))
    return above, below


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(spacing, drift, diffusion, above, below):  # type: ignore[no-untyped-def]
    """Both coefficients of every face, (profile, face, column)."""
    for k in range(drift.shape[0]):
        for j in range(spacing.size):
            h = spacing[j]
            for i in range(diffusion.size):
                v, d = drift[k, j, i], diffusion[i]
                against = d / h * bernoulli(abs(v * h / d)) if d > 0.0 else 0.0
                above[k, j, i] = against + max(v, 0.0)
                below[k, j, i] = against + max(-v, 0.0)


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
