"""The simulated cell as a beam sees it."""

from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from expected_maps import ExpectedMaps, expected_maps

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.nouns import Experiment
from electrosaxs.transport import SizeClasses
from electrosaxs.twin.cell import simulate_cell

HEIGHTS = np.array([0.0, 50.0, 100.0, 250.0, 600.0, 1400.0, 2600.0, 3400.0])
TIMES = np.array([60.0, 900.0, 3300.0])


def experiment(**changes: object) -> Experiment:
    tables: dict[str, object] = {
        "cell": {"gap_mm": 3.5, "path_length_mm": 10.0},
        "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
        "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
        "voltage": {"time_s": [0.0], "voltage_V": [20.0]},
        "transport": {"effective_charge": 0.045},
        "growth": {"solubility": 0.011, "attachment_time_s": 40.0},
        "scan": {"duration_s": 3300.0, "heights_um": HEIGHTS.tolist(), "scans": 3},
    }
    return Experiment.model_validate(tables | changes)


@pytest.fixture(scope="module")
def maps() -> ExpectedMaps:
    described = experiment()
    return expected_maps(simulate_cell(described), described, TIMES[:, None], HEIGHTS[None, :])


def test_before_the_field_every_voxel_is_the_starting_solution() -> None:
    described = experiment()
    start = expected_maps(simulate_cell(described), described, 0.0, HEIGHTS)
    assert_close(start.phi, np.full(8, 8e-4), rel=1e-9)
    assert_close(start.diameter_nm, np.full(8, 7.1), rel=1e-9)
    assert_close(start.deviation_nm, np.full(8, 1.1), rel=1e-9)


def test_beam_far_above_the_anode_sees_phi_at_its_centre(maps: ExpectedMaps) -> None:
    # curvature of the profile over 14 um is all that the beam adds there
    assert_close(maps.phi[:, 4:-1], maps.phi_point[:, 4:-1], rel=2e-3)


def test_half_blocked_voxel_is_the_mean_over_the_open_half_of_the_beam() -> None:
    described = experiment(growth={})
    history = simulate_cell(described)
    seen = expected_maps(history, described, 3300.0, 0.0)
    z = np.linspace(0.0, 100e-6, 4001)
    beam = np.exp(-0.5 * (z / (34e-6 / 2.3548200450309493)) ** 2)
    phi = np.interp(z, history.z, history.at(3300.0, history.z).sum(axis=-1))
    assert_close(seen.phi, np.trapezoid(beam * phi, z) / np.trapezoid(beam, z), rel=1e-4)
    assert_close(float(seen.phi_point), history.wall_phi()[np.argmin(np.abs(history.times - 3300.0))], rel=1e-3)


def test_crystals_are_seen_at_the_anode_only_and_count_there(maps: ExpectedMaps) -> None:
    crystals = maps.phi_crystals.sum(axis=-1)
    assert crystals[2, 0] > 0.01
    assert np.all(crystals[2, 2:] < 1e-9)
    assert not np.any(crystals[0])
    assert_close(maps.phi, maps.phi_solution.sum(axis=-1) + crystals, rel=1e-12)


def test_seen_crystals_are_their_volume_spread_over_half_a_beam(maps: ExpectedMaps) -> None:
    history = simulate_cell(experiment())
    volume = history.crystals_at(np.array([3300.0])).sum()
    sigma = 34e-6 / 2.3548200450309493
    assert_close(maps.phi_crystals[2, 0].sum(), volume * 2.0 / (sigma * np.sqrt(2.0 * np.pi)), rel=1e-5)


def test_larger_particles_are_nearer_to_the_anode(maps: ExpectedMaps) -> None:
    assert maps.diameter_nm[2, 0] > 7.1 > maps.diameter_nm[2, 5] > maps.diameter_nm[2, 6]


def test_a_height_inside_the_electrode_has_a_beam_but_no_point() -> None:
    described = experiment()
    seen = expected_maps(simulate_cell(described), described, [100.0, 100.0], [-10.0, 10.0])
    assert seen.phi[0] > seen.phi[1]
    assert np.isnan(seen.phi_point[0])
    assert np.isfinite(seen.phi_point[1])


def test_a_distribution_file_must_have_been_read() -> None:
    described = experiment(solution={"volume_fraction": 8e-4, "distribution": Path("sizes.csv")})
    with pytest.raises(ElectrosaxsError, match="has not been read"):
        simulate_cell(described)
    sizes = SizeClasses.from_table([3.0, 7.1], [0.5, 0.5])
    history = simulate_cell(described, sizes)
    assert_close(history.moments()[0][0], np.full(history.z.size, 5.05), rel=1e-12)
