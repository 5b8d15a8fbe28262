"""How many particles make a nucleus that grows rather than dissolves: from the power of the flux in the density of islands.

Rate equations of growth from a vapour (Venables et al. 1984): the density of islands rises as flux^x, with x set by the
critical size i, the largest cluster that is still more likely to lose a particle than to gain one. Here the flux of particles
takes the place of the vapour's.
"""

from __future__ import annotations


def critical_size_of_complete_condensation(exponent: float) -> float:
    """i of x = i / (i + 2): two-dimensional islands that take up all that arrives, diffusion is what limits them."""
    return 2.0 * exponent / (1.0 - exponent)


def critical_size_of_slow_attachment(exponent: float) -> float:
    """i of x = 2 i / (i + 3): islands that take up particles slowly, attachment is what limits them."""
    return 3.0 * exponent / (2.0 - exponent)
