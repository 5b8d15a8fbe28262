"""Islands that grow as the cell feeds them: they nucleate while the wall is supersaturated, each keeps others from nucleating
beside it, and every bit of particle volume that the transport model attaches goes to the islands that are there.

How many nucleate follows from the slice flux at the onset (`NucleationSettings`); when, from the supersaturation of the wall,
which the sites that run out end; where, from the islands that are there already. An island takes up what arrives on the part
of the anode that is nearest to it. All have one shape, so that size follows from volume; where two have grown into each other
the higher surface is what there is, and all islands are a little larger for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray
from ..nouns.micrograph import MicrographSettings
from ..nouns.nucleation import NucleationSettings
from ..physics.lattices import lattice_named
from ..physics.tetrahedron import FACET_SLOPE, SQRT3, TURN, depth, facet_width, thickness, volume
from .islands import PlacedIsland

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

TOP_OVER_BASE = 26.9 / 28.5
"""Shape of an island of Yu 2018."""
PACKED = lattice_named("FCC").packing_fraction
"""Share of a dried superlattice that cores with their shells fill."""
SUPERSATURATED = 1e-5
"""Of phi / solubility - 1: below it the wall is pinned, and what is left is rounding."""
TRIES = 200
STEPS = 60
ACROSS = 6
"""Points between neighbours with which the anode is shared out."""
AGREES = 1e-3


@dataclass(frozen=True, eq=False)
class GrowthRecord:
    """From the onset on, (time,): time (s), particle volume per area in crystals (um), supersaturation of the wall,
    phi / solubility - 1. flux: into the slice of 50 um at the onset (m/s)."""

    time: FloatArray
    crystals_um: FloatArray
    excess: FloatArray
    flux: float

    @property
    def film_um(self) -> FloatArray:
        """Volume of the dried superlattice per area (um)."""
        return self.crystals_um / PACKED

    def until(self, film_um: float) -> GrowthRecord:
        """The same until the film first holds `film_um`; whole where it never does."""
        above = np.flatnonzero(self.film_um >= film_um)
        if not above.size or above[0] == 0:
            return self
        k = int(above[0])
        end = float(np.interp(film_um, self.film_um[k - 1 : k + 1], self.time[k - 1 : k + 1]))
        time = np.linspace(self.time[0], end, self.time.size)
        crystals, excess = (np.interp(time, self.time, one) for one in (self.crystals_um, self.excess))
        return GrowthRecord(time, crystals, excess, self.flux)


@dataclass(frozen=True, eq=False)
class GrownIslands:
    """Islands in pixels of a field, with the time at which each nucleated (s)."""

    islands: list[PlacedIsland]
    born_s: FloatArray


def grown_islands(
    record: GrowthRecord, nucleation: NucleationSettings, view: MicrographSettings, random: np.random.Generator
) -> GrownIslands:
    """The islands on a field of the anode at the end of the record, and around it as far as they reach into it."""
    density = nucleation.density(record.flux) * 1e-6
    spacing = 1.0 / np.sqrt(density)
    zone = nucleation.depletion_length_um or 0.5 * spacing
    size = np.array([view.width_px, view.height_px]) * view.um_per_pixel + 4.0 * spacing
    born = _births(record, nucleation, int(random.poisson(density * size.prod())), random)
    places = _places(len(born), size, zone, random)
    volumes = _volumes(record, born, places, size, spacing)
    rotation = random.uniform(0.0, TURN, len(born))
    if view.one_orientation:
        rotation = np.mod(rotation[:1] + random.normal(0.0, 1.0, len(born)), TURN) if len(born) else rotation
    cut = view.truncation * random.uniform(0.5, 1.5, len(born))
    edges = (volumes / volume(np.ones(len(born)), np.full(len(born), TOP_OVER_BASE), cut)) ** (1.0 / 3.0)
    corner = 2.0 * spacing
    made = [
        PlacedIsland(
            x - corner, y - corner, edge, float(turn), float(t), float(facet_width(edge, TOP_OVER_BASE * edge))
        )
        for (x, y), edge, turn, t in zip(places, edges, rotation, cut, strict=True)
    ]
    made = _of_whole_volume(made, float(volumes.sum()))
    return GrownIslands([_in_pixels(one, view.um_per_pixel) for one in made], born)


def usual_edge_um(record: GrowthRecord, nucleation: NucleationSettings, truncation: float) -> float:
    """Base edge (um) of an island that has its share of the film, V = film / density."""
    each = float(record.film_um[-1]) / (nucleation.density(record.flux) * 1e-6)
    return float((each / volume(1.0, TOP_OVER_BASE, truncation)) ** (1.0 / 3.0))


def usual_thickness_um(edge_um: float) -> float:
    """Thickness (um) of an island with this base edge (um)."""
    return float(thickness(edge_um, TOP_OVER_BASE * edge_um))


def _births(
    record: GrowthRecord, nucleation: NucleationSettings, number: int, random: np.random.Generator
) -> FloatArray:
    """Times (s) in order: the rate goes with the supersaturation, and with the share of the sites that is still free,
    exp(-t / nucleation_time_s). The first one begins the crystals."""
    since = record.time - record.time[0]
    rate = np.maximum(record.excess, 0.0)
    rate = (rate if rate.max() > SUPERSATURATED else np.ones_like(rate)) * np.exp(-since / nucleation.nucleation_time_s)
    total = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(record.time))])
    if number == 0 or total[-1] <= 0.0:
        return np.full(number, record.time[0])
    born = np.sort(np.interp(random.uniform(0.0, total[-1], number), total, record.time))
    born[0] = record.time[0]
    return np.asarray(born)


def _places(number: int, size: FloatArray, zone: float, random: np.random.Generator) -> FloatArray:
    """(island, 2) um: a nucleus at a distance r from an older one forms with the probability 1 - exp(-r^2 / zone^2), what is
    left of the supersaturation there."""
    places = np.empty((number, 2))
    for k in range(number):
        for _ in range(TRIES):
            places[k] = random.uniform(0.0, size)
            if k == 0:
                break
            nearest = np.square(places[:k] - places[k]).sum(axis=1).min()
            if random.uniform() < 1.0 - np.exp(-nearest / zone**2):
                break
    return places


def _volumes(
    record: GrowthRecord, born: FloatArray, places: FloatArray, size: FloatArray, spacing: float
) -> FloatArray:
    """(island,) um^3 at the end: each step's film goes to the nearest island that there is, and dissolves alike."""
    volumes = np.zeros(len(born))
    if not len(born):
        return volumes
    points = [
        np.arange(0.5, max(1, round(ACROSS * s / spacing))) / max(1, round(ACROSS * s / spacing)) * s for s in size
    ]
    grid = np.stack(np.meshgrid(*points, indexing="ij"), -1).reshape(-1, 2)
    times = np.interp(np.linspace(0.0, 1.0, STEPS + 1), np.linspace(0.0, 1.0, record.time.size), record.time)
    film = np.interp(times, record.time, record.film_um)
    alive, share = 0, np.zeros(0)
    added = np.diff(film)
    added[0] += film[0]
    for end, more in zip(times[1:], added, strict=True):
        now = int(np.searchsorted(born, end, side="right"))
        if now != alive:
            alive = now
            nearest = _tree(places[:alive]).query(grid)[1]
            share = np.bincount(nearest, minlength=alive) / len(grid)
        if more >= 0.0:
            volumes[:alive] += more * size.prod() * share
        else:
            volumes[:alive] *= max(0.0, 1.0 + more * size.prod() / max(volumes.sum(), 1e-30))
    return volumes


def _tree(points: npt.ArrayLike) -> cKDTree:
    from scipy.spatial import cKDTree  # a tenth of a second: most simulated cells grow no islands

    return cKDTree(points)


def _of_whole_volume(islands: list[PlacedIsland], wanted: float) -> list[PlacedIsland]:
    """All islands scaled alike until their surface, the higher one where two overlap, holds the wanted volume."""
    for _ in range(8):
        held = volume_of(islands)
        if held <= 0.0 or abs(held / wanted - 1.0) < AGREES:
            break
        scale = (wanted / held) ** (1.0 / 3.0)
        islands = [replace(i, edge=scale * i.edge, facet=scale * i.facet) for i in islands]
    return islands


def volume_of(islands: list[PlacedIsland]) -> float:
    """Volume below the surface of all islands: their own, less what two of them share. Any unit of length."""
    alone = np.array([_own(i) for i in islands])
    if len(islands) < 2:
        return float(alone.sum())
    reach = np.array([i.reach for i in islands])
    near = _tree([(i.x, i.y) for i in islands]).query_pairs(2.0 * float(reach.max()), output_type="ndarray")
    touching = near[
        np.hypot(
            *np.array([[islands[a].x - islands[b].x, islands[a].y - islands[b].y] for a, b in near]).T.reshape(2, -1)
        )
        < reach[near].sum(axis=1)
    ]
    return float(alone.sum() - sum(_shared(islands[a], islands[b]) for a, b in touching))


def _own(island: PlacedIsland) -> float:
    return float(volume(island.edge, island.edge - 2.0 * SQRT3 * island.facet, island.truncation))


def _shared(one: PlacedIsland, other: PlacedIsland) -> float:
    """Volume of the lower of two surfaces where both are."""
    step = min(one.edge, other.edge) / 40.0
    low = np.maximum([one.x - one.reach, one.y - one.reach], [other.x - other.reach, other.y - other.reach])
    high = np.minimum([one.x + one.reach, one.y + one.reach], [other.x + other.reach, other.y + other.reach])
    if (high <= low).any():
        return 0.0
    grid = np.stack(np.meshgrid(*[np.arange(a + 0.5 * step, b, step) for a, b in zip(low, high, strict=True)]), -1)
    lower = np.minimum(*(
        np.clip(depth(grid, i.x, i.y, i.edge, i.rotation_deg, i.truncation), 0.0, i.facet) for i in (one, other)
    ))  # fmt: skip
    return float(FACET_SLOPE * lower.sum() * step**2)


def _in_pixels(island: PlacedIsland, um_per_pixel: float) -> PlacedIsland:
    return replace(
        island,
        x=island.x / um_per_pixel - 0.5,
        y=island.y / um_per_pixel - 0.5,
        edge=island.edge / um_per_pixel,
        facet=island.facet / um_per_pixel,
    )
