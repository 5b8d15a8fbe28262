"""Headline numbers in words: value ± sigma with the digits that sigma allows, in the unit that people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..figures.digits import last_place, rounded, value_with_sigma
from ..nouns import LOWER_BOUND, Number
from .typeset import typeset

GOOD, BOUND = "good", "lower bound"
GRADES = ("not trustworthy", "doubtful", BOUND)
"""What a number may be that is not good, the worst first."""
TITLES: dict[str, str] = {
    "onset_time": "onset of crystallisation",
    "onset_time_kink": "onset from the kink of the growth curve",
    "onset_volume_fraction": "φ of the anode slice at the onset",
    "slice_flux": "slice flux (accumulation rate at the anode)",
    "slice_flux_mean": "slice flux, mean φ over the slice",
    "supply_flux": "supply φ₀v from the undisturbed solution",
    "lattice_constant_solvated": "lattice constant, solvated",
    "anode_diameter": "core diameter at the anode",
    "anode_polydispersity": "polydispersity δ/d at the anode",
    "anode_height": "stage height of the anode",
    "mass_balance_error": "mass balance, mean deviation from 1",
    "starting_diameter": "core diameter, starting solution",
    "starting_polydispersity": "polydispersity δ/d, starting solution",
    "anode_volume_fraction": "φ at the anode, last scan",
    "crystalline_fraction": "crystalline fraction of the anode voxel",
    "crystalline_amount": "particle volume in crystals per area, in the light",
    "solution_loss": "particle volume per area that left the solution",
    "solution_loss_beside_crystals": "the same, when the crystals were last seen",
    "anode_tilt": "tilt of the anode along the beam, by the film's shadow",
    "anode_edge_spread": "height of the anode across the beam, spread",
    "second_virial_coefficient": "second virial coefficient over that of hard spheres",
    "contact_distance": "contact distance of the dissolved particles",
    "dead_time": "dead time of a pixel",
    "normalisation_noise": "normalisation noise, frame to frame",
    "field_on_time": "field on, as the layer at the anode tells it",
    "bulk_drift": "φ of the undisturbed solution over φ₀, less 1",
    "starting_volume_mean_diameter": "volume-mean diameter, starting solution",
    "starting_small_share": "share of small particles, starting solution",
    "wall_volume_fraction": "φ of the solution at the anode's surface",
    "wall_volume_fraction_largest": "largest φ of the solution at the anode's surface",
    "wall_enrichment": "enrichment at the anode's surface, φ/φ₀",
    "inventory": "particle volume per area in the cell",
    "crystal_inventory": "particle volume per area in crystals",
    "particle_conductivity": "conductivity of the particles",
    "plan_target": "target of the plan",
    "plan_reached": "reached by the plan",
    "plan_held_from": "target held from",
    "plan_held_until": "target held until",
    "plan_highest_voltage": "highest voltage of the plan",
    "plan_slice_flux_held_throughout": "largest slice flux that can be held throughout",
    "plan_measure_sigma": "σ of the parameter after the chosen frames",
    "plan_measure_sigma_even": "the same after an even scan",
    "plan_measure_sigma_before": "the same, known before",
    "plan_measure_ratio": "σ after an even scan over that after the chosen frames",
    "plan_measure_repeats": "frames of the plan",
    "plan_measure_voltage": "voltage that tells most",
    "plan_nucleation_density": "nucleation density at the target",
    "effective_charge": "effective charge",
    "charge_exponent": "charge exponent p",
    "diffusivity_scale": "diffusivity over Stokes–Einstein",
    "crystal_length": "depth of crystals seen on the edge",
    "mobility_squared_over_diffusivity": "mobility squared over diffusivity",
    "reduced_chi_squared": "reduced χ²",
    "deviation": "deviation δ of the core diameter",
    "diameter_low": "diameter, lower end of 68 %",
    "diameter_high": "diameter, upper end of 68 %",
    "deviation_low": "deviation δ, lower end of 68 %",
    "deviation_high": "deviation δ, upper end of 68 %",
    "hard_sphere_volume_fraction": "φ of hard spheres",
    "volume_fraction": "φ of the scattering cores",
    "invariant_window": "invariant, within the q window",
    "invariant_low_q": "invariant, below the q window",
    "invariant_high_q": "invariant, beyond the q window",
    "lattice_constant_dried": "lattice constant in the plane, dried",
    "lattice_constant_volume": "cube root of the cell's volume",
    "incidence_angle": "angle of incidence",
    "island_thickness": "thickness of islands from their edges",
    "island_thickness_afm": "thickness of islands from height maps",
    "thickness_ratio": "thickness, height maps over edges",
    "lattice_constant_from_packing": "lattice constant from the packing",
}
UNITS: dict[str, str] = {"one": "", "um": "µm", "deg": "°", "1/nm": "nm⁻¹", "m/s": "m s⁻¹", "1/s": "s⁻¹", "nS/m": "nS m⁻¹",
                         "1/mm^2": "mm⁻²", "m^2/s": "m² s⁻¹", "m^2/(V*s)": "m² V⁻¹ s⁻¹",
                         "m^2/(V^2*s)": "m² V⁻² s⁻¹", "intensity/nm^3": "intensity nm⁻³",
                         "intensity/nm^6": "intensity nm⁻⁶"}  # fmt: skip
IN_PER_CENT = ("fraction", "polydispersity", "mass_balance", "solubility", "share", "noise")
LONGEST_HOW = 40
"""Characters of a source that stand in the table; more of it folds out."""


@dataclass(frozen=True)
class NumberRow:
    """One line of the table, texts ready to print; `pull` is (value - truth) / sigma, empty without a truth.

    how: the source, or its first words where it is long.
    """

    name: str
    title: str
    text: str
    unit: str
    source: str
    truth: str = ""
    pull: str = ""
    absent: bool = False

    @property
    def how(self) -> str:
        return first_words(self.source)


def number_row(name: str, number: Number, truth: Number | None = None) -> NumberRow:
    """The row of one number; fractions in %, times also in minutes, what does not exist as a dash."""
    title = TITLES.get(name, name.replace("_", " "))
    if number.value is None:
        return NumberRow(name, title, "—", "", typeset(number.source), _truth_text(name, truth), absent=True)
    factor, unit = _shown_in(name, number.unit)
    text = value_with_sigma(factor * number.value, None if number.sigma is None else factor * number.sigma)
    if number.unit == "s" and abs(number.value) >= 60.0:
        place = 1 if not number.sigma else min(1, last_place(number.sigma / 60.0))
        unit += f" ({rounded(number.value / 60.0, place)} min)"
    return NumberRow(name, title, text, unit, typeset(number.source), _truth_text(name, truth), _pull(number, truth))


def first_words(source: str) -> str:
    """`source` where it is short, else its first words."""
    if len(source) <= LONGEST_HOW:
        return source
    return f"{source[:LONGEST_HOW].rsplit(' ', 1)[0].rstrip(':;,')} …"


def number_lines(numbers: Mapping[str, Number], *, sources: bool = False) -> list[str]:
    """The numbers for the terminal, a line each: value ± sigma with its unit, with `sources` also how; or why there is none."""
    width = max((len(name) for name in numbers), default=0)

    def told(row: NumberRow) -> str:
        if row.absent:
            return f"none: {row.source}"
        return f"{row.text} {row.unit}".rstrip() + (f"  {row.source}" if sources else "")

    rows = (number_row(name, number) for name, number in numbers.items())
    return [f"  {row.name:<{width}}  {told(row)}" for row in rows]


def quality_lines(numbers: Mapping[str, Number]) -> list[str]:
    """Which numbers are not good, a line for each reason, the worst first; none where all are."""
    by_reason: dict[tuple[str, str], list[str]] = {}
    for name, number in numbers.items():
        if number.value is not None and number.quality != GOOD:
            by_reason.setdefault(_grade_and_why(number), []).append(name)
    worst_first = sorted(by_reason.items(), key=lambda item: GRADES.index(item[0][0]))
    return [f"  {grade}: {', '.join(names)}: {why}" for (grade, why), names in worst_first]


def quality_in_short(numbers: Mapping[str, Number]) -> str:
    """How many of the numbers are good and what the others are: "21 of 24 numbers good, 3 lower bounds"."""
    grades = [_grade_and_why(number)[0] for number in numbers.values() if number.value is not None]
    good, others = grades.count(GOOD), [(grades.count(grade), grade) for grade in GRADES]
    said = [f"{count} {grade}{'s' if grade == BOUND and count > 1 else ''}" for count, grade in others if count]
    return ", ".join([f"{good} of {len(grades)} numbers good" if said else "all numbers good", *said])


def _grade_and_why(number: Number) -> tuple[str, str]:
    """What `quality` begins with and its reason; a doubt that is only that a number may be larger is "lower bound"."""
    grade, _, why = number.quality.partition(": ")
    bound = f"{LOWER_BOUND}: "
    return (BOUND, why.removeprefix(bound)) if why.startswith(bound) else (grade, why)


def _shown_in(name: str, unit: str) -> tuple[float, str]:
    if unit == "one" and any(part in name for part in IN_PER_CENT):
        return 100.0, "%"
    return 1.0, UNITS.get(unit, unit)


def _truth_text(name: str, truth: Number | None) -> str:
    if truth is None:
        return ""
    if truth.value is None:
        return "—"
    factor, _ = _shown_in(name, truth.unit)
    return value_with_sigma(factor * truth.value, None)


def _pull(number: Number, truth: Number | None) -> str:
    if truth is None or truth.value is None or number.value is None or not number.sigma:
        return ""
    pull = (number.value - truth.value) / number.sigma
    text = rounded(pull, 1)
    return f"+{text} σ" if float(f"{pull:.1f}") > 0.0 else f"{text} σ"
