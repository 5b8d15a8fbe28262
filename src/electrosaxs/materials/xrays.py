"""What a photon meets in a material: xraydb at the energy of the run, from formula and density."""

from __future__ import annotations

import math
from functools import lru_cache

from scipy import constants

HC_KEV_NM = 1e6 * constants.h * constants.c / constants.e
"""h c / e, 1.2398 keV nm, exact in the SI of 2019."""


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


def molar_mass_g_mol(formula: str) -> float:
    """Mass of one formula unit, xraydb; ValueError where the text is no formula."""
    import xraydb

    return float(sum(count * xraydb.atomic_mass(element) for element, count in xraydb.chemparse(formula).items()))
