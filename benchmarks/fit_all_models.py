"""The command `fit` on the run of `demo`, all models: wall and CPU time, and how far the parameters of two versions are apart.

    python benchmarks/fit_all_models.py RESULTS [--before FOLDER] [--repeats 1] [--json FILE] [--json-before FILE]

RESULTS: of `electrosaxs demo` (electrosaxs-demo/results). FOLDER: `src` of another version; the two take turns, so that
both see the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kept import Row, keep, machine, median_and_spread

ROOT = Path(__file__).parents[1]
COMMAND = "from electrosaxs.command_line.app import main; main()"


def timed(source: Path, results: Path, out: Path) -> tuple[float, float]:
    """Wall and CPU time (s) of the whole command."""
    begin, used = time.perf_counter(), os.times()
    environment = {**os.environ, "PYTHONPATH": str(source)}
    asked = ["fit", str(results), "--out", str(out), "--quiet"]
    subprocess.run([sys.executable, "-c", COMMAND, *asked], env=environment, check=True)
    wall, now = time.perf_counter() - begin, os.times()
    return wall, now.children_user + now.children_system - used.children_user - used.children_system


def apart(before: Path, now: Path) -> str:
    """The parameter that moved farthest, in its sigma."""
    one, other = (json.loads((folder / "numbers.json").read_text(encoding="utf-8")) for folder in (before, now))
    moved = {
        name: abs(other[name]["value"] - number["value"]) / number["sigma"]
        for name, number in one.items()
        if number["sigma"] and number["value"] is not None
    }
    name = max(moved, key=lambda key: moved[key])
    return f"{name} by {moved[name]:.3f} sigma"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--before", type=Path, metavar="FOLDER")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--json-before", type=Path)
    arguments = parser.parse_args()
    sources = {"now": ROOT / "src"} if arguments.before is None else {"before": arguments.before, "now": ROOT / "src"}
    print(machine(), flush=True)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sources}
    with tempfile.TemporaryDirectory() as made:
        for _ in range(arguments.repeats):
            for name, source in sources.items():
                times[name].append(timed(source, arguments.results, Path(made) / name))
        for name, seen in times.items():
            wall, cpu = (list(column) for column in zip(*seen, strict=True))
            rows = [Row("fit, all models, wall", "s", wall), Row("fit, all models, CPU", "s", cpu)]
            print(f"{name}: wall {median_and_spread(rows[0])} s, CPU {median_and_spread(rows[1])} s", flush=True)
            file = arguments.json if name == "now" else arguments.json_before
            if file:
                keep(file, rows)
        if len(sources) == 2:
            print(f"farthest apart: {apart(Path(made) / 'before', Path(made) / 'now')}")


if __name__ == "__main__":
    main()
