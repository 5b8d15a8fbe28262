"""The figures of the page as Bokeh models: axes and glyphs on named, empty sources, which the page fills.

Colours are Okabe and Ito's, which the colour-blind tell apart; maps are viridis. Every series has a form of its own too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bokeh.document import Document
from bokeh.embed.util import standalone_docs_json_and_render_items
from bokeh.models import (
    ColumnDataSource,
    FixedTicker,
    LinearAxis,
    LogColorMapper,
    PrintfTickFormatter,
    Range1d,
)
from bokeh.models.annotations import BoxAnnotation, ColorBar, Span
from bokeh.palettes import Viridis256
from bokeh.plotting import figure

from ..nouns.nucleation import ONSET_BAND

BLUE, ORANGE, GREEN, VERMILION, GREY, BLACK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8c8c8c", "#222222"
TICKS = "9pt"  # on a wall the page makes it larger


def figures() -> bytes:
    """One document of all figures, and where on the page each of them goes, as JSON for BokehJS."""
    drawn: dict[str, Callable[[], Any]] = {
        "phi-map": _phi_map, "growth-curve": _growth_curve, "intensity": _intensity, "profile": _profile, "flux": _flux,
        "voltage": _voltage, "mass-balance": _mass_balance, "quality": _quality, "onset": _onset,
    }  # fmt: skip
    plots = {name: draw() for name, draw in drawn.items()}
    document = Document()
    for plot in plots.values():
        document.add_root(plot)
    documents, (item,) = standalone_docs_json_and_render_items(list(plots.values()))
    roots = {plot.id: f"{name}-plot" for name, plot in plots.items()}
    return json.dumps({"documents": documents, "item": {**item.to_json(), "roots": roots}}).encode()


def _phi_map() -> Any:
    cells = _source("map", "time", "rank", "width", "phi", "height", "index")
    fresh = _source("map_provisional", "time", "rank")
    plot = _figure(
        "time (min)", "height (µm)", tooltips=[("frame", "@index"), ("height", "@height µm"), ("φ", "@phi %")]
    )
    colours = LogColorMapper(palette=Viridis256, low=0.05, high=1.0, nan_color="#ffffff", name="map_colours")
    paint = {"field": "phi", "transform": colours}
    plot.rect("time", "rank", "width", 1.03, source=cells, fill_color=paint, line_color=None)
    plot.scatter("time", "rank", source=fresh, size=4, fill_color="white", line_color=BLACK, line_width=0.7)
    plot.yaxis.name, plot.yaxis.ticker = "map_heights", FixedTicker(ticks=[])
    bar = ColorBar(
        color_mapper=colours, width=8, padding=2, label_standoff=4,
        major_label_text_font_size=TICKS, formatter=PrintfTickFormatter(format="%.2g"),
    )  # fmt: skip
    plot.add_layout(bar, "right")
    return plot


def _growth_curve() -> Any:
    plot = _figure("time (min)", "φ at the anode (%)")
    plot.add_layout(
        BoxAnnotation(
            bottom=100.0 * ONSET_BAND[0], top=100.0 * ONSET_BAND[1], fill_color=GREY, fill_alpha=0.22, level="underlay"
        )
    )
    _points(plot, "growth", BLUE)
    plot.scatter(
        "time",
        "value",
        source=_source("growth_provisional", "time", "value"),
        size=6,
        fill_color="white",
        line_color=BLUE,
    )
    plot.line("time", "value", source=_source("growth_line", "time", "value"), line_color=VERMILION, line_width=2)
    return plot


def _intensity() -> Any:
    plot = _figure("q (1/nm)", "I, arbitrary unit", x_axis_type="log", y_axis_type="log")
    decades = [10.0**k for k in range(-4, 3)]
    plot.xaxis.ticker = FixedTicker(
        ticks=[m * d for d in decades for m in (1, 2, 5)],
        minor_ticks=[m * d for d in decades for m in (3, 4, 6, 7, 8, 9)],
    )
    plot.xaxis.formatter = PrintfTickFormatter(format="%g")
    plot.scatter("q", "intensity", source=_source("curve", "q", "intensity"), size=3, color=BLUE)
    plot.line("q", "model", source=_source("curve_model", "q", "model"), line_color=VERMILION, line_width=2)
    peaks = _source("peaks", "q", "low", "high", "at", "hkl")
    plot.segment("q", "low", "q", "high", source=peaks, line_color=GREEN, line_dash="dashed")
    plot.text("q", "at", "hkl", source=peaks, text_font_size=TICKS, text_color=GREEN, text_baseline="top", x_offset=2)
    return plot


def _profile() -> Any:
    plot = _figure("height (µm)", "φ (%)", y_axis_type="log")
    plot.varea("rank", "low", "high", source=_source("band", "rank", "low", "high"), fill_color=GREY, fill_alpha=0.3)
    _points(plot, "before", GREY, size=4, line=True)
    _points(plot, "profile", BLUE, line=True)
    plot.extra_y_ranges = {"diameter": Range1d(start=0.0, end=10.0, name="diameter_range")}
    plot.add_layout(_axis("diameter (nm)", ORANGE, y_range_name="diameter"), "right")
    source = _source("sizes", "rank", "value", "low", "high")
    plot.scatter("rank", "value", source=source, marker="diamond", size=8, color=ORANGE, y_range_name="diameter")
    plot.xaxis.name, plot.xaxis.ticker = "profile_heights", FixedTicker(ticks=[])
    return plot


def _flux() -> Any:
    """Points that say next to nothing are drawn, but do not scale the axis: beside them nobody would see what is held."""
    plot = _figure("time (min)", "slice flux (10⁻¹⁰ m/s)")
    plot.yaxis.name = "flux_axis"
    _points(plot, "flux_vague", GREY)
    vague = len(plot.renderers)
    plot.varea(
        "time", "low", "high", source=_source("estimate_band", "time", "low", "high"), fill_color=GREEN, fill_alpha=0.25
    )
    plot.line("time", "value", source=_source("estimate", "time", "value"), line_color=GREEN, line_width=2)
    _points(plot, "flux", BLUE)
    plot.line(
        "time",
        "value",
        source=_source("set_point", "time", "value"),
        line_color=VERMILION,
        line_dash="dashed",
        line_width=2,
    )
    plot.y_range.renderers = plot.renderers[vague:]
    return plot


def _voltage() -> Any:
    plot = _figure("time (min)", "voltage (V)")
    source = _source("meter", "time", "voltage", "current")
    plot.line("time", "voltage", source=source, line_color=BLUE, line_width=2)
    plot.y_range = Range1d(start=0.0, end=1.0, name="voltage_range")  # the page sets both: noise must not fill an axis
    plot.extra_y_ranges = {"current": Range1d(start=0.0, end=1.0, name="current_range")}
    plot.add_layout(_axis("current (nA)", ORANGE, y_range_name="current"), "right")
    plot.line(
        "time", "current", source=source, line_color=ORANGE, line_dash="dotted", line_width=2, y_range_name="current"
    )
    return plot


def _mass_balance() -> Any:
    plot = _figure("time (min)", "in the cell / at field-on")
    plot.line("time", "value", source=_source("sealed", "time", "value"), line_color=BLACK, line_dash="dashed")
    _points(plot, "balance", BLUE)
    return plot


def _quality() -> Any:
    plot = _figure(
        "frame", "χ² per degree of freedom", tooltips=[("frame", "@index"), ("", "@words")], y_axis_type="log"
    )
    plot.add_layout(Span(location=1.0, dimension="width", line_color=BLACK, line_dash="dashed", line_width=1))
    plot.scatter("index", "value", source=_source("quality", "index", "value", "words"), size=4, color=BLUE)
    flagged = _source("flagged", "index", "value", "words")
    plot.scatter("index", "value", source=flagged, marker="triangle", size=9, color=VERMILION)
    return plot


def _onset() -> Any:
    plot = _figure("time (min)", "onset expected at (min)")
    _points(plot, "onset_expected", BLUE)
    plot.line("time", "value", source=_source("now", "time", "value"), line_color=BLACK, line_dash="dashed")
    return plot


def _points(plot: Any, name: str, colour: str, *, size: int = 6, line: bool = False) -> None:
    """Values with their sigmas; `line`: joined, over the rank of a height instead of time."""
    x = "rank" if line else "time"
    source = _source(name, x, "value", "low", "high")
    plot.segment(x, "low", x, "high", source=source, line_color=colour)
    if line:
        plot.line(x, "value", source=source, line_color=colour)
    plot.scatter(x, "value", source=source, size=size, color=colour)


def _source(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


def _figure(x: str, y: str, **more: Any) -> Any:
    plot = figure(
        sizing_mode="stretch_both", min_border=2, x_axis_label=x, y_axis_label=y, toolbar_location=None,
        tools="", output_backend="canvas", **more,
    )  # fmt: skip
    plot.outline_line_color = None
    plot.border_fill_color = plot.background_fill_color = None
    for axis in plot.axis:
        _styled(axis)
    plot.grid.grid_line_alpha = 0.4
    return plot


def _axis(label: str, colour: str, **more: Any) -> LinearAxis:
    axis = _styled(LinearAxis(axis_label=label, **more))
    axis.axis_label_text_color = axis.major_label_text_color = colour
    return axis


def _styled(axis: Any) -> Any:
    axis.axis_label_text_font_size = axis.major_label_text_font_size = TICKS
    axis.axis_label_text_font_style = "normal"
    axis.axis_label_standoff = 4
    return axis
