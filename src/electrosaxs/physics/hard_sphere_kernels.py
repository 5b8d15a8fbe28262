"""The loop over bins behind the structure factor of hard spheres. Private: `structure_factor.percus_yevick` is the way in."""

from __future__ import annotations

import numpy as np

from ..compiled import compiled

SERIES_UP_TO = 2.0
TERMS = 31


@compiled()
def exponential_moments(x):  # type: ignore[no-untyped-def]
    """int_0^1 t^n exp(i x t) dt for n = 0, 1, 2, shape (3, x): recurrence for x > 2, where it is stable, else power
    series."""
    moments = np.zeros((3, x.size), dtype=np.complex128)
    for j in range(x.size):
        if x[j] > SERIES_UP_TO:
            turn, end = 1j * x[j], np.exp(1j * x[j])
            moments[0, j] = (end - 1.0) / turn
            moments[1, j] = (end - moments[0, j]) / turn
            moments[2, j] = (end - 2.0 * moments[1, j]) / turn
        else:
            term = 1.0 + 0.0j
            for k in range(1, TERMS + 1):
                for n in range(3):
                    moments[n, j] += term / (k + n)
                term *= 1j * x[j] / k
    return moments
