"""Make docs/imperfections.md and docs/images/imperfections/: one simulated run with each fault, and what `analyse` says of it.

    python docs/make_imperfections.py            # --only monitor for some of them; the others stay as they are

Each run (60 frames of a small detector) is simulated and analysed in a temporary folder, ten seconds each. Another fault is
another entry of FAULTS. What was found is kept in docs/images/imperfections/said.json, from which the page is written.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from electrosaxs.io.results import read_results
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import Experiment, Noun, RunResults
from electrosaxs.recipes.analyse.analyse_run import analyse_reduced
from electrosaxs.recipes.analyse.reduce_run import reduce_run
from electrosaxs.recipes.simulate_run import simulate_run

HERE = Path(__file__).parent
IMAGES, PAGE = HERE / "images" / "imperfections", HERE / "imperfections.md"
SAID = IMAGES / "said.json"
SCAN: dict[str, Any] = {
    "duration_s": 900.0, "heights_um": [0.0, 50.0, 100.0, 150.0, 300.0, 700.0, 1100.0, 1500.0, 1900.0, 3400.0], "scans": 6,
    "reference_frames": 3, "solvent_frames": 3,
}  # fmt: skip
BASE: dict[str, dict[str, Any]] = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0, "anode_height_um": 4.6},
    "solution": {"volume_fraction": 8e-4, "core_diameter_nm": 7.1, "core_sigma_nm": 1.1},
    "voltage": {"time_s": [0.0], "voltage_V": [30.0]},
    "transport": {"effective_charge": 0.045},
    "scan": SCAN,
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0},
    "detector": {"name": "Pilatus100k", "distance_m": 0.8},
    "output": {"seed": 5},
}
SIZES, LIGHT = "diameter", "light"
OF_EVERY_RUN = ("outliers: ", "less at all others: dose.csv", "but the curves show none of it")
LEAST_TOLD = 0.02  # relative sigma of phi by absorption beyond which it says nothing
WELL_KNOWN = 5.0  # sigmas of the median voxel
LEAST_SCALE = 0.3  # %


@dataclass(frozen=True)
class Fault:
    """key: name of the picture; title; toml: lines of [imperfections], which `settings` are; does: what it does; shows: the
    right panel, LIGHT (two measures of phi) or SIZES; changes: of other tables."""

    key: str
    title: str
    toml: str
    settings: dict[str, Any]
    does: str
    shows: str = LIGHT
    changes: dict[str, dict[str, Any]] | None = None


FAULTS = (
    Fault(
        "monitor_glitch", "A monitor that is read wrong", "monitor_glitch = { frames = [31, 40, 47], factor = 1.3 }",
        {"monitor_glitch": {"frames": [31, 40, 47], "factor": 1.3}},
        "Scattering is divided by the monitor, so phi of these frames is 23 % too small; the transmission stays.",
    ),
    Fault(
        "monitor_noise", "A noisy monitor", "monitor_noise = 0.02", {"monitor_noise": 0.02},
        "phi scatters by 2 % from frame to frame, in the frames of solvent and starting solution too. It is in the sigma of"
        " each frame, and of all together by the mean of the reference frames.",
    ),
    Fault(
        "monitor_drift", "A monitor that drifts", "monitor_drift = 0.02", {"monitor_drift": 0.02},
        "phi falls by 2 % in the course of the run at all heights alike, also in the bulk of the cell, where it has to stay.",
    ),
    Fault(
        "transmission_noise", "A noisy transmission", "transmission_noise = 0.005", {"transmission_noise": 0.005},
        "phi by scattering is off by as much as the transmission, phi by absorption by several times that.",
    ),
    Fault(
        "transmission_drift", "A diode that drifts", "transmission_drift = 0.01", {"transmission_drift": 0.01},
        "The transmission is 1 % too large at the end: where few particles are, absorption tells it, and the bulk of the cell.",
    ),
    Fault(
        "beam_drift", "A beam that grows weaker", "beam_drift = -0.2", {"beam_drift": -0.2},
        "A fifth fewer photons come at the end. The monitor sees them go: nothing is wrong but the counting errors.",
    ),
    Fault(
        "beam_lost", "A beam that is lost", "beam_lost = { time_s = [300, 400], dark = 3e-3 }",
        {"beam_lost": {"time_s": [300.0, 400.0], "dark": 3e-3}},
        "No photons for a while; both diodes go on with their dark counts, so that the transmission reads about 1.",
    ),
    Fault(
        "solvent_drift", "A solvent that scatters more", "solvent_drift = 0.01", {"solvent_drift": 0.01},
        "The solvent scatters 1 % more at the end than in its own frames, which are subtracted.", SIZES,
    ),
    Fault(
        "parasitic", "Light beside the cell's", "parasitic = 0.003", {"parasitic": 0.003},
        "Slits and windows add light, 0.3 % of the solvent's more or less from frame to frame.", SIZES,
    ),
    Fault(
        "hot_pixels", "Pixels that become hot", "hot_pixels = { number = 40, from_s = 450 }",
        {"hot_pixels": {"number": 40, "from_s": 450.0}},
        "40 pixels count by themselves in the second half of the run, 3,000 to 3,000,000 a second.", SIZES,
    ),
    Fault(
        "bubble", "Gas in the beam", "bubble = { heights_um = [150], time_s = [300, 600], share = 0.4 }",
        {"bubble": {"heights_um": [150.0], "time_s": [300.0, 600.0], "share": 0.4}},
        "40 % of the path is gas in two scans: less scatters, and more light passes than any phi lets.",
    ),
    Fault(
        "bubble_anode", "A little gas at the anode", "bubble = { heights_um = [0], time_s = [600, 900], share = 0.05 }",
        {"bubble": {"heights_um": [0.0], "time_s": [600.0, 900.0], "share": 0.05}},
        "phi at the anode is 7 % too small in the last two scans. The layer is steep there and the light says little; what"
        " tells is the solvent that is missing from the curve, and the neighbours in height and time.",
    ),
    Fault(
        "deposit", "Particles on the windows", "deposit = { heights_um = [1100], growth_per_s = 2e-3 }",
        {"deposit": {"heights_um": [1100.0], "growth_per_s": 2e-3}},
        "Where the beam was some of them stay: phi of one height grows with the seconds that it was in the beam (`dose.csv`),"
        " and that of its neighbours does not.",
    ),
    Fault(
        "height_offset", "An anode elsewhere than said", "height_offset_um = 7.0", {"height_offset_um": 7.0},
        "Heights are 7 um too low: at the anode, which cuts the beam, more light passes than half.",
    ),
    Fault(
        "wavy_anode", "A wavy anode", "anode_roughness_um = 6.0", {"anode_roughness_um": 6.0},
        "The anode is up to some micrometres higher or lower along the beam: the edge is blurred, and its height is the mean of"
        " what the beam passes.",
    ),
    Fault(
        "backlash", "Play of the stage", "height_backlash_um = 4.0", {"height_backlash_um": 4.0},
        "Scans that come from above see the layer 4 um higher than those from below.",
        changes={"scan": {"order": "alternating"}},
    ),
    Fault(
        "distance", "A wrong distance", "distance_error = 0.01", {"distance_error": 0.01},
        "All lengths are off by 1 %. Nothing in the frames says it: give `distance_m_sigma`, or calibrate.", SIZES,
    ),
    Fault(
        "centre", "A beam beside the centre", "centre_shift_px = 3.0", {"centre_shift_px": 3.0},
        "Rings would be smeared and sizes wrong; four quarters of a frame tell the centre, and frames are integrated about it.",
        SIZES,
    ),
    Fault(
        "dead_time", "Pixels that miss counts", "dead_time_ns = 5000.0", {"dead_time_ns": 5000.0},
        "Where it is bright counts are lost: the curves with most particles bend at low q.", SIZES,
    ),
    Fault(
        "module", "A module that stops", "module_off = { modules = [0], from_s = 450, value = 0 }",
        {"module_off": {"modules": [0], "from_s": 450.0}},
        "This detector has but one, so that nothing is left of these frames; of a larger one the other modules stay.",
    ),
    Fault(
        "interaction", "Particles that repel each other", 'interaction = "hard-spheres"', {"interaction": "hard-spheres"},
        "Where many are, less scatters at low q: phi would be too small there and d too. The curves tell how far they keep"
        " apart.",
        SIZES,
    ),
    Fault(
        "double_scattering", "Photons that are scattered twice", "double_scattering = true", {"double_scattering": True},
        "Every real run has it: phi would be 7 % too large at 1 % and a third at 4 %. It is taken off each curve where the"
        " run's curves show it ([why](physics/film-and-double-scattering.md)).",
        SIZES,
    ),
    Fault(
        "film", "Crystals in their own shadow", "islands = true\nanode_tilt_mrad = 2.0",
        {"islands": True, "anode_tilt_mrad": 2.0},
        "Islands on the anode stand in the light: they take more of it than they scatter, and the amount that is seen is a"
        " lower bound ([why](physics/film-and-double-scattering.md)).",
        changes={"growth": {"solubility": 0.006, "attachment_time_s": 40.0, "lattice_constant_nm": 15.1}},
    ),
)  # fmt: skip


def run_with(fault: Fault) -> tuple[RunResults, RunResults]:
    """Results and truth of the run with one fault."""
    changes = fault.changes or {}
    tables = {key: {**BASE.get(key, {}), **changes.get(key, {})} for key in BASE.keys() | changes.keys()}
    with tempfile.TemporaryDirectory(prefix="electrosaxs-imperfections-") as folder:
        settings = Experiment.model_validate({**tables, "imperfections": fault.settings})
        run = simulate_run(settings, Path(folder) / "run")
        found = analyse_reduced(reduce_run(read_run(run), Path(folder) / "out"), distributions=False)
        return found.results, read_results(run.parent / "truth.nxs")


def draw(fault: Fault, found: RunResults, truth: RunResults) -> None:
    """What phi would be off by, and what shows that it is."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 2.7), layout="constrained", sharey=True)
    out = ~found.volume_fraction.good
    phi = found.quality["volume_fraction_scattered"]
    error = 100.0 * (phi / truth.volume_fraction.values - 1.0)
    _map(left, error, out, found, "φ, off by (%)", _largest(error, found.volume_fraction, out))
    if fault.shows == SIZES:
        off = 100.0 * (found.diameter.values / truth.diameter.values - 1.0)
        _map(right, off, out, found, "d, off by (%)", _largest(off, found.diameter, out))
    else:
        absorbed, sigma = (found.quality[f"volume_fraction_absorbed{end}"] for end in ("", "_sigma"))
        tells = sigma < LEAST_TOLD * absorbed
        difference = np.where(tells, 100.0 * (phi / np.where(tells, absorbed, 1.0) - 1.0), np.nan)
        largest = float(np.clip(np.nanmax(np.abs(difference)), 1.0, 30.0))
        _map(right, difference, out, found, "φ by scattering over φ by absorption, less 1 (%)", largest)
    left.set_ylabel("height (µm)")
    figure.savefig(IMAGES / f"{fault.key}.png", dpi=100)
    plt.close(figure)


def _largest(off: np.ndarray, noun: Noun, out: np.ndarray) -> float:
    """End of the scale: the largest `off` (%) of frames that are out, or that are known about as well as most are; the height
    that the particles have left would show its noise alone."""
    with np.errstate(invalid="ignore"):
        sigma = noun.total_sigma / np.abs(noun.values)
        told = out | (sigma < WELL_KNOWN * np.nanmedian(sigma))
    return max(float(np.nanmax(np.abs(np.where(told, off, np.nan)))), LEAST_SCALE)


def _map(axes: Axes, values: np.ndarray, out: np.ndarray, found: RunResults, title: str, largest: float) -> None:
    """Heights as rows of one size, scans as columns; crosses: frames that were left out; grey: nothing known."""
    heights = found.volume_fraction.coord("height")
    axes.set_facecolor("0.85")
    image = axes.imshow(
        np.ma.masked_invalid(values.T), origin="lower", aspect="auto", cmap="RdBu_r", vmin=-largest, vmax=largest
    )
    scan, row = np.nonzero(out)
    axes.plot(scan, row, "x", color="black", ms=5, mew=1.2)
    axes.set_yticks(np.arange(heights.size), [f"{round(z) + 0}" for z in heights], fontsize=7)
    axes.set_xticks(np.arange(values.shape[0]), [f"{scan + 1}" for scan in range(values.shape[0])], fontsize=7)
    axes.set_xlabel("scan")
    axes.set_title(title, fontsize=9)
    beyond = "both" if np.nanmax(np.abs(values), initial=0.0) > largest else "neither"
    axes.figure.colorbar(image, ax=axes, extend=beyond).ax.tick_params(labelsize=7)


def said(found: RunResults, truth: RunResults) -> list[str]:
    """What the analysis says, in its own words: frames that are out, notes, quality of the slice flux; and how right phi is."""
    reasons: dict[str, int] = {}
    for record in found.frames:
        if not record.used and record.scan >= 0:
            words = record.reason.split("; ")[0]
            reasons[words] = reasons.get(words, 0) + 1
    lines = [
        f"`frames.csv`: {words}" + (f" (and {count - 1} like it)" if count > 1 else "")
        for words, count in _kinds(reasons)
    ]
    lines += [f"note: {note}" for note in found.notes if not any(words in note for words in OF_EVERY_RUN)]
    flux = found.numbers["slice_flux"]
    if flux.value is not None and flux.quality != "good":
        lines.append(f"`slice_flux` is {flux.quality}")
    phi = found.volume_fraction
    pull = np.abs((phi.values - truth.volume_fraction.values) / phi.total_sigma)[phi.good]
    if pull.size:
        lines.append(
            f"φ of the {pull.size} voxels that stay: largest distance from the truth {pull.max():.1f} σ, sigma"
            f" {100.0 * np.median(phi.total_sigma[phi.good] / phi.values[phi.good]):.2g} % (median)"
        )
    return lines


def _kinds(reasons: dict[str, int]) -> list[tuple[str, int]]:
    """Reasons that differ in their numbers alone as one, the first of them with how many there are."""
    kinds: dict[str, tuple[str, int]] = {}
    for words, count in reasons.items():
        kind = words.split(":")[-1].split(")")[-1]
        first, before = kinds.get(kind, (words, 0))
        kinds[kind] = (first, before + count)
    return list(kinds.values())


HEAD = """# What goes wrong, and how it is noticed

One small simulated run for each line of `[imperfections]` in `experiment.toml` ([formats](formats.md)): `electrosaxs simulate`
shows what a fault would do to a run of yours before the beam time; `truth.nxs` beside its frames stays that of the solution.
Left: what phi is off by, of frames that are out too. Right: what shows it, phi by scattering over phi by absorption, or the
diameter. A cross: the frame is left out. Grey: not known. Made by `python docs/make_imperfections.py`; how often it goes right
stands in [measured accuracy](accuracy.md).
"""


def page(kept: dict[str, list[str]]) -> str:
    """The page, of the faults that were run."""
    parts = [HEAD]
    for fault in FAULTS:
        if fault.key in kept:
            lines = "\n".join(f"- {line}" for line in kept[fault.key])
            parts.append(
                f"\n## {fault.title}\n\n```toml\n[imperfections]\n{fault.toml}\n```\n\n{fault.does}\n\n"
                f"![{fault.title}](images/imperfections/{fault.key}.png)\n\n{lines}\n"
            )
    return "".join(parts)


def main() -> None:
    """Run what is asked for, then write pictures and page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the keys to run")
    asked = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    kept: dict[str, list[str]] = json.loads(SAID.read_text(encoding="utf-8")) if SAID.exists() else {}
    for fault in FAULTS:
        if asked.only in fault.key:
            found, truth = run_with(fault)
            draw(fault, found, truth)
            kept[fault.key] = said(found, truth)
            SAID.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            print(fault.key, flush=True)
    PAGE.write_text(page(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
