"""Which lattice explains a curve: FCC, BCC, HCP, SC, or none of these.

No significant peak, no lattice. With peaks, every lattice is fitted with the same freedom and scored; the best one is
the answer only if it beats the solution alone, the peaks without any lattice and the other lattices, its strongest
reflection is among the peaks, and no sharp peak of weight is left unexplained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...nouns import FloatArray, LatticeAssignment, Number, Peak
from ...physics.lattices import LATTICES, reflection_positions, reflections
from ...physics.sphere_kernels import skewed_form_factor
from .lattice_fit import LOOSE, RIGID, SMOOTHED, Freedom, LatticeFit, finished, raced, raced_on
from .parameters import WIDEST
from .peaks import PeakSearch, find_peaks, score_of_free_peaks
from .weighted_curve import WeightedCurve
from .weighted_fit import local_excess

CLEAR = 10.0  # difference of scores that decides: odds of 150 to 1 (Kass & Raftery 1995: "very strong")
UNEXPLAINED = 0.25  # a sharp peak must be explained if its power and its significance reach this share of the largest
SHARP = 2.5  # wider peaks, in units of the lattice's own FWHM, are diffuse scattering of faults and need no hkl


@dataclass(frozen=True, eq=False)
class LatticeStudy:
    """The assignment and what it rests on: the peaks (None where nothing scatters like spheres), and the fits of all
    lattices (and "", the solution alone) at one freedom."""

    assignment: LatticeAssignment
    search: PeakSearch | None
    fits: dict[str, LatticeFit]
    freedom: Freedom

    @property
    def best(self) -> LatticeFit | None:
        """The fit of the assigned lattice; None where none is assigned, whatever peaks there are."""
        return self.fits[self.assignment.lattice] if self.assignment.lattice else None


def study_curve(curve: WeightedCurve) -> LatticeStudy:
    """Find peaks, fit every lattice, decide."""
    search = find_peaks(curve)
    if search is None:
        why = "no particles: no size explains the curve, so peaks were not searched"
        return LatticeStudy(_nothing((), {}, why), None, {}, RIGID)
    if not search.peaks:
        why = f"no peak above {search.threshold:.1f} sigma: no lattice"
        return LatticeStudy(_nothing(search.peaks, {}, why), search, {}, RIGID)
    freedom, fits = compare_lattices(curve, search)
    scores = {name or "solution": one.score for name, one in fits.items()}
    scores |= _free_peaks(search, fits, freedom)
    best = min((one for name, one in fits.items() if name), key=lambda one: one.score)
    peaks = label_peaks(search.peaks, best)
    doubt = _doubt(best, scores, peaks) or _rivalry(best, scores)
    if doubt:
        return LatticeStudy(_nothing(_without_hkl(peaks), scores, doubt), search, fits, freedom)
    assignment = _assigned(best, peaks, scores, fits)
    if not search.outcome.converged:
        unsure = "; places of the peaks from a search that did not converge"
        assignment = replace(assignment, verdict=assignment.verdict + unsure)
    return LatticeStudy(assignment, search, fits, freedom)


def compare_lattices(curve: WeightedCurve, search: PeakSearch) -> tuple[Freedom, dict[str, LatticeFit]]:
    """All lattices and the solution alone (key ""), with the least freedom at which the best of them fits; where none
    does, with most freedom and the variance widened where the best one misses, so that scores stay comparable.

    Lattices far behind the best are not fitted to their end (`converged` says so): their scores are upper bounds."""
    start = search.solution
    field: dict[str, list[LatticeFit]] = {}
    for freedom in (RIGID, SMOOTHED, LOOSE):
        if freedom is RIGID and curve.estimated:
            continue
        ground = curve if freedom is RIGID else search.curve
        if freedom is LOOSE:
            field = {name: raced_on(ones, ground, freedom) for name, ones in field.items()}
        else:
            field = {n: raced(ground, n or None, start, freedom=freedom) for n in ("", *LATTICES)}
        fits = _contest(field)
        best = min(fits.values(), key=lambda one: one.score)
        if best.widening == 1.0:
            return freedom, fits
        if freedom is RIGID:  # sizes fitted with the lattice are a better start than those read between the peaks
            start = best.solution
    rough = search.curve.with_excess(local_excess(search.curve, best.outcome))
    return LOOSE, _contest({name: raced_on([one], rough, LOOSE) for name, one in fits.items()})


def _contest(field: Mapping[str, Sequence[LatticeFit]]) -> dict[str, LatticeFit]:
    """The best fit of each lattice: the one ahead first, so that those without hope beside it stay where they are. The
    solution alone is always fitted to its end."""
    fits: dict[str, LatticeFit] = {}
    for name in sorted(field, key=lambda one: field[one][0].score):
        ahead = min((one.score for one in fits.values()), default=np.inf)
        fits[name] = finished(field[name], rival=ahead if name else np.inf)
    return fits


def label_peaks(peaks: Sequence[Peak], one: LatticeFit) -> tuple[Peak, ...]:
    """Each peak with the hkl of the reflection at its place: within 4 sigma of both, or half the width of the lattice's
    peaks.

    Where several are near enough, the one that the fit makes strongest is taken.
    """
    name, a, fwhm = str(one.lattice), one.value("a"), one.value("fwhm")
    hkl, places = reflection_positions(name, a, float(one.curve.q[-1]))
    strength = fitted_weights(one, len(hkl))
    labelled = []
    for peak in peaks:
        reach = max(4.0 * float(np.hypot(peak.q_sigma, peak.q * one.sigma("a") / a)), 0.5 * fwhm)
        near = np.flatnonzero((np.abs(places - peak.q) < reach) & (strength > 0.02 * np.max(strength, initial=0.0)))
        sharp = peak.fwhm < SHARP * fwhm
        chosen = hkl[int(near[np.argmax(strength[near])])] if near.size and sharp else None
        labelled.append(replace(peak, hkl=chosen))
    return tuple(labelled)


def fitted_weights(one: LatticeFit, count: int) -> FloatArray:
    """Strength of the first `count` reflections in Z, m |F|^2/n^2 / q^2 with the fitted texture, in units of a^2."""
    families = reflections(str(one.lattice), 0.5 * np.ceil(one.curve.q[-1] * one.value("a") / np.pi))
    weight = (families.weight / families.s**2)[:count]
    texture = one.model.texture(one.outcome.parameters)[:count]
    weight[: texture.size] *= 1.0 + texture
    return np.asarray(weight)


def _free_peaks(search: PeakSearch, fits: dict[str, LatticeFit], freedom: Freedom) -> dict[str, float]:
    """Score of the peaks without any lattice, where the noise is what it was when they were found; faulted crystals,
    whose pattern no perfect lattice fits, would always lose against it."""
    curve = fits[""].curve
    if float(np.max(curve.excess)) > float(np.max(search.curve.excess)):
        return {}
    return {"free peaks": score_of_free_peaks(curve, search, smooth=freedom.smooth)}


def _doubt(best: LatticeFit, scores: dict[str, float], peaks: Sequence[Peak]) -> str:
    """Why no lattice may be named; empty where one may."""
    power = peak_power(peaks, best)
    largest = peaks[int(np.argmax(power))]
    if largest.fwhm > WIDEST * largest.q:
        return f"the peak at {largest.q:.3f} 1/nm is as wide as a liquid's: ordered at short range only"
    if scores["solution"] - best.score < CLEAR or best.value("fraction") <= 0.0:
        return f"none of these: no lattice explains the {len(peaks)} peak(s) better than the solution alone"
    highest = max(p.significance for p in peaks)
    left = [
        p.q
        for p, share in zip(peaks, power / power.max(), strict=True)
        if p.hkl is None and p.fwhm < SHARP * best.value("fwhm")
        if share > UNEXPLAINED and p.significance > UNEXPLAINED * highest
    ]
    if left:
        where = ", ".join(f"{q:.3f}" for q in left)
        return f"none of these: {best.lattice} is nearest but leaves the peak(s) at {where} 1/nm unexplained"
    strongest = _strongest_family(str(best.lattice))
    if strongest not in [p.hkl for p in peaks]:
        label = "".join(str(i) for i in strongest)
        return f"none of these: {best.lattice} is nearest but its strongest reflection {label} is missing"
    if not best.outcome.converged:
        return f"none of these: the fit of {best.lattice}, the nearest, did not converge"
    return ""


def _rivalry(best: LatticeFit, scores: dict[str, float]) -> str:
    """Why the best lattice is not clearly the answer, by the scores alone; empty where it is."""
    if scores.get("free peaks", np.inf) - best.score < CLEAR:
        return f"none of these: the peaks without any lattice explain the curve as well as {best.lattice}, the nearest"
    rivals = [(s, name) for name, s in scores.items() if name in LATTICES and name != best.lattice]
    if rivals and min(rivals)[0] - best.score < CLEAR:
        second, name = min(rivals)
        return (
            f"peaks, but {best.lattice} and {name} explain them alike "
            f"(scores {best.score:.0f} and {second:.0f}): more reflections are needed"
        )
    return ""


def peak_power(peaks: Sequence[Peak], one: LatticeFit) -> FloatArray:
    """What each peak adds to the invariant, area of S - 1 x P q^2: unlike the area it does not overrate the form
    factor's minima."""
    s = one.solution
    places = np.array([peak.q for peak in peaks])
    form = skewed_form_factor(places, s.diameter, s.deviation, s.skewness)
    return np.asarray(np.array([peak.area for peak in peaks]) * form * places**2)


def _strongest_family(name: str) -> tuple[int, int, int]:
    families = reflections(name, 2.5)
    return families.hkl[int(np.argmax(families.weight / families.s**2))]


def _difference(scores: float) -> str:
    """A difference of scores: whole, or its power of ten where it is past doubt."""
    return f"{scores:.0f}" if scores < 1e4 else f"{scores:.0e}"


def _assigned(
    best: LatticeFit, peaks: tuple[Peak, ...], scores: dict[str, float], fits: dict[str, LatticeFit]
) -> LatticeAssignment:
    explained = [p for p in peaks if p.hkl]
    labels = ", ".join("".join(str(i) for i in p.hkl) for p in explained if p.hkl)
    rest = len(peaks) - len(explained)
    score, rival = min((s, n) for n, s in scores.items() if n not in (best.lattice, "free peaks"))
    by = "by" if fits["" if rival == "solution" else rival].outcome.converged else "by at most"
    verdict = f"{best.lattice}: {labels}; next is {rival}, its score worse {by} {_difference(score - best.score)}"
    verdict += f"; {rest} weak or diffuse peak(s) not explained" if rest else ""
    how = f"joint fit of sizes and {best.lattice} to one curve, {len(explained)} peak(s)"
    return LatticeAssignment(
        lattice=best.lattice,
        a=Number(best.value("a"), best.sigma("a"), "nm", how),
        crystalline_fraction=Number(best.value("fraction"), best.sigma("fraction"), "one", how),
        peaks=peaks,
        scores=scores,
        verdict=verdict,
    )


def _nothing(peaks: tuple[Peak, ...], scores: dict[str, float], why: str) -> LatticeAssignment:
    return LatticeAssignment(None, Number.absent("nm", why), Number.absent("one", why), peaks, scores, why)


def _without_hkl(peaks: Sequence[Peak]) -> tuple[Peak, ...]:
    return tuple(replace(peak, hkl=None) for peak in peaks)
