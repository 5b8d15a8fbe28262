"""phi against the starting solution: unbiased over sizes; its sigmas are tested where they meet, with the voxels."""

from dataclasses import replace

import numpy as np
import pytest
import scipp as sc
from analysis.synthetic_curves import (
    DRY_SHELL_NM,
    cut_sizes,
    field_selected_sizes,
    gaussian_sizes,
    synthetic_sample,
)
from closeness import assert_close

from electrosaxs.analysis.concentration.invariant import particle_volume
from electrosaxs.analysis.concentration.volume_fraction import pooled, shared_sigma, volume_fraction
from electrosaxs.analysis.spheres.fit import fit_spheres
from electrosaxs.errors import FitError, ShapeError
from electrosaxs.nouns import SampleIntensity

PHI0 = 8e-4


def volume_of(sample, shell=DRY_SHELL_NM, skewed=True):
    return particle_volume(sample, fit_spheres(sample, skewed=skewed), dry_shell_nm=shell)


def phi_of(sample, reference, **options):
    return volume_fraction(volume_of(sample, **options), volume_of(pooled(reference), **options), phi0=PHI0)


@pytest.fixture(scope="module")
def expected_reference():
    return synthetic_sample(gaussian_sizes(), gain=[1.0] * 2, seed=None)


def test_phi_is_unbiased_whatever_the_sizes(expected_reference):
    sizes = [gaussian_sizes(d, w * d) for d in (5.6, 6.3, 7.1, 7.6) for w in (0.12, 0.155, 0.2, 0.27)]
    sizes += [field_selected_sizes(c) for c in (-0.02, 0.05, 0.1)] + [cut_sizes(e) for e in (7.5, 6.5, 5.5)]
    volume, reference = volume_of(synthetic_sample(sizes, 5e-4, seed=None)), volume_of(pooled(expected_reference))
    phi = volume_fraction(volume, reference, phi0=PHI0)
    assert_close(phi, np.full(len(sizes), 5e-4), rel=1.5e-3)
    shared = shared_sigma(phi, volume, reference, reference_sigma=0.0, start_sigma=None)
    assert np.all(shared["extrapolation"] < 0.003 * 5e-4)


def test_cores_alone_would_misjudge_phi_when_sizes_shift(expected_reference):
    phi = phi_of(synthetic_sample(gaussian_sizes(5.6, 1.5), 5e-4, seed=None), expected_reference, shell=0.0)
    assert phi[0] < 0.95 * 5e-4


def test_normal_sizes_would_misjudge_phi_of_the_depleted_solution(expected_reference):
    phi = phi_of(synthetic_sample(cut_sizes(6.5), 5e-4, seed=None), expected_reference, skewed=False)
    assert phi[0] < (1.0 - 2.5e-3) * 5e-4


def test_pooling_adds_counts_and_exposures():
    frames = synthetic_sample(gaussian_sizes(), gain=[0.2, 0.5, 1.3], seed=6)
    one = pooled(frames)
    assert one.values.shape == (1, 500)
    per_count = frames.coord("per_count")
    counts = (frames.values + frames.coord("solvent")) / per_count
    assert_close((one.values + one.coord("solvent"))[0] / one.coord("per_count")[0], counts.sum(axis=0), rel=1e-9)
    assert_close(1.0 / one.coord("per_count")[0], (1.0 / per_count).sum(axis=0), rel=1e-12)
    assert_close(np.square(one.sigma[0]), counts.sum(axis=0) * one.coord("per_count")[0] ** 2, rel=1e-9)


def test_pooled_frames_know_phi_better_than_one():
    frames = synthetic_sample(gaussian_sizes(), gain=[0.1] * 9, seed=6)
    all_of_them, single = volume_of(pooled(frames)), volume_of(frames)
    assert_close(all_of_them.sigma, np.mean(single.sigma) / 3.0, rel=0.03)


def test_phi_follows_the_scale_and_the_starting_solution(expected_reference):
    sample = synthetic_sample(gaussian_sizes(), [2e-4, 4e-3], gain=[1.0, 1.0], seed=None)
    phi = phi_of(sample, expected_reference)
    assert_close(phi, [2e-4, 4e-3], rel=1e-4)
    doubled = SampleIntensity(sample.data * sc.scalar(2.0), {})
    scaled = doubled.data.assign_coords(
        {k: sample.data.coords[k] * f for k, f in (("per_count", 2.0), ("solvent", 2.0), ("solvent_variance", 4.0))}
    )
    assert_close(phi_of(SampleIntensity(scaled), expected_reference), 2.0 * phi, rel=1e-6)


def test_what_the_window_misses_matters_as_far_as_the_starting_solution_misses_something_else(expected_reference):
    """Low q: spheres interact in full from phi = 1 % on; high q: only the share beyond that of the reference."""
    volume, reference = volume_of(synthetic_sample(gaussian_sizes(), seed=None)), volume_of(pooled(expected_reference))
    low, high = 3e-3, 2e-3
    whole = volume.value / volume.shell_ratio
    changed = replace(
        volume,
        low=(reference.low_share + low) * whole,
        high=(reference.high_share + high) * whole,
        window=(1.0 - reference.low_share - reference.high_share - low - high) * whole,
    )
    for phi, interacting in ((0.004, 0.4), (0.03, 1.0)):
        shared = shared_sigma(np.array([phi]), changed, reference, reference_sigma=0.01, start_sigma=0.05)
        at_low = 0.20 * np.hypot(low, interacting * changed.low_share)
        assert_close(shared["extrapolation"], phi * np.hypot(at_low, 0.05 * high), rel=1e-6)
        assert_close(shared["reference"], [0.01 * phi], rel=1e-12)
        assert_close(shared["starting_solution"], [0.05 * phi], rel=1e-12)
    assert "starting_solution" not in shared_sigma(np.ones(1), volume, reference, reference_sigma=0.0, start_sigma=None)


def test_batch_is_single_to_the_last_bit(expected_reference):
    batch = synthetic_sample([gaussian_sizes(6.2, 1.0), cut_sizes(6.5)], gain=[0.3, 0.1], seed=9)
    together = phi_of(batch, expected_reference)
    alone = phi_of(SampleIntensity(batch.data["frame", 1:].copy()), expected_reference)
    assert alone[0] == together[1]


def test_a_reference_without_particles_is_refused():
    good = volume_of(synthetic_sample(gaussian_sizes(), seed=1))
    several = volume_of(synthetic_sample(gaussian_sizes(), gain=[1.0, 1.0], seed=1))
    with pytest.raises(ShapeError, match="pool"):
        volume_fraction(good, several, phi0=PHI0)
    with pytest.raises(FitError, match=r"reference frames.*above 0"):
        volume_fraction(good, replace(good, value=np.array([np.nan])), phi0=PHI0)
