"""A dense fluid in place of a lattice: hard spheres (Percus and Yevick) of normally distributed sizes, fitted with the
freedom that the lattices have, so that scores compare.

    I = scale C(q) {P(q) + <F>^2 [S(q) - 1]} + background     (physics.structure_factor.percus_yevick, decoupled sizes)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...nouns import FloatArray
from ...physics.lattice_kernels import sphere_gradient
from ...physics.structure_factor import percus_yevick
from .bragg import mean_amplitude
from .parameters import SLOT, SMOOTH, SOLUTION_LIMITS, Solution, solution_of
from .weighted_curve import WeightedCurve
from .weighted_fit import ROUGHLY, FitOutcome, Knowledge, Limit, fit, score

START = 0.35  # volume fraction
DENSEST = 0.6  # hard spheres freeze at 0.49 and jam at 0.64
FIRST_PEAK = 7.0  # q x contact distance at the first maximum of S
CONTACT = (0.9, 3.0)  # contact distance over the mean core diameter
FEW, STEPS = 8, 40  # before it is given up, and in all
FAR = 5.0  # chi-squared per degree of freedom from which on it is
STEP = 1e-4  # relative, for the derivatives of S


@dataclass(frozen=True, eq=False)
class FluidModel:
    """Parameters Solution, volume fraction and contact distance (nm) of the hard spheres, then m smooth."""

    q: FloatArray
    smooth: FloatArray

    def __call__(self, p: FloatArray) -> tuple[FloatArray, FloatArray]:
        s, place = solution_of(p), len(Solution._fields)
        fraction, contact = p[place : place + 2].tolist()
        form, form_d, form_delta, form_skewness = sphere_gradient(self.q, s.diameter, s.deviation, s.skewness)
        mean, mean_d, mean_delta = mean_amplitude(self.q, s.diameter, s.deviation)
        order = percus_yevick(self.q, 0.5 * contact, fraction) - 1.0
        by_fraction, by_contact = (
            self._difference((fraction, contact), (STEP * (fraction + 0.01), 0.0)),
            self._difference((fraction, contact), (0.0, STEP * contact)),
        )
        correction = 1.0 + self.smooth @ p[place + 2 :]
        level, bracket = s.scale * correction, form + mean**2 * order
        columns = [
            correction * bracket,
            level * (form_d + 2.0 * mean * mean_d * order),
            level * (form_delta + 2.0 * mean * mean_delta * order),
            np.ones_like(self.q),
            level * form_skewness,
            level * mean**2 * by_fraction,
            level * mean**2 * by_contact,
        ]
        return level * bracket + s.background, np.column_stack([*columns, (s.scale * bracket)[:, None] * self.smooth])

    def _difference(self, at: tuple[float, float], step: tuple[float, float]) -> FloatArray:
        above, below = (percus_yevick(self.q, 0.5 * (at[1] + k * step[1]), at[0] + k * step[0]) for k in (1.0, -1.0))
        return np.asarray((above - below) / (2.0 * (step[0] + step[1])))


@dataclass(frozen=True, eq=False)
class FluidFit:
    """The best fit of a dense fluid, and its score beside those of the lattices."""

    outcome: FitOutcome
    score: float

    @property
    def is_enough(self) -> bool:
        """Whether chi-squared is within 5 sigma of its expectation."""
        return self.reduced_chi_squared < 1.0 + 5.0 * np.sqrt(2.0 / self.degrees_of_freedom)

    @property
    def degrees_of_freedom(self) -> int:
        return max(self.outcome.model.size - int(self.outcome.moved.sum()), 1)

    @property
    def reduced_chi_squared(self) -> float:
        return self.outcome.chi_squared / self.degrees_of_freedom


def fit_fluid(curve: WeightedCurve, solution: Solution[float], smooth: FloatArray, first_peak: float) -> FluidFit:
    """From `solution` and the place `first_peak` (1/nm) of the highest peak. smooth (q, m): m may be 0. A fit that is
    far from enough after FEW steps is not run to its end."""
    model = FluidModel(curve.q, smooth)
    held = [SLOT["skewness"]] if smooth.shape[1] else []
    d = solution.diameter
    contact = float(np.clip(FIRST_PEAK / first_peak, 1.01 * CONTACT[0] * d, 0.99 * CONTACT[1] * d))
    limits = [*SOLUTION_LIMITS, Limit(0.0, DENSEST), Limit(CONTACT[0] * d, CONTACT[1] * d), *[SMOOTH] * smooth.shape[1]]
    skewness = 0.0 if held else solution.skewness
    start = np.array([*solution._replace(skewness=skewness), START, contact, *np.zeros(smooth.shape[1])])
    known = Knowledge.of(start, limits, held=held)
    outcome = fit(curve, model, known, steps=FEW, tolerance=ROUGHLY)
    found = FluidFit(outcome, score(outcome, known))
    if found.reduced_chi_squared > FAR:
        return found
    known = replace(known, start=outcome.parameters)
    outcome = fit(curve, model, known, steps=STEPS)
    return FluidFit(outcome, score(outcome, known))
