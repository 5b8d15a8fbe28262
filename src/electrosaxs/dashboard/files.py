"""The files of the page, from this package and from Bokeh's: nothing is fetched from anywhere else."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.util import find_spec

from ..errors import InputFileError, bad_value

OWN = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
FIGURES, LIBRARY = "/figures.json", "/bokeh.min.js"


class PageFiles:
    """Path -> media type and content, made when first asked for."""

    def __init__(self) -> None:
        """InputFileError, naming the extra, where what the page is drawn with is not installed."""
        if find_spec("bokeh") is None:
            raise bad_value(
                InputFileError, where="command line", field="page", value="bokeh is not installed",
                rule="the page is drawn with it", remedy="pip install 'electrosaxs[dashboard]', or give --no-page",
            )  # fmt: skip

    def get(self, path: str) -> tuple[str, bytes] | None:
        """None where the page has no such file."""
        return _made(path)


def _made(path: str) -> tuple[str, bytes] | None:
    return _content(path) if path in (*OWN, FIGURES, LIBRARY) else None


@cache
def _content(path: str) -> tuple[str, bytes]:
    if path in OWN:
        name, kind = OWN[path]
        return f"{kind}; charset=utf-8", (files(__package__) / name).read_bytes()
    if path == FIGURES:
        from .plots import figures

        return "application/json", figures()
    library = files("bokeh") / "server" / "static" / "js" / "bokeh.min.js"
    return "text/javascript; charset=utf-8", library.read_bytes()


class NoPage:
    """Numbers only."""

    def get(self, path: str) -> tuple[str, bytes] | None:
        """Nothing."""
        return None
