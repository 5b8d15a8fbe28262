"""Frames of the solvent, or of the starting solution, that differ from the others of the same content are left out of both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray, Role
from ...reduction.dead_time import lost_factor
from .reduce_run import ReducedRun

FEWEST = 3
"""Frames of a role of which the middle one tells which is odd."""
LEAST = 0.01
"""Of the intensity (chosen): below it, the scatter of the standards is the noise of the normalisation."""
TIMES = 6.0
"""Of the median distance from the middle (chosen)."""


def without_odd_standards(reduced: ReducedRun) -> ReducedRun:
    """`reduced` with a flag on each solvent or reference frame whose intensity is not that of most others of its role."""
    flags = list(reduced.flags)
    for role in (Role.SOLVENT, Role.REFERENCE):
        frames = reduced.frames(role)
        if frames.size < FEWEST:
            continue
        level = np.log(scattered_per_light(reduced, frames)[0])
        off = level - np.median(level)
        odd = np.abs(off) > max(LEAST, TIMES * float(np.median(np.abs(off))))
        if odd.sum() > frames.size / 3:
            continue
        for frame, by in zip(frames[odd], off[odd], strict=True):
            words = f"scatters {np.exp(by):.3g} times what the other {role} frames do: monitor or transmission were read wrong"
            flags[frame] = (*flags[frame], words)
    return replace(reduced, flags=tuple(flags))


def scattered_per_light(reduced: ReducedRun, frames: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Counts of each frame over what its monitor and transmission let one expect, and the sigma of counting, (frame,)."""
    seen, sigma = scattered_per_monitor(reduced, frames)
    return seen / reduced.table.transmission[frames], sigma / reduced.table.transmission[frames]


def scattered_per_monitor(reduced: ReducedRun, frames: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Counts of each frame over those of its monitor, and the sigma of counting, (frame,); without what pixels miss, where
    their dead time is known."""
    radial, dead_time = reduced.counts(frames), reduced.run.detector.dead_time_ns
    counts, norm = np.asarray(radial.counts.values), np.asarray(radial.norm.values)
    if dead_time:
        counts = counts * lost_factor(radial, reduced.table.exposure[frames], 1e-9 * dead_time)
    light = reduced.table.monitor[frames] * norm.sum(axis=1)
    seen = np.maximum(counts.sum(axis=1), 0.5)
    return np.asarray(seen / light), np.asarray(np.sqrt(seen) / light)
