"""Frames come back in order, a broken one does not stop the others, and a killed reduction goes on where it was."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from electrosaxs.errors import FrameError, ShapeError
from electrosaxs.reduction.azimuthal import FrameSums, Integrator
from electrosaxs.reduction.geometry import Geometry
from electrosaxs.reduction.stream import BLOCK, LOOK_AHEAD, ReducedFrame, ReductionStore, reduce_frames, reduce_series

SHAPE = (4, 5)


class Series:
    """Frames filled with their own index; frame 7 is broken; counts how many are read and not yet taken."""

    shape = SHAPE

    def __init__(self, length: int) -> None:
        self.length = length
        self.read_order: list[int] = []
        self.ahead = 0
        self.most_ahead = 0
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return self.length

    def read(self, index: int) -> npt.NDArray:
        with self.lock:
            self.read_order.append(index)
            self.ahead += 1
            self.most_ahead = max(self.most_ahead, self.ahead)
        time.sleep(0.002 * (index % 3))
        if index == 7:
            raise FrameError("frame_7.cbf: truncated")
        return np.full(SHAPE, index, np.int32)


class Sum:
    """Two bins: the sum of the frame, and nothing."""

    shape = SHAPE

    def integrate(self, frame: npt.NDArray) -> FrameSums:
        return FrameSums(np.array([frame.sum(), 0]), np.array([float(frame.size), 0.0]), negative=1, saturated=2)


def test_frames_come_in_order_and_only_a_few_are_held() -> None:
    series = Series(3 * LOOK_AHEAD)
    workers = 3
    indices = []
    for frame in reduce_frames(series, range(len(series)), Sum(), workers=workers):
        with series.lock:
            series.ahead -= 1
        if frame.index in (LOOK_AHEAD, LOOK_AHEAD + 1):  # as when a block is written: the workers go on, and then wait
            time.sleep(0.1)
        indices.append(frame.index)
        assert frame.error or frame.counts[0] == 20 * frame.index
    assert indices == list(range(len(series)))
    assert LOOK_AHEAD <= series.most_ahead <= LOOK_AHEAD + 2 * workers


class SumOfSome(Sum):
    """Tells which frames came together."""

    def __init__(self, shape: tuple[int, int] = (4, 5)) -> None:
        self.shape = shape
        self.groups: set[tuple[int, ...]] = set()

    def integrate_together(self, frames: Sequence[npt.NDArray]) -> list[FrameSums]:
        self.groups.add(tuple(int(frame[0, 0]) for frame in frames))
        return [self.integrate(frame) for frame in frames]


def test_frames_come_four_by_four_where_that_is_quicker_and_one_that_cannot_be_read_alone() -> None:
    together = SumOfSome()
    frames = list(reduce_frames(Series(14), iter(range(14)), together))
    assert together.groups == {(0, 1, 2, 3), (4, 5, 6), (8, 9, 10, 11), (12, 13)}
    assert [frame.index for frame in frames] == list(range(14))
    assert [frame.index for frame in frames if frame.error] == [7]
    assert [frame.counts[0] for frame in frames if not frame.error] == [20 * i for i in range(14) if i != 7]


def test_fewer_large_images_are_held_together() -> None:
    shape = (4362, 4148)  # 16M
    series = Series(4)
    series.shape = shape
    together = SumOfSome(shape)
    list(reduce_frames(series, range(4), together))
    assert together.groups == {(0, 1), (2, 3)}


def test_a_broken_frame_says_why_and_the_rest_is_reduced() -> None:
    frames = list(reduce_frames(Series(10), range(10), Sum()))
    assert [f.index for f in frames if f.error] == [7]
    assert frames[7].error == "frame_7.cbf: truncated"


def test_a_detector_of_another_shape_stops_before_the_first_frame() -> None:
    series = Series(3)
    series.shape = (5, 4)
    with pytest.raises(ShapeError, match=r"\(5, 4\).*\(4, 5\)"):
        next(reduce_frames(series, range(3), Sum()))
    assert not series.read_order


def test_two_workers_give_what_one_gives(
    small_geometry: Geometry, scattering: Callable[[float, int], npt.NDArray]
) -> None:
    class Frames(Series):
        shape = small_geometry.shape

        def read(self, index: int) -> npt.NDArray:
            return scattering(2.0, index)

    integrator = Integrator(small_geometry, mask=small_geometry.gaps(), q_min=0.1, q_max=1.8, bins=100)
    one, two = ([f.counts for f in reduce_frames(Frames(12), range(12), integrator, workers=n)] for n in (1, 2))
    assert np.array_equal(one, two)


def test_a_reduction_goes_on_from_the_frames_it_has(tmp_path: Path) -> None:
    with ReductionStore(tmp_path, key="a", n_frames=20, bins=2) as store:
        for index in range(10):
            store.add(ReducedFrame(index, np.array([index, 0]), np.array([1.0, 0.0]), 1, 2))
    series = Series(20)
    store = ReductionStore(tmp_path, key="a", n_frames=20, bins=2)
    assert store.resumed
    frames = list(reduce_series(series, Sum(), store))
    assert sorted(series.read_order) == list(range(10, 20)) == [f.index for f in frames]
    assert store.counts[5, 0] == 5
    assert store.counts[15, 0] == 300
    assert store.negative[15] == 1
    assert store.saturated[15] == 2
    assert store.done.all()


def test_another_key_starts_anew_and_broken_frames_are_tried_again(tmp_path: Path) -> None:
    store = ReductionStore(tmp_path, key="a", n_frames=10, bins=2)
    list(reduce_series(Series(10), Sum(), store))
    assert list(store.pending) == [7]
    again = Series(10)
    list(reduce_series(again, Sum(), ReductionStore(tmp_path, key="a", n_frames=10, bins=2)))
    assert again.read_order == [7]
    other = ReductionStore(tmp_path, key="b", n_frames=10, bins=2)
    assert not other.resumed
    assert not other.done.any()
    assert not other.counts.any()


def test_stored_frames_become_counts_with_poisson_variance(tmp_path: Path) -> None:
    store = ReductionStore(tmp_path, key="a", n_frames=10, bins=2)
    list(reduce_series(Series(10), Sum(), store))
    radial = store.radial_counts([3, 5], q=np.array([0.1, 0.2]))
    assert np.array_equal(radial.counts.values, [[60, 0], [100, 0]])
    assert np.array_equal(radial.counts.variances, radial.counts.values)
    assert np.array_equal(radial.counts.coords["index"].values, [3, 5])
    with pytest.raises(ShapeError, match="frame 7 is not reduced"):
        store.radial_counts([7], q=np.array([0.1, 0.2]))


ENDLESS = """
import sys, time
import numpy as np
from electrosaxs.reduction.stream import ReducedFrame, ReductionStore
store = ReductionStore(sys.argv[1], key="k", n_frames=100_000, bins=50)
for i in range(100_000):
    store.add(ReducedFrame(i, np.full(50, i + 1.0), np.full(50, 2.0)))
    print(i, flush=True)
    time.sleep(0.002)
"""


def test_a_kill_loses_at_most_the_block_that_was_being_collected(tmp_path: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    while int(worker.stdout.readline()) < 61:
        pass
    os.kill(worker.pid, signal.SIGKILL)
    taken = [int(line) for line in worker.stdout.read().split() if line.isdigit()]
    worker.wait()
    last = max(taken, default=61)
    store = ReductionStore(tmp_path, key="k", n_frames=100_000, bins=50)
    kept = int(store.done.sum())
    assert store.resumed
    assert last + 1 - BLOCK <= kept <= last + 1 + BLOCK
    assert store.done[:kept].all()
    assert np.array_equal(store.counts[:kept, 17], np.arange(kept) + 1.0)
