"""The first run of a command, which compiles its kernels, beside a later one; and the list of these kernels.

    python benchmarks/first_run.py [COMMAND...] [--repeats 3] [--json FILE] [--source FOLDER]    # seconds of both, wall and CPU
    python benchmarks/first_run.py --write                                        # writes command_line/kernels.jsonl anew

Each run is a process of its own, on the sample data of `electrosaxs examples --data`; numba's cache is a folder of its own,
empty before a first run. `--source`: `src` of another version.
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
from typing import Any

from kept import Row, keep, machine, median_and_spread
from numba.core import types

from electrosaxs.command_line.kernel_types import SCALARS

COMMANDS = {
    "demo": "demo --out demo",
    "simulate": "simulate examples/experiment.toml --out run",
    "analyse": "analyse run-30V/run.toml --out results",
    "predict": "predict examples/experiment.toml --out expected",
    "fit": "fit results-20V results-30V --out fitted",
    "plan": "plan examples/experiment.toml --target slice-flux=3e-10 --out planned",
    "curves": "curves a.dat b.h5 c.dat d.dat e.dat --out curves",
    "gisaxs": "gisaxs film/film.cbf --geometry film/geometry.poni --incident-angle-deg 0.31 --energy-kev 10 --out gisaxs",
    "islands": "islands micrographs/field001.tif --out islands",
}
PREPARED = (
    "examples --data --out .",
    "simulate examples/film.toml --out film",
    "simulate examples/micrographs.toml --out micrographs",
)
LIST = Path(__file__).parents[1] / "src" / "electrosaxs" / "command_line" / "kernels.jsonl"
RECORDER = """
import json, sys
from numba.core import event
from electrosaxs.command_line.compile_ahead import is_own
sys.path.insert(0, sys.argv.pop(1))
from first_run import spelled
class Recorder(event.Listener):
    def on_start(self, event):
        kernel = event.data["dispatcher"]
        if is_own(kernel):
            function = kernel.py_func
            types = json.loads(spelled(event.data["args"]))
            met.append({"module": function.__module__, "name": function.__name__, "types": types})
    def on_end(self, event):
        pass
met = []
event.register("numba:compile", Recorder())
from electrosaxs.command_line.app import run
code = run(sys.argv[2:])
open(sys.argv[1], "w").write(json.dumps(met))
sys.exit(code)
"""


def spelled(arguments: tuple[types.Type, ...]) -> str:
    """The types of a call; ValueError for a kind that is not known here."""
    return json.dumps([_spelled(one) for one in arguments])


def _spelled(kind: Any) -> Any:
    if isinstance(kind, types.Array):
        return ["array", _spelled(kind.dtype), kind.ndim, kind.layout, "" if kind.mutable else "readonly"]
    if isinstance(kind, (types.NamedTuple, types.NamedUniTuple)):
        made = kind.instance_class
        return ["named", made.__module__, made.__qualname__, *map(_spelled, kind)]
    if isinstance(kind, (types.Tuple, types.UniTuple)):
        return ["tuple", *map(_spelled, kind)]
    if isinstance(kind, types.Omitted):
        return ["omitted", kind.value]
    if isinstance(kind, types.Literal):
        return ["literal", kind.literal_value]
    if SCALARS.get(str(kind)) is not kind:
        raise ValueError(f"no spelling of the type {kind!r}")
    return str(kind)


def electrosaxs(folder: Path, cache: Path, call: str, record: Path | None = None) -> tuple[float, float]:
    """Run a command in `folder` with its kernels in `cache`; wall and CPU seconds, with those of the processes it starts."""
    start = ["-m", "electrosaxs"] if record is None else ["-c", RECORDER, str(Path(__file__).parent), str(record)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, *start, *call.split()], cwd=folder, env=environment, check=True, capture_output=True
    )
    wall, after = time.perf_counter() - began, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def prepared(folder: Path) -> None:
    """The sample data, in `folder`."""
    for call in PREPARED:
        electrosaxs(folder, folder / "kernels", call)


def in_order(met: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """One list of what the commands met: each kernel once, after what some command met before it."""
    order: list[str] = []
    commands: dict[str, list[str]] = {}
    for command, kernels in met.items():
        last = -1
        for kernel in kernels:
            name = json.dumps(kernel)
            if name not in commands:
                order.insert(last + 1, name)
            commands.setdefault(name, [])
            if command not in commands[name]:
                commands[name].append(command)
            last = order.index(name)
    return [{**json.loads(name), "commands": commands[name]} for name in order]


def write_list(folder: Path) -> None:
    """What each command compiles from nothing, as one list beside the command line."""
    met: dict[str, list[Any]] = {}
    for command, call in COMMANDS.items():
        record = folder / "met.json"
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            electrosaxs(folder, Path(cache), call, record)
        met[command] = json.loads(record.read_text(encoding="utf-8"))
        print(f"{command}: {len(met[command])} kernels")
    lines = [json.dumps(kernel) for kernel in in_order(met)]
    LIST.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {LIST}: {len(lines)} kernels")


def measured(folder: Path, command: str, repeats: int) -> list[Row]:
    """Wall and CPU seconds of first runs and of those right after them."""
    taken: dict[str, list[float]] = {}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            for run in ("first", "later"):
                wall, cpu = electrosaxs(folder, Path(cache), COMMANDS[command])
                taken.setdefault(f"{run} run", []).append(wall)
                taken.setdefault(f"{run} run, CPU", []).append(cpu)
    return [Row(f"{command}: {name}", "s", values) for name, values in taken.items()]


def main() -> None:
    """Measure, or write the list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", default=["demo", "analyse", "predict"], metavar="COMMAND")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="keep what was measured, for compare.py")
    parser.add_argument("--source", type=Path, help="src of another version")
    parser.add_argument("--write", action="store_true", help="write the list of kernels anew")
    asked = parser.parse_args()
    if asked.source:
        os.environ["PYTHONPATH"] = str(asked.source.resolve())
    with tempfile.TemporaryDirectory(prefix="electrosaxs-first-run-") as place:
        folder = Path(place)
        prepared(folder)
        if asked.write:
            write_list(folder)
            return
        print(machine())
        rows = [row for command in asked.commands for row in measured(folder, command, asked.repeats)]
    for row in rows:
        print(f"{row.name:30} {median_and_spread(row)} {row.unit}")
    if asked.json:
        keep(asked.json, rows)


if __name__ == "__main__":
    main()
