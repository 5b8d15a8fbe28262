"""What the anode of a simulated cell shows: as many islands as the flux of the onset gives, and in them all crystals."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.nouns.nucleation import NucleationSettings
from electrosaxs.physics.tetrahedron import volume
from electrosaxs.twin.anode import PACKED, TRUNCATION, anode_micrographs
from electrosaxs.twin.islands import place_islands

LAW = NucleationSettings(density_per_mm2=31.0, flux_m_per_s=2e-10, exponent=1.4)


def test_the_density_is_a_power_of_the_flux() -> None:
    assert_close(LAW.density(4e-10) / LAW.density(2e-10), 2.0**1.4, rel=1e-9)
    assert_close(LAW.density(2e-10), 31.0, rel=1e-9)
    assert LAW.density(-1e-10) == 0.0


@pytest.mark.parametrize(("flux", "crystals_um"), [(2e-10, 0.02), (5e-10, 0.3)])
def test_islands_hold_all_crystals(flux: float, crystals_um: float) -> None:
    seen = anode_micrographs(LAW, flux, crystals_um, seed=3)
    top = seen.base_edge_um - seen.thickness_um * np.sqrt(1.5)
    each = float(volume(seen.base_edge_um, top, TRUNCATION))
    area_mm2 = (1e-3 * seen.um_per_pixel) ** 2 * seen.width_px * seen.height_px
    assert_close(seen.islands / area_mm2, LAW.density(flux), rel=0.02)
    assert_close(each * LAW.density(flux) * 1e-6 * PACKED, crystals_um, rel=1e-6)


def test_the_number_on_a_field_is_a_poisson_number_about_the_density() -> None:
    seen = anode_micrographs(LAW, 3e-10, 0.05, seed=3)
    numbers = []
    for seed in range(6):
        placed = place_islands(seen, np.random.default_rng(seed))
        numbers.append(sum(0 <= i.x < seen.width_px and 0 <= i.y < seen.height_px for i in placed))
    assert abs(np.mean(numbers) - seen.islands) < 3.0 * np.sqrt(seen.islands / 6)
    assert len(set(numbers)) > 1
