"""From crest points to a first geometry: where their normals meet, then the distance, then both at once.

Three steps, each robust against points that are on no ring: (1) random pairs of normals vote for the beam centre, (2)
a likelihood over the distance numbers the rings: every predicted ring that the data do not show costs, so halving the
distance (every second ring empty) and doubling it (every second ring unexplained) both lose, (3) closest-ring least
squares, from the innermost points outwards, because a tilt displaces ring n by r_n^2 tan(tilt) / D.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..nouns import FloatArray
from .ring_fit import fit_geometry
from .ring_geometry import RingPoints, to_polar, untilted
from .ring_kernels import ring_likelihood
from .rings import Ridges

PAIRS = 1500
NORMAL_TOLERANCE = 0.06  # rad: spread of crest normals at the detection limit
DISTANCE_STEP = 1.003
SAMPLE = 800  # crest points that vote
DISTANCE_RANGE_M = (0.01, 40.0)
CENTRES, DISTANCES, GEOMETRIES = 2, 4, 3  # the best that are looked at further
SEED = 0  # of the pairs that vote: the same image gives the same geometry


@dataclass(frozen=True)
class FirstGeometry:
    """A geometry vector, its log likelihood ratio per crest point against "no rings".

    And the share of points explained.
    """

    geometry: FloatArray
    score: float
    explained: float
    tilts: bool


def centre_candidates(ridges: Ridges) -> list[tuple[float, float]]:
    """Pixel coordinates (y, x) at which most crest normals meet, best first, also off the detector.

    Votes fall off with the angle between a normal and the direction to the candidate; the best are then refined by
    least squares on the distances between the lines and the centre.
    """
    if len(ridges) < 12:
        return []
    generator = np.random.default_rng(SEED)
    weight = np.sqrt(ridges.strength)
    first, second = (generator.choice(len(ridges), PAIRS, p=weight / weight.sum()) for _ in range(2))
    cross = ridges.normal_y[first] * ridges.normal_x[second] - ridges.normal_x[first] * ridges.normal_y[second]
    pairs = np.abs(cross) > 0.1
    first, second, cross = first[pairs], second[pairs], cross[pairs]
    gap_y, gap_x = ridges.y[second] - ridges.y[first], ridges.x[second] - ridges.x[first]
    along = (gap_y * ridges.normal_x[second] - gap_x * ridges.normal_y[second]) / cross
    y, x = ridges.y[first] + along * ridges.normal_y[first], ridges.x[first] + along * ridges.normal_x[first]
    votes = _votes(ridges, y, x)
    apart = 0.05 * np.hypot(np.ptp(ridges.y), np.ptp(ridges.x))
    found: list[tuple[float, float]] = []
    for i in np.argsort(votes)[::-1][:12]:
        refined = _refined_centre(ridges, float(y[i]), float(x[i]))
        if all(np.hypot(refined[0] - fy, refined[1] - fx) > apart for fy, fx in found):
            found.append(refined)
    return found[:CENTRES]


def _votes(ridges: Ridges, y: FloatArray, x: FloatArray) -> FloatArray:
    """Sum over crest points of a Lorentzian of the angle between normal and direction to the candidate (a sample of.

    Points).
    """
    some = np.linspace(0, len(ridges) - 1, min(len(ridges), SAMPLE)).astype(np.int64)
    to_y, to_x = y[:, None] - ridges.y[some], x[:, None] - ridges.x[some]
    sine = (to_y * ridges.normal_x[some] - to_x * ridges.normal_y[some]) / np.maximum(np.hypot(to_y, to_x), ridges.cell)
    return np.asarray(np.sum(1.0 / (1.0 + np.square(sine / NORMAL_TOLERANCE)), axis=1))


def _refined_centre(ridges: Ridges, y: float, x: float) -> tuple[float, float]:
    """Re-weighted least squares of the perpendicular distances n x (c - p) = 0, Cauchy weights in angle."""
    sideways = ridges.normal_x * ridges.y - ridges.normal_y * ridges.x
    design = np.stack([ridges.normal_x, -ridges.normal_y], axis=1)
    for _ in range(15):
        radius = np.maximum(np.hypot(y - ridges.y, x - ridges.x), ridges.cell)
        angle = (design @ np.array([y, x]) - sideways) / radius
        weight = 1.0 / (1.0 + np.square(angle / NORMAL_TOLERANCE)) / radius
        (y, x), *_ = np.linalg.lstsq(design * weight[:, None], sideways * weight, rcond=None)
    return float(y), float(x)


def nearest_ring(tangent: FloatArray, tangents: FloatArray) -> np.ndarray:
    """Index of the ring whose tan(2 theta) is nearest."""
    index = np.clip(np.searchsorted(tangents, tangent), 1, len(tangents) - 1)
    return index - (tangent - tangents[index - 1] < tangents[index] - tangent)


def distance_candidates(
    ridges: Ridges,
    centre: tuple[float, float],
    tangents: FloatArray,
    pixel: tuple[float, float],
    *,
    limits_m: tuple[float, float],
) -> list[tuple[float, float]]:
    """(distance in m, log likelihood ratio per point), best first, for a detector perpendicular to the beam."""
    radius = np.hypot((ridges.y - centre[0]) * pixel[0], (ridges.x - centre[1]) * pixel[1])
    radius = np.sort(radius)[:: max(len(radius) // SAMPLE, 1)]
    low, high = max(limits_m[0], 0.3 * radius.min() / tangents[-1]), min(limits_m[1], 1.2 * radius.max() / tangents[0])
    if not low < high:
        return []
    grid = np.exp(np.arange(np.log(low), np.log(high), np.log(DISTANCE_STEP)))
    width = 1.0 * ridges.cell * np.sqrt(pixel[0] * pixel[1])
    score = np.array([ring_likelihood(radius, d * tangents, width + 0.0015 * radius) for d in grid])
    inner = np.concatenate([[-np.inf], score, [-np.inf]])
    peaks = np.nonzero((score >= inner[:-2]) & (score > inner[2:]))[0]
    best = peaks[np.argsort(score[peaks])[::-1][:DISTANCES]]
    return [(float(grid[i]), float(score[i])) for i in best]


def coarse_geometry(
    ridges: Ridges,
    centre: tuple[float, float],
    distance: float,
    tangents: FloatArray,
    pixel: tuple[float, float],
) -> FirstGeometry:
    """Closest-ring least squares from the innermost quarter of the crest points to all of them.

    Tilts enter at the last rounds.
    """
    geometry = untilted(distance, centre, pixel)
    scale = float(np.sqrt(pixel[0] * pixel[1]))
    best: FirstGeometry | None = None
    for share, tilts in ((0.25, False), (0.5, False), (0.5, True), (0.75, True), (1.0, True), (1.0, True)):
        tangent, _ = to_polar(geometry, ridges.y, ridges.x, pixel)
        inside = tangent <= np.quantile(tangent, share)
        near = nearest_ring(tangent, tangents)
        spacing = np.gradient(tangents)[near]
        close = inside & (np.abs(tangent - tangents[near]) < 0.3 * spacing)
        if close.sum() < 12:
            continue
        sigma = np.full(len(ridges), float(ridges.cell))
        points = RingPoints(near, ridges.y, ridges.x, sigma).select(close)
        enough = tilts and len(np.unique(points.ring)) > 1
        geometry = fit_geometry(points, tangents, pixel, geometry, tilts=enough, robust=True).geometry
        best = _scored(ridges, geometry, tangents, pixel, scale, tilts=enough)
        if geometry[0] <= 0.0:  # no rings: they shrank onto the sample, from where no fit begins
            return best
    return best or _scored(ridges, geometry, tangents, pixel, scale, tilts=False)


def _scored(
    ridges: Ridges, geometry: FloatArray, tangents: FloatArray, pixel: tuple[float, float], scale: float, *, tilts: bool
) -> FirstGeometry:
    tangent, _ = to_polar(geometry, ridges.y, ridges.x, pixel)
    if geometry[0] <= 0.0 or np.any(tangent <= 0.0):
        return FirstGeometry(geometry, -np.inf, 0.0, tilts)
    radius = geometry[0] * tangent
    width = scale * ridges.cell * np.ones(len(radius))
    near = nearest_ring(tangent, tangents)
    explained = np.mean(np.abs(radius - geometry[0] * tangents[near]) < 2.0 * width)
    score = ring_likelihood(radius, geometry[0] * tangents, width)
    return FirstGeometry(geometry, score, float(explained), tilts)


def first_geometries(
    levels: list[Ridges],
    tangents: FloatArray,
    pixel: tuple[float, float],
    *,
    limits_m: tuple[float, float],
) -> list[FirstGeometry]:
    """Geometries worth a refinement, best first: every binning level, centre and distance candidate tried."""
    tried: list[FirstGeometry] = []
    for ridges in levels:
        for centre in centre_candidates(ridges):
            for distance, _ in distance_candidates(ridges, centre, tangents, pixel, limits_m=limits_m):
                found = coarse_geometry(ridges, centre, distance, tangents, pixel)
                # points of a level are as many as its cells along the rings: more of them say more
                tried.append(replace(found, score=found.score * np.sqrt(len(ridges))))
    distinct: list[FirstGeometry] = []
    for candidate in sorted(tried, key=lambda g: -g.score):
        new = all(abs(candidate.geometry[0] / d.geometry[0] - 1.0) > 0.02 for d in distinct)
        if new and np.isfinite(candidate.score):
            distinct.append(candidate)
    return distinct[:GEOMETRIES]
