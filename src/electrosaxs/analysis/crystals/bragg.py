"""What a voxel with crystals scatters, as models of a fit: value and derivatives by every parameter.

    I = scale C(q) {P(q) + X <F>^2 exp(-q^2 u^2) [Z(q) - 1]} + background,

P = <F^2> of all particles, X the share (by number) of them in grains, <F> of the normal of those, whose mean and
deviation are `size_ratio` times those of all: a field brings the large ones first. C = 1 + smooth is a correction, 0
unless the size distribution or the optics demand it. exp(-q^2 u^2) (Z - 1) is physics.structure_factor.superlattice_order;
with C = 1 and equal sizes I = scale P S + background. Lengths in nm, q in 1/nm.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import BSpline

from ...nouns import FloatArray
from ...physics.lattice_kernels import sphere_gradient
from ...physics.lattices import SHAPES, reflections
from ...physics.sphere_kernels import amplitude
from ...physics.structure_factor import Order, superlattice_order
from .parameters import PARAMETERS, PEAK_TAILS, Grains, Solution, grains_of, open_shape, solution_of

KNOT_SPACING = 1.5  # in 1 / d: a quarter of the form factor's period 2 pi / d, and about ten peak widths
TEXTURE_REACH = 2.5  # in units of the first reflection
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
    """Solution with free peaks of S - 1: parameters Solution, lorentzian, m smooth, then area, q, fwhm of each peak."""

    q: FloatArray
    smooth: FloatArray
    peaks: int

    @property
    def first_peak(self) -> int:
        """Index of the first peak's area."""
        return PEAK_TAILS + 1 + self.smooth.shape[1]

    def __call__(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        s, tails, first = solution_of(p), float(p[PEAK_TAILS]), self.first_peak
        form, form_d, form_delta, form_skewness = sphere_gradient(self.q, s.diameter, s.deviation, s.skewness)
        correction = 1.0 + self.smooth @ p[PEAK_TAILS + 1 : first]
        area, centre, fwhm = p[first:].reshape(-1, 3).T
        profiles = peak_profiles(self.q, centre, fwhm, tails)
        structure, by_share = 1.0 + area @ profiles[0], area @ profiles[3]
        level = s.scale * correction * form
        solution = Solution(
            scale=correction * form * structure,
            diameter=s.scale * correction * structure * form_d,
            deviation=s.scale * correction * structure * form_delta,
            background=np.ones_like(self.q),
            skewness=s.scale * correction * structure * form_skewness,
        )
        smooth = (s.scale * form * structure)[:, None] * self.smooth
        slopes = np.empty((self.q.size, p.size))
        slopes[:, : len(solution)] = np.array(solution).T
        slopes[:, PEAK_TAILS] = level * by_share
        slopes[:, PEAK_TAILS + 1 : first] = smooth
        for k, column in enumerate((profiles[0], area[:, None] * profiles[1], area[:, None] * profiles[2])):
            slopes[:, first + k :: 3] = (level * column).T
        return level * structure + s.background, slopes


@dataclass(frozen=True, eq=False)
class LatticeModel:
    """Solution and grains of one lattice: parameters Solution and Grains, then `textured` relative deviations of the
    first reflections from their powder intensity, then m smooth. `lattice` None: the solution alone."""

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

    def texture(self, p: FloatArray) -> FloatArray:
        """The deviations of the first reflections."""
        return p[len(PARAMETERS) : len(PARAMETERS) + self.textured]

    def correction(self, p: FloatArray) -> FloatArray:
        """C(q) (q,)."""
        one = np.ones_like(self.q)
        return one + self.smooth @ p[len(PARAMETERS) + self.textured :] if self.corrections else one

    def __call__(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        s, g = solution_of(p), grains_of(p)
        form, form_d, form_delta, form_skewness = sphere_gradient(self.q, s.diameter, s.deviation, s.skewness)
        mean, mean_d, mean_delta = mean_amplitude(self.q, g.size_ratio * s.diameter, g.size_ratio * s.deviation)
        correction, order = self.correction(p), self._order(p, g)
        coherent = g.fraction * mean**2
        by_mean = 2.0 * g.fraction * mean * order.value
        bracket = form + coherent * order.value
        level = s.scale * correction
        solution = Solution(
            scale=correction * bracket,
            diameter=level * (form_d + by_mean * g.size_ratio * mean_d),
            deviation=level * (form_delta + by_mean * g.size_ratio * mean_delta),
            background=np.ones_like(self.q),
            skewness=level * form_skewness,
        )
        grains = Grains(
            fraction=level * mean**2 * order.value,
            a=level * coherent * order.by_a,
            fwhm=level * coherent * order.by_fwhm,
            mean_square=level * coherent * order.by_mean_square,
            lorentzian=level * coherent * order.by_lorentzian,
            size_ratio=level * by_mean * (s.diameter * mean_d + s.deviation * mean_delta),
            shape=np.zeros_like(self.q) if order.by_shape is None else level * coherent * order.by_shape,
        )
        texture = [level * coherent * one for one in order.by_texture]
        smooth = (s.scale * bracket)[:, None] * self.smooth if self.corrections else np.zeros((self.q.size, 0))
        return level * bracket + s.background, np.column_stack([*solution, *grains, *texture, smooth])

    def _order(self, p: FloatArray, g: Grains[float]) -> Order:
        if self.lattice is None:
            return Order(*np.zeros((5, self.q.size)))
        texture = self.texture(p).tolist()
        return superlattice_order(
            self.q, self.lattice, g.a, g.fwhm, g.mean_square, lorentzian=g.lorentzian, texture=texture,
            shape=open_shape(self.lattice, g.shape),
        )  # fmt: skip


def mean_amplitude(q: FloatArray, d: float, delta: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """<F> = A [(1 + t^2) sin u - u cos u], u = q d / 2, t = q delta / 2, A = 4 pi exp(-t^2 / 2) / q^3, and its derivatives by
    d and delta, A q [t^2 cos u + u sin u] / 2 and A q t [(1 - t^2) sin u + u cos u] / 2."""
    u, t = 0.5 * d * q, 0.5 * delta * q
    sine, cosine = np.sin(u), np.cos(u)
    half = 2.0 * np.pi * np.exp(-0.5 * t**2) / q**2
    return amplitude(q, d, delta), half * (t**2 * cosine + u * sine), half * t * ((1.0 - t**2) * sine + u * cosine)


def peak_profiles(q: FloatArray, centre: FloatArray, fwhm: FloatArray, lorentzian: float) -> FloatArray:
    """lattice_kernels.peak_profile of many peaks at once: shape (4, peak, q)."""
    x, w = q - centre[:, None], fwhm[:, None]
    inverse = 1.0 / (x**2 + 0.25 * w**2)
    near = w * (0.5 / np.pi) * inverse
    steep = 4.0 * np.log(2.0) / w**2
    wide = np.sqrt(steep / np.pi) * np.exp(-steep * x**2)
    rest = 1.0 - lorentzian
    return np.array(
        [
            lorentzian * near + rest * wide,
            2.0 * x * (lorentzian * near * inverse + rest * steep * wide),
            lorentzian * near * (1.0 / w - 0.5 * w * inverse) + rest * wide * (2.0 * steep * x**2 - 1.0) / w,
            near - wide,
        ]
    )


def textured_reflections(lattice: str) -> int:
    """How many families lie below TEXTURE_REACH: those whose intensity texture may change visibly; none where a shape is
    open, which decides which they are."""
    if lattice in SHAPES:
        return 0
    end = TEXTURE_REACH * float(reflections(lattice, 2.0).s[0])
    return int(np.sum(reflections(lattice, end).s <= end))
