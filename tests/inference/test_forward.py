import numpy as np
import pytest
from closeness import assert_close
from expected_maps import expected_maps
from fit_cases import FEW_HEIGHTS, GROWING, PLAIN, TRUTH, empty_run

from electrosaxs.analysis.footprint.open_beam import surface_weight
from electrosaxs.inference.forward import numerical_error, predict, starting_sizes
from electrosaxs.inference.parameters import Model
from electrosaxs.nouns import (
    Beam,
    Experiment,
    GrowthSettings,
    ScanSettings,
    SourceBeam,
    StartingSolution,
    TransportSettings,
)
from electrosaxs.twin.cell import simulate_cell


def experiment_of(run, growth):
    """The same cell for the digital twin."""
    assert issubclass(SourceBeam, Beam)
    diameter = TRUTH["starting_diameter"]
    return Experiment.model_validate(
        {
            "cell": run.cell,
            "solution": StartingSolution(
                volume_fraction=run.solution.volume_fraction, core_diameter_nm=diameter,
                core_sigma_nm=diameter * TRUTH["starting_polydispersity"],
            ),
            "voltage": run.program,
            "transport": TransportSettings(
                effective_charge=TRUTH["effective_charge"], charge_exponent=TRUTH["charge_exponent"],
                diffusivity_scale=TRUTH["diffusivity_scale"],
            ),
            "growth": growth,
            "scan": ScanSettings(duration_s=float(run.time.max()), heights_um=list(FEW_HEIGHTS), scans=1),
            "beam": SourceBeam(energy_keV=13.3, fwhm_um=run.beam_fwhm_um),
            "detector": {"name": "Pilatus100k", "distance_m": 1.0},
        }
    )  # fmt: skip


def test_the_fit_sees_the_cell_as_the_twin_does():
    # flat crystals count with the beam's density on the anode: then both are the same measurement
    run = empty_run(duration=2400.0)
    growth = GrowthSettings(solubility=TRUTH["solubility"], attachment_time_s=TRUTH["attachment_time"])
    experiment = experiment_of(run, growth)
    expected = expected_maps(simulate_cell(experiment), experiment, run.time, run.height)
    assert expected.phi_crystals[-FEW_HEIGHTS.size].sum() > 0.005
    values = {**TRUTH, "crystal_length": surface_weight(0.0, 34.0)}
    coarse = predict(run, GROWING, values)
    assert_close(coarse.volume_fraction, expected.phi, rel=1e-3, floor=1e-8)
    found = numerical_error(run, GROWING, values).taken_off(coarse)
    assert_close(found.volume_fraction, expected.phi, rel=2e-5, floor=1e-9)
    assert_close(found.diameter, expected.diameter_nm, rel=5e-6)
    assert_close(found.deviation, expected.deviation_nm, rel=2e-5)


def test_the_numerical_error_hardly_changes_with_the_parameters():
    run = empty_run(duration=2400.0)
    moved = {**TRUTH, "effective_charge": 1.03 * TRUTH["effective_charge"], "solubility": 1.1 * TRUTH["solubility"]}
    here, there = (numerical_error(run, GROWING, values) for values in (TRUTH, moved))
    assert np.abs(here.volume_fraction).max() > 5e-7
    assert np.abs(there.volume_fraction - here.volume_fraction).max() < 0.2 * np.abs(here.volume_fraction).max()


def test_thirteen_sizes_are_as_good_as_sixty_one():
    run = empty_run()
    few, many = (predict(run, PLAIN, TRUTH, classes=classes) for classes in (13, 61))
    assert_close(few.volume_fraction, many.volume_fraction, rel=1e-4, floor=1e-8)
    assert_close(few.diameter, many.diameter, rel=1e-4)
    assert_close(few.deviation, many.deviation, rel=5e-4)


def test_crystals_that_stand_twice_as_far_out_are_read_half_as_much():
    run = empty_run(np.array([0.0, 1000.0]), duration=2400.0)
    flat, spread, none = (
        predict(run, GROWING, {**TRUTH, "crystal_length": length}).volume_fraction for length in (20.0, 40.0, 1e9)
    )
    assert flat[-2] - none[-2] > 1e-3
    assert_close((flat - none)[-2], 2.0 * (spread - none)[-2], rel=1e-6)
    assert_close(flat[1::2], none[1::2], rel=1e-12)


def test_sizes_of_the_start_are_those_asked_for():
    sizes = starting_sizes(TRUTH)
    assert_close(sizes.mean_nm(), 7.0, rel=1e-9)
    assert_close(sizes.deviation_nm(), 7.0 * 0.16, rel=1e-6)


@pytest.mark.parametrize("charge", ["permanent", "neutralised-at-anode"])
def test_other_charge_models_give_other_maps(charge):
    run = empty_run()
    fast = predict(run, PLAIN, TRUTH).volume_fraction
    other = predict(run, Model(charge, "none"), TRUTH).volume_fraction
    assert np.max(np.abs(other / fast - 1.0)) > 0.1


def test_a_share_lost_at_the_electrodes_is_the_same_as_a_smaller_charge():
    run = empty_run(np.array([0.0, 200.0, 2000.0]), scans=3)
    loss = predict(run, Model("fast-exchange", "none", "electrode-loss"), {**TRUTH, "electrode_loss": 0.25})
    weak = predict(run, PLAIN, {**TRUTH, "effective_charge": 0.75 * TRUTH["effective_charge"]})
    assert_close(loss.volume_fraction, weak.volume_fraction, rel=1e-9)


def test_particles_that_carry_the_current_change_the_field_that_they_feel():
    run = empty_run(np.array([0.0, 200.0, 2000.0]), scans=3)
    carry = Model("fast-exchange", "none", "conduction")
    nominal = predict(run, PLAIN, TRUTH).volume_fraction
    none, most = (predict(run, carry, {**TRUTH, "carrier_share": share}).volume_fraction for share in (0.0, 0.8))
    assert_close(none, nominal, rel=2e-3)
    assert np.max(np.abs(most / nominal - 1.0)) > 0.05
