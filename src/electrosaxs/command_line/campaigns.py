"""Commands over many members: campaign, paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .commands import command
from .root import Out, Quiet, Scheduler, app, say, shown_progress

Join = Literal["field", "voltage", "none"]  # as nouns.campaign has it, which takes long to import


@command(
    app,
    short_help="Runs, films and micrographs together: Figs. 1 to 6.",
    goes_on="with the members that are not there yet",
    epilog="Example: electrosaxs campaign campaign.toml --out campaign",
)
def campaign(
    file: Annotated[Path, typer.Argument(metavar="CAMPAIGN.toml", help="Runs, [[films]] and [[micrographs]].")],
    out: Out,
    join: Annotated[
        Join, typer.Option(help="Cells of different gap are compared at equal field, at equal voltage, or not at all.")
    ] = "field",
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, help="Members that are computed at a time, a process each.")
    ] = 2,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
) -> None:
    """Trends over several fields: exponents of flux and nucleation density, lattice constants, contraction, and one page with
    the figures of the paper. What a member has not yet is computed first; one that fails is a row with its reason."""
    from ..recipes.campaign.campaign import campaign as recipe
    from ..recipes.campaign.campaign import summary

    with shown_progress(quiet) as progress:
        found = recipe(file, out, join=join, workers=workers, scheduler=scheduler, progress=progress)
    say(quiet, summary(found, out))


@command(
    app,
    short_help="Yu, Yu & Orme 2018, simulated: every figure and claim.",
    goes_on="with what is not there yet",
    epilog="Example: electrosaxs paper --out paper",
)
def paper(
    out: Out,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two fields, one film, one micrograph, no claims: a minute, to try.")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=256, help="Members that are computed at a time, a process each.")
    ] = 2,
    quiet: Quiet = False,
) -> None:
    """A whole simulated campaign, four fields in situ and six dried samples, analysed as measured data are: Figs. 1 to 6 with
    the published numbers, every claim, and what went in. About ten minutes; called again it computes what is missing."""
    from ..recipes.paper.paper import paper as recipe
    from ..recipes.paper.paper import summary
    from ..recipes.paper.plan import PAPER, QUICK

    with shown_progress(quiet) as progress:
        found = recipe(out, plan=QUICK if quick else PAPER, workers=workers, progress=progress)
    say(quiet, summary(found, out))
