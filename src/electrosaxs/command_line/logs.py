"""Where the log of a command goes: warnings to stderr, all of it with --verbose, and with times into the file of --log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOGGER = logging.getLogger("electrosaxs")
WITH_TIMES = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Stderr(logging.StreamHandler):
    """Writes to the stderr of the moment, which a progress bar may have put its own in the place of."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


@contextmanager
def logging_of_a_command() -> Iterator[None]:
    """Warnings go to stderr for as long as the block lasts; `start_log` adds to that."""
    before = LOGGER.level, LOGGER.propagate
    handler = Stderr()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("electrosaxs: %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.propagate = False
    try:
        yield
    finally:
        for one in LOGGER.handlers[:]:
            LOGGER.removeHandler(one)
            one.close()
        LOGGER.level, LOGGER.propagate = before


def start_log(verbose: bool, file: Path | None) -> None:
    """Say everything on stderr (verbose), append it to `file`; OSError where that cannot be written."""
    if verbose or file is not None:
        LOGGER.setLevel(logging.INFO)
    if verbose:
        for handler in LOGGER.handlers:
            if isinstance(handler, Stderr):
                handler.setLevel(logging.INFO)
    if file is not None:
        written = logging.FileHandler(file, encoding="utf-8")
        written.setFormatter(logging.Formatter(WITH_TIMES))
        LOGGER.addHandler(written)
