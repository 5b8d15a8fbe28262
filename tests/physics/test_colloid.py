"""One particle in toluene: the [calc] numbers of physics.md."""

import numpy as np
import pytest
import scipp as sc
from closeness import assert_close

from electrosaxs.errors import UnitError
from electrosaxs.nouns import Solution
from electrosaxs.physics import colloid, electrostatics
from electrosaxs.units import in_unit, quantity

ROOM = quantity(298.15, "K")
TOLUENE = quantity(554.2e-6, "Pa*s")
CORE = quantity(7.1, "nm")
DRY, SOLVATED = quantity(1.115, "nm"), quantity(1.79, "nm")
GAP = quantity(3.5, "mm")
WET = colloid.hydrodynamic_diameter(CORE, solvated_shell=SOLVATED)
D = colloid.diffusivity(WET, viscosity=TOLUENE, temperature=ROOM)
MOBILITY = colloid.mobility_per_charge(WET, viscosity=TOLUENE)


def drift(voltage: float, charge: float = 0.045) -> sc.Variable:
    return colloid.drift_speed(MOBILITY, charge, electrostatics.nominal_field(quantity(voltage, "V"), GAP))


def test_shells_are_the_ligands_unless_they_are_given_and_none_is_a_thickness() -> None:
    usual, bare = (
        Solution(volume_fraction=8e-4),
        Solution(volume_fraction=8e-4, dry_shell_nm=0.0, solvated_shell_nm=0.0),
    )
    assert (colloid.dry_shell_nm(usual), colloid.solvated_shell_nm(usual)) == (1.115, 1.79)
    assert (colloid.dry_shell_nm(bare), colloid.solvated_shell_nm(bare)) == (0.0, 0.0)
    given = Solution(volume_fraction=8e-4, dry_shell_nm=0.9, solvated_shell_nm=1.4)
    assert (colloid.dry_shell_nm(given), colloid.solvated_shell_nm(given)) == (0.9, 1.4)


def test_solvated_particle_is_10_68_nanometres_wide() -> None:
    assert_close(in_unit(WET, "nm"), 10.68, rel=1e-12)


def test_diffusivity_in_toluene() -> None:
    assert_close(in_unit(D, "m^2/s"), 7.4e-11, rel=5e-3)


def test_mobility_of_one_elementary_charge() -> None:
    assert_close(in_unit(MOBILITY, "m^2/(V*s)"), 2.87e-9, rel=2e-3)


def test_mobility_and_diffusivity_obey_einsteins_relation() -> None:
    ratio = in_unit(D / MOBILITY, "V")
    assert_close(ratio, in_unit(electrostatics.thermal_voltage(ROOM), "V"), rel=1e-12)


def test_a_singly_charged_particle_crosses_the_gap_in_four_minutes() -> None:
    assert_close(in_unit(GAP / drift(20.0, 1.0), "s"), 213.0, rel=5e-3)


def test_peclet_number_is_the_charge_times_voltage_over_thermal_voltage() -> None:
    pe = colloid.peclet_number(0.045, voltage=quantity(20.0, "V"), temperature=ROOM)
    assert_close(pe, 0.045 * 20.0 / 25.69e-3, rel=2e-4)
    assert_close(pe, in_unit(drift(20.0) * GAP / D, "one"), rel=1e-12)


def test_decay_length_times_peclet_number_is_the_gap() -> None:
    assert_close(in_unit(colloid.decay_length(D, drift(20.0)), "um"), 3500.0 / 35.03, rel=1e-3)


# physics.md gives these "about", from a charge within 2 % of 0.045: twice that in the relaxation times.
@pytest.mark.parametrize(("voltage", "seconds"), [(5.0, 5700.0), (10.0, 1930.0), (20.0, 510.0), (30.0, 228.0)])
def test_slowest_relaxation_shortens_with_the_square_of_the_field(voltage: float, seconds: float) -> None:
    assert_close(in_unit(colloid.slowest_relaxation(D, drift(voltage), GAP), "s"), seconds, rel=0.045)


def test_effective_charge_grows_with_the_surface() -> None:
    z = colloid.effective_charge(
        sc.array(dims=["class"], values=[3.55, 7.1, 14.2], unit="nm"), reference_charge=0.045, exponent=2.0
    )
    assert_close(z.values, [0.045 / 4, 0.045, 0.18], rel=1e-12)


def test_core_is_0_44_and_hydrodynamic_volume_1_50_of_the_dry_particle() -> None:
    assert_close(in_unit(colloid.core_share(CORE, dry_shell=DRY), "one"), 0.44, rel=5e-3)
    wet = colloid.hydrodynamic_share(CORE, dry_shell=DRY, solvated_shell=SOLVATED)
    assert_close(in_unit(wet, "one"), 1.50, rel=1e-3)


def test_dry_volume_of_a_particle_holds_its_core_share() -> None:
    core = sc.scalar(0.5235987755982988) * CORE**3
    dry = colloid.dry_volume(CORE, dry_shell=DRY)
    assert dry.unit == sc.Unit("nm^3")
    assert_close(in_unit(core / dry, "one"), in_unit(colloid.core_share(CORE, dry_shell=DRY), "one"), rel=1e-12)


def test_inventory_of_the_paper_is_2_8_micrometres_of_particles() -> None:
    assert_close(in_unit(8.0e-4 * GAP, "um"), 2.8, rel=1e-12)


def test_hard_spheres_spread_as_their_chemical_potential_falls() -> None:
    """D_c / D = 1 + f d(mu_ex)/df up to freezing, and Z = (1 + f + f^2 - f^3) / (1 - f)^3."""
    f, h = np.linspace(0.01, colloid.FREEZING, 20), 1e-5
    slope = (colloid.excess_chemical_potential(f + h) - colloid.excess_chemical_potential(f - h)) / (2.0 * h)
    assert_close(colloid.collective_factor(f), 1.0 + f * slope, rel=1e-8)
    pressure = (f + h, f - h)
    above, below = (x * (1.0 + x + x**2 - x**3) / (1.0 - x) ** 3 for x in pressure)
    assert_close(colloid.collective_factor(f), (above - below) / (2.0 * h), rel=1e-8)


def test_a_diameter_in_seconds_is_refused() -> None:
    with pytest.raises((UnitError, sc.UnitError)):
        colloid.hydrodynamic_diameter(quantity(7.1, "s"), solvated_shell=SOLVATED)
