"""Pulls of small simulated runs with one thing wrong each, at two strengths: rows of docs/accuracy.md.

    python benchmarks/imperfect.py --kept imperfect.json --seeds 10      # goes on where it stopped
    python benchmarks/imperfect.py --kept imperfect.json --table         # the tables of what is there

Each run is simulated and analysed in a temporary folder: 8 heights from 0 to 3400 um and 6 scans in 15 minutes at 30 V; those
of the onset have other scan times and grow crystals. A pull is (value - truth) / total sigma; the truth is the solution's,
whatever the frames show of it. A seed of all cases comes before the next seed, so that a table is there early.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from electrosaxs.errors import ElectrosaxsError
from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Experiment, RunResults
from electrosaxs.recipes.analyse.analyse_run import analyse_reduced
from electrosaxs.recipes.analyse.reduce_run import reduce_run
from electrosaxs.recipes.simulate_run import simulate_run

Changes = dict[str, dict[str, Any]]
Measured = dict[str, Any]
NUMBERS = ("slice_flux", "supply_flux", "anode_height", "onset_time", "lattice_constant_solvated")
BEYOND = 4.5
NUMERICAL = 5e-4  # of phi: what the twin's own sub-beams and cells are good to
HEIGHTS = [0.0, 50.0, 100.0, 150.0, 300.0, 700.0, 1500.0, 3400.0]
BASE: Changes = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": 4.6},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0], "voltage_V": [30.0]},
    "transport": {"effective_charge": 0.045},
    "scan": {"duration_s": 900.0, "heights_um": HEIGHTS, "scans": 6, "reference_frames": 3, "solvent_frames": 3},
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.8},
}


def wrong(**fault: Any) -> Changes:
    """Changes that are one fault."""
    return {"imperfections": fault}


def bubble(height_um: float, share: float) -> Changes:
    """Gas at one height in two scans."""
    return wrong(bubble={"heights_um": [height_um], "time_s": [300.0, 600.0], "share": share})


CASES: dict[str, Changes] = {
    "nothing": {},
    "monitor 30 % high, 3 frames": wrong(monitor_glitch={"frames": [30, 37, 44], "factor": 1.3}),
    "monitor 3 % high, 3 frames": wrong(monitor_glitch={"frames": [30, 37, 44], "factor": 1.03}),
    "monitor noise 0.5 %": wrong(monitor_noise=0.005),
    "monitor noise 2 %": wrong(monitor_noise=0.02),
    "transmission noise 0.2 %": wrong(transmission_noise=0.002),
    "transmission noise 1 %": wrong(transmission_noise=0.01),
    "transmission drifts 0.3 %": wrong(transmission_drift=0.003),
    "transmission drifts 3 %": wrong(transmission_drift=0.03),
    "gas 5 %, two scans at 150 um": bubble(150.0, 0.05),
    "gas 40 %, two scans at 150 um": bubble(150.0, 0.4),
    "gas 2 %, two scans at the anode": bubble(0.0, 0.02),
    "gas 5 %, two scans at the anode": bubble(0.0, 0.05),
    "gas 40 %, two scans at the anode": bubble(0.0, 0.4),
    "anode 3 um off": wrong(height_offset_um=3.0),
    "anode 7 um off": wrong(height_offset_um=7.0),
    "monitor drifts 0.3 %": wrong(monitor_drift=0.003),
    "monitor drifts 2 %": wrong(monitor_drift=0.02),
    "deposit at 300 um, 0.01 % a second": wrong(deposit={"heights_um": [300.0], "growth_per_s": 1e-4}),
    "deposit at 300 um, 0.2 % a second": wrong(deposit={"heights_um": [300.0], "growth_per_s": 2e-3}),
    "deposit at 700 um, 0.2 % a second": wrong(deposit={"heights_um": [700.0], "growth_per_s": 2e-3}),
    "dead time 0.5 us": wrong(dead_time_ns=500.0),
    "dead time 5 us": wrong(dead_time_ns=5000.0),
    "centre 1 px off": wrong(centre_shift_px=1.0),
    "centre 3 px off": wrong(centre_shift_px=3.0),
}


def growing(scans: int, duration_s: float, tau_s: float) -> Changes:
    """A run at whose anode crystals grow, with `scans` in `duration_s` and attachment that takes `tau_s`."""
    return {
        "growth": {"solubility": 0.011, "attachment_time_s": tau_s, "lattice_constant_nm": 15.1},
        "scan": {
            **BASE["scan"],
            "heights_um": [0.0, 50.0, 100.0, 200.0, 600.0, 3400.0],
            "scans": scans,
            "duration_s": duration_s,
        },
        "detector": {"name": "Pilatus300k", "distance_m": 1.99389},
    }


ONSETS: dict[str, Changes] = {
    "scans every 60 s": growing(16, 960.0, 40.0),
    "scans every 100 s": growing(10, 1000.0, 40.0),
    "scans every 150 s": growing(8, 1200.0, 40.0),
    "scans every 240 s": growing(6, 1440.0, 40.0),
    "every 100 s, attachment at once": growing(10, 1000.0, 1.0),
    "every 100 s, attachment in 200 s": growing(10, 1000.0, 200.0),
}
GROUPS = {"imperfections": CASES, "onset": ONSETS}


def measured(changes: Changes, seed: int) -> Measured:
    """What one run gave: pulls, how many frames were left out, what is said of the slice flux."""
    tables = {key: {**BASE.get(key, {}), **changes.get(key, {})} for key in BASE.keys() | changes.keys()}
    with tempfile.TemporaryDirectory(prefix="electrosaxs-imperfect-") as folder:
        run = simulate_run(Experiment.model_validate({**tables, "output": {"seed": seed}}), Path(folder) / "run")
        try:
            found = analyse_reduced(reduce_run(read_run(run), Path(folder) / "out"), distributions=False).results
        except ElectrosaxsError as error:
            return {"refused": str(error)}
        return told(found, read_results(run.parent / "truth.nxs"))


def told(found: RunResults, truth: RunResults) -> Measured:
    """Pulls of the voxels in use ("phi", "d"), frames "left_out"; pull, relative error, sigma, quality of each number."""
    phi, right = found.volume_fraction, truth.volume_fraction.values
    kept: Measured = {"left_out": sum(not record.used and record.scan >= 0 for record in found.frames)}
    kept["phi"] = ((phi.values - right) / np.hypot(phi.total_sigma, NUMERICAL * right))[phi.good].tolist()
    d = found.diameter
    kept["d"] = ((d.values - truth.diameter.values) / d.total_sigma)[d.good].tolist()
    for name in NUMBERS:
        one, other = found.numbers.get(name), truth.numbers.get(name)
        if one is None or other is None or one.value is None or other.value is None or not one.sigma:
            continue
        off = one.value - other.value
        scale = other.value or 1.0
        kept[name] = {
            "pull": off / one.sigma, "error": off / scale, "sigma": one.sigma / scale, "quality": one.quality,
        }  # fmt: skip
    return kept


def measure(kept: Path, groups: list[str], seeds: int, only: str) -> None:
    """Every run that `kept` does not hold yet, one after the other."""
    rows: dict[str, Measured] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for seed in range(1, seeds + 1):
        for group in groups:
            for name, changes in GROUPS[group].items():
                key = f"{group} | {name} | {seed}"
                if key in rows or only not in name:
                    continue
                rows[key] = measured(changes, seed)
                part = kept.with_suffix(".part")
                part.write_text(json.dumps(rows), encoding="utf-8")
                part.replace(kept)
                print(key, {n: round(rows[key][n]["pull"], 2) for n in NUMBERS if n in rows[key]}, flush=True)


def runs_of(rows: dict[str, Measured], group: str, name: str) -> list[Measured]:
    """All seeds of a case."""
    return [row for key, row in rows.items() if key.startswith(f"{group} | {name} | ")]


def rms(pulls: list[float]) -> str:
    return f"{np.sqrt(np.mean(np.square(pulls))):.2f}" if pulls else "-"


def table(rows: dict[str, Measured]) -> list[str]:
    """Lines of both tables."""
    lines = [
        "| fault | runs | frames out a run | phi beyond 4.5 sigma | largest | d beyond | slice flux, rms | supply flux, rms "
        "| anode, rms | said to be doubtful |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in CASES:
        runs = runs_of(rows, "imperfections", name)
        measured_ones = [run for run in runs if "refused" not in run]
        if measured_ones:
            lines.append(_row(name, len(runs), measured_ones))
    lines += [
        "",
        "| crystals | runs | late by, of the scan period | late by, of the time | sigma | pulls, mean | rms | largest |",
    ]
    lines += ["|---|---|---|---|---|---|---|---|"]
    for name, changes in ONSETS.items():
        onsets = [run["onset_time"] for run in runs_of(rows, "onset", name) if "onset_time" in run]
        if onsets:
            pulls, off, sigma = (np.array([one[key] for one in onsets]) for key in ("pull", "error", "sigma"))
            period = changes["scan"]["duration_s"] / changes["scan"]["scans"]
            lines.append(
                f"| {name} | {pulls.size} | {np.mean(off) * ONSET_S / period:+.2f} | {100 * np.mean(off):+.1f} % "
                f"| {100 * np.mean(sigma):.1f} % | {pulls.mean():+.2f} | {rms(pulls.tolist())} | {np.abs(pulls).max():.1f} |"
            )
    return lines


ONSET_S = 550.0  # of these runs, nearly


def _row(name: str, count: int, runs: list[Measured]) -> str:
    phi, d = (np.abs(np.concatenate([run[key] for run in runs])) for key in ("phi", "d"))
    numbers = [rms([run[n]["pull"] for run in runs if n in run]) for n in ("slice_flux", "supply_flux", "anode_height")]
    doubtful = sum("slice_flux" in run and run["slice_flux"]["quality"] != "good" for run in runs)
    out = np.mean([run["left_out"] for run in runs])
    return (
        f"| {name} | {count} | {out:.1f} | {100 * np.mean(phi > BEYOND):.1f} % | {phi.max():.1f} "
        f"| {100 * np.mean(d > BEYOND):.1f} % | {' | '.join(numbers)} | {doubtful} of {len(runs)} |"
    )


def main() -> None:
    """Measure what is missing, or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--group", choices=[*GROUPS, "all"], default="all")
    parser.add_argument("--only", default="")
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    if not asked.table:
        measure(asked.kept, list(GROUPS) if asked.group == "all" else [asked.group], asked.seeds, asked.only)
    print("\n".join(table(json.loads(asked.kept.read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main()
