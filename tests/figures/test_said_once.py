"""What matplotlib is spared while it draws changes nothing of what it draws, and it is left as it was."""

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontManager
from matplotlib.text import Text
from matplotlib.ticker import LogLocator

from electrosaxs.figures.said_once import said_once
from electrosaxs.figures.style import STYLE, height_scale, new_figure

METHODS = (
    (Axis, "_update_ticks"),
    (Axis, "_get_ticklabel_bboxes"),
    (Text, "_get_layout"),
    (FontManager, "_find_fonts_by_props"),
)


def crowded() -> Figure:
    """Shared axes, a common offset, a logarithmic axis with small ticks, an inset, ticks above, a text of two lines."""
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(90.0, 2, 2, sharex="col", sharey="row")
        x = np.linspace(0.0, 3400.0, 50)
        axes[0, 0].plot(x, 1e-9 * (1.0 + x), "o", label="$a_{1}$")
        axes[0, 1].plot(x, 3e-6 * np.sqrt(x))
        axes[1, 0].semilogy(x, np.exp(x / 300.0))
        axes[1, 0].yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes[1, 1].set_title("two\nlines")
        axes[0, 1].tick_params(labeltop=True)
        height_scale(axes[1, 1], 3400.0)
        axes[1, 1].inset_axes((0.2, 0.3, 0.4, 0.4)).plot(x, x + 1e7)
        axes[0, 0].set(ylabel="flux (10$^{-9}$ m s$^{-1}$)", xlabel="z (µm)")
        axes[0, 0].legend()
        turned = {"rotation": 30.0, "rotation_mode": "anchor", "va": "top", "ha": "center"}
        axes[1, 0].text(0.3, 0.6, "turned\nby an angle", transform=axes[1, 0].transAxes, **turned)
        axes[0, 0].text(0.5, 0.5, "lines as long as there is room", transform=axes[0, 0].transAxes, wrap=True)
        figure.align_ylabels()
    return figure


def drawn(figure: Figure, dpi: int) -> bytes:
    with mpl.rc_context(STYLE):
        figure.dpi = dpi
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return bytes(canvas.buffer_rgba())


def svg(figure: Figure) -> str:
    text = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def test_a_figure_looks_the_same_at_every_resolution_and_as_svg():
    plain = crowded()
    seen = [drawn(plain, 150), drawn(plain, 300), svg(plain)]
    once = crowded()
    with said_once():
        kept = [drawn(once, 150), drawn(once, 300), svg(once)]
    assert kept == seen


def drawn_before_and_after_a_change() -> list[bytes]:
    figure = crowded()
    before = drawn(figure, 100)
    figure.axes[0].set_xlim(0.0, 10.0)
    figure.set_size_inches(5.0, 5.0)
    return [before, drawn(figure, 100)]


def test_ticks_follow_axes_that_show_something_else_and_elsewhere():
    before, after = drawn_before_and_after_a_change()
    with said_once():
        assert drawn_before_and_after_a_change() == [before, after]


def test_each_axis_is_asked_for_its_ticks_once_for_each_place(monkeypatch):
    asked = 0
    method = Axis._update_ticks

    def counted(axis):
        nonlocal asked
        asked += 1
        return method(axis)

    monkeypatch.setattr(Axis, "_update_ticks", counted)
    drawn(crowded(), 100)
    before, asked = asked, 0
    with said_once():
        drawn(crowded(), 100)
    assert 0 < asked < 0.5 * before


def test_matplotlib_is_left_as_it_was_also_after_an_error():
    before = [vars(owner)[name] for owner, name in METHODS]

    def fails():
        with said_once():
            assert all(vars(owner)[name] != method for (owner, name), method in zip(METHODS, before, strict=True))
            raise ValueError("of the drawing")

    with pytest.raises(ValueError, match="of the drawing"):
        fails()
    assert [vars(owner)[name] for owner, name in METHODS] == before


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_a_method_that_matplotlib_has_no_more_is_left_alone(monkeypatch, owner, name):
    monkeypatch.delattr(owner, name)
    with said_once():
        assert name not in vars(owner)
    assert name not in vars(owner)
