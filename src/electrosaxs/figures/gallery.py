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
from .style import Omitted

Draw = Callable[[RunResults, RunResults | None], Figure | Omitted]


@dataclass(frozen=True)
class Drawn:
    """One figure: `name` is the file name without ending; `figure` is None where `reason` says why."""

    name: str
    caption: str
    figure: Figure | None
    reason: str = ""


GALLERY: tuple[tuple[str, Draw, str], ...] = (
    (
        "volume_fraction_map",
        volume_fraction_map,
        "Volume fraction φ of core + dry shell over the distance to the anode and the time that the field has been on. "
        "Dots: frames, each at its own time.",
    ),
    (
        "volume_fraction_profiles",
        volume_fraction_profiles,
        "Profiles φ(z) at several times, near the anode (a) and over the whole cell (b). Bars: total σ.",
    ),
    (
        "anode_growth",
        anode_growth,
        "φ of the voxel read at the anode against time, with the least-squares line before the onset. Grey band: slice "
        "φ of 0.7 to 1.2 % in which superlattices formed in Yu et al. 2018. Bars: total σ.",
    ),
    (
        "slice_flux",
        slice_flux,
        "Flux into the slice at the anode, slice thickness × dφ/dt: an accumulation rate, not the supply φ₀v.",
    ),
    (
        "flux_profiles",
        flux_profiles,
        "Flux J(z) towards the anode from continuity at several times. Bands: total σ, interpolation between the "
        "heights included.",
    ),
    ("flux_map", flux_map, "Flux J(z, t) towards the anode from continuity. Hatched: |J| below its own σ."),
    (
        "mass_balance",
        mass_balance,
        "Particle volume in the cell over that at field-on: 1 in a sealed cell until particles leave the scan.",
    ),
    (
        "scattering_curves",
        scattering_curves,
        "Scattering after solvent subtraction at several heights (a) and as Kratky plots on one scale (b). Points: "
        "measured, bands: counting σ, lines: polydisperse spheres.",
    ),
    (
        "porod_plots",
        porod_plots,
        "Porod plots with polydisperse sphere fits; mean core diameter ± standard deviation of the distribution.",
    ),
    (
        "size_profiles",
        size_profiles,
        "Number-weighted mean core diameter (a) and polydispersity (b) against the distance to the anode. Dashed: "
        "starting solution. Bars: total σ.",
    ),
    (
        "size_distributions",
        size_distributions,
        "Free-form size distributions of the last scan, each size conserved over the cell where the scan spans it. Bands: σ; "
        "dashed: the starting solution.",
    ),
    (
        "structure_factor_peaks",
        structure_factor_peaks,
        "Structure factor of the voxel at the anode, scan by scan, with the assigned reflections and the fitted model. "
        "Bands: counting σ.",
    ),
    (
        "quality_map",
        quality_map,
        "Quality of the fits frame by frame; crosses: frames that were left out.",
    ),
)  # fmt: skip


def draw_all(results: RunResults, truth: RunResults | None = None) -> list[Drawn]:
    """Every figure of GALLERY, drawn or with the reason why not."""
    return [drawn(name, caption, draw(results, truth)) for name, draw, caption in GALLERY]


def drawn(name: str, caption: str, made: Figure | Omitted) -> Drawn:
    """What a figure function made, under its name."""
    return Drawn(name, caption, None, made.reason) if isinstance(made, Omitted) else Drawn(name, caption, made)
