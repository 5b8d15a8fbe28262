"""Every candidate fitted to one curve with the same freedom, so that scores compare: lattices, faulted close packing, a dense
fluid, the solution alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray
from ...physics.lattices import CANDIDATES, STACKED
from ...physics.stacking import close_packing
from .bragg import smooth_basis
from .fluid import FluidFit, fit_fluid
from .lattice_fit import (
    LOOSE,
    RACE_STEPS,
    RIGID,
    SMOOTHED,
    Freedom,
    LatticeFit,
    finished,
    fit_lattice,
    raced,
    raced_on,
)
from .parameters import Solution, grains_of
from .peaks import PeakSearch
from .weighted_curve import WeightedCurve
from .weighted_fit import hopeless, local_excess

CLEAR = 10.0  # difference of scores that decides: odds of 150 to 1 (Kass & Raftery 1995: "very strong")
BEHIND = 1.5  # after the first steps scores are not what they will be
RACED = ("", *CANDIDATES)
SPECIAL = {STACKED: ("FCC", "HCP"), "BCT": ("BCC", "FCC")}
BAIN = (1.0, float(np.sqrt(2.0)))  # c/a of BCT in BCC and FCC
NEARLY = (
    0.1  # of the number that a lattice leaves open, from that of its special case: near enough to begin this one there
)


@dataclass(frozen=True, eq=False)
class Contest:
    """Fits by name ("": the solution alone) at one freedom, and a dense fluid at the same."""

    freedom: Freedom
    fits: dict[str, LatticeFit]
    fluid: FluidFit


def compare_lattices(curve: WeightedCurve, search: PeakSearch) -> Contest:
    """All candidates with the least freedom at which the best of them fits; where none does, with most freedom and the
    variance widened where the best one misses, so that scores stay comparable.

    Lattices far behind the best are not fitted to their end (`converged` says so): their scores are upper bounds."""
    start = search.solution
    fits: dict[str, LatticeFit] = {}
    field: dict[str, list[LatticeFit]] = {}
    for freedom in (RIGID, SMOOTHED):
        if freedom is RIGID and curve.estimated:
            continue
        ground = curve if freedom is RIGID else search.curve
        fluid = fit_fluid(ground, start, _smooth(ground, start, freedom), _highest(search))
        field = _race(ground, start, freedom, search, field)
        if fluid.is_enough and fluid.score + CLEAR < min(ones[0].score for ones in field.values()):
            return Contest(freedom, {name: ones[0] for name, ones in field.items()}, fluid)
        fits = _contest(field, fluid.score)
        best = min(fits.values(), key=lambda one: one.score)
        if best.widening == 1.0:
            return Contest(freedom, fits, fluid)
        start = best.solution  # sizes fitted with the lattice are a better start than those read between the peaks
    loose = _gone_on_with(fits, search.curve, fluid.score)
    best = min(loose.values(), key=lambda one: one.score)
    if best.widening > 1.0 and not fluid.is_enough:
        nearest = best.outcome if best.score < fluid.score else fluid.outcome
        ground = search.curve.with_excess(local_excess(search.curve, nearest))
        fluid = fit_fluid(ground, start, _smooth(ground, start, LOOSE), _highest(search))
        loose = _gone_on_with(loose, ground, fluid.score)
    return Contest(LOOSE, loose, fluid)


def _gone_on_with(fits: Mapping[str, LatticeFit], curve: WeightedCurve, rival: float) -> dict[str, LatticeFit]:
    """Those that are not without hope, beside each other and the score `rival`, with most freedom on `curve`; the others
    stay as they are."""
    best = min([rival, *(one.score for one in fits.values())])
    able = [name for name, one in fits.items() if not (name and hopeless(one.score, best))]
    return {**fits, **_contest({name: raced_on([fits[name]], curve, LOOSE) for name in able}, rival)}


def _race(
    curve: WeightedCurve, start: Solution[float], freedom: Freedom, search: PeakSearch,
    before: Mapping[str, Sequence[LatticeFit]],
) -> dict[str, list[LatticeFit]]:  # fmt: skip
    """A few steps of every start of every lattice, more of those that are then not far behind. before: the race with less
    freedom; those far behind there begin once, where they were."""
    least = min((ones[0].score for ones in before.values()), default=np.inf)
    field = {
        name: raced_on(before[name][:1], curve, freedom, RACE_STEPS[0])
        if name and name in before and hopeless(before[name][0].score, BEHIND * least)
        else raced(curve, name or None, start, freedom=freedom, peaks=search.peaks)
        for name in RACED
    }
    best = BEHIND * min(one.score for ones in field.values() for one in ones)
    for name, ones in field.items():
        able = [one for one in ones if not (name and hopeless(one.score, best))]
        field[name] = sorted(
            [*raced_on(able, curve, freedom), *(one for one in ones if one not in able)], key=lambda one: one.score
        )
    return field


def _contest(field: Mapping[str, Sequence[LatticeFit]], rival: float) -> dict[str, LatticeFit]:
    """The best fit of each lattice: the one ahead first, so that those without hope beside it, or beside the score
    `rival`, stay where they are. The solution alone is always fitted to its end."""
    fits: dict[str, LatticeFit] = {}
    for name in sorted(field, key=lambda one: field[one][0].score):
        ahead = min([rival, *(one.score for one in fits.values())])
        fits[name] = finished(field[name], rival=ahead if name else np.inf)
    return _with_special_cases(fits)


def _with_special_cases(fits: dict[str, LatticeFit]) -> dict[str, LatticeFit]:
    """Lattices that were left behind one that holds them and has come to them are begun once more, where that one ended."""
    better = dict(fits)
    for general, cases in SPECIAL.items():
        one = fits.get(general)
        if one is None or not one.outcome.converged:
            continue
        for case, (shape, constant) in zip(cases, _places(one), strict=True):
            other = better.get(case)
            lost = other is not None and not other.outcome.converged and one.score + CLEAR < other.score
            if not lost or abs(one.value("shape") - shape) > NEARLY:
                continue
            grains = grains_of(one.outcome.parameters)._replace(a=constant, shape=0.0)
            again = fit_lattice(one.curve, case, one.solution, freedom=one.freedom, grains=grains)
            better[case] = min((again, better[case]), key=lambda fit: fit.score)
    return better


def _places(one: LatticeFit) -> tuple[tuple[float, float], ...]:
    """(shape, lattice constant) that each special case of a lattice has, of its parameters."""
    a = one.value("a")
    if one.lattice == STACKED:
        return tuple((pure, close_packing(pure)[1] * a) for pure in (0.0, 1.0))
    return tuple((ratio, ratio * a) for ratio in BAIN)


def _highest(search: PeakSearch) -> float:
    """q (1/nm) of the most significant peak."""
    return max(search.peaks, key=lambda peak: peak.significance).q


def _smooth(curve: WeightedCurve, start: Solution[float], freedom: Freedom) -> FloatArray:
    """The correction's basis (q, m), m = 0 where it has none."""
    return smooth_basis(curve.q, start.diameter) if freedom.smooth else np.zeros((curve.q.size, 0))
