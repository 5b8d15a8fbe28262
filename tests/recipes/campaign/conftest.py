"""One campaign of finished results for the tests of a file."""

from pathlib import Path

import pytest
from recipes.campaign.campaign_files import (
    RUN_VOLTS,
    gathered,
    write_campaign,
    write_run,
)

from electrosaxs.command_line.app import run as command_line
from electrosaxs.nouns.trends import Member


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the runs of all campaigns, written once; who changes one changes a copy of its own."""
    folder = tmp_path_factory.mktemp("runs")
    for volts in RUN_VOLTS:
        write_run(folder / f"run-{volts:g}", volts)
    return folder


@pytest.fixture(scope="module")
def file(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_campaign(tmp_path_factory.mktemp("campaign"), runs=runs)


@pytest.fixture(scope="module")
def out(file: Path) -> Path:
    assert command_line(["campaign", str(file), "--out", str(file.parent / "out"), "--quiet"]) == 0
    return file.parent / "out"


@pytest.fixture(scope="module")
def read(file: Path) -> list[Member]:
    """The members of `file`, read once; none of them can be changed."""
    return gathered(file)
