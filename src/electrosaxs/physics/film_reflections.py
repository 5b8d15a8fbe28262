"""Reflections of a lattice that stands with one of its planes on a substrate, turned about the normal in all directions.

Such an in-plane powder makes each reflection a ring about the normal, known by its length along the surface and its
height along the normal. Lengths are in 2 pi / a. A film that contracts along the normal keeps the first and stretches the
second. The two FCC twins of a (111) film have the same rings, so that no pattern tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from .lattices import lattice_named

SAME = 1e-6  # rings closer than this, in 2 pi / a, are one
TABLE = 11.0  # |G| that one table of rings reaches, of which all smaller ones are a part


@dataclass(frozen=True, eq=False)
class FilmReflections:
    """Rings, arrays of one length in order of |G|. hkl (n, 3): the member that stands for all; parallel, normal: in
    2 pi / a, normal >= 0 (each ring has its mirror image below); multiplicity: reflections in the ring; squared_amplitude:
    of the structure, 1 where all particles of the cell are in phase."""

    hkl: npt.NDArray[np.int64]
    parallel: FloatArray
    normal: FloatArray
    multiplicity: FloatArray
    squared_amplitude: FloatArray


@lru_cache(maxsize=256)
def film_reflections(lattice: str, normal: tuple[int, int, int], s_max: float) -> FilmReflections:
    """Rings of `lattice` with the lattice plane `normal` parallel to the substrate, up to |G| = s_max (in 2 pi / a)."""
    whole = _rings(lattice, normal, max(s_max, TABLE))
    length = np.hypot(whole.parallel, whole.normal)
    count = int(np.searchsorted(length, s_max * (1.0 + 1e-9), side="right"))
    return FilmReflections(**{name: values[:count] for name, values in vars(whole).items()})


@lru_cache(maxsize=128)
def _rings(lattice: str, normal: tuple[int, int, int], s_max: float) -> FilmReflections:
    """Worked out once for all shorter |G|."""
    crystal = lattice_named(lattice)
    reciprocal = np.linalg.inv(np.array(crystal.cell)).T
    reach = int(np.ceil(s_max * np.max(np.linalg.norm(np.array(crystal.cell), axis=1))))
    planes = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = planes @ reciprocal
    up = np.array(normal) @ reciprocal
    along = vectors @ (up / np.linalg.norm(up))
    length = np.linalg.norm(vectors, axis=1)
    near = (length > SAME) & (length <= s_max * (1.0 + 1e-9)) & (along > -SAME)
    planes, along, length = planes[near], np.abs(along[near]), length[near]
    phase = np.exp(2j * np.pi * planes @ np.array(crystal.basis).T).sum(axis=1)
    squared = np.abs(phase) ** 2 / crystal.particles_per_cell**2
    kept = squared > SAME
    planes, along, length, squared = planes[kept], along[kept], length[kept], squared[kept]
    across = np.sqrt(np.maximum(np.square(length) - np.square(along), 0.0))
    key = np.round(np.stack([length, along]) / SAME / 10.0).astype(np.int64)
    _, member = np.unique(key[0] * (key[1].max() + 1) + key[1], return_inverse=True)
    count = np.bincount(member)
    strength = np.bincount(member, weights=squared) / count
    order = _plainest_first(planes, member)
    first = order[np.searchsorted(member[order], np.arange(count.size))]
    return FilmReflections(planes[first], across[first], along[first], count.astype(np.float64), strength)


def _plainest_first(planes: npt.NDArray[np.int64], member: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Order by ring; within it fewest minus signs, then fewest zeros, then ascending: (1 5 7), (2 2 8)."""
    size, sign = np.abs(planes), -planes
    signs, zeros = (planes < 0).sum(axis=1), (planes == 0).sum(axis=1)
    keys = (*sign.T[::-1], *size.T[::-1], zeros, signs, member)  # the last one counts first
    return np.lexsort(keys)
