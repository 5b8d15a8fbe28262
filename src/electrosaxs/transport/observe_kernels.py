"""Weighted sums over the nodes of the profiles that a point in time lies between. Numba, private."""

from __future__ import annotations

import numpy as np

from ..compiled import compiled


@compiled(error_model="numpy")
def sums_between(weights, parts, which, before, profiles):  # type: ignore[no-untyped-def]
    """(2, time, column): row which[i] of `weights` (row, node) on profiles before[i] and before[i] + 1 (step, node, column).

    parts (row, 2): first node of a row that weighs something, and the one after the last.
    """
    sums = np.zeros((2, which.size, profiles.shape[2]))
    for i in range(which.size):
        row = which[i]
        for end in range(2):
            profile, total = profiles[before[i] + end], sums[end, i]
            for node in range(parts[row, 0], parts[row, 1]):
                weight = weights[row, node]
                for c in range(total.size):
                    total[c] += weight * profile[node, c]
    return sums
