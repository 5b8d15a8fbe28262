"""What is read out of a simulated cell between its steps and nodes, and that a run can go on."""

from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from scipy.special import erfc
from transport_cases import GAP, PAPER, PHI0, run

from electrosaxs.errors import ConvergenceError, ElectrosaxsError
from electrosaxs.nouns import VoltageProgram
from electrosaxs.transport import SizeClasses, beam_weights, point_weights, slice_weights

STEP_UP = VoltageProgram(time_s=[0.0, 1500.0, 1500.001], voltage_V=[10.0, 10.0, 30.0])


@pytest.mark.parametrize("program", [20.0, STEP_UP])
@pytest.mark.parametrize("solubility", [None, 0.011])
def test_any_time_and_height_is_known_to_1e_4(program: object, solubility: float | None) -> None:
    times = np.linspace(10.0, 3300.0, 300)
    heights = np.array([0.0, 7.3, 50.0, 120.0, 600.0, 1400.0, 2600.0, 3400.0]) * 1e-6
    sink = {"solubility": solubility, "attachment_time_s": 40.0}
    dense = run(program, times, classes=PAPER, rtol=1e-8, **sink)
    free = run(program, [3300.0], classes=PAPER, grid=dense.problem.grid, **sink)
    at_nodes = dense.total_phi() @ point_weights(dense.z, heights).T
    got = free.at(times[:, None], heights[None, :]).sum(axis=-1)
    # the step in which the first crystals appear has a kink inside
    assert_close(got, at_nodes, rel=1e-4 if solubility is None else 5e-4, floor=1e-4 * PHI0)


def test_heights_between_nodes_are_known_to_1e_4() -> None:
    coarse = run(30.0, [1000.0], classes=PAPER)
    exponential = np.exp(-coarse.z / 40e-6)
    heights = np.linspace(0.0, 150e-6, 200)
    assert_close(point_weights(coarse.z, heights) @ exponential, np.exp(-heights / 40e-6), rel=1e-4)


def test_slice_mean_of_an_exponential_is_its_integral() -> None:
    z = run(30.0, [10.0], classes=PAPER).z
    low, high, ell = 13e-6, 63e-6, 60e-6
    exact = ell * (np.exp(-low / ell) - np.exp(-high / ell)) / (high - low)
    assert_close(slice_weights(z, low, high) @ np.exp(-z / ell), exact, rel=1e-6)


def test_half_blocked_beam_sees_an_exponential_as_the_error_function_says() -> None:
    from scipy.special import erfcx

    z = run(30.0, [10.0], classes=PAPER).z
    fwhm, ell = 34e-6, 70e-6
    sigma = fwhm / 2.3548200450309493
    rows, density = beam_weights(z, [0.0, 1e-3], fwhm)
    assert_close(rows.sum(axis=1), [1.0, 1.0], rel=1e-12)
    assert_close(rows[0] @ np.exp(-z / ell), erfcx(sigma / (ell * np.sqrt(2.0))), rel=1e-5)
    assert_close(density[0], 2.0 / (sigma * np.sqrt(2.0 * np.pi)), rel=1e-5)
    assert density[1] < 1e-300


def test_fluxes_of_all_faces_explain_the_change_of_phi() -> None:
    history = run(20.0, [999.5, 1000.0, 1000.5], classes=PAPER, solubility=0.011, rtol=1e-8)
    total = history.flux_terms().total
    change = (history.phi[2] - history.phi[0]) / 1.0
    inflow = np.diff(total[1], axis=-1) / np.diff(history.edges)
    scale = np.abs(inflow).max()
    assert_close(change, inflow, rel=1e-3, floor=2e-5 * scale)
    assert not np.any(np.abs(total[:, :, -1]) > 1e-25)


def test_early_flux_in_the_middle_of_the_cell_is_the_supply() -> None:
    history = run(20.0, [30.0], classes=PAPER)
    middle = np.argmin(np.abs(history.edges - 1.75e-3))
    terms = history.flux_terms()
    assert_close(terms.drift[0, :, middle].sum(), history.supply_flux()[0], rel=1e-6)
    assert abs(terms.diffusion[0, :, middle].sum()) < 1e-6 * history.supply_flux()[0]


def test_a_run_continues_with_another_voltage_as_if_it_had_been_one_program() -> None:
    whole = run(STEP_UP, [1500.0, 1500.001, 3300.0], classes=PAPER, solubility=0.011, rtol=1e-7)
    grid = whole.problem.grid
    first = run(10.0, [1500.0], classes=PAPER, solubility=0.011, rtol=1e-7, grid=grid)
    second = run(30.0, [3300.0], classes=PAPER, solubility=0.011, rtol=1e-7, grid=grid, start=first.final)
    assert_close(second.total_phi()[0], whole.total_phi()[-1], rel=1e-5, floor=1e-6 * PHI0)
    assert_close(second.crystals[0].sum(), whole.crystals[-1].sum(), rel=1e-5)


def test_reversed_field_takes_back_what_it_brought() -> None:
    back = VoltageProgram(time_s=[0.0, 600.0, 600.001], voltage_V=[10.0, 10.0, -10.0])
    history = run(back, [600.0, 1200.0, 1800.0], classes=PAPER)
    wall = history.wall_phi()
    assert wall[0] > 2.0 * PHI0
    assert wall[1] < 1.2 * PHI0
    assert wall[2] < wall[1]
    assert history.total_phi()[2, -1] > 2.0 * PHI0


def test_a_fine_staircase_of_voltages_is_a_ramp() -> None:
    points = np.linspace(0.0, 2000.0, 201)
    logged = VoltageProgram(time_s=points.tolist(), voltage_V=(0.01 * points).tolist())
    ramp = VoltageProgram(time_s=[0.0, 2000.0], voltage_V=[0.0, 20.0])
    a = run(logged, [2000.0], classes=PAPER)
    b = run(ramp, [2000.0], classes=PAPER, grid=a.problem.grid)
    assert_close(a.total_phi(), b.total_phi(), rel=2e-4, floor=1e-4 * PHI0)


def test_mean_size_is_largest_at_the_anode_and_smallest_at_the_cathode() -> None:
    mean, _ = run(20.0, [600.0], classes=PAPER).moments()
    assert mean[0].argmax() == 0
    assert mean[0].argmin() == mean[0].size - 1


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([], "increase"),
        ([10.0, 5.0], "increase"),
        ([np.nan], "finite"),
        ([0.0], "end after"),
        ([-5.0, 5.0], "end after"),
    ],
)
def test_impossible_times_are_refused(times: list[float], said: str) -> None:
    with pytest.raises(ElectrosaxsError, match=said):
        run(20.0, times)


def test_times_and_heights_outside_the_run_are_refused() -> None:
    history = run(20.0, [100.0])
    with pytest.raises(ElectrosaxsError, match="simulate for longer"):
        history.at(200.0, 1e-3)
    with pytest.raises(ElectrosaxsError, match="between the electrodes"):
        history.at(50.0, 1.01 * GAP)
    with pytest.raises(ElectrosaxsError, match="beam passes"):
        beam_weights(history.z, [-200e-6], 34e-6)


def test_a_solver_that_runs_out_of_steps_says_so_and_returns_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("electrosaxs.transport.integrate.MAX_STEPS", 20)
    with pytest.raises(ConvergenceError, match=r"rtol = 0.0001: is not reached at t = .* more than 20 steps"):
        run(20.0, [3300.0], rtol=1e-4)


@pytest.mark.parametrize("charge_model", ["fast-exchange", "neutralised-at-anode"])
def test_a_voltage_that_hardly_rises_is_a_constant_one(charge_model: str) -> None:
    rising = VoltageProgram(time_s=[0.0, 1500.0], voltage_V=[30.0, 30.0 * (1.0 + 1e-13)])
    wanted = {"classes": SizeClasses.gaussian(7.1, 1.1, 5), "solubility": 0.004, "charge_model": charge_model}
    each, whole = (run(program, [400.0, 1500.0], **wanted) for program in (rising, 30.0))
    assert_close(np.array(whole.knots.times), np.array(each.knots.times), rel=1e-9)
    assert_close(whole.phi, each.phi, rel=1e-9, floor=1e-9 * PHI0)
    assert_close(whole.crystals, each.crystals, rel=1e-9, floor=1e-15)
    assert_close(whole.flux_terms().total, each.flux_terms().total, rel=1e-7, floor=1e-16)
    assert_close(whole.flux_terms_in_all().drift[:, 0], whole.flux_terms().drift.sum(axis=1), rel=1e-12)
    assert np.all(whole.crystals[1] > 0.0)


def test_a_state_that_is_no_number_is_not_gone_on_with() -> None:
    begun = run(20.0, [100.0])
    broken = replace(begun.final, u=np.full_like(begun.final.u, np.nan))
    with pytest.raises(ConvergenceError, match="the solution is not finite"):
        run(20.0, [200.0], grid=begun.problem.grid, start=broken)


@pytest.mark.parametrize("rtol", [0.0, -1.0, 2.0, np.nan])
def test_impossible_tolerances_are_refused(rtol: float) -> None:
    with pytest.raises(ElectrosaxsError, match="rtol"):
        run(20.0, [100.0], rtol=rtol)


def test_a_start_on_another_grid_is_refused() -> None:
    first = run(20.0, [10.0])
    with pytest.raises(ElectrosaxsError, match="grid"):
        run(20.0, [20.0], start=first.final)
    with pytest.raises(ElectrosaxsError, match="same grid"):
        run(20.0, [20.0], classes=PAPER, grid=first.problem.grid, start=first.final)


def test_a_layer_on_the_anode_fades_as_the_beam_leaves_it() -> None:
    z = run(30.0, [10.0], classes=PAPER).z
    fwhm, centres = 34e-6, np.array([0.0, 17e-6, 34e-6])
    sigma = fwhm / 2.3548200450309493
    _, density = beam_weights(z, centres, fwhm)
    open_part = 0.5 * erfc(-centres / (sigma * np.sqrt(2.0)))
    gaussian = np.exp(-0.5 * (centres / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi))
    assert_close(density, gaussian / open_part, rel=1e-5)
