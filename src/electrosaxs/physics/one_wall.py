"""Particles of one size that drift in front of a wall which nothing passes: the exact profile of a homogeneous start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray

SHORTEST_S = 1e-9  # in which nothing has moved


def above_a_wall(
    height: npt.ArrayLike, time: npt.ArrayLike, drift: npt.ArrayLike, diffusion: npt.ArrayLike
) -> FloatArray:
    """phi over that of the start, at `height` above the wall, `time` after the field came on (earlier: 1); drift: towards the
    wall where positive, away from it where negative. Units go together (SI); arguments broadcast.

    With x = (z + v t) / root(4 D t) and y = (z - v t) / root(4 D t)

        phi = 1 - erfc(x) / 2 + (1 + v (v t - z) / D) exp(-v z / D) erfc(y) / 2 + v root(t / (pi D)) exp(-x^2)

    from the transition density of Brownian motion with drift above a reflecting plane (Chandrasekhar 1943); holds in front of
    one of two walls while v t and root(D t) are short against the gap.
    """
    from scipy.special import erfc, erfcx  # a quarter of a second: only where frames are analysed

    z, t, v, diffusion = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (height, time, drift, diffusion))
    )
    t = np.maximum(t, SHORTEST_S)  # before the field is on all is as at the start
    root = np.sqrt(4.0 * diffusion * t)
    x, y = (z + v * t) / root, (z - v * t) / root
    gaussian = np.exp(-np.square(x))  # exp(-v z / D) is this times exp(y^2)
    with np.errstate(over="ignore"):
        near = np.exp(-np.maximum(v, 0.0) * z / diffusion) * erfc(np.minimum(y, 0.0))
    image = np.where(y < 0.0, near, gaussian * erfcx(np.maximum(y, 0.0)))
    growth = 1.0 + v * (v * t - z) / diffusion
    return np.asarray(1.0 - 0.5 * erfc(x) + 0.5 * growth * image + v * np.sqrt(t / (np.pi * diffusion)) * gaussian)
