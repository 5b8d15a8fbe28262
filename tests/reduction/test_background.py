"""The solvent is pooled photon by photon and subtracted with its noise kept apart from the frame's own."""

import numpy as np
import pytest
import scipp as sc
from closeness import assert_close

from electrosaxs.errors import ShapeError
from electrosaxs.nouns import Intensity, RadialCounts
from electrosaxs.reduction.background import pooled, subtract_solvent
from electrosaxs.reduction.normalisation import DarkLevel, to_intensity

Q = np.linspace(0.1, 2.0, 40)
NORM = np.linspace(20.0, 300.0, 40)


def measured(counts: np.ndarray, monitor: np.ndarray, transmission: np.ndarray, **more: object) -> Intensity:
    values = np.asarray(counts, dtype=float)
    data = sc.array(dims=["frame", "q"], values=values, variances=values, unit="counts")
    norm = np.broadcast_to(NORM, values.shape).copy()
    radial = RadialCounts(
        sc.DataArray(data, coords={"q": sc.array(dims=["q"], values=Q, unit="1/nm")}),
        sc.array(dims=["frame", "q"], values=norm),
    )
    return to_intensity(radial, monitor, transmission, monitor_scale=1e5, **more)


def counted(level: np.ndarray, frames: int, seed: int) -> Intensity:
    rng = np.random.default_rng(seed)
    monitor, transmission = rng.uniform(0.2e5, 2e5, frames), rng.uniform(0.3, 0.9, frames)
    expected = level * NORM * (monitor / 1e5 * transmission)[:, None]
    return measured(rng.poisson(expected), monitor, transmission)


def test_pooling_weighs_every_photon_the_same() -> None:
    """Two frames of unequal beam: the pool is total counts over total exposure, not the mean of the two curves."""
    counts = np.vstack([np.arange(40), 7 * np.arange(40) + 3])
    pool = pooled(measured(counts, np.array([1e5, 6e5]), np.array([0.5, 0.7])))
    exposure = 0.5 + 6 * 0.7
    assert_close(pool.values, counts.sum(axis=0) / (NORM * exposure), rel=1e-12)
    assert_close(pool.sigma, np.sqrt(counts.sum(axis=0)) / (NORM * exposure), rel=1e-12)
    assert_close(pool.coord("per_count"), 1 / (NORM * exposure), rel=1e-12)


def test_the_pool_is_unbiased_at_a_tenth_of_a_photon_per_bin() -> None:
    """A mean weighted by 1 / variance, or one that drops empty bins, would be off by tens of per cent here."""
    level = np.full(40, 0.002)
    pool = pooled(counted(level, 2000, seed=5))
    pull = (pool.values - level) / pool.sigma
    assert abs(pull.mean()) < 4 / np.sqrt(40)
    assert 0.7 < pull.std() < 1.3


def test_bad_frames_are_left_out_of_the_pool() -> None:
    counts = np.full((3, 40), 50)
    pool = pooled(measured(counts, np.array([1e5, np.nan, 1e5]), np.array([0.5, 0.5, 0.5])))
    assert_close(pool.values, 100 / NORM, rel=1e-12)
    with pytest.raises(ShapeError, match="no frame to pool"):
        pooled(measured(counts, np.full(3, np.nan), np.full(3, 0.5)))


def test_bins_without_pixels_stay_without_a_value() -> None:
    intensity = measured(np.full((2, 40), 50), np.full(2, 1e5), np.full(2, 0.5))
    holes = intensity.data.copy()
    holes.values[:, 3] = np.nan
    pool = pooled(Intensity(holes))
    assert np.isnan(pool.values[3])
    assert list(np.flatnonzero(pool.data.masks["no_pixels"].values)) == [3]
    sample = subtract_solvent(intensity, pool)
    assert not sample.good[:, 3].any()
    assert sample.good.sum() == 2 * 39


def test_what_is_left_is_the_particles() -> None:
    solvent, particles = 0.4 + 0.1 / Q, 3.0 * np.exp(-((2 * Q) ** 2) / 3)
    pool = pooled(counted(solvent, 60, seed=1))
    sample = subtract_solvent(counted(solvent + particles, 300, seed=2), pool)
    mean = sample.values.mean(axis=0)
    sigma = np.hypot(sample.sigma.mean(axis=0) / np.sqrt(300), sample.shared["background"].values[0])
    assert np.abs((mean - particles) / sigma).max() < 4.5
    assert_close(sample.coord("solvent"), pool.values, rel=1e-12)
    assert_close(sample.coord("solvent_variance"), pool.sigma**2, rel=1e-12)


def test_the_variance_of_a_bin_can_be_rebuilt_from_the_model() -> None:
    """per_count x (model + solvent) is the scatter of the frames; the solvent's own noise is not in the variances."""
    solvent, particles = np.full(40, 0.5), np.full(40, 0.2)
    rng = np.random.default_rng(3)
    beam, share = np.full(4000, 0.6e5), np.full(4000, 0.4)
    frames = measured(rng.poisson((solvent + particles) * NORM * 0.24, size=(4000, 40)), beam, share)
    sample = subtract_solvent(frames, pooled(counted(solvent, 40, seed=4)))
    rebuilt = sample.coord("per_count")[0] * (particles + sample.coord("solvent"))
    scatter = sample.values.var(axis=0)
    assert_close(np.mean(rebuilt / scatter), 1.0, rel=0.02)
    assert_close(sample.data.variances.mean(axis=0) / scatter, np.ones(40), rel=0.12)


def test_an_error_of_the_dark_level_cancels_where_sample_and_solvent_are_exposed_alike() -> None:
    dark = DarkLevel(np.full(40, 0.01), np.full(40, 0.002))
    beam, share = np.full(3, 1e5), np.full(3, 0.5)
    alike, thicker = (
        measured(np.full((3, 40), 90), beam, t, dark=dark, exposure=np.ones(3)) for t in (share, share / 2)
    )
    pool = pooled(alike)
    assert np.abs(subtract_solvent(alike, pool).shared["dark"].values).max() < 1e-15
    assert_close(subtract_solvent(thicker, pool).shared["dark"].values[0, 0], 0.002 * (4 - 2), rel=1e-12)
    assert_close(subtract_solvent(alike, pool).coord("solvent"), pool.values + 0.02, rel=1e-12)


def test_curves_of_other_bins_are_not_subtracted() -> None:
    intensity = measured(np.full((2, 40), 50), np.full(2, 1e5), np.full(2, 0.5))
    pool = pooled(intensity)
    with pytest.raises(ShapeError, match="one integrator"):
        subtract_solvent(intensity, Intensity(pool.data["q", :30].copy()))
