"""Counts are Poisson at every mean: distribution, moments, independence; and frames follow from their seed alone."""

import numpy as np
import pytest
from closeness import assert_close
from scipy import stats

from electrosaxs.twin.frame_kernels import TABLE_LIMIT, TABLE_STEP, draw_frame, poisson_table

THRESHOLDS, GUIDE = poisson_table()
SATURATION = 1_048_575


def drawn(mean: float, draws: int = 400_000, seed: int = 7) -> np.ndarray:
    """Counts of `draws` pixels of one mean; the weight carries what float32 can, the curve the rest."""
    out = np.empty(draws, dtype=np.int32)
    position, weight = np.full(draws, 0.5, dtype=np.float32), np.ones(draws, dtype=np.float32)
    draw_frame(position, weight, np.full(4, mean), np.uint64(seed), SATURATION, THRESHOLDS, GUIDE, out)
    return out


MEANS = [0.01, 0.06, TABLE_STEP, 0.3, 1.0, 2.999, 7.77, 15.03, 31.99, TABLE_LIMIT, 33.3, 120.0, 1e3, 1e4]


@pytest.mark.parametrize("mean", MEANS)
def test_counts_follow_the_poisson_distribution(mean: float) -> None:
    counts = drawn(mean)
    low, high = (int(stats.poisson.ppf(p, mean)) for p in (1e-3, 1 - 1e-3))
    # about forty classes, each with at least a few hundred expected counts
    edges = np.unique(np.linspace(low, high, 40).astype(int))
    cumulated = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    observed = np.diff(np.concatenate([[0], [np.sum(counts <= e) for e in edges], [counts.size]]))
    expected = counts.size * np.diff(cumulated)
    kept = expected > 5.0
    chi2 = np.sum((observed - expected)[kept] ** 2 / expected[kept])
    assert stats.chi2.sf(chi2, kept.sum() - 1) > 1e-4


@pytest.mark.parametrize("mean", MEANS)
def test_mean_variance_and_skewness_are_those_of_poisson(mean: float) -> None:
    counts = drawn(mean, seed=11).astype(float)
    n = counts.size
    assert abs(counts.mean() - mean) < 4.0 * np.sqrt(mean / n)
    assert abs(counts.var() - mean) < 4.0 * np.sqrt((mean + 2.0 * mean**2) / n)
    third = np.mean((counts - mean) ** 3)
    # variance of (x - m)^3: central moments 6 (m + 25 m^2 + 15 m^3) less 3 squared
    assert abs(third - mean) < 4.0 * np.sqrt((mean + 24.0 * mean**2 + 15.0 * mean**3) / n)


def test_rare_tail_of_the_table_is_not_cut() -> None:
    counts = drawn(31.9, draws=4_000_000)
    beyond = int(stats.poisson.isf(1e-5, 31.9))
    expected = counts.size * stats.poisson.sf(beyond, 31.9)
    assert abs(np.sum(counts > beyond) - expected) < 4.5 * np.sqrt(expected)


def test_neighbouring_pixels_and_frames_are_independent() -> None:
    first, second = drawn(3.3, seed=1).astype(float), drawn(3.3, seed=2).astype(float)
    n = first.size
    for a, b in ((first[:-1], first[1:]), (first, second), (first[:-7], first[7:])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4.0 / np.sqrt(n)


def test_same_seed_same_frame_and_other_seed_another() -> None:
    assert np.array_equal(drawn(2.5, seed=3), drawn(2.5, seed=3))
    assert np.mean(drawn(2.5, seed=3) == drawn(2.5, seed=4)) < 0.25


def test_masked_pixels_are_minus_one_and_dark_ones_zero() -> None:
    out = np.empty(3, dtype=np.int32)
    position = np.array([-1.0, 1.5, 1.5], dtype=np.float32)
    weight = np.array([1.0, 0.0, 1e9], dtype=np.float32)
    draw_frame(position, weight, np.ones(4), np.uint64(1), SATURATION, THRESHOLDS, GUIDE, out)
    assert list(out) == [-1, 0, SATURATION]


def test_expected_counts_are_the_curve_at_the_place_of_the_pixel_times_its_weight() -> None:
    curve = np.array([10.0, 40.0, 20.0, 0.0])
    place, weight = np.linspace(0.0, 2.99, 200_000, dtype=np.float32), np.float32(1.7)
    out = np.empty(place.size, dtype=np.int32)
    draw_frame(place, np.full(place.size, weight), curve, np.uint64(9), SATURATION, THRESHOLDS, GUIDE, out)
    expected = weight * np.interp(place, np.arange(4), curve)
    blocks = out.reshape(50, -1).sum(axis=1), expected.reshape(50, -1).sum(axis=1)
    pull = (blocks[0] - blocks[1]) / np.sqrt(blocks[1])
    assert np.abs(pull).max() < 4.0
    assert_close(np.sum(out), expected.sum(), rel=0.002)
