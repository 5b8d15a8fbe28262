"""The layer at the anode tells when the field came on, whatever the clock of the frames says."""

from dataclasses import replace

import numpy as np
import pytest

from electrosaxs.analysis.kinetics.field_on import FieldOn, field_on
from electrosaxs.analysis.kinetics.layer import Particles, Seen, fit_layer

HEIGHT = np.array([0.0, 40.0, 90.0, 160.0, 320.0, 800.0, 1600.0])
TIME = 120.0 * np.arange(7.0)[:, None] + 6.0 + 15.0 * np.arange(7.0)
PARTICLES = Particles.gaussian(6.0, 0.6, dry_shell_nm=1.2, solvated_shell_nm=1.9)
SEEN = Seen.of(HEIGHT, 30.0, time_s=TIME, depth=np.full(TIME.shape, 0.15), gap_um=3000.0)
TRUTH = np.array([np.log(1.1e-6), np.log(6.0e-11), 1.8])
NOISE = 5e-4


def told(shift_s: float, *, seed: int = 0, change: np.ndarray | None = None, scans: int = 7) -> FieldOn | None:
    """Of frames whose clock is `shift_s` ahead of the field's."""
    x = SEEN.logarithm(TRUTH, PARTICLES) + NOISE * np.random.default_rng(seed).standard_normal(TIME.shape)
    x = x if change is None else x + change
    clock = replace(SEEN, time_s=TIME + shift_s)
    sigma, known = np.full(TIME.shape, NOISE), np.ones(TIME.shape, dtype=bool)
    known[scans:] = False
    return field_on(x, sigma, known, clock, PARTICLES, fit_layer(x, sigma, known, clock, PARTICLES), 1.0)


@pytest.mark.parametrize("shift_s", [-5400.0, -200.0, -30.0, -4.0, 0.0, 4.0, 30.0, 3600.0])
def test_the_moment_is_found(shift_s: float) -> None:
    """Frames before field-on, by a clock that is behind, tell it as well as those after."""
    found = [told(shift_s, seed=seed) for seed in range(4)]
    for one in found:
        assert one is not None
        assert abs(one.time_s - shift_s) < 4.0 * one.sigma_s
        assert one.sigma_s < 1.5


def test_with_a_right_clock_it_scatters_as_its_sigma_says() -> None:
    pulls = [found.significance for seed in range(60) if (found := told(0.0, seed=seed)) is not None]
    assert len(pulls) == 60
    assert 0.1 < np.sqrt(np.mean(np.square(pulls))) < 0.25  # of sigma, a model good to 0.3 %, the noise is a sixth


def test_frames_that_are_wrong_are_no_wrong_clock() -> None:
    change = np.zeros(TIME.shape)
    change[0, 0], change[3, 1], change[5, 2] = 0.2, -0.3, 0.1
    change += 1e-5 * TIME  # and a bulk that drifts by 1 %
    found = told(0.0, change=change)
    assert found is not None
    assert abs(found.significance) < 4.0


def test_two_scans_do_not_tell() -> None:
    assert told(30.0, scans=2) is None
