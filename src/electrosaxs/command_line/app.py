"""The command line: parse, call one recipe, exit code. 0 on success, 2 on bad input with one line on stderr.

The commands stand in the files beside this one, in the order of `--help`. Nothing heavy is imported here: `electrosaxs
--help` answers within 0.3 s.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import MutableMapping

from . import runs, models, films, campaigns, beam_times, live_runs, lookups  # isort: skip  # noqa: F401  they register
from .commands import BEFORE_KERNELS
from .root import app

OBJECTS_BETWEEN_SEARCHES = 50_000
LINEAR_ALGEBRA = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by OpenBLAS and MKL when NumPy is imported."""


def main() -> None:
    """Entry point: every mistake of the user is one line on stderr and exit code 2."""
    linear_algebra_on_one_thread(os.environ)
    gc.set_threshold(OBJECTS_BETWEEN_SEARCHES)  # importing makes objects by the hundred thousand and no garbage
    BEFORE_KERNELS.append(_compile_ahead)
    code = run()
    gc.freeze()  # no last search through all of them: half a second
    sys.exit(code)


def _compile_ahead(command: str) -> None:
    from .compile_ahead import compile_ahead

    compile_ahead(command)


def linear_algebra_on_one_thread(environment: MutableMapping[str, str]) -> None:
    """Unless the user says otherwise, for this process, before it imports NumPy, and for those that it starts.

    Matrices here have 5 to 100 rows. A library that shares one among threads lets them wait for each other, and what works
    beside it (frames, figures, models) has these cores: an analysis then takes half as long again (docs/decisions/0068).
    """
    if "OMP_NUM_THREADS" not in environment:
        for name in LINEAR_ALGEBRA:
            environment.setdefault(name, "1")


def run(arguments: list[str] | None = None) -> int:
    """Run the command line on `arguments` (default: those of the process) and return the exit code."""
    from .endings import exit_code
    from .logs import logging_of_a_command

    with logging_of_a_command():
        return exit_code(app, arguments)


if __name__ == "__main__":
    main()
