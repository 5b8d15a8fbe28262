"""Frames on disk (Pilatus 2M, bitshuffle + LZ4) -> phi and (d, delta): frames per second of electrosaxs and of stock tools.

    python benchmarks/chain.py [--scans 4]

A run is simulated into a temporary folder and read by both sides from there: h5py + hdf5plugin + pyFAI + sasmodels + scipy as
their users chain them, and our public functions with two threads. Each side runs in a process of its own; OpenMP is given
two threads on the peers' side and one on ours, where the threads are outside. Set-up, masks and compilation are not timed.
CPU time is that of the process, all threads together: it does not depend on who else uses the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.poni import read_poni
from electrosaxs.io.run_toml import read_experiment, read_run
from electrosaxs.nouns import FrameTable, Role, Run
from electrosaxs.recipes.analyse.measured_run import MeasuredRun
from electrosaxs.recipes.analyse.reduce_run import ReducedRun, reduce_run
from electrosaxs.recipes.analyse.standards import standards
from electrosaxs.recipes.analyse.voxels import Voxels
from electrosaxs.recipes.simulate_run import simulate_run
from electrosaxs.reduction.azimuthal import Integrator
from electrosaxs.reduction.geometry import pixel_geometry
from electrosaxs.reduction.masking import read_mask, static_mask
from electrosaxs.reduction.stream import ReductionStore, reduce_frames, reduce_series

EXPERIMENT = Path(__file__).parents[1] / "examples" / "experiment.toml"
THREADS = 2
ROUNDS = 3
ALGORITHMS = ("histogram", "csr", "csc")
DATA = "/entry/instrument/detector/data"


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What `work` returns, its wall seconds, the CPU seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def best(works: dict[str, Callable[[], Any]]) -> tuple[list[Any], list[tuple[str, float, float]]]:
    """What each returned last, and (label, shortest wall, shortest CPU time) over a few rounds after one not counted.

    The works take turns, so that a busy minute of the machine does not hit one of them alone.
    """
    rounds = [[timed(work) for work in works.values()] for _ in range(ROUNDS + 1)]
    columns = list(zip(*rounds[1:], strict=True))
    rows = [
        (label, min(one[1] for one in column), min(one[2] for one in column))
        for label, column in zip(works, columns, strict=True)
    ]
    return [one[0] for one in rounds[-1]], rows


def mask_of(run: Run) -> np.ndarray:
    """Gaps, user mask and beam stop, the same for both sides."""
    geometry = pixel_geometry(read_poni(run.detector.geometry))
    user = None if run.detector.mask is None else read_mask(run.detector.mask, geometry.shape)
    limits = {"q_min": run.analysis.q_min_per_nm, "q_max": run.analysis.q_max_per_nm}
    return static_mask(geometry, user, where=run.detector.mask or "mask", **limits)


def ours(toml: Path) -> dict[str, Any]:
    """Decoding alone, reduction, the whole chain; the whole first part of `analyse` from a cold start."""
    run = read_run(toml)
    table = read_table(run)
    integrator = Integrator(
        pixel_geometry(read_poni(run.detector.geometry)),
        mask=mask_of(run),
        q_min=run.analysis.q_min_per_nm,
        q_max=run.analysis.q_max_per_nm,
        bins=run.analysis.bins,
        polarization=run.beam.polarization,
    )
    everything = range(len(table))
    with closing(open_frames(run, table)) as reader, tempfile.TemporaryDirectory() as scratch:

        def decode() -> None:
            with ThreadPoolExecutor(THREADS) as pool:
                for _ in pool.map(lambda i: int(reader.read(i)[0, 0]), everything):
                    pass

        stores: Iterator[Path] = (Path(scratch) / str(i) for i in range(100))

        def chain() -> Voxels:
            store = ReductionStore(next(stores), key="chain", n_frames=len(table), bins=integrator.bins)
            for _ in reduce_series(reader, integrator, store, workers=THREADS):
                pass
            return measured(run, table, integrator, store)

        works: dict[str, Callable[[], Any]] = {
            "electrosaxs: decoding alone": decode,
            "electrosaxs: frames -> I(q)": lambda: list(reduce_frames(reader, everything, integrator, workers=THREADS)),
            "electrosaxs: frames -> phi, d, delta": chain,
        }
        results, rows = best(works)
        voxels: Voxels = results[-1]
        cold = timed(lambda: reduce_run(run, Path(scratch) / "run", workers=THREADS))
        rows.append(("electrosaxs: reduce_run, set-up and hot pixels too", *cold[1:]))
    return {"rows": rows, "phi": list(voxels.values["phi"]), "d": list(voxels.values["diameter"]), "frames": len(table)}


def measured(run: Run, table: FrameTable, integrator: Integrator, store: ReductionStore) -> Voxels:
    """phi, d and delta of every sample frame against the run's own standards."""
    flags: tuple[tuple[str, ...], ...] = ((),) * len(table)
    reduced = ReducedRun(run, table, integrator.mean_q, store, flags, (), ())
    return MeasuredRun.of(reduced, standards(reduced, workers=THREADS), workers=THREADS).voxels


def peers(toml: Path) -> dict[str, Any]:
    """The same with h5py, hdf5plugin, pyFAI (its fastest way without splitting), numpy, sasmodels and scipy."""
    import h5py
    import hdf5plugin  # noqa: F401  registers bitshuffle
    import pyFAI

    run = read_run(toml)
    table = read_table(run)
    engine = pyFAI.load(str(run.detector.geometry))
    mask = mask_of(run).astype(np.int8)
    settings: dict[str, Any] = {
        "unit": "q_nm^-1",
        "radial_range": (run.analysis.q_min_per_nm, run.analysis.q_max_per_nm),
        "polarization_factor": run.beam.polarization,
        "error_model": "poisson",
        "mask": mask,
    }
    sample = np.flatnonzero(table.is_role(Role.SAMPLE))
    with h5py.File(run.frames.nexus) as file:
        data = file[DATA]

        def with_method(algorithm: str) -> None:
            settings["method"] = ("no", algorithm, "cython")
            for i in range(8):
                curve(i)

        def curve(i: int | np.integer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            result = engine.integrate1d_ng(data[i], run.analysis.bins, **settings)
            scale = table.monitor[i] * table.transmission[i] / 1e9
            return result.radial, result.intensity / scale, result.sigma / scale

        for algorithm in ALGORITHMS:
            with_method(algorithm)
        fastest = min(ALGORITHMS, key=lambda one: timed(lambda: with_method(one))[1])
        with_method(fastest)

        def decode() -> None:
            for i in range(len(table)):
                data[i]

        def chain() -> tuple[np.ndarray, np.ndarray]:
            solvent = np.mean([curve(i)[1] for i in np.flatnonzero(table.is_role(Role.SOLVENT))], axis=0)
            reference = np.mean([curve(i)[1] for i in np.flatnonzero(table.is_role(Role.REFERENCE))], axis=0) - solvent
            q = curve(0)[0]
            fit = sasmodels_fit(q)
            total = np.trapezoid(reference * q**2, q)
            phi, d = np.empty(sample.size), np.empty(sample.size)
            for k, i in enumerate(sample):
                _, intensity, sigma = curve(i)
                phi[k] = run.solution.volume_fraction * np.trapezoid((intensity - solvent) * q**2, q) / total
                d[k] = fit(intensity - solvent, np.maximum(sigma, 1e-3 * sigma.max()))
            return phi, d

        works: dict[str, Callable[[], Any]] = {
            "peers: decoding alone (h5py + hdf5plugin)": decode,
            f"peers: frames -> I(q) (pyFAI {fastest})": lambda: [curve(i) for i in range(len(table))],
            "peers: frames -> phi, d, delta": chain,
        }
        results, rows = best(works)
        phi, d = results[-1]
    return {"rows": rows, "phi": list(phi), "d": list(d), "frames": len(table)}


def sasmodels_fit(q: np.ndarray) -> Callable[[np.ndarray, np.ndarray], float]:
    """Four-parameter fit of Gaussian spheres: scipy's least_squares on the sasmodels kernel; returns d in nm."""
    from sasmodels.core import load_model
    from sasmodels.direct_model import call_kernel
    from scipy.optimize import least_squares

    kernel = load_model("sphere").make_kernel([q / 10.0])
    fixed = {
        "scale": 1.0,
        "background": 0.0,
        "sld": 1.0,
        "sld_solvent": 0.0,
        "radius_pd_n": 80,
        "radius_pd_nsigma": 6.0,
    }

    def model(d: float, delta: float) -> np.ndarray:
        return np.asarray(call_kernel(kernel, {**fixed, "radius": 5.0 * d, "radius_pd": delta / d}))

    forward = float(model(7.0, 1.0)[0])

    def fit(y: np.ndarray, sigma: np.ndarray) -> float:
        def residual(p: np.ndarray) -> np.ndarray:
            return np.asarray((y - p[0] / forward * model(p[1], p[2]) - p[3]) / sigma)

        start = [float(y[0]), 6.8, 1.0, 0.0]
        return float(least_squares(residual, start, x_scale=[abs(start[0]), 1.0, 1.0, 0.1 * abs(y[-1]) + 1e-12]).x[1])

    return fit


def part(name: str, toml: Path, openmp_threads: int) -> dict[str, Any]:
    """One side in its own process."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(openmp_threads)}
    command = [sys.executable, __file__, "--part", name, "--run", str(toml)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=4, help="scans of 14 frames in the simulated run")
    parser.add_argument("--part", choices=["ours", "peers"], help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        print(json.dumps({"ours": ours, "peers": peers}[given.part](given.run)))
        return
    settings = read_experiment(EXPERIMENT)
    scan = settings.scan.model_copy(update={"scans": given.scans, "alignment": False})
    with tempfile.TemporaryDirectory() as folder:
        toml = simulate_run(settings.model_copy(update={"scan": scan}), Path(folder) / "run", workers=THREADS)
        size = (toml.parent / "frames.nxs").stat().st_size
        sides = {"peers": part("peers", toml, THREADS), "ours": part("ours", toml, 1)}
    report(sides, size, os.getloadavg()[0])


def report(sides: dict[str, dict[str, Any]], size: int, load: float) -> None:
    frames = sides["ours"]["frames"]
    print(f"{frames} frames of a Pilatus 2M, {size / frames / 1e6:.2f} MB each on disk; load of the machine {load:.1f}")
    print(f"{'':52s}{'frames/s':>10s}{'CPU ms/frame':>14s}")
    rows = {label: (wall, cpu) for side in sides.values() for label, wall, cpu in side["rows"]}
    for label, (wall, cpu) in rows.items():
        print(f"{label:52s}{frames / wall:10.1f}{1e3 * cpu / frames:14.1f}")
    theirs, mine = rows["peers: frames -> phi, d, delta"], rows["electrosaxs: frames -> phi, d, delta"]
    decoding, reduction = rows["electrosaxs: decoding alone"], rows["electrosaxs: frames -> I(q)"]
    print(f"chain: {theirs[0] / mine[0]:.1f} x the peers' frames/s, {theirs[1] / mine[1]:.1f} x by CPU time")
    bare = rows["peers: decoding alone (h5py + hdf5plugin)"]
    for whose, one in (("h5py's", bare), ("our own", decoding)):
        wall, cpu = reduction[0] / one[0], reduction[1] / one[1]
        print(f"reduction / {whose} bare decoding: {wall:.2f} by wall, {cpu:.2f} by CPU time")
    for name, unit in (("phi", ""), ("d", " nm")):
        a, b = (np.array(sides[side][name]) for side in ("ours", "peers"))
        known = np.isfinite(a) & np.isfinite(b)
        apart = np.median(np.abs(a / b - 1.0)[known])
        print(
            f"{name}: ours {np.median(a[known]):.4g}{unit}, peers {np.median(b[known]):.4g}{unit} (medians), {apart:.2%} apart"
        )


if __name__ == "__main__":
    main()
