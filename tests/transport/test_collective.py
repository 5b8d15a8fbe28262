"""Hard spheres diffuse collectively: equilibrium of the fluid, and nothing where it is dilute."""

import numpy as np
import pytest
from closeness import assert_close
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from transport_cases import CELL, DIFFUSION, GAP, PAPER, PHI0, constant, run

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.nouns import GrowthSettings, Solution, TransportSettings
from electrosaxs.physics.colloid import collective_factor, excess_chemical_potential
from electrosaxs.transport import CellHistory, simulate

HARD = {"interactions": "hard-spheres"}
WET = (10.68 / 9.33) ** 3  # hydrodynamic over dry volume of a 7.1 nm core


def test_collective_factor_is_the_derivative_of_the_osmotic_pressure() -> None:
    f, h = np.array([1e-4, 0.01, 0.1, 0.3, 0.49]), 1e-6

    def pressure(x: np.ndarray) -> np.ndarray:
        return x * (1.0 + x + x**2 - x**3) / (1.0 - x) ** 3

    assert_close(collective_factor(f), (pressure(f + h) - pressure(f - h)) / (2.0 * h), rel=1e-7)


def test_gibbs_duhem_joins_chemical_potential_and_osmotic_pressure() -> None:
    f, h = np.array([0.01, 0.1, 0.3, 0.49]), 1e-6
    slope = (excess_chemical_potential(f + h) - excess_chemical_potential(f - h)) / (2.0 * h)
    assert_close(1.0 + f * slope, collective_factor(f), rel=1e-7)


def test_carnahan_starling_at_forty_per_cent() -> None:
    # Carnahan & Starling 1969 at packing fraction 0.4: Z = 6.9259, mu_ex = 11.15 (Z - 1 plus the excess free energy)
    free_energy = 0.4 * (4.0 - 3.0 * 0.4) / 0.6**2
    assert_close(excess_chemical_potential(np.array(0.4)), 5.92593 + free_energy, rel=1e-5)


def filled(phi: float, **transport: object) -> CellHistory:
    return simulate(
        CELL,
        Solution(volume_fraction=phi),
        PAPER,
        TransportSettings(effective_charge=0.045, **transport),  # type: ignore[arg-type]
        GrowthSettings(),
        constant(20.0),
        [600.0, 3300.0],
        rtol=1e-6,
    )


def test_a_dilute_solution_is_ideal() -> None:
    ideal, hard = filled(1e-8), filled(1e-8, **HARD)
    assert_close(hard.total_phi(), ideal.total_phi(), rel=1e-5, floor=1e-6 * 1e-8)
    denser = filled(PHI0, **HARD).total_phi() / filled(PHI0).total_phi()
    assert denser[1, 0] < 0.9


def test_equilibrium_in_a_field_is_the_osmotic_one() -> None:
    # D_c dphi/dz = -v phi with D_c = D d(f Z)/df, and what is in the cell
    speed = 0.045 * 2.87211e-9 * 40.0 / GAP

    def profile(wall: float, z: np.ndarray) -> np.ndarray:
        slope = lambda _, phi: -speed / DIFFUSION * phi / collective_factor(WET * phi)  # noqa: E731
        return solve_ivp(slope, (0.0, GAP), [wall], t_eval=z, rtol=1e-10, atol=1e-14, method="LSODA").y[0]

    fine = np.linspace(0.0, 1.0, 8001) ** 2 * GAP
    wall = brentq(lambda w: np.trapezoid(profile(w, fine), fine) - PHI0 * GAP, 0.01, 0.2, xtol=1e-9)
    history = run(40.0, [20_000.0], **HARD)
    assert wall < 0.8 * PHI0 * speed * GAP / DIFFUSION
    near = history.z < 0.5e-3
    assert_close(history.total_phi()[0, near], profile(wall, history.z[near]), rel=3e-3, floor=1e-5 * wall)


@pytest.mark.parametrize("voltage", [20.0, 60.0])
def test_hard_spheres_never_pile_up_higher_than_ideal_ones(voltage: float) -> None:
    times = [300.0, 1000.0, 3300.0]
    hard, ideal = run(voltage, times, classes=PAPER, **HARD), run(voltage, times, classes=PAPER)
    assert np.all(hard.wall_phi() < ideal.wall_phi())
    assert_close(hard.inventory(), np.tile(GAP * hard.start_phi, (3, 1)), rel=1e-12)
    assert hard.phi.min() >= 0.0


def test_error_follows_the_tolerance_where_spheres_crowd() -> None:
    truth = run(60.0, [500.0, 3300.0], classes=PAPER, rtol=1e-6, **HARD).total_phi()
    got = run(60.0, [500.0, 3300.0], classes=PAPER, rtol=1e-4, **HARD).total_phi()
    assert_close(got, truth, rel=2e-4, floor=1e-4 * PHI0)


def test_a_size_that_is_everywhere_alike_is_driven_away_by_the_others() -> None:
    # neutral particles feel no field, but the crowd at the anode
    history = run(30.0, [3300.0], charge_model="permanent", charge=0.3, **HARD)
    columns = history.problem.columns
    neutral = history.knots.u[-1][:, columns.mobility == 0.0].sum(axis=1)
    assert neutral[0] < 0.7 * neutral[len(neutral) // 2]
    plain = run(30.0, [3300.0], charge_model="permanent", charge=0.3)
    assert_close(plain.knots.u[-1][:, 1] / plain.knots.u[-1][-1, 1], np.ones(len(plain.z)), rel=1e-9)


def test_packing_beyond_freezing_is_refused() -> None:
    with pytest.raises(ElectrosaxsError, match="the fluid ends at"):
        filled(0.35, **HARD)
