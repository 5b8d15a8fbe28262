"""Silver, toluene, dodecanethiol, and how to name others: values with their source.

X-ray constants come from xraydb at the energy of the run; only what it cannot know is written here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from scipy import constants

from .errors import InputFileError, bad_value

REFERENCE_TEMPERATURE_K = 298.15
HC_KEV_NM = 1e6 * constants.h * constants.c / constants.e
"""h c / e, 1.2398 keV nm, exact in the SI of 2019."""


@dataclass(frozen=True)
class Core:
    """An inorganic core: chemical formula and mass density (g/cm3)."""

    name: str
    formula: str
    density_g_cm3: float
    source: str


@dataclass(frozen=True)
class Ligand:
    """A ligand shell: formula, density, and its thickness per side (nm) dried and in the solvent."""

    name: str
    formula: str
    density_g_cm3: float
    dry_shell_nm: float
    solvated_shell_nm: float
    source: str


@dataclass(frozen=True)
class Solvent:
    """A solvent: formula, and at 298.15 K density, viscosity (Pa s), relative permittivity, isothermal compressibility.

    viscosity_terms: c_k of ln(eta / eta_298.15) = sum c_k ((298.15 K / T)^k - 1), k = 1, 2, ..., which holds within
    viscosity_range_K.
    """

    name: str
    formula: str
    density_g_cm3: float
    viscosity_Pa_s: float
    viscosity_terms: tuple[float, ...]
    viscosity_range_K: tuple[float, float]
    relative_permittivity: float
    compressibility_per_Pa: float
    source: str

    def viscosity_at(self, temperature_K: float) -> float:
        """Viscosity (Pa s) at a temperature (K); InputFileError outside the range of the correlation."""
        low, high = self.viscosity_range_K
        if not low <= temperature_K <= high:
            raise bad_value(
                InputFileError,
                where="experiment",
                field="cell.temperature_K",
                value=temperature_K,
                rule=f"the viscosity of {self.name} is known from {low:g} to {high:g} K",
                remedy="give a temperature in that range (in K, not degrees Celsius)",
            )
        x = REFERENCE_TEMPERATURE_K / temperature_K
        exponent = sum(c * (x**k - 1.0) for k, c in enumerate(self.viscosity_terms, start=1))
        return self.viscosity_Pa_s * math.exp(exponent)


CORES: dict[str, Core] = {
    "Ag": Core("Ag", "Ag", 10.49, "CRC Handbook, 97th ed."),
    "Au": Core("Au", "Au", 19.30, "CRC Handbook, 97th ed."),
    "Pd": Core("Pd", "Pd", 12.02, "CRC Handbook, 97th ed."),
    "PbS": Core("PbS", "PbS", 7.60, "CRC Handbook, 97th ed."),
    "SiO2": Core("SiO2", "SiO2", 2.20, "amorphous silica, CRC Handbook, 97th ed."),
}

LIGANDS: dict[str, Ligand] = {
    "1-dodecanethiol": Ligand(
        "1-dodecanethiol",
        "C12H26S",
        0.845,
        1.115,
        1.79,
        "density: CRC Handbook; shells: lattice constants 13.2 nm dried and 15.1 nm solvated of 7.1 nm cores, Yu 2018",
    ),
}

SOLVENTS: dict[str, Solvent] = {
    "toluene": Solvent(
        "toluene",
        "C7H8",
        0.862,
        554.2e-6,
        (8.964, -5.834, 2.089),
        (210.0, 370.0),
        2.379,
        9.2e-10,
        "viscosity 554.2(33) uPa s and its change with temperature (0.5 %, below 260 K 2 %): Santos 2006, anchored at "
        "298.15 K; permittivity, density and compressibility (between 8.96 at 293 K and 11.0 at 323 K, in 1e-10/Pa): CRC "
        "Handbook, 97th ed.",
    ),
}

Entry = TypeVar("Entry")


def _named(table: Mapping[str, Entry], kind: str, name: str) -> Entry:
    try:
        return table[name]
    except KeyError:
        known = ", ".join(sorted(table))
        raise InputFileError(
            f"solution.{kind} = {name}: not a {kind} that electrosaxs knows ({known}); "
            f"use one of these or add it to electrosaxs.materials"
        ) from None


def core(name: str) -> Core:
    """The core material called `name`; InputFileError lists the known ones."""
    return _named(CORES, "core", name)


def ligand(name: str) -> Ligand:
    """The ligand called `name`."""
    return _named(LIGANDS, "ligand", name)


def solvent(name: str) -> Solvent:
    """The solvent called `name`."""
    return _named(SOLVENTS, "solvent", name)


def wavelength_nm(energy_keV: float) -> float:
    """lambda = h c / E of a photon."""
    return HC_KEV_NM / energy_keV


@lru_cache(maxsize=256)
def attenuation_per_m(formula: str, density_g_cm3: float, energy_keV: float) -> float:
    """Linear attenuation coefficient mu (1/m), total cross-section, xraydb (Elam tables)."""
    import xraydb

    return float(xraydb.material_mu(formula, 1000.0 * energy_keV, density=density_g_cm3)) * 100.0


@lru_cache(maxsize=256)
def scattering_length_density_per_m2(formula: str, density_g_cm3: float, energy_keV: float) -> float:
    """Real part of the X-ray scattering length density (1/m^2) = 2 pi delta / lambda^2, xraydb (Chantler)."""
    import xraydb

    delta = float(xraydb.xray_delta_beta(formula, density_g_cm3, 1000.0 * energy_keV)[0])
    return 2.0 * math.pi * delta / (1e-9 * wavelength_nm(energy_keV)) ** 2
