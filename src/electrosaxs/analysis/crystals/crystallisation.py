"""The voxel at the anode in time: crystalline fraction X(t), lattice constant a(t), and when the first superlattice
appeared.

The lattice is chosen once, from frames pooled where crystals are most; then every frame is fitted with that lattice
near the pooled shape, so that X of an early frame is an amplitude with sigma (around 0 where nothing has grown) and not
a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...errors import ShapeError
from ...nouns import (
    CrystallineFraction,
    FloatArray,
    LatticeAssignment,
    LatticeConstant,
    Number,
    SampleIntensity,
)
from .contest import CLEAR
from .frame_fits import FREE_SHARE, FrameFits, Mixture, fit_frames, fit_near
from .lattice_choice import LatticeStudy, study_curve
from .weighted_curve import FrameCurves, WeightedCurve

GROWTH_POINTS = 2  # scans with crystals that the extrapolation of growth uses: it bends over more of them
# p in m ~ (t - t0)^p. At t0 nothing is in excess yet, so growth starts from rest: with attachment that is slow p = 2, at a wall
# pinned at the solubility 3/2 (its boundary layer empties as a root of time), and 1 once all that arrives is taken.
GROWTH_POWER, GROWTH_POWER_SD = 1.45, 0.25  # median, and sd of ln p: 1.1 to 1.9 within one
LAW = 0.05  # relative, chosen: p falls between the scans that it is taken through, and the solution beside crystals grows on
NO_LAW = 9.0  # chi-squared from which on two scans have not grown so: a film in its own shadow by the second
FADES = 3.0  # sigmas by which the third scan with crystals shows fewer than the second
TREND = 3.0  # sigma of the slope of a(t) from which a mean would hide a trend


@dataclass(frozen=True, eq=False)
class Crystallisation:
    """What the anode's frames say, dims (scan,), in the order they were given.

    fraction: X with sigma, also where nothing was found. lattice_constant: masked `no_crystal` and NaN there. detected
    (scan,). missed: scans (rising) that count as without crystals only because their own fit failed: the held pattern shows.
    mixture: solution and crystals fitted together in the scans that show them, None where none does.
    """

    study: LatticeStudy
    fraction: CrystallineFraction | None
    lattice_constant: LatticeConstant | None
    detected: npt.NDArray[np.bool_]
    missed: npt.NDArray[np.intp]
    mixture: Mixture | None = None

    @property
    def assignment(self) -> LatticeAssignment:
        return self.study.assignment


def crystallisation(sample: SampleIntensity, times: FloatArray, *, dry_shell_nm: float) -> Crystallisation:
    """X(t) and a(t) of the frames of one voxel; `sample` (frame, q) in order of `times` (frame,) in s.

    dry_shell_nm: of the particles, for the particle volume of frames with crystals. ShapeError where times do not match.
    """
    curves = FrameCurves.of(sample)
    if np.shape(times) != (len(curves),):
        raise ShapeError(f"times have shape {np.shape(times)}: one per frame is needed, ({len(curves)},)")
    study = decided_by_frames(pooled_study(curves), curves)
    best = study.likeliest
    if best is None:
        return Crystallisation(study, None, None, np.zeros(len(curves), dtype=bool), np.zeros(0, dtype=np.intp))
    found = fit_frames(curves, best, sample.coord("q"), dry_shell_nm=dry_shell_nm)
    return Crystallisation(
        study,
        _fraction(found, times),
        _lattice_constant(found, times),
        found.detected,
        np.flatnonzero(found.shows & ~found.detected),
        found.mixture,
    )


def pooled_study(curves: Sequence[WeightedCurve]) -> LatticeStudy:
    """The choice of lattice from the last quarter of the frames together; where that shows none, from all frames, unless
    those leave none either where the last ones leave two."""
    late = study_curve(pooled(curves[-max(1, -(-len(curves) // 4)) :]))
    if late.best is not None or len(curves) < 4:
        return late
    whole = study_curve(pooled(curves))
    return whole if whole.likeliest is not None else late


def decided_by_frames(study: LatticeStudy, curves: Sequence[WeightedCurve]) -> LatticeStudy:
    """`study` whose tie is broken where all frames together clearly prefer one lattice: the crystals of a run have one.

    Each frame is fitted with each of the tied lattices near its pooled shape; scores add up, each in units of what the better
    fit misses, so that no misfit decides.
    """
    if not study.tied:
        return study
    totals = dict.fromkeys(study.tied, 0.0)
    for curve in curves:
        ones = {name: fit_near(curve, study.fits[name], FREE_SHARE, study.freedom) for name in study.tied}
        least = min(ones.values(), key=lambda one: one.score)
        for name, one in ones.items():
            totals[name] += (one.score - least.score) / max(least.reduced_chi_squared, 1.0)
    (first, name), (second, other) = sorted((total, name) for name, total in totals.items())[:2]
    if second - first < CLEAR:
        return study
    words = f"{len(curves)} frames together decide against {study.fits[other].name} (by {second - first:.0f})"
    return study.decided(name, words)


def pooled(curves: Sequence[WeightedCurve]) -> WeightedCurve:
    """Mean of curves on the bins that all of them have; the solvent's variance, common to all, is not averaged down."""
    first, n = curves[0], len(curves)
    common = first.q
    for curve in curves:
        common = np.intersect1d(common, curve.q)
    names = ("intensity", "per_count", "fixed_variance", "shared_variance")
    totals = {name: np.zeros(common.size) for name in names}
    for curve in curves:
        row = curve.at(np.searchsorted(curve.q, common))
        for name, total in totals.items():
            total += getattr(row, name)
    return replace(
        first.at(np.searchsorted(first.q, common)),
        intensity=totals["intensity"] / n,
        per_count=totals["per_count"] / n / n,
        fixed_variance=totals["fixed_variance"] / n / n,
        shared_variance=totals["shared_variance"] / n,
    )


def _fraction(found: FrameFits, times: FloatArray) -> CrystallineFraction:
    return CrystallineFraction.from_arrays(
        found.fraction.value,
        dims=("scan",),
        coords={"time": (("scan",), times)},
        sigma=found.fraction.own,
        shared={"background": found.fraction.shared},
    )


def _lattice_constant(found: FrameFits, times: FloatArray) -> LatticeConstant:
    """a of the scans in which crystals are seen. Shared by all scans: the solvent's counting, and how the lines are written
    (lattice_constant.profile_shift)."""
    seen = found.detected
    value, own, shared = (np.where(seen, column, np.nan) for column in found.constant)
    return LatticeConstant.from_arrays(
        value,
        dims=("scan",),
        coords={"time": (("scan",), times)},
        sigma=own,
        shared={"background": shared, "line_profile": found.profile},
        masks={"no_crystal": (("scan",), ~seen)},
    )


def onset_from_structure_factor(
    times: FloatArray, fraction: FloatArray, sigma: FloatArray, detected: npt.NDArray[np.bool_]
) -> Number:
    """Time (s) of the first superlattice, from X(t) of the scans and which of them show it.

    m = X / (1 - X), particles in crystals over those beside them, is what grows; X itself bends down as it nears 1.
    m = r max(t - t0, 0)^p is weighed for every t0 from the first scan to the first one that shows crystals, r and p
    being integrated out; the answer is mean and sd of that distribution. p lies between 1 and 2 (GROWTH_POWER): taken as 1,
    amounts too small to be seen are left out and t0 is late by up to 0.3 of the time between scans. Crystals that hide each
    other scatter less than there are: where the first two scans with crystals follow no such law, or the third shows fewer than
    the second, the first alone counts.
    """
    told = np.isfinite(fraction) & (sigma > 0.0) & (fraction < 1.0)  # one that a bound holds says nothing
    times, fraction, sigma, detected = times[told], fraction[told], sigma[told], detected[told]
    shown = np.flatnonzero(detected & np.append(detected[1:], True))  # a lone one between empty scans is a false alarm
    if shown.size == 0:
        return Number.absent("s", "no scan shows Bragg peaks: no superlattice grew, or fewer than can be seen")
    first = int(shown[0])
    if first == 0:
        return Number.absent("s", f"the first scan, at {times[0]:.0f} s, shows superlattices already: onset is earlier")
    before, after = float(times[first - 1]), float(times[first])
    if shown.size < 2:
        return Number(
            0.5 * (before + after),
            (after - before) / np.sqrt(12.0),
            "s",
            "between the last scan without peaks and the only one with",
        )
    end = int(shown[GROWTH_POINTS - 1]) + 1
    amount = fraction / (1.0 - fraction)
    noise = np.hypot(sigma / np.square(1.0 - fraction), LAW * np.maximum(amount, 0.0))
    mean, variance, misfit = _start_of_growth(times[:end], amount[:end], noise[:end], first)
    if misfit > NO_LAW or _fades(amount[shown], noise[shown]):
        end = first + 1
        mean, variance, _ = _start_of_growth(times[:end], amount[:end], noise[:end], first)
    how = f"growth of the crystals extrapolated to nothing; first seen at {after:.0f} s, not at {before:.0f} s"
    return Number(mean, float(np.sqrt(variance)), "s", how)


def _fades(amount: FloatArray, sigma: FloatArray) -> bool:
    """Whether the third scan with crystals shows fewer than the second: these hide each other already."""
    if amount.size < GROWTH_POINTS + 1:
        return False
    second, third = GROWTH_POINTS - 1, GROWTH_POINTS
    return bool(amount[third] < amount[second] - FADES * np.hypot(sigma[third], sigma[second]))


def _start_of_growth(t: FloatArray, m: FloatArray, sigma: FloatArray, first: int) -> tuple[float, float, float]:
    """Mean and variance of t0, and least chi-squared, in m = m_last [max(t - t0, 0) / (t_last - t0)]^p; prior flat in t0 over
    [t_0, t_first] and in m_last, normal in ln p."""
    starts = np.linspace(t[0], t[first], 801)[: -1 if t.size == first + 1 else None]  # growth begins before it is seen
    powers = GROWTH_POWER_SD * np.linspace(-3.0, 3.0, 61)
    grown = np.maximum(t - starts[:, None], 0.0) / (t[-1] - starts[:, None])
    cost, misfit = np.empty((starts.size, powers.size)), np.inf
    for place, bend in enumerate(powers):  # one at a time: memory as of one, however many scans there are
        rise = grown ** (GROWTH_POWER * np.exp(bend)) / sigma
        information = np.sum(np.square(rise), axis=1)
        last = np.maximum(rise @ (m / sigma), 0.0) / information
        chi_squared = np.sum(np.square(m / sigma - last[:, None] * rise), axis=1)
        cost[:, place] = chi_squared + np.log(information) + (bend / GROWTH_POWER_SD) ** 2
        misfit = min(misfit, float(chi_squared.min()) + (bend / GROWTH_POWER_SD) ** 2)
    weight = np.exp(-0.5 * (cost - cost.min())).sum(axis=1)
    weight /= weight.sum()
    mean = float(weight @ starts)
    step = float(starts[1] - starts[0])
    return mean, float(weight @ (starts - mean) ** 2) + step**2 / 12.0, misfit


def lattice_constant_solvated(a: LatticeConstant) -> Number:
    """One lattice constant (nm) for the run: weighted mean of the scans that show crystals; what they share is not
    averaged down.

    Where a straight line in time fits with a slope of more than 3 sigma a mean would hide it: then the line's value at
    the last scan is given, and the source says so. Scatter beyond the sigmas widens the result (Birge).
    """
    good = a.good
    t, value, own = a.coord("time")[good], a.values[good], a.sigma[good]
    if value.size == 0:
        return Number.absent("nm", "no scan shows Bragg peaks")
    parts = {name: float(np.mean(sigma.values[good])) for name, sigma in a.shared.items()}
    shared = float(np.sqrt(sum(part**2 for part in parts.values())))
    named = "; sigma holds what scans share: " + ", ".join(f"{name} {part:.2g}" for name, part in parts.items())
    named = named if parts else ""
    weight = own**-2
    mean, widening = _weighted_mean(value, weight)
    if value.size > 2:
        middle = float(weight @ t / weight.sum())
        spread = float(weight @ (t - middle) ** 2)
        slope = float(weight @ ((t - middle) * value)) / spread
        beside = _widening(float(weight @ (value - mean - slope * (t - middle)) ** 2), value.size - 2)
        if abs(slope) * np.sqrt(spread) > TREND * beside:
            last = float(t[-1])
            sigma = beside * np.sqrt(1.0 / weight.sum() + (last - middle) ** 2 / spread)
            how = f"line through {value.size} scans, at the last ({last:.0f} s): a moves {3600.0 * slope:+.3f} nm/h{named}"
            return Number(mean + slope * (last - middle), float(np.hypot(sigma, shared)), "nm", how)
    sigma = float(np.hypot(widening / np.sqrt(weight.sum()), shared))
    return Number(mean, sigma, "nm", f"weighted mean of {value.size} scan(s) with peaks, no trend in time{named}")


def _weighted_mean(value: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Mean, and the factor by which its sigma grows."""
    mean = float(weight @ value / weight.sum())
    return mean, _widening(float(weight @ (value - mean) ** 2), value.size - 1)


def _widening(chi_squared: float, freedom: int) -> float:
    """Birge's ratio where chi-squared is beyond 3 sigma of its expectation, else 1."""
    freedom = max(freedom, 1)
    ratio = chi_squared / freedom
    return float(np.sqrt(ratio)) if ratio > 1.0 + 3.0 * np.sqrt(2.0 / freedom) else 1.0
