"""Four quarters of a frame tell a beam that does not stand where the geometry says."""

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import pytest
from closeness import assert_close

from electrosaxs.reduction.azimuthal import Integrator
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
