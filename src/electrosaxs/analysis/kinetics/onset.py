"""Onset of crystallisation: time and slice phi of the first superlattice.

Two routes. The structure factor sees crystals themselves and comes first. The growth curve may show them as a kink:
where the surface takes particles, phi of the slice goes on with another slope (lower if the wall pins at a solubility,
higher if the beam sees the crystals). At once if the wall pins (a corner, c (t - t_k)), gradually if attachment is slow
(c (t - t_k)^2 after t_k). A kink alone is only believed where one of these describes the curve better than one line and
better than every smooth curve that a cell without crystals could give.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from ...nouns import FloatArray, GrowthCurve, Number, VolumeFraction

FEWEST_POINTS = 7
STRONG_EVIDENCE = 10.0
LOCAL_POINTS = 4
POWERS = (1, 2)
INTERVAL_STEPS = 60
APART = 4.0
"""Sigmas from which on kink and structure factor speak of two things."""
EMPTY, WHOLE = 0.5, 0.1
"""Of the starting phi: less of it is left in a cell that runs empty; within so much of it nothing was taken (chosen)."""


@dataclass(frozen=True)
class _Points:
    t: FloatArray
    phi: FloatArray
    sigma: FloatArray


@dataclass(frozen=True)
class _Kink:
    time: float
    chi2: float
    power: int


def onset_from_kink(curve: GrowthCurve) -> Number:
    """Time (s) at which the growth curve leaves its first line, by least squares of line + c (t - t_k)^n, n = 1 and 2.

    Believed where its BIC beats by 10 that of a line, a parabola, offset + root + line (the boundary layer that
    fills from a uniform start) and an exponential saturation; the unit of chi-squared is that of the best model if it
    is above 1 per degree of freedom. sigma: where the profile of chi-squared has risen by one such unit; both shapes are
    averaged with the weights of their likelihoods, and their difference is part of sigma. Absent, with the reason,
    otherwise. Source: Schwarz 1978 (BIC), Hinkley 1969 (two-phase regression).
    """
    points = _points(curve)
    if points.t.size < FEWEST_POINTS:
        return Number.absent(
            "s", f"the growth curve has {points.t.size} points: a kink cannot be told with fewer than {FEWEST_POINTS}"
        )
    rise = float(np.ptp(points.phi))
    if rise < 5.0 * float(np.median(points.sigma)):
        return Number.absent("s", "phi at the anode did not change by more than its noise: nothing grew")
    count = points.t.size
    kinks = [_best_kink(points, power) for power in POWERS]
    smooth = {name: (_chi2(points, basis), basis.shape[1]) for name, basis in _smooth_bases(points.t).items()}
    smooth["exponential saturation"] = (_saturation_chi2(points), 3)
    best = min(kink.chi2 for kink in kinks)
    unit = max(1.0, min(best / (count - 4), *(chi2 / (count - n) for chi2, n in smooth.values())))
    bic = {name: chi2 / unit + n * np.log(count) for name, (chi2, n) in smooth.items()}
    rival = min(bic, key=lambda name: bic[name])
    evidence = bic[rival] - (best / unit + 4 * np.log(count))
    if evidence < STRONG_EVIDENCE:
        return Number.absent(
            "s",
            f"no kink in the growth curve: {rival} describes it as well as two pieces "
            f"(difference of BIC {evidence:.1f}, {STRONG_EVIDENCE:.0f} needed)",
        )
    time, sigma = _averaged(points, kinks, unit)
    return Number(time, sigma, "s", f"{_kink_words(points, kinks)}, better than {rival} by {evidence:.0f} in BIC")


def _averaged(points: _Points, kinks: list[_Kink], unit: float) -> tuple[float, float]:
    """Mean and sigma over the shapes of kink, each with weight exp(-chi2 / 2 unit)."""
    best = min(kink.chi2 for kink in kinks)
    weight = np.array([np.exp(-0.5 * (kink.chi2 - best) / unit) for kink in kinks])
    weight /= weight.sum()
    spans = [_interval(points, kink, kink.chi2 + unit) for kink in kinks]
    own = np.array([0.5 * (high - low) for low, high in spans])
    times = np.array([kink.time for kink in kinks])
    mean = float(weight @ times)
    return mean, float(np.sqrt(weight @ (own**2 + (times - mean) ** 2)))


def _kink_words(points: _Points, kinks: list[_Kink]) -> str:
    kink = min(kinks, key=lambda k: k.chi2)
    change = _coefficients(points, kink)[2]
    way = "falls" if change < 0.0 else "rises"
    return f"kink of the growth curve, the slope {way} {'at once' if kink.power == 1 else 'gradually'}"


def phi_at(curve: GrowthCurve, time: float, sigma_t: float = 0.0) -> Number:
    """phi of the slice at `time` (s) from the line through the 4 points nearest before it (after it, where there are
    fewer before), with counting, shared and (slope x sigma_t) uncertainty."""
    points = _points(curve)
    order = np.argsort(points.t)
    known = np.flatnonzero(curve.good)[order]
    t = points.t[order]
    if t.size < 2:
        return Number.absent("one", f"the growth curve has {t.size} points: phi at {time:.0f} s cannot be read")
    upper = int(np.clip(np.searchsorted(t, time, side="right"), min(LOCAL_POINTS, t.size), t.size))
    near = slice(max(0, upper - LOCAL_POINTS), upper)
    x = t[near] - time
    inverse = np.linalg.pinv(np.stack([np.ones_like(x), x / np.ptp(x)], axis=1))
    value, slope = inverse[0] @ points.phi[order][near], inverse[1] @ points.phi[order][near] / np.ptp(x)
    counting = float(np.sqrt(np.sum(np.square(inverse[0] * points.sigma[order][near]))))
    shared = [float(inverse[0] @ np.asarray(c.values)[known][near]) for c in curve.shared.values()]
    sigma = np.sqrt(counting**2 + (slope * sigma_t) ** 2 + sum(s**2 for s in shared))
    return Number(
        float(value), float(sigma), "one", f"phi of the voxel at the anode at {time:.0f} s, line through {x.size} scans"
    )


def onset(curve: GrowthCurve, *, structure: Number | None, kink: Number) -> dict[str, Number]:
    """Headline numbers `onset_time`, `onset_volume_fraction` and, beside them, `onset_time_kink`.

    `structure`: the onset from the structure factor, absent if it saw no crystals; None if it could not look (then the
    kink decides). A kink without crystals in a structure factor that looked, or at another time than theirs, is reported as
    doubtful, not believed.
    """
    if structure is not None and kink.value is not None:
        kink = _beside(structure, kink)
    leading = kink if structure is None else structure
    route = "kink of the growth curve" if structure is None else "structure factor"
    if leading.value is None:
        time = Number.absent("s", f"no onset, {route}: {leading.source}")
        fraction = Number.absent("one", f"no onset, {route}: {leading.source}")
        return {"onset_time": time, "onset_volume_fraction": fraction, "onset_time_kink": kink}
    at = phi_at(curve, leading.value, leading.sigma or 0.0)
    time = Number(leading.value, leading.sigma, "s", f"{route}: {leading.source}")
    fraction = Number(at.value, at.sigma, at.unit, f"{at.source}; time from the {route}")
    return {"onset_time": time, "onset_volume_fraction": fraction, "onset_time_kink": kink}


def _beside(structure: Number, kink: Number) -> Number:
    """The kink, doubtful where the structure factor looked and says otherwise."""
    assert kink.value is not None
    if structure.value is None:
        return replace(
            kink, quality=f"doubtful: not of crystals, as far as the structure factor tells ({structure.source})"
        )
    apart = abs(kink.value - structure.value)
    if apart <= APART * float(np.hypot(kink.sigma or 0.0, structure.sigma or 0.0)):
        return kink
    return replace(kink, quality=f"doubtful: crystals are seen from {structure.value:.0f} s on")


def without_supply(kink: Number, phi: VolumeFraction, *, start: float) -> Number:
    """`kink`, absent where the cell had run empty by then: growth ends there without any crystals.

    phi: map (scan, height). Empty: somewhere less than half of the starting solution is left, and nowhere is it whole.
    """
    if kink.value is None:
        return kink
    good = phi.good.any(axis=1)
    if not good.any():
        return kink
    times = np.where(phi.good, phi.coord("time"), np.nan)
    scan = int(np.flatnonzero(good)[np.argmin(np.abs(np.nanmean(times[good], axis=1) - kink.value))])
    over = phi.values[scan][phi.good[scan]] / start
    if not np.any(over < EMPTY) or np.any(np.abs(over - 1.0) < WHOLE):
        return kink
    return Number.absent(
        "s",
        f"the growth curve bends at {kink.value:.0f} s, when the cell above had run empty: the supply ends there, which says"
        " nothing of crystals",
    )


def _points(curve: GrowthCurve) -> _Points:
    good = curve.good
    sigma = curve.sigma[good]
    if not np.all(np.isfinite(sigma)) or np.any(sigma <= 0.0):
        known = sigma[np.isfinite(sigma) & (sigma > 0.0)]
        floor = float(np.median(known)) if known.size else 1e-3 * float(np.ptp(curve.values[good])) or 1e-9
        sigma = np.where(np.isfinite(sigma) & (sigma > 0.0), sigma, floor)
    return _Points(curve.coord("time")[good], curve.values[good], sigma)


def _chi2(points: _Points, basis: FloatArray) -> float:
    """Smallest chi-squared of a linear model with columns `basis` (point, parameter)."""
    weighted, target = basis / points.sigma[:, None], points.phi / points.sigma
    residual = target - weighted @ np.linalg.lstsq(weighted, target, rcond=None)[0]
    return float(residual @ residual)


def _smooth_bases(t: FloatArray) -> dict[str, FloatArray]:
    x = t / np.max(np.abs(t))
    root = np.sqrt(np.maximum(x, 0.0))
    return {
        "one line": np.stack([np.ones_like(x), x], axis=1),
        "a parabola": np.stack([np.ones_like(x), x, x**2], axis=1),
        "offset + root + line": np.stack([np.ones_like(x), root, x], axis=1),
    }


def _saturation_chi2(points: _Points) -> float:
    """Least chi-squared of offset + amplitude exp(-t / tau), tau from 2 % of the span to ten times of it."""
    span = float(np.ptp(points.t))

    def shape(log_tau: float) -> float:
        fading = np.exp(-(points.t - points.t.min()) / np.exp(log_tau))
        return _chi2(points, np.stack([np.ones_like(points.t), fading], axis=1))

    grid = np.log(np.geomspace(0.02 * span, 10.0 * span, 40))
    best = int(np.argmin([shape(x) for x in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)])
    return float(minimize_scalar(shape, bounds=bounds, method="bounded").fun)


def _kink_basis(t: FloatArray, time: float, power: int) -> FloatArray:
    after = np.maximum(t - time, 0.0) / np.ptp(t)
    return np.stack([np.ones_like(t), (t - time) / np.ptp(t), after**power], axis=1)


def _kink_chi2(points: _Points, time: float, power: int) -> float:
    return _chi2(points, _kink_basis(points.t, time, power))


def _best_kink(points: _Points, power: int) -> _Kink:
    """Kink with the smallest chi-squared, at least two points on either side."""
    t = np.sort(points.t)
    grid = np.linspace(t[1], t[-2], 4 * t.size)
    best = int(np.argmin([_kink_chi2(points, k, power) for k in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)])
    fine = minimize_scalar(lambda k: _kink_chi2(points, k, power), bounds=bounds, method="bounded")
    return _Kink(float(fine.x), float(fine.fun), power)


def _interval(points: _Points, kink: _Kink, level: float) -> tuple[float, float]:
    """Where the profile of chi-squared crosses `level` on either side of the best kink, within the run."""
    ends = []
    for end in (float(points.t.min()), float(points.t.max())):
        grid = kink.time + (end - kink.time) * np.linspace(0.0, 1.0, INTERVAL_STEPS + 1) ** 2
        outside = [k for k in range(1, grid.size) if _kink_chi2(points, float(grid[k]), kink.power) > level]
        if not outside:
            ends.append(end)
            continue
        inner, outer = float(grid[outside[0] - 1]), float(grid[outside[0]])
        ends.append(float(brentq(lambda k: _kink_chi2(points, k, kink.power) - level, inner, outer, xtol=1e-3)))
    return ends[0], ends[1]


def _coefficients(points: _Points, kink: _Kink) -> FloatArray:
    """Offset, slope and change of the best two pieces, times in units of the run."""
    weighted = _kink_basis(points.t, kink.time, kink.power) / points.sigma[:, None]
    return np.asarray(np.linalg.lstsq(weighted, points.phi / points.sigma, rcond=None)[0])
