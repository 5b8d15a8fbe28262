"""Figures come out the same whoever draws them, and go where they were asked for."""

import os
import time
from pathlib import Path

import pytest

from electrosaxs.figures.gallery import Drawn
from electrosaxs.figures.style import drawing, new_figure
from electrosaxs.report import pictures
from electrosaxs.report.pictures import Planned, already, saved

NAMES = ["a", "b", "c", "d", "e"]


def line(name):
    with drawing():
        figure, axes = new_figure(20.0)
        axes.plot([0.0, 1.0], [0.0, 1.0 + NAMES.index(name)])
        axes.set_axis_off()
    return Drawn(name, f"line {name}", figure)


def planned(draw=line):
    return [Planned(name, lambda name=name: draw(name)) for name in NAMES]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The pictures drawn by this process, and their folder."""
    folder = tmp_path_factory.mktemp("alone") / "figures"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "FEWEST", len(NAMES) + 1)
        return saved(folder, planned()), folder


def as_bytes(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_processes_draw_what_one_does(alone, tmp_path):
    shown, folder = alone
    assert saved(tmp_path / "figures", planned()) == shown
    assert as_bytes(tmp_path / "figures") == as_bytes(folder)
    pictures_of_all = [f"{name}.{ending}" for name in NAMES for ending in ("png", "svg")]
    assert sorted(as_bytes(folder)) == sorted([*pictures_of_all, "drawn.txt"])


@pytest.mark.parametrize("failing", ["raises", "dies", "stands still"])
def test_what_a_second_process_does_not_deliver_is_drawn_by_the_first(alone, tmp_path, monkeypatch, failing):
    here, before = os.getpid(), children()
    monkeypatch.setattr(pictures, "PATIENCE_S", 0.3 if failing == "stands still" else pictures.PATIENCE_S)

    def only_here(name):
        if os.getpid() != here:
            if failing == "dies":
                os.kill(os.getpid(), 9)
            if failing == "stands still":
                time.sleep(60.0)
            raise RuntimeError("not here")
        return line(name)

    assert saved(tmp_path / "figures", planned(only_here)) == alone[0]
    assert children() <= before


def test_pictures_of_an_earlier_call_go_and_others_stay(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "mine.png").write_bytes(b"mine")
    saved(folder, planned()[:2])
    saved(folder, planned()[1:2])
    assert set(as_bytes(folder)) == {"b.png", "b.svg", "drawn.txt", "mine.png"}
    saved(folder, planned(), "none")
    assert set(as_bytes(folder)) == {"mine.png"}


def children() -> set[str]:
    """Processes that this one started and that have not been waited for."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def test_a_figure_that_cannot_be_drawn_stops_the_page_and_leaves_no_process(tmp_path):
    def wrong(name):
        raise RuntimeError(name)

    before = children()
    with pytest.raises(RuntimeError):
        saved(tmp_path / "figures", planned(wrong))
    assert children() <= before


def test_on_the_page_alone_a_figure_is_the_same_and_has_no_file(alone, tmp_path):
    folder = tmp_path / "figures"
    saved(folder, planned()[:1])
    (shown,) = saved(folder, [already(line("a"))], "page")
    assert (shown.png, shown.file) == (alone[0][0].png, "")
    assert not as_bytes(folder)  # nothing of the earlier call is left beside a page that does not show it


def test_none_draws_nothing(tmp_path):
    def never(name):
        raise AssertionError(name)

    assert saved(tmp_path / "figures", planned(never), "none") == []
