"""A planned voltage program, what it reaches and what was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from ..nouns import FloatArray
from .gallery import Drawn
from .style import BLACK, BLUE, SECONDS_PER_MINUTE, VERMILION, Omitted, letter, new_figure, power_of_ten, styled

CAPTION = "The planned voltage (a), and what it reaches against what was asked for (b). Grey: where the target is held."


@dataclass(frozen=True, eq=False)
class PlanCurves:
    """time (s), voltage (V), reached: the wanted quantity over time; wanted: its target; held: from, to (s)."""

    time: FloatArray
    voltage: FloatArray
    reached: FloatArray
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
    upper.plot(minutes, curves.voltage, color=BLUE)
    upper.set(ylabel="voltage V (V)", xlim=(0.0, minutes[-1]), ylim=(min(0.0, 1.1 * curves.voltage.min()), None))
    highest = max(curves.wanted, float(curves.reached.max()))
    exponent = power_of_ten(highest)
    exponent = 0 if -3 < exponent < 4 else exponent
    top = highest / 10.0**exponent
    lower.plot(minutes, curves.reached / 10.0**exponent, color=VERMILION, label="reached")
    lower.axhline(curves.wanted / 10.0**exponent, color=BLACK, ls="--", lw=0.8, label="target")
    unit = " ".join(part for part in (f"10$^{{{exponent}}}$" if exponent else "", curves.unit) if part)
    unit = f" ({unit})" if unit else ""
    lower.set(xlabel="time from field-on t (min)", ylabel=f"{curves.label}{unit}", ylim=(0.0, 1.25 * top))
    lower.legend(loc="best")
    if curves.held is not None:
        for axes in (upper, lower):
            axes.axvspan(*(t / SECONDS_PER_MINUTE for t in curves.held), color="#dddddd", lw=0, zorder=0)
    letter(upper, "a")
    letter(lower, "b")
    return figure
