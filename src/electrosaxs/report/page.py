"""report.html, self-contained, and figures/*.png and *.svg beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..figures.measured import was_measured
from ..io.atomic import replacing
from ..nouns import FrameRecord, RunResults
from .number_text import NumberRow, number_row, quality_in_short, quality_lines
from .pictures import Figures, Planned, already, saved
from .provenance import FILE as PROVENANCE
from .provenance_rows import provenance_rows
from .settings_rows import settings_rows
from .template import PageFigure, numbered, render

if TYPE_CHECKING:
    from ..figures.gallery import Drawn

LISTED_FRAMES = 40
FIRST = "volume_fraction_map"


@dataclass(frozen=True)
class FramesSummary:
    """How many frames were used, how often each flag was set, and the first frames that were left out."""

    total: int
    used: int
    flags: tuple[tuple[str, int], ...]
    left_out: tuple[FrameRecord, ...]
    not_listed: int


def write_report(
    folder: Path,
    results: RunResults,
    truth: RunResults | None = None,
    *,
    more: Sequence[Drawn | Planned] = (),
    figures: Figures = "all",
) -> Path:
    """Write figures/*.png (300 dpi), figures/*.svg and report.html into `folder`; returns the page's path.

    `truth` (of a simulation) is overlaid in the figures and set beside the numbers; `more`: figures shown before those of
    the gallery but after the map, which stands at the head; figures: where they go. provenance.json is printed at the foot
    where the folder has it. The page holds its pictures, links to their files and asks nothing from outside.
    """
    folder.mkdir(parents=True, exist_ok=True)
    planned = [] if figures == "none" else _planned(results, truth, more)
    shown = saved(folder / "figures", planned, figures)
    page = folder / "report.html"
    with replacing(page) as part:
        part.write_text(_render(results, truth, shown, folder / PROVENANCE), encoding="utf-8")
    return page


def _planned(results: RunResults, truth: RunResults | None, more: Sequence[Drawn | Planned]) -> list[Planned]:
    """The figures in the order of the page."""
    from ..figures.gallery import figure_makers  # matplotlib: a command starts without it

    first = [item if isinstance(item, Planned) else already(item) for item in more]
    planned = [*first, *(Planned(name, draw) for name, draw in figure_makers(results, truth))]
    return sorted(planned, key=lambda item: item.name != FIRST)


def _render(results: RunResults, truth: RunResults | None, figures: list[PageFigure], record: Path) -> str:
    return render(
        __package__,
        "page.html.j2",
        title=results.title,
        has_truth=truth is not None,
        measured=was_measured(results),
        has_sigma=any(number.sigma for number in results.numbers.values()),
        numbers=number_rows(results, truth),
        settings=settings_rows(results),
        figures=numbered(figures),
        omitted=[figure for figure in figures if not figure.png],
        drawn=bool(figures),
        notes=results.notes,
        in_short=quality_in_short(results.numbers),
        quality=quality_lines(results.numbers),
        verdict="" if results.assignment is None else results.assignment.verdict,
        frames=frames_summary(results.frames),
        provenance=provenance_rows(record),
    )


def number_rows(results: RunResults, truth: RunResults | None = None) -> list[NumberRow]:
    """One row per headline number, in the order of the results; numbers that do not exist come last."""
    known = {} if truth is None else truth.numbers
    rows = [number_row(name, number, known.get(name)) for name, number in results.numbers.items()]
    return [row for row in rows if row.text != "—"] + [row for row in rows if row.text == "—"]


def frames_summary(frames: tuple[FrameRecord, ...]) -> FramesSummary:
    """Counts over frames.csv for the page."""
    left_out = tuple(frame for frame in frames if not frame.used)
    flags = Counter(flag for frame in frames for flag in frame.flags)
    return FramesSummary(
        total=len(frames),
        used=len(frames) - len(left_out),
        flags=tuple(flags.most_common()),
        left_out=left_out[:LISTED_FRAMES],
        not_listed=max(0, len(left_out) - LISTED_FRAMES),
    )
