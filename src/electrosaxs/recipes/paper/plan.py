"""What `paper` simulates: the cells of Yu et al. 2018 on a smaller detector, and films and islands that follow from a model.

The model of the ex situ half is stated here and nowhere else, and what it gives goes to truth.json: the islands are those that
the ex situ cells feed (twin.island_growth), and as many nucleate as a power of the slice flux at the onset says; lattice
constants follow the sizes of the particles in the crystals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...claims.cells import Campaign, campaign_of, history, minutes
from ...claims.growth import crystal_sizes
from ...claims.paper import DRIED_NM, ISLAND_BASE_UM, SOLVATED_NM, START_NM
from ...nouns import DetectorModel, Experiment, RunTitle
from ...nouns.film_experiment import FilmBeam, FilmDetector, FilmExperiment, FilmOutput, FilmSettings
from ...nouns.micrograph import CloserLook, HeightMapSettings, MicrographSettings, PackingSettings
from ...nouns.nucleation import NucleationSettings
from ...physics.lattices import lattice_named
from ...physics.tetrahedron import volume
from ...twin.anode import Anode, growth_record
from ...twin.island_growth import TOP_OVER_BASE, GrowthRecord, usual_edge_um, usual_thickness_um
from ..examples import examples_home
from ..experiment_file import read_with_sizes
from ..simulate_micrographs import HEIGHT_MAP, PACKING

CAMPAIGN = "campaign"
EX_SITU_MM, EX_SITU_S, MM_PER_CM = 2.5, 3600.0, 10.0
DENSITY_EXPONENT = 0.5
"""Of the slice flux at the onset: i / (i + 2) of a critical size of two (chosen; the paper gives no number)."""
EX_SITU_SOLUBILITY = 0.0038
"""phi at which the ex situ cells crystallise, the same at every field (chosen: at 20 V/cm islands of the published size then
cover a seventh of the anode). At the 0.011 of the in situ onset the wall at 20 V/cm comes to 0.44 of it in 60 min."""
FILM_COUNTS = 6e4
"""In the brightest pixel of a film: so long an exposure that (157) stands out."""
TRUNCATION = 0.05
MAP_EDGES = 3.2
"""Side of a height map over the base edge of the islands."""
UM_PER_NM = 1e-3
UM2_PER_MM2 = 1e6


@dataclass(frozen=True)
class PaperPlan:
    """How large the simulated campaign is. runs: voltage (V) over 3.5 mm -> duration (s) and scans; detector: name and
    distance (m); fields: micrographs of each sample, `side_px` wide and high."""

    runs: Mapping[float, tuple[float, int]]
    heights_um: tuple[float, ...]
    detector: tuple[str, float]
    ex_situ_V: tuple[float, ...]
    fields: int
    side_px: int
    um_per_pixel: float = 0.12
    claims: bool = True
    seed: int = 1

    def words(self) -> list[str]:
        """In what the campaign is smaller than the paper's."""
        scans = ", ".join(
            f"{volts:g} V: {scans} scans in {time / 60.0:.0f} min" for volts, (time, scans) in self.runs.items()
        )
        return [
            f"in situ frames are of a {self.detector[0]} at {self.detector[1]:g} m, not of a Pilatus 2M",
            f"{len(self.heights_um)} heights instead of steps of 50 µm over the whole gap; {scans}",
            f"{self.fields} micrographs of {self.um_per_pixel * self.side_px:.0f} µm, one AFM map and one image that resolves "
            "particles for each sample",
        ]  # fmt: skip


PAPER = PaperPlan(
    {5.0: (10800.0, 14), 10.0: (6600.0, 11), 20.0: (3300.0, 9), 30.0: (1500.0, 10)},
    (0.0, 50.0, 100.0, 200.0, 400.0, 700.0, 1000.0, 1400.0, 2200.0, 3000.0, 3450.0), ("Pilatus300k", 1.99389),
    (5.0, 10.0, 15.0, 20.0, 25.0, 30.0), 4, 1536,
)  # fmt: skip
QUICK = PaperPlan(
    {20.0: (1500.0, 5), 30.0: (900.0, 5)}, (0.0, 50.0, 200.0, 1000.0, 3450.0), ("Pilatus100k", 0.8), (20.0,), 1, 768,
    claims=False,
)  # fmt: skip
"""Two fields and one film, to try the command and to test it."""


def paper_cells() -> Campaign:
    """The six cells of examples/campaign."""
    files = sorted((examples_home() / CAMPAIGN).glob("*situ_*V.toml"))
    return campaign_of([read_with_sizes(file)[0] for file in files])


@dataclass(frozen=True, eq=False)
class Lattices:
    """Lattice constants (nm) by voltage: solvated at any voltage of a run, dried at any voltage of a film."""

    voltage: tuple[float, ...]
    solvated_nm: tuple[float, ...]

    def solvated(self, volts: float) -> float:
        return float(np.interp(volts, self.voltage, self.solvated_nm))

    def dried(self, volts: float) -> float:
        """In the published proportion to the solvated one at every voltage, 13.2 nm at 20 V/cm."""
        return DRIED_NM * self.solvated(volts) / self.solvated(DRIED_AT_V)


DRIED_AT_V = 5.0


def lattices(cells: Campaign) -> Lattices:
    """a grows with the mean diameter of the particles in the crystals; 15.1 nm at 57 V/cm."""
    inside = {volts: sizes[0] for volts, sizes in crystal_sizes(cells).items()}
    neighbour = lattice_named("FCC").neighbour_distance
    grown = tuple(SOLVATED_NM + (d - inside[20.0]) / neighbour for d in inside.values())
    return Lattices(tuple(inside), grown)


def run_experiments(plan: PaperPlan, cells: Campaign, constants: Lattices) -> dict[str, Experiment]:
    """The in situ runs by name."""
    return {f"run-{volts:g}V": _run(plan, cells.in_situ[volts], volts, constants) for volts in plan.runs}


def _run(plan: PaperPlan, cell: Experiment, volts: float, constants: Lattices) -> Experiment:
    duration, scans = plan.runs[volts]
    name, distance = plan.detector
    return cell.model_copy(update={
        "scan": cell.scan.model_copy(
            update={"duration_s": duration, "scans": scans, "heights_um": list(plan.heights_um)}
        ),
        "detector": DetectorModel(name=name, distance_m=distance),
        "growth": cell.growth.model_copy(update={"lattice_constant_nm": constants.solvated(volts)}),
        "output": cell.output.model_copy(update={"form": "nexus", "seed": plan.seed + round(volts)}),
    })  # fmt: skip


def film_experiments(plan: PaperPlan, constants: Lattices) -> dict[str, FilmExperiment]:
    """The films by name: FCC (111) on silicon, as in the paper."""
    return {
        f"film-{volts:g}V": FilmExperiment(
            run=RunTitle(title=f"film, {field_of(volts):.0f} V/cm"),
            film=FilmSettings(lattice_constant_nm=constants.dried(volts), core_diameter_nm=START_NM[0]),
            beam=FilmBeam(brightest_counts=FILM_COUNTS), detector=FilmDetector(),
            output=FilmOutput(seed=plan.seed + round(volts)),
        )
        for volts in plan.ex_situ_V
    }  # fmt: skip


def field_of(volts: float) -> float:
    """V/cm over the ex situ gap."""
    return MM_PER_CM * volts / EX_SITU_MM


def grown_samples(plan: PaperPlan, cells: Campaign) -> dict[str, Anode]:
    """The samples of micrographs by name: the islands that each ex situ cell feeds, taken out when its film holds what that
    of the weakest field does after EX_SITU_S. One rule of nucleation for all: at the weakest field islands of the published
    size take up the film."""
    weakest = min(cells.ex_situ)
    records = {volts: _record(cells.ex_situ[weakest], volts) for volts in {weakest, *plan.ex_situ_V}}
    film = float(records[weakest].film_um[-1])
    each = float(volume(ISLAND_BASE_UM, TOP_OVER_BASE * ISLAND_BASE_UM, TRUNCATION))
    rule = NucleationSettings(
        density_per_mm2=UM2_PER_MM2 * film / each, flux_m_per_s=records[weakest].flux, exponent=DENSITY_EXPONENT
    )
    return {f"sem-{v:g}V": _sample(plan, records[v].until(film), rule, plan.seed + round(v)) for v in plan.ex_situ_V}


def _record(cell: Experiment, volts: float) -> GrowthRecord:
    """How the crystals of an ex situ cell grow at this voltage within EX_SITU_S."""
    changed = cell.model_copy(update={"voltage": cell.voltage.model_copy(update={"voltage_V": [volts]})})
    growth = cell.growth.model_copy(update={"solubility": EX_SITU_SOLUBILITY})
    found = growth_record(history(changed, minutes(EX_SITU_S), growth=growth))
    assert found is not None, f"no crystals at {volts:g} V"
    return found


def _sample(plan: PaperPlan, record: GrowthRecord, rule: NucleationSettings, seed: int) -> Anode:
    edge = usual_edge_um(record, rule, TRUNCATION)
    area = (1e-3 * plan.um_per_pixel * plan.side_px) ** 2
    view = MicrographSettings(
        images=plan.fields, width_px=plan.side_px, height_px=plan.side_px, um_per_pixel=plan.um_per_pixel,
        islands=round(rule.density(record.flux) * area), poisson=True, base_edge_um=edge,
        thickness_um=usual_thickness_um(edge), truncation=TRUNCATION, seed=seed,
    )  # fmt: skip
    return Anode(record, rule, view)


def closer_looks(plan: PaperPlan, samples: Mapping[str, Anode], constants: Lattices) -> dict[str, CloserLook]:
    """What is taken of each sample beside its micrographs: a map of MAP_EDGES islands' edges, and a face of particles of the
    starting solution at the lattice constant of the film."""
    return {
        name: CloserLook(
            HeightMapSettings(side_um=MAP_EDGES * sample.view.base_edge_um),
            PackingSettings(
                lattice_constant_nm=constants.dried(volts), core_diameter_nm=START_NM[0], core_sigma_nm=START_NM[1]
            ),
        )
        for volts, (name, sample) in zip(plan.ex_situ_V, samples.items(), strict=True)
    }


def campaign_text(
    plan: PaperPlan, folder: str, runs: Sequence[str], films: Sequence[str], samples: Mapping[str, float]
) -> str:
    """campaign.toml of the simulated members, which lie in `folder`; samples: duration (s) by name."""
    named = ", ".join(f'"{folder}/{name}/run.toml"' for name in runs)
    lines = ["# The simulated campaign of electrosaxs paper; truth.json says what went in.", "", f"runs = [{named}]"]
    for volts, film, (sample, seconds) in zip(plan.ex_situ_V, films, samples.items(), strict=True):
        cell = [f"voltage_V = {volts:g}", f"gap_mm = {EX_SITU_MM:g}"]
        beam = FilmExperiment().beam
        lines += [
            "", "[[films]]", f'name = "{film}"', f'images = ["{folder}/{film}/film.cbf"]',
            f'geometry = "{folder}/{film}/geometry.poni"', f"incident_angle_deg = {beam.incident_angle_deg:g}",
            f"energy_keV = {beam.energy_keV:g}", 'core = "Ag"', *cell, f"duration_s = {EX_SITU_S:g}",
            "", "[[micrographs]]", f'name = "{sample}"', f'images = ["{folder}/{sample}/field???.tif"]',
            f'height_maps = ["{folder}/{sample}/{HEIGHT_MAP}"]', f"um_per_level = {UM_PER_NM:g}",
            f'packing = ["{folder}/{sample}/{PACKING}"]', *cell,
            f"duration_s = {seconds:.0f}",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"
