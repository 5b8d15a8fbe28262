"""One effective charge, 0.045, against the statements of the paper and the numbers of physics.md."""

import numpy as np
import pytest
from closeness import assert_close
from transport_cases import PAPER, PHI0, run

from electrosaxs.nouns import FloatArray
from electrosaxs.transport import CellHistory, beam_weights

VOLTAGES = np.array([5.0, 10.0, 20.0, 30.0])
THREE_HOURS = np.linspace(0.0, 10_800.0, 181)
SLICE = 50e-6


@pytest.fixture(scope="module")
def histories() -> list[CellHistory]:
    return [run(v, THREE_HOURS, classes=PAPER) for v in VOLTAGES]


def mean_over_slice(history: CellHistory) -> FloatArray:
    return history.slice_phi(SLICE)


def seen_by_half_blocked_beam(history: CellHistory) -> FloatArray:
    return history.total_phi() @ beam_weights(history.z, [0.0], 34e-6)[0][0]


def slice_flux(history: CellHistory, phi: FloatArray, onset: float = 0.01) -> float:
    """The paper's flux: slope of the linear fit before phi reaches the onset, times 50 um; over the supply phi0 v."""
    before = np.cumsum(phi >= onset) == 0
    slope = np.polyfit(history.times[before], phi[before], 1)[0]
    return float(slope * SLICE / history.supply_flux()[0])


def test_onset_band_is_reached_at_57_volts_per_cm_and_never_at_14(histories: list[CellHistory]) -> None:
    weak, strong = mean_over_slice(histories[0]), mean_over_slice(histories[2])
    assert weak.max() < 0.007
    assert np.interp(0.007, strong, THREE_HOURS) < 0.5 * 3600.0
    assert np.interp(0.012, strong, THREE_HOURS) < 3300.0


def test_phi_rises_tenfold_within_250_um_in_55_minutes_at_57_volts_per_cm(histories: list[CellHistory]) -> None:
    rise = np.interp(3300.0, THREE_HOURS, histories[2].slice_phi(250e-6)) / PHI0
    assert 9.0 < rise < 11.0


def test_slice_flux_is_0_14_to_0_6_of_the_supply_and_steeper_than_linear_in_the_field(
    histories: list[CellHistory],
) -> None:
    ratios = np.array([slice_flux(h, mean_over_slice(h)) for h in histories])
    exponent = np.polyfit(np.log(VOLTAGES), np.log(ratios * VOLTAGES), 1)[0]
    assert_close(ratios[0], 0.14, rel=0.02)
    assert_close(ratios[2:], [0.45, 0.59], rel=0.02)
    assert 1.7 < exponent < 1.85


def test_half_blocked_beam_gives_a_larger_and_steeper_slice_flux(histories: list[CellHistory]) -> None:
    ratios = np.array([slice_flux(h, seen_by_half_blocked_beam(h)) for h in histories])
    exponent = np.polyfit(np.log(VOLTAGES), np.log(ratios * VOLTAGES), 1)[0]
    assert_close(ratios, [0.145, 0.285, 0.534, 0.749], rel=0.02)
    assert 1.85 < exponent < 1.95


@pytest.mark.parametrize(
    ("height_um", "mean", "deviation"),
    # 6.5 +- 0.96 of physics.md is rounded and from a coarser calculation: 2 and 3.5 %
    [(50.0, 7.4, 1.05), (1400.0, 6.5, 0.96)],
)
def test_large_particles_gather_at_the_anode_and_selection_narrows(
    height_um: float, mean: float, deviation: float
) -> None:
    history = run(20.0, [3300.0], classes=PAPER)
    got_mean, got_deviation = (np.interp(height_um * 1e-6, history.z, m[0]) for m in history.moments())
    assert_close(got_mean, mean, rel=0.02)
    assert_close(got_deviation, deviation, rel=0.035)
    assert got_deviation < PAPER.deviation_nm()
