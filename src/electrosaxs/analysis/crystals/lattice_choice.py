"""Which lattice explains a curve: one of physics.lattices.CANDIDATES, a dense fluid, or none of these.

No significant peak, no lattice. With peaks, every candidate is fitted with the same freedom and scored; the best one is
the answer only if it beats the solution alone, a dense fluid, the peaks without any lattice and the other lattices, its
strongest reflection is among the peaks, and no sharp peak of weight is left unexplained. A lattice with a number of its own
(c/a, fault fraction) must beat those that it holds as special cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...nouns import LatticeAssignment, Number, Peak
from ...nouns.results import ReflectionRecord
from ...physics.lattices import STACKED, reflections
from .contest import BAIN, CLEAR, SPECIAL, Contest, compare_lattices
from .lattice_constant import constant
from .lattice_fit import RIGID, Freedom, LatticeFit
from .parameters import WIDEST
from .peaks import PeakSearch, find_peaks, score_of_free_peaks
from .refutation import UNEXPLAINED, against, label_peaks, peak_power, unexplained
from .weighted_curve import WeightedCurve

ENOUGH = 3  # reflections of one lattice that chance does not bring together
SAME_RATIO = 0.02  # of c/a, closer than which to those a tetragonal lattice is strained, and named after them
RESOLVED = 1.2  # FWHM: two Gaussian lines further apart have a dip of more than a quarter between them
LEAST_FAULTS = 0.005  # of layers (chosen): fewer do nothing to the lines but take up what sizes and texture miss
FLUID, OTHER, ALONE = "dense fluid", "another lattice", "solution"
FREE = "free peaks"
FATES = {
    "hidden": "hidden by a zero of the form factor",
    "smeared": "smeared by the faults",
    "absent": "absent, and no zero of the form factor explains it",
}


@dataclass(frozen=True, eq=False)
class LatticeStudy:
    """The assignment and what it rests on: the peaks (None where nothing scatters like spheres), and the fits of all
    lattices (and "", the solution alone) at one freedom. chosen: the fit behind the assigned lattice. tied: where none is
    assigned because several explain the peaks alike, these, the best one first."""

    assignment: LatticeAssignment
    search: PeakSearch | None
    fits: dict[str, LatticeFit]
    freedom: Freedom
    chosen: str = ""
    tied: tuple[str, ...] = ()

    @property
    def best(self) -> LatticeFit | None:
        """The fit of the assigned lattice; None where none is assigned, whatever peaks there are."""
        return self.fits[self.chosen] if self.chosen else None

    @property
    def likeliest(self) -> LatticeFit | None:
        """The assigned lattice, or the first of those that explain the peaks alike: crystals there are by either."""
        return self.fits[self.tied[0]] if self.tied else self.best

    def decided(self, name: str, words: str) -> LatticeStudy:
        """This study with one of the tied lattices assigned, and why."""
        best, made = self.fits[name], self.assignment
        assert self.search is not None
        assigned = _assigned(best, label_peaks(self.search.peaks, best), made.scores, self.fits)
        verdict = f"{assigned.verdict}; {words}"
        decided = replace(assigned, verdict=verdict, probabilities=made.probabilities, against=made.against)
        return replace(self, assignment=decided, chosen=name, tied=())


def constants_in_words(ones: Sequence[LatticeFit], peaks: Sequence[Peak]) -> str:
    """What each of several lattices would have as its constant: "FCC with a = 15.1 +- 0.01 nm or BCC with ..."."""
    told = []
    for one in ones:
        a = constant(one, label_peaks(peaks, one), "")
        told.append(f"{one.name} with a = {a.value:.5g} +- {a.sigma:.1g} nm")
    return " or ".join(told)


def study_curve(curve: WeightedCurve) -> LatticeStudy:
    """Find peaks, fit every candidate, decide."""
    search = find_peaks(curve)
    if search is None:
        why = "no particles: no size explains the curve, so peaks were not searched"
        return LatticeStudy(_nothing((), {}, why), None, {}, RIGID)
    if not search.peaks:
        why = f"no peak above {search.threshold:.1f} sigma: no lattice"
        return LatticeStudy(_nothing(search.peaks, {}, why), search, {}, RIGID)
    contest = compare_lattices(curve, search)
    fits = contest.fits
    scores = {name or ALONE: one.score for name, one in fits.items()} | {FLUID: contest.fluid.score}
    scores |= _free_peaks(search, fits, contest.freedom)
    records = {str(name): against(one, search) for name, one in fits.items() if name}
    best = fits[_uncontradicted(fits[leader(fits)], records, search.peaks)]
    own = records[str(best.lattice)]
    if STACKED in fits and fits[STACKED].name != STACKED:  # faulted crystals of one of the others, and no third kind
        faulted = records.pop(STACKED)
        records |= {str(best.name): faulted} if best.lattice == STACKED else {}
    peaks = label_peaks(search.peaks, best)
    refuted = _refuted(best, scores, peaks, search.threshold) or _strong_absent(best, own)
    doubt = refuted or _lone_peaks(best, scores, peaks, own)
    tied = () if doubt else _tied(best, fits)
    doubt = _tie(tied, search.peaks, fits) if tied else doubt
    odds = probabilities(scores, best, contest, doubt=doubt, refuted=bool(refuted))
    if doubt:
        nothing = replace(_nothing(_without_hkl(peaks), scores, doubt), probabilities=odds, against=records)
        return LatticeStudy(nothing, search, fits, contest.freedom, tied=tied)
    assignment = replace(_assigned(best, peaks, scores, fits), probabilities=odds, against=records)
    verdict = assignment.verdict + _why_not(records, best, odds)
    if not search.outcome.converged:
        verdict += "; places of the peaks from a search that did not converge"
    return LatticeStudy(replace(assignment, verdict=verdict), search, fits, contest.freedom, str(best.lattice))


def leader(fits: Mapping[str, LatticeFit]) -> str:
    """The best lattice; one with a number of its own only where it clearly beats its special cases and is not nearly one."""
    able = []
    for name, one in fits.items():
        special = min((fits[n].score for n in SPECIAL.get(name, ()) if n in fits), default=np.inf)
        if name and one.score + CLEAR < special and not _nearly_special(one):
            able.append(name)
    return min(able, key=lambda name: fits[name].score)


def _uncontradicted(one: LatticeFit, records: Mapping[str, ReflectionRecord], peaks: Sequence[Peak]) -> str:
    """The leader; where a reflection that it should show is absent, or its lines are too wide to show that they are split, and
    no peak speaks against a special case of it, this: its number of its own then follows the shape of the lines, not their
    places."""
    name = str(one.lattice)
    if name != "BCT" or not (records[name].with_fate("absent") or _split_unseen(one, peaks)):
        return name
    able = (case for case in SPECIAL[name] if case in records and not refutation(records[case]))
    return next(able, name)


def _split_unseen(one: LatticeFit, peaks: Sequence[Peak]) -> bool:
    """Whether the lines of a tetragonal lattice, q |c/a - 1| apart, show nowhere as two: strained cubic grains have peaks as
    wide, which the model with one width for all lines takes for split ones."""
    away = min(abs(one.value("shape") / ratio - 1.0) for ratio in BAIN)
    return all(away * peak.q < RESOLVED * peak.fwhm for peak in peaks)


def _nearly_special(one: LatticeFit) -> bool:
    shape = one.value("shape")
    return any(_nearly(one, ratio) for ratio in BAIN) or (
        one.lattice == STACKED and min(shape, 1.0 - shape) < LEAST_FAULTS
    )


def _nearly(one: LatticeFit, ratio: float) -> bool:
    return one.lattice == "BCT" and abs(one.value("shape") / ratio - 1.0) < SAME_RATIO


def probabilities(
    scores: Mapping[str, float], best: LatticeFit, contest: Contest, *, doubt: str, refuted: bool
) -> dict[str, float]:
    """Of every candidate, of a dense fluid, of the solution alone ("dilute") and of another lattice; 1 together.

    exp(-score / 2), all alike beforehand. Another lattice explains what the best candidate does with odds of 150 against, or
    the peaks as they are (`free peaks`) where these are a doubt; where the best candidate is refuted, no candidate is left, and
    peaks whose own score is not known speak for another lattice as much as for the solution alone.
    Faulted crystals that are named after FCC or HCP count among those. Special cases and what holds them are one family:
    where the simpler one leads, the other has no share.
    """
    shares = {name or "dilute": one.score for name, one in contest.fits.items()}
    shares |= {FLUID: scores[FLUID], OTHER: scores.get(FREE, np.inf) if doubt else best.score + CLEAR}
    shares[OTHER] = min(shares[OTHER], best.score + CLEAR)
    for name in SPECIAL:
        if name in shares and best.lattice != name:
            shares[name] = np.inf
    if refuted:
        shares |= {name: np.inf for name in contest.fits if name}
        shares[OTHER] = scores.get(FREE, min(best.score, scores[ALONE]))
    lowest = min(shares.values())
    weight = {name: float(np.exp(-0.5 * (score - lowest))) for name, score in shares.items()}
    total = sum(weight.values())
    odds = {name: one / total for name, one in weight.items()}
    kind = str(contest.fits[STACKED].name) if STACKED in contest.fits else STACKED
    if kind != STACKED:
        odds[kind] += odds.pop(STACKED)
    return odds


def _why_not(records: Mapping[str, ReflectionRecord], best: LatticeFit, odds: Mapping[str, float]) -> str:
    """What refutes the others, the likeliest first, and what hides reflections of the best."""
    others = sorted((name for name in records if name not in (best.name, *_family(best))), key=lambda name: -odds[name])
    told = [f"{name} {words}" for name in others if (words := refutation(records[name]))]
    text = f"; refuted: {', '.join(told)}" if told else ""
    own = records[str(best.name)]
    for fate, why in FATES.items():
        if gone := own.with_fate(fate):
            text += f"; {why}: {', '.join(label(one.hkl) for one in gone)}"
    return text


def refutation(record: ReflectionRecord) -> str:
    """The peaks that are no reflection of a candidate and its reflections that are absent, in words; empty where none."""
    parts = []
    if record.unexplained:
        parts.append(f"(no reflection at {', '.join(f'{q:.3f}' for q in record.unexplained)} 1/nm")
    absent = record.with_fate("absent")
    if absent:
        parts.append(f"{'' if parts else '('}no peak at {', '.join(label(one.hkl) for one in absent)}")
    return f"{'; '.join(parts)})" if parts else ""


def label(hkl: tuple[int, int, int]) -> str:
    """111; 10 0 2 where an index has two digits."""
    return ("" if max(hkl) < 10 else " ").join(str(i) for i in hkl)


def _free_peaks(search: PeakSearch, fits: dict[str, LatticeFit], freedom: Freedom) -> dict[str, float]:
    """Score of the peaks without any lattice, where the noise is what it was when they were found; faulted crystals,
    whose pattern no perfect lattice fits, would always lose against it."""
    curve = fits[""].curve
    if float(np.max(curve.excess)) > float(np.max(search.curve.excess)):
        return {}
    return {"free peaks": score_of_free_peaks(curve, search, smooth=freedom.smooth)}


def _refuted(best: LatticeFit, scores: Mapping[str, float], peaks: Sequence[Peak], threshold: float) -> str:
    """Why no lattice may be named; empty where one may."""
    power = peak_power(peaks, best)
    largest = peaks[int(np.argmax(power))]
    if scores[FLUID] + CLEAR < min(best.score, scores[ALONE]):
        return f"none of these: a dense fluid explains the {len(peaks)} peak(s), {best.name} is the nearest lattice"
    if largest.fwhm > WIDEST * largest.q:
        return f"the peak at {largest.q:.3f} 1/nm is as wide as a liquid's: ordered at short range only"
    if scores[ALONE] - best.score < CLEAR or best.value("fraction") <= 0.0:
        return f"none of these: no lattice explains the {len(peaks)} peak(s) better than the solution alone"
    if left := unexplained(best, peaks, threshold):
        where = ", ".join(f"{q:.3f}" for q in left)
        return f"none of these: {best.name} is nearest but leaves the peak(s) at {where} 1/nm unexplained"
    strongest = _strongest_family(best)
    if best.lattice != STACKED and strongest not in [p.hkl for p in peaks]:
        return f"none of these: {best.name} is nearest but its strongest reflection {label(strongest)} is missing"
    if best.lattice == "BCT" and (named := len({peak.hkl for peak in peaks if peak.hkl})) < ENOUGH:
        return f"none of these: BCT is nearest, but two lengths follow from {named} peak(s) whatever the lattice"
    if not best.outcome.converged:
        return f"none of these: the fit of {best.name}, the nearest, did not converge"
    return ""


def _strong_absent(best: LatticeFit, record: ReflectionRecord) -> str:
    """The reflections that should be among the strongest, and are not there, in words; empty where there are none."""
    strongest = max((one.significance for one in record.with_fate("found")), default=np.inf)
    gone = [label(one.hkl) for one in record.with_fate("absent") if one.significance > UNEXPLAINED * strongest]
    if not gone:
        return ""
    return f"none of these: {best.name} is nearest but lacks {', '.join(gone)}, which should be among its strongest"


def _lone_peaks(best: LatticeFit, scores: Mapping[str, float], peaks: Sequence[Peak], record: ReflectionRecord) -> str:
    """Why peaks that belong to no lattice may be the answer as well; empty where they may not.

    Peaks taken as they are, each of its own width, may follow faulted grains better than any lattice, and with many photons
    what no model of a lattice is exact enough for: they are no doubt where enough of them are its reflections, each that
    should be seen and is absent taking one away.
    """
    named = len({peak.hkl for peak in peaks if peak.hkl})
    settled = named - len(record.with_fate("absent")) >= ENOUGH + (best.lattice == "BCT")
    if not settled and scores.get(FREE, np.inf) - best.score < CLEAR:
        return (
            f"none of these: the peaks without any lattice explain the curve as well as {best.name}, the nearest; "
            f"if it is that, {constants_in_words([best], peaks)}"
        )
    return ""


def _tied(best: LatticeFit, fits: Mapping[str, LatticeFit]) -> tuple[str, ...]:
    """The best lattice and those of another family that explain the curve nearly as well; empty where there is none."""
    near = [name for name in _rivals(best, fits) if fits[name].score - best.score < CLEAR]
    return (str(best.lattice), *sorted(near, key=lambda name: fits[name].score)) if near else ()


def _tie(tied: Sequence[str], peaks: Sequence[Peak], fits: Mapping[str, LatticeFit]) -> str:
    one, other = (fits[name] for name in tied[:2])
    return (
        f"peaks, but {one.name} and {other.name} explain them alike "
        f"(scores {one.score:.0f} and {other.score:.0f}): more reflections are needed; "
        f"{constants_in_words([one, other], peaks)}"
    )


def _rivals(best: LatticeFit, fits: Mapping[str, LatticeFit]) -> list[str]:
    """Lattices of another family than the best: special cases, what holds them, and what hardly differs from one of them, are
    no rivals."""
    own = _family(best)
    return [name for name, one in fits.items() if name and name not in own and _called_after(one) not in own]


def _called_after(one: LatticeFit) -> str:
    """The cubic lattice that a tetragonal one is nearly; else its own name."""
    near = [case for case, ratio in zip(SPECIAL["BCT"], BAIN, strict=True) if _nearly(one, ratio)]
    return near[0] if near else str(one.lattice)


def _family(best: LatticeFit) -> set[str]:
    own = {name for name, cases in SPECIAL.items() if best.lattice in (name, *cases)}
    return own | set(SPECIAL.get(str(best.lattice), ())) | {str(best.lattice)}


def _strongest_family(one: LatticeFit) -> tuple[int, int, int]:
    families = reflections(str(one.name), 2.5, one.shape)
    return families.hkl[int(np.argmax(families.weight / families.s**2))]


def _difference(scores: float) -> str:
    """A difference of scores: whole, or its power of ten where it is past doubt."""
    return f"{scores:.0f}" if scores < 1e4 else f"{scores:.0e}"


def _assigned(
    best: LatticeFit, peaks: tuple[Peak, ...], scores: Mapping[str, float], fits: Mapping[str, LatticeFit]
) -> LatticeAssignment:
    explained = [p for p in peaks if p.hkl]
    labels = ", ".join(label(p.hkl) for p in explained if p.hkl)
    rest = len(peaks) - len(explained)
    score, rival = min((scores[n], n) for n in (*_rivals(best, fits), ALONE, FLUID))
    other = fits.get("" if rival == ALONE else rival)
    by = "by" if other is None or other.outcome.converged else "by at most"
    verdict = f"{_called(best)}: {labels}; next is {rival}, its score worse {by} {_difference(score - best.score)}"
    verdict += f"; {rest} weak or diffuse peak(s) not explained" if rest else ""
    how = f"joint fit of sizes and {_called(best)} to one curve, {len(explained)} peak(s)"
    return LatticeAssignment(
        lattice=best.name,
        a=constant(best, peaks, how),
        crystalline_fraction=Number(best.value("fraction"), best.sigma("fraction"), "one", how),
        peaks=peaks,
        scores=scores,
        verdict=verdict,
    )


def _called(one: LatticeFit) -> str:
    """The lattice with the number that it leaves open."""
    if one.lattice == STACKED:
        kind = "random stacking of close-packed layers" if one.name == STACKED else "with stacking faults"
        return f"{one.name} ({kind}, fault fraction {one.value('shape'):.2f})"
    return f"BCT (c/a = {one.value('shape'):.3f})" if one.lattice == "BCT" else str(one.lattice)


def _nothing(peaks: tuple[Peak, ...], scores: dict[str, float], why: str) -> LatticeAssignment:
    return LatticeAssignment(None, Number.absent("nm", why), Number.absent("one", why), peaks, scores, why)


def _without_hkl(peaks: Sequence[Peak]) -> tuple[Peak, ...]:
    return tuple(replace(peak, hkl=None) for peak in peaks)
