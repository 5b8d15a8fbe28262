"""Sums over the q window and the integral below it, with their derivatives in the fitted parameters.

Parameters in the order scale, d, delta, background, skewness; nm and 1/nm.
"""

from __future__ import annotations

import numpy as np

from ...compiled import compiled
from ...physics.sphere_kernels import sphere_and_gradient, spheres_and_gradients

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(24)


@compiled()
def window_block(q, q2_dq, theta, particles, gradient, low):  # type: ignore[no-untyped-def]
    """For each frame of theta (frame, 5): particles (frame, q) = scale P, gradient (frame, 5) of the sum of
    q2_dq scale P, and low (frame,), the integral of q^2 scale P from 0 to the lower edge of the first bin.

    q2_dq (frame, q): q^2 dq, 0 where the bin is missing. The derivative in background stays 0.
    """
    slopes = np.empty((4, q.size))
    edge = q[0] - 0.5 * (q[1] - q[0])
    for f in range(theta.shape[0]):
        scale, d, delta, skewness = theta[f, 0], theta[f, 1], theta[f, 2], theta[f, 4]
        gradient[f] = 0.0
        spheres_and_gradients(q, d, delta, skewness, slopes[0], slopes[1], slopes[2], slopes[3])
        for k in range(q.size):
            p, by_d, by_delta, by_skewness = slopes[0, k], slopes[1, k], slopes[2, k], slopes[3, k]
            weight = q2_dq[f, k]
            particles[f, k] = scale * p
            gradient[f, 0] += weight * p
            gradient[f, 1] += weight * scale * by_d
            gradient[f, 2] += weight * scale * by_delta
            gradient[f, 4] += weight * scale * by_skewness
        low[f] = 0.0
        for n in range(NODES.size):
            node = 0.5 * edge * (NODES[n] + 1.0)
            p, _, _, _ = sphere_and_gradient(node, d, delta, skewness)
            low[f] += 0.5 * edge * NODE_WEIGHTS[n] * node * node * scale * p
