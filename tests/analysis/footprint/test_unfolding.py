"""A beam as wide as the layer, through solution that lets an e-folding of many pass: what the frames cannot show of the profile
is in sigma, and the rest comes back."""

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.footprint.beam_profile import BeamView
from electrosaxs.analysis.footprint.correction import FootprintCorrection, footprint_correction
from electrosaxs.nouns import FloatArray
from electrosaxs.physics.beam import open_nodes

WIDE_UM, GAP_UM = 90.0, 1500.0
HEIGHTS = np.array([0.0, 18.0, 36.0, 55.0, 75.0, 100.0, 150.0, 220.0, 320.0, 600.0, 1100.0])
DENSE = 220.0  # optical depth per phi


def layer(z: FloatArray, decay_um: float = 80.0) -> FloatArray:
    return np.asarray(1e-3 + 0.035 * np.exp(-z / decay_um))


def shown_and_mean(fwhm_um: float, decay_um: float, dense: float, heights: FloatArray) -> tuple[FloatArray, FloatArray]:
    z, weight = open_nodes(heights, fwhm_um, gap=GAP_UM, nodes=400, reach=7.0)
    inside = layer(z, decay_um)
    light = weight * np.exp(-dense * inside)
    return np.sum(light * inside, axis=-1) / np.sum(light, axis=-1), np.sum(weight * inside, axis=-1)


def corrected(
    shown: FloatArray, fwhm_um: float, dense: float, heights: FloatArray, noise: float
) -> FootprintCorrection:
    scans = np.arange(1.0, 5.0)[:, None]
    return footprint_correction(
        np.tile(shown, (4, 1)),
        BeamView.of(heights, fwhm_um, GAP_UM),
        time_s=600.0 * scans + np.linspace(0.0, 100.0, heights.size),
        attenuation=np.array(dense),
        start=1e-3,
        relative=np.full((4, heights.size), noise),
    )


def test_the_mean_over_a_beam_that_is_dark_at_the_wall_comes_back_within_its_sigma() -> None:
    shown, mean = shown_and_mean(WIDE_UM, 80.0, DENSE, HEIGHTS)
    assert np.max(mean / shown) > 1.5
    found = corrected(shown, WIDE_UM, DENSE, HEIGHTS, 1e-3)
    off = found.factor[2] * shown / mean - 1.0
    assert np.max(np.abs(off)) < 0.1
    assert np.max(np.abs(off) / (found.sigma[2] / found.factor[2] + 1e-3)) < 3.0
    assert np.max(found.sigma[2]) < 0.3


def test_noise_of_a_dark_beam_is_not_taken_for_its_profile() -> None:
    shown, mean = shown_and_mean(WIDE_UM, 80.0, DENSE, HEIGHTS)
    draws = np.random.default_rng(8)
    for _ in range(8):
        noisy = shown * (1.0 + 2e-3 * draws.standard_normal(shown.size))
        found = corrected(noisy, WIDE_UM, DENSE, HEIGHTS, 2e-3)
        sigma = np.hypot(found.sigma / found.factor, found.counting_sigma(np.full(found.factor.shape, 2e-3)))[2]
        off = found.factor[2] * noisy / mean - 1.0
        assert np.max(np.abs(off) / sigma) < 4.5


def test_a_beam_that_absorbs_little_is_corrected_as_its_curvature_says() -> None:
    shown, mean = shown_and_mean(20.0, 150.0, 5.0, HEIGHTS)
    found = corrected(shown, 20.0, 5.0, HEIGHTS, 1e-4)
    assert_close(found.factor[2] * shown, mean, rel=2e-5)


def test_a_layer_that_heights_show_to_be_thin_is_taken_to_be_thin_between_them() -> None:
    """Crystals hide the anode, and nothing is scanned between 50 and 900 um."""
    heights = np.array([0.0, 50.0, 900.0])
    shown, mean = shown_and_mean(34.0, 30.0, 130.0, heights)
    hidden = np.tile([True, False, False], (4, 1))
    found = footprint_correction(
        np.tile(shown, (4, 1)),
        BeamView.of(heights, 34.0, GAP_UM),
        time_s=np.tile(600.0 * np.arange(1.0, 5.0)[:, None], 3),
        attenuation=np.array(130.0),
        start=1e-3,
        sees_crystals=hidden,
        relative=np.full((4, 3), 1e-3),
    )
    off = found.factor[2, 1] * shown[1] / mean[1] - 1.0
    assert abs(off) > 0.01
    assert abs(off) < 3.0 * found.sigma[2, 1]
