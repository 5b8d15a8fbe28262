"""Commands that say what is there: inspect, check, materials, examples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .root import Quiet, Silent, Workers, app, say, shown_progress


@command(
    app,
    short_help="What is in files and folders.",
    epilog="Example: electrosaxs inspect frames.nxs run.toml results",
)
def inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of any kind, or results folders.")],
    draft: Annotated[
        Path | None, typer.Option("--draft", metavar="RUN.toml", help="Write the draft for frames there.")
    ] = None,
    quiet: Silent = False,
) -> None:
    """What files hold: who wrote them, stacks, columns with units and ranges, headers, numbers; of frames also a draft of
    run.toml with what the files do not say behind #."""
    from ..recipes.inspect.inspect_files import drafted, inspect_files, paragraph

    seen = []
    for found in inspect_files(files):
        seen.append(found)
        say(quiet, paragraph(found) + "\n")
    if said := drafted(seen, draft):
        say(quiet, said)


@command(
    app,
    short_help="What a run or an experiment would give; what is missing.",
    epilog="Example: electrosaxs check run.toml",
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="run.toml or experiment.toml.")],
    quiet: Silent = False,
) -> None:
    """Read all but the pixels: what `analyse` or `simulate` would do, what is not given, and what is missing."""
    from ..recipes.check import check as recipe
    from ..recipes.check import text

    say(quiet, text(recipe(file)))


@command(
    app,
    short_help="The example files, and sample data to try every command on.",
    epilog="Example: electrosaxs examples --data --out try",
)
def examples(
    out: Annotated[Path, typer.Option("--out", help="Where the folder `examples` is put.")] = Path("."),
    data: Annotated[
        bool, typer.Option("--data", help="Also small sample data: image, curves, runs, results. Half a minute.")
    ] = False,
    workers: Workers = 2,
    quiet: Quiet = False,
) -> None:
    """All example files of the documentation, into DIR/examples; with --data every command of the pages runs in DIR."""
    from ..recipes.examples import summary, write_examples

    with shown_progress(quiet) as progress:
        written = write_examples(out, data=data, workers=workers, progress=progress)
    say(quiet, summary(written, out))


@command(
    app,
    short_help="Built-in cores, ligands and solvents.",
    epilog="Example: electrosaxs materials octane",
)
def materials(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Only those with this in name or formula; or core, ligand, solvent."),
    ] = None,
    quiet: Silent = False,
) -> None:
    """Built-in cores, ligands and solvents, every value with unit and source."""
    from ..recipes.list_materials import list_materials

    say(quiet, list_materials(name))
