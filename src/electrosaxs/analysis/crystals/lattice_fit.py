"""Fit of solution and grains of one given lattice to one curve: sizes, crystalline fraction, lattice constant, all
jointly.

Weights are those of the fitted model (counts stay Poisson). Nothing but the lattice's name has to be given: the lattice
constant is found by a scan over every spacing that the particles' size allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import argrelmax

from ...nouns import FloatArray
from ...physics.lattices import lattice_named, neighbour_distance, reflections
from ...physics.sphere_kernels import amplitude
from ...physics.structure_factor import powder_structure_factor
from .bragg import PARAMETERS, SOLUTION, LatticeModel, smooth_basis, textured_reflections
from .peaks import SMOOTH_SD, solution_knowledge
from .weighted_curve import WeightedCurve
from .weighted_fit import FitOutcome, Knowledge, fit, score

TEXTURE_SD = 0.5  # chosen: how far grains that are few or oriented may change a reflection against a perfect powder
SPACINGS = (
    1.0,
    2.2,
)  # nearest-neighbour distance over the mean core diameter: touching cores; two ligand shells at full length
WIDEST = 0.12  # chosen: FWHM over q beyond which a peak is a liquid's; grains of fewer than eight spacings
SCAN_STEP = 0.004  # relative step of the lattice constant in the scan
SCAN_WIDTHS = (0.012, 0.025, 0.05, 0.1)  # FWHM over the first reflection's q
SELECTED_SD = 0.03  # chosen: prior sd of size_ratio about 1; a voxel of Yu 2018 and the next one differ by 0.03
NO_TAILS = 1e-12  # least Lorentzian share where it may grow: at exactly 0 the kernels skip tails and their derivatives
LINDEMANN = 0.005  # prior mean and sd of u^2 over the squared neighbour distance: u = 0.07, half of where crystals melt

STEPS = 120  # of a fit: scale, smooth correction and sizes of the grains trade against each other in a long valley

Start = tuple[float, float, float, float, float, float]  # bragg.CRYSTALS
NO_CRYSTALS: Start = (0.0, 1.0, 1.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Freedom:
    """What the model may do beyond spheres (of any skewness) and a perfect powder: smooth correction, texture,
    Lorentzian tails."""

    smooth: bool = False
    texture: bool = False
    lorentzian: bool = False


RIGID, SMOOTH, LOOSE = Freedom(), Freedom(smooth=True, lorentzian=True), Freedom(True, True, True)


@dataclass(frozen=True, eq=False)
class LatticeFit:
    """Result of one fit: `outcome.parameters` are bragg.PARAMETERS, then texture and smooth correction.

    `lattice` None: the solution alone. score: chi-squared + priors + cost of the parameters; smaller is better,
    differences are twice the logarithm of the evidence.
    """

    lattice: str | None
    curve: WeightedCurve
    model: LatticeModel
    outcome: FitOutcome
    freedom: Freedom
    score: float

    def value(self, name: str) -> float:
        return float(self.outcome.parameters[PARAMETERS.index(name)])

    def sigma(self, name: str) -> float:
        """Standard deviation, counting and solvent together, widened where chi-squared says that the noise is
        larger."""
        k = PARAMETERS.index(name)
        return float(np.sqrt(self.outcome.covariance[k, k]) * self.widening)

    @property
    def degrees_of_freedom(self) -> int:
        return max(self.curve.q.size - int(self.outcome.moved.sum()), 1)

    @property
    def reduced_chi_squared(self) -> float:
        return self.outcome.chi_squared / self.degrees_of_freedom

    @property
    def widening(self) -> float:
        """1 while chi-squared is within 5 sigma of its expectation, else the root of its ratio to that (Birge)."""
        excess = self.reduced_chi_squared - 1.0
        return float(np.sqrt(1.0 + excess)) if excess > 5.0 * np.sqrt(2.0 / self.degrees_of_freedom) else 1.0

    @property
    def solution(self) -> FloatArray:
        """(scale, d, delta, background, skewness) of the voxel."""
        return self.outcome.parameters[: len(SOLUTION)]


def fit_lattice(
    curve: WeightedCurve,
    lattice: str | None,
    start: FloatArray,
    *,
    freedom: Freedom = RIGID,
    priors: Mapping[str, tuple[float, float]] | None = None,
    scan: bool = True,
) -> LatticeFit:
    """The best fit of `lattice` (None: no crystals) to the curve.

    start: bragg.SOLUTION or all PARAMETERS; with `scan` every allowed lattice constant is tried, else `start` must hold
    one. priors: name -> (mean, standard deviation), Gaussian, e.g. diameter and deviation of the neighbouring voxel.
    """
    smooth = smooth_basis(curve.q, float(start[1])) if freedom.smooth else np.zeros((curve.q.size, 0))
    textured = textured_reflections(lattice) if freedom.texture and lattice else 0
    model = LatticeModel(curve.q, lattice, textured, smooth)
    if lattice is None:
        starts = [_padded(start[: len(SOLUTION)], NO_CRYSTALS, model)]
    elif scan:
        starts = [_padded(start[: len(SOLUTION)], c, model) for c in scan_lattice(curve, lattice, start, smooth)]
    else:
        starts = [
            _padded(start[: len(SOLUTION)], tuple(float(x) for x in start[len(SOLUTION) : len(PARAMETERS)]), model)
        ]
    fits = [_fitted(curve, model, p, freedom, dict(priors or {})) for p in starts]
    return min(fits, key=lambda one: one.score)


def scan_lattice(
    curve: WeightedCurve, lattice: str, start: FloatArray, smooth: FloatArray, *, most: int = 3
) -> list[Start]:
    """Starts (bragg.CRYSTALS): the best lattice constants over all spacings and a few widths, each with the solution's
    parameters refitted to first order."""
    d = float(start[1])
    nearest = d * np.exp(np.arange(np.log(SPACINGS[0]), np.log(SPACINGS[1]), SCAN_STEP))
    lengths, least = nearest / lattice_named(lattice).neighbour_distance, 1.5 * float(np.median(np.diff(curve.q)))
    model = LatticeModel(curve.q, None, 0, smooth)
    value, slopes = model(_padded(start[: len(SOLUTION)], NO_CRYSTALS, model))
    root = 1.0 / np.sqrt(curve.variance(np.maximum(value, 0.3 * curve.intensity)))
    columns = np.delete(slopes, range(len(SOLUTION), len(PARAMETERS)), axis=1) * root[:, None]
    columns /= np.linalg.norm(columns, axis=0) + 1e-300
    basis = np.linalg.qr(columns)[0]
    residual = (curve.intensity - value) * root
    residual = residual - basis @ (basis.T @ residual)
    coherent = float(start[0]) * amplitude(curve.q, d, float(start[2])) ** 2 * root
    best: list[tuple[float, Start]] = []
    for width in SCAN_WIDTHS:
        gains, found = [], []
        for spacing, a in zip(nearest.tolist(), lengths.tolist(), strict=True):
            fwhm = max(width * first_reflection(lattice, a), least)
            u2 = LINDEMANN * spacing**2
            order = powder_structure_factor(curve.q, lattice, a, fwhm) - 1.0
            template = coherent * np.exp(-(curve.q**2) * u2) * order
            template = template - basis @ (basis.T @ template)
            norm2 = float(template @ template)
            fraction = max(float(template @ residual) / norm2, 0.0)
            gains.append(fraction**2 * norm2)
            found.append((min(fraction, 1.0), a, fwhm, u2, 0.2, 1.0))
        tops = argrelmax(np.array(gains), mode="wrap")[0]
        best += [(gains[i], found[i]) for i in tops]
    return _distinct(sorted(best, reverse=True), most)


def _distinct(ranked: Sequence[tuple[float, Start]], most: int) -> list[Start]:
    """The first `most` whose lattice constants differ by more than 1.5 %."""
    chosen: list[Start] = []
    for _, one in ranked:
        if all(abs(np.log(one[1] / other[1])) > 0.015 for other in chosen):
            chosen.append(one)
        if len(chosen) == most:
            break
    return chosen


def first_reflection(lattice: str, a: float) -> float:
    """q (1/nm) of the first family."""
    return 2.0 * np.pi * float(reflections(lattice, 2.0).s[0]) / a


def _padded(solution: FloatArray, crystals: tuple[float, ...], model: LatticeModel) -> FloatArray:
    """Start of all parameters: no texture, no correction."""
    return np.concatenate([solution, crystals, np.zeros(model.size - len(PARAMETERS))])


def _fitted(
    curve: WeightedCurve,
    model: LatticeModel,
    start: FloatArray,
    freedom: Freedom,
    priors: dict[str, tuple[float, float]],
) -> LatticeFit:
    known = _known(curve, model, start, freedom, priors)
    outcome = fit(curve, model, known, steps=STEPS)
    return LatticeFit(model.lattice, curve, model, outcome, freedom, score(outcome, known))


def _known(
    curve: WeightedCurve,
    model: LatticeModel,
    start: FloatArray,
    freedom: Freedom,
    priors: dict[str, tuple[float, float]],
) -> Knowledge:
    """Bounds that physics sets, priors for what the data may leave open. The fraction may go below 0, so that noise
    around 0 averages to 0; above 1 (all particles ordered) only with texture."""
    first, head, extra = len(SOLUTION), len(PARAMETERS), model.textured
    free = np.ones(model.size, dtype=bool)
    lower, upper = np.full(model.size, -np.inf), np.full(model.size, np.inf)
    prior, weight = np.zeros(model.size), np.zeros(model.size)
    lower[:first], upper[:first], weight[:first] = solution_knowledge()
    if freedom.smooth:  # takes up sizes that are not normal; a skewness read off a curve with peaks would be theirs
        free[first - 1], start = False, np.concatenate([start[: first - 1], [0.0], start[first:]])
    if model.lattice is None:
        free[first:head] = False
    else:
        a = float(start[6])
        nearest, widest = neighbour_distance(model.lattice, a), WIDEST * first_reflection(model.lattice, a)
        tails = NO_TAILS if freedom.lorentzian else 0.0
        lower[first:head] = (-1.0, 0.93 * a, 0.7 * float(np.median(np.diff(curve.q))), 0.0, tails, 0.7)
        upper[first:head] = (3.0, 1.07 * a, widest, 0.1 * nearest**2, 1.0, 1.4)
        free[9] = freedom.lorentzian
        start = start if freedom.lorentzian else np.concatenate([start[:9], [0.0], start[10:]])
        prior[8], weight[8] = LINDEMANN * nearest**2, (LINDEMANN * nearest**2) ** -2
        prior[10], weight[10] = 1.0, SELECTED_SD**-2
    lower[head : head + extra], upper[head : head + extra] = -1.0, 10.0
    weight[head : head + extra] = TEXTURE_SD**-2
    lower[head + extra :], upper[head + extra :] = -0.9, 5.0
    weight[head + extra :] = SMOOTH_SD**-2
    for name, (mean, sd) in priors.items():
        prior[PARAMETERS.index(name)], weight[PARAMETERS.index(name)] = mean, sd**-2
    return Knowledge(np.clip(start, lower, upper), lower, upper, prior, weight, free)
