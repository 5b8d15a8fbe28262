"""What benchmarks/held_flux.py found, as one figure.

Run: python benchmarks/held_flux_figure.py FOLDER/held_flux.json FIGURE.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from electrosaxs.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    MM_PER_INCH,
    ORANGE,
    PURPLE,
    SHADE,
    TIME_LABEL,
    VERMILION,
    blank_figure,
    drawing,
    letter,
)  # fmt: skip

WIDTH_MM, HEIGHT_MM = 180.0, 118.0
JUDGED = (20.0, 70.0)
LOOKS = {
    "constant voltage": (SHADE, "-", "constant, 20 V"), "plan": (ORANGE, "-", "plan for the belief"),
    "PI on the slope": (GREEN, "-", "PI on the slope"), "held": (BLUE, "-", "held"),
}  # fmt: skip
SLICE = {
    "less charge, no crystals": "30 % less charge, no crystals",
    "more charge, crystals": "30 % more charge, crystals",
}
SHORT = ("less, no crystals", "more, crystals")
SUPPLY = {"less charge, supply": (VERMILION, "30 % less charge"), "more charge, supply": (PURPLE, "30 % more charge")}


def flux(axes: Axes, run: dict, title: str) -> None:
    """Slice flux of the truth over its set-point."""
    axes.axhspan(0.95, 1.05, color="#e8e8e8", lw=0, zorder=0)
    for key, (colour, line, label) in LOOKS.items():
        rows = np.array(run[key])
        shade = "#8a8a8a" if key == "constant voltage" else colour
        axes.plot(rows[:, 0] / 60.0, rows[:, 2] / run["target"], ls=line, lw=1.5 if key == "held" else 0.9,
                  zorder=3 if key == "held" else 2, label=label, color=shade)  # fmt: skip
    axes.axvline(JUDGED[0], color=BLACK, lw=0.6, ls=":")
    axes.set(xlim=(0, 70), ylim=(0, 2.5), xlabel=TIME_LABEL, ylabel="slice flux / set-point")
    axes.set_title(title, fontsize=7.0)


def voltage(axes: Axes, found: dict) -> None:
    """What the loop did."""
    for name, title, colour in zip(SLICE, SHORT, (BLUE, VERMILION), strict=True):
        rows = np.array(found[name]["held"])
        axes.plot(rows[:, 0] / 60.0, rows[:, 1], color=colour, label=title)
    axes.set(xlim=(0, 70), ylim=(0, 42), xlabel=TIME_LABEL, ylabel="voltage V (V)")
    axes.legend(loc="lower left")


def charge(axes: Axes, found: dict) -> None:
    """Estimated charge over the true one, with its sigma."""
    for name, title, colour in zip(SLICE, SHORT, (BLUE, VERMILION), strict=True):
        run = found[name]
        own, minutes = np.array(run["own"]) / run["charge"], np.array(run["held"])[:, 0] / 60.0
        minutes = minutes[: len(own)] - minutes[0]
        axes.fill_between(minutes, own[:, 2] - own[:, 3], own[:, 2] + own[:, 3], color=colour, alpha=0.2, lw=0)
        axes.plot(minutes, own[:, 2], color=colour, label=title)
    axes.axhline(1.0, color=BLACK, lw=0.6, zorder=1)
    axes.set(xlim=(5, 70), ylim=(0.9, 1.1), xlabel=TIME_LABEL, ylabel="estimated / true charge")
    axes.legend(loc="lower right")


def supply(axes: Axes, found: dict) -> None:
    """Supply of the truth over its set-point."""
    axes.axhspan(0.98, 1.02, color="#e8e8e8", lw=0, zorder=0)
    for name, (colour, label) in SUPPLY.items():
        rows = np.array(found[name]["held"])
        axes.plot(rows[:, 0] / 60.0, rows[:, 3] / found[name]["target"], color=colour, label=label)
    axes.axvline(JUDGED[0], color=BLACK, lw=0.6, ls=":")
    axes.set(xlim=(0, 70), ylim=(0.8, 1.2), xlabel=TIME_LABEL, ylabel="supply φ$_0$v / set-point")
    axes.legend(loc="upper right")


def draw(found: dict) -> Figure:
    """All panels."""
    figure = blank_figure(HEIGHT_MM)
    figure.set_size_inches(WIDTH_MM / MM_PER_INCH, HEIGHT_MM / MM_PER_INCH)
    panels = figure.subplots(2, 3)
    for axes, (name, title) in zip(panels[0, :2], SLICE.items(), strict=True):
        flux(axes, found[name], title)
    lines, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside upper left", ncols=4)
    supply(panels[0, 2], found)
    voltage(panels[1, 0], found)
    charge(panels[1, 1], found)
    errors(panels[1, 2], found)
    for axes, text in zip(panels.ravel(), "abcdef", strict=True):
        letter(axes, text)
    return figure


def errors(axes: Axes, found: dict) -> None:
    """rms of the slice flux from 20 to 70 minutes, each cell and each way."""
    names = [name for name in found if found[name]["kind"] == "slice"]
    for k, key in enumerate(LOOKS):
        colour = "#8a8a8a" if key == "constant voltage" else LOOKS[key][0]
        values = []
        for name in names:
            rows = np.array(found[name][key])
            late = (rows[:, 0] >= 60.0 * JUDGED[0]) & (rows[:, 0] <= 60.0 * JUDGED[1])
            values.append(100.0 * np.sqrt(np.mean((rows[late, 2] / found[name]["target"] - 1.0) ** 2)))
        axes.plot(values, np.arange(len(names)) + 0.12 * (k - 1.5), ls="", marker="osD^"[k], color=colour, ms=4.0)
    axes.set_xscale("log")
    axes.set_yticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axes.set(xlim=(0.3, 200.0), xlabel="rms of slice flux (%)", ylim=(len(names) - 0.5, -0.5))
    axes.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
    axes.axvline(3.0, color=BLACK, lw=0.6, ls=":")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("figure", type=Path)
    asked = parser.parse_args()
    with drawing():
        draw(json.loads(asked.source.read_text("utf-8"))).savefig(asked.figure, dpi=300)


if __name__ == "__main__":
    main()
