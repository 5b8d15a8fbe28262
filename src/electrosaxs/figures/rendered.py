"""A finished figure as the bytes of its files: PNG, and SVG whose text stays text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from .style import drawing

DPI = 300
SOFTWARE = "electrosaxs"
COMPRESSION = 1


@dataclass(frozen=True)
class Rendered:
    """One figure in both forms."""

    png: bytes
    svg: bytes


def rendered(figure: Figure) -> Rendered:
    """Both forms of `figure`, under STYLE; its layout is then fixed.

    The canvases are asked themselves: `Figure.savefig` draws each form twice, the first time without ink and only for
    the layout. Here drawing the PNG solves the layout, and the SVG takes it as it is.
    """
    with drawing(), _unchanged(figure):
        png = _png(figure, DPI)
        figure.set_layout_engine("none")
        text = io.StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": SOFTWARE})
    return Rendered(png, text.getvalue().encode("utf-8"))


def rendered_png(figure: Figure, *, dpi: int = DPI) -> bytes:
    """The PNG alone, under STYLE."""
    with drawing(), _unchanged(figure):
        return _png(figure, dpi)


@contextmanager
def _unchanged(figure: Figure) -> Iterator[None]:
    """dpi and canvas of the figure are as before when done."""
    dpi, canvas = figure.dpi, figure.canvas
    try:
        yield
    finally:
        figure.dpi = dpi
        figure.set_canvas(canvas)


def _png(figure: Figure, dpi: int) -> bytes:
    figure.dpi = dpi
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return png_bytes(np.asarray(canvas.buffer_rgba())[..., :3], dpi)  # opaque: the figure's own patch is


def png_bytes(pixels: npt.NDArray[np.uint8], dpi: int) -> bytes:
    """A PNG file of (row, column, 3) pixels.

    Compressed at Pillow's lowest level: drawings are flat, get a sixth larger by it, and are written in half the time.
    """
    about, file = PngInfo(), io.BytesIO()
    about.add_text("Software", SOFTWARE)
    Image.fromarray(pixels).save(file, "png", compress_level=COMPRESSION, dpi=(dpi, dpi), pnginfo=about)
    return file.getvalue()
