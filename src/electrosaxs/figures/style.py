"""One look for all figures: 89 mm column, sans-serif 7.2 pt, colours that colour-blind readers can tell apart.

Colours of categories: Okabe & Ito 2008; ordered curves: cuts through plasma; maps: viridis. The truth of a simulation
is a grey line everywhere.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from ..nouns import FloatArray, Noun, RunResults

COLUMN_MM = 89.0
MM_PER_INCH = 25.4
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
TRUTH: dict[str, Any] = {"color": "#8a8a8a", "linewidth": 0.9, "zorder": 1}
SHADE = "#d4d4d4"
MARKERS = ("s", "o", "^", "v", "D", "P", "X", "<")
PER_CENT = 100.0
HEIGHT_LABEL = "distance to the anode z (µm)"
ROOT_HEIGHT_LABEL = "distance to the anode z (µm), square-root axis"
TIME_LABEL = "time from field-on t (min)"
POINTS = 7.2  # of all text: superscripts have 0.7 of it, and journals ask for 5 points at least
SECONDS_PER_MINUTE = 60.0

STYLE: Any = {
    "font.family": ["sans-serif", "DejaVu Sans"],  # the second has signs that the first may lack: superscript minus
    "font.sans-serif": ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans"],
    "font.size": POINTS,
    "axes.titlesize": POINTS,
    "axes.labelsize": POINTS,
    "xtick.labelsize": POINTS,
    "ytick.labelsize": POINTS,
    "legend.fontsize": POINTS,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "legend.borderpad": 0.25,
    "legend.handlelength": 1.4,
    "legend.borderaxespad": 0.3,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.0,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "mathtext.fontset": "dejavusans",
    "svg.fonttype": "none",
    "svg.hashsalt": "electrosaxs",
    "savefig.dpi": 300,
}

P = ParamSpec("P")


@dataclass(frozen=True)
class Omitted:
    """A figure that is not drawn, and why."""

    reason: str


@contextmanager
def drawing() -> Iterator[None]:
    """STYLE, and no search for garbage: drawing makes many objects and few cycles, and each search goes through all the
    modules too."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        with mpl.rc_context(STYLE):
            yield
    finally:
        if collecting:
            gc.enable()


def styled(draw: Callable[P, Figure | Omitted]) -> Callable[P, Figure | Omitted]:
    """Run a figure function under STYLE."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure | Omitted:
        with drawing():
            return draw(*args, **kwargs)

    return inside


def blank_figure(height_mm: float) -> Figure:
    """A one-column figure without axes."""
    layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03)
    figure = Figure(figsize=(COLUMN_MM / MM_PER_INCH, height_mm / MM_PER_INCH), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def new_figure(height_mm: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A one-column figure and its axes (one, or an array)."""
    figure = blank_figure(height_mm)
    return figure, figure.subplots(rows, columns, **options)


def letter(axes: Axes, text: str) -> None:
    """Panel letter, bold, above the upper left corner."""
    axes.annotate(
        text, (0, 1), xycoords="axes fraction", xytext=(-2, 4), textcoords="offset points",
        fontsize=8, fontweight="bold", ha="right", va="bottom",
    )  # fmt: skip


def ordered_colours(count: int) -> list[Any]:
    """Dark to light, readable on white, for curves in order of time or height."""
    return [mpl.colormaps["plasma"](x) for x in np.linspace(0.0, 0.78, max(count, 1))]


def height_scale(axes: Axes, highest_um: float, which: str = "x") -> None:
    """Square-root axis of height from the anode up, so that boundary layer and whole cell can both be read."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_scale = axes.set_xscale if which == "x" else axes.set_yscale
    set_scale("function", functions=(lambda z: np.sign(z) * np.sqrt(np.abs(z)), lambda x: np.sign(x) * np.square(x)))
    margin = 4e-4 * highest_um
    (axes.set_xlim if which == "x" else axes.set_ylim)(-margin, highest_um + 60.0 * margin)
    ticks = [z for z in (0, 50, 200, 500, 1000, 2000, 3000, 5000, 10000) if z <= 1.02 * highest_um]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda z, _: f"{z:.0f}"))


def log_ticks(value: float, _: Any = None) -> str:
    """0.01, 0.1, 1, 10, 100 instead of powers of ten where they stay short; 5 · 10⁻³ between two of them."""
    if 1e-2 <= value <= 1e2 or not value > 0.0:
        return f"{value:g}"
    exponent = math.floor(math.log10(value) + 1e-9)
    digits = f"{value / 10.0**exponent:.3g}"
    return f"$10^{{{exponent}}}$" if digits == "1" else f"${digits}\\cdot 10^{{{exponent}}}$"


FEW_DECADES = 2.5
LEAST_SPAN = 1.5
"""Largest over smallest value of a logarithmic axis: one that spans less shows rounding."""
AT_REST = 1e-16
"""m/s: a nanometre of particles in four months. A flux that is less is the rounding of a cell without field."""


def label_log_axis(axes: Axes) -> None:
    """Labels on the logarithmic y axis as its limits are now: also at 2 and 5 where there are few powers of ten."""
    low, high = sorted(axes.get_ylim())
    if low > 0.0 and high < LEAST_SPAN * low:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(LEAST_SPAN), middle * math.sqrt(LEAST_SPAN)
        axes.set_ylim(low, high)
    few = low > 0.0 and math.log10(high / low) < FEW_DECADES
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    axes.yaxis.set_major_formatter(FuncFormatter(log_ticks))
    axes.yaxis.set_minor_formatter(NullFormatter())


def sigma_or_zero(noun: Noun, *, total: bool = False) -> FloatArray:
    """Counting sigma (or total), 0 where the noun has none, so that error bars can always be drawn."""
    return np.nan_to_num(noun.total_sigma if total else noun.sigma)


def error_bars(sigma: FloatArray) -> FloatArray | None:
    """None, for points without bars, where no sigma is above 0."""
    return sigma if np.any(sigma > 0.0) else None


def starting_volume_fraction(results: RunResults) -> float | None:
    """phi of the starting solution as run.toml gave it, None where the settings do not say."""
    solution = results.settings.get("solution")
    given = solution.get("volume_fraction") if isinstance(solution, Mapping) else None
    return None if given is None else float(given)


def chosen_scans(usable: npt.NDArray[np.bool_], count: int) -> list[int]:
    """Up to `count` of the scans in which `usable` (scan,) is true, evenly spaced, first and last among them."""
    scans = np.flatnonzero(usable)
    if scans.size <= count:
        return [int(s) for s in scans]
    return [int(s) for s in scans[np.round(np.linspace(0, scans.size - 1, count)).astype(int)]]


def power_of_ten(largest: float) -> int:
    """Exponent to take out of an axis whose largest value is given."""
    return int(np.floor(np.log10(largest))) if largest > 0.0 and np.isfinite(largest) else 0
