"""How well an oriented lattice explains the spots of an image: it gains by spots that it foretold, and pays for reflections
that should have been seen and were not.

Each reflection k is seen with the probability p_k that its expected signal stands out of the noise at its place. With
spots x_i of which m(i) = k: ln L = sum over reflections seen of ln [p_k N(x_i; x_k)] + sum over those not seen of
ln (1 - p_k) + sum over other spots of ln c, c the density of spots that have another cause. "None" has them all. A
lattice with more reflections pays for each that is absent, so it does not win by having many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ..nouns.base import FloatArray
from ..nouns.film import Spot
from .expected import Expected
from .intensities import Envelope
from .noise import MAD_TO_SIGMA
from .surroundings import Surroundings

DETECTED_AT = 7.0  # signal over noise at which half of the spots are found
DOUBT = 1.0  # of the logarithm of an expected intensity, at least
DOUBTS = 2.0  # times by how much the intensities that were found scatter about those expected, where that is more
SURE, HARDLY = 0.97, 0.003
REFLECTED_SURE = 0.6
REFLECTED_HARDLY = 0.02  # the reflected beam depends on what is not known: substrate, roughness, composition
KNOWN_TO, MOST = 1.1, 0.9  # times the q of most spots: beyond, how bright a reflection should be is not known
EXTRA_SHARE = 0.15  # of the spots have another cause, at least one


@dataclass(frozen=True, eq=False)
class Explained:
    """score: ln L over that of "none"; seen, signal (reflections): probability of being found, expected signal to noise;
    envelope: of the intensities."""

    score: float
    seen: FloatArray
    signal: FloatArray
    envelope: Envelope


def explain(
    spots: Sequence[Spot],
    found: npt.NDArray[np.int64],
    expected: Expected,
    view: Surroundings,
    *,
    envelope: Envelope,
    sigma: float,
) -> Explained:
    """Score of matches `found` (per spot, -1 for none) on one image. envelope: with this image's level; sigma: of places, in
    pixels."""
    if not len(expected):  # constants that put every reflection beside the detector
        nothing = np.zeros(0)
        return Explained(0.0, nothing, nothing, envelope)
    use, direct = found >= 0, direct_spots(found, expected)
    q, logs = weighted_intensities(spots, found, expected)
    signal = expected_signal(spots, expected, envelope, view)
    clarity = np.array([s.signal_to_noise for s in spots])[direct] / np.maximum(signal[found[direct]], 1e-6)
    signal = signal * min(1.0, float(np.median(clarity)) if clarity.size else 1.0)
    doubt = max(DOUBT, DOUBTS * _spread(logs - envelope.log(q)))
    seen = ndtr(np.log(np.maximum(signal, 1e-6) / DETECTED_AT) / doubt)
    likely = np.where(expected.reflected, REFLECTED_SURE, SURE)
    seen = np.clip(seen, np.where(expected.reflected, REFLECTED_HARDLY, HARDLY), likely)
    seen = np.where(expected.status == "", seen, 0.5)
    area = float(view.usable.sum())
    chance = max(EXTRA_SHARE * len(spots), 1.0) / area
    off = _distances(spots, found, expected)
    own = np.array([np.sqrt(np.linalg.det(s.covariance)) for s in spots])[use] + sigma**2
    gained = np.log(seen[found[use]] / (2.0 * np.pi * own * chance)) - 0.5 * off[use] / own
    missed = np.ones(len(expected), dtype=bool)
    missed[found[use]] = False
    farthest = KNOWN_TO * float(np.quantile(q, MOST)) if direct.any() else 0.0
    missed &= (expected.status == "") & (expected.q < farthest) & ~(expected.reflected & (signal < DETECTED_AT))
    return Explained(float(gained.sum() + np.log1p(-seen[missed]).sum()), seen, signal, envelope)


def direct_spots(found: npt.NDArray[np.int64], expected: Expected) -> npt.NDArray[np.bool_]:
    """Which spots have a reflection of the direct beam."""
    if not len(expected):
        return np.zeros(found.size, dtype=bool)
    return np.asarray((found >= 0) & ~expected.reflected[np.maximum(found, 0)])


def weighted_intensities(
    spots: Sequence[Spot], found: npt.NDArray[np.int64], expected: Expected
) -> tuple[FloatArray, FloatArray]:
    """q (1/nm) of the spots of the direct beam, and ln of their intensities over the weights of their reflections."""
    direct = direct_spots(found, expected)
    light = np.array([s.intensity for s in spots])[direct]
    weight = np.maximum(expected.weight, 1e-30)[found[direct]]
    return expected.q[found[direct]], np.log(np.maximum(light, 1e-30)) - np.log(weight)


def _spread(off: FloatArray) -> float:
    """Robust standard deviation about zero, 0 of nothing."""
    return MAD_TO_SIGMA * float(np.median(np.abs(off))) if off.size else 0.0


def expected_signal(spots: Sequence[Spot], expected: Expected, envelope: Envelope, view: Surroundings) -> FloatArray:
    """Signal to noise that each reflection should have: its intensity over the noise under a spot of the usual size, its
    own counting included."""
    intensity = np.maximum(expected.weight, 1e-30) * np.exp(np.clip(envelope.log(expected.q), -60.0, 60.0))
    size = float(np.median([np.sqrt(np.linalg.det(s.shape)) for s in spots])) if spots else 4.0
    noise = np.square(view.pixel_sigma(expected.row, expected.column)) * 4.0 * np.pi * size
    return np.asarray(intensity / np.sqrt(noise + view.noise.gain * intensity))


def _distances(spots: Sequence[Spot], found: npt.NDArray[np.int64], expected: Expected) -> FloatArray:
    """Squared distances (pixels) of spots to their reflections, 0 where they have none."""
    row, column = np.array([s.row for s in spots]), np.array([s.column for s in spots])
    chosen = np.maximum(found, 0)
    apart = np.square(row - expected.row[chosen]) + np.square(column - expected.column[chosen])
    return np.where(found >= 0, apart, 0.0)
