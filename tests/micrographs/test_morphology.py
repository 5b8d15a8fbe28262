"""Own growing, shrinking and depth against `scipy.ndimage`, which shares no code with them."""

import numpy as np
import pytest
from scipy import ndimage

from electrosaxs.micrographs.morphology import SQUARE, depth, dilated, disc, eroded, grown, shrunk


def blobs(level: float, shape: tuple[int, int] = (93, 120)) -> np.ndarray:
    """Bodies and holes of any form, some cut by the frame."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal(shape), 4.0)
    return np.asarray(smooth > level * smooth.std())


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.5])
def test_what_stands_out_grows_and_shrinks_as_scipy_says(level: float) -> None:
    mask, shape = blobs(level), disc(2.3)
    assert shape.sum() == 21
    assert np.array_equal(grown(mask, 5), ndimage.binary_dilation(mask, iterations=5))
    assert np.array_equal(shrunk(mask, 3), ndimage.binary_erosion(mask, iterations=3, border_value=1))
    for one in (shape, SQUARE):
        assert np.array_equal(dilated(mask, one), ndimage.binary_dilation(mask, one))
        assert np.array_equal(eroded(mask, one), ndimage.binary_erosion(mask, one, border_value=1))
    near = dilated(~mask, disc(4.9)) & mask
    assert np.array_equal(near, (ndimage.distance_transform_edt(mask) <= 4.9) & mask)


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.5])
def test_depths_are_the_distances_of_scipy(level: float) -> None:
    mask = blobs(level)
    assert np.array_equal(depth(mask), ndimage.distance_transform_edt(mask))


def test_a_mask_without_substrate_is_infinitely_deep() -> None:
    assert np.isinf(depth(np.ones((3, 4), dtype=bool))).all()
    assert not depth(np.zeros((3, 4), dtype=bool)).any()
