"""Both forms show the figure as savefig does, and the figure stays as it was."""

import gc
import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from electrosaxs.figures.rendered import DPI, png_bytes, rendered, rendered_png
from electrosaxs.figures.style import STYLE, new_figure


def drawing() -> Figure:
    with mpl.rc_context(STYLE):
        figure, axes = new_figure(50.0)
        filled = axes.contourf(np.add.outer(np.arange(6.0), np.arange(8.0)))
        axes.plot([0, 7], [0, 5], ".-", color="white", rasterized=True, label=r"$10^{-3}$ nm")
        axes.set(xlabel="height z (µm)", ylabel="time t (min)")
        figure.colorbar(filled, ax=axes)
        axes.legend(loc="best")
    return figure


def saved() -> tuple[bytes, bytes]:
    """PNG and SVG as matplotlib saves them one after the other, with one layout."""
    png, svg, figure = io.BytesIO(), io.BytesIO(), drawing()
    with mpl.rc_context(STYLE):
        figure.savefig(png, format="png")
        figure.set_layout_engine("none")
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": "electrosaxs"})
    return png.getvalue(), svg.getvalue()


def pixels(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGB"))


def test_every_pixel_and_every_line_is_that_of_savefig():
    made, (png, svg) = rendered(drawing()), saved()
    np.testing.assert_array_equal(pixels(made.png), pixels(png))
    assert made.svg == svg


def test_the_svg_keeps_its_text():
    svg = rendered(drawing()).svg.decode("utf-8")
    assert ">height z (µm)</text>" in svg
    assert "<dc:date>" not in svg


def test_two_renderings_of_one_figure_are_the_same():
    figure = drawing()
    assert rendered(figure) == rendered(figure)


def test_the_png_knows_its_size_on_paper():
    for dpi in (DPI, 150):
        with Image.open(io.BytesIO(rendered_png(drawing(), dpi=dpi))) as image:
            assert abs(image.size[0] / dpi - 89.0 / 25.4) < 1.0 / dpi
            np.testing.assert_allclose(image.info["dpi"], dpi, rtol=1e-4)
            assert image.info["Software"] == "electrosaxs"


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (40, 300)])
def test_pixels_come_back_from_a_png(shape):
    made = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    np.testing.assert_array_equal(pixels(png_bytes(made, 300)), made)


def test_figure_and_garbage_collector_are_left_as_they_were():
    figure = drawing()
    dpi, canvas = figure.dpi, figure.canvas
    rendered(figure)
    assert (figure.dpi, figure.canvas) == (dpi, canvas)
    assert gc.isenabled()
