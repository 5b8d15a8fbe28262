"""What the anode of a simulated cell shows: as many islands as the flux of the onset gives, and in them all crystals."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.nouns.film_experiment import DriedFilm
from electrosaxs.nouns.nucleation import NucleationSettings
from electrosaxs.physics.tetrahedron import volume
from electrosaxs.transport import SizeClasses
from electrosaxs.twin.anode import TRUNCATION, Anode, anode, film_of_islands
from electrosaxs.twin.island_growth import PACKED, GrowthRecord

LAW = NucleationSettings(density_per_mm2=31.0, flux_m_per_s=2e-10, exponent=1.4)


def fed(flux: float, crystals_um: float) -> Anode:
    """An anode on which crystals began at this flux and grew steadily for ten minutes."""
    time = np.linspace(0.0, 600.0, 50)
    return anode(GrowthRecord(time, crystals_um * time / 600.0, np.full(50, 0.03), flux), LAW, seed=3)


def test_the_density_is_a_power_of_the_flux() -> None:
    assert_close(LAW.density(4e-10) / LAW.density(2e-10), 2.0**1.4, rel=1e-9)
    assert_close(LAW.density(2e-10), 31.0, rel=1e-9)
    assert LAW.density(-1e-10) == 0.0


@pytest.mark.parametrize(("flux", "crystals_um"), [(2e-10, 0.02), (5e-10, 0.3)])
def test_islands_hold_all_crystals(flux: float, crystals_um: float) -> None:
    seen = fed(flux, crystals_um).view
    top = seen.base_edge_um - seen.thickness_um * np.sqrt(1.5)
    each = float(volume(seen.base_edge_um, top, TRUNCATION))
    area_mm2 = (1e-3 * seen.um_per_pixel) ** 2 * seen.width_px * seen.height_px
    assert_close(seen.islands / area_mm2, LAW.density(flux), rel=0.02)
    assert_close(each * LAW.density(flux) * 1e-6 * PACKED, crystals_um, rel=1e-6)


def test_the_number_on_a_field_is_a_poisson_number_about_the_density() -> None:
    made = fed(3e-10, 0.05)
    numbers = []
    for seed in range(6):
        placed = made.field(np.random.default_rng(seed)).islands
        numbers.append(sum(0 <= i.x < made.view.width_px and 0 <= i.y < made.view.height_px for i in placed))
    assert abs(np.mean(numbers) - made.view.islands) < 3.0 * np.sqrt(made.view.islands / 6)
    assert len(set(numbers)) > 1


def test_the_film_that_scatters_is_the_islands_that_grew() -> None:
    cores = SizeClasses(np.array([6.5, 7.5]), np.array([0.5, 0.5]))
    thin, thick = (
        film_of_islands(fed(2e-10, amount), DriedFilm(), cores, core="Ag", ligand="1-dodecanethiol", dry_shell_nm=1.1)
        for amount in (0.05, 0.4)
    )
    assert_close(thick.beam.brightest_counts / thin.beam.brightest_counts, 8.0, rel=1e-9)
    assert_close(
        thick.film.thickness_nm / thin.film.thickness_nm, 2.0, rel=0.1
    )  # eight times the volume of as many islands
    seen = fed(2e-10, 0.4).view
    assert 1e3 * seen.thickness_um < thick.film.thickness_nm < 2e3 * seen.thickness_um  # larger islands hold more of it
    assert_close(thick.film.lattice_constant_nm, np.sqrt(2.0) * (7.0 + 2.2), rel=1e-9)
    assert_close(thick.film.core_sigma_nm, 0.5, rel=1e-9)
    assert (thick.film.lattice, thick.film.normal) == ("FCC", [1, 1, 1])
