"""What each picture of the charge predicts, and that the paper's measurement can tell them apart."""

import numpy as np
import pytest
from closeness import assert_close
from transport_cases import CELL, DIFFUSION, GAP, ONE_SIZE, PAPER, PHI0, SOLUTION, constant, run

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.nouns import TransportSettings
from electrosaxs.transport import Grid, Problem, State
from electrosaxs.transport.charge_models import columns
from electrosaxs.transport.growth import Growth
from electrosaxs.transport.integrate import integrate

HOUR = np.linspace(0.0, 3300.0, 23)


def test_fast_exchange_with_0_045_charges_reaches_ten_times_over_250_um_in_55_minutes() -> None:
    assert_close(run(20.0, [3300.0], classes=PAPER).slice_phi(250e-6)[0] / PHI0, 10.0, rel=0.1)


@pytest.mark.parametrize("classes", [ONE_SIZE, PAPER])
def test_neutralised_at_the_anode_never_explains_the_tenfold_rise(classes: object) -> None:
    charges = (0.045, 0.055, 0.06, 0.065, 0.07, 0.1, 1.0)
    rises = [
        run(20.0, [3300.0], classes=classes, charge=z, charge_model="neutralised-at-anode").slice_phi(250e-6)[0] / PHI0
        for z in charges
    ]
    assert max(rises) < 5.85
    assert max(rises) > 5.4


def test_permanently_charged_particles_arrive_within_four_minutes_and_stop() -> None:
    phi = run(20.0, [120.0, 240.0, 300.0, 3300.0], classes=PAPER, charge_model="permanent").slice_phi(250e-6)
    assert phi[0] < 0.85 * phi[-1]
    assert_close(phi[1:3], phi[3], rel=5e-3)
    assert phi[-1] < 2.0 * PHI0


def test_neutral_share_of_permanently_charged_particles_stays_homogeneous() -> None:
    history = run(20.0, [3300.0], charge_model="permanent", charge=0.2)
    assert_close(history.total_phi()[0, -20:], np.full(20, 0.8 * PHI0), rel=1e-6)


def test_exchange_that_is_fast_is_fast_exchange() -> None:
    grid = Grid.uniform(GAP, 1000)
    truth = run(20.0, [600.0, 3300.0], grid=grid).slice_phi(250e-6)
    swift = run(20.0, [600.0, 3300.0], charge_model="exchange", charge_lifetime_s=1e-3, grid=grid).slice_phi(250e-6)
    # singly charged particles need the finer grid: their decay length is 4.5 um
    assert_close(swift, truth, rel=1e-3)


def test_exchange_that_is_slow_is_permanent() -> None:
    permanent = run(20.0, [600.0], charge_model="permanent").total_phi()
    slow = run(20.0, [600.0], charge_model="exchange", charge_lifetime_s=1e7).total_phi()
    assert_close(slow, permanent, rel=2e-3, floor=1e-3 * PHI0)


def test_charged_share_comes_back_at_the_sum_of_both_rates() -> None:
    settings = TransportSettings(effective_charge=0.2, charge_model="exchange", charge_lifetime_s=50.0)
    _, cols = columns(CELL, SOLUTION, ONE_SIZE, settings)
    problem = Problem(Grid.uniform(GAP, 50), cols, Growth(np.inf, 0.0), constant(0.0))
    all_charged = State(0.0, np.tile([PHI0, 0.0], (50, 1)), np.zeros(2))
    for time in (10.0, 60.0):
        end = integrate(problem, all_charged, time, rtol=1e-8)
        left = 0.2 + 0.8 * np.exp(-time / 50.0 / 0.8)
        assert_close(end.u, np.tile([PHI0 * left, PHI0 * (1.0 - left)], (50, 1)), rel=1e-6)


def test_finite_lifetimes_disperse_a_drifting_front_as_two_state_theory_says() -> None:
    # Taylor-like dispersion of a two-state particle: f (1 - f) v_c^2 / (loss + gain), f charged, v_c its speed.
    lifetime, charge = 4.0, 0.045
    share = charge
    rate = 1.0 / lifetime + share / (1.0 - share) / lifetime
    charged_speed = 2.87211e-9 * 20.0 / GAP
    extra = share * (1.0 - share) * charged_speed**2 / rate
    exchange = run(20.0, [1500.0], charge_model="exchange", charge_lifetime_s=lifetime, grid=Grid.uniform(GAP, 800))
    broader = run(20.0, [1500.0], diffusivity_scale=1.0 + extra / DIFFUSION, grid=Grid.uniform(GAP, 800))
    plain = run(20.0, [1500.0], grid=Grid.uniform(GAP, 800))
    front = exchange.z > 1.5e-3
    gap_to_broader = np.max(np.abs(exchange.total_phi() - broader.total_phi())[0, front])
    gap_to_plain = np.max(np.abs(exchange.total_phi() - plain.total_phi())[0, front])
    assert extra > 0.3 * DIFFUSION
    assert gap_to_broader < 0.15 * gap_to_plain


def test_particles_are_kept_through_every_conversion() -> None:
    for model in ("permanent", "exchange", "neutralised-at-anode"):
        history = run(20.0, HOUR, classes=PAPER, charge_model=model, solubility=0.011, attachment_time_s=40.0)
        assert_close(history.inventory(), np.tile(GAP * history.start_phi, (HOUR.size, 1)), rel=1e-12)
        assert history.phi.min() >= 0.0


def test_more_charges_than_particles_are_refused() -> None:
    with pytest.raises(ElectrosaxsError, match="must be 0 to 100 %"):
        run(20.0, [100.0], classes=PAPER, charge=0.6, charge_model="permanent")


def test_positively_charged_particles_leave_the_anode() -> None:
    phi = run(20.0, [1000.0], charge=-0.045).total_phi()[0]
    assert phi[0] < 0.2 * PHI0
    assert phi[-1] > 5.0 * PHI0
