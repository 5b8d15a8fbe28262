"""Frames that scatter too little as a whole are out where that is significant, alone or together; else it is in their sigma."""

from dataclasses import replace

import numpy as np

from electrosaxs.analysis.concentration.missing_solvent import MissingSolvent
from electrosaxs.analysis.concentration.scaled_frames import Cause, Measure, ScaledFrames
from electrosaxs.nouns.contributions import GAS, NORMALISATION
from electrosaxs.recipes.analyse.scaled import Scaled, gas_at_the_edge, with_scaled

SHAPE = (6, 3)
DEPTH = np.tile([1.2, 0.4, 0.01], (6, 1))
SOLVENT_DEPTH = 0.9
SIGMA = np.tile([0.01, 0.004, 0.003], (6, 1))
CUT = np.array([True, False, False])
OUT = np.zeros(SHAPE, dtype=bool)


def told(
    gas: dict[tuple[int, int], float],
    monitor: dict[tuple[int, int], float] | None = None,
    *,
    out: np.ndarray = OUT,
    there: int | None = None,
) -> Scaled:
    share, light = np.zeros(SHAPE), np.zeros(SHAPE)
    for place, size in gas.items():
        share[place], light[place] = size, SOLVENT_DEPTH * size
    for place, size in (monitor or {}).items():
        share[place], light[place] = size, -DEPTH[place] * size
    frames = ScaledFrames.of(
        Measure(share, SIGMA), Measure(light, 1.5 * SIGMA), None, depth=DEPTH, own=DEPTH, solvent_depth=SOLVENT_DEPTH
    )
    return Scaled(frames, out, np.where(np.arange(3) == there, 0.05, 0.0), CUT, np.full(SHAPE, 1.5))


def places(found: np.ndarray) -> list[list[int]]:
    return np.argwhere(found).tolist()


def test_a_monitor_three_per_cent_off_is_out_where_hardly_a_particle_is_left() -> None:
    for size in (0.03, -0.03):
        scaled = told({}, {(4, 2): size})
        assert places(scaled.found) == [[4, 2]]
        reason = scaled.reason((4, 2))
        words = reason.words
        assert reason.causes[0] == Cause.MONITOR
        assert words.startswith("monitor")
        assert ("too high: less of solvent" if size > 0.0 else "too low: more of solvent") in words


def test_what_a_noisy_monitor_makes_of_single_frames_stays_in_with_its_size_in_sigma() -> None:
    """3 % where all frames scatter by 1.5 %: no fault of this one; 12 % would be."""
    for size, out in ((0.03, []), (0.12, [[4, 2]])):
        scaled = replace(told({}, {(4, 2): size}), noise=0.015)
        assert places(scaled.found) == out
        assert scaled.unseen[NORMALISATION][4, 2] > 0.9 * 1.5 * size


def test_the_worst_of_its_surroundings_goes_first() -> None:
    assert places(told({}, {(3, 1): 0.05, (3, 2): 0.02}).found) == [[3, 1]]


def test_frames_with_gas_say_together_what_one_does_not() -> None:
    assert not told({(3, 0): 0.035}).found.any()
    both = told({(3, 0): 0.035, (4, 0): 0.035, (5, 0): 0.035})
    assert places(both.found) == [[3, 0], [4, 0], [5, 0]]
    assert "as it is from others of this height" in both.reason((4, 0)).words
    assert not told({(3, 0): 0.035, (4, 1): 0.01}).found.any()  # of two heights


def test_what_is_not_significant_is_in_the_sigma_of_that_frame_alone() -> None:
    unseen = told({}, {(3, 2): 0.011}).unseen
    assert places(unseen[NORMALISATION] > 0.0) == [[3, 2]]
    assert np.isclose(unseen[NORMALISATION][3, 2], 1.5 * 0.011, rtol=0.05)
    assert not unseen[GAS].any()


def test_scans_in_a_row_at_the_electrode_have_in_their_sigma_what_they_show_together() -> None:
    unseen = told({(2, 0): 0.02, (3, 0): 0.02, (4, 0): 0.02}).unseen
    assert places(unseen[GAS] > 0.02) == [[2, 0], [3, 0], [4, 0]]
    assert not told({(2, 0): 0.005, (4, 0): 0.005}).unseen[GAS].any()


def test_where_gas_was_found_each_frame_has_in_its_sigma_what_it_may_hide() -> None:
    scaled = told({(3, 0): 0.015}, there=0)
    assert not scaled.found.any()
    assert np.all(scaled.unseen[GAS][:, 0] > 0.005)


def test_a_search_ends_where_nothing_more_is_found() -> None:
    def shown(left_out: np.ndarray, there: np.ndarray) -> Scaled:
        return told({} if left_out[3, 0] else {(3, 0): 0.2}, out=left_out, there=0 if there[0] else None)

    left_out, reasons, unseen = with_scaled(shown, OUT)
    assert places(left_out) == [[3, 0]]
    assert list(reasons) == [(3, 0)]
    assert reasons[3, 0].causes == (Cause.GAS,)
    assert reasons[3, 0].words.startswith("gas in the beam: 20 %")
    assert unseen[GAS][3, 0] == 0.0


def test_gas_that_stays_at_the_anode_in_most_scans_is_out_and_not_the_scans_without() -> None:
    """What passes an electrode is learnt from its scans: five of eight with gas make the other three the odd ones."""
    random = np.random.default_rng(4)
    gas = np.zeros((8, 3))
    gas[3:, 0] = 0.05
    shares, sigma = gas + 0.006 * random.standard_normal((8, 3)), np.full((8, 3), 0.006)
    lighter = 0.09 * gas + 3e-4 * random.standard_normal((8, 3))
    of_light = np.full((8, 3), 3e-4)
    found = gas_at_the_edge(MissingSolvent(shares, sigma), lighter, of_light, CUT)
    assert np.array_equal(found, gas > 0.0)
    # neither a stage that lets more light pass, nor solvent that seems to be missing while the light is as before
    assert not gas_at_the_edge(MissingSolvent(shares - gas, sigma), lighter, of_light, CUT).any()
    assert not gas_at_the_edge(MissingSolvent(shares, sigma), lighter - 0.09 * gas, of_light, CUT).any()
    assert not gas_at_the_edge(MissingSolvent(shares, sigma), lighter, of_light, np.zeros(3, dtype=bool)).any()
