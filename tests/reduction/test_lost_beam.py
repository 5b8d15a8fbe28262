"""Without beam there is no measurement, whatever monitor and detector still say; a weak beam is a beam."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from electrosaxs.nouns import FrameTable
from electrosaxs.reduction.lost_beam import beamless

ROLES = ["solvent", "solvent", "reference", *["sample"] * 5, "dark", "alignment"]
NORM = np.full((10, 4), 250.0)


def table() -> FrameTable:
    monitor = np.array([2.0, 2.1, 1.9, 2.0, 2.2, 2.1, 2.0, 2.0, 0.01, 2.0]) * 1e6
    return FrameTable(
        role=np.array(ROLES), height=np.full(10, 50.0), time=np.arange(10.0), exposure=np.full(10, 0.5), monitor=monitor,
        transmission=np.array([0.6, 0.6, *[0.5] * 8]), voltage=None, current=None, file=(), source=Path("t"),
    )  # fmt: skip


def counts(frames: FrameTable) -> np.ndarray:
    """1e-5 per monitor count, transmission and norm of the solvent, ten times that with particles."""
    particles = np.where(np.isin(frames.role, ["sample", "reference"]), 10.0, 1.0)
    return np.rint((1e-5 * particles * frames.monitor * frames.transmission)[:, None] * NORM)


def reasons(frames: FrameTable, seen: np.ndarray) -> list[tuple[str, ...]]:
    return beamless(frames, seen.sum(axis=1), NORM.sum(axis=1), np.zeros(10, dtype=bool))


def test_a_beam_of_a_fifth_and_a_dark_frame_are_no_fault() -> None:
    frames = table()
    frames.monitor[5] *= 0.2
    frames.exposure[6], frames.monitor[6] = 0.02, frames.monitor[6] / 25.0
    assert reasons(frames, counts(frames)) == [()] * 10


def test_where_the_monitor_keeps_its_dark_counts_there_was_no_beam() -> None:
    frames = table()
    seen = counts(frames)
    frames.monitor[[4, 9]] *= 3e-3
    seen[4] = 0
    found = reasons(frames, seen)
    assert [bool(words) for words in found] == [i in (4, 9) for i in range(10)]
    assert found[4] == ("no beam: the monitor says 0.33 % of what it usually does",)
    mostly_lost = table()
    mostly_lost.monitor[3:7] *= 3e-3
    assert [i for i, words in enumerate(reasons(mostly_lost, counts(table()))) if words] == [3, 4, 5, 6]


def test_a_closed_shutter_is_seen_by_the_detector_where_the_monitor_does_not_see_it() -> None:
    frames, seen = table(), counts(table())
    seen[1], seen[5] = 0, seen[5] // 200
    found = reasons(frames, seen)
    assert found[1] == ("no counts on the detector",)
    assert found[5][0].startswith("no beam on the detector, or another role: 5 %")
    assert sum(map(bool, found)) == 2
    assert reasons(replace(frames, role=np.array(["empty"] * 10)), 0 * seen) == [()] * 10
