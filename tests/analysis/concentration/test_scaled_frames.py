"""A frame that scatters too little as a whole: solvent, light and neighbours tell by how much, and whose fault it is."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.analysis.concentration.scaled_frames import Cause, Measure, ScaledFrames

DEPTH = np.array([[0.01, 0.2, 1.5]])  # a depleted height, the bulk, the anode
SOLVENT_DEPTH = 0.88
LIGHT_SIGMA = np.array([[3e-4, 3e-4, 5e-3]])
SOLVENT_SIGMA = np.array([[2e-3, 2e-3, 1e-2]])
NEIGHBOURS_SIGMA = np.array([[0.5, 5e-3, 8e-3]])
RESPONSES = {Cause.MONITOR: -DEPTH, Cause.TRANSMISSION: 1.0 - DEPTH, Cause.GAS: np.full(DEPTH.shape, SOLVENT_DEPTH)}


def frames(share: float, cause: str, *, parasitic: float = 0.0) -> ScaledFrames:
    return ScaledFrames.of(
        Measure(np.full(DEPTH.shape, share) + parasitic, SOLVENT_SIGMA),
        Measure(share * RESPONSES[cause], LIGHT_SIGMA),
        Measure(np.full(DEPTH.shape, share), NEIGHBOURS_SIGMA),
        depth=DEPTH,
        own=DEPTH,
        solvent_depth=SOLVENT_DEPTH,
    )


@pytest.mark.parametrize("cause", [Cause.MONITOR, Cause.TRANSMISSION, Cause.GAS])
def test_a_frame_that_is_scaled_says_by_how_much_and_by_what(cause: str) -> None:
    found = frames(0.03, cause)
    assert_close(found.by(cause).share, np.full(DEPTH.shape, 0.03), rel=1e-9)
    assert_close(found.share[0, 0], 0.03, rel=0.15)
    assert np.all(found.significance > 4.5)
    assert cause in found.likely(0, 1)
    assert (Cause.MONITOR in found.likely(0, 1)) == (cause == Cause.MONITOR)


def test_a_monitor_that_read_too_low_is_found_where_nothing_absorbs_and_is_no_gas() -> None:
    found = frames(-0.03, Cause.MONITOR)
    assert found.significance[0, 0] < -12.0
    assert found.by(Cause.GAS).significance[0, 0] == 0.0
    assert found.likely(0, 0)[0] == Cause.MONITOR


def test_something_flat_that_scatters_in_one_frame_is_no_fault_of_phi() -> None:
    found = frames(
        0.0, Cause.MONITOR, parasitic=-0.02
    )  # ten sigmas of the solvent, which the light of the bulk contradicts
    assert abs(found.significance[0, 1]) < 2.0


def test_what_noise_of_every_frame_makes_of_one_is_no_fault_of_it() -> None:
    found = frames(0.02, Cause.TRANSMISSION)
    noisy = found.within(0.01)
    assert np.all(np.abs(noisy.significance[0, :2]) < 2.0 + 1e-9)
    assert np.all(found.significance > 2.0 * noisy.significance)
    assert np.array_equal(noisy.by(Cause.GAS).sigma, found.by(Cause.GAS).sigma)  # gas is in single frames


def test_measures_that_contradict_each_other_make_sigma_larger() -> None:
    alike, apart = frames(0.02, Cause.MONITOR), frames(0.02, Cause.MONITOR, parasitic=0.03)
    assert np.all(apart.by(Cause.MONITOR).sigma[0, 1:] > 1.5 * alike.by(Cause.MONITOR).sigma[0, 1:])


def test_a_frame_of_which_nothing_is_known_shows_nothing() -> None:
    nothing = Measure(np.full(DEPTH.shape, np.nan), LIGHT_SIGMA)
    found = ScaledFrames.of(nothing, nothing, None, depth=DEPTH, own=DEPTH, solvent_depth=SOLVENT_DEPTH)
    assert not found.significance.any()


def test_rounding_names_no_cause_where_all_explain_a_frame_alike() -> None:
    """One measure of two is met exactly by any cause: the first is named, whatever the last digit of the light is."""
    nothing = Measure(np.full(DEPTH.shape, np.nan), SOLVENT_SIGMA)
    named = set()
    for digit in range(40):
        light = Measure(0.03 * RESPONSES[Cause.MONITOR] * (1.0 + digit * 1e-15), LIGHT_SIGMA)
        found = ScaledFrames.of(nothing, light, None, depth=DEPTH, own=1.1 * DEPTH, solvent_depth=SOLVENT_DEPTH)
        named |= {found.likely(0, place)[0] for place in range(3)}
    assert named == {Cause.MONITOR}
