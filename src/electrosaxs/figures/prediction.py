"""What only the model sees: phi at the wall below the beam, the terms of the flux, the field and the current."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from ..nouns import RunResults
from ..nouns.profile import ModelProfile
from .gallery import Drawn, drawn
from .style import (
    BLACK,
    BLUE,
    GREEN,
    HEIGHT_LABEL,
    ORANGE,
    PER_CENT,
    ROOT_HEIGHT_LABEL,
    SECONDS_PER_MINUTE,
    TIME_LABEL,
    VERMILION,
    Omitted,
    height_scale,
    label_log_axis,
    letter,
    new_figure,
    ordered_colours,
    power_of_ten,
    styled,
)

TIMES = 5
NEAR_UM = 400.0


@styled
def wall_concentration(results: RunResults, profile: ModelProfile) -> Figure | Omitted:
    """phi at the wall against time beside the beam's mean, and the profiles below the beam's size."""
    figure, (upper, lower) = new_figure(104.0, 2, 1)
    minutes = profile.time / SECONDS_PER_MINUTE
    upper.plot(minutes, PER_CENT * profile.wall_volume_fraction, color=VERMILION, label="at the wall")
    growth = results.growth
    if growth is not None:
        seen_at = growth.coord("time") / SECONDS_PER_MINUTE
        upper.plot(seen_at, PER_CENT * growth.values, "o", color=BLUE, label="lowest voxel of the beam, with crystals")
    upper.set(xlabel=TIME_LABEL, ylabel="volume fraction φ (%)")
    upper.set_ylim(0.0, 1.08 * float(upper.dataLim.y1))
    upper.legend(loc="best")
    near = profile.height <= NEAR_UM
    for k, colour in zip(_chosen(profile), ordered_colours(TIMES), strict=True):
        label = f"{minutes[k]:.0f} min"
        lower.plot(profile.height[near], PER_CENT * profile.volume_fraction[k, near], color=colour, label=label)
    lower.set_yscale("log")
    label_log_axis(lower)
    lower.set(xlabel=HEIGHT_LABEL, ylabel="volume fraction φ (%)")
    lower.legend(loc="best", ncols=2)
    letter(upper, "a")
    letter(lower, "b")
    return figure


@styled
def flux_terms(results: RunResults, profile: ModelProfile) -> Figure | Omitted:
    """Drift, diffusion and interaction over the height at the end, and their sum."""
    figure, axes = new_figure(66.0)
    last = profile.time.size - 1
    terms = {"drift": (profile.drift, BLUE), "diffusion": (profile.diffusion, ORANGE), "sum": (profile.flux, BLACK)}
    if np.any(profile.interaction):
        terms["repulsion"] = (profile.interaction, GREEN)
    exponent = power_of_ten(float(max(np.abs(values[last]).max() for values, _ in terms.values())))
    for name, (values, colour) in terms.items():
        axes.plot(profile.edge, values[last] / 10.0**exponent, color=colour, label=name)
    axes.axhline(0.0, color=BLACK, lw=0.4)
    height_scale(axes, float(profile.edge.max()))
    axes.set(xlabel=ROOT_HEIGHT_LABEL, ylabel=f"flux to the anode (10$^{{{exponent}}}$ m s$^{{-1}}$)")
    axes.legend(loc="best", title=f"{profile.time[last] / SECONDS_PER_MINUTE:.0f} min")
    return figure


@styled
def field_profiles(results: RunResults, profile: ModelProfile) -> Figure | Omitted:
    """E over the height at several times, and the current against time."""
    spread = np.ptp(profile.field, axis=1)
    if float(spread.max()) <= 1e-9 * float(np.abs(profile.field).max()):
        return Omitted("the field of this model is the same at every height")
    figure, (upper, lower) = new_figure(104.0, 2, 1)
    for k, colour in zip(_chosen(profile), ordered_colours(TIMES), strict=True):
        label = f"{profile.time[k] / SECONDS_PER_MINUTE:.0f} min"
        upper.plot(profile.edge, profile.field[k], color=colour, label=label)
    height_scale(upper, float(profile.edge.max()))
    upper.set(xlabel=ROOT_HEIGHT_LABEL, ylabel="field E (V cm$^{-1}$)")
    upper.legend(loc="best")
    known = np.isfinite(profile.current_density)
    values = profile.current_density if known.any() else profile.field.mean(axis=1)
    lower.plot(profile.time / SECONDS_PER_MINUTE, values, color=BLUE)
    lower.set(xlabel=TIME_LABEL, ylabel="current density (A m$^{-2}$)" if known.any() else "mean field (V cm$^{-1}$)")
    letter(upper, "a")
    letter(lower, "b")
    return figure


Maker = Callable[[RunResults, ModelProfile], Figure | Omitted]
GALLERY: tuple[tuple[str, Maker, str], ...] = (
    (
        "wall_concentration",
        wall_concentration,
        "φ at the anode's surface, below the size of the beam, beside what the lowest voxel of the beam shows (a), and the "
        "profiles near the anode on a logarithmic axis (b).",
    ),
    (
        "flux_terms",
        flux_terms,
        "Each term of the flux towards the anode at the end: drift, diffusion and, between hard spheres, repulsion.",
    ),
    ("field_profiles", field_profiles, "The field that the solution leaves (a) and the current through the cell (b)."),
)


def prediction_makers(results: RunResults, profile: ModelProfile) -> list[tuple[str, Callable[[], Drawn]]]:
    """Every figure of a prediction beyond those of an analysis, each to be drawn in its turn, or the reason why not."""

    def maker(name: str, draw: Maker, caption: str) -> Callable[[], Drawn]:
        return lambda: drawn(name, caption, draw(results, profile))

    return [(name, maker(name, draw, caption)) for name, draw, caption in GALLERY]


def _chosen(profile: ModelProfile) -> list[int]:
    """Steps nearest to evenly spaced times, the last one included."""
    wanted = np.linspace(profile.time[0], profile.time[-1], TIMES + 1)[1:]
    return [int(np.argmin(np.abs(profile.time - t))) for t in wanted]
