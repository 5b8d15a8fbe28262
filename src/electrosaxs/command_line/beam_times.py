"""Commands that measure: acquire."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .root import Quiet, app, say


@command(
    app,
    short_help="Measure a run: source meter, scans, run folder.",
    epilog="Example: electrosaxs acquire examples/plan_run.toml --out run",
)
def acquire(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="What to measure, and within which limits.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the run; new or empty.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Connect, check, say what would happen; switch nothing on.")
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option("--operator-token-file", help="Its token lets requests pause, resume and abort the run."),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Measure a run on the simulated beamline (or the plan's) with the output off at its end, whatever happens."""
    from ..recipes.experiment.acquire import acquire as recipe

    raise typer.Exit(recipe(plan, out, dry_run=dry_run, token_file=token_file, say=lambda text: say(quiet, text)))
