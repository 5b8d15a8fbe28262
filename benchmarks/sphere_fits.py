"""Gaussian spheres beside sasmodels and scipy: curves and four-parameter fits per second, on two threads.

Run with `python benchmarks/sphere_fits.py` (test extra and a C compiler); prints one table. Compilation is not timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from electrosaxs.analysis.spheres.fit import fit_spheres
from electrosaxs.nouns import SampleIntensity
from electrosaxs.physics.sphere_kernels import amplitude, squared_form_factor
from electrosaxs.physics.structure_factor import superlattice_order

THREADS = 2
FRAMES = 2000


def rate(task: Callable[[], int], seconds: float = 1.0) -> float:
    """Items per second: the best of the repetitions that begin within `seconds`, at least one, after one that compiles."""
    task()
    best, stop = 0.0, time.perf_counter() + seconds
    while best == 0.0 or time.perf_counter() < stop:
        start = time.perf_counter()
        items = task()
        best = max(best, items / (time.perf_counter() - start))
    return best


def counted_frames(bins: int, frames: int) -> SampleIntensity:
    """Frames of a starting solution with Poisson counts, 2000 counts per pixel at q = 0 and 2 of solvent."""
    q = np.linspace(0.1, 3.5, bins)
    pixels = np.round(1.1e3 * q * 500.0 / bins)
    rng, p = np.random.default_rng(1), squared_form_factor(q, 7.1, 1.1)
    expected = (2000.0 * p / squared_form_factor(np.array([0.0]), 7.1, 1.1)[0] + 2.0) * pixels
    counts = rng.poisson(expected, size=(frames, bins))
    sigma = np.broadcast_to(np.sqrt(expected) / pixels, counts.shape)
    return SampleIntensity.from_arrays(
        counts / pixels - 2.0, dims=("frame", "q"), coords={"q": (("q",), q)}, sigma=sigma
    )


def our_curves(q: np.ndarray) -> int:
    sizes = np.linspace(5.6, 7.6, 1000)

    def part(block: np.ndarray) -> None:
        for d in block:
            squared_form_factor(q, d, 1.1)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(part, np.array_split(sizes, THREADS)))
    return sizes.size


def our_lattices(q: np.ndarray, count: int = 20) -> int:
    """Polydisperse spheres of which half sit in an FCC superlattice."""
    for _ in range(count):
        form = squared_form_factor(q, 7.1, 1.1)
        beta = amplitude(q, 7.1, 1.1) ** 2 / form
        form * (1.0 + 0.5 * beta * superlattice_order(q, "FCC", 15.1, 0.02, 0.3).value)
    return count


def peer_lattice(q: np.ndarray) -> int:
    """The same with sasmodels' paracrystal, which averages over orientations by quadrature."""
    from sasmodels.core import load_model
    from sasmodels.direct_model import call_kernel

    kernel = load_model("fcc_paracrystal").make_kernel([q / 10.0])
    call_kernel(
        kernel, {"dnn": 10.0 * 15.1 / 2**0.5, "d_factor": 0.05, "radius": 35.5, "radius_pd": 0.155, "radius_pd_n": 35}
    )
    return 1


def sasmodels_kernel(q: np.ndarray) -> Callable[[float, float], np.ndarray]:
    from sasmodels.core import load_model
    from sasmodels.direct_model import call_kernel

    kernel = load_model("sphere").make_kernel([q / 10.0])
    fixed = {
        "scale": 1.0,
        "background": 0.0,
        "sld": 1.0,
        "sld_solvent": 0.0,
        "radius_pd_n": 80,
        "radius_pd_nsigma": 6.0,
    }

    def curve(d: float, delta: float) -> np.ndarray:
        values: np.ndarray = call_kernel(kernel, {**fixed, "radius": 5.0 * d, "radius_pd": delta / d})
        return values

    return curve


def peer_fits(sample: SampleIntensity, count: int) -> tuple[int, list[Any]]:
    curve, results = sasmodels_kernel(sample.coord("q")), []
    forward = curve(7.0, 1.0)[0]
    for y, sigma in zip(sample.values[:count], sample.sigma[:count], strict=True):

        def residual(p: np.ndarray, y: np.ndarray = y, sigma: np.ndarray = sigma) -> np.ndarray:
            return np.asarray((y - p[0] / forward * curve(p[1], p[2]) - p[3]) / sigma)

        results.append(least_squares(residual, [y[0], 6.8, 1.0, 0.0], x_scale=[y[0], 1.0, 1.0, 0.1]))
    return count, results


def main() -> None:
    q, sample = np.linspace(0.1, 3.5, 200), counted_frames(500, FRAMES)
    curve = sasmodels_kernel(q)
    peer_curves = rate(lambda: sum(1 for _ in range(100) if curve(7.1, 1.1) is not None))
    ours = rate(lambda: our_curves(q))
    peer_rate = rate(lambda: peer_fits(sample, 5)[0])
    plain = rate(lambda: len(fit_spheres(sample, skewed=False, workers=THREADS).scale))
    skewed = rate(lambda: len(fit_spheres(sample, workers=THREADS).scale))
    lattice_peer, lattices = rate(lambda: peer_lattice(q), 0.0), rate(lambda: our_lattices(q))
    _, peers = peer_fits(sample, 5)
    fit = fit_spheres(sample, skewed=False)
    apart = max(
        max(abs(p.x[1] - d) / sd, abs(p.x[2] - w) / sw)
        for p, d, sd, w, sw in zip(
            peers, fit.diameter, fit.sigma("diameter"), fit.deviation, fit.sigma("deviation"), strict=False
        )
    )
    print(f"{'':44s}{'peer':>12s}{'electrosaxs':>14s}{'ratio':>9s}")
    for name, peer, mine in (
        ("curves/s, 200 q (sasmodels, one thread)", peer_curves, ours),
        ("fits/s, 500 bins, 4 parameters (scipy)", peer_rate, plain),
        ("fits/s, 500 bins, 5 parameters", peer_rate, skewed),
        ("FCC lattices of spheres/s, 200 q (sasmodels)", lattice_peer, lattices),
    ):
        print(f"{name:44s}{peer:12.4g}{mine:14.0f}{mine / peer:9.0f}")
    print(f"largest distance of the optima: {apart:.2g} sigma")


if __name__ == "__main__":
    main()
