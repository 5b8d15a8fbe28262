"""Who adds up the pixels: a card that is asked for and not there is said, never replaced without a word."""

from contextlib import closing
from pathlib import Path

import pytest

from electrosaxs.errors import InputFileError
from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run
from electrosaxs.recipes.analyse.detector import PreparedDetector, prepared
from electrosaxs.recipes.analyse.engine import engine_of


@pytest.fixture
def _no_card() -> None:
    from electrosaxs.reduction.gpu import card_name  # a second, which workers with other files need not spend

    if card_name() is not None:
        pytest.skip("there is a card")


@pytest.fixture
def detector(quiet_nexus: Path) -> PreparedDetector:
    run = read_run(quiet_nexus)
    with closing(open_frames(run, read_table(run))) as reader:
        return prepared(run, reader, lambda: [reader.read(5), reader.read(6)])


@pytest.mark.usefixtures("_no_card")
def test_a_card_that_is_asked_for_and_not_there_is_an_error(detector: PreparedDetector) -> None:
    with pytest.raises(InputFileError, match=r"--device = gpu.*no NVIDIA card"):
        engine_of(detector, "own", "gpu", on_workers=False)


@pytest.mark.usefixtures("_no_card")
def test_the_choice_is_told(detector: PreparedDetector) -> None:
    found = engine_of(detector, "own", "auto", on_workers=False)
    assert found.integrator is detector.integrator
    assert "on the processor" in found.notes[0]


@pytest.mark.parametrize(("integrator", "on_workers"), [("pyfai:bbox", False), ("own", True)])
def test_a_card_is_not_promised_where_it_would_not_be_used(
    integrator: str, on_workers: bool, detector: PreparedDetector
) -> None:
    with pytest.raises(InputFileError, match="--device = gpu"):
        engine_of(detector, integrator, "gpu", on_workers=on_workers)
