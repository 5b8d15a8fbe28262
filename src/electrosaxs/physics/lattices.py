"""FCC, BCC, HCP, SC, A15 and BCT: where their powder reflections lie and how strong each is.

One particle per lattice site, all alike. A length `a` sets the scale: the conventional cubic lattice constant, for HCP
the nearest-neighbour distance (ideal c = sqrt(8/3) a), for BCT the edge of the square. Reflections lie at q = 2 pi s / a
with s depending on the lattice alone; where one number more is free (BCT: c/a), on that `shape` too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

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
        sites = np.array(self.basis)
        apart = (sites[:, None, None] + steps - sites[:, None]).reshape(-1, 3)
        lengths = np.linalg.norm(apart @ np.array(self.cell), axis=1)
        return float(np.min(lengths[lengths > 1e-9]))

    @property
    def packing_fraction(self) -> float:
        """Share of space that spheres in contact with their nearest neighbours fill, pi/6 d^3 / V."""
        return float(np.pi / 6.0 * self.neighbour_distance**3 / self.volume_per_particle)


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
    "A15": Lattice(
        "A15",
        CUBE,
        (
            *((0.0, 0.0, 0.0), (0.5, 0.5, 0.5)),
            *(
                (0.25, 0.0, 0.5),
                (0.75, 0.0, 0.5),
                (0.5, 0.25, 0.0),
                (0.5, 0.75, 0.0),
                (0.0, 0.5, 0.25),
                (0.0, 0.5, 0.75),
            ),
        ),
    ),
}


@dataclass(frozen=True)
class Shape:
    """The one number that a lattice leaves open: its limits and where a fit may start."""

    name: str
    lower: float
    upper: float
    starts: tuple[float, ...]


STACKED = "FCC/HCP"
SHAPES = {
    "BCT": Shape("axial_ratio", 0.8, 1.6, (0.88, 0.94, 1.06, 1.12, 1.18, 1.24, 1.3, 1.36, 1.5)),
    STACKED: Shape("fault_fraction", 0.002, 0.998, (0.25, 0.75)),
}
"""BCT: c/a, 1 in BCC and sqrt 2 in FCC. FCC/HCP: close-packed layers of which this share lie between two of one kind (HCP
has 1, FCC 0); its `a` is the nearest-neighbour distance, its reflections are those of HCP, and physics.stacking says what
happens to them."""
CANDIDATES = (*LATTICES, *SHAPES)


def lattice_named(name: str, shape: float | None = None, where: str = "") -> Lattice:
    """The lattice called `name`, at the first start of its `shape` where none is given; InputFileError, with the file `where`
    it stands, lists the known ones."""
    if name == "BCT":
        c = SHAPES[name].starts[0] if shape is None else shape
        return Lattice(name, ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, c)), LATTICES["BCC"].basis)
    if name == STACKED:
        return LATTICES["HCP"]
    if name not in LATTICES:
        raise InputFileError(
            f"{f'{where}: ' if where else ''}lattice = {name}: not a lattice that electrosaxs knows; use one of "
            f"{', '.join((*LATTICES, 'BCT', STACKED))}"
        )
    return LATTICES[name]


@lru_cache(maxsize=256)
def reflections(name: str, s_max: float, shape: float | None = None) -> Reflections:
    """All families of the lattice with s = q a / 2 pi up to `s_max`; s = |h a* + k b* + l c*|."""
    if name == "BCT":
        return _tetragonal(s_max, SHAPES[name].starts[0] if shape is None else shape)
    families = _families_below("HCP" if name == STACKED else name, STEP * int(np.ceil(s_max / STEP)))
    n = int(np.searchsorted(families.s, s_max * (1.0 + 1e-9), side="right"))
    return Reflections(families.hkl[:n], families.s[:n], families.multiplicity[:n], families.squared_amplitude[:n])


def _tetragonal(s_max: float, ratio: float) -> Reflections:
    """Families of the body-centred tetragonal lattice, h + k + l even: s^2 = h^2 + k^2 + (l a / c)^2, h >= k.

    Families of one s stay apart, so that lists of c/a nearby have the same members in nearly the same order.
    """
    hkl, multiplicity = _tetragonal_planes(int(np.ceil(s_max)))
    s = np.sqrt(hkl[:, 0] ** 2 + hkl[:, 1] ** 2 + (hkl[:, 2] / ratio) ** 2)
    order = np.argsort(s, kind="stable")
    order = order[: np.searchsorted(s[order], s_max * (1.0 + 1e-9), side="right")]
    names = tuple((h, k, m) for h, k, m in hkl[order].tolist())
    return Reflections(names, s[order], multiplicity[order], np.ones(order.size))


@lru_cache(maxsize=16)
def _tetragonal_planes(reach: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """hkl (n, 3) with h >= k and multiplicity of the families that may lie within s = `reach`, at any c/a allowed."""
    high, widest = int(np.ceil(reach * SHAPES["BCT"].upper)), SHAPES["BCT"].upper
    grid = np.meshgrid(np.arange(reach + 1), np.arange(reach + 1), np.arange(high + 1), indexing="ij")
    h, k, m = (one.ravel() for one in grid)
    inside = h**2 + k**2 + (m / widest) ** 2 <= reach**2
    kept = (h >= k) & ((h + k + m) % 2 == 0) & (h + m > 0) & inside
    h, k, m = h[kept], k[kept], m[kept]
    turned = np.where(h == 0, 1, np.where((k == 0) | (h == k), 4, 8))
    return np.stack([h, k, m], axis=1), (turned * np.where(m > 0, 2, 1)).astype(np.float64)


@lru_cache(maxsize=64)
def _families_below(name: str, s_max: float) -> Reflections:
    lattice = lattice_named(name)
    reciprocal = np.linalg.inv(np.array(lattice.cell)).T
    reach = int(np.ceil(s_max * np.max(np.linalg.norm(np.array(lattice.cell), axis=1))))
    planes = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    length = np.linalg.norm(planes @ reciprocal, axis=1)
    near = (length > 1e-9) & (length <= s_max * (1.0 + 1e-9))
    planes, length = planes[near], length[near]
    turns = np.exp(
        2j * np.pi * np.arange(-reach, reach + 1)[:, None, None] * np.array(lattice.basis)
    )  # (index, site, axis)
    h, k, m = (planes + reach).T
    phase = np.sum(turns[h, :, 0] * turns[k, :, 1] * turns[m, :, 2], axis=1)
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


def reflection_positions(
    name: str, a: float, q_max: float, shape: float | None = None
) -> tuple[tuple[tuple[int, int, int], ...], FloatArray]:
    """hkl and q (1/nm) of the families up to `q_max`; q = 2 pi s / a (Bragg)."""
    families = reflections(name, q_max * a / (2.0 * np.pi), shape)
    return families.hkl, 2.0 * np.pi * families.s / a


def neighbour_distance(name: str, a: float, shape: float | None = None) -> float:
    """Nearest-neighbour distance (nm): a / sqrt 2 in FCC, sqrt(3)/2 a in BCC, a / 2 in A15, a in HCP and SC; its inverse
    divides by the lattice's own `neighbour_distance`."""
    return lattice_named(name, shape).neighbour_distance * a
