"""The field between the electrodes: nominal, with a loss at the electrodes, or as the solution conducts."""

import numpy as np
import pytest
from closeness import assert_close
from exact_transport import boltzmann
from transport_cases import CELL, GAP, ONE_SIZE, PAPER, PHI0, SOLUTION, run

from electrosaxs.errors import ElectrosaxsError, InputFileError
from electrosaxs.materials import SOLVENTS
from electrosaxs.nouns import Cell, GrowthSettings, TransportSettings, VoltageProgram
from electrosaxs.physics.conduction import carrier_conductivity, relative_conductivity, series_field
from electrosaxs.transport import simulate

HOUR = np.array([0.0, 60.0, 600.0, 1800.0, 3300.0])
RAMP = VoltageProgram(time_s=[0.0, 600.0, 1800.0, 1900.0, 3300.0], voltage_V=[0.0, 20.0, 20.0, -10.0, -10.0])
CONDUCTING = {"field_model": "conduction", "carrier_share": 0.5, "conductivity_nS_per_m": 40.0}


@pytest.mark.parametrize("program", [20.0, RAMP])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_field_of_a_conducting_solution_integrates_to_the_voltage(program: object, share: float) -> None:
    history = run(program, HOUR, classes=PAPER, **{**CONDUCTING, "carrier_share": share})
    assert_close(history.field() @ history.problem.grid.spacing, history.voltage, rel=1e-13, floor=1e-13)


def test_current_is_the_same_at_every_height() -> None:
    history = run(20.0, HOUR, classes=PAPER, **CONDUCTING)
    cols, phi = history.problem.columns, history.phi
    carriers = np.einsum("tcz,c->tz", phi, cols.conductivity) / (history.start_phi @ cols.conductivity)
    conductivity = 40e-9 * (0.5 + 0.5 * carriers)
    at_faces = 2.0 / (1.0 / conductivity[:, 1:] + 1.0 / conductivity[:, :-1])
    expected = np.broadcast_to(history.current_density()[:, None], at_faces.shape)
    assert_close(at_faces * history.field(), expected, rel=1e-12)


def test_two_layers_share_the_voltage_as_resistors_in_series() -> None:
    z = np.linspace(0.0, GAP, 3501)
    conductivity = np.where(z < 1e-3, 5e-8, 2e-8)
    field, current = series_field(20.0, np.diff(z), conductivity)
    assert_close(current, 20.0 / (1e-3 / 5e-8 + 2.5e-3 / 2e-8), rel=5e-4)
    assert_close(field[[0, -1]], [current / 5e-8, current / 2e-8], rel=1e-12)


def test_without_particles_among_the_carriers_conduction_is_the_nominal_field() -> None:
    nominal = run(20.0, HOUR, classes=PAPER, rtol=1e-6)
    background = run(20.0, HOUR, classes=PAPER, rtol=1e-6, **{**CONDUCTING, "carrier_share": 0.0})
    assert_close(background.total_phi(), nominal.total_phi(), rel=1e-6, floor=1e-7 * PHI0)
    assert_close(background.current_density(), np.full(5, 40e-9 * 20.0 / GAP), rel=1e-12)


def test_particles_that_carry_the_current_screen_the_anode_and_limit_their_own_enrichment() -> None:
    nominal = run(20.0, HOUR, classes=PAPER)
    rises = [
        run(20.0, HOUR, classes=PAPER, **{**CONDUCTING, "carrier_share": s}).wall_phi()[-1] for s in (0.1, 0.5, 0.9)
    ]
    assert np.all(np.diff([nominal.wall_phi()[-1], *rises]) < 0.0)
    history = run(20.0, HOUR, classes=PAPER, **CONDUCTING)
    assert history.field()[-1, 0] < 0.2 * 20.0 / GAP
    assert history.field()[-1, -1] > 20.0 / GAP


def test_steady_state_of_a_conducting_solution_is_boltzmanns_in_its_own_potential() -> None:
    history = run(8.0, [90_000.0], rtol=1e-7, **CONDUCTING)
    potential = np.concatenate([[0.0], np.cumsum(history.field()[0] * history.problem.grid.spacing)])
    phi, near = history.total_phi()[0], history.z < 1.5e-3
    assert_close(np.log(phi / phi[0])[near], -0.045 * potential[near] / 25.6926e-3, rel=2e-5, floor=1e-5)


def test_steady_state_of_a_conducting_solution_is_the_closed_form() -> None:
    # phi' = -P E phi, E = j/(b + s phi): b ln(phi/phi_w) + s (phi - phi_w) = -P j z, with its mean 1 and E's integral V.
    from scipy.optimize import fsolve
    from scipy.special import lambertw

    share, peclet = 0.3, 0.045 * 8.0 / 25.6926e-3
    x = np.linspace(0.0, 1.0, 20_001)

    def profile(wall: float, current: float) -> np.ndarray:
        a = share / (1.0 - share)
        exponent = (np.log(wall) + a * wall) - peclet * current * x / (1.0 - share)
        return np.real(lambertw(a * np.exp(exponent))) / a

    def wrong(unknown: np.ndarray) -> list[float]:
        phi = profile(*np.exp(unknown))
        field = np.exp(unknown[1]) / (1.0 - share + share * phi)
        return [np.trapezoid(phi, x) - 1.0, np.trapezoid(field, x) - 1.0]

    wall, current = np.exp(fsolve(wrong, np.log([8.0, 0.8]), xtol=1e-12))
    history = run(8.0, [40_000.0], rtol=1e-7, **{**CONDUCTING, "carrier_share": share})
    exact = np.interp(history.z / GAP, x, profile(wall, current))
    assert_close(history.total_phi()[0] / PHI0, exact, rel=2e-3, floor=1e-3)
    assert_close(history.current_density()[0], 40e-9 * 8.0 / GAP * current, rel=1e-3)
    assert history.wall_phi()[0] / PHI0 < 0.9 * boltzmann(0.0, peclet)


def test_error_of_a_conducting_run_follows_the_tolerance() -> None:
    truth = run(RAMP, HOUR, classes=PAPER, rtol=1e-6, **CONDUCTING).total_phi()
    for rtol in (1e-3, 1e-5):
        got = run(RAMP, HOUR, classes=PAPER, rtol=rtol, **CONDUCTING).total_phi()
        assert_close(got, truth, rel=3.0 * rtol, floor=2.0 * rtol * PHI0)


def test_particles_are_kept_where_they_make_their_own_field() -> None:
    growth = {"solubility": 0.004, "attachment_time_s": 40.0}
    history = run(RAMP, HOUR, classes=PAPER, **CONDUCTING, **growth)
    assert history.crystals.sum(axis=1).max() > 0.0
    assert_close(history.inventory(), np.tile(GAP * history.start_phi, (5, 1)), rel=1e-12)
    assert history.phi.min() >= 0.0


def test_a_share_lost_at_the_electrodes_is_a_smaller_voltage() -> None:
    lossy = run(20.0, HOUR, classes=PAPER, field_model="electrode-loss", electrode_loss=0.35)
    smaller = run(13.0, HOUR, classes=PAPER, grid=lossy.problem.grid)
    assert_close(lossy.total_phi(), smaller.total_phi(), rel=1e-12)
    assert_close(lossy.supply_flux(), smaller.supply_flux(), rel=1e-12)
    assert_close(lossy.field() @ lossy.problem.grid.spacing, np.full(5, 13.0), rel=1e-13)


def test_charged_silver_conducts_39_nanosiemens_per_metre() -> None:
    volume = np.pi / 6.0 * (7.1e-9 + 2.23e-9) ** 3
    one = carrier_conductivity(PHI0 / volume, 1.0, 0.045 * 2.87211e-9)
    assert_close(one, 39e-9, rel=0.01)
    cols = run(20.0, [1.0], charge_model="permanent").problem.columns
    assert_close(PHI0 * cols.share @ cols.conductivity, one, rel=1e-4)
    cols = run(20.0, [1.0]).problem.columns
    assert_close(PHI0 * cols.share @ cols.conductivity, one, rel=1e-4)


def test_conductivity_has_its_background_where_no_particles_are() -> None:
    assert_close(relative_conductivity(np.array([0.0, 1.0, 4.0]), 0.3), [0.7, 1.0, 1.9], rel=1e-14)


@pytest.mark.parametrize(
    "keys",
    [
        {"electrode_loss": 0.2},
        {"field_model": "electrode-loss"},
        {"field_model": "conduction"},
        {"field_model": "conduction", "carrier_share": 1.0},
        {"carrier_share": 0.2},
    ],
)
def test_a_field_model_and_its_keys_belong_together(keys: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"give both or neither|less than 1"):
        TransportSettings(effective_charge=0.045, **keys)  # type: ignore[arg-type]


def test_neutral_particles_cannot_carry_the_current() -> None:
    with pytest.raises(ElectrosaxsError, match="carrier_share"):
        run(20.0, [10.0], charge=0.0, **CONDUCTING)


@pytest.mark.parametrize(
    # CoolProp 8.0.0, saturated liquid (Avgeri et al. 2015), uPa s; both claim 0.5 to 2 %
    ("temperature", "viscosity", "rel"),
    [
        (240.0, 1374.83, 0.02),
        (273.15, 769.587, 0.01),
        (298.15, 551.734, 0.005),
        (323.15, 418.675, 0.01),
        (369.0, 278.305, 0.01),
    ],
)
def test_toluene_flows_as_another_program_says(temperature: float, viscosity: float, rel: float) -> None:
    assert_close(SOLVENTS["toluene"].viscosity_at(temperature), 1e-6 * viscosity, rel=rel)


def test_a_warm_cell_fills_faster_as_its_viscosity_says() -> None:
    def speed(temperature: float) -> tuple[float, float]:
        cell = Cell(**{**CELL.model_dump(), "temperature_K": temperature})
        program = VoltageProgram(time_s=[0.0], voltage_V=[20.0])
        settings = TransportSettings(effective_charge=0.045)
        problem = simulate(cell, SOLUTION, ONE_SIZE, settings, GrowthSettings(), program, [1.0]).problem
        return float(problem.drift(20.0)[0, 0]), float(problem.columns.diffusion[0])

    cold, warm = speed(298.15), speed(323.15)
    toluene = SOLVENTS["toluene"]
    ratio = toluene.viscosity_at(298.15) / toluene.viscosity_at(323.15)
    assert toluene.viscosity_at(298.15) == 554.2e-6
    assert_close(warm[0] / cold[0], ratio, rel=1e-12)
    assert_close(warm[1] / cold[1], ratio * 323.15 / 298.15, rel=1e-12)
    with pytest.raises(InputFileError, match="210 to 370 K"):
        speed(400.0)


def test_particles_that_are_neutralised_conduct_with_the_charge_that_they_lose() -> None:
    # each carries its whole effective charge: conductivity goes with its square, not with charge times 1 e
    both = [run(20.0, [1.0], charge_model="neutralised-at-anode", charge=z).problem.columns for z in (0.045, 0.09)]
    conducts = [float(cols.share @ cols.conductivity) for cols in both]
    fast = run(20.0, [1.0]).problem.columns
    assert_close(conducts[1] / conducts[0], 4.0, rel=1e-9)
    assert_close(conducts[0], 0.045 * float(fast.share @ fast.conductivity), rel=1e-9)
