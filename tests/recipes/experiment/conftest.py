"""A meter and a bridge for each test; makes the shared pieces of this folder and of tests/acquisition importable."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE.parents[1] / "acquisition"):
    sys.path.insert(0, str(folder))

from meters import MeterProgram  # noqa: E402
from tiny_bridge import TinyBridge  # noqa: E402


@pytest.fixture
def meter() -> Iterator[MeterProgram]:
    with MeterProgram() as running:
        yield running


@pytest.fixture
def bridge() -> Iterator[TinyBridge]:
    with TinyBridge() as running:
        yield running
