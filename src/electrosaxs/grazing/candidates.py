"""Which lattices and orientations are tried, and where each could lie: first constants from pairs of spot and reflection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns.base import FloatArray
from ..nouns.film import Orientation
from ..physics.film_reflections import FilmReflections, film_reflections

CUBIC_PLANES = ((1, 1, 1), (1, 0, 0), (1, 1, 0), (2, 1, 1), (2, 1, 0), (2, 2, 1), (3, 1, 0), (3, 1, 1))
HEXAGONAL_PLANES = ((0, 0, 1), (1, 0, 0), (1, 1, 0))
CONTRACTION = (-0.08, 0.15)
SEEDS, SEED_REFLECTIONS = 10, 14
MOST_SPOTS, MOST_RINGS = 40, 160
OFFSET_SIGMA = 0.03  # 1/nm: of q_z, what angles of incidence and critical angles not yet known may do to all spots
TOLERANCE = 0.006, 0.004  # 1/nm, and of q: how far a spot may lie from where it is expected, before refinement
FARTHEST = 11.0  # |G| in 2 pi / a of the reflections that are tried
REACHED = 0.9  # of the spots lie within the part of q in which absent reflections count
ROUNDS = 3
KEPT = 3
DETECTED = 0.5  # of the reflections within reach are expected to be seen, before intensities are known
EXTRA = 0.1  # of the spots are expected to have another cause


@dataclass(frozen=True)
class Start:
    """First constants of an orientation: a (nm), contraction along the normal, and how well they do."""

    orientation: Orientation
    a: float
    contraction: float
    score: float


def candidate_orientations() -> tuple[Orientation, ...]:
    """Every lattice with every plane that is tried on the substrate."""
    cubic = [Orientation(lattice, plane) for lattice in ("FCC", "BCC", "SC") for plane in CUBIC_PLANES]
    return (*cubic, *(Orientation("HCP", plane) for plane in HEXAGONAL_PLANES))


def starts(
    orientation: Orientation, q_parallel: FloatArray, q_z: FloatArray, weight: FloatArray, *, shift: float
) -> list[Start]:
    """The best first constants of one orientation, best first.

    q_parallel (>= 0), q_z (n,) in 1/nm: spots read as of the direct beam, the clearest first; weight (n,): how many spots
    each stands for. shift: q_z that the reflected beam adds to a spot read so, 2 k s_i'.
    """
    assert orientation.normal is not None
    p, z, w = q_parallel[:MOST_SPOTS], q_z[:MOST_SPOTS], weight[:MOST_SPOTS]
    seeds = _seeds(orientation, p, z)
    if seeds.size == 0:
        return []
    largest = float(np.quantile(np.hypot(p, z), REACHED))
    seeds = seeds[seeds[:, 0] * float(np.median(np.hypot(p, z))) < 2.0 * np.pi * FARTHEST]
    found: list[Start] = []
    for a, stretch in _distinct(seeds):
        rings = film_reflections(
            orientation.lattice, orientation.normal, _rounded(min(1.05 * largest * a / (2.0 * np.pi), FARTHEST))
        )
        a, stretch, score = _polished(rings, a, stretch, p, z, w, largest, shift)
        contraction = 1.0 - 1.0 / stretch
        if CONTRACTION[0] <= contraction <= CONTRACTION[1]:
            found.append(Start(orientation, a, contraction, score))
    found.sort(key=lambda s: -s.score)
    kept: list[Start] = []
    for start in found:
        if all(abs(start.a / k.a - 1) > 0.004 or abs(start.contraction - k.contraction) > 0.006 for k in kept):
            kept.append(start)
        if len(kept) == KEPT:
            break
    return kept


def _rounded(s_max: float) -> float:
    """Up to the next half, so that tables of reflections are used again."""
    return float(np.ceil(2.0 * s_max) / 2.0)


def _seeds(orientation: Orientation, p: FloatArray, z: FloatArray) -> FloatArray:
    """(a, stretch) (n, 2) for which one of the clearest spots is one of the first reflections."""
    assert orientation.normal is not None
    rings = film_reflections(orientation.lattice, orientation.normal, 4.5)
    use = np.flatnonzero((rings.parallel > 1e-6) & (rings.normal > 1e-6))[:SEED_REFLECTIONS]
    a = 2.0 * np.pi * rings.parallel[use] / p[:SEEDS, None]
    stretch = z[:SEEDS, None] / (2.0 * np.pi * rings.normal[use] / a)
    contraction = 1.0 - 1.0 / np.maximum(stretch, 1e-6)
    good = (contraction > CONTRACTION[0]) & (contraction < CONTRACTION[1]) & (a > 2.0) & (a < 100.0)
    return np.stack([a[good], stretch[good]], axis=1)


def _distinct(seeds: FloatArray) -> FloatArray:
    """One of those that agree within a few parts in a thousand."""
    key = np.round(np.log(seeds) / np.array([0.006, 0.008]))
    _, first = np.unique(key, axis=0, return_index=True)
    return seeds[np.sort(first)]


def _polished(
    rings: FilmReflections, a: float, stretch: float, p: FloatArray, z: FloatArray, w: FloatArray, largest: float,
    shift: float,
) -> tuple[float, float, float]:  # fmt: skip
    """a, stretch and score after a few rounds of matching and least squares, the offset of q_z fitted along."""
    offset, score = 0.0, -np.inf
    for _ in range(ROUNDS):
        unit = 2.0 * np.pi / a
        near = np.hypot(unit * rings.parallel, unit * stretch * rings.normal) < 1.02 * largest
        if not near.any():
            return a, stretch, -np.inf
        across = unit * rings.parallel[near][:MOST_RINGS]
        up = unit * stretch * rings.normal[near][:MOST_RINGS]
        sigma = TOLERANCE[0] + TOLERANCE[1] * np.hypot(across, up)
        apart = (np.square(p[:, None] - across) + np.square(z[:, None] - offset - up)) / np.square(sigma)
        best = np.argmin(apart, axis=1)
        distance = apart[np.arange(p.size), best]
        matched = distance < 9.0
        score = _quick_score(across, up, sigma, best, distance, matched, p, z, w, shift)
        if np.count_nonzero(matched) < 2:
            break
        g, h, weight = across[best] / unit, up[best] / unit / stretch, w / np.square(sigma[best])
        m = matched
        unit = float((weight[m] * p[m] * g[m]).sum() / max((weight[m] * g[m] ** 2).sum(), 1e-12))
        design = np.stack([h[m], np.ones(m.sum())], axis=1) * np.sqrt(weight[m])[:, None]
        prior = np.diag([0.0, 1.0 / OFFSET_SIGMA**2])
        normal = design.T @ design + prior + 1e-9 * np.eye(2)
        slope, offset = np.linalg.solve(normal, design.T @ (z[m] * np.sqrt(weight[m])))
        if not (unit > 0.0 and slope > 0.0):
            return a, stretch, -np.inf
        a, stretch = 2.0 * np.pi / unit, float(slope) / unit
    return a, stretch, score


def _quick_score(
    across: FloatArray, up: FloatArray, sigma: FloatArray, best: np.ndarray, distance: FloatArray, matched: np.ndarray,
    p: FloatArray, z: FloatArray, w: FloatArray, shift: float,
) -> float:  # fmt: skip
    """Log likelihood over that of "every spot has another cause": each spot that is met gains by how closely it was
    foretold, each reflection that is not met costs."""
    low, high = float(z.min()), float(z.max())
    width = max(float(p.max()), 0.1)
    area = width * max(high - low, 0.1)
    within = (across > 0.7 * p.min()) & (across < 1.02 * width) & (up > low - 0.02) & (up < high + 0.02)
    chance = EXTRA * p.size / area
    gain = np.log(DETECTED / (2.0 * np.pi * np.square(sigma[best]) * chance)) - 0.5 * distance
    copies = np.square(p[:, None] - across) + np.square(z[:, None] - shift - up) < np.square(3.0 * sigma)
    copy_gain = 0.3 * np.log(DETECTED / (2.0 * np.pi * np.square(sigma.min()) * chance))
    gained = np.where(matched, gain, np.where(copies.any(axis=1), copy_gain, 0.0))
    met = np.unique(best[matched])
    missed = np.count_nonzero(within) - np.count_nonzero(within[met])
    return float((np.minimum(w, 2.0) * gained).sum() + missed * np.log(1.0 - DETECTED))
