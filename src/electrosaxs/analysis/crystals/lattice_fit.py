"""Fit of solution and grains of one given lattice to one curve: sizes, crystalline fraction, lattice constant, all
jointly.

Weights are those of the fitted model (counts stay Poisson). Nothing but the lattice's name has to be given: the lattice
constant is found by a scan over every spacing that the particles' size allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from ...physics.lattices import lattice_named
from ...physics.sphere_kernels import amplitude
from ...physics.structure_factor import superlattice_order
from .bragg import LatticeModel, smooth_basis, textured_reflections
from .parameters import (
    LINDEMANN,
    NO_GRAINS,
    PARAMETERS,
    SLOT,
    SMOOTH,
    SOLUTION_LIMITS,
    TEXTURE,
    Grains,
    Solution,
    first_reflection,
    grain_limits,
    grains_of,
    solution_of,
)
from .weighted_curve import WeightedCurve
from .weighted_fit import STEPS, FitOutcome, Knowledge, Limit, fit, score

SPACINGS = (
    1.0,
    2.2,
)  # nearest-neighbour distance over the mean core diameter: touching cores; two ligand shells at full length
SCAN_STEP = 0.004  # relative step of the lattice constant in the scan
SCAN_WIDTHS = (0.012, 0.025, 0.05, 0.1)  # FWHM over the first reflection's q
SCAN_TAILS = 0.2  # Lorentzian share at which a fit starts
MOST_STARTS = 3
DISTINCT = 0.015  # of ln a, between starts
RACE_STEPS = 12  # of every start, before those without hope are given up
HOPELESS = (1.5, 50.0)  # a start whose score exceeds 1.5 times the best one's + 50 after the race goes no further


@dataclass(frozen=True)
class Freedom:
    """What the model may do beyond spheres (of any skewness) and a perfect powder: smooth correction, texture,
    Lorentzian tails."""

    smooth: bool = False
    texture: bool = False
    lorentzian: bool = False


RIGID, SMOOTHED, LOOSE = Freedom(), Freedom(smooth=True, lorentzian=True), Freedom(True, True, True)


@dataclass(frozen=True, eq=False)
class LatticeFit:
    """Result of one fit: `outcome.parameters` are PARAMETERS, then texture and smooth correction.

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
        return float(self.outcome.parameters[SLOT[name]])

    def sigma(self, name: str) -> float:
        """Standard deviation, counting and solvent together, widened where chi-squared says that the noise is
        larger."""
        k = SLOT[name]
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
    def solution(self) -> Solution[float]:
        """Of the voxel, grains included."""
        return solution_of(self.outcome.parameters)


def fit_lattice(
    curve: WeightedCurve,
    lattice: str | None,
    solution: Solution[float],
    *,
    freedom: Freedom,
    grains: Grains[float] | None = None,
    priors: Mapping[str, tuple[float, float]] | None = None,
) -> LatticeFit:
    """The best fit of `lattice` (None: no crystals) to the curve, from `solution` on.

    grains: where to begin; None: every allowed lattice constant is tried. priors: name -> (mean, standard deviation),
    Gaussian, e.g. the shape of the pattern in pooled frames.
    """
    model = _model(curve, lattice, solution, freedom)
    if grains is not None:
        return _fitted(curve, model, _padded(solution, grains, model), freedom, priors or {}, STEPS)
    return finished(raced(curve, lattice, solution, freedom=freedom, priors=priors), priors=priors)


def raced(
    curve: WeightedCurve,
    lattice: str | None,
    solution: Solution[float],
    *,
    freedom: Freedom,
    priors: Mapping[str, tuple[float, float]] | None = None,
) -> list[LatticeFit]:
    """RACE_STEPS from the best lattice constants over every allowed spacing, best first; none need have converged."""
    model = _model(curve, lattice, solution, freedom)
    starts = [NO_GRAINS] if lattice is None else scan_lattice(curve, lattice, solution, model.smooth)
    fits = [_fitted(curve, model, _padded(solution, one, model), freedom, priors or {}, RACE_STEPS) for one in starts]
    return sorted(fits, key=lambda one: one.score)


def raced_on(field: Sequence[LatticeFit], curve: WeightedCurve, freedom: Freedom) -> list[LatticeFit]:
    """The race of a lattice gone on with on another curve (same q, other variance) or with more freedom, best first."""
    fits = []
    for one in field:
        model = _model(curve, one.lattice, one.solution, freedom)
        start = _padded(one.solution, grains_of(one.outcome.parameters), model)
        fits.append(_fitted(curve, model, start, freedom, {}, RACE_STEPS))
    return sorted(fits, key=lambda one: one.score)


def finished(
    field: Sequence[LatticeFit], *, rival: float = np.inf, priors: Mapping[str, tuple[float, float]] | None = None
) -> LatticeFit:
    """The best of a race, run to its minimum; starts without hope, beside the others or beside the score `rival`, are
    left where they are."""
    ends: list[LatticeFit] = []
    for one in field:
        least = min([rival, field[0].score, *(end.score for end in ends)])
        if one.outcome.converged or one.score > HOPELESS[0] * least + HOPELESS[1]:
            ends.append(one)
        else:
            ends.append(_fitted(one.curve, one.model, one.outcome.parameters, one.freedom, priors or {}, STEPS))
    return min(ends, key=lambda end: end.score)


def _model(curve: WeightedCurve, lattice: str | None, solution: Solution[float], freedom: Freedom) -> LatticeModel:
    smooth = smooth_basis(curve.q, solution.diameter) if freedom.smooth else np.zeros((curve.q.size, 0))
    return LatticeModel(curve.q, lattice, textured_reflections(lattice) if freedom.texture and lattice else 0, smooth)


def scan_lattice(
    curve: WeightedCurve, lattice: str, solution: Solution[float], smooth: FloatArray
) -> list[Grains[float]]:
    """Starts: the best lattice constants over all spacings and a few widths, each with the solution's parameters refitted
    to first order."""
    d = solution.diameter
    nearest = d * np.exp(np.arange(np.log(SPACINGS[0]), np.log(SPACINGS[1]), SCAN_STEP))
    lengths, least = nearest / lattice_named(lattice).neighbour_distance, 1.5 * float(np.median(np.diff(curve.q)))
    model = LatticeModel(curve.q, None, 0, smooth)
    value, slopes = model(_padded(solution, NO_GRAINS, model))
    root = 1.0 / np.sqrt(curve.variance(np.maximum(value, 0.3 * curve.intensity)))
    columns = np.delete(slopes, range(len(solution), len(PARAMETERS)), axis=1) * root[:, None]
    columns /= np.linalg.norm(columns, axis=0) + 1e-300
    basis = np.linalg.qr(columns)[0]
    residual = (curve.intensity - value) * root
    residual = residual - basis @ (basis.T @ residual)
    coherent = solution.scale * amplitude(curve.q, d, solution.deviation) ** 2 * root
    best: list[tuple[float, Grains[float]]] = []
    found: list[Grains[float]] = []
    for width in SCAN_WIDTHS:
        gains, found = [], []
        for spacing, a in zip(nearest.tolist(), lengths.tolist(), strict=True):
            fwhm = max(width * first_reflection(lattice, a), least)
            u2 = LINDEMANN * spacing**2
            template = coherent * superlattice_order(curve.q, lattice, a, fwhm, u2).value
            template = template - basis @ (basis.T @ template)
            norm2 = float(template @ template)
            fraction = max(float(template @ residual) / norm2, 0.0)
            gains.append(fraction**2 * norm2)
            found.append(Grains(min(fraction, 1.0), a, fwhm, u2, SCAN_TAILS, NO_GRAINS.size_ratio))
        tops = _tops(np.array(gains))
        best += [(gains[i], found[i]) for i in tops]
    if not best:  # no spacing adds anything: the fit begins without grains, at the closest packing
        best = [(0.0, found[0])]
    return _distinct(sorted(best, reverse=True))


def _distinct(ranked: Sequence[tuple[float, Grains[float]]]) -> list[Grains[float]]:
    """The first MOST_STARTS whose lattice constants differ."""
    chosen: list[Grains[float]] = []
    for _, one in ranked:
        if all(abs(np.log(one.a / other.a)) > DISTINCT for other in chosen):
            chosen.append(one)
        if len(chosen) == MOST_STARTS:
            break
    return chosen


def _padded(solution: Solution[float], grains: Grains[float], model: LatticeModel) -> FloatArray:
    """Start of all parameters: no texture, no correction."""
    return np.array([*solution, *grains, *np.zeros(model.size - len(PARAMETERS))])


def _fitted(
    curve: WeightedCurve,
    model: LatticeModel,
    start: FloatArray,
    freedom: Freedom,
    priors: Mapping[str, tuple[float, float]],
    steps: int,
) -> LatticeFit:
    known = _known(curve, model, start, freedom, priors)
    outcome = fit(curve, model, known, steps=steps)
    return LatticeFit(model.lattice, curve, model, outcome, freedom, score(outcome, known))


def _known(
    curve: WeightedCurve,
    model: LatticeModel,
    start: FloatArray,
    freedom: Freedom,
    priors: Mapping[str, tuple[float, float]],
) -> Knowledge:
    """Bounds that physics sets, priors for what the data may leave open."""
    start, held = start.copy(), []
    grains = [Limit()] * len(NO_GRAINS)
    if freedom.smooth:  # takes up sizes that are not normal; a skewness read off a curve with peaks would be theirs
        held.append(SLOT["skewness"])
        start[SLOT["skewness"]] = 0.0
    if model.lattice is None:
        held += [SLOT[name] for name in Grains._fields]
    else:
        bin_width, a = float(np.median(np.diff(curve.q))), float(start[SLOT["a"]])
        grains = list(grain_limits(model.lattice, a, bin_width, tails=freedom.lorentzian))
        if not freedom.lorentzian:
            held.append(SLOT["lorentzian"])
            start[SLOT["lorentzian"]] = 0.0
    limits = [*SOLUTION_LIMITS, *grains, *[TEXTURE] * model.textured, *[SMOOTH] * model.corrections]
    for name, (mean, sd) in priors.items():
        limits[SLOT[name]] = limits[SLOT[name]]._replace(mean=mean, sd=sd)
    known = Knowledge.of(start, limits, held=held)
    return replace(known, start=np.clip(start, known.lower, known.upper))


def _tops(values: FloatArray) -> npt.NDArray[np.intp]:
    """Indices of values greater than both neighbours; the last is a neighbour of the first."""
    return np.flatnonzero((values > np.roll(values, 1)) & (values > np.roll(values, -1)))
