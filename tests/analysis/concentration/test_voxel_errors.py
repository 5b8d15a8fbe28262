"""Errors of a curve move phi and sizes together, and the solvent's the same way in all frames."""

from dataclasses import replace

import numpy as np
import pytest
from analysis.synthetic_curves import gaussian_sizes, synthetic_sample
from closeness import assert_close

from electrosaxs.analysis.concentration.invariant import ParticleVolume, particle_volume
from electrosaxs.analysis.concentration.solvent_modes import NO_MODES, SolventModes, solvent_modes
from electrosaxs.analysis.concentration.voxel_errors import SOLVENT_SCALE, CurveErrors, correlation, size_influence
from electrosaxs.analysis.spheres.fit import SphereFit, fit_spheres
from electrosaxs.nouns import FloatArray, SampleIntensity

SHELL = 1.115
CELL = [gaussian_sizes(7.1, 1.1), gaussian_sizes(7.5, 1.0), gaussian_sizes(6.4, 1.0), gaussian_sizes(7.1, 1.1)]
PHI = [8e-4, 4e-3, 4e-4, 8e-4]
GAIN = 0.5


def read(sample: SampleIntensity) -> tuple[SphereFit, ParticleVolume, FloatArray]:
    """Fit, volume and (quantity, frame): ln Y, d, delta."""
    fit = fit_spheres(sample)
    volume = particle_volume(sample, fit, dry_shell_nm=SHELL)
    return fit, volume, np.array([np.log(volume.value), fit.diameter, fit.deviation])


def influence(fit: SphereFit, volume: ParticleVolume) -> FloatArray:
    return np.concatenate([volume.influence[:, None] / volume.value[:, None, None], size_influence(fit)[:, :2]], axis=1)


def errors(sample: SampleIntensity, volume: ParticleVolume, *, normalisation: float = 0.0) -> CurveErrors:
    solvent = sample.coord("solvent")
    frames = np.full(volume.value.size, normalisation)
    return CurveErrors(
        volume.variance, sample.values + solvent, frames, solvent, volume.solvent_variance, normalisation
    )


def modes(sample: SampleIntensity) -> SolventModes:
    reference = SampleIntensity(sample.data["frame", :1], {k: v["frame", :1] for k, v in sample.shared.items()})
    return solvent_modes(reference, fit_spheres(reference), frames=1, dry_shell_nm=SHELL)


@pytest.fixture(scope="module")
def expected() -> SampleIntensity:
    return synthetic_sample(CELL, PHI, gain=GAIN, seed=None)


def test_modes_say_how_other_solvents_would_have_moved_all_voxels_together(expected: SampleIntensity) -> None:
    """Covariance over 200 solvents of ln Y, d and delta in four voxels, against that of the modes."""
    fit, volume, middle = read(expected)
    shared = errors(expected, volume).shared(influence(fit, volume), modes(expected))
    columns = np.array([change.ravel() for name, change in shared.items() if name not in ("background", SOLVENT_SCALE)])
    predicted = columns.T @ columns + np.diag(np.square(shared["background"].ravel()))
    random, moved = np.random.default_rng(5), []
    for _ in range(200):
        noise = np.sqrt(volume.solvent_variance[0]) * random.standard_normal(expected.data.sizes["q"])
        data = expected.data.copy()
        data.values = expected.values - noise
        moved.append((read(SampleIntensity(data, expected.shared))[2] - middle).ravel())
    found = np.cov(np.array(moved).T)
    spread = np.sqrt(np.diag(predicted))
    assert_close(np.sqrt(np.diag(found)), spread, rel=0.2)
    error = found / np.outer(spread, spread) - predicted / np.outer(spread, spread)
    assert np.abs(error).max() < 0.25  # correlations of 200 draws are known to 0.07 / sqrt(...)
    assert np.sum(np.square(shared["background"])) < 0.05 * np.trace(predicted)


def test_modes_and_the_rest_are_the_whole_of_the_solvents_variance(expected: SampleIntensity) -> None:
    fit, volume, _ = read(expected)
    whole = np.einsum("fkq,fq->kf", np.square(influence(fit, volume)), volume.solvent_variance)
    for basis in (modes(expected), NO_MODES):
        shared = errors(expected, volume).shared(influence(fit, volume), basis)
        assert_close(sum(np.square(change) for change in shared.values()), whole, rel=1e-9)


def test_own_errors_hang_together_as_repeated_frames_scatter(expected: SampleIntensity) -> None:
    fit, volume, _ = read(expected)
    own = errors(expected, volume).own(influence(fit, volume))
    many = synthetic_sample(gaussian_sizes(7.1, 1.1), [8e-4] * 400, gain=GAIN, seed=9)
    scatter = np.cov(read(many)[2])
    assert_close(np.sqrt(np.diag(scatter)), np.sqrt(np.diag(own[0])), rel=0.12)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(scatter[one, other] / np.sqrt(scatter[one, one] * scatter[other, other])
                   - correlation(own, one, other)[0]) < 0.08  # fmt: skip


def test_an_error_of_the_monitor_moves_what_was_counted_with_the_solvent_in_it(expected: SampleIntensity) -> None:
    """1 % on the gross intensity: phi moves by more than 1 %, and the sizes move where the solvent is not flat."""
    fit, volume, middle = read(expected)
    own = errors(expected, volume, normalisation=0.01).own(influence(fit, volume))
    quiet = errors(expected, volume).own(influence(fit, volume))
    data = expected.data.copy()
    data.values = expected.values + 0.01 * (expected.values + expected.coord("solvent"))
    moved = read(SampleIntensity(data, expected.shared))[2] - middle
    added = np.sqrt(np.einsum("fii->if", own - quiet))
    assert_close(added, np.abs(moved), rel=0.05, floor=2e-5)
    scale = errors(expected, volume, normalisation=0.01).shared(influence(fit, volume), NO_MODES)[SOLVENT_SCALE]
    data.values = expected.values - 0.01 * expected.coord("solvent")
    assert_close(scale, read(SampleIntensity(data, expected.shared))[2] - middle, rel=0.05, floor=2e-5)


def test_light_from_beside_moves_a_frame_by_its_part_of_the_solvent(expected: SampleIntensity) -> None:
    fit, volume, middle = read(expected)
    quiet = errors(expected, volume)
    own = replace(quiet, stray=0.01).own(influence(fit, volume)) - quiet.own(influence(fit, volume))
    data = expected.data.copy()
    data.values = expected.values + 0.01 * expected.coord("solvent")
    moved = read(SampleIntensity(data, expected.shared))[2] - middle
    assert_close(own, np.einsum("if,jf->fij", moved, moved), rel=0.1, floor=1e-9)
