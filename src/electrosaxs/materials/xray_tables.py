"""The tables of xraydb read as they lie on disk: attenuation by Elam, Ravel & Sieber, scattering factors by Chantler.

Importing xraydb takes half a second and its first answer a quarter more, of which the tables need a few milliseconds;
its file is SQLite, which Python reads itself. The interpolation is xraydb's own, so that the values are too. Formulas with
brackets and energies beyond the tables are left to xraydb: `composition` and `within` say which.
"""

from __future__ import annotations

import json
import re
import sqlite3
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..nouns import FloatArray

FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?)+")
ELEMENT = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?")
LEAST_EV, MOST_EV = 1e3, 1e5
"""Energies (eV) at which both tables hold for every element."""
BESIDE = 3
"""Points of Chantler's table on either side of the energy that its spline goes through."""


def composition(formula: str) -> dict[str, float]:
    """Atoms of each element in a formula such as Fe2O3; empty where it is written in another way or names no element."""
    atoms: dict[str, float] = {}
    if FORMULA.fullmatch(formula):
        for element, count in ELEMENT.findall(formula):
            atoms[element] = atoms.get(element, 0.0) + (float(count) if count else 1.0)
    return atoms if atoms and all(_row("elements", element) for element in atoms) else {}


def within(energy_eV: float) -> bool:
    """Whether the tables hold at this photon energy."""
    return LEAST_EV <= energy_eV <= MOST_EV


def molar_mass(element: str) -> float:
    """Mass of one mole of atoms, g."""
    return float(_row("elements", element)["molar_mass"])


def atomic_number(element: str) -> int:
    """Electrons of the neutral atom."""
    return int(_row("elements", element)["atomic_number"])


def mass_attenuation(element: str, energy_eV: float) -> float:
    """Photoelectric absorption, coherent and incoherent scattering together, cm^2/g."""
    parts = [
        ("photoabsorption", "photoabsorption"),
        ("scattering", "coherent_scatter"),
        ("scattering", "incoherent_scatter"),
    ]
    return sum(_elam(table, column, element, energy_eV) for table, column in parts)


def anomalous_f1(element: str, energy_eV: float) -> float:
    """f' of Chantler's table, electrons: the cubic through the points around the energy, not-a-knot at its ends."""
    row = _row("Chantler", element)
    energies = np.array(json.loads(row["energy"]))
    at = int(np.flatnonzero(energies <= energy_eV)[-1])
    near = slice(max(0, at - BESIDE), min(len(energies), at + BESIDE) + 1)
    return _not_a_knot(energies[near], np.array(json.loads(row["f1"]))[near], energy_eV)


def _elam(table: str, column: str, element: str, energy_eV: float) -> float:
    """The table's own spline in the logarithms: values and second derivatives at its points."""
    row, log_energy = _row(table, element), float(np.log(energy_eV))
    x, y, bend = (np.array(json.loads(row[name])) for name in ("log_energy", f"log_{column}", f"log_{column}_spline"))
    low, high = int(np.flatnonzero(x < log_energy)[-1]), int(np.flatnonzero(x > log_energy)[0])
    step = x[high] - x[low]
    a, b = (x[high] - log_energy) / step, (log_energy - x[low]) / step
    curved = (a * a - 1.0) * a * bend[low] + (b * b - 1.0) * b * bend[high]
    return float(np.exp(a * y[low] + b * y[high] + step * step / 6.0 * curved))


def _not_a_knot(x: FloatArray, y: FloatArray, at: float) -> float:
    """The cubic spline through the points (x, y), as truncated powers at all points but the ends and their neighbours."""
    scale = x[-1] - x[0]

    def powers(u: FloatArray) -> FloatArray:
        shifted = (u - x[0]) / scale
        bends = [np.maximum((u - knot) / scale, 0.0) ** 3 for knot in x[2:-2]]
        return np.stack([np.ones_like(u), shifted, shifted**2, shifted**3, *bends], axis=-1)

    return float((powers(np.array([at])) @ np.linalg.solve(powers(x), y))[0])


@lru_cache(maxsize=512)
def _row(table: str, element: str) -> dict[str, Any]:
    """The row of an element, empty where there is none."""
    home = find_spec("xraydb")
    assert home is not None  # it is installed with electrosaxs
    assert home.origin is not None
    path = Path(home.origin).with_name("xraydb.sqlite")
    file = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        file.row_factory = sqlite3.Row
        found = file.execute(f"SELECT * FROM {table} WHERE element = ?", (element,)).fetchone()
    finally:
        file.close()
    return {} if found is None else dict(found)
