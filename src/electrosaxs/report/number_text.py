"""Headline numbers in words: value ± sigma with the digits that sigma allows, in the unit that people read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..figures.style import decimals
from ..nouns import Number

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
    "lattice_constant_dried": "lattice constant in the plane, dried",
    "lattice_constant_volume": "cube root of the cell's volume",
    "incidence_angle": "angle of incidence",
}
UNITS: dict[str, str] = {"one": "", "um": "µm", "deg": "°", "1/nm": "nm⁻¹", "m/s": "m s⁻¹", "1/s": "s⁻¹",
                         "m^2/s": "m² s⁻¹", "m^2/(V*s)": "m² V⁻¹ s⁻¹", "m^2/(V^2*s)": "m² V⁻² s⁻¹"}  # fmt: skip
IN_PER_CENT = ("volume_fraction", "polydispersity", "mass_balance", "crystalline")
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "−"


@dataclass(frozen=True)
class NumberRow:
    """One line of the table, texts ready to print; `pull` is (value - truth) / sigma, empty without a truth."""

    name: str
    title: str
    text: str
    unit: str
    source: str
    truth: str = ""
    pull: str = ""
    absent: bool = False


def value_with_sigma(value: float, sigma: float | None) -> str:
    """'0.0113 ± 0.0004', '(5.64 ± 0.05)·10⁻¹⁰': two digits of sigma where the first is 1 or 2, one otherwise.

    A value without a sigma, or known exactly, has four significant digits.
    """
    largest = max(abs(value), abs(sigma or 0.0))
    exponent = 0 if largest == 0.0 else int(np.floor(np.log10(largest)))
    shift = exponent if exponent < -3 or exponent > 5 else 0
    mantissa, spread = value / 10.0**shift, sigma / 10.0**shift if sigma else None
    places = max(0, 3 - (exponent - shift)) if spread is None else decimals(spread)
    text = f"{mantissa:.{places}f}".replace("-", MINUS)
    if spread is not None:
        text += f" ± {spread:.{places}f}"
    if shift:
        text = f"({text})" if spread is not None else text
        text += "·10" + str(shift).translate(SUPERSCRIPT)
    return text


def number_row(name: str, number: Number, truth: Number | None = None) -> NumberRow:
    """The row of one number; fractions in %, times also in minutes, what does not exist as a dash."""
    title = TITLES.get(name, name.replace("_", " "))
    if number.value is None:
        return NumberRow(name, title, "—", "", number.source, _truth_text(name, truth), absent=True)
    factor, unit = _shown_in(name, number.unit)
    text = value_with_sigma(factor * number.value, None if number.sigma is None else factor * number.sigma)
    if number.unit == "s" and abs(number.value) >= 60.0:
        unit += f" ({number.value / 60.0:.1f} min)"
    return NumberRow(name, title, text, unit, number.source, _truth_text(name, truth), _pull(number, truth))


def number_lines(numbers: Mapping[str, Number], *, sources: bool = False) -> list[str]:
    """The numbers for the terminal, a line each: value ± sigma with its unit, with `sources` also how; or why there is none."""
    width = max((len(name) for name in numbers), default=0)

    def told(row: NumberRow) -> str:
        if row.absent:
            return f"none: {row.source}"
        return f"{row.text} {row.unit}".rstrip() + (f"  {row.source}" if sources else "")

    rows = (number_row(name, number) for name, number in numbers.items())
    return [f"  {row.name:<{width}}  {told(row)}" for row in rows]


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
    return f"{pull:+.1f} σ".replace("-", MINUS)
