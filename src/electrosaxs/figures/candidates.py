"""Which reflections of every candidate are among the peaks of a curve, and which are not and why."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..nouns import LatticeAssignment
from .style import BLACK, BLUE, COLUMN_MM, MM_PER_INCH, SHADE, VERMILION, Omitted, styled

ROW_MM = 7.5
MARKS: dict[str, tuple[str, dict[str, Any]]] = {
    "found": ("found", {"marker": "o", "color": BLUE}),
    "absent": ("should be seen, absent", {"marker": "x", "color": VERMILION}),
    "smeared": ("smeared by faults", {"marker": "^", "color": BLACK, "markerfacecolor": "none"}),
    "hidden": ("zero of the form factor", {"marker": "s", "color": BLACK, "markerfacecolor": "none"}),
    "weak": ("too weak to be seen", {"marker": "|", "color": "#8a8a8a"}),
}


@styled
def candidates_page(assignment: LatticeAssignment) -> Figure | Omitted:
    """One row per candidate, the likeliest on top; grey lines: the peaks of the curve, red crosses on them: no reflection."""
    odds = assignment.probabilities
    names = sorted(assignment.against, key=lambda name: (-odds.get(name, 0.0), assignment.scores.get(name, 0.0)))
    height = ROW_MM * len(names) + 34.0
    figure = Figure(figsize=(COLUMN_MM / MM_PER_INCH, height / MM_PER_INCH), layout="constrained")
    axes = figure.subplots()
    for peak in assignment.peaks:
        axes.axvline(peak.q, color=SHADE, lw=1.6, zorder=0)
    for row, name in enumerate(names):
        record = assignment.against[name]
        for one in record.reflections:
            look = MARKS[one.fate][1]
            axes.plot(one.q, row, ls="", ms=3.2 if one.fate != "weak" else 4.0, mew=0.7, **look)
        for q in record.unexplained:
            axes.plot(q, row - 0.3, ls="", marker="v", ms=3.4, mew=0.0, color=VERMILION)
    axes.set_yticks(range(len(names)), [f"{name}\n{_percent(odds.get(name, 0.0))}" for name in names])
    axes.set(xlabel="q (nm$^{-1}$)", ylim=(len(names) - 0.4, -0.7))
    axes.margins(x=0.03)
    handles = [Line2D([], [], ls="", ms=3.6, mew=0.7, label=text, **look) for text, look in MARKS.values()]
    handles.append(Line2D([], [], ls="", marker="v", ms=3.6, color=VERMILION, label="peak that is no reflection"))
    handles.append(Line2D([], [], color=SHADE, lw=1.6, label="peak of the curve"))
    figure.legend(handles=handles, loc="outside upper center", ncols=2, columnspacing=1.0, handletextpad=0.4)
    return figure


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %" if share > 0.005 else "< 1 %"
