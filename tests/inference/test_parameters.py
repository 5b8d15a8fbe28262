"""Coordinates of the parameters, and what was measured of the starting solution."""

import numpy as np
import pytest
from closeness import assert_close
from fit_cases import GROWING, PLAIN, empty_run, measured

from electrosaxs.inference.parameters import PARAMETERS, layout


@pytest.mark.parametrize("name", ["effective_charge", "charge_exponent", "attachment_time"])
def test_value_and_slope_belong_to_the_coordinate(name: str) -> None:
    parameter, step = PARAMETERS[name], 1e-6
    x = parameter.coordinate(1.7)
    assert_close(parameter.value(x), 1.7, rel=1e-12)
    numerical = (parameter.value(x + step) - parameter.value(x - step)) / (2.0 * step)
    assert_close(parameter.slope(x), numerical, rel=1e-7)


@pytest.mark.parametrize("x", [0.0, 0.7, 6.0])
def test_sigma_of_a_square_is_its_scatter(x: float) -> None:
    drawn = np.square(x + 0.5 * np.random.default_rng(1).standard_normal(400_000))
    assert_close(PARAMETERS["attachment_time"].sigma(x, 0.5), drawn.std(), rel=0.01)


def test_sizes_of_the_start_pull_with_their_measured_sigma() -> None:
    run = measured(empty_run(scans=3))
    made = layout([run], PLAIN)
    x = made.start() + 0.01
    residual, slope = made.prior(x)
    values = made.values(x, 0)
    for row, number in enumerate((run.start_diameter, run.start_polydispersity)):
        name = ("starting_diameter", "starting_polydispersity")[row]
        assert_close(residual[row], (values[name] - number.value) / number.sigma, rel=1e-9)
    numerical = np.stack([made.prior(x + h)[0] - made.prior(x - h)[0] for h in 1e-6 * np.eye(x.size)], axis=1) / 2e-6
    assert_close(slope, numerical, rel=1e-6, floor=1e-6)


def test_a_solubility_begins_and_stays_above_the_starting_solution() -> None:
    run = measured(empty_run(scans=3))
    made = layout([run], GROWING)
    item = made.free[made.index("solubility")]
    assert_close(item.low, 1.02 * run.solution.volume_fraction, rel=1e-12)
    assert item.start > item.low
