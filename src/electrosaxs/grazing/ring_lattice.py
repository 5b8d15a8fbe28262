"""Which lattice makes the rings of a film whose crystals have any orientation, and its constant.

Angles that are slightly off move all rings by much the same amount of q, which is fitted along with the lattice constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..physics.lattices import LATTICES, reflections
from .intensities import fit_envelope
from .ring_profile import Ring, Sectors, find_rings

LEAST_RINGS = 4
FARTHEST = 6.0  # s of the families that are tried
TOLERANCE = 0.006  # of q: a ring is one of the lattice's
RESOLVED = 5.5  # widths of a ring: families that lie closer are one ring
LEAST_SCORE = 6.0
DETECTED_AT = 6.0
OFFSET_SIGMA = 0.03  # 1/nm: what angles that are slightly off do to all rings
HIGHEST_A, LOWEST_A = 60.0, 2.0
SEED_RINGS, SEED_FAMILIES = 3, 6
EXTRA_SHARE, FAINT = 0.15, 30.0


@dataclass(frozen=True, eq=False)
class RingLattice:
    """The lattice that makes the rings: a (nm, conventional; HCP: nearest neighbours) with sigma, its rings, ln of the odds
    against "none"; offset: q_z by which angles are off (1/nm)."""

    lattice: str
    a: float
    sigma: float
    offset: float
    rings: tuple[Ring, ...]
    score: float


def ring_lattice(data: Sectors) -> RingLattice | None:
    """The lattice that makes the rings, or None where none does."""
    rings = find_rings(data)
    if len(rings) < LEAST_RINGS:
        return None
    best: RingLattice | None = None
    for lattice in LATTICES:
        for a in _seeds(lattice, rings):
            made = _explained(lattice, a, rings, data)
            if made is not None and (best is None or made.score > best.score):
                best = made
    return best if best is not None and best.score > LEAST_SCORE else None


def _seeds(lattice: str, rings: list[Ring]) -> list[float]:
    """Constants for which one of the clearest rings is one of the first families."""
    families = reflections(lattice, 4.0).s[:SEED_FAMILIES]
    made = {round(float(2.0 * np.pi * s / ring.q), 2) for ring in rings[:SEED_RINGS] for s in families}
    return [a for a in made if LOWEST_A < a < HIGHEST_A]


@dataclass(frozen=True, eq=False)
class _Families:
    """Families of a lattice, those that no detector would resolve as one: s, weight, spread of s."""

    s: FloatArray
    weight: FloatArray
    spread: FloatArray


def _families(lattice: str, s_max: float, resolved: float) -> _Families:
    powder = reflections(lattice, s_max)
    start = np.concatenate([[0], np.flatnonzero(np.diff(powder.s) > resolved) + 1])
    weight = np.add.reduceat(powder.weight, start)
    middle = np.add.reduceat(powder.weight * powder.s, start) / weight
    square = np.add.reduceat(powder.weight * np.square(powder.s), start) / weight
    return _Families(middle, weight, np.sqrt(np.maximum(square - np.square(middle), 0.0)))


def _explained(lattice: str, a: float, rings: list[Ring], data: Sectors) -> RingLattice | None:
    """The rings as families of a lattice: refined constant, and ln likelihood over that of "none"; None where few are met."""
    q, sigma = np.array([r.q for r in rings]), np.array([_place_sigma(r) for r in rings])
    resolved = RESOLVED * float(np.median([r.width for r in rings])) * a / (2.0 * np.pi)
    families = _families(lattice, min(1.1 * float(q.max()) * a / (2.0 * np.pi), FARTHEST), resolved)
    if families.s.size < LEAST_RINGS:
        return None
    expected = 2.0 * np.pi * families.s / a
    for _ in range(4):
        nearest = np.argmin(np.abs(q[:, None] - expected), axis=1)
        place = np.hypot(TOLERANCE * q, 0.5 * families.spread[nearest] * 2.0 * np.pi / a)
        met = np.abs(q - expected[nearest]) < np.hypot(place, sigma)
        if np.unique(nearest[met]).size < LEAST_RINGS:
            return None
        weight = 1.0 / (np.square(sigma[met]) + np.square(0.4 * place[met]) * (families.spread[nearest[met]] > 0.0))
        s = families.s[nearest[met]]
        design = np.stack([s, np.ones(s.size)])
        covariance = np.linalg.inv((design * weight) @ design.T + np.diag([0.0, 1.0 / OFFSET_SIGMA**2]))
        unit, shift = covariance @ (design * weight) @ q[met]
        a = 2.0 * np.pi / float(unit)
        expected = unit * families.s + shift
    off = (q[met] - expected[nearest[met]]) / sigma[met]
    reduced = float(np.square(off).sum() / max(off.size - 2, 1))
    error = float(np.sqrt(covariance[0, 0] * max(reduced, 1.0)))
    intensity = np.array([r.intensity for r in rings])[met]
    weights = families.weight / np.square(expected)
    envelope = fit_envelope(
        q[met], np.log(intensity / weights[nearest[met]]), neighbour_nm=LATTICES[lattice].neighbour_distance * a
    )
    noise = np.interp(expected, *np.array(sorted((r.q, r.sigma) for r in rings)).T)
    signal = weights * np.exp(np.clip(envelope.log(expected), -50.0, 50.0)) / noise
    seen = np.clip(1.0 / (1.0 + np.square(DETECTED_AT / np.maximum(signal, 1e-6))), 0.003, 0.97)
    lowest, step = float(q.min()), float(q.max() - q.min()) / len(rings)
    covered = (expected > 0.85 * lowest) & (expected < 1.02 * float(q.max())) & _seen_there(data, expected)
    chosen = np.unique(nearest[met])
    gained = np.log(seen[nearest[met]] * step / (np.sqrt(2.0 * np.pi) * 0.4 * place[met] * EXTRA_SHARE))
    gained -= 0.5 * np.square((q[met] - expected[nearest[met]]) / np.hypot(0.4 * place[met], sigma[met]))
    apart = (
        np.abs(expected[:, None] - q[None, met]).min(axis=1) > 0.03 * expected
    )  # shoulders of a ring are not told from it
    missed = np.setdiff1d(np.flatnonzero(covered & apart), chosen)
    other = np.array([np.log(r.intensity / r.sigma / FAINT) for r in rings])[~met]  # clear rings have no other cause
    unexplained = np.log(1.0 / EXTRA_SHARE) + np.maximum(other, 0.0)
    score = float(gained.sum() + np.log1p(-seen[missed]).sum() - unexplained.sum())
    return RingLattice(
        lattice, a, a * error / float(unit), float(shift), tuple(r for r, m in zip(rings, met, strict=True) if m), score
    )  # fmt: skip


def _place_sigma(ring: Ring) -> float:
    """Sigma (1/nm) of a ring's place: width over signal to noise, and what lines under it do, a tenth of its width."""
    return float(np.hypot(ring.width * ring.sigma / ring.intensity, 0.1 * ring.width))


def _seen_there(data: Sectors, q: FloatArray) -> npt.NDArray[np.bool_]:
    """True where some sector has pixels."""
    known = np.isfinite(data.mean).any(axis=0)
    return np.asarray(np.interp(q, data.q, known.astype(float)) > 0.5)
