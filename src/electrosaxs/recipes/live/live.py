"""electrosaxs live: follow a run, serve what is known of it, and leave what `analyse` leaves."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from pathlib import Path

from ...dashboard.access import Access
from ...dashboard.files import FIGURES, NoPage, PageFiles
from ...dashboard.server import Server
from ...errors import InputFileError, bad_value
from ..output_folder import output_folder, writing
from .feed import LiveFeed
from .follow import RUN, STORE, Follower
from .serving import Serving, tell

FAILED = 2


def live(source: str | Path, out: str | Path, *, serving: Serving, until_finished: bool = False) -> int:
    """Follow the run folder `source` into `out` and serve it; the exit code.

    until_finished: return when the run has ended and its results are there, instead of serving on. Raises InputFileError
    for a source that can be none, and where `out` holds something else.
    """
    source, out = run_folder(Path(source)), Path(out)
    access = Access(serving.host, token=serving.token, operator=serving.operator)
    files = PageFiles() if serving.page else NoPage()
    output_folder(out, [source], command="analyse")
    files.get(FIGURES)
    follower = Follower(source, out)
    try:
        server = Server(serving.host, serving.port, access, LiveFeed(follower, serving.operator), files)
        tell(server, serving)
        with writing(out, command="live", over="analyse"):
            threading.Thread(target=_warm_up, daemon=True).start()
            follower.until_the_end()
        problem = follower.analyse()
        shutil.rmtree(out / STORE, ignore_errors=True)
        if problem:
            sys.stderr.write(f"electrosaxs: {problem}\n")
        while not until_finished:
            time.sleep(1.0)
        return FAILED if problem else 0
    finally:
        follower.close()


def run_folder(source: Path) -> Path:
    """The folder that is followed, absolute; its run.toml may stand for it. InputFileError for any other file."""
    folder = source.parent if source.name == RUN else source
    if folder.is_file():
        raise bad_value(
            InputFileError, where=source, field="SOURCE", value=source.name, rule="must be a run folder (or its run.toml)",
            remedy="give the folder that acquire writes, also before it is there",
        )  # fmt: skip
    return folder.resolve()


def _warm_up() -> None:
    from .warm_up import warm_up  # some seconds, while the page is served already

    warm_up()
