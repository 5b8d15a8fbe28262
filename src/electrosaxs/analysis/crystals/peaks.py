"""Bragg peaks of a curve, found without assuming a lattice, with a significance that keeps false ones rare.

A matched filter runs over what the best smooth form factor leaves: for every position and width, the peak of S - 1 that
fits best, over its own standard deviation with everything else of the model refitted. The highest is taken, all is
fitted anew, until nothing stands out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtri

from ...nouns import FloatArray, Peak
from ...physics.sphere_kernels import skewed_form_factor, squared_form_factor
from .bragg import SMOOTH_UP_TO, PeakModel, smooth_basis
from .parameters import PEAK_TAILS, SLOT, SMOOTH, SOLUTION_LIMITS, Solution, solution_of
from .weighted_curve import WeightedCurve
from .weighted_fit import ROUGHLY, FitOutcome, Knowledge, Limit, fit, score

FALSE_ALARM = 0.002  # chosen: chance that one pure-solution curve shows any peak
WIDTHS = (0.015, 0.03, 0.06, 0.12)  # FWHM of the filters in units of the q of the peak that 1.2 d apart particles give
FILTER_REACH = 2.5  # FWHM of a filter: exp(-4 ln2 6.25) = 3e-8
MOST_PEAKS = 14
START_STEPS = 60  # of the smooth part alone
SEARCH_STEPS = 10  # of each fit between two peaks, which the next peak changes anyway
LAST_STEPS = 40  # of the last one, with all peaks
SEARCH_TAILS = 0.3  # Lorentzian share at which a fit starts
START_SIZES = np.geomspace(1.5, 40.0, 120)
START_SPREADS = (0.05, 0.1, 0.16, 0.25)


class Excursion(NamedTuple):
    """The peak of S - 1 that stands out most: q and fwhm in 1/nm, area of S - 1 in 1/nm, unit of its significance."""

    significance: float
    q: float
    fwhm: float
    area: float
    unit: float


@dataclass(frozen=True, eq=False)
class PeakSearch:
    """Peaks in order of q, and the fit that they belong to: its parameters start with a Solution.

    curve: what was searched, up to SMOOTH_UP_TO, with the excess of noise that its smooth part demands. threshold:
    significance that a peak had to exceed. reduced: robust chi-squared per degree of freedom of the smooth part before
    that excess was granted. nuisances (q, k): orthonormal basis, in sigma, of what the last fit may still change.
    unit: scatter of the filter over the curve, in its own standard deviations, when nothing more stood out.
    """

    peaks: tuple[Peak, ...]
    curve: WeightedCurve
    outcome: FitOutcome
    threshold: float
    reduced: float
    nuisances: FloatArray
    unit: float

    @property
    def solution(self) -> Solution[float]:
        return solution_of(self.outcome.parameters)

    def standing_out(self, peaks: FloatArray) -> FloatArray:
        """At which significance the search would find peaks (peak, q) of known form and size, beside those it has."""
        seen = peaks / np.sqrt(self.outcome.variance)
        left = seen - (seen @ self.nuisances) @ self.nuisances.T
        return np.asarray(np.linalg.norm(left, axis=1) / self.unit)


def find_peaks(curve: WeightedCurve) -> PeakSearch | None:
    """All significant peaks of the curve; no peaks are a result, not an error. None where nothing scatters like spheres."""
    solution = start_solution(curve)
    if solution is None:
        return None
    curve = curve.up_to(SMOOTH_UP_TO / solution.diameter)
    smooth = smooth_basis(curve.q, solution.diameter)
    model = PeakModel(curve.q, smooth, 0)
    start = np.array([*solution, SEARCH_TAILS, *np.zeros(smooth.shape[1])])
    outcome = fit(
        curve.with_excess(100.0), model, _known(start, model), steps=START_STEPS, robust=2.5, tolerance=ROUGHLY
    )
    widths = filter_widths(curve.q, solution_of(outcome.parameters).diameter)
    filters = [gaussian_filter(curve.q, width) for width in widths]
    threshold = peak_threshold(float(curve.q[-1] - curve.q[0]), widths)
    searched, reduced, heights = curve, 1.0, []
    for count in range(MOST_PEAKS + 1):
        robust = 3.0 if count == 0 else 0.0
        known = _known(outcome.parameters, model)
        outcome = fit(curve, model, known, steps=SEARCH_STEPS, robust=robust, tolerance=ROUGHLY)
        reduced = _robust_reduced(curve, outcome)
        searched = curve
        if reduced > 1.0 + 5.0 * np.sqrt(5.5 / curve.q.size):
            searched = curve.with_excess(curve.excess * reduced)
            again = replace(known, start=outcome.parameters)
            outcome = fit(searched, model, again, steps=SEARCH_STEPS, robust=robust, tolerance=ROUGHLY)
        highest = strongest_peak(searched, model, outcome, widths, filters)
        if highest.significance < threshold or count == MOST_PEAKS:
            break
        heights.append(highest.significance)
        model = PeakModel(curve.q, smooth, count + 1)
        outcome = replace(
            outcome, parameters=np.concatenate([outcome.parameters, [highest.area, highest.q, highest.fwhm]])
        )
    if not outcome.converged:
        again = replace(known, start=outcome.parameters)
        outcome = fit(searched, model, again, steps=LAST_STEPS, robust=robust, tolerance=ROUGHLY)
    peaks = tuple(sorted(_peaks(outcome, model.first_peak, heights), key=lambda peak: peak.q))
    return PeakSearch(
        peaks, searched, outcome, threshold, reduced, _nuisances(searched, model, outcome)[0], highest.unit
    )


def score_of_free_peaks(curve: WeightedCurve, search: PeakSearch, *, smooth: bool) -> float:
    """Score of the found peaks taken as they are, each free in area, place and width: what a lattice has to beat.

    smooth: with the smooth correction, else with the skewness, as the lattice fits that it is compared with.
    """
    basis = smooth_basis(curve.q, search.solution.diameter) if smooth else np.zeros((curve.q.size, 0))
    first = [x for peak in search.peaks for x in (peak.area, peak.q, peak.fwhm)]
    model = PeakModel(curve.q, basis, len(search.peaks))
    known = _known(np.array([*search.solution, SEARCH_TAILS, *np.zeros(basis.shape[1]), *first]), model)
    return score(fit(curve, model, known, tolerance=ROUGHLY), known)


def start_solution(curve: WeightedCurve) -> Solution[float] | None:
    """Sizes near which a fit can start: the best of a grid of sizes, each with its scale and background by least
    squares of relative weight, so that neither the lowest q nor a peak decides. None where no size has a scale above 0,
    as on a curve that rises with q."""
    weight = 1.0 / np.sqrt(curve.variance(curve.intensity) + (0.2 * curve.intensity) ** 2)
    y, one = curve.intensity * weight, weight
    best: tuple[float, Solution[float] | None] = (np.inf, None)
    for d in START_SIZES:
        for spread in START_SPREADS:
            form = squared_form_factor(curve.q, d, spread * d) * weight
            ff, fo, oo, fy, oy = form @ form, form @ one, one @ one, form @ y, one @ y
            scale, background = np.array([oo * fy - fo * oy, ff * oy - fo * fy]) / (ff * oo - fo**2)
            cost = float(np.sum(np.log1p((y - scale * form - background * one) ** 2 / 4.0)))
            if scale > 0.0 and cost < best[0]:
                best = (cost, Solution(float(scale), float(d), float(spread * d), float(background), 0.0))
    return best[1]


def filter_widths(q: FloatArray, diameter: float) -> FloatArray:
    """FWHM (1/nm) of the filters: at least 1.5 bins."""
    widths = np.array(WIDTHS) * 2.0 * np.pi / (1.2 * diameter)
    return np.asarray(np.unique(np.maximum(widths, 1.5 * float(np.median(np.diff(q))))))


def peak_threshold(span: float, widths: FloatArray) -> float:
    """Significance that pure noise exceeds anywhere with chance `FALSE_ALARM`.

    Rice: a filtered Gaussian process crosses z upwards exp(-z^2/2) span / (2 pi sqrt 2 sigma) times, sigma = FWHM /
    2.355 of the filter; the sum over the widths counts neighbours in width as if independent. Source: Rice, Bell Syst.
    Tech. J. 24, 46 (1945).
    """
    crossings = float(np.sum(span / (2.0 * np.pi * np.sqrt(2.0) * widths / 2.3548)))
    return float(max(np.sqrt(2.0 * np.log(max(crossings, 1.0) / FALSE_ALARM)), -ndtri(FALSE_ALARM)))


def gaussian_filter(q: FloatArray, fwhm: float) -> csr_array:
    """Peaks of unit area (centre, q) with one peak at each bin, as far as FILTER_REACH."""
    steep = 4.0 * np.log(2.0) / fwhm**2
    first, last = np.searchsorted(q, q - FILTER_REACH * fwhm), np.searchsorted(q, q + FILTER_REACH * fwhm)
    starts = np.concatenate([[0], np.cumsum(last - first)])
    column = np.arange(starts[-1]) + np.repeat(first - starts[:-1], last - first)
    apart = np.repeat(q, last - first) - q[column]
    height = np.sqrt(steep / np.pi) * np.exp(-steep * apart**2)
    return csr_array((height, column, starts), shape=(q.size, q.size))


def strongest_peak(
    curve: WeightedCurve, model: PeakModel, outcome: FitOutcome, widths: FloatArray, filters: Sequence[csr_array]
) -> Excursion:
    """The peak that stands out most from the fit; `filters` as gaussian_filter makes them, one for each width.

    The unit is the filter's own scatter over the curve where it is above 1: neighbouring bins may be correlated (pixel
    splitting), and sizes need not be as smooth as the correction.
    """
    root = 1.0 / np.sqrt(outcome.variance)
    basis, value = _nuisances(curve, model, outcome)
    residual = (curve.intensity - value) * root
    residual = residual - basis @ (basis.T @ residual)
    s = solution_of(outcome.parameters)
    level = s.scale * skewed_form_factor(curve.q, s.diameter, s.deviation, s.skewness) * root
    best = Excursion(-np.inf, 0.0, 0.0, 0.0, 1.0)
    for width, shape in zip(widths, filters, strict=True):
        whole = shape.power(2) @ level**2
        norm2 = whole - np.sum((shape @ (level[:, None] * basis)) ** 2, axis=1)
        usable = norm2 > 0.05 * whole
        score = np.where(usable, (shape @ (level * residual)) / np.sqrt(np.where(usable, norm2, 1.0)), -np.inf)
        unit = max(1.0, float(np.median(np.abs(score[usable]))) / 0.6745) if usable.any() else 1.0
        score /= unit
        i = int(np.argmax(score))
        if score[i] > best.significance:
            area = float(score[i] / np.sqrt(norm2[i]))
            best = Excursion(float(score[i]), float(curve.q[i]), float(width), area, unit)
    return best


def _nuisances(curve: WeightedCurve, model: PeakModel, outcome: FitOutcome) -> tuple[FloatArray, FloatArray]:
    """Orthonormal basis (q, k), in sigma, of what the parameters of a fit can change, and its model (q,)."""
    value, slopes = (curve.seen(one) for one in model(outcome.parameters))
    nuisance = slopes / np.sqrt(outcome.variance)[:, None]
    size = np.linalg.norm(nuisance, axis=0)
    basis, triangle = np.linalg.qr(nuisance[:, size > 0.0] / size[size > 0.0])
    return basis[:, np.abs(np.diag(triangle)) > 1e-10], value


def _robust_reduced(curve: WeightedCurve, outcome: FitOutcome) -> float:
    """(median |residual| / 0.6745)^2 in sigma, bins under peaks hardly count; corrected for the fitted parameters.

    Its variance is 1.36 pi / 2 times that of the mean square: 5.5 / n.
    """
    z = (curve.intensity - outcome.model) / np.sqrt(outcome.variance)
    return float((np.median(np.abs(z)) / 0.6745) ** 2 * z.size / max(z.size - int(outcome.moved.sum()), 1))


def _known(start: FloatArray, model: PeakModel) -> Knowledge:
    """Bounds: peaks inside the window, at least a bin wide and at most as the widest filter; the tails' share is theirs."""
    start, held, q = start.copy(), [], model.q
    if not model.peaks:
        held.append(PEAK_TAILS)
    if model.smooth.shape[1]:  # takes up sizes that are not normal; a skewness read off peaks would be theirs
        held.append(SLOT["skewness"])
        start[SLOT["skewness"]] = 0.0
    widest = WIDTHS[-1] * 2.0 * np.pi / (1.2 * float(start[SLOT["diameter"]]))
    peak = (Limit(), Limit(float(q[0]), float(q[-1])), Limit(float(np.median(np.diff(q))), widest))
    limits = [*SOLUTION_LIMITS, Limit(0.0, 1.0), *[SMOOTH] * model.smooth.shape[1], *peak * model.peaks]
    return Knowledge.of(start, limits, held=held)


def _peaks(outcome: FitOutcome, first: int, significance: list[float]) -> list[Peak]:
    """Nouns of the peaks, with the significance at which each was found; those that the final fit of all has emptied
    (area below 2 sigma, the sigma including the shared tails' share) are dropped."""
    sigma = np.sqrt(np.diag(outcome.covariance))
    found = []
    for k, height in zip(range(first, outcome.parameters.size, 3), significance, strict=True):
        area, centre, fwhm = (float(x) for x in outcome.parameters[k : k + 3])
        if area > 2.0 * sigma[k] > 0.0:
            found.append(Peak(centre, float(sigma[k + 1]), fwhm, area, float(sigma[k]), height))
    return found
