"""A run whose particles repel each other: told from its own curves, and phi and sizes are those of the truth."""

from pathlib import Path

import numpy as np
from simulated_runs import analysed, simulated

from electrosaxs.io.results import read_results

SCAN = {
    "duration_s": 1800.0, "heights_um": [50.0, 150.0, 1000.0], "scans": 3, "reference_frames": 2, "solvent_frames": 2,
    "alignment": False,
}  # fmt: skip


def test_particles_that_repel_keep_their_phi_and_size(tmp_path: Path) -> None:
    run = simulated(
        tmp_path / "run",
        scan=SCAN,
        imperfections={"interaction": "hard-spheres"},
        cell={"gap_mm": 3.5, "anode_height_um": 0.0},
    )
    found, truth = analysed(run, tmp_path / "out"), read_results(run.parent / "truth.nxs")
    virial = found.numbers["second_virial_coefficient"]
    assert virial.value is not None
    assert virial.sigma is not None
    assert abs(virial.value - 1.0) < 3.0 * virial.sigma < 0.6
    for name in ("volume_fraction", "diameter"):
        measured, right = getattr(found, name), getattr(truth, name)
        pulls = (measured.values - right.values) / measured.total_sigma
        assert np.max(np.abs(pulls[:, 1:])) < 4.5, name
    assert "interaction" in found.volume_fraction.shared
