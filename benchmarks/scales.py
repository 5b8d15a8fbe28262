"""Pulls of small runs whose heights, distance, order of heights or voltage are not as said: rows of docs/accuracy.md.

    python benchmarks/scales.py --seeds 10

Each run: 8 heights from 0 to 3400 um, 6 scans in 15 minutes at 30 V, simulated and analysed in a temporary folder. A pull is
(value - truth) / total sigma; the truth is that of a clean run where the fault is in the files.
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

NUMBERS = ("slice_flux", "supply_flux")
BASE: dict[str, dict[str, Any]] = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": 4.6},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0], "voltage_V": [30.0]},
    "transport": {"effective_charge": 0.045},
    "scan": {"duration_s": 900.0, "heights_um": [0.0, 50.0, 100.0, 150.0, 300.0, 700.0, 1500.0, 3400.0], "scans": 6,
             "reference_frames": 3, "solvent_frames": 3},
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.8},
}  # fmt: skip
STEPS = {"time_s": [0.0, 449.9, 450.0], "voltage_V": [30.0, 30.0, 15.0]}
RAMP = {"time_s": [0.0, 600.0, 900.0], "voltage_V": [30.0, 30.0, -15.0]}
CASES: dict[str, dict[str, dict[str, Any]]] = {
    "clean": {},
    "scanned down": {"scan": {"order": "down"}},
    "up and down": {"scan": {"order": "alternating"}},
    "shuffled": {"scan": {"order": "shuffled"}},
    "backlash 2 um": {"scan": {"order": "alternating"}, "imperfections": {"height_backlash_um": 2.0}},
    "backlash 4 um": {"scan": {"order": "alternating"}, "imperfections": {"height_backlash_um": 4.0}},
    "anode 3 um off": {"imperfections": {"height_offset_um": 3.0}},
    "anode 7 um off": {"imperfections": {"height_offset_um": 7.0}},
    "30 V, then 15 V": {"voltage": STEPS},
    "30 V, then a ramp to -15 V": {"voltage": RAMP},
}


def experiment(seed: int, changes: dict[str, dict[str, Any]]) -> Experiment:
    """The run of a case."""
    tables = {key: {**BASE.get(key, {}), **changes.get(key, {})} for key in BASE.keys() | changes.keys()}
    return Experiment.model_validate({**tables, "output": {"seed": seed}})


def measured(folder: Path, seed: int, changes: dict[str, dict[str, Any]]) -> tuple[RunResults, RunResults]:
    """Results and truth."""
    run = simulate_run(experiment(seed, changes), folder / "run")
    found = analyse_reduced(reduce_run(read_run(run), folder / "out"), distributions=False)
    return found.results, read_results(run.parent / "truth.nxs")


def row(name: str, seeds: int) -> str:
    """One line of the table."""
    numbers: dict[str, list[float]] = {key: [] for key in NUMBERS}
    voxels, doubtful = [], 0
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            found, truth = measured(Path(folder), seed, CASES[name])
        phi, right = found.volume_fraction, truth.volume_fraction.values
        pull = (phi.values - right) / np.hypot(phi.total_sigma, 5e-4 * phi.values)
        voxels += pull[phi.good].tolist()
        doubtful += found.numbers["slice_flux"].quality != "good"
        for key in NUMBERS:
            one, other = found.numbers[key], truth.numbers[key]
            if one.value is not None and other.value is not None and one.sigma:
                numbers[key].append((one.value - other.value) / one.sigma)
    beyond = 100.0 * np.mean(np.abs(voxels) > 4.5)
    rms = [f"{np.sqrt(np.mean(np.square(pulls))):.2f}" if pulls else "-" for pulls in numbers.values()]
    largest = np.max(np.abs(voxels))
    return f"| {name} | {beyond:.1f} % | {largest:.1f} | {' | '.join(rms)} | {doubtful} of {seeds} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    print("| fault | voxels beyond 4.5 sigma | largest | slice flux, rms | supply flux, rms | said to be doubtful |")
    print("|---|---|---|---|---|---|")
    for name in CASES:
        if asked.only in name:
            print(row(name, asked.seeds), flush=True)


if __name__ == "__main__":
    main()
