"""Monitor, transmission and dark level act as the photons saw them, and unusable frames say so."""

import numpy as np
import pytest
import scipp as sc
from closeness import assert_close

from electrosaxs.errors import ShapeError
from electrosaxs.nouns import RadialCounts
from electrosaxs.reduction.normalisation import dark_level, frame_flags, per_pixel, to_intensity

Q = np.array([0.2, 0.5, 1.1, 1.7])
NORM = np.array([3.5, 40.25, 80.5, 0.0])


def radial(counts: np.ndarray, norm: np.ndarray = NORM) -> RadialCounts:
    values = np.asarray(counts, dtype=float)
    data = sc.array(dims=["frame", "q"], values=values, variances=values, unit="counts")
    coords = {"q": sc.array(dims=["q"], values=Q, unit="1/nm")}
    everywhere = np.broadcast_to(norm, values.shape).copy()
    return RadialCounts(sc.DataArray(data, coords=coords), sc.array(dims=["frame", "q"], values=everywhere))


def test_the_same_sample_gives_the_same_intensity_in_a_weaker_beam_and_a_thicker_cell() -> None:
    """Expected counts go as beam x transmission; twice the counts in twice the beam is the same sample."""
    truth = np.array([700.0, 420.0, 66.0, 0.0])
    monitor, transmission = np.array([2.0e5, 3.1e5, 0.7e5]), np.array([0.83, 0.31, 0.14])
    counts = truth * NORM * (monitor / 1.9e5 * transmission)[:, None]
    intensity = to_intensity(radial(counts), monitor, transmission, monitor_scale=1.9e5)
    assert_close(intensity.values[:, :3], np.tile(truth[:3], (3, 1)), rel=1e-12)


def test_one_photon_adds_per_count_and_the_variance_is_its_square_times_the_counts() -> None:
    counts = np.array([[7.0, 30.0, 0.0, 0.0]])
    more = counts + np.array([[1.0, 1.0, 1.0, 0.0]])
    a, b = (to_intensity(radial(c), [1.3e5], [0.4], monitor_scale=1e5) for c in (counts, more))
    assert_close((b.values - a.values)[:, :3], a.coord("per_count")[:, :3], rel=1e-9)
    assert_close(a.sigma[:, :3] ** 2, (a.coord("per_count") ** 2 * counts)[:, :3], rel=1e-12)
    assert a.sigma[0, 2] == 0.0


def test_a_bin_without_pixels_is_masked_and_not_zero() -> None:
    intensity = per_pixel(radial(np.array([[7.0, 30.0, 2.0, 0.0]])))
    assert np.isnan(intensity.values[0, 3])
    assert list(intensity.data.masks["no_pixels"].values[0]) == [False, False, False, True]
    assert list(intensity.good[0]) == [True, True, True, False]


def test_frames_that_cannot_be_normalised_are_not_a_number() -> None:
    counts = np.tile([7.0, 30.0, 2.0, 0.0], (5, 1))
    monitor = np.array([1e5, 0.0, np.nan, 1e5, 1e5])
    transmission = np.array([0.5, 0.5, 0.5, np.nan, 1.2])
    intensity = to_intensity(radial(counts), monitor, transmission, monitor_scale=1e5)
    assert list(intensity.good[:, 0]) == [True, False, False, False, False]
    assert np.isnan(intensity.values[1:]).all()


def test_dark_counts_grow_with_the_exposure_and_not_with_the_beam() -> None:
    """Signal and dark level known: the dark is gone from every frame, whatever its exposure and transmission."""
    rate, truth = np.array([0.02, 0.02, 0.05, 0.0]), np.array([5.0, 3.0, 2.0, 0.0])
    dark = dark_level(radial(np.array([10 * rate * NORM, 30 * rate * NORM])), exposure=[10.0, 30.0])
    exposure, monitor = np.array([1.0, 40.0]), np.array([1e5, 40e5])
    transmission = np.array([0.9, 0.2])
    light = truth * (monitor / 1e5 * transmission)[:, None]
    counts = (light + rate * exposure[:, None]) * NORM
    intensity = to_intensity(radial(counts), monitor, transmission, monitor_scale=1e5, dark=dark, exposure=exposure)
    assert_close(intensity.values[:, :3], np.tile(truth[:3], (2, 1)), rel=1e-12)
    expected = np.sqrt(40 * rate[2] * NORM[2]) / (40 * NORM[2]) * exposure / (monitor / 1e5) / transmission
    assert_close(intensity.shared["dark"].values[:, 2], expected, rel=1e-12)
    assert_close(intensity.coord("dark")[:, 2], rate[2] * exposure / (monitor / 1e5) / transmission, rel=1e-12)


def test_a_dark_level_counts_pixels_and_seconds_of_each_frame() -> None:
    """The longer dark frame lost half of its pixels: the level is the same."""
    rate, seconds = np.array([0.02, 0.03, 0.05, 0.0]), np.array([10.0, 40.0])
    norm = NORM * np.array([[1.0], [0.5]])
    values = rate * seconds[:, None] * norm
    data = sc.array(dims=["frame", "q"], values=values, variances=values, unit="counts")
    coords = {"q": sc.array(dims=["q"], values=Q, unit="1/nm")}
    level = dark_level(
        RadialCounts(sc.DataArray(data, coords=coords), sc.array(dims=["frame", "q"], values=norm)), seconds
    )
    assert_close(level.rate[:3], rate[:3], rel=1e-12)


def test_lengths_must_agree() -> None:
    counts = radial(np.array([[7.0, 30.0, 2.0, 0.0]]))
    with pytest.raises(ShapeError, match=r"transmission has shape \(2,\).*1 frames"):
        to_intensity(counts, [1e5], [0.5, 0.5], monitor_scale=1e5)
    dark = dark_level(counts, [1.0])
    with pytest.raises(ShapeError, match="exposure_s"):
        to_intensity(counts, [1e5], [0.5], monitor_scale=1e5, dark=dark)


def test_a_frame_behind_which_no_beam_comes_through_is_left_out() -> None:
    nothing = {"negative": [0, 0], "saturated": [0, 0], "used_pixels": 1_000_000}
    flags = frame_flags(monitor=[1e5, 1e5], transmission=[2e-5, 5e-7], **nothing)
    assert flags == [(), ("transmission below 0.00001",)]
    knife_edge = frame_flags(monitor=[1e5, 1e5], transmission=[2e-5, 5e-7], **nothing, knife_edge=[True, True])
    assert knife_edge == [(), ()]


def test_flags_name_what_is_wrong_and_hot_pixels_are_no_reason() -> None:
    flags = frame_flags(
        monitor=[1e5, 0.0, 1e5, 1e5, 1e5],
        transmission=[0.5, 0.5, 1.01, 0.5, 0.5],
        negative=[9_000, 0, 0, 40_000, 600_000],
        saturated=[900, 30, 30, 3_000, 400_000],
        used_pixels=1_000_000,
    )
    assert flags[0] == ()
    assert flags[1] == ("no monitor",)
    assert flags[2] == ("transmission not in (0, 1]",)
    assert flags[3] == ("saturated", "negative pixels")
    assert "all pixels masked" in flags[4]
