"""Long work says where it is and how long it will take, on a terminal or not; short work says nothing."""

import logging
import re
import time

import pytest

from electrosaxs.recipes import progress as module
from electrosaxs.recipes.progress import Progress, Stage, duration, over, stage


def test_without_a_terminal_a_line_comes_again_and_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "LINE_EVERY_S", 0.02)
    with Progress() as progress:
        for _ in over(progress, range(4), stage="frames", total=7, done=3):
            time.sleep(0.03)
        with stage(progress, "fit"):
            time.sleep(0.05)
    said = capfd.readouterr().err
    assert re.search(r"^electrosaxs: frames: [456] of 7, 0 s so far, about 0 s left$", said, re.MULTILINE)
    assert re.search(r"^electrosaxs: fit: 0 s so far$", said, re.MULTILINE)


def test_short_work_leaves_a_log_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        assert list(over(progress, "ab", stage="frames", total=2)) == ["a", "b"]
    assert capfd.readouterr().err == ""


def test_what_is_left_follows_from_what_this_run_did() -> None:
    now = Stage("frames", total=100, done=60, before=50)
    now.start -= 20.0  # ten frames in twenty seconds: forty more take eighty
    assert now.words() == "frames: 60 of 100, 20 s so far, about 80 s left"
    begun = Stage("frames", total=100, done=50, before=50)
    assert begun.words() == "frames: 50 of 100, 0 s so far"


@pytest.mark.parametrize(("seconds", "words"), [(42.4, "42 s"), (130.0, "2 min"), (9000.0, "2.5 h")])
def test_a_time_is_said_in_two_digits(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_log_holds_how_long_each_stage_took(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "electrosaxs"):
        assert list(over(None, range(2), stage="frames", total=2)) == [0, 1]
    assert "frames: 2, 0 of them done before, took 0.0 s" in caplog.text
