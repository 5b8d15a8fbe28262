"""FCC, BCC, HCP and SC: where their powder reflections lie and how strong each is.

One particle per lattice site, all alike. A length `a` sets the scale: the conventional cubic lattice constant, for HCP
the nearest-neighbour distance (ideal c = sqrt(8/3) a). Reflections lie at q = 2 pi s / a with s depending on the
lattice alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ..errors import InputFileError
from ..nouns.base import FloatArray


@dataclass(frozen=True)
class Lattice:
    """Cell vectors (rows, in units of a) and the particles' fractional coordinates in the cell."""

    name: str
    cell: tuple[tuple[float, float, float], ...]
    basis: tuple[tuple[float, float, float], ...]

    @property
    def particles_per_cell(self) -> int:
        return len(self.basis)

    @cached_property
    def volume_per_particle(self) -> float:
        """In units of a^3."""
        return float(abs(np.linalg.det(np.array(self.cell)))) / len(self.basis)

    @cached_property
    def neighbour_distance(self) -> float:
        """Distance of nearest neighbours in units of a."""
        steps = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        positions = (np.array(self.basis)[:, None] + steps).reshape(-1, 3) - np.array(self.basis[0])
        lengths = np.linalg.norm(positions @ np.array(self.cell), axis=1)
        return float(np.min(lengths[lengths > 1e-9]))


@dataclass(frozen=True, eq=False)
class Reflections:
    """Families of lattice planes in order of s, arrays of one length; reflections of one s and different hkl are one
    family.

    hkl: indices that name the family; s = q a / 2 pi; multiplicity: planes whose structure amplitude is not zero;
    squared_amplitude: |sum_j exp(2 pi i hkl . r_j)|^2 / n^2, mean over them (1 where all n particles of the cell are in
    phase).
    """

    hkl: tuple[tuple[int, int, int], ...]
    s: FloatArray
    multiplicity: FloatArray
    squared_amplitude: FloatArray

    @property
    def weight(self) -> FloatArray:
        """multiplicity x squared amplitude."""
        return self.multiplicity * self.squared_amplitude


STEP = 4.0  # families are worked out once up to the next multiple of this s
CUBE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
LATTICES: dict[str, Lattice] = {
    "FCC": Lattice("FCC", CUBE, ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))),
    "BCC": Lattice("BCC", CUBE, ((0.0, 0.0, 0.0), (0.5, 0.5, 0.5))),
    "HCP": Lattice(
        "HCP",
        ((1.0, 0.0, 0.0), (-0.5, float(np.sqrt(0.75)), 0.0), (0.0, 0.0, float(np.sqrt(8.0 / 3.0)))),
        ((1.0 / 3.0, 2.0 / 3.0, 0.25), (2.0 / 3.0, 1.0 / 3.0, 0.75)),
    ),
    "SC": Lattice("SC", CUBE, ((0.0, 0.0, 0.0),)),
}


def lattice_named(name: str) -> Lattice:
    """The lattice called `name`; InputFileError lists the known ones."""
    if name not in LATTICES:
        raise InputFileError(
            f"lattice = {name}: not a lattice that electrosaxs knows; use one of {', '.join(LATTICES)}"
        )
    return LATTICES[name]


@lru_cache(maxsize=256)
def reflections(name: str, s_max: float) -> Reflections:
    """All families of the lattice with s = q a / 2 pi up to `s_max`; s = |h a* + k b* + l c*|."""
    families = _families_below(name, STEP * int(np.ceil(s_max / STEP)))
    n = int(np.searchsorted(families.s, s_max * (1.0 + 1e-9), side="right"))
    return Reflections(families.hkl[:n], families.s[:n], families.multiplicity[:n], families.squared_amplitude[:n])


@lru_cache(maxsize=64)
def _families_below(name: str, s_max: float) -> Reflections:
    lattice = lattice_named(name)
    reciprocal = np.linalg.inv(np.array(lattice.cell)).T
    reach = int(np.ceil(s_max * np.max(np.linalg.norm(np.array(lattice.cell), axis=1))))
    planes = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    length = np.linalg.norm(planes @ reciprocal, axis=1)
    near = (length > 1e-9) & (length <= s_max * (1.0 + 1e-9))
    planes, length = planes[near], length[near]
    phase = np.exp(2j * np.pi * planes @ np.array(lattice.basis).T).sum(axis=1)
    squared = np.abs(phase) ** 2 / lattice.particles_per_cell**2
    kept = squared > 1e-9
    planes, length, squared = planes[kept], length[kept], squared[kept]
    family = np.round(length**2, 6)
    levels, member, count = np.unique(family, return_inverse=True, return_counts=True)
    strength = np.bincount(member, weights=squared)
    members = np.split(planes[np.argsort(member, kind="stable")], np.cumsum(count))[:-1]
    hkl = tuple(_family_name(of_family) for of_family in members)
    return Reflections(hkl, np.sqrt(levels), count.astype(np.float64), strength / count)


def _family_name(planes: np.ndarray) -> tuple[int, int, int]:
    """The member that crystallographers write: no minus sign, largest index first (111, 200, 220, 311; HCP 100, 002,
    101)."""
    h, k, index_l = max(planes[np.all(planes >= 0, axis=1)].tolist())
    return h, k, index_l


def reflection_positions(name: str, a: float, q_max: float) -> tuple[tuple[tuple[int, int, int], ...], FloatArray]:
    """hkl and q (1/nm) of the families up to `q_max`; q = 2 pi s / a (Bragg)."""
    families = reflections(name, q_max * a / (2.0 * np.pi))
    return families.hkl, 2.0 * np.pi * families.s / a


def neighbour_distance(name: str, a: float) -> float:
    """Nearest-neighbour distance (nm): a / sqrt 2 in FCC, sqrt(3)/2 a in BCC, a in HCP and SC; its inverse divides by
    the lattice's own `neighbour_distance`."""
    return lattice_named(name).neighbour_distance * a
