"""All figures in the order of the report, each with its name, caption and, where it could not be drawn, the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from ..nouns import RunResults
from .anode import anode_growth, mass_balance, slice_flux
from .curves import porod_plots, scattering_curves
from .maps import flux_map, quality_map, volume_fraction_map
from .measured import was_measured
from .peaks import structure_factor_peaks
from .profiles import flux_profiles, size_profiles, volume_fraction_profiles
from .size_distributions import size_distributions
from .style import Omitted
from .two_measures import two_measures

Draw = Callable[[RunResults, RunResults | None], Figure | Omitted]
Said = Callable[[RunResults, RunResults | None], str]


@dataclass(frozen=True)
class Drawn:
    """One figure: `name` is the file name without ending; `figure` is None where `reason` says why."""

    name: str
    caption: str
    figure: Figure | None
    reason: str = ""


@dataclass(frozen=True)
class Entry:
    """A figure of the report. caption: of any results; then what holds only for `measured` ones, with a sigma, and what
    only for those of a prediction, without; `said`: what these very results let one say."""

    name: str
    draw: Draw
    caption: str
    measured: str = ""
    predicted: str = ""
    said: Said | None = None


def _of_the_map(results: RunResults, truth: RunResults | None) -> str:
    return "White lines: round values of φ in %" + ("; dashed: the truth." if truth is not None else ".")


def _of_the_curves(results: RunResults, truth: RunResults | None) -> str:
    curves = results.curves
    if curves is None or curves.counted is None:
        return ""
    text = "Grey: the invariant as it is summed over the q window, less the flat background"
    if _fitted_with_peaks(results):
        text += "; where crystals were fitted, less what their peaks add to it (peaks may run off the top)"
    return f"{text}; in per cent: its part of the whole invariant, the rest is the fit's."


def _of_the_porod_plots(results: RunResults, truth: RunResults | None) -> str:
    return "With peaks: spheres and a lattice fitted together." if _fitted_with_peaks(results) else ""


def _fitted_with_peaks(results: RunResults) -> bool:
    curves = results.curves
    return curves is not None and curves.with_peaks is not None and bool(curves.with_peaks.any())


def _of_the_balance(results: RunResults, truth: RunResults | None) -> str:
    onset = results.numbers.get("onset_time")
    if onset is None or onset.value is None:
        return ""
    return (
        "After the onset particles in crystals on the anode count by what the lowest voxel sees of them, if it sees the "
        "surface at all; how strongly it does is uncertain by a quarter and part of the band. What is then missing from 1 is "
        "bound in crystals that the beam sees too little of or that lie outside the scan: the sealed cell loses nothing."
    )


def _of_the_sizes(results: RunResults, truth: RunResults | None) -> str:
    sizes = results.size_distribution
    if sizes is None or "conserved" not in sizes.data.coords:
        return ""
    if sizes.coord("conserved").any():
        return "All heights together: the sum of each size over the cell is that of the starting solution."
    return "Each height on its own: nothing is conserved between them, the notes say why."


def _of_the_structure_factor(results: RunResults, truth: RunResults | None) -> str:
    assignment = results.assignment
    if assignment is None or assignment.lattice is None:
        return "No lattice was assigned."
    return f"Black: the fitted model; red: the reflections of {assignment.lattice}."


GALLERY: tuple[Entry, ...] = (
    Entry(
        "volume_fraction_map",
        volume_fraction_map,
        "Volume fraction φ of core + dry shell over the distance to the anode and the time that the field has been on.",
        measured="Dots: frames, each at its own time.",
        predicted="Dots: heights and times of the scan.",
        said=_of_the_map,
    ),
    Entry(
        "volume_fraction_profiles",
        volume_fraction_profiles,
        "Profiles φ(z) at several times, near the anode (a) and over the whole cell (b).",
        measured="Bars: total σ.",
    ),
    Entry(
        "anode_growth",
        anode_growth,
        "φ of the voxel at the anode against time. Grey band: slice φ of 0.7 to 1.2 % in which superlattices formed in "
        "Yu et al. 2018.",
        measured="Line: least squares before the onset. Bars: total σ.",
    ),
    Entry(
        "slice_flux",
        slice_flux,
        "Flux into the slice at the anode, slice thickness × dφ/dt: an accumulation rate, not the supply φ₀v.",
        measured="dφ/dt is the slope of a parabola through three scans, that of a simulation's truth the slope at the "
        "moment of the frame itself, which is steeper in the first minutes. Bars: total σ.",
        predicted="dφ/dt is the slope at the moment of the frame itself, steeper in the first minutes than from scan to "
        "scan.",
    ),
    Entry(
        "flux_profiles",
        flux_profiles,
        "Flux J(z) towards the anode at several times.",
        measured="From continuity; bands: total σ, interpolation between the heights included.",
        predicted="What crosses each height in the model.",
    ),
    Entry(
        "flux_map",
        flux_map,
        "Flux J(z, t) towards the anode.",
        measured="From continuity; hatched: |J| below its own σ.",
        predicted="What crosses each height in the model; dots: heights and times of the scan.",
    ),
    Entry(
        "mass_balance",
        mass_balance,
        "Particle volume in the cell over that at field-on, 1 in a sealed cell.",
        measured="Band: total σ.",
        said=_of_the_balance,
    ),
    Entry(
        "scattering_curves",
        scattering_curves,
        "Scattering after solvent subtraction at several heights (a) and as Kratky plots, one scale for all but for the "
        "magnification that is named (b). Points: measured, bands: counting σ, lines: fits of polydisperse spheres.",
        said=_of_the_curves,
    ),
    Entry(
        "porod_plots",
        porod_plots,
        "Porod plots with polydisperse sphere fits (black); d ± δ: mean core diameter and standard deviation of the "
        "distribution, not of the mean.",
        said=_of_the_porod_plots,
    ),
    Entry(
        "size_profiles",
        size_profiles,
        "Number-weighted mean core diameter d (a) and polydispersity δ/d (b) against the distance to the anode. Dashed: "
        "starting solution.",
        measured="Bars: total σ.",
    ),
    Entry(
        "size_distributions",
        size_distributions,
        "Free-form size distributions at several heights of the last scan, by volume. Bands: total σ; dashed: the starting "
        "solution; hatched: sizes that the curve cannot see.",
        said=_of_the_sizes,
    ),
    Entry(
        "structure_factor_peaks",
        structure_factor_peaks,
        "Structure factor S(q) of the voxel at the anode, scan by scan, shifted; dotted: S = 1. Bands: counting σ.",
        said=_of_the_structure_factor,
    ),
    Entry(
        "two_measures",
        two_measures,
        "φ by scattering and φ by absorption of every frame (a), and what they differ by against time (b; beyond 3 % at the "
        "edge). A monitor that was read wrong moves the first alone, gas or a wrong diode move both.",
        measured="Crosses: frames that contradict themselves and were left out, with their number in frames.csv.",
    ),
    Entry(
        "quality_map",
        quality_map,
        "Quality frame by frame: reduced χ² of the sphere fit (a) and photons in the q window (b). Circles: flagged frames, "
        "crosses: frames that were left out.",
    ),
)


def figure_makers(results: RunResults, truth: RunResults | None = None) -> list[tuple[str, Callable[[], Drawn]]]:
    """Every figure of GALLERY by name, drawn (or with the reason why not) when it is called."""
    measured = was_measured(results)

    def draw(entry: Entry) -> Drawn:
        return drawn(entry.name, _caption(entry, measured, results, truth), entry.draw(results, truth))

    return [(entry.name, partial(draw, entry)) for entry in GALLERY]


def _caption(entry: Entry, measured: bool, results: RunResults, truth: RunResults | None) -> str:
    said = "" if entry.said is None else entry.said(results, truth)
    return " ".join(part for part in (entry.caption, entry.measured if measured else entry.predicted, said) if part)


def drawn(name: str, caption: str, made: Figure | Omitted) -> Drawn:
    """What a figure function made, under its name."""
    return Drawn(name, caption, None, made.reason) if isinstance(made, Omitted) else Drawn(name, caption, made)
