"""A planned voltage program, what it reaches and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..nouns import FloatArray
from .gallery import Drawn
from .style import (
    BLACK,
    BLUE,
    SECONDS_PER_MINUTE,
    TIME_LABEL,
    VERMILION,
    Omitted,
    letter,
    new_figure,
    power_of_ten,
    styled,
)

CAPTION = (
    "The planned voltage from field-on (a), dotted: the fastest rise and the highest voltage that are allowed, where near; and "
    "what it reaches against what was asked for (b)."
)
HELD = "#e4e4e4"
NEAR = 1.5  # times the highest voltage of the program: a limit beyond it is named and not drawn


@dataclass(frozen=True, eq=False)
class PlanCurves:
    """time (s), reached: the wanted quantity over time; wanted: its target; held: from, to (s).

    points (s, V): of the program, from 0 V at field-on; highest (V), ramp (V/s): its limits, None where there is no such
    limit.
    """

    time: FloatArray
    reached: FloatArray
    points: tuple[FloatArray, FloatArray]
    highest: float
    ramp: float | None
    wanted: float
    label: str
    unit: str
    held: tuple[float, float] | None


def draw_plan(curves: PlanCurves) -> Drawn:
    """The program and its target as one figure."""
    made = _program(curves)
    assert isinstance(made, Figure)
    return Drawn("voltage_program", CAPTION, made)


@styled
def _program(curves: PlanCurves) -> Figure | Omitted:
    figure, (upper, lower) = new_figure(96.0, 2, 1, sharex=True)
    minutes = curves.time / SECONDS_PER_MINUTE
    _voltage(upper, curves)
    upper.set_xlim(0.0, minutes[-1])
    highest = max(curves.wanted, float(curves.reached.max()))
    exponent = power_of_ten(highest)
    exponent = 0 if -3 < exponent < 4 else exponent
    top = highest / 10.0**exponent
    lower.plot(minutes, curves.reached / 10.0**exponent, color=VERMILION, label="reached")
    lower.axhline(curves.wanted / 10.0**exponent, color=BLACK, ls="--", lw=0.8, label="target")
    unit = " ".join(part for part in (f"10$^{{{exponent}}}$" if exponent else "", curves.unit) if part)
    unit = f" ({unit})" if unit else ""
    lower.set(xlabel=TIME_LABEL, ylabel=f"{curves.label}\n{unit.strip()}".strip(), ylim=(0.0, 1.25 * top))
    if curves.held is not None:
        span = [t / SECONDS_PER_MINUTE for t in curves.held]
        lower.axvspan(*span, color=HELD, lw=0, zorder=0, label="target held")
    lower.legend(loc="best")
    letter(upper, "a")
    letter(lower, "b")
    return figure


def _voltage(axes: Axes, curves: PlanCurves) -> None:
    """The program from 0 V at field-on, and its limits: dotted where they are near, in words where they are not."""
    time, volts = (np.concatenate([[0.0], values]) for values in curves.points)
    last = curves.time[-1]
    time, volts = np.append(time, max(last, time[-1])), np.append(volts, volts[-1])
    axes.plot(time / SECONDS_PER_MINUTE, volts, color=BLUE)
    top = float(volts.max())
    words = [f"at most {curves.highest:g} V"]
    if curves.highest <= NEAR * top:
        axes.axhline(curves.highest, color=BLACK, ls=":", lw=0.8)
    if curves.ramp is None:
        words.append("steps allowed")
    else:
        words.append(f"at most {curves.ramp:g} V/s")
        rise = np.array([0.0, min(curves.highest, NEAR * top) / curves.ramp])
        axes.plot(rise / SECONDS_PER_MINUTE, curves.ramp * rise, color=BLACK, ls=":", lw=0.8)
    axes.annotate(f"limits: {', '.join(words)}", (0.98, 0.05), xycoords="axes fraction", ha="right", va="bottom")
    axes.set(ylabel="voltage V (V)", ylim=(min(0.0, 1.1 * float(volts.min())), 1.12 * top if top > 0.0 else None))
