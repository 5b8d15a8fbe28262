"""The noise of a diode by readings behind the anode, without frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from electrosaxs.analysis.concentration.diode_noise import EdgeReadings, noise_behind

EDGE_UM, FWHM_UM, OPEN = -7.3, 34.0, 0.62


def readings(noise: float, seed: int, *, offset: float = 0.0, lowest_um: float = -157.0) -> EdgeReadings:
    height = np.arange(lowest_um, 143.0, 17.0)
    light = OPEN * ndtr((height - EDGE_UM) / (FWHM_UM / 2.3548))
    drawn = np.random.default_rng(seed).standard_normal(height.size)
    return EdgeReadings(height, light + offset + noise * drawn, 0.5, EDGE_UM, 0.05, FWHM_UM)


@pytest.mark.parametrize("noise", [0.6e-6, 5e-6])
def test_readings_behind_the_anode_tell_the_noise_of_the_diode_whatever_its_dark_reading(noise: float) -> None:
    told = [noise_behind(readings(noise, seed, offset=3e-5)) for seed in range(20)]
    size = np.array([one.sigma for one in told if one is not None]) / noise
    assert size.size == 20
    assert 1.0 < np.median(size) < 1.4  # few readings leave open that it is more
    assert size.min() > 0.5
    assert size.max() < 3.0
    assert all(one.exposure_s == 0.5 for one in told if one is not None)


def test_nothing_is_told_where_no_reading_is_dark_or_a_clipped_diode_reads_the_same() -> None:
    assert noise_behind(readings(1e-6, 1, lowest_um=-50.0)) is None
    assert noise_behind(replace(readings(1e-6, 1), edge_sigma_um=np.inf)) is None
    one = readings(0.0, 1)
    assert noise_behind(replace(one, transmission=np.maximum(one.transmission, 2e-6))) is None
