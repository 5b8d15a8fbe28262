"""Light that is missing at the anode from some scan on to the end is a film's shadow; anything else is not."""

import numpy as np
from closeness import assert_close

from electrosaxs.analysis.concentration.lasting_shadow import lasting_shadow, shadow_sigma

CUT = np.array([True, False])
SIGMA = np.full((8, 2), 0.03)
NONE = np.zeros((8, 2), dtype=bool)
GROWN = np.array([0.01, -0.02, 0.0, 0.05, 0.10, 0.15, 0.20, 0.25])


def found(series: np.ndarray, crystals: np.ndarray = NONE) -> np.ndarray:
    return lasting_shadow(np.stack([series, series], axis=1), SIGMA, crystals, CUT)


def test_a_film_that_grows_is_followed_at_the_electrode_alone() -> None:
    shadow = found(GROWN)
    assert np.all(shadow[:3, 0] == 0.0)
    assert_close(shadow[3:, 0], GROWN[3:], rel=1e-9)
    assert np.all(shadow[:, 1] == 0.0)


def test_crystals_that_are_seen_begin_it_before_their_shadow_is_sure() -> None:
    crystals = NONE.copy()
    crystals[2:, 0] = True
    assert np.all(found(GROWN, crystals)[2:, 0] > 0.0)


def test_one_frame_makes_no_shadow_and_hides_none() -> None:
    assert np.all(found(np.where(np.arange(8) == 5, 0.5, 0.0)) == 0.0)
    wrong = np.where(np.arange(8) == 5, 0.9, GROWN)
    assert np.max(np.abs(found(wrong)[:, 0] - found(GROWN)[:, 0])) < 0.06
    missing = np.where(np.arange(8) == 5, np.nan, GROWN)
    assert_close(found(missing)[6:, 0], GROWN[6:], rel=1e-9)


def test_what_comes_back_or_was_always_there_is_none() -> None:
    assert np.all(found(np.array([0.0, 0.0, 0.3, 0.3, 0.3, 0.0, 0.0, 0.0])) == 0.0)
    assert np.all(found(np.full(8, 0.3)) == 0.0)
    assert np.all(found(-GROWN) == 0.0)


def test_its_sigma_is_of_the_depth_that_the_light_passes() -> None:
    depth, crystals = np.array([[2.0]]), np.array([[1.0]])
    assert_close(shadow_sigma(depth, crystals, 0.01), np.array([[np.sqrt(0.01**2 + 0.02**2 + 0.05**2)]]), rel=1e-9)
