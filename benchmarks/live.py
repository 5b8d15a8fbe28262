"""`electrosaxs live` beside a detector that does not wait: how far behind it is, and what it keeps in memory.

    python benchmarks/live.py                                              # 100 Pilatus 2M frames a second, one minute
    python benchmarks/live.py --rate 5 --frames 7200 --pages 3 --small     # a long run, three observers
    python benchmarks/live.py --json live.json

A finished run is simulated; a process of its own writes its sample frames again and again, packed as they are, into a file that
grows, at the asked rate. The page is opened in Chromium where --pages says so. Rows: frames/s told; how far behind its row a
frame was told (median, worst, in the last tenth); resident memory of `live`, of its analysis and of the browser's page, at most
until a fifth of the way and after it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from kept import Row, keep, machine, median_and_spread

from electrosaxs import simulate_run
from electrosaxs.io.growing_nexus import GrowingNexus
from electrosaxs.io.hdf5 import text
from electrosaxs.io.run_state import write_state

EXPERIMENT = """
[run]
title = "a detector that does not wait"
[cell]
gap_mm = 3.5
path_length_mm = 10.0
anode_height_um = -7.3
[solution]
volume_fraction = 8.0e-4
core_diameter_nm = 7.1
core_sigma_nm = 1.1
[voltage]
time_s = [0.0]
voltage_V = [30.1]
[transport]
effective_charge = 0.045
[scan]
duration_s = 1200.0
heights_um = [0, 50, 100, 200, 400, 800, 1600, 2400, 3200, 3450]
scans = 8
exposure_s = 0.01
[beam]
energy_keV = 13.3
fwhm_um = 34.0
photons_per_s = 3.0e11
[detector]
name = "DETECTOR"
distance_m = 1.99389
[output]
form = "nexus"
seed = 7
"""
SAMPLE = b"sample"
DATA, TABLE = "entry/instrument/detector/data", "entry/frames"


def write(source: Path, folder: Path, frames: int, rate: float) -> None:
    """`frames` frames of the run in `source` into `folder`, `rate` a second; after its last sample frame the first follows."""
    with h5py.File(source / "frames.nxs") as file:
        data, table = file[DATA], file[TABLE]
        columns = {name: column[()] for name, column in table.items()}
        roles = [text(role) for role in columns.pop("role")]
        packed = [data.id.read_direct_chunk((index, 0, 0))[1] for index in range(len(roles))]
        file_out = GrowingNexus(folder / "frames.nxs", data.shape[1:], title="live", saturation=None)
    samples = [index for index, role in enumerate(roles) if role == "sample"]
    still = [index for index, role in enumerate(roles) if role != "sample"]
    span = columns["time"][samples[-1]] - columns["time"][samples[0]] + 10.0
    start = time.monotonic()
    for number in range(frames):
        turn, place = divmod(number - len(still), len(samples))
        index = still[number] if number < len(still) else samples[place]
        values = {name: float(column[index]) for name, column in columns.items()}
        if number >= len(still):
            values["time"] += turn * span
        file_out.append_packed(packed[index], roles[index], values)
        time.sleep(max(0.0, start + (number + 1) / rate - time.monotonic()))
    write_state(folder, {"phase": "finished"})
    file_out.close()


def resident_mb(pid: int) -> float:
    """Memory of a process, 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return float(status.partition("VmRSS:")[2].split()[0]) / 1024.0


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


class Watched:
    """`live` on a folder, and pages that look at it."""

    def __init__(self, stack: ExitStack, folder: Path, out: Path, pages: int) -> None:
        command = [sys.executable, "-m", "electrosaxs.command_line.app", "live", str(folder), "--out", str(out)]
        command += [] if pages else ["--no-page"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        stack.callback(self.process.wait)
        stack.callback(self.process.send_signal, signal.SIGKILL)
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        self._sessions: list[Any] = []
        if pages:
            from playwright.sync_api import sync_playwright

            browser = stack.enter_context(sync_playwright()).chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            for _ in range(pages):
                page = browser.new_page(viewport={"width": 1366, "height": 768})
                page.goto(self.url)
                self._sessions.append(page.context.new_cdp_session(page))
                self._sessions[-1].send("Performance.enable")

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}health", timeout=60.0) as answer:
            return dict(json.loads(answer.read()))

    def memory(self) -> tuple[float, float, float]:
        """MB of `live`, of its analysis, and of the scripts of a page after a collection (median of the pages)."""
        heaps = []
        for session in self._sessions:
            session.send("HeapProfiler.collectGarbage")
            metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
            heaps.append(metrics["JSHeapUsedSize"] / 1e6)
        of_passes = sum(map(resident_mb, children(self.process.pid)))
        return resident_mb(self.process.pid), of_passes, statistics.median(heaps) if heaps else 0.0


def follow(watched: Watched, frames: int, seconds: float) -> tuple[list[tuple[float, ...]], float]:
    """Until all frames are told or `seconds` have passed: (frames, lag s, memory x 3) now and then; frames/s told."""
    seen: list[tuple[float, ...]] = []
    start = time.monotonic()
    while True:
        told = watched.health()
        seen.append((told["frames"], told["lag_s"], *watched.memory()))
        print(f"{time.monotonic() - start:7.0f} s: {told['frames']:6d} frames, behind by {told['lag_s']:.2f} s, "
              f"live {seen[-1][2]:.0f} MB, analysis {seen[-1][3]:.0f} MB, page {seen[-1][4]:.1f} MB", flush=True)  # fmt: skip
        if told["frames"] >= frames or time.monotonic() - start > seconds:
            return seen, told["frames"] / (time.monotonic() - start)
        time.sleep(max(0.5, seconds / 400.0))


def rows_of(out: Path, seen: list[tuple[float, ...]], rate: float) -> list[Row]:
    lines = [json.loads(line) for line in (out / "live.jsonl").read_text().splitlines()]
    behind = np.array([line["done"] - line["arrived"] for line in lines])
    fifth = next(k for k, one in enumerate(seen) if one[0] >= 0.2 * seen[-1][0])
    rows = [
        Row("frames told", "1/s", [rate], less_is_better=False),
        Row("behind its row, median", "s", [float(np.median(behind))]),
        Row("behind its row, worst", "s", [float(behind.max())]),
        Row("behind its row, last tenth, median", "s", [float(np.median(behind[-max(1, behind.size // 10) :]))]),
    ]
    for k, name in enumerate(("live", "analysis", "page"), start=2):
        rows += [
            Row(f"memory, {name}, first fifth", "MB", [max(one[k] for one in seen[: fifth + 1])]),
            Row(f"memory, {name}, after it", "MB", [max(one[k] for one in seen[fifth:])]),
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=100.0, help="frames/s")
    parser.add_argument("--frames", type=int, default=6000)
    parser.add_argument("--pages", type=int, default=0, help="observers in Chromium")
    parser.add_argument("--small", action="store_true", help="Pilatus 300K in place of Pilatus 2M")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        source, folder = asked.write
        write(source, folder, asked.frames, asked.rate)
        return
    print(machine(), flush=True)
    with ExitStack() as stack:
        place = Path(
            stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        )
        (place / "experiment.toml").write_text(
            EXPERIMENT.replace("DETECTOR", "Pilatus300k" if asked.small else "Pilatus2M")
        )
        run = simulate_run(place / "experiment.toml", place / "run").parent
        folder, out = place / "grows", place / "out"
        folder.mkdir()
        for file in run.iterdir():
            if file.name in ("run.toml", "geometry.poni", "mask.edf"):
                (folder / file.name).write_bytes(file.read_bytes())
        write_state(folder, {"phase": "running", "pid": os.getpid()})
        watched = Watched(stack, folder, out, asked.pages)
        command = [
            sys.executable,
            __file__,
            "--write",
            str(run),
            str(folder),
            "--frames",
            str(asked.frames),
            "--rate",
            str(asked.rate),
        ]
        writer = subprocess.Popen(command)
        stack.callback(writer.wait)
        stack.callback(writer.kill)
        seen, rate = follow(watched, asked.frames, 3.0 * asked.frames / asked.rate + 120.0)
        rows = rows_of(out, seen, rate)
    for row in rows:
        print(f"{row.name:40s} {median_and_spread(row)} {row.unit}")
    if asked.json:
        keep(asked.json, rows)


if __name__ == "__main__":
    main()
