"""A part of the detector that stands still is left out of the frames in which it does, whatever number it shows."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from closeness import assert_close

from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.geometry import Geometry
from electrosaxs.reduction.stopped_parts import StoppedParts

Frames = Callable[[float, int], npt.NDArray[np.int32]]
CHIP = (slice(60, 120), slice(240, 360))


@pytest.fixture(scope="module")
def integrator(small_geometry: Geometry) -> Integrator:
    return Integrator(small_geometry, mask=small_geometry.gaps(), q_min=0.1, q_max=1.8, bins=200)


@pytest.mark.parametrize("shown", [0, 7, -2])
def test_the_mean_of_a_bin_is_that_of_the_pixels_that_still_count(
    integrator: Integrator, scattering: Frames, shown: int
) -> None:
    whole, broken = scattering(20.0, 1), scattering(20.0, 1)
    broken[CHIP] = shown
    left, right = integrator.integrate(broken), integrator.integrate(whole)
    chip = np.zeros(integrator.shape, dtype=bool)
    chip[CHIP] = True
    lost = chip.ravel()[integrator.pixel].sum()
    assert lost - 20 < left.stopped <= lost  # a part of a few pixels at the edge of the q range is not judged
    assert left.saturated == 0
    crossed = left.norm < right.norm
    assert crossed.sum() > 20
    deviation = (left.intensity - right.intensity)[crossed] / left.sigma[crossed]
    assert np.sqrt(np.mean(np.square(deviation))) < 1.0  # most of the photons are the same


def test_a_weak_frame_and_an_empty_one_have_no_part_that_stands_still(
    integrator: Integrator, scattering: Frames
) -> None:
    dark = np.full_like(scattering(1.0, 3), 40)
    for frame in (scattering(0.01, 2), np.zeros_like(dark), dark):
        sums = integrator.integrate(frame)
        assert sums.stopped == 0
        assert sums.counts.sum() == pytest.approx(frame.ravel()[integrator.pixel].sum())


def test_of_a_module_that_stands_still_its_dim_parts_are_left_out_with_the_bright_ones() -> None:
    gaps = np.zeros((130, 180), dtype=bool)
    gaps[:, 60:70] = True
    pixel = np.flatnonzero(~gaps.ravel())
    place = np.indices(gaps.shape)[0].ravel()[pixel]
    parts = StoppedParts.of(gaps, pixel, place)
    expected = np.where(place < 60, 5.0, 0.1)
    frame = np.zeros(gaps.size, dtype=np.uint32)
    frame[pixel] = np.random.default_rng(1).poisson(expected)
    frame.reshape(gaps.shape)[:, :60] = 0
    stopped = parts.stopped(frame, 2**31)
    marked, gone = parts.without(frame, np.uint32(1000), stopped)
    assert_close(float(gone.size), 130 * 60.0, rel=1e-12)
    assert np.all(marked.reshape(gaps.shape)[:, :60] == 1000)
    assert np.all(marked.reshape(gaps.shape)[:, 60:] < 1000)


@pytest.mark.parametrize("level", [0.8, 4.0])
def test_what_stands_still_need_not_end_where_a_part_does(level: float) -> None:
    """A camera without gaps; half of a module of it, 97 rows of 130 columns, reads 0. Pixels that count stay."""
    gaps = np.zeros((260, 310), dtype=bool)
    pixel = np.flatnonzero(np.random.default_rng(3).random(gaps.size) > 0.01)  # some are masked
    parts = StoppedParts.of(gaps, pixel, np.indices(gaps.shape)[0].ravel()[pixel])
    frame = np.random.default_rng(2).poisson(level, gaps.shape).astype(np.uint32)
    frame[100:197, 33:163] = 0
    flat = frame.ravel()
    marked, gone = parts.without(flat, np.uint32(1000), parts.stopped(flat, 2**31))
    lost = np.zeros(gaps.shape, dtype=bool)
    lost.ravel()[pixel[gone]] = True
    dead = np.zeros(gaps.shape, dtype=bool)
    dead[100:197, 33:163] = True
    assert not np.any(lost & ~dead)
    known = lost.sum() / dead.ravel()[pixel].sum()
    assert known > 0.999
    assert np.all(marked[pixel[gone]] == 1000)
