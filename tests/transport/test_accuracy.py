"""The scheme against exact solutions, with measured orders of convergence, conservation and positivity."""

import numpy as np
import pytest
from closeness import assert_close
from exact_transport import boltzmann, closed_walls, cosine_mode
from transport_cases import CELL, DIFFUSION, GAP, ONE_SIZE, PAPER, PHI0, SOLUTION, run, voltage_for

from electrosaxs.nouns import FloatArray, TransportSettings, VoltageProgram
from electrosaxs.transport import Grid, Problem, State
from electrosaxs.transport.charge_models import columns
from electrosaxs.transport.growth import Growth
from electrosaxs.transport.integrate import STAGE_TIMES, _Stepper, integrate

THETA = DIFFUSION / GAP**2


def one_size_problem(grid: Grid, program: VoltageProgram, charge: float = 0.045) -> Problem:
    _, cols = columns(CELL, SOLUTION, ONE_SIZE, TransportSettings(effective_charge=charge))
    return Problem(grid, cols, Growth(np.inf, 0.0), program)


@pytest.mark.parametrize("peclet", [8.0, 35.0, 60.0])
def test_error_against_mason_weaver_falls_with_the_square_of_the_spacing(peclet: float) -> None:
    errors = []
    for cells in (201, 401, 801):
        history = run(voltage_for(peclet), [600.0], grid=Grid.uniform(GAP, cells), rtol=1e-7)
        exact = closed_walls(history.z / GAP, THETA * 600.0, peclet)
        errors.append(np.max(np.abs(history.total_phi()[0] / PHI0 - exact)))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders > 1.9), (errors, orders)


@pytest.mark.parametrize("time", [60.0, 600.0, 3300.0])
@pytest.mark.parametrize("peclet", [8.0, 35.0, 60.0])
def test_default_grid_and_tolerance_are_within_a_thousandth_of_mason_weaver(peclet: float, time: float) -> None:
    history = run(voltage_for(peclet), [time])
    exact = closed_walls(history.z / GAP, THETA * time, peclet)
    # 0.2 % of the starting phi: the fitted flux adds (v h / D)^2 / 12 of diffusion where a front crosses coarse cells
    assert_close(history.total_phi()[0] / PHI0, exact, rel=1e-3, floor=2e-3)


def test_steady_state_is_boltzmanns_at_every_height() -> None:
    history = run(voltage_for(35.0), [40_000.0])
    near = history.z < 1.0e-3
    assert_close(history.total_phi()[0, near] / PHI0, boltzmann(history.z[near] / GAP, 35.0), rel=5e-4)


def test_without_a_field_a_cosine_decays_at_its_own_rate() -> None:
    grid = Grid.uniform(GAP, 401)
    problem = one_size_problem(grid, VoltageProgram(time_s=[0.0], voltage_V=[0.0]))
    start = State(0.0, PHI0 * cosine_mode(grid.z / GAP, 0.0, 3, 0.5)[:, None], np.zeros(1))
    end = integrate(problem, start, 2000.0, rtol=1e-8)
    assert_close(end.u[:, 0] / PHI0, cosine_mode(grid.z / GAP, THETA * 2000.0, 3, 0.5), rel=2e-5)


def test_without_diffusion_a_pulse_moves_at_the_drift_speed() -> None:
    history = run(20.0, [1e-3], diffusivity_scale=1e-6, grid=Grid.uniform(GAP, 400))
    problem, z = history.problem, history.z
    start = State(0.0, PHI0 * np.exp(-(((z - 2.5e-3) / 2e-4) ** 2))[:, None], np.zeros(1))
    end = integrate(problem, start, 1000.0, rtol=1e-6)
    speed = 0.045 * 2.87211e-9 * 20.0 / GAP
    mass = problem.grid.widths @ end.u[:, 0]
    assert_close(2.5e-3 - (problem.grid.widths * z) @ end.u[:, 0] / mass, speed * 1000.0, rel=1e-4)


def fixed_steps(problem: Problem, state: State, end: float, steps: int) -> FloatArray:
    stepper, dt = _Stepper(problem), (end - state.time) / steps
    for _ in range(steps):
        coefficients = problem.coefficients(problem.program.at(state.time + dt * STAGE_TIMES))
        state = stepper.try_step(state, dt, coefficients)[0]
    return state.u[:, 0]


@pytest.mark.parametrize(
    ("program", "least_order"),
    [
        (VoltageProgram(time_s=[0.0], voltage_V=[10.0]), 3.8),
        # a moving field lowers the order near stiff walls, to the stage order plus one
        (VoltageProgram(time_s=[0.0, 1000.0], voltage_V=[5.0, 15.0]), 2.0),
    ],
)
def test_error_in_time_falls_with_the_order_of_the_method(program: VoltageProgram, least_order: float) -> None:
    grid = Grid.uniform(GAP, 120)
    problem = one_size_problem(grid, program)
    begin = integrate(problem, problem.start(PHI0), 200.0, rtol=1e-9)
    truth = fixed_steps(problem, begin, 800.0, 320)
    errors = [np.max(np.abs(fixed_steps(problem, begin, 800.0, n) - truth)) / PHI0 for n in (5, 10, 20)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(orders > least_order), (errors, orders)


@pytest.mark.parametrize("rtol", [1e-3, 1e-5])
def test_error_follows_the_tolerance(rtol: float) -> None:
    times = [100.0, 900.0, 3300.0]
    truth = run(20.0, times, rtol=1e-9).total_phi()
    assert_close(run(20.0, times, rtol=rtol).total_phi(), truth, rel=rtol, floor=0.2 * rtol * PHI0)


@pytest.mark.parametrize("solubility", [None, 0.011])
def test_particles_of_every_class_are_kept_and_never_negative(solubility: float | None) -> None:
    program = VoltageProgram(
        time_s=[0.0, 1000.0, 1000.001, 2000.0, 2000.001], voltage_V=[30.0, 30.0, -20.0, -20.0, 10.0]
    )
    times = np.linspace(0.0, 3300.0, 12)
    history = run(program, times, classes=PAPER, solubility=solubility, attachment_time_s=40.0)
    assert_close(history.inventory(), np.tile(GAP * history.start_phi, (12, 1)), rel=1e-12)
    assert history.phi.min() >= 0.0
    assert history.crystals.min() >= 0.0
    if solubility is not None:
        assert history.crystals.sum(axis=1).max() > 1e-7


def test_polydisperse_profile_is_the_sum_of_mason_weaver_profiles_of_its_classes() -> None:
    history = run(20.0, [3300.0], classes=PAPER)
    cols = history.problem.columns
    drift = history.problem.drift(20.0)[0]
    exact = np.stack(
        [
            share * closed_walls(history.z / GAP, d * 3300.0 / GAP**2, v * GAP / d)
            for share, v, d in zip(cols.share, drift, cols.diffusion, strict=True)
        ]
    )
    assert_close(history.total_phi()[0] / PHI0, exact.sum(axis=0), rel=1e-3, floor=1e-3)
