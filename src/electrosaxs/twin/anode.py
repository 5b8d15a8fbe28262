"""The anode of a simulated cell under the microscope: how the cell fed its islands, and the fields that show them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..nouns.micrograph import MicrographSettings
from ..nouns.nucleation import NucleationSettings
from ..transport import CellHistory
from .island_growth import GrownIslands, GrowthRecord, grown_islands, usual_edge_um, usual_thickness_um
from .truth import flux_at, onset_time

TRUNCATION, EDGE_PX, SIDE_PX = 0.05, 22.0, 1024
ENOUGH, ON_A_FIELD, MOST_FIELDS, POINTS = 150.0, 120.0, 12, 400
SLICE_UM = 50.0


@dataclass(frozen=True, eq=False)
class Anode:
    """The crystals of a cell and how they came to be. view: the fields that are looked at."""

    record: GrowthRecord
    nucleation: NucleationSettings
    view: MicrographSettings

    def field(self, random: np.random.Generator) -> GrownIslands:
        """The islands of one field."""
        return grown_islands(self.record, self.nucleation, self.view, random)

    def truth(self) -> dict[str, float]:
        """Slice flux (m/s) at the onset, islands per mm2 that nucleate at it, and film per area (um)."""
        flux = self.record.flux
        return {
            "slice_flux_m_per_s": flux,
            "density_per_mm2": self.nucleation.density(flux),
            "film_um": float(self.record.film_um[-1]),
        }


def anode(record: GrowthRecord, nucleation: NucleationSettings, *, seed: int) -> Anode:
    """Fields of such a size that an island is at least EDGE_PX wide and ON_A_FIELD of them are seen at most, so many that
    ENOUGH islands are seen, as far as MOST_FIELDS go."""
    edge, density = usual_edge_um(record, nucleation, TRUNCATION), 1e-6 * nucleation.density(record.flux)
    um_per_pixel = min(edge / EDGE_PX, math.sqrt(ON_A_FIELD / density) / SIDE_PX)
    on_a_field = density * (SIDE_PX * um_per_pixel) ** 2
    view = MicrographSettings(
        images=int(np.clip(math.ceil(ENOUGH / max(on_a_field, 1.0)), 1, MOST_FIELDS)), width_px=SIDE_PX, height_px=SIDE_PX,
        um_per_pixel=um_per_pixel, islands=round(on_a_field), poisson=True, base_edge_um=edge,
        truncation=TRUNCATION, thickness_um=usual_thickness_um(edge), seed=seed,
    )  # fmt: skip
    return Anode(record, nucleation, view)


def growth_record(history: CellHistory) -> GrowthRecord | None:
    """How the crystals of a simulated cell grew; None where none formed."""
    onset = onset_time(history)
    end = float(history.times[-1])
    if onset is None or onset >= end:
        return None
    time = np.linspace(onset, end, POINTS)
    wall = history.at(time, 0.0).sum(axis=-1)
    crystals = 1e6 * history.crystals_at(time).sum(axis=-1)
    if not crystals[-1] > 0.0:
        return None
    flux = float(flux_at(history, np.array([[onset]]), np.array([SLICE_UM]))[0, 0])
    return GrowthRecord(time, np.maximum(crystals, 0.0), wall / history.problem.growth.solubility - 1.0, flux)
