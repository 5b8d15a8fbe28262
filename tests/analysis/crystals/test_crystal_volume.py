"""A voxel that is part crystal holds as much as if every particle scattered alone, and knows it as well as its counts say."""

from dataclasses import replace

import numpy as np
import pytest
from analysis.synthetic_crystals import crystals_in_solution
from closeness import assert_close
from scipy.integrate import quad

from electrosaxs.analysis.concentration.invariant import particle_volume
from electrosaxs.analysis.crystals.crystal_volume import crystal_particle_volume
from electrosaxs.analysis.crystals.lattice_fit import RIGID, SMOOTHED, Freedom, LatticeFit, fit_lattice
from electrosaxs.analysis.crystals.parameters import Grains
from electrosaxs.analysis.crystals.peaks import start_solution
from electrosaxs.analysis.crystals.structure_factor import spheres_of
from electrosaxs.analysis.crystals.weighted_curve import WeightedCurve, curve_of_frame
from electrosaxs.analysis.spheres.fit import fit_spheres

SHELL = 1.2
GRAINS = Grains(0.4, 15.1, 0.02, 0.3, 0.0, 1.0, 0.0)


def fitted(curve: WeightedCurve, freedom: Freedom = RIGID) -> LatticeFit:
    return fit_lattice(curve, "FCC", start_solution(curve), freedom=freedom, grains=GRAINS)


@pytest.fixture(scope="module")
def half_crystal():
    sample = crystals_in_solution([0.4], gain=0.05, solvent_gain=0.01, seed=21)
    fit = fitted(curve_of_frame(sample, 0))
    return sample, fit, spheres_of([fit], sample.coord("q"))


def test_crystals_do_not_hide_particles(half_crystal):
    """Two in five in grains: as many as in the frame where all are dissolved, seen through its spheres."""
    sample, fit, spheres = half_crystal
    volume = crystal_particle_volume([fit], spheres, sample.coord("q"), dry_shell_nm=SHELL)
    dissolved = crystals_in_solution([0.0], gain=0.05, solvent_gain=0.01, seed=None)
    alone = particle_volume(dissolved, fit_spheres(dissolved), dry_shell_nm=SHELL)
    sigma = np.hypot(volume.sigma, volume.background_sigma)
    assert sigma[0] < 0.02 * alone.value[0]
    assert abs(volume.value[0] - alone.value[0]) < 4.0 * sigma[0]
    assert_close(volume.value, (volume.window + volume.low + volume.high) * volume.shell_ratio, rel=1e-9)


def test_below_the_window_the_spheres_go_on(half_crystal):
    sample, fit, spheres = half_crystal
    q = sample.coord("q")
    volume = crystal_particle_volume([fit], spheres, q, dry_shell_nm=SHELL)
    edge = q[0] - 0.5 * (q[1] - q[0])
    exact = quad(lambda x: float(spheres.particles(np.array([x]))[0, 0]) * x**2, 0.0, edge)[0]
    assert_close(volume.low, [exact], rel=1e-6)


def test_what_scale_and_a_smooth_correction_share_is_in_their_product():
    """A correction as wide as the curve is a scale: where a fit may bend the curve, scale alone is known to 3 %."""
    pulls = []
    for seed in range(6):
        sample = crystals_in_solution([0.4], gain=0.05, solvent_gain=0.01, seed=seed)
        curve, q = curve_of_frame(sample, 0), sample.coord("q")
        rigid, bent = (
            crystal_particle_volume([one], spheres_of([one], q), q, dry_shell_nm=SHELL)
            for one in (fitted(curve, RIGID), fitted(curve, SMOOTHED))
        )
        sigma = float(np.hypot(bent.sigma, bent.background_sigma)[0])
        assert sigma < 5e-3 * bent.value[0]
        assert_close(bent.value, (bent.window + bent.low + bent.high) * bent.shell_ratio, rel=1e-9)
        pulls.append((bent.value[0] - rigid.value[0]) / sigma)
    assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.7


@pytest.mark.parametrize("freedom", [RIGID, SMOOTHED])
def test_the_volume_follows_each_bin_as_its_influence_says(half_crystal, freedom):
    sample, _, _ = half_crystal
    fit = fitted(curve_of_frame(sample, 0), freedom)
    spheres = spheres_of([fit], sample.coord("q"))
    q, curve = sample.coord("q"), fit.curve
    volume = crystal_particle_volume([fit], spheres, q, dry_shell_nm=SHELL)
    used = np.searchsorted(q, curve.q)
    for seed in range(3):
        change = (
            0.5 * np.sqrt(curve.variance(fit.outcome.model)) * np.random.default_rng(seed).normal(size=curve.q.size)
        )
        moved = []
        for sign in (1.0, -1.0):
            again = fitted(replace(curve, intensity=curve.intensity + sign * change), freedom)
            moved.append(crystal_particle_volume([again], spheres_of([again], q), q, dry_shell_nm=SHELL).value[0])
        expected = float(volume.influence[0, used] @ change)
        assert_close(0.5 * (moved[0] - moved[1]), expected, rel=0.05, floor=0.1 * volume.sigma[0])


def test_the_solvent_s_counts_are_not_the_frame_s(half_crystal):
    sample, fit, spheres = half_crystal
    q = sample.coord("q")
    volume = crystal_particle_volume([fit], spheres, q, dry_shell_nm=SHELL)
    curve, used = fit.curve, np.searchsorted(q, fit.curve.q)
    assert fit.widening == 1.0
    own = curve.variance(fit.outcome.model) - curve.shared_variance
    assert_close(volume.variance[0, used], own, rel=1e-6)
    assert_close(volume.solvent_variance[0, used], curve.shared_variance, rel=1e-12)
    assert np.median(volume.solvent_variance[0, used] / own) > 0.1


def test_sizes_in_the_voxel_know_what_the_solvent_s_counts_add(half_crystal):
    """Own and shared covariance are those of the fit's response to the frame's and the solvent's counts."""
    sample, fit, spheres = half_crystal
    curve = fit.curve
    influence = spheres.influence[0][:, np.searchsorted(sample.coord("q"), curve.q)]
    own = (influence * (curve.variance(fit.outcome.model) - curve.shared_variance)) @ influence.T
    shared = (influence * curve.shared_variance) @ influence.T
    assert_close(np.diag(spheres.covariance[0])[:4], np.diag(own)[:4], rel=0.02)
    assert_close(np.diag(spheres.shared_covariance[0])[:4], np.diag(shared)[:4], rel=1e-6)
