"""The anode of a simulated cell: how the cell fed its islands, the fields of a microscope that show them, and the film that
they are under X-rays at grazing incidence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..nouns.film_experiment import DriedFilm, FilmBeam, FilmExperiment, FilmOutput, FilmSettings
from ..nouns.micrograph import MicrographSettings
from ..nouns.nucleation import NucleationSettings
from ..nouns.run import SLICE_UM
from ..physics.tetrahedron import FACET_SLOPE
from ..transport import CellHistory, SizeClasses
from ..transport.onset import onset_time
from .island_growth import GrownIslands, GrowthRecord, grown_islands, usual_edge_um, usual_thickness_um
from .truth import flux_at

TRUNCATION, EDGE_PX, SIDE_PX = 0.05, 22.0, 1024
ENOUGH, ON_A_FIELD, MOST_FIELDS, POINTS = 150.0, 120.0, 12, 400
NARROWEST = 1e-3  # spread of the cores over their diameter


@dataclass(frozen=True, eq=False)
class Anode:
    """The crystals of a cell and how they came to be. view: the fields that are looked at."""

    record: GrowthRecord
    nucleation: NucleationSettings
    view: MicrographSettings

    def first_field(self) -> GrownIslands:
        """The islands of the first of the fields."""
        return self.field(np.random.default_rng(field_seeds(self.view)[0]))

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


def field_seeds(view: MicrographSettings) -> list[np.random.SeedSequence]:
    """The seed of each field."""
    return np.random.SeedSequence(view.seed).spawn(view.images)


def film_of_islands(
    grown: Anode, dried: DriedFilm, classes: SizeClasses, *, core: str, ligand: str, dry_shell_nm: float
) -> FilmExperiment:
    """The film that the islands are: FCC with (111) planes on the anode, for their bases are triangles, turned in all
    directions; as thick as they are where their volume is, as bright as they have film per area, domains within them."""
    islands, scale = grown.first_field().islands, 1e3 * grown.view.um_per_pixel
    edge = scale * np.array([island.edge for island in islands])
    thickness_nm = FACET_SLOPE * scale * np.array([island.facet for island in islands])
    volume = np.square(edge) * thickness_nm
    mean = float(np.average(classes.diameter_nm, weights=classes.number))
    spread = float(np.sqrt(np.average(np.square(classes.diameter_nm - mean), weights=classes.number)))
    film = FilmSettings(
        lattice_constant_nm=dried.lattice_constant_nm or math.sqrt(2.0) * (mean + 2.0 * dry_shell_nm),
        contraction_along_normal=dried.contraction_along_normal, core=core, ligand=ligand, core_diameter_nm=mean,
        core_sigma_nm=max(spread, NARROWEST * mean), thickness_nm=float(np.average(thickness_nm, weights=volume)),
        mosaic_deg=dried.mosaic_deg, domain_nm=min(dried.domain_nm, float(np.average(edge, weights=volume))),
        displacement_nm=dried.displacement_nm,
    )  # fmt: skip
    beam = FilmBeam(
        energy_keV=dried.energy_keV, incident_angle_deg=dried.incident_angle_deg,
        brightest_counts=dried.counts_per_um * float(grown.record.film_um[-1]),
    )  # fmt: skip
    return FilmExperiment(film=film, beam=beam, detector=dried.detector, output=FilmOutput(seed=grown.view.seed))


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
