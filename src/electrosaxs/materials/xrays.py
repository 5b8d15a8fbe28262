"""What a photon meets in a material: xraydb at the energy of the run, from formula and density."""

from __future__ import annotations

import math
from functools import lru_cache

from . import xray_tables as tables
from .constants import AVOGADRO_PER_MOL, ELECTRON_RADIUS_M, ELEMENTARY_CHARGE_C, LIGHT_M_PER_S, PLANCK_J_S

HC_KEV_NM = 1e6 * PLANCK_J_S * LIGHT_M_PER_S / ELEMENTARY_CHARGE_C
"""h c / e, 1.2398 keV nm, exact in the SI of 2019."""


def wavelength_nm(energy_keV: float) -> float:
    """lambda = h c / E of a photon."""
    return HC_KEV_NM / energy_keV


@lru_cache(maxsize=256)
def attenuation_per_m(formula: str, density_g_cm3: float, energy_keV: float) -> float:
    """Linear attenuation coefficient mu (1/m), total cross-section, xraydb (Elam tables)."""
    energy_eV = 1000.0 * energy_keV
    atoms = tables.composition(formula) if tables.within(energy_eV) else {}
    if not atoms:
        import xraydb

        return float(xraydb.material_mu(formula, energy_eV, density=density_g_cm3)) * 100.0
    mass = {element: count * tables.molar_mass(element) for element, count in atoms.items()}
    absorbed = sum(mass[element] * tables.mass_attenuation(element, energy_eV) for element in atoms)
    return 100.0 * density_g_cm3 * absorbed / sum(mass.values())


@lru_cache(maxsize=256)
def scattering_length_density_per_m2(formula: str, density_g_cm3: float, energy_keV: float) -> float:
    """Real part of the X-ray scattering length density (1/m^2), r_e N_A rho / M sum_j n_j (Z_j + f'_j) = 2 pi delta /
    lambda^2, xraydb (Chantler)."""
    energy_eV = 1000.0 * energy_keV
    atoms = tables.composition(formula) if tables.within(energy_eV) else {}
    if not atoms:
        import xraydb

        delta = float(xraydb.xray_delta_beta(formula, density_g_cm3, energy_eV)[0])
        return 2.0 * math.pi * delta / (1e-9 * wavelength_nm(energy_keV)) ** 2
    electrons = sum(
        count * (tables.atomic_number(element) + tables.anomalous_f1(element, energy_eV))
        for element, count in atoms.items()
    )
    per_m3 = 1e6 * density_g_cm3 * AVOGADRO_PER_MOL / molar_mass_g_mol(formula)
    return ELECTRON_RADIUS_M * per_m3 * electrons


def molar_mass_g_mol(formula: str) -> float:
    """Mass of one formula unit, xraydb; ValueError where the text is no formula."""
    if atoms := tables.composition(formula):
        return sum(count * tables.molar_mass(element) for element, count in atoms.items())
    import xraydb

    return float(sum(count * xraydb.atomic_mass(element) for element, count in xraydb.chemparse(formula).items()))
