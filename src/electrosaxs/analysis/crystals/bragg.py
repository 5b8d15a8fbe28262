"""What a voxel with crystals scatters, as models of a fit: value and derivatives by every parameter.

    I = scale C(q) {P(q) + X <F>^2 exp(-q^2 u^2) [Z(q) - 1]} + background,

P = <F^2> of all particles, X the share (by number) of them in grains, <F> of the normal of those, whose mean and
deviation are `size_ratio` times those of all: a field brings the large ones first. C = 1 + smooth is a correction, 0
unless the size distribution or the optics demand it. With C = 1 and equal sizes it is scale P S + background, S from
physics.structure_factor.superlattice_structure_factor. Lengths in nm, q in 1/nm.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import BSpline

from ...nouns import FloatArray
from ...physics.lattice_kernels import peak_profile, powder_sum, sphere_gradient
from ...physics.lattices import reflections
from ...physics.sphere_kernels import amplitude
from ...physics.structure_factor import powder_gradient, powder_reflections

SOLUTION = ("scale", "diameter", "deviation", "background", "skewness")  # as sphere_fit.ORDER
CRYSTALS = ("fraction", "a", "fwhm", "mean_square", "lorentzian", "size_ratio")
PARAMETERS = SOLUTION + CRYSTALS
KNOT_SPACING = 1.5  # in 1 / d: a quarter of the form factor's period 2 pi / d, and about ten peak widths
SMOOTH_UP_TO = 20.0  # in 1 / d: between the second (15.5) and the third minimum of the form factor


def smooth_basis(q: FloatArray, diameter: float) -> FloatArray:
    """Cubic B-splines (q, m) too wide to follow a Bragg peak; spacing and reach follow from the particle size (nm)."""
    spacing = KNOT_SPACING / diameter
    end = min(float(q[-1]), SMOOTH_UP_TO / diameter)
    pieces = max(1, round((end - float(q[0])) / spacing))
    inner = np.linspace(float(q[0]), end, pieces + 1)
    width = inner[1] - inner[0]
    knots = np.concatenate([inner[0] - width * np.arange(3, 0, -1), inner, inner[-1] + width * np.arange(1, 4)])
    basis = np.zeros((q.size, knots.size - 4))
    inside = q <= end
    basis[inside] = BSpline.design_matrix(q[inside], knots, 3).toarray()
    return basis


@dataclass(frozen=True, eq=False)
class PeakModel:
    """Solution with free peaks of S - 1: parameters SOLUTION, lorentzian, m smooth, then area, q, fwhm of each peak."""

    q: FloatArray
    smooth: FloatArray
    peaks: int

    @property
    def first_peak(self) -> int:
        """Index of the first peak's area."""
        return len(SOLUTION) + 1 + self.smooth.shape[1]

    def __call__(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        form, *by_sizes = sphere_gradient(self.q, p[1], p[2], p[4])
        first = self.first_peak
        correction = 1.0 + self.smooth @ p[6:first]
        structure = np.ones_like(self.q)
        by_share = np.zeros_like(self.q)
        columns = []
        for area, centre, fwhm in p[first:].reshape(-1, 3):
            profile = peak_profile(self.q, centre, fwhm, p[5])
            structure += area * profile[0]
            by_share += area * profile[3]
            columns += [profile[0], area * profile[1], area * profile[2]]
        level = p[0] * correction * form
        by_d, by_delta, by_skewness = (p[0] * correction * structure * g for g in by_sizes)
        solution = [correction * form * structure, by_d, by_delta, np.ones_like(self.q), by_skewness]
        smooth = (p[0] * form * structure)[:, None] * self.smooth
        slopes = np.column_stack([*solution, level * by_share, smooth, *(level * c for c in columns)])
        return level * structure + p[3], slopes


@dataclass(frozen=True, eq=False)
class LatticeModel:
    """Solution and grains of one lattice: parameters `PARAMETERS`, then `textured` relative deviations of the first
    reflections from their powder intensity, then m smooth. `lattice` None: the solution alone."""

    q: FloatArray
    lattice: str | None
    textured: int = 0
    smooth: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def corrections(self) -> int:
        return self.smooth.shape[1]

    @property
    def size(self) -> int:
        return len(PARAMETERS) + self.textured + self.corrections

    def __call__(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        scale, d, delta, background, skewness, fraction, _, _, mean_square, _, ratio = p[: len(PARAMETERS)]
        form, form_d, form_delta, form_skewness = sphere_gradient(self.q, d, delta, skewness)
        mean, mean_d, mean_delta = _mean_amplitude(self.q, ratio * d, ratio * delta)
        correction = np.ones_like(self.q)
        if self.corrections:
            correction += self.smooth @ p[len(PARAMETERS) + self.textured :]
        order, order_slopes, texture = self._order(p)
        damping = np.exp(-(self.q**2) * mean_square)
        coherent = fraction * mean**2 * damping
        bracket = form + coherent * order
        by_size = (
            grad + 2.0 * fraction * mean * ratio * mean_grad * damping * order
            for grad, mean_grad in ((form_d, mean_d), (form_delta, mean_delta))
        )
        by_d, by_delta = (scale * correction * g for g in by_size)
        solution = [correction * bracket, by_d, by_delta, np.ones_like(self.q), scale * correction * form_skewness]
        inner = [mean**2 * damping * order, coherent * order_slopes[0], coherent * order_slopes[1]]
        inner += [-(self.q**2) * coherent * order, coherent * order_slopes[2]]
        inner += [2.0 * fraction * mean * (d * mean_d + delta * mean_delta) * damping * order]
        inner += [coherent * t for t in texture]
        slopes = solution + [scale * correction * c for c in inner]
        if self.corrections:
            slopes.append((scale * bracket)[:, None] * self.smooth)
        return scale * correction * bracket + background, np.column_stack(slopes)

    def _order(self, p: FloatArray) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
        """Z - 1, its derivatives by (a, fwhm, lorentzian), and the single reflections that may deviate."""
        if self.lattice is None:
            return np.zeros_like(self.q), np.zeros((3, self.q.size)), []
        a, fwhm, lorentzian = p[6], p[7], p[9]
        z = powder_gradient(self.q, self.lattice, a, fwhm, lorentzian=lorentzian)
        order, slopes = z[0] - 1.0, z[1:].copy()
        centre, area = powder_reflections(self.lattice, a, float(self.q[-1]), fwhm)
        texture = []
        for k, share in enumerate(p[len(PARAMETERS) : len(PARAMETERS) + self.textured]):
            one = powder_sum(self.q, centre[k : k + 1], area[k : k + 1], fwhm, lorentzian)
            order += share * one[0]
            slopes += share * np.stack([-(2.0 * one[0] + one[1]) / a, one[2], one[3]])
            texture.append(one[0])
        return order, slopes, texture


def _mean_amplitude(q: FloatArray, d: float, delta: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """<F> and its derivatives by d and delta, central differences: they only weigh the small coupling of size and
    peaks."""
    step = 1e-5 * d
    by_d = (amplitude(q, d + step, delta) - amplitude(q, d - step, delta)) / (2.0 * step)
    by_delta = (amplitude(q, d, delta + step) - amplitude(q, d, max(delta - step, 0.0))) / (
        delta + step - max(delta - step, 0.0)
    )
    return amplitude(q, d, delta), by_d, by_delta


def textured_reflections(lattice: str, reach: float = 2.5) -> int:
    """How many families lie below `reach` times the first reflection: those whose intensity texture may change
    visibly."""
    first = float(reflections(lattice, 2.0).s[0])
    return int(np.sum(reflections(lattice, reach * first).s <= reach * first))
