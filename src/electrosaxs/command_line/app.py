"""The command line: parse, call one recipe, exit code. 0 on success, 2 on bad input with one line on stderr.

The commands stand in the files beside this one, in the order of `--help`. Nothing heavy is imported here: `electrosaxs
--help` answers within 0.3 s.
"""

from __future__ import annotations

import gc
import sys

from . import runs, models, films, campaigns, beam_times, live_runs, lookups  # isort: skip  # noqa: F401  they register
from .root import app

OBJECTS_BETWEEN_SEARCHES = 50_000


def main() -> None:
    """Entry point: every mistake of the user is one line on stderr and exit code 2."""
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)  # importing makes objects by the hundred thousand and no garbage
    code = run()
    gc.freeze()  # no last search through all of them: half a second
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line on `arguments` (default: those of the process) and return the exit code."""
    from .endings import exit_code
    from .logs import logging_of_a_command

    with logging_of_a_command():
        return exit_code(app, arguments)


if __name__ == "__main__":
    main()
