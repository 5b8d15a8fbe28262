"""Small dense algebra of the free-form inversion: matrices of 30 to 100 rows, on the calling thread only.

A threaded linear-algebra library is slower here by a factor of 30 when its threads share the cores with ours; LAPACK's
Cholesky and solve, called from numba, take 1.3 to 2.6 times as long even on one thread.
"""

from __future__ import annotations

import numpy as np

from ...compiled import compiled


@compiled()
def weighted_square(matrix, weight):  # type: ignore[no-untyped-def]
    """M' diag(w) M for matrix (row, n), weight (row,)."""
    rows, n = matrix.shape
    out = np.zeros((n, n))
    for r in range(rows):
        if weight[r] != 0.0:
            for i in range(n):
                factor = weight[r] * matrix[r, i]
                for j in range(n):
                    out[i, j] += factor * matrix[r, j]
    return out


@compiled()
def product(a, b):  # type: ignore[no-untyped-def]
    """A B for a (m, k), b (k, n)."""
    out = np.zeros((a.shape[0], b.shape[1]))
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            factor = a[i, k]
            if factor != 0.0:
                for j in range(b.shape[1]):
                    out[i, j] += factor * b[k, j]
    return out


@compiled()
def solve_positive(matrix, right):  # type: ignore[no-untyped-def]
    """(X, ln det A) with A X = right (n, m), A = U'U symmetric positive definite (Cholesky); NaN where it is not."""
    n = matrix.shape[0]
    upper, x = matrix.copy(), right.copy()
    log_det = 0.0
    for k in range(n):
        if not upper[k, k] > 0.0:
            return np.full_like(x, np.nan), np.nan
        root = np.sqrt(upper[k, k])
        log_det += 2.0 * np.log(root)
        for j in range(k, n):
            upper[k, j] /= root
        for j in range(x.shape[1]):
            x[k, j] /= root
        for i in range(k + 1, n):
            factor = upper[k, i]
            for j in range(i, n):
                upper[i, j] -= factor * upper[k, j]
            for j in range(x.shape[1]):
                x[i, j] -= factor * x[k, j]
    for k in range(n - 1, -1, -1):
        for i in range(k + 1, n):
            factor = upper[k, i]
            for j in range(x.shape[1]):
                x[k, j] -= factor * x[i, j]
        for j in range(x.shape[1]):
            x[k, j] /= upper[k, k]
    return x, log_det
