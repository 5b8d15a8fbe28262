"""Lattices from curves: 16 simulated curves and how many are named right, how far a is off, and the CPU seconds of each.

Run with `python benchmarks/lattices.py`; curves are summed over single points of reciprocal space (stacks: layer by layer),
without code of the fit. With files of your own (`python benchmarks/lattices.py a.dat b.dat`, q in 1/A) only the times.
"""

from __future__ import annotations

import itertools
import sys
import time
from pathlib import Path

import numpy as np

from electrosaxs.analysis.crystals.lattice_choice import study_curve
from electrosaxs.analysis.crystals.weighted_curve import WeightedCurve, curve_from_arrays

HALF = 0.5
BASES = {
    "FCC": [(0, 0, 0), (0, HALF, HALF), (HALF, 0, HALF), (HALF, HALF, 0)],
    "BCC": [(0, 0, 0), (HALF, HALF, HALF)],
    "SC": [(0, 0, 0)],
    "HCP": [(0, 0, 0), (1 / 3, 2 / 3, HALF)],
    "A15": [
        *((0, 0, 0), (HALF, HALF, HALF), (0.25, 0, HALF), (0.75, 0, HALF)),
        *((HALF, 0.25, 0), (HALF, 0.75, 0), (0, HALF, 0.25), (0, HALF, 0.75)),
    ],
}
CELLS = {"HCP": np.array([[1, 0, 0], [-HALF, 0.75**HALF, 0], [0, 0, (8 / 3) ** HALF]])}
CASES = (
    ("FCC", 15.1, None), ("BCC", 12.3, None), ("SC", 10.7, None), ("HCP", 10.7, None),
    ("A15", 20.0, None), ("BCT", 11.6, 1.2), ("FCC/HCP", 10.7, 0.5), ("FCC", 15.1, 0.15),
)  # fmt: skip
"""Lattice, a (nm), and c/a of BCT or the share of hexagonal layers."""
PHOTONS = (3e5, 2e4)
DISPLACED, SHARE, FWHM = 0.3, 0.2, 0.022
Q = np.linspace(0.1, 3.3, 420)


def powder(name: str, a: float, ratio: float | None) -> np.ndarray:
    """Z(q) with Lorentzian lines, point of the reciprocal lattice by point."""
    cell = a * (np.diag([1.0, 1.0, ratio]) if ratio else CELLS.get(name, np.eye(3)))
    basis = np.array(BASES["BCC" if ratio else name], dtype=float)
    planes = np.array(list(itertools.product(range(-14, 15), repeat=3)))
    places = np.linalg.norm(planes @ (2 * np.pi * np.linalg.inv(cell).T), axis=1)
    strength = np.abs(np.exp(2j * np.pi * planes @ basis.T).sum(axis=1)) ** 2 / len(basis)
    kept = (places > 0) & (places < 1.3 * Q[-1]) & (strength > 1e-9)
    levels, member = np.unique(np.round(places[kept], 9), return_inverse=True)
    lines = FWHM / (2 * np.pi) / ((Q[:, None] - levels) ** 2 + FWHM**2 / 4)
    total = np.bincount(member, weights=strength[kept]) / levels
    return np.asarray((2 * np.pi) ** 3 / abs(np.linalg.det(cell)) / (4 * np.pi * Q) * (lines @ total))


def stacks(a: float, faults: float) -> np.ndarray:
    """Z(q) of 400 stacks of 80 layers with neighbours `a` apart, drawn layer by layer."""
    random, layers = np.random.default_rng(5), 80
    turns = np.where(random.random((400, layers - 2)) < faults, -1, 1)
    steps = np.cumprod(np.concatenate([random.choice([-1, 1], size=(400, 1)), turns], axis=1), axis=1)
    shift = np.concatenate([np.zeros((400, 1)), np.cumsum(steps, axis=1)], axis=1)
    index = np.arange(0.0, 8.0, 1.0 / 320.0)
    wave = np.exp(2j * np.pi * np.outer(np.arange(layers), index))
    broken = np.mean(np.abs(np.exp(2j * np.pi * shift / 3) @ wave) ** 2, axis=0) / layers
    whole = np.abs(wave.sum(axis=0)) ** 2 / layers
    reciprocal = 2 * np.pi * np.linalg.inv(a * np.array([[1, 0], [-HALF, 0.75**HALF]])).T
    height, out = 2 * np.pi * index / ((2 / 3) ** HALF * a), np.zeros(12000)
    for h, k in itertools.product(range(-6, 7), repeat=2):
        where = np.hypot(np.linalg.norm(np.array([h, k]) @ reciprocal), height)
        weight = (whole if (h - k) % 3 == 0 else broken) * np.where(index > 0, 2.0, 1.0) / 320.0
        kept = (where > 0.2) & (where < 5.99)
        out += np.bincount((where[kept] * 2000).astype(int), weight[kept] / where[kept], 12000)
    levels = (np.flatnonzero(out) + HALF) / 2000
    lines = FWHM / (2 * np.pi) / ((Q[:, None] - levels) ** 2 + FWHM**2 / 4)
    return np.asarray((2 * np.pi) ** 3 / (a**3 / 2**HALF) / (4 * np.pi * Q) * (lines @ out[out > 0]))


def counted(order: np.ndarray, photons: float, seed: int) -> WeightedCurve:
    """Spheres of 7.1 +/- 0.6 nm, a fifth of them in crystals, with Poisson-like noise in rings that grow as q."""
    d = np.linspace(5.0, 9.2, 85)
    number = np.exp(-0.5 * ((d - 7.1) / 0.6) ** 2)
    x = np.outer(Q, d / 2)
    single = 3 * (np.sin(x) - x * np.cos(x)) / x**3 * d**3
    mean, square = single @ number / number.sum(), single**2 @ number / number.sum()
    intensity = square + SHARE * mean**2 * np.exp(-(Q**2) * DISPLACED) * (order - 1.0)
    intensity = intensity / intensity[0] + 1e-4
    sigma = np.sqrt(intensity / photons * Q[0] / Q)
    return curve_from_arrays(Q, intensity + sigma * np.random.default_rng(seed).normal(size=Q.size), sigma)


def simulated() -> None:
    print(f"{'':26s}{'found':>10s}{'a - truth':>12s}{'sigma':>9s}{'CPU (s)':>9s}")
    right, seconds = 0, []
    for number, ((name, a, ratio), photons) in enumerate(itertools.product(CASES, PHOTONS)):
        faulted = ratio is not None and name != "BCT"
        nearest = a / 2**HALF if name == "FCC" else a
        order = stacks(nearest, float(ratio or 0.0)) if faulted else powder(name, a, ratio)
        curve = counted(order, photons, number)
        start = time.process_time()
        found = study_curve(curve).assignment
        seconds.append(time.process_time() - start)
        off = np.nan if found.a.value is None else 100 * (found.a.value / a - 1)
        wide = np.nan if found.a.sigma is None else 100 * found.a.sigma / a
        right += found.lattice == name and abs(off) < 0.15
        title = f"{name}{f' ({ratio:g})' if ratio else ''}, {photons:.0e}"
        print(f"{title:26s}{found.lattice or 'none':>10s}{off:10.3f} %{wide:7.3f} %{seconds[-1]:9.2f}")
    print(f"{right} of {len(seconds)} right, a within 0.15 %; CPU {np.median(seconds[1:]):.2f} s a curve (median)")


def measured(files: list[str]) -> None:
    for file in files:
        q, intensity = np.loadtxt(file).T[:2]
        curve = curve_from_arrays(10.0 * q, intensity)
        start = time.process_time()
        verdict = study_curve(curve).assignment.verdict
        print(f"{Path(file).stem:32s}{time.process_time() - start:6.2f} s  {verdict[:80]}")


if __name__ == "__main__":
    measured(sys.argv[1:]) if sys.argv[1:] else simulated()
