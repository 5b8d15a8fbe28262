"""Pulls of small simulated runs with one thing wrong each, at two strengths: tables of docs/accuracy.md.

    python benchmarks/imperfect.py --kept imperfect.jsonl --seeds 10 --jobs 2    # goes on where it stopped
    python benchmarks/imperfect.py --kept imperfect.jsonl --table                # writes what is there into docs/accuracy.md

Each run (benchmarks/imperfect_cases.py) is simulated and analysed in a temporary folder, three seconds of CPU, with crystals
five; what it gave is appended to the file as one line as it comes. A pull is (value - truth) / total sigma; the truth is the
solution's, whatever the frames show of it. A seed of all cases comes before the next seed, so that a table is there early.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from imperfect_cases import BASE, CASES, CRYSTALS, GROUPS, ONSETS, TOLD_DISTANCE

ACCURACY = Path(__file__).parents[1] / "docs" / "accuracy.md"
Measured = dict[str, Any]
NUMBERS = (
    "slice_flux", "supply_flux", "anode_height", "onset_time", "lattice_constant_solvated", "crystalline_amount",
    "solution_loss", "solution_loss_beside_crystals", "anode_diameter", "anode_polydispersity", "mass_balance_error",
    "anode_tilt",
)  # fmt: skip
AMOUNT, IN_LIGHT = "crystalline_amount", "crystals_in_the_light"
BEYOND = 4.5
HEAD = ("fault", "runs", "frames out a run", f"phi beyond {BEYOND} sigma", "largest", "d beyond")
NUMERICAL = 5e-4  # of phi: what the twin's own sub-beams and cells are good to
ONSET_S = 550.0  # of these runs, nearly


def measured(group: str, case: str, seed: int) -> Measured:
    """What one run gave, with its name: pulls, how many frames were left out, what is said of each number."""
    from electrosaxs.errors import ElectrosaxsError
    from electrosaxs.io.results import read_results
    from electrosaxs.io.run_toml import read_run
    from electrosaxs.nouns import Experiment
    from electrosaxs.recipes.analyse.analyse_run import analyse_reduced
    from electrosaxs.recipes.analyse.reduce_run import reduce_run
    from electrosaxs.recipes.simulate_run import simulate_run

    changes = GROUPS[group][case]
    tables = {key: {**BASE.get(key, {}), **changes.get(key, {})} for key in BASE.keys() | changes.keys()}
    name = {"group": group, "case": case, "seed": seed}
    with tempfile.TemporaryDirectory(prefix="electrosaxs-imperfect-") as folder:
        run = simulate_run(Experiment.model_validate({**tables, "output": {"seed": seed}}), Path(folder) / "run")
        if "distance_error" in changes.get("imperfections", {}):
            text = run.read_text(encoding="utf-8")
            told_m = TOLD_DISTANCE * tables["detector"]["distance_m"]
            run.write_text(text.replace("[detector]", f"[detector]\ndistance_m_sigma = {told_m}"), encoding="utf-8")
        try:
            reduced = reduce_run(read_run(run), Path(folder) / "out", workers=1)
            found = analyse_reduced(reduced, workers=1, distributions=False).results
        except ElectrosaxsError as error:
            return {**name, "refused": str(error)}
        return {**name, **told(found, read_results(run.parent / "truth.nxs"))}


def told(found: Any, truth: Any) -> Measured:
    """Pulls of the voxels in use ("phi", "d"), frames "left_out"; pull, relative error, sigma, quality of each number."""
    phi, right = found.volume_fraction, truth.volume_fraction.values
    kept: Measured = {"left_out": sum(not record.used and record.scan >= 0 for record in found.frames)}
    kept["phi"] = _pulls((phi.values - right) / np.hypot(phi.total_sigma, NUMERICAL * right), phi.good)
    d = found.diameter
    kept["d"] = _pulls((d.values - truth.diameter.values) / d.total_sigma, d.good)
    for name in NUMBERS:
        one, other = found.numbers.get(name), truth.numbers.get(name)
        if one is None or other is None or one.value is None or other.value is None or not one.sigma:
            continue
        right = float(truth.quality[IN_LIGHT][-1]) if name == AMOUNT else other.value
        off, scale = one.value - right, right or 1.0
        kept[name] = {
            "pull": off / one.sigma, "error": off / scale, "sigma": one.sigma / scale, "quality": one.quality,
        }  # fmt: skip
    return kept


def _pulls(values: np.ndarray, good: np.ndarray) -> list[float]:
    return [round(float(value), 3) for value in values[good]]


def kept_rows(kept: Path) -> list[Measured]:
    """The lines of the file; a last one that a killed process has left half is dropped."""
    rows = []
    for line in kept.read_text(encoding="utf-8").splitlines() if kept.exists() else []:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def wanted(kept: Path, groups: list[str], seeds: int, only: str) -> Iterator[tuple[str, str, int]]:
    """Runs that the file does not hold yet, seed by seed."""
    there = {(row["group"], row["case"], row["seed"]) for row in kept_rows(kept)}
    for seed in range(1, seeds + 1):
        for group in groups:
            for case in GROUPS[group]:
                if only in case and (group, case, seed) not in there:
                    yield group, case, seed


def measure(kept: Path, runs: list[tuple[str, str, int]], jobs: int) -> None:
    """Every run, `jobs` side by side, each on one core."""
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(measured, *run) for run in runs]
        for count, done in enumerate(as_completed(waiting), start=1):
            row = done.result()
            with kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            pulls = {name: round(row[name]["pull"], 2) for name in NUMBERS if name in row}
            print(f"{count} of {len(runs)}:", row["group"], row["case"], row["seed"], pulls, flush=True)


def runs_of(rows: list[Measured], group: str, case: str) -> list[Measured]:
    """All seeds of a case that were not refused."""
    return [row for row in rows if (row["group"], row["case"]) == (group, case) and "refused" not in row]


def rms(pulls: list[float]) -> str:
    return f"{np.sqrt(np.mean(np.square(pulls))):.2f}" if pulls else "-"


def cell(runs: list[Measured], name: str) -> str:
    """rms of a number's pulls where it is said to be good, and behind a stroke of those said to be doubtful, with how many."""
    ones = [run[name] for run in runs if name in run]
    good = [one["pull"] for one in ones if one["quality"] == "good"]
    doubtful = [one["pull"] for one in ones if one["quality"] != "good"]
    return rms(good) + (f" / {rms(doubtful)} ({len(doubtful)})" if doubtful else "")


def voxels(runs: list[Measured]) -> list[str]:
    """Share of voxels beyond 4.5 sigma and the largest pull of phi, share of those of d."""
    phi, d = (np.abs(np.concatenate([run[key] for run in runs])) for key in ("phi", "d"))
    return [f"{100 * np.mean(phi > BEYOND):.1f} %", f"{phi.max():.1f}", f"{100 * np.mean(d > BEYOND):.1f} %"]


def _lines(*cells: list[str]) -> list[str]:
    """A table: its head and rows."""
    head, *rows = (f"| {' | '.join(row)} |" for row in cells)
    return [head, "|" + "---|" * len(cells[0]), *rows]


def table_of_faults(rows: list[Measured]) -> list[str]:
    names = ("slice_flux", "supply_flux", "anode_height")
    made = [[*HEAD, "slice flux", "supply flux", "anode", "said to be doubtful"]]
    for case in CASES:
        if runs := runs_of(rows, "imperfections", case):
            out = np.mean([run["left_out"] for run in runs])
            doubtful = sum("slice_flux" in run and run["slice_flux"]["quality"] != "good" for run in runs)
            numbers = [*(cell(runs, name) for name in names), f"{doubtful} of {len(runs)}"]
            made.append([case, str(len(runs)), f"{out:.1f}", *voxels(runs), *numbers])
    return _lines(*made)


def table_of_crystals(rows: list[Measured]) -> list[str]:
    names = (
        "lattice_constant_solvated", "onset_time", "crystalline_amount", "solution_loss", "anode_diameter",
        "anode_polydispersity", "anode_tilt",
    )  # fmt: skip
    made = [
        [
            *HEAD,
            "a missing",
            "a",
            "onset",
            "crystals in the light",
            "left the solution",
            "d at the anode",
            "delta / d",
            "tilt",
        ]
    ]
    for case in CRYSTALS:
        if runs := runs_of(rows, "crystals", case):
            out = np.mean([run["left_out"] for run in runs])
            missing = sum("lattice_constant_solvated" not in run for run in runs)
            numbers = [cell(runs, name) for name in names]
            made.append([case, str(len(runs)), f"{out:.1f}", *voxels(runs), str(missing), *numbers])
    return _lines(*made)


def table_of_onsets(rows: list[Measured]) -> list[str]:
    head = [
        "crystals",
        "runs",
        "late by, of the scan period",
        "late by, of the time",
        "sigma",
        "pulls, mean",
        "rms",
        "largest",
    ]
    made = [head]
    for case, changes in ONSETS.items():
        onsets = [run["onset_time"] for run in runs_of(rows, "onset", case) if "onset_time" in run]
        if not onsets:
            continue
        pulls, off, sigma = (np.array([one[key] for one in onsets]) for key in ("pull", "error", "sigma"))
        period = changes["scan"]["duration_s"] / changes["scan"]["scans"]
        late = [
            f"{np.mean(off) * ONSET_S / period:+.2f}",
            f"{100 * np.mean(off):+.1f} %",
            f"{100 * np.mean(sigma):.1f} %",
        ]
        spread = [f"{pulls.mean():+.2f}", rms(pulls.tolist()), f"{np.abs(pulls).max():.1f}"]
        made.append([case, str(pulls.size), *late, *spread])
    return _lines(*made)


TABLES = {"imperfections": table_of_faults, "onset": table_of_onsets, "crystals": table_of_crystals}


def write_tables(rows: list[Measured], page: Path = ACCURACY) -> None:
    """Each table between its marks, `<!-- imperfect: NAME -->` and `<!-- end -->`; rows of cases without runs stay."""
    text = page.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        begin, end = f"<!-- imperfect: {name} -->", "<!-- end -->"
        head, line, *new = table(rows)
        before, rest = text.split(begin, 1)
        old, after = rest.split(end, 1)
        known = {_case(row): row for row in old.splitlines() if row.startswith("| ")} | {_case(row): row for row in new}
        lines = [head, line, *(known[case] for case in GROUPS[name] if case in known)]
        text = f"{before}{begin}\n\n" + "\n".join(lines) + f"\n\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def _case(row: str) -> str:
    return row.split("|")[1].strip()


def main() -> None:
    """Measure what is missing and print the tables, or write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--group", choices=[*GROUPS, "all"], default="all")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--table", action="store_true", help="write the tables into docs/accuracy.md, measure nothing")
    asked = parser.parse_args()
    if asked.table:
        write_tables(kept_rows(asked.kept))
        return
    groups = list(GROUPS) if asked.group == "all" else [asked.group]
    measure(asked.kept, list(wanted(asked.kept, groups, asked.seeds, asked.only)), asked.jobs)
    for name in groups:
        print("\n".join([f"{name}:", *TABLES[name](kept_rows(asked.kept)), ""]))


if __name__ == "__main__":
    main()
