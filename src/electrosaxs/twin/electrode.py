"""The anode as the beam finds it: tilted along the path and wavy, and the islands on it that stand in the light.

The beam passes where it is above the highest line of the surface along its path, an opaque edge. An even tilt moves that
edge and does not blur it; waviness does, because rows beside each other across the beam have different highest lines. What lies
lower than the edge is in its shadow: of a film of height h the light meets only what rises above the edge. Heights of the run
count from the mean edge; what is dissolved at a height above it is, along the path, as far from the surface as the surface lies
below the edge on average.

Islands are many and small against the path, so that light meets coverage x length of them. They keep the shape that they have
when dried (`island_growth`), their number follows from [nucleation] or from island_density_per_mm2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray
from ..nouns.imperfections import Imperfections
from ..physics.beam import beam_deviation, relative_density, share_above
from ..physics.quadrature import gauss_legendre
from ..physics.tetrahedron import thickness, volume
from .exposure import Footprint, density_at_anode
from .island_growth import TOP_OVER_BASE

ROWS, PLACES = 7, 400
WAVES = np.arange(2, 9)
"""Waves of the surface along the path (chosen: of 1 to 5 mm)."""
STREAM = 0xA0DE
FILM_NODES, BEAM_NODES = 12, 15
REACH = 5.5
PARTICLES_PER_CELL = 4.0
NO_FILM_UM = 1.0


@dataclass(frozen=True, eq=False)
class Electrode:
    """Rows of the surface across the beam. edge (row,): the highest line over the mean of all; below (row, place): depth of the
    surface below it along the path, rising. um."""

    edge: FloatArray
    below: FloatArray

    @classmethod
    def of(cls, wrong: Imperfections, path_mm: float, seed: int) -> Electrode | None:
        """None where the anode is even and its crystals are spread over the beam."""
        if not (wrong.anode_tilt_mrad or wrong.anode_roughness_um or wrong.islands):
            return None
        rows = ROWS if wrong.anode_roughness_um else 1
        along = (np.arange(PLACES) + 0.5) / PLACES
        surface = np.tile(wrong.anode_tilt_mrad * path_mm * along, (rows, 1))
        if wrong.anode_roughness_um:
            random = np.random.default_rng([seed, STREAM])
            phase = 2.0 * np.pi * (WAVES[:, None] * along + random.random((rows, WAVES.size, 1)))
            waves = np.sum(random.standard_normal((rows, WAVES.size, 1)) * np.cos(phase), axis=1)
            surface += wrong.anode_roughness_um * waves / np.sqrt(np.mean(np.square(waves)))
        highest = surface.max(axis=1)
        return cls(highest - highest.mean(), np.sort(highest[:, None] - surface, axis=1))

    def within(self, depth_um: FloatArray) -> FloatArray:
        """(row, ...): share of the path on which the surface lies at most `depth_um` (row, ...) below the edge."""
        share = np.arange(PLACES) / PLACES
        return np.stack([
            np.where(depth > 0.0, np.interp(depth, below, share, left=0.0, right=1.0), 0.0)
            for depth, below in zip(depth_um, self.below, strict=True)
        ])  # fmt: skip


@dataclass(frozen=True)
class Film:
    """Islands at one time: height (um), share of the anode that they cover, phi of the crystal (class,)."""

    height: float
    coverage: float
    inside: FloatArray


def film_of(per_area_um: FloatArray, volume_nm3: FloatArray, lattice_nm: float, density_per_um2: float) -> Film | None:
    """The islands that hold `per_area_um` (class,) of particle volume, on FCC sites of constant `lattice_nm`; None: none."""
    sites = float(np.sum(per_area_um / volume_nm3))  # per nm^3 um
    if sites <= 0.0:
        return None
    thick = sites * lattice_nm**3 / PARTICLES_PER_CELL  # of a film without gaps
    each = thick / density_per_um2
    of_cube_root = thickness(1.0, TOP_OVER_BASE) / volume(1.0, TOP_OVER_BASE, 0.0) ** (1.0 / 3.0)
    height = max(of_cube_root * each ** (1.0 / 3.0), thick)
    return Film(height, thick / height, per_area_um / thick)


def footprint_above(
    electrode: Electrode, centre_um: float, film: Film | None, *, fwhm_um: float, gap_um: float
) -> tuple[Footprint, FloatArray]:
    """The open part of the beam over all rows, heights as distances to the surface, and the share of the path (sub-beam,) on
    which each meets islands."""
    sigma = beam_deviation(fwhm_um)
    split = NO_FILM_UM if film is None else film.height
    heights, shares, depths = [], [], []
    for edge in electrode.edge:
        centre = centre_um - edge
        top = min(max(centre + REACH * sigma, split + 2.0 * sigma), gap_um)
        start = max(split, centre - REACH * sigma)
        z, weight = _nodes((0.0, split, FILM_NODES), (start, top, BEAM_NODES))
        weight = weight * relative_density(z - centre, sigma)
        passes = float(share_above(centre, sigma) - share_above(centre - gap_um, sigma))
        shares.append(passes * weight / max(weight.sum(), 1e-300) / electrode.edge.size)
        heights.append(z)
        depths.append(split - z)
    within = electrode.within(np.stack(depths)) if film is not None else np.zeros((len(depths), heights[0].size))
    below = electrode.below.mean(axis=1)
    place = (np.stack(heights) + below[:, None]).ravel()
    share = np.concatenate(shares)
    beam = Footprint(place, share, density_at_anode(centre_um - electrode.edge, sigma, float(share.sum())))
    return beam, (0.0 if film is None else film.coverage) * within.ravel()


def _nodes(*panels: tuple[float, float, int]) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Gauss and Legendre over several (from, to, number)."""
    z, weight = [], []
    for low, high, number in panels:
        node, share = gauss_legendre(number)
        z.append(low + 0.5 * (high - low) * (1.0 + node))
        weight.append(0.5 * (high - low) * share)
    return np.concatenate(z), np.concatenate(weight)
