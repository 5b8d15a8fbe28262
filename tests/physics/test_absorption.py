"""Silver dims the beam: numbers of Yu 2018 at 13.3 keV, and what happens where they are ignored."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import InputFileError
from electrosaxs.nouns import Solution
from electrosaxs.physics.absorption import attenuation, largest_uncorrected_enrichment, transmission

START = Solution(volume_fraction=8e-4)
CORE_SHARE = (7.1 / (7.1 + 2 * 1.115)) ** 3
PATH = 10e-3


def test_silver_of_the_starting_solution_takes_a_fifth_of_the_optical_path() -> None:
    silver = attenuation(START, energy_keV=13.3).core * CORE_SHARE * 8e-4 * PATH
    assert_close(silver, 0.20, rel=0.03)  # physics.md, rounded there


def test_uncorrected_enrichment_never_passes_2_23() -> None:
    mu = attenuation(START, energy_keV=13.3)
    enrichment = np.linspace(1.0, 30.0, 2000)
    added = float(mu.of_particles(CORE_SHARE))
    start = transmission(mu.solvent + 8e-4 * added, PATH)
    seen = enrichment * transmission(mu.solvent + 8e-4 * enrichment * added, PATH) / start
    assert_close(seen.max(), largest_uncorrected_enrichment(added * 8e-4 * PATH), rel=1e-5)
    assert_close(seen.max(), 2.23, rel=0.02)  # physics.md, from mu t rounded to 0.20


def test_ten_times_the_start_absorbs_86_percent_more_than_the_solvent() -> None:
    mu = attenuation(START, energy_keV=13.3)
    enriched = transmission(8e-3 * mu.of_particles(CORE_SHARE), PATH)
    assert_close(1.0 - enriched, 0.86, rel=0.02)  # physics.md, from mu t rounded to 2.0


def test_particles_displace_solvent() -> None:
    mu = attenuation(START, energy_keV=13.3)
    assert_close(mu.solvent + mu.of_particles(0.44), 0.44 * mu.core + 0.56 * mu.ligand, rel=1e-12)
    assert_close(mu.solvent, 88.4, rel=0.001)  # toluene, 0.884 1/cm (physics.md)


def test_unknown_core_is_named() -> None:
    with pytest.raises(InputFileError, match=r'solution\.core = "Unobtainium": is no core'):
        attenuation(Solution(volume_fraction=8e-4, core="Unobtainium"), energy_keV=13.3)
