"""Where spheres of one kind do not describe a curve, phi is that of the sizes that do, within its sigma."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_runs import simulated

from electrosaxs.analysis.kinetics.scan_map import ScanMap, scan_map
from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_run
from electrosaxs.recipes.analyse.measured_run import MeasuredRun
from electrosaxs.recipes.analyse.misfit import _evenly, _of_free_form, with_sizes_that_fit
from electrosaxs.recipes.analyse.reduce_run import reduce_run
from electrosaxs.recipes.analyse.standards import standards

SCAN = {
    "duration_s": 1500.0, "heights_um": [100.0, 250.0, 1000.0], "scans": 2, "reference_frames": 3, "solvent_frames": 3,
    "alignment": False,
}  # fmt: skip
CLUSTERS = {"effective_charge": 0.045, "immobile_fraction": 0.04, "immobile_diameter_nm": 3.0}
FAR = {"name": "Pilatus300k", "distance_m": 1.99389}


@pytest.mark.parametrize("transport", [CLUSTERS, {"effective_charge": 0.045}])
def test_immobile_clusters_leave_phi_within_its_sigma(transport: dict[str, float], tmp_path: Path) -> None:
    run = simulated(tmp_path / "run", scan=SCAN, transport=transport, detector=FAR)
    reduced = reduce_run(read_run(run), tmp_path / "out")
    measured = MeasuredRun.of(reduced, standards(reduced))
    voxels = measured.voxels
    measured = replace(measured, height_um=reduced.table.height[voxels.frame] - 4.6)
    grid, found = measured.grid, with_sizes_that_fit(measured, [])
    assert found.reasons == {}
    if transport is not CLUSTERS:
        assert found.voxels is voxels
        assert found.share == 0.0
        return
    seen = read_results(run.parent / "truth.nxs").quality["volume_fraction_seen"]
    phi = grid.to_map(found.voxels.values["phi"])
    sigma = np.hypot(grid.to_map(found.voxels.values["phi_sigma"]), grid.to_map(found.voxels.shared["phi"]["sizes"]))
    before = np.abs(grid.to_map(voxels.values["phi"]) / seen - 1.0)
    assert np.max(before) > 3e-3
    assert np.max(np.abs(phi / seen - 1.0)) < 0.7 * np.max(before)
    assert np.max(np.abs(phi - seen) / sigma) < 4.5
    assert "one kind of spheres does not describe the starting solution" in found.notes[0]
    wider = found.voxels.values["diameter_sigma"] / voxels.values["diameter_sigma"]
    assert np.nanmax(wider) > 1.5


def test_of_many_frames_some_of_each_height_are_inverted_first_and_last_among_them() -> None:
    grid: ScanMap = scan_map(np.tile([0.0, 50.0], 500), 5.0 * np.arange(1000), np.ones(1000, dtype=bool))
    rows = _evenly(np.arange(1000), grid)
    assert 200 < rows.size < 400
    assert {0, 1, 998, 999} <= set(rows.tolist())


def test_phi_of_which_free_form_sizes_find_hardly_any_is_known_no_better_than_before() -> None:
    own, ratio, sigma = np.array([0.2, 0.2, 0.002]), np.array([0.01, 1.3, 1.01]), np.array([0.1, 0.1, 1e-4])
    factor, noise, misfit = _of_free_form(own, ratio, sigma, np.zeros(3), 1e-4)
    assert np.all(factor * noise >= 0.999 * own)
    assert np.all(factor * misfit >= 0.149 * np.abs(1.0 - ratio) * np.minimum(1.0, 1.0 / ratio))
    still = _of_free_form(own, ratio, sigma, np.full(3, 2.0), 1e-4)[2]
    assert np.all(factor * still >= 2.0 * own)
