"""What the commands hang on: the application, the options that many have, the progress bar, and what is printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .. import __version__
from .commands import Log, Verbose

if TYPE_CHECKING:
    from ..recipes.progress import Progress

app = typer.Typer(
    name="electrosaxs",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="From detector frames to volume fraction, flux, sizes and lattice of field-driven nanocrystal assembly.",
)

Out = Annotated[Path, typer.Option("--out", help="Folder for the results; made if it does not exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress bar and no summary.")]
Silent = Annotated[bool, typer.Option("--quiet", help="No answer in words: the exit code tells.")]
Figures = Annotated[
    Literal["all", "page", "none"],
    typer.Option("--figures", help="all: on the page and as PNG and SVG beside it; page: on the page; none."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, max=256, help="Threads that decode, integrate and fit.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS|local",
        help="Dask scheduler (tcp://HOST:PORT, or the file of `dask scheduler --scheduler-file`) whose workers do it; "
        "local: --workers processes of this machine.",
    ),
]


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"electrosaxs {__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Print the version and exit.")
    ] = False,
    verbose: Verbose = False,
    log: Log = None,
) -> None:
    """From detector frames to volume fraction, flux, sizes and lattice of field-driven nanocrystal assembly."""
    from .logs import start_log

    start_log(verbose, log)


@contextmanager
def shown_progress(quiet: bool) -> Iterator[Progress | None]:
    """A progress bar on stderr, or None where the user asked for silence."""
    if quiet:
        yield None
        return
    from ..recipes.progress import Progress

    with Progress() as progress:
        yield progress


def say(quiet: bool, text: str) -> None:
    """Print `text`, or nothing where the user asked for silence."""
    if not quiet:
        typer.echo(text)
