"""The command `predict`, part by part: a fresh process each time, as on the command line, once everything is compiled.

    python benchmarks/predict.py [--repeats 7] [--before FOLDER] [--json FILE] [--json-before FILE]

FOLDER: `src` of another version; the two take turns, so that both see the same machine. Printed: least and median of the
wall time (s), and least CPU time (of the report: of the parent process alone). Differences smaller than between least and
median are none.
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

import numpy as np
from kept import Row, keep

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "examples" / "experiment.toml"
PARTS = ("imports", "model and maps", "report with its figures", "whole command")
CHILD = """
import json, sys, time
from pathlib import Path
clocks, laps = [(time.perf_counter(), 0.0)], {}
def lap(name):
    clocks.append((time.perf_counter(), time.process_time()))
    laps[name] = [now - before for now, before in zip(clocks[-1], clocks[-2])]
import electrosaxs.command_line.app
import electrosaxs.recipes.predict as recipe
lap("imports")
experiment, folder = Path(sys.argv[1]), Path(sys.argv[2])
made = recipe.predicted(*recipe.read_with_sizes(experiment))
lap("model and maps")
recipe.write_prediction(folder, made, command="predict", inputs=[experiment])
lap("report with its figures")
print(json.dumps(laps))
"""
COMMAND = "from electrosaxs.command_line.app import main; main()"


def parts(source: Path, folder: Path) -> dict[str, tuple[float, float]]:
    """Wall and CPU time (s) of each part."""
    told = _run(source, "-c", CHILD, str(EXPERIMENT), str(folder)).stdout
    return {name: (wall, cpu) for name, (wall, cpu) in json.loads(told.splitlines()[-1]).items()}


def whole(source: Path, folder: Path) -> tuple[float, float]:
    """Wall and CPU time (s) of the command from start to end, Python's own start included."""
    begin, used = time.perf_counter(), os.times()
    _run(source, "-c", COMMAND, "predict", str(EXPERIMENT), "--out", str(folder), "--quiet")
    wall, now = time.perf_counter() - begin, os.times()
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    return wall, cpu


def _run(source: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(source)}
    return subprocess.run([sys.executable, *arguments], env=environment, check=True, text=True, stdout=subprocess.PIPE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--before", type=Path, metavar="FOLDER")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--json-before", type=Path)
    arguments = parser.parse_args()
    sources = {"now": ROOT / "src"} if arguments.before is None else {"before": arguments.before, "now": ROOT / "src"}
    seen: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as made:
        for repeat in range(arguments.repeats + 1):
            for name, source in sources.items():
                times = {**parts(source, Path(made)), "whole command": whole(source, Path(made))}
                if repeat:  # the first compiles and fills the caches
                    for part, taken in times.items():
                        seen.setdefault((name, part), []).append(taken)
    print(f"{'':<26}" + "".join(f"{name + ': least':>16}{'median':>9}{'CPU':>7}" for name in sources))
    for part in PARTS:
        row = f"{part:<26}"
        for name in sources:
            wall, cpu = np.array(seen[name, part]).T
            row += f"{wall.min():16.2f}{np.median(wall):9.2f}{cpu.min():7.2f}"
        print(row)

    for name, file in (("before", arguments.json_before), ("now", arguments.json)):
        if file and name in sources:
            keep(file, [Row(f"predict, {part}", "s CPU", [cpu for _, cpu in seen[name, part]]) for part in PARTS])


if __name__ == "__main__":
    main()
