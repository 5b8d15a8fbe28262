"""Mass of particles per volume to the volume fraction of core and dry shell."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.nouns import Solution
from electrosaxs.physics.concentration import share_of_cores, with_volume_fraction
from electrosaxs.physics.size_distribution import shell_volume_ratio

ONE = (np.array([7.1]), np.array([1.0]))


def fraction(concentration: float, mass: str, **given: object) -> float:
    weighed = Solution.model_validate({"concentration_mg_mL": concentration, "mass": mass, **given})
    return with_volume_fraction(weighed, share_of_cores(*ONE, dry_shell_nm=1.115)).volume_fraction


def test_four_milligrams_of_coated_silver_are_the_paper_s_volume_fraction() -> None:
    assert_close(fraction(4.0, "core and ligand"), 8e-4, rel=0.02)


def test_the_same_solution_weighed_with_and_without_its_ligand_has_one_volume_fraction() -> None:
    cores = (7.1 / 9.33) ** 3
    phi = 6e-4
    metal, shells = 1e3 * phi * cores * 8.28, 1e3 * phi * (1.0 - cores) * 0.89
    materials = {"core": "PbSe", "ligand": "oleate", "dry_shell_nm": 1.115}
    assert_close(fraction(metal, "core", **materials), phi, rel=1e-12)
    assert_close(fraction(metal + shells, "core and ligand", **materials), phi, rel=1e-12)


def test_a_mean_over_sizes_is_that_of_the_volumes() -> None:
    d = np.linspace(1.6, 12.6, 4001)
    number = np.exp(-0.5 * ((d - 7.1) / 1.1) ** 2)
    assert_close(1.0 / share_of_cores(d, number, dry_shell_nm=1.0), float(shell_volume_ratio(7.1, 1.1, 1.0)), rel=1e-5)


def test_the_sigma_of_a_concentration_goes_with_it_and_a_known_fraction_stays() -> None:
    weighed = Solution(concentration_mg_mL=4.0, concentration_mg_mL_sigma=0.2, mass="core")
    known = with_volume_fraction(weighed, 0.44)
    assert known.volume_fraction_sigma is not None
    assert_close(known.volume_fraction_sigma / known.volume_fraction, 0.05, rel=1e-12)
    assert known.concentration_mg_mL is None
    assert with_volume_fraction(known, 0.9) is known


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "volume_fraction = missing: .*concentration_mg_mL with mass"),
        (
            {"volume_fraction": 8e-4, "concentration_mg_mL": 4.0, "mass": "core"},
            "concentration_mg_mL = 4: stands beside",
        ),
        ({"concentration_mg_mL": 4.0}, 'mass = missing: .*"core" or "core and ligand"'),
        ({"volume_fraction": 8e-4, "mass": "core"}, "mass = core: belongs to concentration_mg_mL"),
        ({"volume_fraction": 8e-4, "volume_fraction_sigma": 2.0}, "volume_fraction_sigma = 2: must be below"),
    ],
)
def test_a_solution_says_once_how_much_is_in_it(given: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Solution.model_validate(given)
