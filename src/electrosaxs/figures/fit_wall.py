"""The concentration at the wall, below the size of the beam, as the fitted model has it."""

from __future__ import annotations

from matplotlib.figure import Figure

from ..nouns import FloatArray, Noun
from .style import BLUE, PER_CENT, SECONDS_PER_MINUTE, SKY, TIME_LABEL, Omitted, new_figure, sigma_or_zero, styled


@styled
def wall_concentration(
    time: FloatArray, value: FloatArray, sigma: FloatArray, seen: FloatArray, measured: Noun, fitted: Noun
) -> Figure | Omitted:
    """phi of the solution at z = 0 with its 1 and 2 sigma bands, beside what the beam sees of it and what was measured.

    time (s), value, sigma, seen (time,): `seen` is the mean of the solution over the beam's open half. measured, fitted:
    maps of phi; their lowest height is drawn, crystals included.
    """
    figure, axes = new_figure(66.0)
    minutes = time / SECONDS_PER_MINUTE
    for many, alpha in ((2.0, 0.18), (1.0, 0.32)):
        low, high = PER_CENT * (value - many * sigma), PER_CENT * (value + many * sigma)
        axes.fill_between(minutes, low, high, color=BLUE, alpha=alpha, lw=0, label="1σ, 2σ" if many == 1.0 else None)
    axes.plot(minutes, PER_CENT * value, color=BLUE, label="at the wall, z = 0")
    axes.plot(minutes, PER_CENT * seen, color=SKY, ls="--", label="solution over the beam at z = 0")
    good, known = measured.good[:, 0], fitted.good[:, 0]
    at = measured.coord("time")[:, 0] / SECONDS_PER_MINUTE
    axes.plot(at[known], PER_CENT * fitted.values[known, 0], color="black", lw=0.7)
    axes.errorbar(
        at[good], PER_CENT * measured.values[good, 0], PER_CENT * sigma_or_zero(measured, total=True)[good, 0],
        fmt="o", color="black", mfc="white", mew=0.7, elinewidth=0.7,
        label=f"measured at {abs(measured.coord('height')[0]):.0f} µm, crystals included",
    )  # fmt: skip
    axes.set(xlabel=TIME_LABEL, ylabel="volume fraction φ (%)")
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="upper left")
    return figure
