"""Frames reduced by workers of a Dask scheduler beside threads of one process; what handing over costs; 64 workers.

    python benchmarks/cluster.py [--frames 256] [--json FILE]

Simulated Pilatus 2M frames (bitshuffle + LZ4), read again and again from one file. Both sides take turns, three times each
after one that is not counted: two threads, and two worker processes that were started before. What handing over costs is
measured with frames that are there at once: tasks, marks of tries, parts, the store. 64 workers are threads that sleep for as
long as a frame takes to be read and integrated: scheduler, parts and store do then what they would do for 64 real ones.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])  # of the workers
sys.modules.setdefault(Path(__file__).stem, sys.modules[__name__])

import bitshuffle.h5  # noqa: E402, F401
import h5py  # noqa: E402
import numpy as np  # noqa: E402
from distributed import Client, LocalCluster  # noqa: E402

from electrosaxs.cluster.workers import Cluster  # noqa: E402
from electrosaxs.io.frame_table import read_table  # noqa: E402
from electrosaxs.io.images import open_frames  # noqa: E402
from electrosaxs.io.run_toml import read_experiment, read_run  # noqa: E402
from electrosaxs.nouns.frame_reader import FrameReader  # noqa: E402
from electrosaxs.recipes.analyse import frame_ranges, on_workers  # noqa: E402
from electrosaxs.recipes.analyse.detector import prepared  # noqa: E402
from electrosaxs.recipes.analyse.frame_ranges import FrameRange, RangeDone, Series  # noqa: E402
from electrosaxs.recipes.analyse.reduce_run import readable  # noqa: E402
from electrosaxs.recipes.simulate_run import simulate_run  # noqa: E402
from electrosaxs.reduction.outliers import sample_frames  # noqa: E402
from electrosaxs.reduction.parts import read_part, write_part  # noqa: E402
from electrosaxs.reduction.stream import FrameIntegrator, ReducedFrame, ReductionStore, reduce_series  # noqa: E402

DATA = "entry/instrument/detector/data"
BINS = 500
ROUNDS = 3
MANY = 64
FRAMES_OF_MANY = 64 * 64 * 2
READY = "ELECTROSAXS_BENCHMARK_SLEEP_S"


def ready(job: FrameRange, reader: FrameReader, integrator: FrameIntegrator) -> Iterator[ReducedFrame]:
    """In the place of reading and integrating: curves that are there, each after as long as READY says."""
    for index in range(job.first, job.stop):
        time.sleep(float(os.environ[READY]))
        yield ReducedFrame(index, np.full(BINS, float(index)), np.ones(BINS))


def ready_range(job: FrameRange) -> RangeDone:
    """A range of such frames, with all that belongs to a range."""
    vars(frame_ranges).update(_all=ready, _opened=lambda _: (None, None))
    return frame_ranges.reduce_range(job)


def at_once(number: int) -> int:
    """A task without work."""
    return number


@contextmanager
def workers(number: int, threads: int = 1, sleep_s: float = 0.0) -> Iterator[Cluster]:
    """So many processes of so many threads, and a connection to their scheduler."""
    os.environ[READY] = str(sleep_s)
    with (
        tempfile.TemporaryDirectory() as kept,
        LocalCluster(
            n_workers=number, threads_per_worker=threads, processes=True, dashboard_address=None, local_directory=kept,
            silence_logs=50,
        ) as local,
        Client(local, set_as_default=False) as client,
    ):  # fmt: skip
        yield Cluster(client, local.scheduler_address)


def long_run(folder: Path, frames: int) -> Path:
    """run.toml of `frames` frames: those of a short simulated run, again and again."""
    experiment = read_experiment(HERE.parent / "examples" / "experiment.toml")
    short = simulate_run(
        experiment.model_copy(update={"scan": experiment.scan.model_copy(update={"scans": 1})}), folder
    )
    file = folder / "frames.nxs"
    once = file.rename(folder / "once.nxs")
    with h5py.File(once, "r") as old, h5py.File(file, "w") as new:
        number = len(old[DATA])
        which = np.concatenate([np.arange(number), np.arange(frames - number) % number])
        new.require_group("entry/instrument/detector")
        for name in old["entry/frames"]:
            column = old[f"entry/frames/{name}"]
            new[f"entry/frames/{name}"] = column[()][which]
            new[f"entry/frames/{name}"].attrs.update(column.attrs)
        filters = {"compression": 32008, "compression_opts": (0, 2), "chunks": (1, *old[DATA].shape[1:])}
        data = new.create_dataset(DATA, (frames, *old[DATA].shape[1:]), old[DATA].dtype, **filters)
        for place, source in enumerate(which):
            mask, chunk = old[DATA].id.read_direct_chunk((int(source), 0, 0))
            data.id.write_direct_chunk((place, 0, 0), chunk, mask)
    once.unlink()
    return short


@dataclass
class Bench:
    """A run whose integrator is made, reduced as often as wanted."""

    series: Series
    files: tuple[Path, ...]
    folder: Path
    bins: int

    def store(self, bins: int, frames: int) -> ReductionStore:
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        return ReductionStore(self.folder / "store", key="benchmark", n_frames=frames, bins=bins)

    def threads(self, number: int) -> float:
        """Seconds of `number` threads of this process."""
        store = self.store(self.bins, len(self.series.table))
        with closing(open_frames(self.series.run, self.series.table)) as reader:
            return timed(lambda: list(reduce_series(reader, self.series.integrator, store, workers=number)))

    def on(self, cluster: Cluster) -> float:
        """Seconds of the workers."""
        store = self.store(self.bins, len(self.series.table))
        return timed(lambda: list(on_workers.reduce_on_workers(cluster, self.series, store, self.files)))

    def ready(self, cluster: Cluster, frames: int) -> float:
        """Seconds for frames that are there at once, or after a while."""
        store = self.store(BINS, frames)
        real, on_workers.reduce_range = on_workers.reduce_range, sys.modules["cluster"].ready_range
        try:
            return timed(lambda: list(on_workers.reduce_on_workers(cluster, self.series, store, self.files)))
        finally:
            on_workers.reduce_range = real

    def take_over(self, frames: int) -> float:
        """Seconds in which this process takes `frames` frames from parts into the store."""
        parts = self.folder / "parts"
        parts.mkdir(exist_ok=True)
        length = on_workers.LONGEST
        for first in range(0, frames, length):
            made = [ReducedFrame(i, np.ones(BINS), np.ones(BINS)) for i in range(first, min(first + length, frames))]
            write_part(parts / f"{first:08d}.npy", made)
        store = self.store(BINS, frames)

        def take() -> None:
            for path in sorted(parts.iterdir()):
                store.collect(read_part(path))
            store.flush()

        return timed(take)


class Told(dict[str, float]):
    """Numbers, each printed as soon as it is known."""

    def __setitem__(self, name: str, value: float) -> None:
        print(f"{name:<32}{value:.4g}", flush=True)
        super().__setitem__(name, value)


def cpu(cluster: Cluster) -> float:
    """CPU seconds of scheduler, command and workers so far: they do not depend on who else uses the machine."""
    return time.process_time() + sum(cluster.client.run(time.process_time).values())


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bench_of(run_toml: Path, folder: Path) -> Bench:
    run = read_run(run_toml)
    table = read_table(run)
    with closing(open_frames(run, table)) as reader:
        detector = prepared(run, reader, lambda: readable(reader, sample_frames(table)))
        return Bench(Series(detector.run, table, detector.integrator), reader.files, folder, detector.run.analysis.bins)


def measured(folder: Path, frames: int) -> dict[str, float]:
    """Everything, as numbers with their units in their names."""
    bench = bench_of(long_run(folder / "run", frames), folder)
    size = sum(file.stat().st_size for file in bench.files)
    found = Told(frames=float(frames), MB_per_frame=size / frames / 1e6)
    with workers(2) as cluster:
        bench.on(cluster)
        before_s = cpu(cluster)
        bench.on(cluster)
        found["workers_2_CPU_ms_per_frame"] = 1e3 * (cpu(cluster) - before_s) / frames
        rounds = [(bench.threads(2), bench.on(cluster)) for _ in range(ROUNDS)]
        tasks, before_s = 600, cpu(cluster)
        found["hand_over_ms_per_task"] = 1e3 / tasks * timed(lambda: list(cluster.each(at_once, range(tasks))))
        found["hand_over_CPU_ms_per_task"] = 1e3 / tasks * (cpu(cluster) - before_s)
    for name, seconds in zip(("threads_2", "workers_2"), zip(*rounds, strict=True), strict=True):
        found[f"{name}_frames_per_s"] = frames / statistics.median(seconds)
    found["workers_over_threads"] = statistics.median(a / b for a, b in rounds)
    one = bench.threads(1) / frames
    found["one_thread_ms_per_frame"] = 1e3 * one
    before_s = time.process_time()
    bench.threads(1)
    found["one_thread_CPU_ms_per_frame"] = 1e3 * (time.process_time() - before_s) / frames
    ready_frames = 64 * 40
    with workers(2) as cluster:
        bench.ready(cluster, 640)
        before = cpu(cluster)
        found["ready_frames_per_s"] = ready_frames / bench.ready(cluster, ready_frames)
        found["overhead_CPU_ms_per_frame"] = 1e3 * (cpu(cluster) - before) / ready_frames
    found["taken_over_frames_per_s"] = ready_frames / bench.take_over(ready_frames)
    sleep = 0.02
    with workers(2, MANY // 2, sleep) as cluster:
        bench.ready(cluster, 640)
        took = bench.ready(cluster, FRAMES_OF_MANY)
    found["many_frames_per_s"] = FRAMES_OF_MANY / took
    found["many_share_of_ideal"] = FRAMES_OF_MANY * sleep / MANY / took
    return found


def table(found: dict[str, float]) -> Iterator[str]:
    """What the numbers say of 64 workers."""
    want = MANY * 1e3 / found["workers_2_CPU_ms_per_frame"]
    yield f"\n{MANY} workers of this kind want {want:.0f} frames/s:"
    yield f"  read from the file system      {want * found['MB_per_frame'] / 1e3:.2f} GB/s"
    yield f"  written as parts, read again   {want * 16 * BINS / 1e6:.0f} MB/s each"
    ranges = want / on_workers.LONGEST
    handed = 1e3 / found["hand_over_CPU_ms_per_task"]
    yield f"  handed over by the scheduler   {ranges:.0f} ranges/s; it can do {handed:.0f} here"
    yield f"  taken over by the command      {want:.0f} frames/s; it can do {found['taken_over_frames_per_s']:.0f} here"
    least = min(want, handed * on_workers.LONGEST, found["taken_over_frames_per_s"])
    yield f"  so: {least:.0f} frames/s, 10^6 frames in {1e6 / least / 60:.1f} min, where the file system gives as much"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--frames", type=int, default=256)
    options.add_argument("--json", type=Path)
    asked = options.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), asked.frames)
    told = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "python": sys.version.split()[0],
            "load_before": load, "load_after": os.getloadavg()[0], **found}  # fmt: skip
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    print(f"{told['cores']} cores, load {load:.1f} before, {told['load_after']:.1f} after, Python {told['python']}")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
