"""phi twice in every frame: by what it scatters and by what it absorbs.

    phi_Q = phi0 Y / Y_ref        phi_T = ln(T_solvent / T) / a,   a = t d mu / d phi

A monitor that was read wrong moves the first alone; gas, dirt, a moved cell or a wrong diode move both, and the second as no
phi can. Compared is the optical depth of the particles, seen against expected from the scattering:

    difference = ln(T / T_reference) + k (depth(phi_Q) - depth(phi0))
               = drift(t) + place(z) + wander(t) + b (depth - depth(phi0)) + noise

k = ln(T_solvent / T_reference) / depth(phi0) measures a on the starting solution itself. drift: all heights alike, or, where
that is more likely, as a diode's, in proportion to 1 - depth, or a monitor's, in proportion to depth; place: heights at which
the electrode cuts the beam, where a micrometre counts; wander: what changes steadily there, by a beam that moves; b: what
changes with phi (interaction, harmonics). Each is found so that half of the frames may be wrong. place is there from the first
frame, a film of crystals grows: frames in which crystals stand tell place only at heights where no other frame does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .beam_motion import wander

SIGNIFICANT = 5.5
"""Sigmas from which on a frame contradicts itself (chosen: one clean frame in 1e7; 1e-4 if sigma is a third too small)."""
LEAST_NOISE = 2e-4
"""Of ln T: no photodiode is better (chosen)."""
USUAL_NOISE = 2e-3
"""Of ln T where too few frames tell it (chosen)."""
LEAST_APART = 0.01
"""Of ln T (chosen): a scan whose heights all disagree by less with the scans around is taken as part of a drift."""
FEWEST = 5
PLACE_SIGMA = 0.15
"""Of ln T where the electrode cuts the beam: 2 to 3 um of height for a 34 um beam."""
LARGEST_SLOPE = 0.1
SLOPE_SIGMA = 0.02
"""Relative, of what absorption and scattering may differ by in proportion to phi without a fault."""
STEEP = 0.1
"""Optical depth over that of the start from which on a voxel tells the slope b."""
ROUNDS = 3
TOLD, NEARER = 4.0, 9.0
"""Sigmas of a scan's drift from which on its shape is asked; chi-squared by which another than the even one is better."""
LEAST_SHARE = 0.1
"""Of the drift at the start: a height that feels less of it does not tell it."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class TwoMeasures:
    """Of voxels (scan, height). difference: of ln T, seen less expected; sigma: of what is left; drift, place (height,) and
    slope: what was found of each, with drift_sigma (scan,) and place_sigma (height,); noise: of one frame's ln T. residual:
    what nothing of it explains. drift is that of the starting solution, share (scan, height) times as much at each voxel.
    wander: what the light at the anode changes by steadily, 0 where it does not."""

    difference: FloatArray
    sigma: FloatArray
    drift: FloatArray
    drift_sigma: FloatArray
    place: FloatArray
    place_sigma: FloatArray
    slope: float
    noise: float
    residual: FloatArray
    share: FloatArray
    wander: FloatArray

    @property
    def significance(self) -> FloatArray:
        """Residual over its sigma, NaN where it is not known."""
        return np.asarray(self.residual / self.sigma)


def two_measures(
    difference: FloatArray,
    model_sigma: FloatArray,
    excess_depth: FloatArray,
    *,
    time_s: FloatArray,
    cut: BoolArray,
    start_depth: float = 0.0,
    crystals: BoolArray | None = None,
    wanders: BoolArray | None = None,
) -> TwoMeasures:
    """The parts of `difference` (scan, height), NaN where there is no frame.

    model_sigma: of the expectation, in ln T; excess_depth: k (depth - depth(phi0)); cut (height,): where the electrode cuts
    the beam; start_depth: k depth(phi0), 0 where it says nothing of whose the drift is; crystals (scan, height): where they
    stand in the beam; wanders (height,): where the beam may move against the edge.
    """
    known = np.isfinite(difference) & np.isfinite(model_sigma)
    places = known & cut
    if crystals is not None:
        free = places & ~crystals
        places = np.where(free.any(axis=0), free, places)
    even = _parts(difference, model_sigma, excess_depth, np.ones_like(difference), time_s, cut, places)
    told = np.abs(even.drift).max(axis=1, initial=0.0) > TOLD * even.drift_sigma
    if not 0.0 < start_depth < 1.0 or not told.any():
        return _wandering(even, time_s, wanders)
    of_diode, of_monitor = 1.0 - excess_depth / (1.0 - start_depth), 1.0 + excess_depth / start_depth
    others = [
        _parts(difference, model_sigma, excess_depth, share, time_s, cut, places) for share in (of_diode, of_monitor)
    ]
    best = min(others, key=misfit)
    return _wandering(best if misfit(best) < misfit(even) - NEARER else even, time_s, wanders)


def _wandering(parts: TwoMeasures, time_s: FloatArray, wanders: BoolArray | None) -> TwoMeasures:
    """`parts` without what changes steadily at the heights that may."""
    if wanders is None or not wanders.any():
        return parts
    path = wander(parts.residual, parts.sigma, time_s, wanders)
    return replace(parts, residual=parts.residual - path, wander=path)


def _parts(
    difference: FloatArray,
    model_sigma: FloatArray,
    excess_depth: FloatArray,
    share: FloatArray,
    time_s: FloatArray,
    cut: BoolArray,
    places: BoolArray,
) -> TwoMeasures:
    """With a drift that each voxel feels in proportion to `share`; places (scan, height): frames that tell place."""
    known = np.isfinite(difference) & np.isfinite(model_sigma)
    tells = known & ~cut & (np.abs(np.nan_to_num(share)) > LEAST_SHARE)
    scale = np.where(tells, share, 1.0)
    drift, place, slope = np.zeros_like(difference), np.zeros(difference.shape[1]), 0.0
    noise = USUAL_NOISE
    knots = np.zeros(difference.shape[0])
    for _ in range(ROUNDS):
        sigma = np.hypot(noise, model_sigma)
        rest = difference - slope * excess_depth
        knots = _per_scan(rest / scale, sigma / np.abs(scale), tells)
        knots = _without_apart(knots, max(SIGNIFICANT * noise, LEAST_APART))
        drift = _through(knots, time_s, tells)
        slope = _slope(difference - share * drift, excess_depth, sigma, known & ~cut & (np.abs(excess_depth) > STEEP))
        rest = difference - share * drift - slope * excess_depth
        place = _per_height(rest, sigma, places, cut)
        noise = _noise(rest - place, model_sigma, known & ~cut)
    residual = np.where(known, difference - share * drift - place - slope * excess_depth, np.nan)
    sigma = np.where(known, np.hypot(noise, model_sigma), np.nan)
    weight = np.where(known, 1.0 / np.square(np.where(known, sigma, 1.0)), 0.0)
    drift_sigma = _of_the_mean(np.where(tells, weight * np.square(scale), 0.0).sum(axis=1), USUAL_NOISE)
    place_sigma = np.where(cut, _of_the_mean(np.where(places, weight, 0.0).sum(axis=0), PLACE_SIGMA), 0.0)
    still = np.zeros_like(difference)
    return TwoMeasures(difference, sigma, drift, drift_sigma, place, place_sigma, slope, noise, residual, share, still)


def misfit(parts: TwoMeasures) -> float:
    """-2 ln likelihood of what is left where no electrode cuts the beam, each voxel counting at most 3 sigmas."""
    known = np.isfinite(parts.residual) & (parts.place == 0.0)
    sigma = parts.sigma[known]
    return float(np.sum(np.minimum(np.square(parts.residual[known] / sigma), 9.0) + 2.0 * np.log(sigma)))


def worst_nearby(significance: FloatArray, least: float = SIGNIFICANT) -> BoolArray:
    """Voxels beyond `least` of which none beside is worse: through the profile one spoils those around it."""
    size = np.nan_to_num(np.abs(significance))
    padded = np.pad(size, 1)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max(axis=(2, 3))
    return (size > least) & (size >= around)


def _of_the_mean(weight: FloatArray, nothing: float) -> FloatArray:
    """Sigma of a weighted mean; `nothing` where nothing was known."""
    return np.sqrt(np.divide(1.0, weight, out=np.full(weight.shape, nothing**2), where=weight > 0.0))


def _mode(values: FloatArray, sigma: FloatArray, prior: float = np.inf) -> float:
    """The value about which most others lie within their sigma, the mean of these; 0 where there is none.

    The least of sum min(|value - x| / sigma, 3) + |x| / prior over the values themselves: half of them may lie anywhere.
    """
    if not values.size:
        return 0.0
    distance = _distance_to_all(values, sigma) + np.abs(values) / prior
    best = values[int(np.argmin(distance))]
    near = np.abs(values - best) <= 3.0 * sigma
    weight = near / np.square(sigma)
    return float(weight @ values / weight.sum())


def _distance_to_all(values: FloatArray, sigma: FloatArray) -> FloatArray:
    """sum over j of min(|x - v_j| / s_j, 3) at x = each value, (value,): each j bends the sum at v_j - 3 s_j, v_j and
    v_j + 3 s_j, so that sorted bends give it without all pairs."""
    bend = np.concatenate([values - 3.0 * sigma, values, values + 3.0 * sigma])
    change = np.concatenate([-1.0 / sigma, 2.0 / sigma, -1.0 / sigma])
    order = np.argsort(bend, kind="stable")
    slope = np.concatenate([[0.0], np.cumsum(change[order])])
    offset = np.concatenate([[0.0], np.cumsum((change * bend)[order])])
    passed = np.searchsorted(bend[order], values, side="right")
    return np.asarray(3.0 * values.size + slope[passed] * values - offset[passed])


def _per_scan(values: FloatArray, sigma: FloatArray, known: BoolArray) -> FloatArray:
    """What all heights of a scan have in common, (scan,); NaN where fewer than three tell."""
    return np.array([
        _mode(row[k], s[k]) if k.sum() >= 3 else np.nan for row, s, k in zip(values, sigma, known, strict=True)
    ])  # fmt: skip


def _without_apart(knots: FloatArray, least: float) -> FloatArray:
    """`knots` (scan,) without those, a third at most, that neither the scans around nor a drift explain: NaN."""
    kept = knots.copy()
    for _ in range(knots.size // 3):
        told = np.flatnonzero(np.isfinite(kept))
        if told.size < 4:
            break
        worst = told[int(np.argmax(np.abs(kept[told] - np.median(kept[told]))))]
        rest = told[told != worst]
        if abs(kept[worst] - np.interp(worst, rest, kept[rest])) < least:
            break
        kept[worst] = np.nan
    return kept


def _per_height(values: FloatArray, sigma: FloatArray, known: BoolArray, cut: BoolArray) -> FloatArray:
    """What all scans have in common at the heights where the electrode cuts the beam, (height,); 0 elsewhere."""
    place = np.zeros(cut.size)
    for column in np.flatnonzero(cut):
        k = known[:, column]
        place[column] = _mode(values[k, column], sigma[k, column], PLACE_SIGMA)
    return place


def _through(knots: FloatArray, time_s: FloatArray, known: BoolArray) -> FloatArray:
    """(scan, height): the line from scan to scan at the time of each frame, beyond the ends its first and last slope."""
    told = np.flatnonzero(np.isfinite(knots))
    if told.size < 2:
        return np.full(time_s.shape, knots[told[0]] if told.size else 0.0)
    count = np.maximum(known.sum(axis=1), 1)
    when = (np.where(known, time_s, 0.0).sum(axis=1) / count)[told]
    order = np.argsort(when)
    when, level = when[order], knots[told][order]
    inner = np.interp(time_s, when, level)
    first, last = ((level[i + 1] - level[i]) / max(when[i + 1] - when[i], 1e-9) for i in (0, told.size - 2))
    before, after = np.minimum(time_s - when[0], 0.0), np.maximum(time_s - when[-1], 0.0)
    return np.asarray(inner + first * before + last * after)


def _slope(values: FloatArray, excess: FloatArray, sigma: FloatArray, known: BoolArray) -> float:
    """b, drawn towards 0 with SLOPE_SIGMA, at most LARGEST_SLOPE."""
    if known.sum() < 3:
        return 0.0
    each, own = values[known] / excess[known], sigma[known] / np.abs(excess[known])
    best = _mode(each, own, 5.0 * SLOPE_SIGMA)
    near = np.abs(each - best) <= 3.0 * own
    weight = near / np.square(own)
    return float(np.clip(weight @ each / (weight.sum() + 1.0 / SLOPE_SIGMA**2), -LARGEST_SLOPE, LARGEST_SLOPE))


def _noise(residual: FloatArray, model_sigma: FloatArray, known: BoolArray) -> float:
    """Noise of ln T beyond the model's: from the median of the absolute residuals."""
    if known.sum() < FEWEST:
        return USUAL_NOISE
    scatter = 1.4826 * float(np.median(np.abs(residual[known])))
    model = float(np.median(model_sigma[known]))
    return max(np.sqrt(max(scatter**2 - model**2, 0.25 * scatter**2)), LEAST_NOISE)
