import numpy as np
import pytest
from closeness import assert_close
from fit_cases import FEW_HEIGHTS, PLAIN, empty_run, measured

from electrosaxs.errors import FitError
from electrosaxs.inference.design.schedules import next_schedules
from electrosaxs.inference.fit import fit_model
from electrosaxs.nouns import VoltageProgram

TIMES = np.linspace(30.0, 1200.0, 24)
VOLTAGES = [VoltageProgram(time_s=[0.0], voltage_V=[volts]) for volts in (5.0, 20.0)]


@pytest.fixture(scope="module")
def fit():
    return fit_model([measured(empty_run())], PLAIN)


def test_chosen_frames_beat_an_even_scan(fit):
    for label in ("effective_charge", "diffusivity_scale"):
        best, other = next_schedules(fit, label, VOLTAGES, TIMES, FEW_HEIGHTS, with_past=False)
        assert best.sigma <= other.sigma
        assert best.sigma < 0.8 * best.even_sigma
        assert best.gain > 1.5
        assert best.heights.shape == best.times.shape == TIMES.shape


def test_a_stronger_field_tells_more_about_the_charge(fit):
    best, _ = next_schedules(fit, "effective_charge", VOLTAGES, TIMES, FEW_HEIGHTS, with_past=False)
    assert best.program.voltage_V == [20.0]


def test_new_frames_add_to_what_is_known(fit):
    known = fit.sigma("diffusivity_scale") / fit.value("diffusivity_scale")
    added, alone = (
        next_schedules(fit, "diffusivity_scale", VOLTAGES[1:], TIMES, FEW_HEIGHTS, with_past=past)[0]
        for past in (True, False)
    )
    assert added.sigma < min(known, alone.sigma)


def test_four_times_the_light_halves_the_sigma(fit):
    fine, coarse = (
        next_schedules(fit, "diffusivity_scale", VOLTAGES[1:], TIMES, FEW_HEIGHTS, relative_sigma=s, with_past=False)[0]
        for s in (0.02, 0.04)
    )
    assert_close(coarse.even_sigma, 2.0 * fine.even_sigma, rel=0.03)


def test_what_is_not_free_cannot_be_planned_for(fit):
    with pytest.raises(FitError, match="is not a free parameter"):
        next_schedules(fit, "solubility", VOLTAGES, TIMES, FEW_HEIGHTS)
