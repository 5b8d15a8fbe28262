"""A flux is held in a cell that is not what is believed of it; where the loop cannot know, it lets go and comes back."""

import math
from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close
from held_cell import HeldCell, plant_with, wanted

from electrosaxs.control.hold.holder import Holder
from electrosaxs.control.hold.onset_bank import OnsetBank
from electrosaxs.control.limits import Limits
from electrosaxs.errors import ElectrosaxsError

QUIET = {"solubility": 0.3}


def test_the_charge_is_found_within_its_sigma() -> None:
    """Root mean square of the pulls over several noises, of charge and flux."""
    pulls = []
    for seed in range(3):
        held = HeldCell(plant_with(effective_charge=0.034, charge_exponent=1.6, **QUIET), seed=seed)
        last = held.run(660.0)
        assert last.charge_sigma < 0.1 * last.charge
        pulls += [(last.charge - 0.034) / last.charge_sigma, (last.flux - held.fluxes[-2]) / last.flux_sigma]
    assert 0.3 < math.sqrt(np.mean(np.square(pulls))) < 1.6


@pytest.mark.parametrize("charge", [0.0315])
def test_the_slice_flux_stays_at_its_set_point(charge: float) -> None:
    held = HeldCell(plant_with(effective_charge=charge, diffusivity_scale=1.1, **QUIET), noise=0.01)
    held.run(1800.0)
    assert_close(np.array(held.fluxes[20:]) / 2e-10, np.ones(10), rel=0.03)
    assert held.decisions[-1].mode == "hold"


def test_the_supply_is_held_by_knowing_the_charge() -> None:
    held = HeldCell(plant_with(effective_charge=0.0585, **QUIET), wanted(kind="supply", set_point=5e-10), noise=0.01)
    last = held.run(1020.0)
    assert_close(held.cell.supply_per_volt() * held.volt, 5e-10, rel=0.02)
    assert abs(last.flux - 5e-10) < 2.5 * last.flux_sigma


def test_crystals_lower_the_voltage() -> None:
    """They take up particles, so that the flux rises: it is brought back, and their solubility is found."""
    held = HeldCell(plant_with(solubility=0.0075), wanted(start_V=20.0), noise=0.01)
    held.run(780.0)
    assert not held.holder.uneasy or held.cell.wall_phi() > 0.004
    held.run(1200.0)
    assert held.holder.uneasy
    held.run(2400.0)
    before = max(decision.voltage for decision in held.decisions)
    assert held.cell.crystals_m() > 1e-8
    known = held.holder.estimator.estimate(held.volt)
    assert_close(known.values["solubility"], 0.0075, rel=0.03)
    assert known.flux_sigma < 0.07 * known.flux  # ten scans, and no law is taken for sure
    assert held.volt < 0.9 * before
    assert_close(np.array(held.fluxes[-4:]) / 2e-10, np.ones(4), rel=0.05)


def test_frames_that_stop_end_the_steering_and_frames_that_come_begin_it_again() -> None:
    held = HeldCell(plant_with(effective_charge=0.04, **QUIET), wanted(stale_after_s=400.0), noise=0.01)
    steered = held.run(660.0)
    assert steered.mode == "hold"
    last = held.run(1140.0, frames=False)
    assert last.mode == "fallback"
    assert "no usable frame" in last.reason
    assert held.volt == 5.0
    back = held.run(1680.0)
    assert back.mode == "hold"
    modes = [decision.mode for decision in held.decisions]
    first = len(modes) - modes[::-1].index("fallback")
    jump = abs(held.decisions[first].voltage - held.decisions[first - 1].voltage)
    assert jump < 30.0 * 0.5 + 1e-9  # at the ramp
    assert_close(held.fluxes[-1], 2e-10, rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "why"), [({"bad": True}, "not usable"), ({"factor": 1.6}, "of what was expected")], ids=["bad", "wrong"]
)
def test_frames_that_cannot_be_believed_end_the_steering(wrong: dict[str, float], why: str) -> None:
    held = HeldCell(plant_with(**QUIET), noise=0.01)
    assert held.run(600.0).mode == "hold"
    last = held.run(660.0, **wrong)  # type: ignore[arg-type]
    last = held.run(780.0, frames=False)
    assert last.mode == "fallback"
    assert why in last.reason


def test_a_curve_of_crystals_that_no_sphere_fits_does_not_end_the_steering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its phi would not count either; that of a beam which does not touch the anode does, and so does a bare anode's."""
    held = HeldCell(plant_with(**QUIET), noise=0.01)
    assert held.run(600.0).mode == "hold"
    with monkeypatch.context() as patched:
        patched.setattr(OnsetBank, "crystals", 0.9)
        for k in range(6):
            held.holder.frame(590.0 + k, 0.0, math.nan, math.nan)
    assert held.run(660.0, frames=False).mode == "hold"
    for k in range(4):
        held.holder.frame(650.0 + k, 0.0, math.nan, math.nan)
    assert "not usable" in held.run(720.0, frames=False).reason


def test_a_flux_that_runs_back_from_the_anode_is_known_to_a_positive_share(monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldCell(plant_with(**QUIET), noise=0.01)
    held.run(600.0)
    known = held.holder.estimator.estimate(held.volt)
    monkeypatch.setattr(Holder, "uneasy", True)
    for flux, sigma, share in ((-1e-9, 3e-10, 30), (-1e-11, 5e-11, 25), (2.2e-10, 3.3e-11, 15)):
        words = held.holder.onset_in_words(replace(known, flux=flux, flux_sigma=sigma, crystals_likely=0.99))
        assert words == f"crystals take up particles: the flux is known to {share} %"


@pytest.mark.parametrize("at_end", ["fallback", "limit"])
def test_a_flux_that_no_voltage_gives_ends_the_run_and_says_whether_any_ever_did(at_end: str) -> None:
    held = HeldCell(
        plant_with(**QUIET), wanted(set_point=7e-10, at_end=at_end), Limits(highest=20.0, ramp=0.5), noise=0.01
    )
    last = held.run(1200.0)
    assert last.mode == "ended"
    assert last.reason.startswith("never reached")
    assert "the highest voltage" in last.reason
    held.holder.ask_for(2e-10)
    reached = held.run(1500.0)
    assert reached.mode == "hold"
    held.holder._highest, held.holder.limits = 6.0, Limits(highest=6.0, ramp=0.5)  # as where the cell has emptied
    again = held.run(1800.0)
    assert again.mode == "ended"
    assert again.reason.startswith("inventory")
    assert_close(last.voltage, 5.0 if at_end == "fallback" else 20.0, rel=1e-9)
    assert_close(again.voltage, 5.0 if at_end == "fallback" else 6.0, rel=1e-9)


def test_another_set_point_is_approached_from_the_flux_that_there_is() -> None:
    held = HeldCell(plant_with(**QUIET), noise=0.01, step_s=20.0)
    held.run(620.0)
    held.holder.ask_for(1e-10)
    held.run(920.0)
    after = np.array(held.fluxes[31:])
    assert np.all(np.diff(after) < 0.02e-10)
    assert after[0] > 1.5e-10
    assert_close(after[-1], 1e-10, rel=0.05)


def test_a_current_at_its_limit_holds_the_voltage_back() -> None:
    held = HeldCell(plant_with(**QUIET), wanted(current=1e-8, set_point=4e-10), noise=0.01)
    held.run(360.0)
    held.holder.read(held.time, held.volt, 0.95e-8)
    decision = held.holder.decide(held.time)
    assert decision.limited_by == "the largest current"
    assert_close(decision.voltage, held.volt, rel=1e-6)


def test_a_current_that_only_charges_the_cell_ends_nothing_and_no_inventory_is_named_that_was_never_short() -> None:
    """The limit allows 8 V at first, more from decision to decision as the charging dies away; one that stays ends the run."""
    held = HeldCell(plant_with(**QUIET), wanted(current=1e-8, set_point=6e-10), noise=0.01)
    held.holder._highest, held.holder._highest_is = 8.0, "the largest current"
    while held.time < 700.0:
        held.holder._highest *= 1.01
        charging = held.run(held.time + 60.0)
    assert (charging.mode, charging.limited_by) == ("hold", "the largest current")
    assert charging.flux < 5e-10
    over = held.run(held.time + 300.0)
    assert over.mode == "ended"
    assert over.reason.startswith(
        "never reached: 100 % of the particles are left in the solution, and the largest current"
    )


def test_a_model_that_cannot_be_run_lets_go_and_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    held = HeldCell(plant_with(**QUIET), noise=0.01)
    held.run(360.0)

    def fails(*_: object) -> None:
        raise ElectrosaxsError("no step is short enough")

    with monkeypatch.context() as patch:
        patch.setattr(held.holder.estimator, "go_on", fails)
        lost = held.run(420.0)
    assert (lost.mode, lost.voltage) == ("fallback", 5.0)
    assert "no step is short enough" in lost.reason
    assert held.run(480.0).mode == "hold"
    assert_close(held.decisions[-1].charge, 0.045, rel=0.1)


def test_a_frame_that_comes_late_counts_and_ends_nothing() -> None:
    """Its time is before the last decision; a bank of runs that did not see it on its way broke off the run."""
    held = HeldCell(plant_with(**QUIET))
    held.run(300.0)
    estimator = held.holder.estimator
    held.holder.decide(held.time)
    before = len(estimator._time)
    held.holder.frame(held.time - 70.0, 50.0, 9e-4, 1e-3)
    held.holder.frame(held.time - 5.0, 3600.0, 9e-4, 1e-3)  # within the cathode: of no use, and no reason to let go
    assert held.holder.decide(held.time).mode in ("start", "hold")
    assert len(estimator._time) == before + 1
    bank = estimator.bank
    assert bank is not None
    assert all(member.seen.shape[1] == before + 1 for member in bank.members)
    assert held.run(660.0).mode in ("start", "hold")
