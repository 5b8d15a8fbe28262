"""The figures of the paper, panel by panel: a picture of this campaign, or what is missing for it."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ...nouns.campaign import Kind
from ...nouns.trends import Member
from ...report.template import PageFigure

ON_PAGE_PX = 1100
OVERLAY = "overlay_"
"""How figures begin that show a micrograph."""
HEIGHTS, BASE_EDGES, DISTANCES = "height_profile", "base_edge", "particle_distances"
"""Curves of a sample of micrographs, and the figures that show them."""
MAIN_FIELD, FILM_FIELD = 57.0, 20.0
"""V/cm: of the run and of the film that the paper shows; the nearest ones of the campaign stand for them."""


@dataclass(frozen=True)
class Panel:
    """letter, what is shown, and the picture as a data URI; empty where `missing` says why there is none. published: what a
    paper says of it."""

    letter: str
    caption: str
    picture: str = ""
    missing: str = ""
    file: str = ""
    published: str = ""


@dataclass(frozen=True)
class PaperFigure:
    """One figure of the paper as this campaign has it."""

    number: int
    title: str
    panels: tuple[Panel, ...]

    @property
    def complete(self) -> bool:
        return not any(panel.missing for panel in self.panels)


def paper_figures(
    members: Sequence[Member], own: Mapping[str, PageFigure], published: Mapping[str, str]
) -> list[PaperFigure]:
    """Figs. 1 to 6. own: figures of the campaign by name; the others are those that the members' commands left. published:
    what a paper says of a panel, as "1b"."""
    return [
        replace(one, panels=tuple(_with_words(p, published.get(f"{one.number}{p.letter}", "")) for p in one.panels))
        for one in _figures(members, own)
    ]


def _with_words(panel: Panel, published: str) -> Panel:
    return replace(panel, published="" if panel.missing else published)


def _figures(members: Sequence[Member], own: Mapping[str, PageFigure]) -> list[PaperFigure]:
    run, film = nearest(members, "run", MAIN_FIELD), nearest(members, "film", FILM_FIELD)
    looked_at = [m for m in members if m.number("area").value is not None]
    islands = nearest(looked_at, "micrographs", FILM_FIELD)
    weak, strong = nearest(looked_at, "micrographs", 0.1), nearest(looked_at, "micrographs", 1e5)
    probed, resolved = (nearest_with(members, name, FILM_FIELD) for name in (HEIGHTS, DISTANCES))

    def drawn(letter: str, name: str) -> Panel:
        return _own(letter, own[name])

    def of(letter: str, one: Member | None, kind: str, pattern: str, caption: str) -> Panel:
        return _of_member(letter, one, kind, pattern, caption)

    sem = f"{OVERLAY}*.png"
    return [
        PaperFigure(1, "Superlattices on the anode", (
            of("a", islands, "micrographs", sem, "Islands, with the outlines that were found"),
            of("b", probed, "height map", "height_map.png", "Heights of islands (AFM)"),
            *([drawn("b", HEIGHTS)] if probed else []),
            *([of("c", islands, "micrographs", "closest.png", "One island, base and top edge")] if islands else []),
            drawn("c", BASE_EDGES),
            of("d", resolved, "image that resolves particles", "packing.png", "Packing of particles on a face"),
            *([drawn("d", DISTANCES)] if resolved else []),
            of("e", film, "film", "indexed_pattern.png", "GISAXS of a dried film, indexed"),
        )),
        PaperFigure(2, "Nucleation density against the field", (
            _of_member("a", weak, "micrographs", sem, "Islands at the weakest field", last=True),
            of("b", strong if strong is not weak else None, "second sample of micrographs", sem,
               "Islands at the strongest field"),
            drawn("c", "nucleation_density_against_field"),
        )),
        PaperFigure(3, "Space- and time-resolved SAXS", (
            of("b", run, "run", "scattering_curves.png", "Scattering and Kratky plots over the height"),
            of("c", run, "run", "volume_fraction_map.png", "Volume fraction over height and time"),
        )),
        PaperFigure(4, "Concentration and flux", (
            of("a", run, "run", "volume_fraction_profiles.png", "Profiles of the volume fraction"),
            drawn("b", "anode_growth_by_field"),
            drawn("c", "flux_against_field"),
        )),
        PaperFigure(5, "Selection of sizes", (
            of("a", run, "run", "porod_plots.png", "Porod plots with fits of polydisperse spheres"),
            drawn("b", "size_profiles_by_field"),
            drawn("c", "anode_curves_by_field"),
        )),
        PaperFigure(6, "Lattice constants, dried and solvated", (
            drawn("a", "radial_intensity_by_field"),
            drawn("b", "lattice_constant_against_field"),
        )),
    ]  # fmt: skip


def nearest_with(members: Sequence[Member], curve: str, field: float) -> Member | None:
    """Of the samples that have this curve the one whose field is nearest."""
    return nearest([one for one in members if curve in one.curves], "micrographs", field)


def nearest(members: Sequence[Member], kind: Kind, field: float) -> Member | None:
    """The member of a kind whose field is nearest to `field`, in logarithms; one without a field where none has one."""
    having = [m for m in members if m.kind == kind and not m.reason and m.folder is not None]
    if not having:
        return None
    distance: Callable[[Member], float] = lambda m: (  # noqa: E731
        abs(float(np.log(m.field_V_per_cm / field))) if m.field_V_per_cm and m.field_V_per_cm > 0.0 else np.inf
    )
    return min(having, key=distance)


def _own(letter: str, figure: PageFigure) -> Panel:
    if not figure.png:
        return Panel(letter, figure.caption, missing=figure.reason)
    return Panel(letter, figure.caption, f"data:image/png;base64,{figure.png}", file=figure.file)


def _of_member(letter: str, one: Member | None, kind: str, pattern: str, caption: str, *, last: bool = False) -> Panel:
    """The first figure of a member's results that fits the pattern, or the last one."""
    if one is None:
        return Panel(letter, caption, missing=f"the campaign has no {kind}")
    assert one.folder is not None
    found = sorted((one.folder / "figures").glob(pattern))
    named = f"{caption}, {one.label} ({one.name})"
    if not found:
        return Panel(
            letter, named, missing=f"no {kind} with {pattern.removesuffix('.png').replace('_', ' ').strip('* ')}"
        )
    return Panel(letter, named, _embedded(found[-1 if last else 0]))


def _embedded(file: Path) -> str:
    """A picture of at most ON_PAGE_PX as a data URI; an overlay on a micrograph as JPEG."""
    with Image.open(file) as opened:
        if not file.name.startswith(OVERLAY) and max(opened.size) <= ON_PAGE_PX:
            return _uri("png", file.read_bytes())
        picture = opened.convert("RGB")
    picture.thumbnail((ON_PAGE_PX, ON_PAGE_PX), Image.Resampling.LANCZOS)
    buffer, kind = io.BytesIO(), "jpeg" if file.name.startswith(OVERLAY) else "png"
    picture.save(buffer, format=kind, quality=85)
    return _uri(kind, buffer.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
