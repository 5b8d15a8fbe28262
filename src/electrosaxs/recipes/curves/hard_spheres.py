"""Hard spheres of normally distributed sizes fitted to one plain curve.

    I = scale P(q; d, delta) S'(q) + background,   S' = 1 + beta (S - 1),   beta = <F>^2 / <F^2>

S is Percus and Yevick's at a contact diameter and volume fraction, S' the decoupling approximation
(physics.structure_factor). Weights are robust: peaks and the rounded minima of computed curves hardly pull.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...analysis.crystals.weighted_curve import WeightedCurve
from ...analysis.crystals.weighted_fit import FitOutcome, Knowledge, Limit, fit
from ...analysis.spheres.kernels import NARROWEST, WIDEST
from ...nouns import FloatArray
from ...physics.sphere_kernels import amplitude, squared_form_factor, squared_form_factor_gradient
from ...physics.structure_factor import decoupled, percus_yevick

START_STEP = 0.05
START_RANGE = (0.4, 3.0)
START_WIDTHS = (0.03, 0.1, 0.2)
START_INTERACTIONS = ((0.1, 1.0), (0.1, 1.5), (0.3, 1.0), (0.3, 1.3), (0.45, 1.0))
"""The start is searched around the expected diameter, these delta / d, and (volume fraction, contact diameter / d)."""
START_BINS = 128
START_SPREAD = 0.3
BEST_STARTS = 3
LARGEST_FRACTION = 0.6
CONTACT = (0.8, 3.0)
"""Bounds: hard spheres freeze at 0.49 and jam at 0.64; contact diameter over the core's, from soft cores to thick shells."""
ROBUST = 3.0
"""Bins further than this many sigma off lose weight."""


class HardSpheres(NamedTuple):
    """Parameters in their order; the first four (DILUTE) where the spheres do not see each other. Lengths in nm."""

    scale: float
    diameter: float
    deviation: float
    background: float
    hard_sphere_volume_fraction: float = 0.0
    contact_diameter: float = 0.0


HARD = HardSpheres._fields
DILUTE = HARD[:4]


@dataclass(frozen=True, eq=False)
class HardSphereModel:
    """scale P S' + background as weighted_fit.fit calls it: parameters DILUTE for coupling "", else HARD.

    coupling "decoupling": sizes and places are independent, S' = 1 + beta (S - 1); "product": S' = S, as where
    neighbours are of like size and as several programs write it.
    """

    q: FloatArray
    coupling: str

    def __call__(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        s = HardSpheres(*p.tolist())
        one = np.ones_like(self.q)
        if not self.coupling:
            form, by_d, by_delta = squared_form_factor_gradient(self.q, s.diameter, s.deviation)
            return s.scale * form + s.background, np.column_stack([form, s.scale * by_d, s.scale * by_delta, one])
        product = hard_sphere_product(self.q, s, self.coupling)
        by_d, by_delta, by_fraction, by_contact = (
            s.scale * self._slope(s, name)
            for name in ("diameter", "deviation", "hard_sphere_volume_fraction", "contact_diameter")
        )
        columns = [product, by_d, by_delta, one, by_fraction, by_contact]
        return s.scale * product + s.background, np.column_stack(columns)

    def _slope(self, s: HardSpheres, name: str) -> FloatArray:
        """d(P S')/d(parameter) by central differences: S has no simple derivative, and the step's error is below 1e-8."""
        value = float(getattr(s, name))
        step = 1e-5 * max(abs(value), 1e-3)
        above, below = (
            hard_sphere_product(self.q, s._replace(**{name: value + change}), self.coupling) for change in (step, -step)
        )
        return np.asarray((above - below) / (2.0 * step))


def hard_sphere_product(q: FloatArray, s: HardSpheres, coupling: str) -> FloatArray:
    """P S' (nm^6)."""
    form = squared_form_factor(q, s.diameter, s.deviation)
    beta = amplitude(q, s.diameter, s.deviation) ** 2 / form if coupling == "decoupling" else 1.0
    return form * decoupled(percus_yevick(q, 0.5 * s.contact_diameter, s.hard_sphere_volume_fraction), beta)


def fit_hard_spheres(curve: WeightedCurve, coupling: str) -> FitOutcome | None:
    """The best of a few starts from a grid of sizes and interactions; parameters HARD (DILUTE for coupling "").

    None where no size that the window can show makes a start.
    """
    model = HardSphereModel(curve.q, coupling)
    outcomes = [fit(curve, model, _known(start, coupling), robust=ROBUST) for start in _starts(curve, coupling)]
    return min(outcomes, key=lambda one: robust_chi_squared(curve, one), default=None)


def visible_sizes(q: FloatArray) -> tuple[float, float]:
    """Smallest and largest d (nm) whose form factor falls within the window: 1 / q_max and 2 pi / q_min."""
    return 1.0 / float(q[-1]), 2.0 * np.pi / float(q[0])


def robust_chi_squared(curve: WeightedCurve, outcome: FitOutcome) -> float:
    """Sum of r^2 ln(1 + (z / r)^2), what the robust weights minimise; chi-squared where no bin is far off."""
    z2 = (curve.intensity - outcome.model) ** 2 / outcome.variance
    return float(np.sum(ROBUST**2 * np.log1p(z2 / ROBUST**2)))


def robust_sigma(curve: WeightedCurve, outcome: FitOutcome, coupling: str) -> FloatArray:
    """Standard deviations (p,) of a robust fit, widened by what its residuals exceed the noise; 0 for held parameters.

    Bins count with their robust weight 1 / (variance + residual^2 / r^2); noise that is only estimated may also shrink.
    """
    free = np.flatnonzero(outcome.moved)
    slopes = HardSphereModel(curve.q, coupling)(outcome.parameters)[1][:, free]
    weight = 1.0 / (outcome.variance + (curve.intensity - outcome.model) ** 2 / ROBUST**2)
    size = np.linalg.norm(slopes * np.sqrt(weight)[:, None], axis=0)
    information = (slopes / size).T @ (weight[:, None] * slopes / size)
    reduced = robust_chi_squared(curve, outcome) / max(curve.q.size - free.size, 1)
    sigma = np.zeros(outcome.parameters.size)
    sigma[free] = np.sqrt(np.diag(np.linalg.pinv(information, hermitian=True))) / size
    return sigma * np.sqrt(reduced if curve.estimated else max(reduced, 1.0))


def expected_diameter(q: FloatArray, y: FloatArray) -> float:
    """d (nm) of the volume 2 pi^2 I(0) / Q (Porod 1951), flat background from q^4 I = K + B q^4 over the last half decade.

    NaN where nothing scatters.
    """
    tail = q > 0.3 * q[-1]
    background = float(np.polyfit(q[tail] ** 4, q[tail] ** 4 * y[tail], 1)[0])
    invariant = float(np.trapezoid(np.maximum(y - background, 0.0) * q**2, q))
    forward = float(np.max(y))
    return float(np.cbrt(12.0 * np.pi * forward / invariant)) if forward > 0.0 and invariant > 0.0 else float("nan")


def _starts(curve: WeightedCurve, coupling: str) -> list[HardSpheres]:
    """The best points of a grid that differ in d by more than 8 %, on every n-th bin; for dilute spheres also the
    expected diameter, which is right where narrow sizes have more fringes than the bins show."""
    thin = slice(None, None, -(-curve.q.size // START_BINS))
    q, y = curve.q[thin], curve.intensity[thin]
    middle = expected_diameter(curve.q, curve.intensity)
    smallest, largest = visible_sizes(curve.q)
    sizes = middle * np.exp(np.arange(np.log(START_RANGE[0]), np.log(START_RANGE[1]), START_STEP))
    interactions = START_INTERACTIONS if coupling else ((0.0, 1.0),)
    found = []
    for d in sizes[(sizes > smallest) & (sizes < largest)]:
        for width in START_WIDTHS:
            for fraction, ratio in interactions:
                s = HardSpheres(1.0, float(d), width * float(d), 0.0, fraction, ratio * float(d))
                cost, scale, background = _linear(hard_sphere_product(q, s, coupling), y)
                found.append((cost, s._replace(scale=scale, background=background)))
    chosen = [_expected(curve, middle)] if not coupling and smallest < middle < largest else []
    for _, s in sorted(found, key=lambda one: one[0]):
        if s.scale > 0.0 and all(abs(np.log(s.diameter / other.diameter)) > 0.08 for other in chosen):
            chosen.append(s)
        if len(chosen) == BEST_STARTS:
            break
    return chosen


def _expected(curve: WeightedCurve, d: float) -> HardSpheres:
    """The expected diameter, a tenth wide, with the curve's largest intensity."""
    forward = squared_form_factor(curve.q[:1], d, 0.1 * d)[0]
    return HardSpheres(float(np.max(curve.intensity)) / float(forward), d, 0.1 * d, 0.0)


def _linear(form: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    """Robust cost in the logarithm, scale and background of scale form + background by relative least squares."""
    weight = 1.0 / np.maximum(y, 1e-3 * np.median(np.abs(y)))
    columns = np.column_stack([form, np.ones_like(form)]) * weight[:, None]
    size = np.linalg.norm(columns, axis=0)
    scale, background = np.linalg.lstsq(columns / size, y * weight, rcond=None)[0] / size
    model = np.maximum(scale * form + background, 1e-6 / weight)
    return float(np.sum(np.log1p((np.log(model * weight) / START_SPREAD) ** 2))), float(scale), float(background)


def _known(start: HardSpheres, coupling: str) -> Knowledge:
    """d within a third of its start, where the grid's next one takes over; no priors."""
    d, count = start.diameter, len(HARD if coupling else DILUTE)
    limits = [
        Limit(0.0),
        Limit(0.7 * d, 1.4 * d),
        Limit(NARROWEST * d, WIDEST * d),
        Limit(),
        Limit(0.0, LARGEST_FRACTION),
        Limit(CONTACT[0] * d, CONTACT[1] * d),
    ]
    inside = [min(max(value, one.lower), one.upper) for value, one in zip(start, limits, strict=True)]
    return Knowledge.of(np.array(inside[:count]), limits[:count])
