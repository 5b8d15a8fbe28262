"""Are the sigmas honest? Simulate, analyse, compare with the truth, for many seeds and two count rates.

    python benchmarks/pulls.py [--seeds 30] [--write]

A pull is (value - truth) / sigma. Its standard deviation over seeds is 1 where sigma is honest; `deviation` below is taken
about the mean of each voxel (what counting scatters), `rms` about 0 (with bias). Sigma is counting and shared together.
A mean bias counts where these seeds can tell it: where its standard error is below a third of what is allowed.
`--write` puts the table into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from electrosaxs.errors import ConvergenceError
from electrosaxs.inference.fit import fit_model
from electrosaxs.inference.observations import observations
from electrosaxs.inference.parameters import Model
from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_experiment, read_run
from electrosaxs.nouns import Experiment, Noun, RunResults
from electrosaxs.recipes.analyse.analyse_run import analyse_reduced
from electrosaxs.recipes.analyse.reduce_run import reduce_run
from electrosaxs.recipes.simulate_run import simulate_run

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "accuracy.md"
RATES = {"full beam, 1 s (1 to 4,000 counts per pixel)": 3.0e10, "weak beam (0.001 to 4 counts per pixel)": 3.0e7}
HEIGHTS = [0, 50, 100, 150, 200, 300, 600, 1000, 1400, 2000, 2700, 3400]
FITTED = {"effective_charge": 0.045, "charge_exponent": 2.0, "diffusivity_scale": 1.0, "solubility": 0.011}
MAPS = ("volume_fraction", "diameter", "deviation")
NUMBERS = ("slice_flux", "lattice_constant_solvated", "anode_height", "supply_flux", "onset_time")
ALLOWED = {"volume_fraction": 0.0015, "diameter": 0.02, "deviation": 0.02}  # mean bias; relative, nm, nm
TOLD = 1.0 / 3.0  # standard error of a mean bias over what is allowed, at most


def experiment(photons_per_s: float, seed: int) -> Experiment:
    """The example experiment with fewer voxels, at another count rate and seed."""
    base = read_experiment(ROOT / "examples" / "experiment.toml")
    scan = base.scan.model_copy(update={"heights_um": [float(h) for h in HEIGHTS], "scans": 8, "duration_s": 2400.0})
    beam = base.beam.model_copy(update={"photons_per_s": photons_per_s})
    output = base.output.model_copy(update={"seed": seed})
    return base.model_copy(update={"scan": scan, "beam": beam, "output": output})


def runs(photons_per_s: float, seeds: int) -> Iterator[tuple[RunResults, RunResults]]:
    """Results and truth of each seed; frames live in a temporary folder one run at a time."""
    for seed in range(1, seeds + 1):
        folder = Path(tempfile.mkdtemp(prefix="electrosaxs-pulls-"))
        try:
            run = simulate_run(experiment(photons_per_s, seed), folder / "run")
            results = analyse_reduced(reduce_run(read_run(run), folder / "results")).results
            yield results, read_results(run.parent / "truth.nxs")
        finally:
            shutil.rmtree(folder)


def collect(photons_per_s: float, seeds: int) -> list[str]:
    """Rows of the table for one count rate."""
    pulls: dict[str, list[np.ndarray]] = defaultdict(list)
    biases: dict[str, list[np.ndarray]] = defaultdict(list)
    for results, truth in runs(photons_per_s, seeds):
        for name, (value, sigma, true_value) in fitted(results).items():
            pulls[f"fit: {name}"].append(np.array([(value - true_value) / sigma]))
            biases[f"fit: {name}"].append(np.array([value / true_value - 1.0]))
        for name in MAPS:
            measured, true = getattr(results, name), getattr(truth, name)
            pull, bias = voxels(measured, true, results, relative=name == "volume_fraction")
            pulls[f"{name}, z >= 50 um"].append(pull)
            biases[f"{name}, z >= 50 um"].append(bias)
        for name in NUMBERS:
            found, right = results.numbers[name], truth.numbers[name].value
            if found.value is not None and found.sigma and right is not None:
                pulls[name].append(np.array([(found.value - right) / found.sigma]))
                biases[name].append(np.array([found.value / right - 1.0]))
    return [row(name, pulls[name], biases[name]) for name in sorted(pulls, key=lambda name: name.startswith("fit"))]


def fitted(results: RunResults) -> dict[str, tuple[float, float, float]]:
    """Value, sigma and truth of what the transport model, fitted to one run, fixes."""
    try:
        fit = fit_model([observations(results)], Model(growth="attachment"))
    except ConvergenceError as error:
        print(f"no fit: {error}")
        return {}
    return {name: (fit.value(name), fit.sigma(name), true) for name, true in FITTED.items() if fit.sigma(name) > 0.0}


def voxels(measured: Noun, true: Noun, results: RunResults, *, relative: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pull and bias of each solution voxel (flattened); NaN at the anode."""
    phi = results.volume_fraction
    solution = (phi.coord("height") > 25.0)[None, :] & measured.good & true.good
    difference = measured.values - true.values
    pull = np.where(solution, difference / measured.total_sigma, np.nan)
    bias = np.where(solution, difference / true.values if relative else difference, np.nan)
    return pull.ravel(), bias.ravel()


def row(name: str, pulls: list[np.ndarray], biases: list[np.ndarray]) -> str:
    """One line of the table: pulls about each voxel's mean and about 0, and the median bias of the voxels' means."""
    pull, bias = np.array(pulls), np.array(biases)
    with np.errstate(invalid="ignore"):
        complete = np.isfinite(pull).sum(axis=0) >= max(3, pull.shape[0] // 2)
        about_mean = pull[:, complete] - np.nanmean(pull[:, complete], axis=0)
        seeds = np.isfinite(pull[:, complete]).sum(axis=0)
        deviation = np.sqrt(np.nansum(about_mean**2) / max(np.sum(seeds - 1), 1))
        rms = np.sqrt(np.nanmean(pull[:, complete] ** 2))
        means = np.nanmean(bias[:, _told(name, bias)], axis=0)
    unit = " nm" if name.startswith(("diameter", "deviation")) else " %"
    scale = 1.0 if unit == " nm" else 100.0
    biased = " - | - |"  # no voxel whose mean these seeds can tell
    if means.size:
        median, worst = scale * np.median(means), scale * means[np.argmax(np.abs(means))]
        biased = f" {median:+.4f}{unit} | {worst:+.4f}{unit} |"
    return f"| {name} | {int(np.isfinite(pull).sum())} | {deviation:.2f} | {rms:.2f} |{biased}"


def _told(name: str, bias: np.ndarray) -> np.ndarray:
    """Which voxels (voxel,) have their mean over the seeds of `bias` (seed, voxel) known well enough."""
    seeds = np.isfinite(bias).sum(axis=0)
    complete = seeds >= max(3, bias.shape[0] // 2)
    allowed = ALLOWED.get(name.split(",")[0])
    if allowed is None:
        return complete
    about_mean = bias - np.nansum(bias, axis=0) / np.maximum(seeds, 1)
    error = np.sqrt(np.nansum(np.square(about_mean), axis=0) / np.maximum(seeds * (seeds - 1), 1))
    return complete & (error < TOLD * allowed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--write", action="store_true", help="put the table into docs/accuracy.md")
    options = parser.parse_args()
    start, lines = time.perf_counter(), []
    for title, photons in RATES.items():
        lines += ["", f"**{title}**, {options.seeds} seeds", ""]
        lines += ["| quantity | pulls | deviation | rms | median bias | worst mean bias |", "|---|---|---|---|---|---|"]
        lines += collect(photons, options.seeds)
    table = "\n".join(lines).strip()
    print(table)
    print(f"\n{time.perf_counter() - start:.0f} s")
    if options.write:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- pulls -->")
        tail = rest.partition("<!-- end of pulls -->")[2]
        PAGE.write_text(f"{head}<!-- pulls -->\n\n{table}\n\n<!-- end of pulls -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
