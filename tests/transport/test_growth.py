"""Crystals on the anode: what the attachment time means, where they come from, where they go."""

import numpy as np
import pytest
from closeness import assert_close
from exact_transport import wall_relaxation
from transport_cases import CELL, DIFFUSION, GAP, ONE_SIZE, PAPER, PHI0, SOLUTION, run

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.nouns import GrowthSettings, TransportSettings, VoltageProgram
from electrosaxs.transport import Grid, Problem, State, graded_grid
from electrosaxs.transport.charge_models import columns
from electrosaxs.transport.growth import growth_from_settings
from electrosaxs.transport.integrate import integrate

SOLUBILITY = 0.011
NO_FIELD = VoltageProgram(time_s=[0.0], voltage_V=[0.0])


@pytest.mark.parametrize("grid", [graded_grid(GAP, shortest_decay=20e-6), Grid.uniform(GAP, 1000)])
@pytest.mark.parametrize("tau", [40.0, 400.0])
def test_supersaturation_at_the_wall_relaxes_in_the_attachment_time_on_any_grid(tau: float, grid: Grid) -> None:
    _, cols = columns(CELL, SOLUTION, ONE_SIZE, TransportSettings(effective_charge=0.045))
    growth = growth_from_settings(
        GrowthSettings(solubility=SOLUBILITY, attachment_time_s=tau), cols.reference_diffusion
    )
    problem = Problem(grid, cols, growth, NO_FIELD)
    for passed in (0.3, 1.0, 3.0):
        end = integrate(problem, problem.start(0.013), passed * tau, rtol=1e-6)
        assert_close((end.u[0, 0] - SOLUBILITY) / 0.002, wall_relaxation(passed), rel=2e-3)


def test_pinned_wall_stays_at_the_solubility_once_reached() -> None:
    history = run(20.0, np.linspace(300.0, 3300.0, 11), classes=PAPER, solubility=SOLUBILITY)
    wall = history.wall_phi()
    grown = history.crystals.sum(axis=1) > 0.0
    assert grown[-1]
    assert not grown[0]
    assert_close(wall[grown], np.full(grown.sum(), SOLUBILITY), rel=1e-6)
    assert np.all(wall[~grown] < SOLUBILITY)


def test_slow_attachment_lets_the_wall_go_on_rising() -> None:
    def wall(tau: float) -> float:
        return float(run(20.0, [3300.0], solubility=SOLUBILITY, attachment_time_s=tau).wall_phi()[0])

    free = float(run(20.0, [3300.0]).wall_phi()[0])
    assert SOLUBILITY < wall(1.0) < wall(40.0) < wall(4000.0) < free


@pytest.mark.parametrize("voltage", [17.5, 20.5, 28.5])
def test_growth_that_begins_within_a_step_takes_nothing_from_the_wall(voltage: float) -> None:
    # weights below 0 of the integrator would charge the wall's small volume with crystals that have not yet grown
    settings = {"classes": PAPER, "solubility": SOLUBILITY, "attachment_time_s": 4000.0, "halvings": 3}
    usual, exact = (run(voltage, [2500.0], rtol=rtol, **settings) for rtol in (2e-4, 5e-6))
    wall = np.array([u[0].sum() for u in usual.knots.u])
    assert_close(wall, exact.at(np.array(usual.knots.times), 0.0).sum(axis=-1), rel=4e-4)


def test_wall_carries_the_supersaturation_that_the_attachment_speed_needs() -> None:
    history = run(20.0, [3300.0], solubility=SOLUBILITY, attachment_time_s=40.0, rtol=1e-6)
    speed = np.sqrt(DIFFUSION / 40.0)
    attachment = history.flux_terms().attachment.sum()
    assert_close(attachment, speed * (history.wall_phi()[0] - SOLUBILITY), rel=1e-4)


def test_classes_attach_in_proportion_to_their_share_at_the_wall() -> None:
    history = run(20.0, [3300.0], classes=PAPER, solubility=SOLUBILITY, rtol=1e-6)
    attachment = history.flux_terms().attachment[0]
    share = history.phi[0, :, 0] / history.wall_phi()[0]
    present = share > 1e-6
    assert_close((attachment / attachment.sum())[present], share[present], rel=1e-4)


@pytest.mark.parametrize("tau", [0.0, 40.0])
def test_crystals_dissolve_when_the_field_is_off_and_none_are_lost(tau: float) -> None:
    program = VoltageProgram(time_s=[0.0, 2000.0, 2001.0], voltage_V=[30.0, 30.0, 0.0])
    times = np.array([1000.0, 2000.0, 2400.0, 4000.0, 30_000.0, 200_000.0])
    history = run(program, times, classes=PAPER, solubility=SOLUBILITY, attachment_time_s=tau)
    held = history.crystals.sum(axis=1)
    assert held[1] > held[0] > 0.0
    assert held[2] < held[1]
    assert held[-1] == 0.0
    assert_close(history.inventory(), np.tile(GAP * history.start_phi, (times.size, 1)), rel=1e-12)
    assert_close(history.total_phi()[-1], np.full(history.z.size, PHI0), rel=1e-2)


def test_dissolving_wall_of_pinned_crystals_stays_at_the_solubility() -> None:
    program = VoltageProgram(time_s=[0.0, 2000.0, 2001.0], voltage_V=[30.0, 30.0, 0.0])
    history = run(program, [2050.0, 2100.0], classes=PAPER, solubility=SOLUBILITY, rtol=1e-6)
    assert np.all(history.crystals.sum(axis=1) > 0.0)
    assert_close(history.wall_phi(), np.full(2, SOLUBILITY), rel=1e-9)


def test_dissolving_crystals_keep_their_composition() -> None:
    program = VoltageProgram(time_s=[0.0, 2000.0, 2001.0], voltage_V=[30.0, 30.0, 0.0])
    crystals = run(program, [2010.0, 2100.0], classes=PAPER, solubility=SOLUBILITY).crystals
    share = crystals / crystals.sum(axis=1, keepdims=True)
    assert_close(share[1], share[0], rel=1e-9)


def test_without_solubility_nothing_grows() -> None:
    history = run(30.0, [3300.0], classes=PAPER)
    assert not np.any(history.crystals)


def test_immobile_clusters_neither_move_nor_crystallise() -> None:
    history = run(
        20.0, [3300.0], classes=PAPER, solubility=SOLUBILITY, immobile_fraction=0.04, immobile_diameter_nm=3.001
    )
    cluster = int(np.argmin(np.abs(history.classes.diameter_nm - 3.001)))
    assert_close(history.phi[0, cluster], np.full(history.z.size, 0.04 * PHI0), rel=1e-12)
    assert history.crystals[0, cluster] == 0.0


def test_a_solution_above_its_solubility_is_refused() -> None:
    with pytest.raises(ElectrosaxsError, match="above the starting phi"):
        run(20.0, [100.0], solubility=5e-4)


def test_a_state_of_crystals_alone_refills_the_cell_to_solubility() -> None:
    _, cols = columns(CELL, SOLUTION, ONE_SIZE, TransportSettings(effective_charge=0.045))
    growth = growth_from_settings(GrowthSettings(solubility=1e-3), cols.reference_diffusion)
    problem = Problem(Grid.uniform(GAP, 100), cols, growth, NO_FIELD)
    empty = State(0.0, np.full((100, 1), 1e-12), np.array([1e-5]))
    end = integrate(problem, empty, 1e6, rtol=1e-5)
    assert_close(end.u[:, 0], np.full(100, 1e-3), rel=1e-3)
    assert_close(end.crystals[0], 1e-5 - 1e-3 * GAP + 1e-12 * GAP, rel=1e-6)
