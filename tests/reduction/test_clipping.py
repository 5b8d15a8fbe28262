"""Counts that end at a number nobody stated lower no mean."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from closeness import assert_close

from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.geometry import Geometry

Frames = Callable[[float, int], npt.NDArray[np.int32]]


def integrator(geometry: Geometry) -> Integrator:
    return Integrator(geometry, mask=geometry.gaps(), q_min=0.1, q_max=1.8, bins=60)


def falling(engine: Integrator, seed: int) -> npt.NDArray[np.int32]:
    """A frame that falls from 900 counts near the beam to 90."""
    frame = np.zeros(engine.shape, dtype=np.int32).ravel()
    frame[engine.pixel] = np.random.default_rng(seed).poisson(900.0 * np.exp(-engine.bin / 26.0) * engine.weight)
    return frame.reshape(engine.shape)


def test_a_clipped_frame_keeps_the_bins_that_are_whole(small_geometry: Geometry) -> None:
    engine = integrator(small_geometry)
    whole = falling(engine, 1)
    right = engine.integrate(whole)
    clipped = engine.integrate(np.minimum(whole, 400))
    kept = clipped.norm > 0.0
    assert 0.4 < kept.mean() < 0.8
    assert_close(clipped.intensity[kept], right.intensity[kept], rel=1e-3)
    assert clipped.saturated > 1000
    assert right.saturated == 0


def test_nothing_is_clipped_by_chance(small_geometry: Geometry, scattering: Frames) -> None:
    engine = integrator(small_geometry)
    for seed, mean in enumerate((0.1, 5.0, 60.0, 300.0)):
        assert engine.integrate(scattering(mean, seed)).saturated == 0
