"""Fits of the transport model, measured: time, pulls, what the data fix, and the same minimum by scipy.

Run: python benchmarks/transport_fit.py [--seeds 30]. Maps are the model itself (41 sizes) with noise; `fine` ones come
from a grid eight times as fine, so that what the fit's own grid of 300 costs is seen.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / "inference"), str(Path(__file__).parents[1] / "tests")]

from fit_cases import (  # noqa: E402
    FEW_HEIGHTS,
    FULL_HEIGHTS,
    GROWING,
    PLAIN,
    TRUTH,
    empty_run,
    measured,
)  # fmt: skip

from electrosaxs.inference.compare import compare  # noqa: E402
from electrosaxs.inference.fit import fit_model  # noqa: E402
from electrosaxs.inference.forward import predict  # noqa: E402
from electrosaxs.inference.identifiability import knowledge  # noqa: E402
from electrosaxs.inference.observations import Channel  # noqa: E402

ASKED = ("effective_charge", "charge_exponent", "diffusivity_scale")
THREE = {"charge_exponent": 1.7, "starting_diameter": 7.0, "starting_polydispersity": 0.16, "attachment_time": 60.0,
         "crystal_length": 27.0}  # fmt: skip


def row(what: str, value: str) -> None:
    print(f"{what:<66} {value}", flush=True)


def timed_fit() -> None:
    """37 x 30 voxels, 3 parameters, from the default start."""
    run = measured(empty_run(FULL_HEIGHTS, scans=37, duration=3300.0), GROWING, sizes=False)
    fit_model([run], GROWING, fixed=THREE)  # compiles
    begin = time.perf_counter()
    fit = fit_model([run], GROWING, fixed=THREE)
    row("37 x 30 voxels, charge, D and solubility, from the default start", f"{time.perf_counter() - begin:.2f} s")
    known = dict(zip(knowledge(fit).labels, 100.0 * knowledge(fit).relative, strict=True))
    row(
        "  sigma at 3 % noise, phi alone (v, D)",
        f"{known['effective_charge']:.2f} %, {known['diffusivity_scale']:.2f} %",
    )
    _scipy(run, fit)


def _scipy(run: object, fit: object) -> None:
    """The same residuals, limits and start given to scipy.optimize.least_squares."""
    from scipy.optimize import least_squares

    problem = fit.problem  # type: ignore[attr-defined]
    low, high = problem.layout.limits()
    far = problem.layout.start() + np.array([1.0, 0.0, 0.5])
    begin = time.perf_counter()
    start = {"effective_charge": float(np.exp(far[0])), "solubility": float(np.exp(far[2]))}
    same = fit_model([run], GROWING, fixed=THREE, start=start)  # type: ignore[list-item]
    row("  ours from a charge 2.7 times off", f"{time.perf_counter() - begin:.2f} s, chi2 {same.chi_squared:.3f}")
    for name, start in (("a charge 2.7 times off", far), ("our minimum", fit.x)):  # type: ignore[attr-defined]
        begin = time.perf_counter()
        found = least_squares(problem.residual, start, bounds=(low, high), diff_step=3e-3)
        told = f"{time.perf_counter() - begin:.2f} s, chi2 {2.0 * found.cost:.3f} against {fit.chi_squared:.3f}"  # type: ignore[attr-defined]
        row(f"  scipy least_squares from {name}", told)


def pulls(seeds: int) -> None:
    """(value - truth) / sigma over many noises."""
    for noise in (0.03, 0.005):
        fits = [
            fit_model([measured(empty_run(FEW_HEIGHTS), noise=noise, shared=0.01, seed=s)], PLAIN,
                      start={name: TRUTH[name] for name in ASKED})
            for s in range(100, 100 + seeds)
        ]  # fmt: skip
        found = np.array([[(f.value(n) - TRUTH[n]) / f.sigma(n) for n in ASKED] for f in fits])
        spread = ", ".join(f"{p:.2f}" for p in np.sqrt(np.mean(found**2, axis=0)))
        row(f"r.m.s. pull of charge, p, D over {seeds} seeds, {100 * noise:g} % noise", spread)
        row("  mean reduced chi-squared", f"{np.mean([f.chi_squared / f.degrees_of_freedom for f in fits]):.3f}")


def grid_bias() -> None:
    """What the fit's own grid makes of data from a finer one."""
    run = empty_run(FULL_HEIGHTS, scans=12, duration=3300.0)
    exact = predict(run, GROWING, TRUTH, classes=41, halvings=3, rtol=2e-5)
    for noise in (0.01, 0.001):
        made = measured(run, GROWING, noise=noise)
        for name, channel in made.channels.items():
            made.channels[name] = Channel(exact.channel(name), channel.sigma, {}, channel.used)
        fit = fit_model([made], GROWING)
        off = ", ".join(f"{100 * (fit.value(n) / TRUTH[n] - 1):+.3f} %" for n in (*ASKED, "solubility"))
        in_sigma = ", ".join(f"{(fit.value(n) - TRUTH[n]) / fit.sigma(n):+.2f}" for n in (*ASKED, "solubility"))
        row(
            f"a grid eight times as fine fitted with 300 cells, {100 * noise:g} %: charge, p, D, solubility off by", off
        )
        row("  in sigma", in_sigma)


def anode_alone() -> None:
    run = measured(empty_run(np.array([0.0]), scans=37), sizes=False)
    known = knowledge(fit_model([run], PLAIN, fixed={"charge_exponent": 1.7}))
    row("anode slice alone: correlation of charge and D", f"{known.correlation[0, 1]:.4f}")
    row(
        "  sigma of the two, and of v^2/D",
        f"{known.relative[0]:.2f}, {known.relative[1]:.2f}, {known.products[0].sigma:.4f}",
    )


def others() -> None:
    run = measured(empty_run(FEW_HEIGHTS, scans=10, duration=2400.0), GROWING, noise=0.01)
    begin = time.perf_counter()
    models = compare([run], charge_models=("fast-exchange", "neutralised-at-anode", "permanent", "exchange"))
    row("six models compared", f"{time.perf_counter() - begin:.1f} s")
    for candidate in models.candidates:
        told = f"BIC {models.behind(candidate):+.1f}" if candidate.fit else f"no minimum, chi2 {candidate.reached:.3g}"
        row(f"  {candidate.model.name}", told)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=30)
    arguments = parser.parse_args()
    timed_fit()
    pulls(arguments.seeds)
    grid_bias()
    anode_alone()
    others()
