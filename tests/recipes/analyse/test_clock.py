"""A clock of the frames that is not that of the voltage is said, with what rests on it."""

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from simulated_runs import analysed, simulated

from electrosaxs.analysis.kinetics.field_on import FieldOn
from electrosaxs.nouns import Number
from electrosaxs.nouns.voltage_pieces import pieces
from electrosaxs.recipes.analyse.clock import NAME, RESTS_ON_IT, Clock, _said, with_the_clock, words_of_the_clock
from electrosaxs.recipes.fit.numbers import with_clocks


def clock(moment_s: float, sigma_s: float = 0.5, *, said: tuple[float, float] = (0.0, 0.0)) -> Clock:
    return Clock(FieldOn(moment_s, sigma_s), *said, exposure_s=1.0)


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (clock(2.0), False),
        (clock(0.9, 0.01), False),  # the end of each exposure for its middle
        (clock(-2.6), True),
        (clock(2.6), True),
        (clock(70.0, said=(60.0, 90.0)), False),
        (clock(40.0, said=(60.0, 90.0)), True),
    ],
)
def test_a_clock_is_wrong_beyond_sigma_and_exposure(one: Clock, wrong: bool) -> None:
    assert one.wrong is wrong
    assert bool(words_of_the_clock(one)) is wrong


def test_a_field_that_frames_saw_rise_came_on_until_it_had_risen() -> None:
    time = 15.0 * np.arange(20.0)
    risen = pieces(time, np.where(time < 30.0, 10.0, 30.0))
    assert [piece.start for piece in risen] == [30.0]
    assert _said(0, risen[0], time) == (0.0, 30.0)
    at_once = pieces(time, np.full(20, 30.0))
    assert _said(0, at_once[0], time) == (0.0, 0.0)
    later = pieces(time, np.where(time < 60.0, 0.0, 30.0))
    assert _said(1, later[1], time) == (45.0, 60.0)


def test_whole_hours_are_named() -> None:
    assert "an hour apart (daylight saving, or UTC beside local time)" in clock(3601.0).words
    assert "2 hours apart" in clock(-7195.0).words
    assert "or the field came on late" in clock(1800.0).words
    assert "or particles had gathered there without it" in clock(-1800.0).words


def test_where_no_frame_tells_it_the_numbers_say_so() -> None:
    numbers = {name: Number(1.0, 0.1, "m/s", "line") for name in ("slice_flux[2]", "starting_diameter")}
    found = with_the_clock(numbers, None)
    assert "not included: error of the clock" in found["slice_flux[2]"].source
    assert found["starting_diameter"] == numbers["starting_diameter"]
    assert found[NAME].value is None
    assert with_the_clock(numbers, clock(0.1))["slice_flux[2]"] == numbers["slice_flux[2]"]


def shifted(run: Path, seconds: float) -> None:
    """The table's times of the sample frames, later by so much."""
    with h5py.File(run.parent / "frames.nxs", "a") as file:
        table = file["entry/frames"]
        sample = np.array([role == b"sample" for role in table["role"][()]])
        table["time"][...] = table["time"][()] + np.where(sample, seconds, 0.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulated(tmp_path_factory.mktemp("clock"))


def test_a_run_says_that_its_clock_is_wrong_and_a_fit_of_it_too(run: Path, tmp_path: Path) -> None:
    right = analysed(run, tmp_path / "right")
    moment = right.numbers[NAME]
    assert moment.quality == "good"
    assert moment.value is not None
    assert moment.sigma is not None
    assert abs(moment.value) < 4.0 * moment.sigma
    assert not any("clock" in note for note in right.notes)
    shifted(run, 40.0)
    wrong = analysed(run, tmp_path / "wrong")
    shifted(run, -40.0)
    moment = wrong.numbers[NAME]
    assert moment.value is not None
    assert moment.sigma is not None
    assert abs(moment.value - 40.0) < 4.0 * moment.sigma
    assert "the clocks of frames and voltage are apart" in moment.quality
    assert any(note.startswith("clock: ") for note in wrong.notes)
    numbers = json.loads((tmp_path / "wrong" / "numbers.json").read_text())
    for name in ("slice_flux", "slice_flux_mean", "supply_flux"):
        assert name in RESTS_ON_IT
        if numbers[name]["value"] is not None:
            assert numbers[name]["quality"] == moment.quality
    charge = {"effective_charge": Number(0.04, 1e-3, "e", "fit")}
    assert with_clocks(charge, [right]) == charge
    assert with_clocks(charge, [right, wrong]) == {
        "effective_charge": replace(charge["effective_charge"], quality=moment.quality)
    }
