"""Thermal voltage, Bjerrum length and the field between two parallel electrodes.

Sources: CODATA constants (materials.constants); Israelachvili 2011 for the Bjerrum length.
"""

from __future__ import annotations

from math import pi

import scipp as sc

from ..errors import ElectrosaxsError, bad_value
from ..materials.constants import BOLTZMANN_J_PER_K, ELEMENTARY_CHARGE_C, VACUUM_PERMITTIVITY_F_PER_M
from ..units import in_unit

k, e = sc.scalar(BOLTZMANN_J_PER_K, unit="J/K"), sc.scalar(ELEMENTARY_CHARGE_C, unit="C")
MOST_POTENTIAL_V, LEAST_CHARGE = 1.0, 1e-3
epsilon_0 = sc.scalar(VACUUM_PERMITTIVITY_F_PER_M, unit="F/m")


def thermal_voltage(temperature: sc.Variable) -> sc.Variable:
    """kT / e in mV: 25.69 mV at 298.15 K."""
    if in_unit(temperature, "K", name="temperature") <= 0.0:
        raise bad_value(
            ElectrosaxsError,
            where="thermal_voltage",
            field="temperature",
            value=temperature.value,
            rule="must be above 0 K",
            remedy="give an absolute temperature",
        )
    return (k * temperature / e).to(unit="mV")


def bjerrum_length(relative_permittivity: float, temperature: sc.Variable) -> sc.Variable:
    """e^2 / (4 pi eps0 eps_r kT) in nm, where two elementary charges hold each other with kT: 23.5 nm in toluene."""
    return (e * e / (4.0 * pi * epsilon_0 * relative_permittivity * k * temperature)).to(unit="nm")


def charges_held(diameter_nm: float, relative_permittivity: float, temperature: sc.Variable) -> tuple[float, float]:
    """Elementary charges, least and most, that a colloid in an apolar solvent is known to hold on average: from one particle
    of a thousand charged (0.045 in Yu 2018) up to z = V 4 pi eps0 eps_r r / e of the potential 1 V at its surface (0.01 to
    0.2 V are measured); limits chosen, to tell a voltage in other units."""
    reduced = MOST_POTENTIAL_V / in_unit(thermal_voltage(temperature), "V")
    return LEAST_CHARGE, reduced * 0.5 * diameter_nm / in_unit(bjerrum_length(relative_permittivity, temperature), "nm")


def nominal_field(voltage: sc.Variable, gap: sc.Variable) -> sc.Variable:
    """E = V / L in V/cm, positive when the anode is at z = 0.

    Nominal: what the electrodes and the ions in between take away is not known to it.
    """
    return (voltage / gap).to(unit="V/cm")
