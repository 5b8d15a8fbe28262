"""The files of a campaign: campaign.csv, numbers.json, figures and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...io.atomic import replacing
from ...io.campaign_nexus import write_campaign_results
from ...io.numbers_json import write_numbers
from ...io.rows_csv import write_rows
from ...nouns import Number
from ...nouns.campaign import Join
from ...nouns.claims import Claim
from ...nouns.trends import Member, Published, Statement, Trend
from ...report.number_text import number_row, quality_lines, value_with_sigma
from ...report.provenance import write_provenance
from ...report.template import PageFigure, render, save_figure
from .panels import paper_figures
from .pictures import campaign_figures
from .points import GOOD

NUMBERS = (
    "slice_flux", "supply_flux", "onset_time", "lattice_constant_solvated", "lattice_constant_dried",
    "contraction_along_normal", "nucleation_density", "anode_diameter", "anode_polydispersity", "crystallised_amount",
    "island_amount", "lattice_constant_volume", "base_edge_mean", "island_thickness",
    "island_thickness_afm", "thickness_ratio", "lattice_constant_from_packing",
)  # fmt: skip
COLUMNS = (
    "kind", "name", "field_V_per_cm", "voltage_V", "gap_mm",
    *(column for name in NUMBERS for column in (name, f"{name}_sigma")),
    "duration_s", "results", "reason", "quality",
)  # fmt: skip
SHOWN: dict[str, tuple[str, ...]] = {
    "run": ("slice_flux", "onset_time", "lattice_constant_solvated", "anode_diameter", "crystallised_amount"),
    "film": ("lattice_constant_dried", "contraction_along_normal"),
    "micrographs": ("nucleation_density", "base_edge_mean", "island_amount"),
}
"""Numbers of each kind that the page's table shows."""
WHERE_THERE = ("island_thickness", "island_thickness_afm", "thickness_ratio", "lattice_constant_from_packing")
"""Those that it shows besides, of members that have them."""


@dataclass(frozen=True, eq=False)
class PaperPart:
    """What the page of a simulated paper has more: published numbers beside those found, in what it is smaller, what went in,
    the claims by section with a picture (PNG in base64) of some, and what the paper says of a panel, as "1b"."""

    statements: Sequence[Statement]
    smaller: Sequence[str]
    model: Sequence[str]
    claims: Mapping[str, Sequence[Claim]]
    pictures: Mapping[str, str]
    panels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CampaignResults:
    """What the command found. published: marks of a paper by figure; truth: of a simulated campaign, by number."""

    title: str
    members: tuple[Member, ...]
    trends: Mapping[str, Trend]
    numbers: Mapping[str, Number]
    join: Join
    published: Mapping[str, Sequence[Published]] = field(default_factory=dict)
    truth: Mapping[str, Number] = field(default_factory=dict)
    paper: PaperPart | None = None

    @property
    def failed(self) -> list[Member]:
        """Members without numbers."""
        return [one for one in self.members if one.reason]


def write_campaign(out: Path, found: CampaignResults, inputs: Sequence[Path], *, command: str) -> list[PageFigure]:
    """Everything but the members' own folders; returns the figures."""
    write_rows(out / "campaign.csv", COLUMNS, [_row(one, out) for one in found.members])
    write_numbers(out / "numbers.json", found.numbers)
    write_campaign_results(out / "results.nxs", found.title, found.members, NUMBERS, command=command)
    write_provenance(out, command, {"join": found.join}, inputs=inputs)
    figures = {
        item.name: save_figure(out / "figures", item)
        for item in campaign_figures(found.members, found.trends, found.published, found.join)
    }
    paper = paper_figures(found.members, figures, {} if found.paper is None else found.paper.panels)
    shown = {panel.file for one in paper for panel in one.panels}
    page = render(
        __package__, "report.html.j2", title=found.title, members=[_on_page(one) for one in found.members],
        numbers=[number_row(name, number, found.truth.get(name)) for name, number in found.numbers.items()],
        has_truth=bool(found.truth), quality=quality_lines(found.numbers), paper=paper, beside=found.paper,
        more=[one for one in figures.values() if one.png and one.file not in shown],
        omitted=[one for one in figures.values() if not one.png], join=found.join,
    )  # fmt: skip
    with replacing(out / "report.html") as part:
        part.write_text(page, encoding="utf-8")
    return list(figures.values())


def _cell(value: float | None) -> str:
    """Seven digits; empty for what is not known."""
    return "" if value is None or not np.isfinite(value) else f"{value:.7g}"


def _row(one: Member, out: Path) -> list[object]:
    numbers = [one.numbers.get(name) for name in NUMBERS]
    cells = [cell for n in numbers for cell in (("", "") if n is None else (_cell(n.value), _cell(n.sigma)))]
    folder = "" if one.folder is None else str(one.folder.resolve())
    inside = folder.removeprefix(f"{out.resolve()}/")
    return [
        one.kind, one.name, _cell(one.field_V_per_cm), _cell(one.voltage_V), _cell(one.gap_mm), *cells,
        _cell(one.duration_s), inside, one.reason, "; ".join(_doubts(one, NUMBERS)),
    ]  # fmt: skip


def _doubts(one: Member, names: Sequence[str]) -> list[str]:
    """What a member says itself against its numbers, "slice_flux: doubtful: why"."""
    having = [(name, one.number(name)) for name in names]
    return [f"{name}: {found.quality}" for name, found in having if found.value is not None and found.quality != GOOD]


def _on_page(one: Member) -> dict[str, Any]:
    having = [name for name in WHERE_THERE if one.number(name).value is not None]
    found = [(name, one.number(name)) for name in (*SHOWN[one.kind], *having)]
    rows = [number_row(name, number) for name, number in found]
    return {
        "kind": one.kind, "name": one.name,
        "field": "—" if one.field_V_per_cm is None else value_with_sigma(one.field_V_per_cm, None),
        "said": "; ".join(f"{row.title} {row.text} {row.unit}".strip() for row in rows if not row.absent),
        "absent": [f"{row.title}: {row.source}" for row in rows if row.absent] if not one.reason else [],
        "reason": one.reason,
        "notes": (*one.notes, *(text.replace("_", " ") for text in _doubts(one, [name for name, _ in found]))),
    }  # fmt: skip
