"""Pages from templates: each wing of the recipes has its own, which may extend `base.html.j2` of this folder."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from ..figures.gallery import Drawn
from ..figures.rendered import rendered
from ..io.atomic import replacing


@dataclass(frozen=True)
class PageFigure:
    """A figure as a page shows it: PNG in base64, empty where `reason` says why it was not drawn."""

    name: str
    caption: str
    png: str
    reason: str


def render(package: str, template: str, **values: Any) -> str:
    """The template of `package` filled with `values`; one that is missing is an error."""
    loader = ChoiceLoader([PackageLoader(name, "") for name in (package, __package__)])
    environment = Environment(
        loader=loader,
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**values)


def save_figure(folder: Path, drawn: Drawn) -> PageFigure:
    """Write a figure into `folder` as PNG and SVG and keep a copy for the page."""
    if drawn.figure is None:
        return PageFigure(drawn.name, drawn.caption, "", drawn.reason)
    made = rendered(drawn.figure)
    for ending, content in (("png", made.png), ("svg", made.svg)):
        with replacing(folder / f"{drawn.name}.{ending}") as part:
            part.write_bytes(content)
    return PageFigure(drawn.name, drawn.caption, base64.b64encode(made.png).decode("ascii"), "")
