"""What scattering and transmission of a whole run disagree by, and what phi may be off by for it.

With tau the optical depth of the particles, ln T differs from what the scattering says by g (1 - tau) where the transmission is
read 1 + g times too large (phi too small by g), and by -m tau where the monitor is read 1 + m times too large (phi too small by
m). A drift is known from the heights where phi is that of the start; where phi is larger the two part.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from ...analysis.concentration.beam_motion import scatters
from ...analysis.concentration.bulk_level import BulkLevel
from ...analysis.concentration.missing_solvent import MissingSolvent, most_gas
from ...analysis.concentration.slow_drift import SlowDrift
from ...analysis.concentration.two_measures import LEAST_NOISE, SLOPE_SIGMA, TwoMeasures
from ...nouns import FloatArray, Number
from ...physics.beam import beam_deviation, share_above

NOISY, LEAST_USUAL = 5.0, 1e-3
"""Times the noise of the standards' normalisation, at least this (chosen), from which on a transmission is not what it says."""
FEWEST, LEAST_GAIN, OUTLYING = 8, 6.0, 4.0
"""Frames, and gain of ln likelihood, from which on noise is believed; sigmas that one frame counts at most (chosen)."""
NOISES = np.concatenate([[0.0], np.geomspace(1e-4, 0.3, 80)])
MOST_OPEN = 0.999
LEAST_MOVED_UM = 1.0
"""By which an anode must be elsewhere before it is said (chosen)."""
DECISIVE = 9.0
"""Difference of chi-squared from which on one explanation is taken and not the larger of both."""


def drift_of_phi(
    measures: TwoMeasures, depth: FloatArray, start: float, start_noise: float
) -> tuple[FloatArray, tuple[str, ...]]:
    """What phi is off by, relative (scan, height), if the drift is an error of transmission or monitor; and in words.

    depth (scan, height): expected of the particles; start: that of the starting solution. 0 where no drift exceeds three
    sigmas. One sigma: it may also be nothing of both but something that absorbs and does not scatter.
    """
    known = np.isfinite(measures.difference)
    least = 3.0 * np.hypot(measures.drift_sigma, start_noise)[:, None]
    if not np.any((np.abs(measures.drift) > least) & known):
        return np.zeros(depth.shape), ()
    size = np.sign(measures.drift) * np.hypot(measures.drift, least / 3.0)
    by_light, by_monitor = size / max(1.0 - start, 0.5), -size / start
    light, monitor = (
        _chi_squared(measures, depth, start, shape)
        for shape in (measures.drift * (1.0 - depth) / (1.0 - start), measures.drift * depth / start)
    )
    if light < monitor - DECISIVE:
        drift, blamed, other = by_light, "transmission", "the scattering"
    elif monitor < light - DECISIVE:
        drift, blamed, other = by_monitor, "monitor", "the transmission"
    else:
        drift, blamed, other = by_monitor, "monitor or transmission", "each other"
    worst = float(drift[known][np.argmax(np.abs(drift[known]))])
    return -drift, (
        f"{blamed}: drifts by up to {100.0 * worst:+.2g} % against {other}, in all heights alike; phi by scattering"
        " and phi by transmission disagree by that, and it is in phi's sigma (transmission)",
    )


def drift_of_bulk(
    bulk: BulkLevel, time_s: FloatArray, drift: FloatArray, words: tuple[str, ...]
) -> tuple[FloatArray, tuple[str, ...]]:
    """`drift` of phi (scan, height) and its words; where the bulk of the cell drifts, that instead: it is what phi is off by
    whether monitor, diode or windows do."""
    if not bulk.drifts:
        return drift, words
    size = bulk.at(time_s)
    size = np.where(
        (drift * size > 0.0) & (np.abs(drift) > np.abs(size)), drift, size
    )  # after the last bulk it goes on
    least = float(np.nanmedian(bulk.sigma))
    worst = float(size.flat[np.argmax(np.abs(size))])
    said = (
        f"bulk of the cell: phi drifts by up to {100.0 * worst:+.2g} % where nothing has arrived yet: monitor, transmission,"
        " windows or the solution itself do, and it is in phi's sigma (transmission)",
    )
    if bulk.off_from_the_start:
        said = (f"bulk of the cell: {off_words(bulk)}; it is in phi's sigma (transmission)",)
    return np.where(size < 0.0, -1.0, 1.0) * np.hypot(size, least), (*said, *words)


def off_words(bulk: BulkLevel) -> str:
    """What a bulk says that is off by as much from the first scan on."""
    off = float(np.expm1(bulk.off_from_the_start))
    way = "more" if off > 0.0 else "less"
    return (
        f"phi is {100.0 * abs(off):.2g} % {way} than that of the starting solution from the first scan on, where nothing has"
        " arrived yet: the reference frames are not of the solution that was in the cell, or monitor or transmission were"
        " read otherwise for them"
    )


def drift_of_all(
    slow: SlowDrift, time_s: FloatArray, drift: FloatArray, words: tuple[str, ...]
) -> tuple[FloatArray, tuple[str, ...]]:
    """`drift` of phi (scan, height) and its words; where no scan shows any, the one that all frames show together."""
    if np.any(drift) or not slow.told:
        return drift, words
    said = (
        f"monitor or transmission: phi drifts by {-100.0 * slow.size:+.2g} % until the last frame, as transmission, solvent and"
        f" bulk of all frames say together ({abs(slow.size) / slow.sigma:.0f} sigma), and it is in phi's sigma (transmission)",
    )
    return slow.of_phi(time_s), (*said, *words)


def drift_number(bulk: BulkLevel) -> Number:
    """Relative change of phi in the bulk in the last scan that tells it."""
    told = np.flatnonzero(np.isfinite(bulk.change))
    if not told.size:
        return Number.absent("one", "no two heights next to each other hold the starting solution")
    last = int(told[-1])
    heights = int(bulk.bulk[last].sum())
    source = f"phi of {heights} heights that hold the starting solution over phi0, less 1, scan {last}"
    level = float(np.exp(bulk.change[last]))
    return Number(level - 1.0, level * float(bulk.sigma[last]), "one", source)


def _chi_squared(measures: TwoMeasures, depth: FloatArray, start: float, shape: FloatArray) -> float:
    """Of the differences where no electrode cuts the beam, with this `shape` of the drift and the best slope."""
    known = np.isfinite(measures.residual) & (measures.place == 0.0)
    rest, excess = (measures.difference - shape)[known], (depth - start)[known]
    weight = 1.0 / np.square(measures.sigma[known])
    slope = float(weight @ (rest * excess) / (weight @ np.square(excess) + 1.0 / SLOPE_SIGMA**2))
    return float(weight @ np.square(rest - slope * excess)) + (slope / SLOPE_SIGMA) ** 2


def scatter_of_phi(
    measures: TwoMeasures, start: float, usual: float, contradicted: int
) -> tuple[float, tuple[str, ...]]:
    """Relative sigma of phi where scattering and transmission scatter against each other by more than the standards' frames
    do, so that either the monitor or the transmission of all frames is not what it says; 0 where they do not. And in words.

    start: depth of the starting solution; usual: noise of the standards' normalisation; contradicted: frames that contradict
    themselves and are too many to leave out.
    """
    if not contradicted and measures.noise < NOISY * max(usual, LEAST_USUAL):
        return 0.0, ()
    noise = max(measures.noise, float(np.nanmedian(np.abs(measures.residual))))
    scatter = noise / start
    return scatter, (
        f"phi by scattering and by transmission disagree from frame to frame by {100.0 * noise:.2g} % of the"
        " transmission, too many to leave out: monitor or transmission are wrong, and phi is uncertain by"
        f" {100.0 * scatter:.2g} %",
    )


def noise_of_phi(measures: TwoMeasures, depth: FloatArray, usual: float) -> float:
    """Relative sigma of each frame's phi by noise of its monitor or its transmission beyond `usual`, that of the standards.

    Noise of the transmission makes ln T and scattering differ by its size times 1 - depth, noise of the monitor by its size
    times depth: the more likely of both, the larger where they do not part; 0 where none is needed.
    """
    known = np.isfinite(measures.residual) & (measures.place == 0.0)
    if known.sum() < FEWEST:
        return 0.0
    rest, tau = measures.residual[known], depth[known]
    base = np.maximum(np.square(measures.sigma[known]) - measures.noise**2, 0.0) + LEAST_NOISE**2
    found = [_likeliest(rest, base, size) for size in (1.0 - tau, tau)]
    (gain, noise), (other, second) = sorted(found, reverse=True)
    if gain < LEAST_GAIN:
        return 0.0
    noise = max(noise, second) if gain - other < 0.5 * LEAST_GAIN else noise
    return float(np.sqrt(max(noise**2 - usual**2, 0.0)))


def _likeliest(rest: FloatArray, base: FloatArray, size: FloatArray) -> tuple[float, float]:
    """Gain of ln likelihood over none, and noise times `size` that the likeliest is beside the variance `base`."""

    def likelihood_of(noise: float) -> float:
        variance = base + np.square(noise * size)
        return -0.5 * float(np.sum(np.minimum(np.square(rest) / variance, OUTLYING**2) + np.log(variance)))

    likelihood = np.array([likelihood_of(noise) for noise in NOISES])
    best = int(np.argmax(likelihood))
    return float(likelihood[best] - likelihood[0]), float(NOISES[best])


FARTHEST_CUT = 4.0
"""Deviations of the beam above the anode from which on it does not cut it."""


def anode_elsewhere(measures: TwoMeasures, height_um: FloatArray, fwhm_um: float) -> tuple[float, tuple[str, ...]]:
    """By how much (um) the anode would be elsewhere than said for the transmission where it cuts the beam; 0 where it agrees.

    The open part of the beam is then exp(place) times what it was taken to be.
    """
    cut = np.flatnonzero(
        (measures.place != 0.0) & (height_um < FARTHEST_CUT * beam_deviation(fwhm_um))
    )  # not the cathode
    if not cut.size:
        return 0.0, ()
    column = int(cut[np.argmin(np.abs(height_um[cut]))])
    place = float(measures.place[column])
    moved = moved_um(place, float(height_um[column]), fwhm_um)
    if abs(place) < 5.0 * float(measures.place_sigma[column]) or abs(moved) < LEAST_MOVED_UM:
        return 0.0, ()
    way = "lower" if moved > 0.0 else "higher"
    return moved, (
        f"transmission at {round(height_um[column])} um: {100.0 * np.expm1(place):+.2g} % off what passes an anode at the"
        f" height that was said; it is {abs(moved):.1f} um {way}, or something else is in the beam there",
    )


def moved_um(of_light: float, height_um: float, fwhm_um: float) -> float:
    """By how much (um) a beam cut by the anode at a height is higher, where ln T is `of_light` more than it should be."""
    deviation = beam_deviation(fwhm_um)
    x = height_um / deviation
    opened = min(float(share_above(x, 1.0)) * float(np.exp(of_light)), MOST_OPEN)
    return deviation * (float(ndtri(opened)) - x)


def beam_moves(measures: TwoMeasures, height_um: FloatArray, fwhm_um: float) -> tuple[float, tuple[str, ...]]:
    """The farthest (um) that the beam moves against the anode where what passes changes from scan to scan; 0 where it does
    not. And in words."""
    found = []
    near = height_um < FARTHEST_CUT * beam_deviation(fwhm_um)  # not the cathode
    for place in np.flatnonzero(np.any(measures.wander != 0.0, axis=0) & near):
        path = [moved_um(float(w), float(height_um[place]), fwhm_um) for w in measures.wander[:, place]]
        found.append((max(path, key=abs), int(place)))
    farthest, column = max(found, key=lambda one: abs(one[0]), default=(0.0, 0))
    if abs(farthest) < LEAST_MOVED_UM:
        return 0.0, ()
    way = "higher" if farthest > 0.0 else "lower"
    if scatters(measures.wander[:, column]):
        return farthest, (
            f"transmission at {round(height_um[column])} um: what passes the anode goes up and down from scan to scan, as of a"
            f" stage that comes back to a height within {abs(farthest):.1f} um at worst; it is in the sigmas (anode), and in"
            " phi's as far as the solvent does not rule out that something else stands there",
        )
    return farthest, (
        f"transmission at {round(height_um[column])} um: what passes the anode changes steadily from scan to scan, as of a beam"
        f" or a stage that moves by up to {abs(farthest):.1f} um ({way} above the anode), or of a beam that changes its width;"
        " it is in the sigmas (anode), and in phi's as far as the solvent does not rule out that something else stands there",
    )


def film_or_beam(missing: FloatArray, height_um: FloatArray, fwhm_um: float) -> tuple[float, tuple[str, ...]]:
    """By how much (um) the beam would be lower where light is `missing` (ln T: scan, height) from some scan on that no crystals
    are seen to take; and in words."""
    column = int(np.argmax(missing.max(axis=0)))
    lower = moved_um(-float(missing[:, column].max()), float(height_um[column]), fwhm_um)
    first = int(np.flatnonzero(missing[:, column] > 0.0)[0])
    return lower, (
        f"transmission at {round(height_um[column])} um: light is missing from scan {first} on and no curve shows crystals: a"
        f" film that hardly scatters takes it, or beam or stage are up to {abs(lower):.1f} um lower from then on; both are in"
        " the sigmas",
    )


def unseen_of_the_beam(measures: TwoMeasures, solvent: MissingSolvent, solvent_depth: float) -> FloatArray:
    """Relative sigma of phi (scan, height) where what passes the anode changes steadily: if it were the diode, phi would be off
    by as much, and by one over what the path of solvent absorbs if it were gas, but not by more than the solvent of the curve
    is."""
    size = np.abs(measures.wander) / min(solvent_depth, 1.0)
    return np.asarray(np.minimum(size, most_gas(solvent)))
