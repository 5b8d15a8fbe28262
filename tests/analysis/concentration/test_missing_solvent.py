"""Where solvent is missing from the beam, the flat part of the curve lacks it."""

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.concentration.missing_solvent import missing_solvent, solvent_level

LEVEL = 36.0
SIGMA = np.full((5, 6), 0.09)
CUT = np.arange(6) == 0
PHI = 8e-4 * np.exp(np.outer(np.arange(5.0), np.linspace(0.6, 0.0, 6)))


def flat(share: np.ndarray, more: float = 0.0) -> np.ndarray:
    noise = 0.09 * np.random.default_rng(4).standard_normal(PHI.shape)
    return -LEVEL * (share + PHI) + more * PHI * LEVEL + noise


def test_gas_is_the_share_of_solvent_that_is_missing():
    gas = np.zeros(PHI.shape)
    gas[3:, 0] = 0.05
    found = missing_solvent(flat(gas), SIGMA, LEVEL, PHI, cut=CUT)
    assert np.all(np.abs(found.share - gas) < 4.0 * found.sigma)
    assert np.all(found.share[3:, 0] > 6.0 * found.sigma[3:, 0])
    assert np.all(found.sigma < 0.008)


def test_particles_that_take_the_place_of_solvent_or_fluoresce_are_not_gas():
    for more in (0.0, 1.5, -2.0):
        found = missing_solvent(flat(np.zeros(PHI.shape), more), SIGMA, LEVEL, PHI, cut=CUT)
        assert np.max(np.abs(found.share / found.sigma)) < 4.0


def test_fluorescence_many_times_the_solvent_is_no_noise_of_the_monitors():
    """Iron at 12 keV, gold at 20: the flat part is up to forty times the solvent's and bends by 3 % where phi is large, as it
    comes out through a solution that absorbs it. It was noise of 100 % of every frame's phi."""
    bends = 1.0 - 0.03 * PHI / PHI.max()
    gas = np.zeros(PHI.shape)
    gas[2, 4] = 0.4
    lit = -LEVEL * PHI + LEVEL * (1.0 - gas) * (1.0 + 1500.0 * PHI * bends) - LEVEL * (1.0 - PHI)
    found = missing_solvent(lit + flat(np.zeros(PHI.shape)) + LEVEL * PHI, SIGMA, LEVEL, PHI, cut=CUT)
    assert found.noise < 0.01
    assert found.share[2, 4] > 4.0 * found.sigma[2, 4]
    others = gas == 0.0
    assert np.max(np.abs(found.share / found.sigma)[others]) < 4.0


def test_what_frames_scatter_beyond_counting_is_in_the_sigma():
    wild = flat(np.zeros(PHI.shape)) + 2.0 * np.random.default_rng(5).standard_normal(PHI.shape)
    found = missing_solvent(wild, SIGMA, LEVEL, PHI, cut=CUT)
    assert 0.6 < np.std(found.share / found.sigma) < 1.6
    assert_close(found.noise, 2.0 / LEVEL, rel=0.4)
    assert missing_solvent(flat(np.zeros(PHI.shape)), SIGMA, LEVEL, PHI, cut=CUT).noise == 0.0


def test_without_a_solvent_that_scatters_nothing_is_told():
    assert np.isnan(missing_solvent(flat(np.zeros(PHI.shape)), SIGMA, 0.0, PHI, cut=CUT).share).all()
    assert_close(solvent_level(np.array([9.0, 9.0, 9.0, 9.0, 9.0, 9.0, 2.0, 2.0])), 2.0, rel=1e-12)
