"""Where every kernel takes numba's `njit` from.

Numba's part for linear algebra asks, when the first kernel of a process is loaded, whether scipy has a BLAS, by importing
scipy.linalg: a fifth of a second of CPU in commands that need nothing else of it. That scipy is there, pyproject.toml says; so
the question is answered before it is asked. Kernels that do use linear algebra find scipy as before, when they are called.
"""

from __future__ import annotations

import numba.np.linalg as _linear_algebra
from numba import njit

__all__ = ["njit"]

_ensure_blas = _linear_algebra.ensure_blas
_linear_algebra.ensure_blas = lambda: None
try:
    import numba.np.arraymath as _array_math  # asks once, when it is imported
finally:
    _linear_algebra.ensure_blas = _ensure_blas
_array_math.ensure_blas = _ensure_blas
