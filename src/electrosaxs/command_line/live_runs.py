"""Commands that show: live, view."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .root import app

Host = Annotated[str, typer.Option("--host", help="Address to serve at; another than this computer's needs --token.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="0: any free one; the first line of stdout says it.")
]
Unsaid = Annotated[bool, typer.Option("--quiet", help="No line with the address; give --port to know it.")]
Token = Annotated[str, typer.Option("--token", help="Without it nobody sees anything (but /health).")]


@command(
    app,
    short_help="Analyse a run while it is measured, with a page.",
    goes_on="from the frames that are in live.jsonl already",
    epilog="Example: electrosaxs live run --out results",
)
def live(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="Run folder; it need not be there yet.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the results; made if it does not exist.")],
    port: Port = 0,
    host: Host = "127.0.0.1",
    token: Token = "",
    operator_token: Annotated[
        str, typer.Option("--operator-token", help="That of acquire: who has it may pause, resume and abort the run.")
    ] = "",
    no_page: Annotated[bool, typer.Option("--no-page", help="The numbers only; needs no extra.")] = False,
    until_finished: Annotated[
        bool, typer.Option("--until-finished", help="End with the run, when its results are there.")
    ] = False,
    quiet: Unsaid = False,
) -> None:
    """Numbers of every frame as it comes, results while they grow, a page on them; at the end what `analyse` leaves."""
    from ..recipes.live.live import live as recipe
    from ..recipes.live.serving import Serving

    serving = Serving(host, port, token, operator_token, page=not no_page, quiet=quiet)
    raise typer.Exit(recipe(source, out, serving=serving, until_finished=until_finished))


@command(
    app,
    short_help="The page of live on finished results.",
    epilog="Example: electrosaxs view results",
)
def view(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="Folder that analyse or live left.")],
    port: Port = 0,
    host: Host = "127.0.0.1",
    token: Token = "",
    quiet: Unsaid = False,
) -> None:
    """Serve the page of `live` on a results folder, until Ctrl-C."""
    from ..recipes.live.serving import Serving
    from ..recipes.live.view import view as recipe

    recipe(results, serving=Serving(host, port, token, quiet=quiet))
