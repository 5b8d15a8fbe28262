"""Pilatus 2M frames in memory -> 500 bins with sigma: frames per second of pyFAI and electrosaxs, and how they differ.

    python benchmarks/integration.py [--seconds 4]

Sixteen different frames (160 MB, more than the caches hold) take turns. pyFAI uses its own threads as it likes. Ours come four
by four, as in `analyse`, and one by one; beside them stands what the same threads need to read the frames and do nothing with
them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from electrosaxs.io.poni import read_poni
from electrosaxs.reduction.azimuthal import FrameSums, Integrator
from electrosaxs.reduction.geometry import Geometry, pixel_geometry

PONI = """\
poni_version: 2.1
Detector: Pilatus2M
Detector_config: {"orientation": 3}
Distance: 1.99389
Poni1: 0.14
Poni2: 0.126
Rot1: 0
Rot2: 0
Rot3: 0
Wavelength: 9.32211e-11
"""
Q_MIN, Q_MAX, BINS = 0.1, 3.5, 500
PYFAI = (
    ("no", "histogram", "cython"),
    ("no", "csr", "cython"),
    ("no", "csc", "cython"),
    ("bbox", "csr", "cython"),
    ("bbox", "csc", "cython"),
)
FIRST_CALL = """
import numpy as np, time
from electrosaxs.reduction.azimuthal_kernels import Sums, Used, sum_counts
from electrosaxs.reduction.four_frames import sum_four
t = time.perf_counter()
for dtype in (np.uint32, np.uint16):
    frame = np.zeros(8, dtype)
    frame.flags.writeable = False
    used = Used(np.array([0]), np.array([8]), np.array([0]), np.zeros(8, np.uint16), np.ones(8))
    sum_counts(frame, dtype(9), 10, used, Sums(np.zeros(8, np.int64), np.zeros(8, np.int64), np.zeros(8)))
    sum_four((frame,) * 4, (dtype(9),) * 4, used, 1, 8)
print(time.perf_counter() - t)
"""


def frames_of(geometry: Geometry, number: int) -> list[npt.NDArray[np.int32]]:
    """Poisson frames, 1 to 400 counts per pixel; none empty, where pyFAI's variance would not be Poisson's."""
    mean = 1 + 400 * np.exp(-2 * geometry.q())
    base = np.random.default_rng(0).poisson(mean).astype(np.int32)
    return [np.maximum(np.roll(base, 5 * k, axis=0), 1) for k in range(number)]


def pyfai_call(geometry: Geometry, mask: npt.NDArray, method: tuple[str, str, str]) -> Callable:
    """pyFAI's own call, as its users write it."""

    def integrate(frame: npt.NDArray) -> Any:
        return geometry.engine.integrate1d_ng(
            frame,
            BINS,
            unit="q_nm^-1",
            radial_range=(Q_MIN, Q_MAX),
            method=method,
            polarization_factor=0.99,
            mask=mask,
            error_model="poisson",
        )

    return integrate


def frames_per_second(
    integrate: Callable, frames: list[npt.NDArray], seconds: float, threads: int = 1, together: int = 1
) -> float:
    """Best of three rounds, after two frames that compile and build matrices; `together`: frames of one call."""
    rates = []
    calls = list(zip(*(frames[k::together] for k in range(together)), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(integrate, *zip(*calls[:2], strict=True)))
        for _ in range(3):
            begin = time.perf_counter()
            done = 0
            while time.perf_counter() - begin < seconds / 3:
                done += together * len(list(pool.map(integrate, *zip(*calls, strict=True))))
            rates.append(done / (time.perf_counter() - begin))
    return max(rates)


def four_frames(ours: Integrator) -> Callable:
    """As a worker of `analyse` has them."""

    def integrate(*frames: npt.NDArray) -> list[FrameSums]:
        return ours.integrate_together(frames)

    return integrate


@njit(nogil=True)
def read(pixels: npt.NDArray) -> int:
    """Each pixel once, and nothing done with it: the bitwise or of all."""
    together = pixels[0]
    for k in range(pixels.size):  # not `for value in pixels`, which numba does not turn into vector instructions
        together |= pixels[k]
    return together


def read_only(frame: npt.NDArray) -> int:
    """What reading a frame from memory takes at least."""
    return read(frame.reshape(-1))


def compile_seconds() -> float:
    """Both specialisations of the kernel, in a process with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        out = subprocess.run([sys.executable, "-c", FIRST_CALL], env=environment, capture_output=True, check=True)
    return float(out.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="per row of the table")
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder:
        poni = Path(folder) / "geometry.poni"
        poni.write_text(PONI)
        geometry = pixel_geometry(read_poni(poni))
    mask = geometry.gaps() | (geometry.q() < Q_MIN)
    frames = frames_of(geometry, 16)
    ours = Integrator(geometry, mask=mask, q_min=Q_MIN, q_max=Q_MAX, bins=BINS)
    reference = ours.integrate(frames[0])
    print(f"{'':36s}{'frames/s':>8s}{'intensity':>12s}{'sigma':>12s}   (largest relative difference from ours)")
    best = 0.0
    for method in PYFAI:
        integrate = pyfai_call(geometry, mask.astype(np.int8), method)
        curve = integrate(frames[0])
        rate = frames_per_second(integrate, frames, seconds)
        best = max(best, rate) if method[0] == "no" else best
        intensity, sigma = (
            np.abs(theirs / own - 1).max()
            for theirs, own in ((curve.intensity, reference.intensity), (curve.sigma, reference.sigma))
        )
        print(f"{'pyFAI ' + '-'.join(method):36s}{rate:8.1f}{intensity:12.1e}{sigma:12.1e}")
    for dtype, threads in ((np.int32, 1), (np.int32, 2), (np.uint16, 1), (np.uint16, 2)):
        of_type = [f.astype(dtype) for f in frames]
        reading = frames_per_second(read_only, of_type, seconds, threads)
        for together, call in ((4, four_frames(ours)), (1, ours.integrate)):
            rate = frames_per_second(call, of_type, seconds, threads, together)
            by = "four by four" if together > 1 else "single"
            label = f"ours {np.dtype(dtype).name}, {threads} thread{'s' * (threads > 1)}, {by}"
            said = (
                f"{rate / best:.0f} x pyFAI's fastest without splitting; {rate / reading:.2f} of reading, {reading:.0f}"
            )
            print(f"{label:36s}{rate:8.1f}{'':18s}   {said}")
    print(f"compilation of the kernel, first use ever: {compile_seconds():.1f} s")


if __name__ == "__main__":
    main()
