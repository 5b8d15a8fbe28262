"""Four quarters of a frame tell a beam that does not stand where the geometry says."""

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import pytest
from closeness import assert_close

from electrosaxs.reduction.azimuthal import Integrator, comparable
from electrosaxs.reduction.geometry import Geometry
from electrosaxs.reduction.sectors import Quarters, centre_off, mean_shift


def frame(engine: Integrator, geometry: Geometry, shift: tuple[float, float], seed: int) -> npt.NDArray[np.int32]:
    """Particles of 3 nm gyration about a beam that lies `shift` (column, row) pixels from the geometry's centre."""
    moved = deepcopy(geometry.engine)
    moved.reset()
    moved.poni2, moved.poni1 = moved.poni2 + shift[0] * moved.pixel2, moved.poni1 + shift[1] * moved.pixel1
    q = moved.qArray(engine.shape)
    expected = 4e4 * np.exp(-((3.0 * q) ** 2) / 3.0) + 2.0
    return np.random.default_rng(seed).poisson(np.where(geometry.gaps(), 0.0, expected)).astype(np.int32)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -1.5)])
def test_a_beam_centre_that_is_off_is_measured(small_geometry: Geometry, shift: tuple[float, float]) -> None:
    engine = Integrator(small_geometry, mask=small_geometry.gaps(), q_min=0.1, q_max=1.8, bins=100)
    found = np.array([engine.integrate(frame(engine, small_geometry, shift, seed)).sectors for seed in range(4)])
    x, y, sigma = centre_off(found)
    assert sigma < 0.2
    assert_close([x, y], shift, rel=0.2, floor=0.3)
    pulls = np.nanmax(np.abs(found[:, :4]))
    assert pulls < 5.0 if shift == (0.0, 0.0) else pulls > 10.0


def test_frames_that_differ_more_than_they_say_make_the_mean_shift_less_sure() -> None:
    """Four frames, each known to 0.1 pixels by columns and 0.2 by rows."""
    precision = np.diag([100.0, 25.0])
    alike = [Quarters(np.array([1.0, -0.5]), precision, 1.0)] * 4
    mean, sigma = mean_shift(alike)
    assert_close(mean, [1.0, -0.5], rel=1e-9)
    assert_close(sigma, 0.1, rel=1e-9)
    apart = [Quarters(np.array([1.0 + x, -0.5]), precision, 1.0) for x in (-1.0, -1.0, 1.0, 1.0)]
    mean, sigma = mean_shift(apart)
    assert_close(mean, [1.0, -0.5], rel=1e-9)
    assert_close(sigma, 0.1 * np.sqrt(400.0 / 6.0), rel=1e-9)
    assert mean_shift(alike[:2])[1] == np.inf


@pytest.mark.parametrize("bins", [60, 9000])
def test_the_quarters_added_up_on_the_way_are_those_of_a_pass_of_their_own(small_geometry: Geometry, bins: int) -> None:
    """Also with pixels that are left out, and with more accumulators than two bytes can number (9,000 bins)."""
    engine = Integrator(small_geometry, mask=small_geometry.gaps(), q_min=0.1, q_max=3.0, bins=bins)
    shown = frame(engine, small_geometry, (1.5, -0.5), seed=4)
    lost = np.random.default_rng(5).choice(shown.size, 4000, replace=False)
    shown.ravel()[lost] = np.where(lost % 2, -1, 2**31 - 1)
    pixels, limit, negative_from = comparable(shown)
    sums = engine.sum_pixels(pixels, limit, negative_from)
    used = pixels[engine.pixel] < limit
    assert np.array_equal(sums.counts, np.bincount(engine.bin[used], pixels[engine.pixel[used]], minlength=bins))
    assert np.array_equal(sums.lost_pixels, np.bincount(engine.bin[~used], minlength=bins))
    np.testing.assert_allclose(sums.lost_weight, np.bincount(engine.bin[~used], engine.weight[~used], bins), atol=1e-12)
    alone = engine._sectors.sums(pixels, limit)
    assert sums.quarters is not None
    assert np.array_equal(sums.quarters.counts, alone.counts)
    np.testing.assert_allclose(sums.quarters.weight, alone.weight, atol=1e-12)
