"""Where the seconds of `analyse` go: start, frames, fits, crystals, maps, sizes, figures, files; wall and CPU, peak memory.

    python benchmarks/stages.py [--frames 124 1145] [--repeats 3] [--runs FOLDER] [--json FILE] [--source FOLDER]

Each run is simulated once (kept in `--runs`, a temporary folder otherwise) and analysed from nothing in a process of its
own, once without being counted where something may still have to be compiled. The stages are taken from outside: the functions
that a recipe calls are wrapped, each second counts for the innermost of them. CPU is that of all threads, and of the
processes that the command starts. `frames` is read, decode and integrate together, in threads; its parts below it have CPU
seconds only. 5,000 frames are those of a small detector at a low flux. `--source`: `src` of another version.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from kept import Row, keep, machine, median_and_spread

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "examples" / "experiment.toml"
HEIGHTS = (
    *range(0, 300, 25), *range(300, 600, 50), *range(600, 1400, 100), *range(1400, 3401, 200),
)  # fmt: skip
ANALYSE = "electrosaxs.recipes.analyse"
STAGES: dict[str, tuple[str, ...]] = {
    "detector": ("reduce_run.prepared", "reduce_run.read_table", "reduce_run.open_frames"),
    "frames": ("analyse_run.reduce_run",),
    "fit": ("analyse_run.standards", "analyse_run.fitted_blocks", "analyse_run.measure"),
    "crystals": ("analyse_run.find_crystals", "analyse_run.measured_again"),
    "maps": ("analyse_run.find_anode", "analyse_run.agreement", "analyse_run.frame_maps", "analyse_run.kinetics"),
    "sizes": ("analyse_run.with_sizes_that_fit", "analyse_run.size_distributions"),
    "curve files": ("analyse_run.write_curve_files",),
    "files": ("analyse_run.write_results", "analyse_run.write_provenance", "analyse_run.write_frames_csv"),
    "figures": ("analyse_run.write_report",),
}
PARTS = {
    "read and decode": "electrosaxs.io.nexus:NexusFrames.read",
    "integrate": "electrosaxs.reduction.azimuthal:Integrator.integrate_together",
}
ORDER = ("start", "detector", "frames", *(f"  {part}" for part in PARTS), "fit", "crystals", "maps", "sizes", "curve files",
         "files", "figures", "rest", "whole")  # fmt: skip


class Clock:
    """Wall and CPU seconds by stage; nested stages are taken out of the outer one."""

    def __init__(self, born: float) -> None:
        self.taken: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._stack = ["start"]
        self._last = (born, 0.0)
        self._lock = threading.Lock()

    def lap(self) -> None:
        now = (time.time(), time.process_time())
        spent = self.taken[self._stack[-1]]
        spent[0] += now[0] - self._last[0]
        spent[1] += now[1] - self._last[1]
        self._last = now

    @contextmanager
    def within(self, stage: str) -> Iterator[None]:
        self.lap()
        self._stack.append(stage)
        try:
            yield
        finally:
            self.lap()
            self._stack.pop()

    def wrapped(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            with self.within(stage):
                made = function(*args, **options)
            return self._steps(stage, made) if hasattr(made, "send") else made

        return timed

    def _steps(self, stage: str, steps: Iterator[Any]) -> Iterator[Any]:
        ended = object()
        while True:
            with self.within(stage):
                step = next(steps, ended)
            if step is ended:
                return
            yield step

    def of_threads(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            begin = time.thread_time()
            made = function(*args, **options)
            with self._lock:
                self.taken[f"  {part}"][1] += time.thread_time() - begin
            return made

        return timed


def child(born: float, run: Path, out: Path) -> None:
    """`electrosaxs analyse` with a clock; prints the stages as JSON."""
    clock = Clock(born)
    from electrosaxs.command_line.app import run as command

    for module in {name.partition(".")[0] for names in STAGES.values() for name in names}:
        import_module(f"{ANALYSE}.{module}")
    for stage, names in STAGES.items():
        for name in names:
            module, _, attribute = name.partition(".")
            home = sys.modules[f"{ANALYSE}.{module}"]
            if hasattr(home, attribute):
                setattr(home, attribute, clock.wrapped(stage, getattr(home, attribute)))
    for part, place in PARTS.items():
        module, _, path = place.partition(":")
        kind, _, method = path.partition(".")
        owner = getattr(import_module(module), kind)
        setattr(owner, method, clock.of_threads(part, getattr(owner, method)))
    clock.lap()
    clock._stack[0] = "rest"
    code = command(["analyse", str(run), "--out", str(out), "--quiet"])
    clock.lap()
    if code:
        sys.exit(code)
    print(json.dumps(clock.taken))


def experiment(frames: int, folder: Path) -> Path:
    """The example's cell with as many frames as asked for, or a few more."""
    text = EXPERIMENT.read_text(encoding="utf-8")
    if frames <= 200:
        changed = {"scans": f"{max(2, (frames - 12) // 14)}"}
    else:
        changed = {"heights_um": f"[{', '.join(map(str, HEIGHTS))}]", "scans": f"{(frames - 12) // len(HEIGHTS)}",
                   "exposure_s": "0.5"}  # fmt: skip
    if frames > 2000:
        changed |= {"name": '"Pilatus300k"', "photons_per_s": "3.0e9", "exposure_s": "0.3"}
    lines = [
        f"{key} = {changed[key]}" if (key := line.partition("=")[0].strip()) in changed else line
        for line in text.splitlines()
    ]
    if frames > 2000:
        lines = [line for line in lines if not line.startswith("alignment")]
    path = folder / f"experiment_{frames}.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def simulated(frames: int, folder: Path, environment: dict[str, str]) -> Path:
    run = folder / f"run_{frames}"
    if not (run / "run.toml").is_file():
        toml = experiment(frames, folder)
        command = [
            sys.executable,
            "-m",
            "electrosaxs.command_line.app",
            "simulate",
            str(toml),
            "--out",
            str(run),
            "--quiet",
        ]
        subprocess.run(command, env=environment, check=True)
    return run / "run.toml"


def analysed(run: Path, environment: dict[str, str]) -> tuple[dict[str, list[float]], float]:
    """Seconds (wall, CPU) of each stage, and the peak memory in MB."""
    with tempfile.TemporaryDirectory() as out:
        born, before = time.time(), os.times()
        command = [sys.executable, __file__, "--child", repr(born), str(run), out]
        made = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert made.stdout is not None
        told = made.stdout.read()
        _, status, usage = os.wait4(made.pid, 0)
        made.returncode = os.waitstatus_to_exitcode(status)
        wall, after = time.time() - born, os.times()
    if made.returncode:
        sys.exit(made.returncode)
    taken = json.loads(told.splitlines()[-1])
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    taken["rest"][0] += wall - sum(row[0] for row in taken.values())
    taken["rest"][1] += cpu - sum(row[1] for name, row in taken.items() if not name.startswith(" "))
    taken["whole"] = [wall, cpu]
    return taken, usage.ru_maxrss / 1024.0


def measured(frames: int, run: Path, repeats: int, environment: dict[str, str]) -> list[Row]:
    """Rows of the table for one size of run."""
    seen: dict[str, list[list[float]]] = defaultdict(list)
    memory = []
    analysed(run, environment)
    for _ in range(repeats):
        taken, peak = analysed(run, environment)
        memory.append(peak)
        for stage in ORDER:
            seen[stage].append(taken.get(stage, [0.0, 0.0]))
    rows = []
    for stage in ORDER:
        for column, kind in enumerate(("wall", "CPU")):
            if not (stage.startswith(" ") and kind == "wall"):
                rows.append(Row(f"{frames} frames, {stage.strip()}, {kind}", "s", [one[column] for one in seen[stage]]))
    return [*rows, Row(f"{frames} frames, peak memory", "MB", memory)]


def table(frames: list[int], rows: list[Row]) -> str:
    known = {row.name: row for row in rows}
    lines = [f"{'seconds':<18}" + "".join(f"{f'{count} frames: wall':>22}{'CPU':>16}" for count in frames)]
    for stage in ORDER:
        line = f"{stage:<18}"
        for count in frames:
            for kind, width in (("wall", 22), ("CPU", 16)):
                row = known.get(f"{count} frames, {stage.strip()}, {kind}")
                line += f"{'' if row is None else median_and_spread(row):>{width}}"
        lines.append(line)
    peaks = "".join(f"{median_and_spread(known[f'{count} frames, peak memory']):>22}{'':16}" for count in frames)
    return "\n".join([*lines, f"{'peak memory, MB':<18}{peaks}"])


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(float(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[124, 1145])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--source", type=Path, default=ROOT / "src")
    given = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(given.source.resolve())}
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as made:
        folder = given.runs or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        rows = []
        for frames in given.frames:
            rows += measured(frames, simulated(frames, folder, environment), given.repeats, environment)
    print(table(given.frames, rows))
    if given.json is not None:
        keep(given.json, rows)


if __name__ == "__main__":
    main()
