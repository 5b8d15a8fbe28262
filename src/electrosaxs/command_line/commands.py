"""What every command has: --verbose and --log, a time in the log, and the truth about what an interruption costs."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__

Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Say what was read, chosen and left out, and how long it took.")
]
Log = Annotated[Path | None, typer.Option("--log", metavar="FILE", help="Append all that to FILE, with times.")]

BEFORE_KERNELS: list[Callable[[str], None]] = []
"""Called with the name of a command that needs many kernels, before it; filled where the process is the command's own."""


def _in_words(given: dict[str, Any]) -> str:
    """Arguments and options as they were understood."""
    texts = {key: ", ".join(map(str, value)) if isinstance(value, list) else value for key, value in given.items()}
    return "; ".join(f"{key} = {value}" for key, value in texts.items() if value is not None)


class Interrupted(Exception):
    """Ctrl-C in a command; the text says what the same command will do."""


def command(
    app: typer.Typer, *, goes_on: str = "", compiles: bool = False, **about: Any
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command of `app` with the options that every command has.

    goes_on: from what the same command goes on after Ctrl-C, where it does; compiles: whether it needs many kernels, so that
    its first run is worth other processes; `about`: as `typer.Typer.command` takes it.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        name = about.get("name", function.__name__)

        @wraps(function)
        def called(*, verbose: bool, log: Path | None, **given: Any) -> None:
            from .logs import LOGGER, start_log

            start_log(verbose, log)
            start = time.perf_counter()
            LOGGER.info("%s %s: %s", name, __version__, _in_words(given))
            for action in BEFORE_KERNELS if compiles else ():
                action(name)
            try:
                function(**given)
            except KeyboardInterrupt:
                again = f"goes on {goes_on}" if goes_on else "starts from the beginning"
                raise Interrupted(f"interrupted; the same command {again}") from None
            except OSError as error:
                if error.filename is None and error.errno is not None:  # a library wrote: somewhere in the output
                    error.filename = str(given.get("out") or given.get("output") or "file")
                raise
            LOGGER.info("%s: done in %.1f s", name, time.perf_counter() - start)

        own = inspect.signature(function, eval_str=True)
        every = [
            inspect.Parameter("verbose", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Verbose),
            inspect.Parameter("log", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Log),
        ]
        signature = own.replace(parameters=[*own.parameters.values(), *every])
        called.__signature__ = signature  # type: ignore[attr-defined]
        called.__annotations__ = {key: one.annotation for key, one in signature.parameters.items()}
        app.command(**about)(called)
        return function

    return register
