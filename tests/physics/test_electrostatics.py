"""Thermal voltage, Bjerrum length, field: numbers of physics.md."""

import pytest
import scipp as sc
from closeness import assert_close

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.materials import wavelength_nm
from electrosaxs.physics import electrostatics
from electrosaxs.units import in_unit, quantity

ROOM = quantity(298.15, "K")


def test_thermal_voltage_at_room_temperature_is_25_69_millivolt() -> None:
    assert_close(in_unit(electrostatics.thermal_voltage(ROOM), "mV"), 25.69, rel=2e-4)


def test_charges_in_toluene_feel_each_other_over_23_5_nanometres() -> None:
    assert_close(in_unit(electrostatics.bjerrum_length(2.379, ROOM), "nm"), 23.5, rel=5e-3)


def test_bjerrum_length_of_water_is_seven_angstrom() -> None:
    # 78.36 at 298.15 K; 0.715 nm in Israelachvili 2011
    assert_close(in_unit(electrostatics.bjerrum_length(78.36, ROOM), "nm"), 0.715, rel=2e-3)


@pytest.mark.parametrize(("voltage", "field"), [(5.0, 14.3), (10.0, 28.6), (20.0, 57.1), (30.0, 85.7)])
def test_voltages_over_the_in_situ_gap_give_the_fields_of_the_paper(voltage: float, field: float) -> None:
    got = electrostatics.nominal_field(quantity(voltage, "V"), quantity(3.5, "mm"))
    assert got.unit == sc.Unit("V/cm")
    assert_close(got.value, field, rel=2e-3)


def test_temperature_below_absolute_zero_is_refused() -> None:
    with pytest.raises(ElectrosaxsError, match="above 0 K"):
        electrostatics.thermal_voltage(quantity(-1.0, "K"))


def test_a_photon_of_one_angstrom_has_12_398_kilo_electronvolts() -> None:
    assert_close(wavelength_nm(12.398419843320026), 0.1, rel=1e-14)


def test_a_particle_of_ten_nanometres_in_toluene_holds_nine_charges_at_one_volt() -> None:
    # V 4 pi eps0 eps_r r / e with 1.4400 V nm for e / (4 pi eps0)
    least, most = electrostatics.charges_held(10.68, 2.379, ROOM)
    assert_close(most, 2.379 * 5.34 / 1.44, rel=1e-3)
    assert least < 0.045 < most
