"""Free-form size distributions: seconds per curve, alone and all heights of a scan together, beside scipy's NNLS.

Run with `OMP_NUM_THREADS=1 python benchmarks/free_form.py`; prints one table. Compilation is not timed. The peer is the
bare Tikhonov inversion (second differences, one fixed parameter, no uncertainty), which is the least that an inversion
can cost; McSAS3 takes 55 s for a curve with errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from electrosaxs.analysis.free_form.basis import SizeBasis
from electrosaxs.analysis.free_form.conserved import ScanGeometry, conserved_sizes
from electrosaxs.analysis.free_form.each_curve import free_form_sizes
from electrosaxs.analysis.free_form.moments import size_moments
from electrosaxs.nouns import FloatArray, SampleIntensity
from electrosaxs.physics.sphere_kernels import squared_form_factor

BINS, CURVES = 500, 28
SHARE, CLUSTER = 0.04, (3.0, 0.3)
GAP_UM = 3500.0
SHELL_NM = 1.115
PHOTONS = 2000.0
"""Counts per pixel at q = 0; the solvent gives 2."""


def seconds(task: Callable[[], object], repetitions: int = 3) -> float:
    """The best of some repetitions, after one that compiles."""
    task()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def expected_curve(q: FloatArray) -> FloatArray:
    """7.1 +- 1.1 nm with 4 % of the volume (core + dry shell) in 3 nm clusters, counts per pixel."""

    def per_volume(d: float, delta: float) -> FloatArray:
        coated = d + 2.0 * SHELL_NM
        return np.asarray(squared_form_factor(q, d, delta) / (coated**3 + 3.0 * coated * delta**2))

    curve = (1.0 - SHARE) * per_volume(7.1, 1.1) + SHARE * per_volume(*CLUSTER)
    return np.asarray(PHOTONS * curve / curve[0])


def counted(curves: int) -> SampleIntensity:
    """Poisson draws of the same curve, less a well-known solvent."""
    q = np.linspace(0.1, 3.5, BINS)
    pixels = np.round(1.1e3 * q * 500.0 / BINS)
    expected = (expected_curve(q) + 2.0) * pixels
    counts = np.random.default_rng(1).poisson(expected, size=(curves, BINS))
    return SampleIntensity.from_arrays(
        counts / pixels - 2.0,
        dims=("frame", "q"),
        coords={"q": (("q",), q)},
        sigma=np.broadcast_to(np.sqrt(expected) / pixels, counts.shape),
    )


def bare_inversion(sample: SampleIntensity, basis: SizeBasis) -> list[FloatArray]:
    """scipy's non-negative least squares of the weighted curve and the second differences."""
    bend = np.diff(np.eye(basis.diameter.size + 2), 2, axis=0)[:, 1:-1]
    found = []
    for y, sigma in zip(sample.values, sample.sigma, strict=True):
        weighted = np.vstack([basis.matrix / sigma[:, None] * (y[0] / basis.matrix[0].max()), 3.0 * bend])
        found.append(nnls(weighted, np.concatenate([y / sigma, np.zeros(len(bend))]))[0])
    return found


def main() -> None:
    sample, reference = counted(CURVES), counted(1)
    basis = SizeBasis.of(sample.coord("q"), shell=SHELL_NM)
    heights = np.linspace(0.0, 0.98 * GAP_UM, CURVES // 2)
    geometry = ScanGeometry(heights, GAP_UM, np.ones(heights.size), np.zeros(heights.size))
    scan = SampleIntensity(sample.data["frame", : heights.size].copy())
    bare = seconds(lambda: bare_inversion(sample, basis)) / CURVES
    one = seconds(lambda: free_form_sizes(sample, basis, workers=1)) / CURVES
    two = seconds(lambda: free_form_sizes(sample, basis, workers=2)) / CURVES
    joint = seconds(lambda: conserved_sizes(scan, reference, basis, geometry))
    share = size_moments(free_form_sizes(sample, basis), limits=(1.8, 14.0), small_below=4.2).small_share
    assert share is not None
    print(f"{'500 bins, ' + str(basis.diameter.size) + ' sizes':58s}{'seconds':>10s}")
    print(f"{'scipy NNLS, no errors, one parameter (per curve)':58s}{bare:10.4f}")
    print(f"{'electrosaxs with errors, one thread (per curve)':58s}{one:10.4f}")
    print(f"{'electrosaxs with errors, two threads (per curve)':58s}{two:10.4f}")
    print(f"{f'{heights.size} heights together with every size conserved':58s}{joint:10.4f}")
    print(
        f"share below 4.2 nm: {share.value.mean():.4f} +- {share.total_sigma.mean():.4f}, scatter {share.value.std():.4f}"
    )


if __name__ == "__main__":
    main()
