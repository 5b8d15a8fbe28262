"""Nodes and weights of Gauss and Legendre on -1 to 1, each number of them computed once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..nouns.base import FloatArray


@lru_cache(maxsize=64)
def gauss_legendre(count: int) -> tuple[FloatArray, FloatArray]:
    """`count` nodes and their weights, both (count,) and not to be changed: every frame asks for the same ones."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    nodes.flags.writeable = weights.flags.writeable = False
    return nodes, weights
