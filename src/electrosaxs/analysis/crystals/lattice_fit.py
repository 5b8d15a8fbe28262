"""Fit of solution and grains of one given lattice to one curve: sizes, crystalline fraction, lattice constant, all
jointly.

Weights are those of the fitted model (counts stay Poisson). Nothing but the lattice's name has to be given: the lattice
constant is found by a scan over every spacing that the particles' size allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...nouns import FloatArray, Peak
from ...physics.lattices import SHAPES, STACKED
from ...physics.stacking import close_packing
from .bragg import LatticeModel, smooth_basis, textured_reflections
from .parameters import (
    NO_GRAINS,
    PARAMETERS,
    SLOT,
    SMOOTH,
    SOLUTION_LIMITS,
    TEXTURE,
    Grains,
    Solution,
    grain_limits,
    grains_of,
    open_shape,
    solution_of,
)
from .starts import scan_lattice
from .weighted_curve import WeightedCurve
from .weighted_fit import HOPELESS, LOST, ROUGHLY, STEPS, TOLERANCE, FitOutcome, Knowledge, Limit, fit, hopeless, score

RACE_STEPS = (4, 8)  # of every start, and of those then not without hope
ENOUGH_STEPS = 20  # what most fits need
SAME_PLACE = 1e-3  # of ln a and of the shape: two starts that have met


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
    def name(self) -> str | None:
        """What the lattice is called: faulted close packing by what prevails in it."""
        return close_packing(self.value("shape"))[0] if self.lattice == STACKED else self.lattice

    @property
    def unit(self) -> float:
        """The lattice constant that goes with the name, over the parameter a."""
        return close_packing(self.value("shape"))[1] if self.lattice == STACKED else 1.0

    @property
    def shape(self) -> float | None:
        """The number that the lattice leaves open, None where it leaves none."""
        return open_shape(self.lattice, self.value("shape"))

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
    peaks: Sequence[Peak] = (),
) -> list[LatticeFit]:
    """The first RACE_STEPS from the best lattice constants, best first; none need have converged. peaks: found in
    the curve, one of which must then be a reflection; without any, every allowed spacing is tried."""
    model = _model(curve, lattice, solution, freedom)
    starts = [NO_GRAINS] if lattice is None else scan_lattice(curve, lattice, solution, model.smooth, peaks)
    fits = [
        _fitted(curve, model, _padded(solution, one, model), freedom, priors or {}, RACE_STEPS[0]) for one in starts
    ]
    return sorted(fits, key=lambda one: one.score)


def raced_on(
    field: Sequence[LatticeFit], curve: WeightedCurve, freedom: Freedom, steps: int = RACE_STEPS[1]
) -> list[LatticeFit]:
    """The race of a lattice gone on with on another curve (same q, other variance) or with more freedom, best first."""
    fits = []
    for one in field:
        model = _model(curve, one.lattice, one.solution, freedom)
        start = _padded(one.solution, grains_of(one.outcome.parameters), model)
        fits.append(_fitted(curve, model, start, freedom, {}, steps))
    return sorted(fits, key=lambda one: one.score)


def finished(
    field: Sequence[LatticeFit], *, rival: float = np.inf, priors: Mapping[str, tuple[float, float]] | None = None
) -> LatticeFit:
    """The best of a race, run to its minimum; starts without hope, beside the others or beside the score `rival`, are
    left where they are, and so are those that have come to the place of a better one."""
    ends: list[LatticeFit] = []
    for start in field:
        one, least = start, min([rival, field[0].score, *(end.score for end in ends)])
        for steps, margin in ((ENOUGH_STEPS, HOPELESS), (STEPS, LOST)):
            if not (one.outcome.converged or hopeless(one.score, least, margin) or _met(one, ends)):
                one = _fitted(one.curve, one.model, one.outcome.parameters, one.freedom, priors or {}, steps)
        ends.append(one)
    return min(ends, key=lambda end: end.score)


def _met(one: LatticeFit, ends: Sequence[LatticeFit]) -> bool:
    return any(
        end.score <= one.score
        and abs(np.log(one.value("a") / end.value("a"))) < SAME_PLACE
        and abs(one.value("shape") - end.value("shape")) < SAME_PLACE
        for end in ends
    )


def _model(curve: WeightedCurve, lattice: str | None, solution: Solution[float], freedom: Freedom) -> LatticeModel:
    smooth = smooth_basis(curve.q, solution.diameter) if freedom.smooth else np.zeros((curve.q.size, 0))
    return LatticeModel(curve.q, lattice, textured_reflections(lattice) if freedom.texture and lattice else 0, smooth)


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
    outcome = fit(curve, model, known, steps=steps, tolerance=ROUGHLY if steps in RACE_STEPS else TOLERANCE)
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
        shape = float(start[SLOT["shape"]])
        grains = list(grain_limits(model.lattice, a, shape, bin_width, tails=freedom.lorentzian))
        if model.lattice not in SHAPES:
            held.append(SLOT["shape"])
        if not freedom.lorentzian:
            held.append(SLOT["lorentzian"])
            start[SLOT["lorentzian"]] = 0.0
    limits = [*SOLUTION_LIMITS, *grains, *[TEXTURE] * model.textured, *[SMOOTH] * model.corrections]
    for name, (mean, sd) in priors.items():
        limits[SLOT[name]] = limits[SLOT[name]]._replace(mean=mean, sd=sd)
    known = Knowledge.of(start, limits, held=held)
    return replace(known, start=np.clip(start, known.lower, known.upper))
