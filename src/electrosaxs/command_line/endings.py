"""How a command ends: what it refuses or meets becomes one line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import typer

from .commands import Interrupted

if TYPE_CHECKING:
    from typer.exceptions import TyperException

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def exit_code(app: typer.Typer, arguments: list[str] | None) -> int:
    """Run `app` on `arguments` (None: those of the process): 0, or 2 with one line on stderr, 130 where it was interrupted."""
    from typer.exceptions import Abort, TyperException

    from ..errors import ElectrosaxsError

    try:
        code = app(args=arguments, prog_name="electrosaxs", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "electrosaxs"
        if context is not None and not (sys.argv[1:] if arguments is None else arguments):
            typer.echo(context.get_help())
            return 0
        return _refuse(f"{command}: {_misread(error)} (see {command} --help)")
    except (ElectrosaxsError, OSError) as error:
        if os.environ.get("ELECTROSAXS_TRACEBACK"):
            raise
        return _refuse(f"electrosaxs: {_system_said(error) if isinstance(error, OSError) else error}")
    except Interrupted as error:
        typer.echo(f"electrosaxs: {error}", err=True)
        return 130
    except (KeyboardInterrupt, Abort):
        typer.echo("electrosaxs: interrupted", err=True)
        return 130


def _misread(error: TyperException) -> str:
    """What of the command line was not understood, and the value that was given."""
    from pydantic import ValidationError

    text, cause = error.format_message(), error.__cause__
    given = cause.errors() if isinstance(cause, ValidationError) else []
    return f"{text}, not {given[0]['input']!r}" if given else text


def _system_said(error: OSError) -> str:
    """What the operating system refused, and what to look at."""
    reason = (error.strerror or str(error)).lower()
    where = error.filename or "file"
    if error.errno in FULL:
        return f"{where}: {reason}; free some space there, or give an output on another disk"
    return f"{where}: {reason}; check the path, the right to read and write there, and the free space"


def _refuse(text: str) -> int:
    typer.echo(" ".join(text.split()), err=True)
    return 2
