"""What went into a simulated campaign, as the same members and numbers as what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...io.rows_csv import read_rows
from ...nouns import Number, RunResults
from ...nouns.film_experiment import FilmExperiment
from ...nouns.trends import Member
from ...physics.layers import spacing_from_fcc_constant
from ...physics.tetrahedron import thickness
from ..results_folder import read_results
from .simulate import Sample

TRUTH, ISLANDS = "truth.nxs", "truth.csv"
OF_A_RUN = (
    "slice_flux", "supply_flux", "onset_time", "onset_volume_fraction", "lattice_constant_solvated", "anode_diameter",
    "anode_polydispersity",
)  # fmt: skip


def read_truth(folder: Path) -> RunResults:
    """What went into a simulated run."""
    return read_results(folder / TRUTH)


def run_truth(folder: Path) -> dict[str, float | None]:
    """Numbers in the truth.nxs of a simulated run; None where there is none, as of an onset that never comes."""
    numbers = read_truth(folder).numbers
    return {name: numbers[name].value for name in OF_A_RUN if name in numbers}


def film_truth(settings: FilmExperiment) -> dict[str, float | None]:
    """Lattice constants of a simulated film."""
    a, contraction = settings.film.lattice_constant_nm, settings.film.contraction_along_normal
    return {
        "lattice_constant_dried": a, "contraction_along_normal": contraction,
        "lattice_constant_volume": a * (1.0 - contraction) ** (1.0 / 3.0),
    }  # fmt: skip


def sample_truth(sample: Sample, folder: Path) -> dict[str, float | None]:
    """Density and amount of a simulated sample, of the model and not of the draw; and of the islands that were drawn the mean
    edge and thickness, on its fields and on its height map."""
    anode, packing = sample.anode, sample.closer.packing
    a = None if packing is None else packing.lattice_constant_nm
    drawn = (
        [row for row in read_rows(folder / ISLANDS) if row["counted"] == "yes"] if (folder / ISLANDS).is_file() else []
    )
    on_map = [row for row in drawn if row["image"] == "height_map"]
    on_fields = [row for row in drawn if row["image"] != "height_map"]
    return {
        "nucleation_density": anode.truth()["density_per_mm2"], "island_amount": float(anode.record.crystals_um[-1]),
        "base_edge_mean": _mean([float(row["base_edge_um"]) for row in on_fields]),
        "island_thickness": _mean([_thickness(row) for row in on_fields]),
        "island_thickness_afm": _mean([_thickness(row) for row in on_map]), "lattice_constant_from_packing": a,
        "particle_spacing": None if a is None else spacing_from_fcc_constant(a),
    }  # fmt: skip


def _thickness(row: Mapping[str, str]) -> float:
    return float(thickness(float(row["base_edge_um"]), float(row["top_edge_um"])))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def true_members(found: Sequence[Member], truths: Mapping[str, Mapping[str, float | None]]) -> list[Member]:
    """The members with the truth in place of what was found, sigmas kept: what a trend of them gives is the truth of the
    trend, fitted with the same weights."""
    return [replace(one, numbers=_true(one, truths.get(one.name, {}))) for one in found]


def _true(one: Member, truth: Mapping[str, float | None]) -> dict[str, Number]:
    numbers = {}
    for name, value in truth.items():
        known = one.number(name)
        numbers[name] = (
            Number.absent(known.unit, "truth") if value is None else Number(value, known.sigma, known.unit, "truth")
        )
    area = one.numbers.get("area")
    density = truth.get("nucleation_density")
    if area is not None and area.value and density is not None:
        numbers |= {"area": area, "island_count": Number(density * area.value, 0.0, "one", "truth")}
    return numbers
