"""Moments of the diameter distribution: number-weighted mean d, deviation delta, skewness (0: a normal).

The third-moment (Gram-Charlier) distribution is the normal plus skewness delta^3 / 6 times minus its third derivative:
a moment of order n is the normal's plus skewness delta^3 / 6 times the normal's third derivative in d.
"""

from __future__ import annotations

from math import comb

import numpy as np
import numpy.typing as npt

from ..errors import ShapeError
from ..nouns.base import FloatArray

HIGHEST_MOMENT = 8
_NORMAL_EVEN = (1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 15.0, 0.0, 105.0)
"""<z^n> of a standard normal."""


def gaussian_moment(n: int, d: npt.ArrayLike, delta: npt.ArrayLike) -> FloatArray:
    """<d^n> of a normal: sum over k of C(n, k) d^(n-k) delta^k <z^k>; nm^n, n from 0 to 8, broadcasts.

    Raises ShapeError for another n.
    """
    if not 0 <= n <= HIGHEST_MOMENT:
        raise ShapeError(f"moment {n} of the diameter: it must be between 0 and {HIGHEST_MOMENT}; use a lower order")
    d, delta = np.asarray(d, dtype=np.float64), np.asarray(delta, dtype=np.float64)
    terms = (comb(n, k) * d ** (n - k) * delta**k * _NORMAL_EVEN[k] for k in range(0, n + 1, 2))
    return np.asarray(sum(terms, start=np.zeros(np.broadcast(d, delta).shape)))


def skewed_moment(n: int, d: npt.ArrayLike, delta: npt.ArrayLike, skewness: npt.ArrayLike) -> FloatArray:
    """<d^n> with a third moment: the normal's + skewness delta^3 C(n, 3) <d^(n-3)>; nm^n, broadcasts."""
    normal = gaussian_moment(n, d, delta)
    if n < 3:
        return normal
    third = np.asarray(skewness, dtype=np.float64) * np.asarray(delta, dtype=np.float64) ** 3
    return np.asarray(normal + third * comb(n, 3) * gaussian_moment(n - 3, d, delta))


def mean_volume(d: npt.ArrayLike, delta: npt.ArrayLike, skewness: npt.ArrayLike = 0.0) -> FloatArray:
    """<V> = pi <d^3> / 6 (nm^3)."""
    return np.pi / 6.0 * skewed_moment(3, d, delta, skewness)


def shell_volume_ratio(
    d: npt.ArrayLike, delta: npt.ArrayLike, shell: npt.ArrayLike, skewness: npt.ArrayLike = 0.0
) -> FloatArray:
    """R = <(d + 2 s)^3> / <d^3>: volume of core + shell of thickness s per side (nm) over that of the cores."""
    coated = np.asarray(d, dtype=np.float64) + 2.0 * np.asarray(shell, dtype=np.float64)
    return np.asarray(skewed_moment(3, coated, delta, skewness) / skewed_moment(3, d, delta, skewness))
