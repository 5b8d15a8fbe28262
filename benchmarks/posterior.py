"""The posterior of a curve's sizes: how often its intervals hold the truth, beside the fit's sigma, and what it costs.

    python benchmarks/posterior.py [--curves 400] [--json FILE]

Truths are drawn from the prior (d 5 to 9 nm, delta / d 0.01 to 0.4, skewness 0 +/- 1, at most 2); fits with a flag have no
interval and are left out. A share of 400 curves is known to 0.023 (68 %) and 0.011 (95 %).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from kept import Row, keep, machine

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / folder) for folder in ("analysis/spheres", ".")]

from test_posterior import curves  # noqa: E402

from electrosaxs.analysis.spheres.fit import bin_noise, fit_spheres  # noqa: E402
from electrosaxs.analysis.spheres.posterior import ONE_SIGMA, sphere_posterior  # noqa: E402

TWO_SIGMA = 0.954499736104  # share within two standard deviations of a normal distribution
CASES = (
    ("20,000 counts, 500 bins", 2e4, 500),
    ("300 counts, 300 bins", 300.0, 300),
    ("40 counts, 100 bins", 40.0, 100),
)
"""Counts in the lowest bin; the others have more, as q."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=400)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(machine())
    print("| curves | without a flag | size | posterior 68, 95 % | fit +- 1, 2 sigma | CPU of a posterior |")
    print("|---|---|---|---|---|---|")
    rows = [row for number, case in enumerate(CASES) for row in coverage(*case, 10 + number, arguments.curves)]
    if arguments.json:
        keep(arguments.json, rows)


def coverage(name: str, photons: float, bins: int, seed: int, count: int) -> list[Row]:
    """One line a size; and the times as rows to keep."""
    sample, sizes = curves(photons, bins, seed, count)
    fit, noise = fit_spheres(sample), bin_noise(sample)
    good = [f for f in range(count) if not fit.flags[f]]
    sphere_posterior(noise, fit, good[0])  # compiles
    times, held, near = [], [], []
    for f in good:
        begin = time.thread_time()
        one = sphere_posterior(noise, fit, f)
        if one is None:
            continue
        times.append(1e3 * (time.thread_time() - begin))
        ends = np.array([one.interval(share) for share in (ONE_SIGMA, TWO_SIGMA)])
        held.append((ends[:, 0] <= sizes[f]) & (sizes[f] <= ends[:, 1]))
        away = np.abs(np.array([fit.diameter[f], fit.deviation[f]]) - sizes[f])
        sigma = np.sqrt(np.diag(fit.covariance[f])[1:3])
        near.append([away < sigma, away < 2.0 * sigma])
    inside, beside = np.mean(held, axis=0), np.mean(near, axis=0)
    for k, size in enumerate(("d", "delta")):
        told = " | ".join(f"{share[0, k]:.3f}, {share[1, k]:.3f}" for share in (inside, beside))
        print(f"| {name} | {len(held)} of {count} | {size} | {told} | {np.median(times):.1f} ms |", flush=True)
    return [Row(f"posterior, {name}", "ms CPU", times)]


if __name__ == "__main__":
    main()
