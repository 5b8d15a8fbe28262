"""Size classes of a held flux from the reference frames: those of a Gaussian where it fits them, else free-form sizes.

Large particles gather at the wall, small ones stay away from it: the shape of the distribution is in phi at the wall (6 %
between a normal one and one with a tail of small particles whose curve it fits as well as it can, docs/decisions/0076).
"""

from __future__ import annotations

import numpy as np

from ...analysis.free_form.basis import SizeBasis
from ...analysis.free_form.each_curve import free_form_sizes
from ...nouns import FloatArray
from ...transport import SizeClasses
from ..analyse.misfit import NO_SIZES, POOR
from ..analyse.standards import Standards

LEAST_TAIL = 1e-3
"""Of the volume at either end of free-form sizes that no curve tells from none (chosen)."""


def measured_classes(standard: Standards, sizes_nm: tuple[float, float] | None, classes: int) -> SizeClasses | None:
    """So many classes of the particles in the reference frames. sizes_nm: mean and deviation of their cores; None where these
    are not known, and then neither are the classes."""
    if sizes_nm is None:
        return None
    return free_form_classes(standard, classes) or SizeClasses.gaussian(*sizes_nm, classes)


def free_form_classes(standard: Standards, classes: int) -> SizeClasses | None:
    """So many classes with the moments of the free-form sizes of the reference frames; None where spheres of one kind describe
    these, or no sizes do."""
    if POOR not in standard.reference_fit.flags[0]:
        return None
    basis = SizeBasis.of(standard.reference.coord("q"), shell=standard.dry_shell_nm)
    fit = free_form_sizes(standard.reference, basis, workers=1)
    if not fit.seen[0] or fit.chi_squared[0] > NO_SIZES * fit.bins[0]:
        return None
    volume = fit.density[0] * np.gradient(basis.diameter)
    below = np.cumsum(volume) / volume.sum()
    told = (below > LEAST_TAIL) & (below < 1.0 - LEAST_TAIL)
    d, share = gauss_nodes(basis.diameter[told], volume[told], classes)
    return SizeClasses.from_table(d, share / (d + 2.0 * standard.dry_shell_nm) ** 3)


def gauss_nodes(x: FloatArray, weight: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """`count` places and weights above 0 with the moments 0 to 2 count - 1 of `weight` (point,) at x: a Gauss quadrature, by
    the recurrence of its orthogonal polynomials (Golub 1969). x has more points than that."""
    share = weight / weight.sum()
    centre, scale = float(share @ x), float(np.ptp(x))
    t = (x - centre) / scale
    before, now = np.zeros_like(t), np.ones_like(t)
    norm, diagonal, beside = 1.0, np.zeros(count), np.zeros(count - 1)
    for k in range(count):
        diagonal[k] = share @ (t * now**2) / norm
        after = (t - diagonal[k]) * now - (beside[k - 1] ** 2 if k else 0.0) * before
        before, now, last, norm = now, after, norm, float(share @ after**2)
        if k < count - 1:
            beside[k] = np.sqrt(norm / last)
    places, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return centre + scale * places, vectors[0] ** 2
