"""Filters equal those of scipy.ndimage, also where the image is smaller than they reach."""

import numpy as np
import pytest
from scipy import ndimage

from electrosaxs.micrographs.filters import closed, gaussian, largest_nearby

SHAPES = ((31, 47), (7, 90), (5, 4))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mirrored", [True, False])
def test_a_gaussian_is_that_of_scipy(shape, mirrored):
    image = np.random.default_rng(1).normal(size=shape)
    mode = "reflect" if mirrored else "nearest"
    for orders in ((0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2)):
        for width in (0.7, 2.0, 6.0):
            expected = ndimage.gaussian_filter(image, width, order=orders, mode=mode)
            assert gaussian(image, width, orders, mirrored=mirrored) == pytest.approx(expected, rel=0, abs=1e-15)


def test_channels_are_smoothed_alone_and_single_precision_stays():
    image = np.random.default_rng(2).normal(size=(20, 23, 3))
    assert (gaussian(image, 2.2, truncate=3.0) == ndimage.gaussian_filter(image, (2.2, 2.2, 0.0), truncate=3.0)).all()
    single = image[..., 0].astype(np.float32)
    assert gaussian(single, 1.0).dtype == np.float32
    assert (gaussian(single, 1.0) == ndimage.gaussian_filter(single, 1.0)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_largest_nearby_and_the_closing_are_those_of_scipy(shape):
    image = np.random.default_rng(3).normal(size=shape)
    for reach in (1, 4, 9):
        size = 2 * reach + 1
        assert (largest_nearby(image, reach) == ndimage.maximum_filter(image, size=size)).all()
        assert (closed(image, reach) == ndimage.grey_closing(image, size=(size, size))).all()
