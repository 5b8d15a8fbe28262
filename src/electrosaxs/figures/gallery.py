"""All figures in the order of the report, each with its name, caption and, where it could not be drawn, the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from ..nouns import RunResults
from .anode import anode_growth, mass_balance, slice_flux
from .curves import porod_plots, scattering_curves
from .maps import flux_map, quality_map, volume_fraction_map
from .peaks import structure_factor_peaks
from .profiles import flux_profiles, size_profiles, volume_fraction_profiles
from .size_distributions import size_distributions
from .style import Omitted, was_measured

Draw = Callable[[RunResults, RunResults | None], Figure | Omitted]


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
    only for those of a prediction, without."""

    name: str
    draw: Draw
    caption: str
    measured: str = ""
    predicted: str = ""


GALLERY: tuple[Entry, ...] = (
    Entry(
        "volume_fraction_map",
        volume_fraction_map,
        "Volume fraction φ of core + dry shell over the distance to the anode and the time that the field has been on.",
        measured="Dots: frames, each at its own time.",
        predicted="Dots: heights and times of the scan.",
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
        "φ of the voxel at the anode against time, with the least-squares line before the onset. Grey band: slice "
        "φ of 0.7 to 1.2 % in which superlattices formed in Yu et al. 2018.",
        measured="Bars: total σ.",
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
        "Particle volume in the cell over that at field-on: 1 in a sealed cell until particles leave the scan.",
    ),
    Entry(
        "scattering_curves",
        scattering_curves,
        "Scattering after solvent subtraction at several heights (a) and as Kratky plots on one scale (b). Points: "
        "measured, bands: counting σ, lines: polydisperse spheres.",
    ),
    Entry(
        "porod_plots",
        porod_plots,
        "Porod plots with polydisperse sphere fits; mean core diameter ± standard deviation of the distribution.",
    ),
    Entry(
        "size_profiles",
        size_profiles,
        "Number-weighted mean core diameter (a) and polydispersity (b) against the distance to the anode. Dashed: "
        "starting solution.",
        measured="Bars: total σ.",
    ),
    Entry(
        "size_distributions",
        size_distributions,
        "Free-form size distributions of the last scan, each size conserved over the cell where the scan spans it. Bands: σ; "
        "dashed: the starting solution.",
    ),
    Entry(
        "structure_factor_peaks",
        structure_factor_peaks,
        "Structure factor of the voxel at the anode, scan by scan, with the assigned reflections and the fitted model. "
        "Bands: counting σ.",
    ),
    Entry(
        "quality_map",
        quality_map,
        "Quality of the fits frame by frame; crosses: frames that were left out.",
    ),
)


def draw_all(results: RunResults, truth: RunResults | None = None) -> list[Drawn]:
    """Every figure of GALLERY, drawn or with the reason why not."""
    measured = was_measured(results)
    return [drawn(entry.name, _caption(entry, measured), entry.draw(results, truth)) for entry in GALLERY]


def _caption(entry: Entry, measured: bool) -> str:
    return f"{entry.caption} {entry.measured if measured else entry.predicted}".rstrip()


def drawn(name: str, caption: str, made: Figure | Omitted) -> Drawn:
    """What a figure function made, under its name."""
    return Drawn(name, caption, None, made.reason) if isinstance(made, Omitted) else Drawn(name, caption, made)
