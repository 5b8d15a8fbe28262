"""Pages from templates: each wing of the recipes has its own, which may extend `base.html.j2` of this folder."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..figures.digits import rounded
from ..io.atomic import replacing
from .typeset import typeset

if TYPE_CHECKING:
    from ..figures.gallery import Drawn


@dataclass(frozen=True)
class PageFigure:
    """A figure as a page shows it: PNG in base64, empty where `reason` says why it was not drawn.

    file: of the full size, seen from the page, without ending; number: on the page, 0 where it has none.
    """

    name: str
    caption: str
    png: str
    reason: str
    file: str = ""
    number: int = 0


def numbered(figures: Sequence[PageFigure]) -> list[PageFigure]:
    """The drawn ones of `figures`, numbered from 1 in their order."""
    drawn = [figure for figure in figures if figure.png]
    return [replace(figure, number=number) for number, figure in enumerate(drawn, start=1)]


def render(package: str, template: str, **values: Any) -> str:
    """The template of `package` filled with `values`; one that is missing is an error."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # a command starts without them

    loader = ChoiceLoader([PackageLoader(name, "") for name in (package, __package__)])
    environment = Environment(
        loader=loader,
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"typeset": typeset, "whole": whole}
    return environment.get_template(template).render(**values)


def whole(value: float) -> str:
    """A number without decimals, a dash where it is not known."""
    return rounded(value, 0) if math.isfinite(value) else "—"


def save_figure(folder: Path, drawn: Drawn, *, files: bool = True) -> PageFigure:
    """Write a figure into `folder` as PNG and SVG and keep a copy for the page; files: False for the copy alone."""
    if drawn.figure is None:
        return PageFigure(drawn.name, drawn.caption, "", drawn.reason)
    from ..figures.rendered import Rendered, rendered, rendered_png

    made = rendered(drawn.figure) if files else Rendered(rendered_png(drawn.figure), b"")
    file = f"{folder.name}/{drawn.name}" if files else ""
    for ending, content in (("png", made.png), ("svg", made.svg)) if files else ():
        with replacing(folder / f"{drawn.name}.{ending}") as part:
            part.write_bytes(content)
    return PageFigure(drawn.name, drawn.caption, base64.b64encode(made.png).decode("ascii"), drawn.reason, file=file)
