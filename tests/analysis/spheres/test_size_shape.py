"""What spheres with a skewness make of sizes that a field has sorted."""

import numpy as np
import pytest
from analysis.synthetic_curves import Sizes, gaussian_sizes, synthetic_sample, table
from closeness import assert_close

from electrosaxs.analysis.spheres.fit import SphereFit, fit_spheres
from electrosaxs.analysis.spheres.size_shape import kurtosis_sigma, shape_errors
from electrosaxs.nouns import FloatArray

HEIGHTS = 9


def excess_kurtosis(sizes: Sizes) -> float:
    return float(np.sum(sizes.number * (sizes.diameter - sizes.mean) ** 4) / sizes.deviation**4 - 3.0)


def sorted_sizes(strength: float) -> Sizes:
    """A Gaussian of which a field has taken away more of either end: kurtosis without skewness."""
    start = gaussian_sizes()
    x = (start.diameter - 7.1) / 1.1
    return table(start.diameter, start.number * np.exp(-strength * x**4))


@pytest.fixture(scope="module")
def found() -> tuple[list[Sizes], SphereFit]:
    sizes = [sorted_sizes(strength) for strength in (0.002, 0.005, 0.01, 0.02)]
    return sizes, fit_spheres(synthetic_sample(sizes, [8e-4] * len(sizes), seed=None))


def test_an_excess_kurtosis_moves_d_and_delta_by_what_is_said(found: tuple[list[Sizes], SphereFit]) -> None:
    sizes, fit = found
    kurtosis = np.array([excess_kurtosis(one) for one in sizes])
    assert kurtosis.min() < -0.2
    told = shape_errors(fit.diameter, fit.deviation, kurtosis)
    truth = {
        "diameter": np.array([one.mean for one in sizes]),
        "deviation": np.array([one.deviation for one in sizes]),
        "polydispersity": np.array([one.deviation / one.mean for one in sizes]),
    }
    for quantity, true in truth.items():
        assert_close(getattr(fit, quantity) - true, told[quantity], rel=0.3)


def row(*skewness: float) -> FloatArray:
    return np.array([skewness])


def test_the_kurtosis_of_sizes_without_skewness_is_taken_to_be_none() -> None:
    assert not kurtosis_sigma(np.zeros((2, HEIGHTS)), np.full((2, HEIGHTS), 0.1)).any()


def test_a_skewness_beside_a_voxel_says_that_its_sizes_are_sorted_too() -> None:
    sigma = kurtosis_sigma(row(0.0, 0.0, -0.2, 0.1, 0.0), np.zeros((1, 5)))
    assert_close(sigma, row(0.0, 0.1, 0.1, 0.1, 0.05), rel=1e-12)


def test_a_skewness_within_its_noise_says_nothing() -> None:
    assert not kurtosis_sigma(row(0.3, -0.3, 0.2), row(0.3, 0.3, 0.3)).any()
    assert_close(kurtosis_sigma(row(0.5), row(0.3)), row(0.2), rel=1e-12)


def test_a_voxel_without_sizes_does_not_spoil_its_neighbours() -> None:
    sigma = kurtosis_sigma(row(np.nan, 0.2, 0.0), row(np.nan, 0.0, 0.0))
    assert np.all(np.isfinite(sigma))


def test_crystals_do_not_make_their_neighbours_sizes_uncertain() -> None:
    skewness, crystals = row(-1.2, 0.0, 0.1, 0.0), np.array([[True, False, False, False]])
    sigma = kurtosis_sigma(skewness, np.zeros((1, 4)), beside_crystals=crystals)
    assert_close(sigma, row(0.6, 0.05, 0.05, 0.05), rel=1e-12)
