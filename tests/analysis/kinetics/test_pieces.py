"""A rate is that of one voltage: pieces of constant voltage as the frames saw them, and what follows from each."""

import numpy as np
from closeness import assert_close
from synthetic_maps import DECAY_UM, GAP_UM, HEIGHTS_UM, START, frame_times, volume_fraction_map

from electrosaxs.analysis.kinetics.growth import growth_curve, growth_line
from electrosaxs.analysis.kinetics.pieces import rated, with_voltage
from electrosaxs.analysis.kinetics.supply import supply_flux
from electrosaxs.nouns import Number
from electrosaxs.nouns.voltage_pieces import main_piece, pieces, steps

TIME = np.arange(0.0, 3000.0, 10.0)
STEP_S, BACK_S, RATE = 1300.0, 2600.0, 2.4e-6
LAYER = DECAY_UM * 1e-6 * (1.0 - np.exp(-GAP_UM / DECAY_UM))


def test_one_voltage_is_one_piece_and_changes_no_name() -> None:
    program = pieces(TIME, np.full(TIME.size, 20.0))
    assert len(program) == 1
    assert main_piece(program) is None
    assert rated(program) == [("", None)]
    assert pieces(TIME, np.full(TIME.size, np.nan)) == ()


def test_steps_ramps_reversal_and_field_off_are_told_apart() -> None:
    knots, volts = [0, 600, 900, 1500, 1501, 2000, 2001], [10, 10, 30, 30, -20, -20, 0]
    program = pieces(TIME, np.interp(TIME, knots, volts))
    assert [piece.ramp for piece in program] == [False, True, False, False, False]
    assert [piece.voltage for piece in program if not piece.ramp] == [10.0, 30.0, -20.0, 0.0]
    assert [piece.words.split(",")[0] for piece in program] == ["10 V", "a ramp", "30 V", "-20 V", "field off"]
    for (first, last), happened in zip(steps(program)[2:], (1500.0, 2000.0), strict=True):
        assert first <= happened <= last
    assert [suffix for suffix, _ in rated(program)] == ["", "[3]", "[4]", "[5]"]


def test_what_a_meter_reads_of_a_field_that_is_off_is_no_voltage() -> None:
    program = pieces(TIME, np.where(TIME < STEP_S, 20.0, 0.15))
    assert [piece.voltage for piece in program] == [20.0, 0.0]
    assert [piece.held for piece in program] == [True, False]


def test_frames_in_any_order_give_the_same_pieces_and_one_frame_within_a_step_is_no_ramp() -> None:
    volts = np.where(TIME < STEP_S, 10.0, 30.0)
    volts[np.argmin(np.abs(TIME - STEP_S))] = 17.0
    order = np.random.default_rng(1).permutation(TIME.size)
    program = pieces(TIME[order], volts[order])
    assert [piece.ramp for piece in program] == [False, False]
    assert steps(program)[0][0] < STEP_S < steps(program)[0][1]


def stepped_layer(time):
    """A layer that grows at RATE, from STEP_S three times as fast, from BACK_S backwards at RATE."""
    amplitude = RATE * (np.minimum(time, STEP_S) + 3.0 * np.clip(time - STEP_S, 0.0, BACK_S - STEP_S))
    amplitude -= RATE * np.maximum(time - BACK_S, 0.0)
    return START + amplitude * np.exp(-HEIGHTS_UM / DECAY_UM)


def test_each_voltage_has_its_own_slice_flux_and_supply() -> None:
    time = frame_times(scans=20, period=195.0)
    phi = volume_fraction_map(stepped_layer(time), time, sigma=0.002 * stepped_layer(time))
    program = pieces(time.ravel(), np.select([time.ravel() < STEP_S, time.ravel() < BACK_S], [10.0, 30.0], -10.0))
    curve = growth_curve(phi)
    for piece, times in zip(program, (1.0, 3.0, -1.0), strict=True):
        assert_close(growth_line(curve, during=piece).line.slope, times * RATE, rel=0.01)
        found = supply_flux(phi, gap_um=GAP_UM, start=START, during=piece)
        assert_close(found.value, times * RATE * LAYER, rel=0.03)
    assert "10 V" in growth_line(curve, during=program[0]).words


def test_numbers_say_of_which_voltage_they_are() -> None:
    program = pieces(TIME, np.where(TIME < STEP_S, 10.0, 30.0))
    names = {"slice_flux": 3e-10, "slice_flux[1]": 1e-10, "onset_time": 600.0, "anode_diameter": 7.0}
    numbers = {name: Number(value, 0.0, "one", "fit") for name, value in names.items()}
    numbers["onset_time_kink"] = Number.absent("s", "no kink")
    told = {name: number.source for name, number in with_voltage(numbers, program).items()}
    assert told["slice_flux"] == "fit; 30 V, 1300 to 2990 s"
    assert told["slice_flux[1]"] == told["onset_time"] == "fit; 10 V, 0 to 1290 s"
    assert (told["anode_diameter"], told["onset_time_kink"]) == ("fit", "no kink")
    assert with_voltage(numbers, pieces(TIME, np.full(TIME.size, 20.0))) == numbers
