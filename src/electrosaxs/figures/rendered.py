"""A finished figure as the bytes of its files: PNG, and SVG whose text stays text."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from .style import drawing

DPI = 300
SOFTWARE = "electrosaxs"
METRES_PER_INCH = 0.0254
ZLIB_LEVEL = 3
TRUE_COLOUR = 2


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
    """A PNG file of (row, column, 3) pixels (ISO/IEC 15948).

    Rows are not filtered: drawings are flat and get no smaller by it, and the choice of a filter for each row, which
    imaging libraries make, takes three times as long as the compression.
    """
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)  # each row begins with the number of its filter, 0 = none
    rows[:, 1:] = pixels.reshape(height, -1)
    per_metre = round(dpi / METRES_PER_INCH)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, TRUE_COLOUR, 0, 0, 0)),
        (b"pHYs", struct.pack(">IIB", per_metre, per_metre, 1)),
        (b"tEXt", b"Software\0" + SOFTWARE.encode("ascii")),
        (b"IDAT", zlib.compress(rows.tobytes(), ZLIB_LEVEL)),
        (b"IEND", b""),
    )
    body = (struct.pack(">I", len(x)) + name + x + struct.pack(">I", zlib.crc32(name + x)) for name, x in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)
