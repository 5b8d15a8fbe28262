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

from .said_once import said_once
from .style import drawing

DPI = 300
SOFTWARE = "electrosaxs"
COMPRESSION = 1
METRES_PER_INCH = 0.0254
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


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
    with drawing(), said_once(), _unchanged(figure):
        png = _png(figure, DPI)
        figure.set_layout_engine("none")
        text = io.StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None, "Creator": SOFTWARE})
    return Rendered(png, text.getvalue().encode("utf-8"))


def rendered_png(figure: Figure, *, dpi: int = DPI) -> bytes:
    """The PNG alone, under STYLE."""
    with drawing(), said_once(), _unchanged(figure):
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

    Written here and not by Pillow, which tries five filters on every row: drawings are flat, and without any filter they
    come out no larger in half the time.
    """
    rows, columns, _ = pixels.shape
    scanlines = np.zeros((rows, 1 + 3 * columns), np.uint8)  # each begins with its filter, 0: none
    scanlines[:, 1:] = pixels.reshape(rows, -1)
    per_metre = round(dpi / METRES_PER_INCH)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0),  # 8 bits, three colours
        b"pHYs": struct.pack(">IIB", per_metre, per_metre, 1),
        b"tEXt": b"Software\0" + SOFTWARE.encode("latin-1"),
        b"IDAT": zlib.compress(scanlines.tobytes(), COMPRESSION),
        b"IEND": b"",
    }
    return PNG_SIGNATURE + b"".join(_chunk(kind, content) for kind, content in parts.items())


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Length, kind, content and check sum, as the PNG specification has them."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
