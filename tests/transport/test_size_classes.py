"""Size classes carry the moments of the distribution that they stand for."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.nouns import Cell, Solution, TransportSettings
from electrosaxs.transport import SizeClasses, number_moments
from electrosaxs.transport.charge_models import columns, with_immobile

MEAN, DEVIATION = 7.1, 1.1


def gaussian_moment(order: int) -> float:
    """Raw moment of a normal distribution: M_n = mean M_(n-1) + (n-1) deviation^2 M_(n-2)."""
    moments = [1.0, MEAN]
    for n in range(2, order + 1):
        moments.append(MEAN * moments[-1] + (n - 1) * DEVIATION**2 * moments[-2])
    return moments[order]


@pytest.mark.parametrize("classes", [21, 41, 81])
@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 5, 6])
def test_classes_have_the_moments_of_the_gaussian_up_to_forward_scattering(order: int, classes: int) -> None:
    sizes = SizeClasses.gaussian(MEAN, DEVIATION, classes)
    assert_close(sizes.number @ sizes.diameter_nm**order, gaussian_moment(order), rel=1e-12)
    assert np.all(sizes.number > 0.0)


def test_moments_beyond_the_matched_ones_are_still_those_of_the_gaussian() -> None:
    sizes = SizeClasses.gaussian(MEAN, DEVIATION)
    assert_close(sizes.number @ sizes.diameter_nm**8, gaussian_moment(8), rel=1e-6)


def test_wide_distributions_stay_positive_in_size_and_number() -> None:
    sizes = SizeClasses.gaussian(5.0, 2.5)
    assert sizes.diameter_nm[0] > 0.0
    assert np.all(sizes.number >= 0.0)
    assert_close(sizes.number.sum(), 1.0, rel=1e-12)


def test_number_moments_of_the_starting_solution_are_the_given_ones() -> None:
    sizes = SizeClasses.gaussian(MEAN, DEVIATION)
    mean, deviation = number_moments(sizes.volume_share(1.115), sizes.diameter_nm, 1.115)
    assert_close([mean, deviation], [MEAN, DEVIATION], rel=1e-12)


def test_volume_counts_large_particles_with_their_dry_shell() -> None:
    share = SizeClasses.from_table([4.0, 8.0], [1.0, 1.0]).volume_share(1.0)
    assert_close(share[1] / share[0], (10.0 / 6.0) ** 3, rel=1e-12)


def test_no_particles_have_no_size() -> None:
    mean, deviation = number_moments(np.zeros((2, 3)), np.array([5.0, 6.0, 7.0]), 1.0)
    assert np.all(np.isnan(mean))
    assert np.all(np.isnan(deviation))


def test_a_table_is_sorted_and_normalised() -> None:
    sizes = SizeClasses.from_table([8.0, 4.0, 6.0], [1, 2, 1])
    assert_close(sizes.diameter_nm, [4.0, 6.0, 8.0], rel=1e-15)
    assert_close(sizes.number, [0.5, 0.25, 0.25], rel=1e-15)


@pytest.mark.parametrize(
    ("diameter", "number", "said"),
    [
        ([7.0, 7.0], [1.0, 1.0], "increase"),
        ([-1.0, 7.0], [1.0, 1.0], "positive"),
        ([6.0, 7.0], [1.0, -1.0], "negative"),
        ([6.0, 7.0], [0.0, 0.0], "above 0"),
        ([6.0, 7.0], [1.0, np.nan], "negative"),
        ([6.0, 7.0], [1.0], "one number per diameter"),
    ],
)
def test_impossible_distributions_are_refused(diameter: list[float], number: list[float], said: str) -> None:
    with pytest.raises(ElectrosaxsError, match=said):
        SizeClasses.from_table(diameter, number)


def test_clusters_take_their_share_of_the_volume_with_their_shell() -> None:
    solution = Solution(volume_fraction=8e-4, dry_shell_nm=1.2)
    settings = TransportSettings(effective_charge=0.045, immobile_fraction=0.2, immobile_diameter_nm=3.0)
    classes, share = with_immobile(SizeClasses.from_table([7.0], [1.0]), solution, settings)
    assert_close(share, [0.2, 0.8], rel=1e-12)
    assert_close(classes.volume_share(1.2), share, rel=1e-12)
    assert_close(classes.number[0] / classes.number[1], 0.25 * (9.4 / 5.4) ** 3, rel=1e-12)


def test_attachment_is_set_by_the_diffusion_of_the_mean_size() -> None:
    cell, solution = Cell(gap_mm=3.5, path_length_mm=10.0), Solution(volume_fraction=8e-4)
    settings = TransportSettings(effective_charge=0.045, immobile_fraction=0.2, immobile_diameter_nm=3.0)
    wide = columns(cell, solution, SizeClasses.gaussian(MEAN, DEVIATION), settings)[1].reference_diffusion
    one = columns(cell, solution, SizeClasses.from_table([MEAN], [1.0]), TransportSettings(effective_charge=0.045))[1]
    assert_close(wide, one.reference_diffusion, rel=1e-3)
    assert_close(one.reference_diffusion, one.diffusion[0], rel=1e-12)
