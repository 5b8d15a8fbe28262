"""What fills the simulated cell scatters as its description says: peaks, displacements, sizes, solvent, windows."""

from dataclasses import replace

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.nouns import Experiment
from electrosaxs.physics.lattices import reflection_positions
from electrosaxs.physics.structure_factor import superlattice_order
from electrosaxs.twin.scattering_cell import ScatteringCell, scattering_cell, solvent_scattering, window_scattering

SIZES, SHELL = np.array([5.9, 7.1, 8.6]), 1.115
Q = np.linspace(0.0, 3.5, 35_001)
SCHERRER_FWHM = 2.0 * np.pi * 0.94 / 300.0


@pytest.fixture(scope="module")
def cell(experiment: Experiment) -> ScatteringCell:
    return scattering_cell(experiment, Q, SIZES, SHELL)


def test_peaks_are_as_wide_as_grains_of_300_nm_make_them(cell: ScatteringCell) -> None:
    _, places = reflection_positions("FCC", cell.lattice_constant, 1.5)
    near = np.abs(Q - places[0]) < 0.03
    peak = cell.order[near] - np.median(cell.order[(Q > 0.55) & (Q < 0.65)])
    above = Q[near][peak > 0.5 * peak.max()]
    assert_close(np.ptp(above), SCHERRER_FWHM, rel=0.03)


def test_displacements_of_0_4_nm_along_an_axis_take_exp_of_minus_q2_u2_from_the_peaks(cell: ScatteringCell) -> None:
    still = superlattice_order(Q[5000:], "FCC", cell.lattice_constant, SCHERRER_FWHM, 0.0).value
    assert_close(cell.order[5000:], np.exp(-((0.4 * Q[5000:]) ** 2)) * still, rel=1e-9, floor=1e-12)


def test_where_sites_scatter_nothing_together_the_spread_of_sizes_is_left(cell: ScatteringCell) -> None:
    """Z = 0: n (<F^2> - <F>^2), over particles by number, none for particles of one size."""
    phi = np.array([2e-4, 5e-4, 3e-4])
    number = phi / (np.pi / 6.0 * (SIZES + 2.0 * SHELL) ** 3)
    weight = number / number.sum()
    variance = weight @ cell.form**2 - (weight @ cell.form) ** 2
    diffuse = replace(cell, order=-np.ones_like(Q)).crystalline(phi)
    assert_close(diffuse, 1e-27 * cell.contrast * number.sum() * variance, rel=1e-6, floor=1e-9 * diffuse.max())
    alone = replace(cell, order=-np.ones_like(Q)).crystalline(np.array([0.0, 1e-3, 0.0]))
    assert np.max(np.abs(alone)) < 1e-12 * cell.dissolved(phi).max()


def test_the_solvent_fluctuates_more_when_warm_and_scatters_more_towards_its_liquid_peak(
    experiment: Experiment,
) -> None:
    q, solution = np.array([0.0, 3.5]), experiment.solution
    cold, warm = (solvent_scattering(solution, q, energy_keV=13.3, temperature_K=t) for t in (298.15, 328.0))
    assert_close(warm / cold, np.full(2, 328.0 / 298.15), rel=1e-12)
    assert_close(cold[1] / cold[0], 1.0 + (3.5 / 12.0) ** 2, rel=1e-12)


def test_windows_scatter_a_power_law_and_a_flat_part() -> None:
    found = window_scattering(np.array([0.001, 0.02, 0.1, 1.0]))
    expected = 50e-6 * np.array([400.0 * 5.0**3.5, 400.0 * 5.0**3.5, 400.0, 400.0 * 10.0**-3.5]) + 50e-6 * 10.0
    assert_close(found, expected, rel=1e-9)
