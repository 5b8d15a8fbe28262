"""Spots on powder rings: the share of the crystals that have any orientation, from rings and spots of the same families."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..nouns.film import Orientation, Spot
from ..physics.film_frame import Incidence
from ..physics.lattices import reflections
from .expected import Expected
from .geometry import DetectorPlane, film_coordinates
from .ring_profile import CLEAR_OF_YONEDA, Sectors, joined_sectors
from .widths import q_slopes

CLEAR_SPOT = 15.0  # signal over noise
ALONE = 6.0  # widths within which no other family may lie
MODEL_SHARE = 0.1  # of the ratio: what field and shapes of rings and spots are not known better

STRAINED = 0.004  # spots of a film that is strained along its normal do not lie on the rings of one that is not
LEAST_RINGS = 4


@dataclass(frozen=True)
class SpotOnRing:
    """A spot for the comparison with the ring of its family: |q| and width along it (1/nm), and per_reflection: 2 pi
    q_parallel times its integral over q_parallel and q_z (value / nm^3), for one reflection and without the waves' field."""

    q: float
    width: float
    per_reflection: float


def spots_on_rings(
    spots: Sequence[Spot], found: npt.NDArray[np.int64], expected: Expected, plane: DetectorPlane, incidence: Incidence
) -> list[SpotOnRing]:
    """The clear spots of the direct beam above the Yoneda band, from the indices `found` of their reflections."""
    made = []
    for spot, k in zip(spots, found, strict=True):
        if k < 0 or expected.reflected[k] or spot.signal_to_noise < CLEAR_SPOT:
            continue
        _, exit_sine = film_coordinates(plane, incidence, spot.row, spot.column)
        point, by_pixel = q_slopes(plane, incidence, spot.row, spot.column)
        if float(exit_sine) < CLEAR_OF_YONEDA * incidence.film.critical_angle or not np.isfinite(by_pixel).all():
            continue
        outwards = point / np.hypot(*point)
        width = np.sqrt(
            max(float(outwards @ by_pixel @ (spot.shape - np.eye(2) / 12.0) @ by_pixel.T @ outwards), 1e-12)
        )
        intensity = spot.intensity * abs(float(np.linalg.det(by_pixel)))
        made.append(SpotOnRing(float(expected.q[k]), float(width), 2.0 * np.pi * intensity / float(expected.weight[k])))
    return made


def random_share(
    data: Sectors, a: float, contraction: float, orientation: Orientation, spots: Sequence[SpotOnRing]
) -> tuple[float, float] | None:
    """Share of the crystals that have any orientation, with sigma; None where no spot lies on a ring that could be measured.

    A family of N reflections at G spreads over a sphere, 4 pi G^2; the m of a spot over a ring about the normal, 2 pi
    q_parallel. With I the integral of the ring along q and S that of the spot over q_parallel and q_z: random over oriented
    crystals = (4 pi G^2 I / N) / (2 pi q_parallel S / m), the waves in the film and the form factor being the same.
    """
    mean, variance = joined_sectors(data)
    unit, step = 2.0 * np.pi / a, float(data.q[1] - data.q[0])
    powder = reflections(orientation.lattice, float(data.q[-1]) / unit)
    ratios, sigmas = [], []
    for spot in spots:
        near = np.abs(unit * powder.s - spot.q) < max(ALONE * spot.width, 0.004 * spot.q)
        if np.count_nonzero(near) != 1:
            continue
        height, sigma = _height(data.q, mean, variance, float(unit * powder.s[near][0]), max(spot.width, 1.2 * step))
        if sigma is None:
            continue
        sphere = 4.0 * np.pi * spot.q**2 / float(powder.weight[near][0])
        ratios.append(sphere * height / spot.per_reflection)
        sigmas.append(sphere * sigma / spot.per_reflection)
    if len(ratios) < LEAST_RINGS or abs(contraction) > STRAINED:
        return None
    values, square = np.array(ratios), np.square(sigmas)
    ratio = 0.0
    for _ in range(3):
        weight = 1.0 / (square + np.square(MODEL_SHARE * ratio))
        ratio = float((weight * values).sum() / weight.sum())
    reduced = float((weight * np.square(values - ratio)).sum() / (values.size - 1))
    sigma = float(np.hypot(np.sqrt(max(reduced, 1.0) / weight.sum()), MODEL_SHARE * ratio))
    kept = max(ratio, 0.0)
    return kept / (1.0 + kept), sigma / (1.0 + kept) ** 2


def _height(
    q: FloatArray, mean: FloatArray, variance: FloatArray, centre: float, width: float
) -> tuple[float, float | None]:
    """Integral of a Gaussian of this place and width above the line through what is around it, with sigma (None: no data)."""
    near = (np.abs(q - centre) < 5.0 * width) & np.isfinite(mean)
    if near.sum() < 8:
        return 0.0, None
    x = q[near] - centre
    design = np.stack([np.exp(-0.5 * np.square(x / width)), np.ones(x.size), x, np.square(x)])
    weight = 1.0 / np.maximum(variance[near], 1e-12)
    normal = np.linalg.pinv((design * weight) @ design.T)
    solved = normal @ (design * weight) @ mean[near]
    reduced = float((weight * np.square(mean[near] - solved @ design)).mean())
    root = np.sqrt(2.0 * np.pi) * width
    return float(solved[0]) * root, float(np.sqrt(normal[0, 0] * max(reduced, 1.0))) * root
