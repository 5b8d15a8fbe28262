"""What our reading of xraydb's tables gives is what xraydb gives."""

import pytest
from closeness import assert_close
from scipy import constants

from electrosaxs.materials import (
    CORES,
    HC_KEV_NM,
    LIGANDS,
    SOLVENTS,
    attenuation_per_m,
    molar_mass_g_mol,
    scattering_length_density_per_m2,
    wavelength_nm,
)
from electrosaxs.materials.constants import BOLTZMANN_J_PER_K, ELECTRON_RADIUS_M

FORMULAS = sorted({one.formula for table in (CORES, LIGANDS, SOLVENTS) for one in table.values() if one.formula})
ENERGIES_KEV = [1.7, 5.41, 8.048, 13.3, 25.514, 25.52, 59.3]  # two of them on either side of silver's K edge


@pytest.mark.parametrize("energy_keV", ENERGIES_KEV)
def test_attenuation_and_scattering_are_those_of_xraydb(energy_keV):
    import xraydb  # a second, which workers with other files need not spend

    for formula in [*FORMULAS, "Fe2O3", "C6.5H13", "PbSe"]:
        assert_close(
            attenuation_per_m(formula, 2.37, energy_keV),
            100.0 * xraydb.material_mu(formula, 1e3 * energy_keV, density=2.37),
            rel=1e-10,
        )
        delta = xraydb.xray_delta_beta(formula, 2.37, 1e3 * energy_keV)[0]
        known = 2.0 * constants.pi * delta / (1e-9 * wavelength_nm(energy_keV)) ** 2
        assert_close(
            scattering_length_density_per_m2(formula, 2.37, energy_keV), known, rel=1e-8
        )  # of r_e, by CODATA's year


@pytest.mark.parametrize("formula", ["Ca(OH)2", "(C2H4)3", "H2O", "Ag"])
def test_a_formula_with_brackets_is_read_too(formula):
    import xraydb

    known = sum(count * xraydb.atomic_mass(element) for element, count in xraydb.chemparse(formula).items())
    assert_close(molar_mass_g_mol(formula), known, rel=1e-14)


@pytest.mark.parametrize("formula", ["Xq2", "water", "H2O)"])
def test_what_is_no_formula_is_refused(formula):
    with pytest.raises(ValueError, match=formula.rstrip(")").rstrip("2")[-2:]):
        molar_mass_g_mol(formula)


def test_constants_are_those_of_the_units():
    assert_close(HC_KEV_NM, 1e6 * constants.h * constants.c / constants.e, rel=1e-15)
    assert_close(BOLTZMANN_J_PER_K, constants.k, rel=1e-15)
    assert_close(ELECTRON_RADIUS_M, constants.physical_constants["classical electron radius"][0], rel=1e-8)
