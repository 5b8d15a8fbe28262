"""Free-form sizes: what goes in comes out, never negative, with a sigma that is the scatter."""

import numpy as np
import pytest
from analysis.synthetic_curves import STARTING_PHI, Sizes, cut_sizes, gaussian_sizes, synthetic_sample, window
from analysis.synthetic_mixtures import mixture, true_moments, volume_unit
from closeness import assert_close
from scipp import array

from electrosaxs.analysis.free_form.basis import SizeBasis
from electrosaxs.analysis.free_form.each_curve import FreeFormFit, free_form_sizes
from electrosaxs.analysis.free_form.moments import SizeMoments, size_moments
from electrosaxs.analysis.spheres.fit import fit_spheres
from electrosaxs.errors import ShapeError
from electrosaxs.nouns import SampleIntensity
from electrosaxs.physics.sphere_kernels import squared_form_factor
from electrosaxs.physics.sphere_matrix import hat_integrals, particle_volume, sphere_matrix

LIMITS, SMALL = (1.8, 14.0), 4.2
BASIS = SizeBasis.of(window(), shell=1.115)


def moments_of(fit: FreeFormFit) -> SizeMoments:
    return size_moments(fit, limits=LIMITS, small_below=SMALL)


def columns(moments: SizeMoments) -> tuple[np.ndarray, np.ndarray]:
    """Values and total sigma (moment, frame)."""
    assert moments.small_share is not None
    each = (moments.volume, moments.volume_mean, moments.mean, moments.deviation, moments.small_share)
    return np.array([e.value for e in each]), np.array([e.total_sigma for e in each])


def truth(sizes: Sizes, phi: float) -> np.ndarray:
    expected = true_moments(sizes, LIMITS, SMALL)
    expected[0] *= phi * volume_unit()
    return expected


def test_the_matrix_of_a_normal_distribution_is_the_closed_form() -> None:
    q, d = window(60), np.exp(np.arange(np.log(2.0), np.log(15.0), 0.01))
    normal = np.exp(-0.5 * np.square((d - 7.1) / 0.8)) / (0.8 * np.sqrt(2.0 * np.pi))
    curve = sphere_matrix(q, d, 1.115) @ (normal * particle_volume(d, 1.115))
    # 1 % nodes broaden the normal by their own interpolation error, a few 1e-4 of I(0)
    assert_close(curve, squared_form_factor(q, 7.1, 0.8), rel=1e-3, floor=3e-5 * curve[0])


def test_hats_add_up_to_the_integral_also_between_limits() -> None:
    nodes = np.array([1.0, 1.5, 2.2, 3.0])
    assert_close(hat_integrals(lambda d: d**2, nodes).sum(), (27.0 - 1.0) / 3.0, rel=1e-12)
    assert_close(hat_integrals(lambda d: d**2, nodes, (1.2, 2.7)).sum(), (2.7**3 - 1.2**3) / 3.0, rel=1e-12)


@pytest.mark.parametrize("sizes", [gaussian_sizes(), cut_sizes(6.5), mixture(0.3, 4.0, 0.5)])
def test_a_smooth_distribution_comes_back_from_exact_curves(sizes: Sizes) -> None:
    fit = free_form_sizes(synthetic_sample(sizes, seed=None, solvent_level=0.02, gain=30.0, solvent_gain=1e4), BASIS)
    found, _ = columns(moments_of(fit))
    assert_close(found[:4, 0], truth(sizes, STARTING_PHI)[:4], rel=1.2e-2)  # what the prior smooths of two populations
    volume = sizes.number * (sizes.diameter + 2.23) ** 3
    for edge in (3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0):
        below = BASIS.integral(np.ones_like, (BASIS.diameter[0], edge)) @ fit.density[0] / found[0, 0]
        assert_close(below, volume[sizes.diameter < edge].sum() / volume.sum(), rel=0.0, floor=0.015)


def test_densities_are_never_negative_and_noise_alone_gives_none() -> None:
    quiet = free_form_sizes(synthetic_sample(gaussian_sizes(), 1e-6, seed=3), BASIS)
    assert quiet.seen[0]
    assert np.all(quiet.density >= 0.0)
    noise = free_form_sizes(synthetic_sample(gaussian_sizes(), [0.0] * 15, seed=4), BASIS)
    assert not noise.seen.any()
    assert set(noise.flags) == {("no particles seen",)}
    assert np.all(np.isnan(noise.density))


def test_the_scale_of_the_intensity_scales_the_density_and_nothing_else() -> None:
    sample = synthetic_sample(mixture(0.1), seed=5)
    factor = 3.7e-5
    scaled = {
        name: array(dims=sample.data.coords[name].dims, values=power * sample.coord(name), unit="one")
        for name, power in (("per_count", factor), ("solvent", factor), ("solvent_variance", factor**2))
    }
    data = sample.data.copy()
    data.values, data.variances = factor * data.values, factor**2 * data.variances
    other = free_form_sizes(SampleIntensity(data.assign_coords(scaled)), BASIS)
    fit = free_form_sizes(sample, BASIS)
    # two iterations that stop at 1e-5 of ln probability
    assert_close(other.density, factor * fit.density, rel=1e-3, floor=1e-4 * factor * fit.density.max())
    assert_close(columns(moments_of(other))[1][1:], columns(moments_of(fit))[1][1:], rel=1e-2)


@pytest.mark.parametrize(("sizes", "phi"), [(gaussian_sizes(), 8e-4), (mixture(0.04), 8e-4)])
def test_sigma_is_the_scatter_about_the_truth(sizes: Sizes, phi: float) -> None:
    """Pulls over 100 frames: sigma of regularised numbers holds both bias and scatter."""
    sample = synthetic_sample(sizes, [phi] * 100, seed=11, solvent_gain=1e4)
    value, sigma = columns(moments_of(free_form_sizes(sample, BASIS)))
    rms = np.sqrt(np.mean(np.square((value - truth(sizes, phi)[:, None]) / sigma), axis=1))
    assert np.all((rms > 0.75) & (rms < 1.2)), rms  # 0.07 is the scatter of an rms of 100 pulls


def test_clusters_are_found_where_a_normal_distribution_only_looks_broader() -> None:
    """Upper part of the cell: 30 % of the volume in 3 nm clusters, the rest 6.3 +- 0.9 nm."""
    main, clusters = gaussian_sizes(6.3, 0.9), gaussian_sizes(3.0, 0.3)
    number = np.concatenate(
        [0.7 / main.moment(3, 1.115) * main.number, 0.3 / clusters.moment(3, 1.115) * clusters.number]
    )
    diameter = np.concatenate([main.diameter, clusters.diameter])
    order = np.argsort(diameter, kind="stable")
    sizes = Sizes(diameter[order], number[order] / number.sum())
    sample = synthetic_sample(sizes, 2e-4, seed=6)
    misled = fit_spheres(sample, skewed=False)
    assert misled.deviation[0] > 1.3  # the single population seems half as broad again
    share = moments_of(free_form_sizes(sample, BASIS)).small_share
    expected = true_moments(sizes, LIMITS, SMALL)[-1]
    assert share is not None
    assert abs(share.value[0] - expected) < 2.0 * share.total_sigma[0]
    assert share.total_sigma[0] < 0.1 * expected


def test_the_solvents_noise_is_shared_and_known() -> None:
    """The same frames with 30 other solvents of little exposure: d scatters by the shared sigma."""
    found, shared = [], []
    for seed in range(30):
        sample = synthetic_sample(gaussian_sizes(), 8e-5, seed=7, solvent_seed=100 + seed, solvent_gain=1.0)
        moments = moments_of(free_form_sizes(sample, BASIS, workers=1))
        found.append(moments.volume_mean.value[0])
        shared.append(moments.volume_mean.shared_sigma[0])
    assert_close(np.std(found), np.mean(shared), rel=0.35)  # 0.13 is the scatter of a deviation of 30


def test_curves_and_basis_must_have_the_same_bins() -> None:
    with pytest.raises(ShapeError, match="other q than the basis"):
        free_form_sizes(synthetic_sample(gaussian_sizes(), q=window(200)), BASIS)
    with pytest.raises(ShapeError, match="ascending order"):
        sphere_matrix(window(10), np.array([3.0, 2.0, 1.0]), 1.0)
