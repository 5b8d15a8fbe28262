"""Hot and dead pixels are found over the series; statistics and crystals are left alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from closeness import assert_close

from electrosaxs.errors import ShapeError
from electrosaxs.nouns import FrameTable
from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.geometry import Geometry
from electrosaxs.reduction.outliers import FLAT_FIELD, find_outliers, robust_mean, sample_frames

Frames = Callable[[float, int], npt.NDArray[np.int32]]


@pytest.fixture(scope="module")
def integrator(small_geometry: Geometry) -> Integrator:
    return Integrator(small_geometry, mask=small_geometry.gaps(), q_min=0.1, q_max=1.8, bins=100)


def some_pixels(integrator: Integrator, number: int, seed: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng(seed).choice(integrator.pixel, number, replace=False)


@pytest.mark.parametrize("mean", [0.003, 0.05, 0.4, 3.0, 30.0, 800.0])
def test_statistics_alone_make_no_outliers(integrator: Integrator, scattering: Frames, mean: float) -> None:
    """Five series each, from a photon in 300 pixels to 800 per pixel."""
    found = [
        find_outliers((scattering(mean, 100 * series + k) for k in range(6)), integrator).mask.sum()
        for series in range(5)
    ]
    assert sum(found) == 0


@pytest.mark.parametrize("mean", [0.02, 0.5, 20.0])
def test_hot_pixels_are_found_at_every_level(integrator: Integrator, scattering: Frames, mean: float) -> None:
    where = some_pixels(integrator, 30, seed=1)
    frames = []
    for k in range(12):
        frame = scattering(mean, k)
        frame.ravel()[where] += np.random.default_rng(k).poisson(2 * mean + 5, where.size).astype(np.int32)
        frames.append(frame)
    outliers = find_outliers(frames, integrator)
    assert np.array_equal(np.flatnonzero(outliers.hot), np.sort(where))
    assert not outliers.dead.any()
    assert outliers.frames == 12


def test_a_hot_pixel_among_few_of_its_q_is_found_by_those_around(small_geometry: Geometry, scattering: Frames) -> None:
    """Bins of a seventeenth of the usual width: near the beam each has too few pixels to tell the wild one, hot from
    halfway on.
    Without it none is called hot."""
    narrow = Integrator(small_geometry, mask=small_geometry.gaps(), q_min=0.1, q_max=0.3, bins=200)
    few = (narrow.pixels_per_bin > 0) & (narrow.pixels_per_bin < 20)
    where = narrow.pixel[few[narrow.bin]][::397]
    assert where.size > 3
    frames = [scattering(20.0, k) for k in range(12)]
    assert not find_outliers(frames, narrow).mask.any()
    for frame in frames[6:]:
        frame.ravel()[where] *= 12
    outliers = find_outliers(frames, narrow)
    assert np.array_equal(np.flatnonzero(outliers.hot), np.sort(where))
    assert not outliers.dead.any()


def test_a_hot_pixel_that_saturates_in_some_frames_is_hot(small_geometry: Geometry, scattering: Frames) -> None:
    """Neither always saturated nor judged by all frames: it must not stay in for the frames below the limit."""
    limited = Integrator(small_geometry, mask=small_geometry.gaps(), q_min=0.1, q_max=1.8, bins=100, saturation=40_000)
    where = some_pixels(limited, 3, seed=7)
    frames = []
    for k in range(12):
        frame = scattering(5.0, k)
        frame.ravel()[where] = 40_500 if k in (1, 4, 5, 9) else 39_500
        frames.append(frame)
    outliers = find_outliers(frames, limited)
    assert np.array_equal(np.flatnonzero(outliers.hot), np.sort(where))
    assert not outliers.dead.any()


def test_dead_pixels_are_found_where_counts_suffice_and_said_to_hide_where_not(
    integrator: Integrator, scattering: Frames
) -> None:
    where = some_pixels(integrator, 40, seed=2)

    def series(mean: float) -> list[npt.NDArray]:
        frames = [scattering(mean, k) for k in range(10)]
        for frame in frames:
            frame.ravel()[where] = 0
        return frames

    bright, dim = find_outliers(series(60.0), integrator), find_outliers(series(0.1), integrator)
    assert np.array_equal(np.flatnonzero(bright.dead), np.sort(where))
    assert bright.dead_searchable == 1.0
    assert not dim.mask.any()
    assert dim.dead_searchable == 0.0
    assert "cannot be found: expected counts too low" in dim.note


def test_a_reflection_of_a_crystal_is_not_a_hot_pixel(integrator: Integrator, scattering: Frames) -> None:
    """A thousand photons, in two frames of twelve, twice."""
    where = some_pixels(integrator, 50, seed=3)
    frames = [scattering(2.0, k) for k in range(12)]
    frames[3].ravel()[where] += 1000
    frames[8].ravel()[where] += 700
    assert not find_outliers(frames, integrator).mask.any()


def test_frames_of_unequal_brightness_make_no_outliers(integrator: Integrator, scattering: Frames) -> None:
    frames = [scattering(mean, k) for k, mean in enumerate([0.5, 40.0, 3.0, 90.0, 3.0, 0.5])]
    assert not find_outliers(frames, integrator).mask.any()


def test_pixels_that_never_give_a_number_are_reported(integrator: Integrator, scattering: Frames) -> None:
    frames = [scattering(5.0, k) for k in range(6)]
    where = some_pixels(integrator, 3, seed=4)
    for frame in frames:
        frame.ravel()[where] = [-2, -1, 2**31 - 1]
    outliers = find_outliers(frames, integrator)
    assert np.array_equal(np.flatnonzero(outliers.mask), np.sort(where))
    assert "3 negative or saturated" in outliers.note


def test_scattering_that_is_not_isotropic_is_not_masked_away(
    small_geometry: Geometry, integrator: Integrator, scattering: Frames
) -> None:
    """A streak over four rows, in every frame."""
    frames = [scattering(20.0, k) for k in range(8)]
    for frame in frames:
        frame[90:94] *= 4
    outliers = find_outliers(frames, integrator)
    assert not outliers.mask.any()
    assert "not isotropic" in outliers.note


def test_leaving_outliers_out_does_not_move_the_mean(
    small_geometry: Geometry, integrator: Integrator, scattering: Frames
) -> None:
    """Clean frames before and after a search that had real hot pixels to find: the mean moves by less than 1e-4."""
    hot = some_pixels(integrator, 25, seed=5)
    clean = [scattering(4.0, k) for k in range(40)]
    spoilt = [frame.copy() for frame in clean]
    for frame in spoilt:
        frame.ravel()[hot] += 400
    outliers = find_outliers(spoilt[:12], integrator)
    assert np.array_equal(np.flatnonzero(outliers.mask), np.sort(hot))
    searched = Integrator(small_geometry, mask=small_geometry.gaps() | outliers.mask, q_min=0.1, q_max=1.8, bins=100)
    truth = integrator.norm @ np.mean([integrator.integrate(f).intensity for f in clean], axis=0)
    after = integrator.norm @ np.mean([searched.integrate(f).intensity for f in spoilt], axis=0)
    before = integrator.norm @ np.mean([integrator.integrate(f).intensity for f in spoilt], axis=0)
    assert_close(after, truth, rel=1e-4)
    assert before > 1.01 * truth


@pytest.mark.parametrize("mean", [0.02, 1.4, 1.9, 9.0, 500.0])
def test_the_robust_mean_is_unbiased_and_holds_against_wild_pixels(mean: float) -> None:
    """Wild are 100 of 2000 pixels of a bin, far above it; the mean of the others comes back within its noise."""
    rng = np.random.default_rng(7)
    weight = rng.uniform(0.9, 1.0, 2000)
    counts = np.array([rng.poisson(mean * weight) for _ in range(50)])
    kept = np.array([robust_mean(row, weight)[0] for row in counts])
    assert_close(kept, counts.sum(axis=1) / weight.sum(), rel=1e-12)
    counts[:, :100] += int(60 + 30 * mean)
    wild = np.array([robust_mean(row, weight)[0] for row in counts])
    noise = np.sqrt(mean / weight[100:].sum() / 50)
    assert abs(wild.mean() - mean) < 4 * noise


def test_the_sample_avoids_the_anode(tmp_path: Path) -> None:
    role = np.array(["sample"] * 40 + ["solvent"] * 3 + ["reference"] * 9 + ["alignment"] * 5)
    n = len(role)
    height = np.concatenate([np.tile([0.0, 50.0, 1000.0, 3000.0], 10), np.full(n - 40, 1500.0)])
    ones = np.ones(n)
    table = FrameTable(role, height, ones, ones, ones, ones, None, None, ("",) * n, tmp_path)
    chosen = sample_frames(table)
    assert len(chosen) == 12
    assert set(np.flatnonzero(role == "solvent")) <= set(chosen)
    assert (height[chosen] >= 1000.0).all()
    assert not (role[chosen] == "alignment").any()
    assert np.array_equal(np.unique(chosen), chosen)


def test_a_search_needs_frames_of_its_detector(integrator: Integrator) -> None:
    with pytest.raises(ShapeError, match="at least one frame"):
        find_outliers([], integrator)
    with pytest.raises(ShapeError, match=r"\(3, 3\)"):
        find_outliers([np.zeros((3, 3), np.int32)], integrator)


def test_a_pixel_that_turns_hot_late_is_found_and_a_reflection_is_not(
    integrator: Integrator, scattering: Frames
) -> None:
    pixel, reflection = some_pixels(integrator, 2, 5)

    def frames() -> Iterator[npt.NDArray[np.int32]]:
        for k in range(12):
            frame = scattering(3.0, k)
            frame.ravel()[pixel] += 300 * (k >= 9)
            frame.ravel()[reflection] += 300 * (k in {4, 5})
            yield frame

    found = find_outliers(frames(), integrator)
    assert found.hot.ravel()[pixel]
    assert not found.hot.ravel()[reflection]


def test_a_detector_with_far_too_many_dead_pixels_alarms(integrator: Integrator, scattering: Frames) -> None:
    dead = some_pixels(integrator, integrator.pixel.size // 40, 5)

    def frames() -> Iterator[npt.NDArray[np.int32]]:
        for k in range(4):
            frame = scattering(30.0, k)
            frame.ravel()[dead] = 0
            yield frame

    assert "far too many" in find_outliers(frames(), integrator).note


@pytest.mark.parametrize("mean", [0.4, 30.0, 800.0])
def test_a_flat_field_that_is_not_right_is_told_with_its_size(
    integrator: Integrator, scattering: Frames, mean: float
) -> None:
    """Columns that see 2 % more and less in turn, five wide; the slope of the curve within a bin is no flat field."""
    stripes = 1.0 + 0.02 * np.where(np.arange(integrator.shape[1]) // 5 % 2, 1.0, -1.0)
    whole = [scattering(mean, k) for k in range(12)]
    drawn = np.random.default_rng(5)
    uneven = [drawn.binomial(frame, stripes[None, :] / 1.02).astype(np.int32) for frame in whole]
    assert not find_outliers(whole, integrator).uneven
    found = find_outliers(uneven, integrator)
    note = found.note
    if mean < 1.0:
        assert FLAT_FIELD not in note  # counting hides it
    else:
        assert f"{FLAT_FIELD}: by 2 %" in note
    assert found.uneven == (mean > 1.0)
