"""Pulls of small simulated runs whose crystals are islands on a tilted or wavy anode, and of runs with double scattering.

    python benchmarks/anode_film.py --seeds 4

Each run (8 heights, 8 scans in 30 minutes at 30 V, phi up to 2.7 %) is simulated and analysed in a temporary folder. A pull is
(value - truth) / total sigma of the voxels of the map, the one at the anode apart.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Experiment, RunResults
from electrosaxs.recipes.analyse.analyse_run import analyse_reduced
from electrosaxs.recipes.analyse.reduce_run import reduce_run
from electrosaxs.recipes.simulate_run import simulate_run

BASE: dict[str, dict[str, Any]] = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": 4.6},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0], "voltage_V": [30.0]},
    "transport": {"effective_charge": 0.045},
    "growth": {"solubility": 0.011, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1},
    "scan": {
        "duration_s": 1800.0, "heights_um": [0.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2200.0, 3450.0], "scans": 8,
        "reference_frames": 3, "solvent_frames": 3,
    },
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.8},
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "crystals spread evenly": {},
    "islands, even anode": {"islands": True},
    "islands, 1 mrad": {"islands": True, "anode_tilt_mrad": 1.0},
    "islands, 5 mrad": {"islands": True, "anode_tilt_mrad": 5.0},
    "islands, 1 mrad, 2 um wavy": {"islands": True, "anode_tilt_mrad": 1.0, "anode_roughness_um": 2.0},
    "double scattering": {"double_scattering": True},
}
MEASURED = ("crystalline_amount", "solution_loss", "anode_tilt", "anode_edge_spread")


def one(wrong: dict[str, Any], seed: int) -> tuple[RunResults, RunResults]:
    experiment = Experiment.model_validate({**BASE, "imperfections": wrong, "output": {"seed": seed}})
    with tempfile.TemporaryDirectory() as folder:
        run = simulate_run(experiment, Path(folder) / "run")
        reduced = reduce_run(read_run(run), Path(folder) / "out")
        found = analyse_reduced(reduced, distributions=False).results
        return found, read_results(run.parent / "truth.nxs")


def pulls(found: RunResults, truth: RunResults) -> np.ndarray:
    phi = found.volume_fraction
    return np.where(phi.good, (phi.values - truth.volume_fraction.values) / phi.total_sigma, np.nan)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=4)
    options.add_argument("--only", default="", help="cases whose name holds this")
    chosen = options.parse_args()
    print("| case | rms pull of phi above | at the anode | largest | " + " | ".join(MEASURED) + " | lower bound |")
    for name, wrong in CASES.items():
        if chosen.only not in name:
            continue
        runs = [one(wrong, 100 + seed) for seed in range(chosen.seeds)]
        every = np.array([pulls(*run) for run in runs])
        row = [
            np.sqrt(np.nanmean(every[:, :, 1:] ** 2)),
            np.sqrt(np.nanmean(every[:, :, 0] ** 2)),
            np.nanmax(np.abs(every)),
        ]
        told = []
        for number in MEASURED:
            values = [run[0].numbers[number] for run in runs if run[0].numbers[number].value is not None]
            pair = [np.mean([v.value for v in values]), np.mean([v.sigma for v in values])] if values else []
            told.append(f"{pair[0]:.2g} +- {pair[1]:.1g} ({len(values)})" if pair else "-")
        bound = sum("doubtful: a lower bound" in run[0].numbers["crystalline_amount"].quality for run in runs)
        print(f"| {name} | " + " | ".join(f"{x:.2f}" for x in row) + " | " + " | ".join(told), end="")
        print(
            f" | {bound} of {len(runs)}, true {runs[0][1].numbers['solution_loss_beside_crystals'].value or 0.0:.2f} um |",
            flush=True,
        )


if __name__ == "__main__":
    main()
