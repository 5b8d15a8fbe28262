from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from fit_cases import FEW_HEIGHTS, TRUTH, as_results, crystalline, empty_run, measured

from electrosaxs.errors import FitError, InputFileError
from electrosaxs.inference.observations import MODEL_ACCURACY, StartErrors, observations
from electrosaxs.nouns import CrystallineFraction, Number


@pytest.fixture
def results():
    return as_results(measured(empty_run(scans=3), shared=0.01))


def test_a_map_becomes_points_and_a_map_again(results):
    run = observations(results)
    assert run.size == 3 * 3 * FEW_HEIGHTS.size
    phi = run.channels["volume_fraction"]
    assert_close(run.to_map(phi.values), results.volume_fraction.values, rel=1e-12)
    assert_close(run.to_map(run.time), results.volume_fraction.coord("time"), rel=1e-12)
    relative = MODEL_ACCURACY["volume_fraction"][0]
    expected = np.hypot(results.volume_fraction.sigma, relative * results.volume_fraction.values)
    assert_close(run.to_map(phi.sigma), expected, rel=1e-12)
    assert list(phi.shared) == ["reference"]


def test_the_error_of_the_starting_solution_moves_data_and_model_alike(results):
    phi = results.volume_fraction
    given = replace(phi, shared={**phi.shared, "starting_solution": 0.05 * phi.data})
    assert list(observations(replace(results, volume_fraction=given)).channels["volume_fraction"].shared) == [
        "reference"
    ]


def test_sizes_among_crystals_do_not_count_and_the_beams_tail_is_not_trusted(results):
    run = observations(replace(results, crystalline_fraction=crystalline([-1e-4, 0.002, 0.4])))
    used = run.to_map(run.channels["diameter"].used.astype(float))
    assert used[:, 0].tolist() == [1.0, 1.0, 0.0]
    assert used[:, 1:].all()
    phi = run.channels["volume_fraction"]
    plain = observations(results).channels["volume_fraction"]
    wider = run.to_map(phi.sigma / plain.sigma)
    assert wider[2, 1] > 1.0
    assert_close(wider[2, 2:], np.ones(FEW_HEIGHTS.size - 2), rel=1e-6)
    assert wider[2, 0] == 1.0


def test_a_missing_frame_and_a_mask_are_left_out(results):
    phi = results.volume_fraction
    values = phi.data.copy()
    values.values[1, 2] = np.nan
    run = observations(replace(results, volume_fraction=replace(phi, data=values)))
    assert int((~run.channels["volume_fraction"].used).sum()) == 1


def test_the_voltage_may_be_constant_or_a_program_but_not_absent(results):
    cell = {**results.settings["cell"], "voltage_V": 12.0}
    plain = replace(results, settings={**results.settings, "voltage": None, "cell": cell})
    assert observations(plain).program.voltage_V == [12.0]
    without = replace(results, settings={**results.settings, "voltage": None})
    with pytest.raises(InputFileError, match="needs the voltage of the run"):
        observations(without, where="out")
    wrong = replace(results, settings={**results.settings, "voltage": {"time_s": [0.0, 0.0], "voltage_V": [1.0, 2.0]}})
    with pytest.raises(InputFileError, match="increasing"):
        observations(wrong)
    with pytest.raises(InputFileError, match=r"settings\.cell"):
        observations(replace(results, settings={}), where="out")


def test_nothing_measured_is_nothing_to_fit(results):
    phi = results.volume_fraction
    empty = phi.data.copy()
    empty.values[:] = np.nan
    with pytest.raises(FitError, match="nothing to fit"):
        observations(replace(results, volume_fraction=replace(phi, data=empty)))


def test_sizes_at_the_start_without_a_measurement_are_free(results):
    from electrosaxs.inference.parameters import Model, layout

    run = observations(replace(results, numbers={}))
    assert run.start_diameter == Number.absent("nm", "not in the results")
    made = layout([run], Model())
    own = [item for item in made.free if item.label.startswith("starting")]
    assert len(own) == 2
    assert all(item.prior is None for item in own)
    known = layout([observations(results)], Model())
    assert [item.prior is None for item in known.free if item.label.startswith("starting")] == [False, False]
    assert known.values(known.start(), 0)["diffusivity_scale"] == 1.0
    assert TRUTH["starting_diameter"] != 7.1


def test_what_the_tail_of_the_beam_sees_of_crystals_is_an_error_of_the_crystals_size(results):
    share, sigma = 0.4, 34.0 / 2.3548200450309493
    run = observations(replace(results, crystalline_fraction=crystalline([0.0, 0.0, share])))
    with_them, plain = (r.to_map(r.channels["volume_fraction"].sigma) for r in (run, observations(results)))
    added = np.sqrt(with_them[2] ** 2 - plain[2] ** 2)
    tail = np.exp(-0.5 * (FEW_HEIGHTS[1] / sigma) ** 2)
    assert_close(added[1], share * results.volume_fraction.values[2, 0] * tail, rel=1e-6)


def test_crystals_within_three_sigma_of_none_do_not_hide_sizes(results):
    found = CrystallineFraction.from_arrays(
        np.full(3, 0.03), dims=("scan",), coords={}, sigma=np.array([0.02, 0.009, 0.001])
    )
    used = observations(replace(results, crystalline_fraction=found)).channels["diameter"].used
    assert observations(results).to_map(used.astype(float))[:, 0].tolist() == [1.0, 0.0, 0.0]


def test_the_own_sigma_of_a_starting_size_is_what_the_shared_ones_leave():
    start = StartErrors(shared={"a": np.array([0.03, 0.0]), "b": np.array([0.0, 0.004])})
    assert_close(start.independent("starting_diameter", 0.05), 0.04, rel=1e-12)
    assert_close(start.independent("starting_polydispersity", 0.005), 0.003, rel=1e-12)
    assert 0.0 < start.independent("starting_diameter", 0.03) < 0.03  # never none at all
