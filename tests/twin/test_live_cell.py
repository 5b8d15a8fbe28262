"""A cell that goes on under a voltage decided now is the cell of the whole program."""

from pathlib import Path

import numpy as np
from closeness import assert_close

from electrosaxs.control.plant import flux_into_slice
from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import VoltageProgram
from electrosaxs.transport import simulate
from electrosaxs.twin.cell import HALVINGS, starting_classes
from electrosaxs.twin.live_cell import LiveCell

EXPERIMENT = read_experiment(Path(__file__).parents[2] / "examples" / "experiment_small.toml")


def test_a_run_in_steps_is_the_run_in_one_go() -> None:
    """Thirty times at which the integrator stops, growth within: the same to 1e-9, whoever holds the state."""
    times = np.linspace(20.0, 600.0, 30)
    program = VoltageProgram(time_s=[0.0], voltage_V=[30.0])
    whole = simulate(
        EXPERIMENT.cell, EXPERIMENT.solution, starting_classes(EXPERIMENT), EXPERIMENT.transport, EXPERIMENT.growth,
        program, times, halvings=HALVINGS,
    )  # fmt: skip
    live = LiveCell(EXPERIMENT, None, highest_V=30.0)
    heights = np.array([0.0, 3.0, 50.0, 700.0, 3400.0])
    for time in times:
        live.go_on(30.0, float(time))
        assert_close(live.dissolved(heights), whole.at(time, 1e-6 * heights), rel=1e-9)
    assert whole.crystals[-1].sum() > 0.0
    assert_close(live.crystals_um(), 1e6 * whole.crystals[-1], rel=1e-9)
    begun = int(np.flatnonzero(whole.crystals.sum(axis=1) > 0.0)[0])
    assert begun > 0
    record = live.growth_record()
    assert record is not None
    assert_close(record.flux, flux_into_slice(whole, 50e-6)[begun - 1], rel=1e-6)  # by the planner's own road


def test_without_field_a_fresh_filling_rests() -> None:
    live = LiveCell(EXPERIMENT, None, highest_V=30.0)
    live.go_on(0.0, 5000.0)
    assert_close(live.dissolved(np.array([0.0, 1000.0])), np.tile(live.start_phi, (2, 1)), rel=1e-12)
    live.go_on(30.0, 5300.0)
    assert live.dissolved(np.array([0.0])).sum() > 2.0 * live.start_phi.sum()


def test_a_voltage_that_falls_to_nothing_lets_the_wall_relax() -> None:
    live = LiveCell(EXPERIMENT, None, highest_V=30.0)
    live.go_on(30.0, 300.0)
    high = live.dissolved(np.array([0.0])).sum()
    live.go_on(0.0, 900.0)
    assert live.growth_record() is None  # what had begun has dissolved, or nothing had
    low = live.dissolved(np.array([0.0])).sum()
    assert live.start_phi.sum() < low < high
