"""Detector frames from expected curves: Poisson counts, hot and dead pixels, drawn by a few threads in bounded memory.

A frame is decided by the seed of the experiment and its index alone: who draws it, and when, makes no difference.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray
from .detector_model import SATURATION, PixelModel
from .frame_kernels import draw_frame, poisson_table

Frame = npt.NDArray[np.int32]
AHEAD = 2  # frames waiting per thread


class FramePainter:
    """Draws frames of one detector; safe to share between threads."""

    def __init__(self, pixels: PixelModel, *, seed: int) -> None:
        self.pixels = pixels
        self._seed = seed
        self._thresholds, self._guide = poisson_table()

    def draw(self, index: int, curve: FloatArray, exposure_s: float, out: Frame | None = None) -> Frame:
        """Counts (y, x) of frame `index`; `curve`: photons per steradian over the exposure, on the pixels' q grid.

        -1 where the detector has no pixel, at most `SATURATION` elsewhere. `out`: an array to write to.
        """
        frame = np.empty(self.pixels.shape, dtype=np.int32) if out is None else out
        flat = frame.reshape(-1)
        draw_frame(
            self.pixels.position,
            self.pixels.weight,
            np.ascontiguousarray(curve),
            frame_seed(self._seed, index),
            SATURATION,
            self._thresholds,
            self._guide,
            flat,
        )
        random = np.random.default_rng([self._seed, index, 0x407])
        flat[self.pixels.hot] = np.minimum(random.poisson(self.pixels.hot_rate * exposure_s), SATURATION)
        flat[self.pixels.dead] = 0
        return frame


def frame_seed(seed: int, index: int) -> np.uint64:
    """64 bits for one frame, from numpy's seed sequence: frames of one experiment do not share a stream."""
    return np.random.SeedSequence([seed, index]).generate_state(1, dtype=np.uint64)[0]


def draw_frames(
    painter: FramePainter,
    curves: Iterator[tuple[int, FloatArray, float]],
    deliver: Callable[[int, Frame], None],
    *,
    workers: int,
) -> Iterator[int]:
    """Draw (index, curve, exposure) on `workers` threads, hand each frame to `deliver` there, yield finished indices.

    At most `AHEAD` curves per thread wait; a thread reuses its frame, so `deliver` must not keep it. An error in
    `deliver` ends the work and is raised here.
    """
    own = threading.local()

    def work(index: int, curve: FloatArray, exposure_s: float) -> int:
        if not hasattr(own, "frame"):
            own.frame = np.empty(painter.pixels.shape, dtype=np.int32)
        deliver(index, painter.draw(index, curve, exposure_s, out=own.frame))
        return index

    waiting: set[Future[int]] = set()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for index, curve, exposure_s in curves:
            waiting.add(pool.submit(work, index, curve, exposure_s))
            if len(waiting) >= AHEAD * workers:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        for future in waiting:
            yield future.result()
