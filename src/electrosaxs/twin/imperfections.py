"""What `[imperfections]` makes of the frames and of what the instruments read; drawn from random numbers of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, bad_value
from ..nouns import FloatArray
from ..nouns.imperfections import Imperfections, ModuleOff
from .frames import Frame
from .schedule import Schedule

NEAR_UM = 0.5
SMALLEST, LARGEST = 1e-7, 1.0  # of a transmission


def gas_share(wrong: Imperfections, plan: Schedule) -> FloatArray:
    """Share of the path that is gas, (frame,)."""
    share, bubble = np.zeros(len(plan)), wrong.bubble
    if bubble is not None:
        there = np.min(np.abs(plan.height[:, None] - np.array(bubble.heights_um)), axis=1) < NEAR_UM
        share[there & (plan.time >= bubble.time_s[0]) & (plan.time <= bubble.time_s[1])] = bubble.share
    return share


def deposited(wrong: Imperfections, plan: Schedule) -> FloatArray:
    """Particles on the windows over those of the starting solution, (frame,), by the seconds that a height was in the beam."""
    share, deposit = np.zeros(len(plan)), wrong.deposit
    if deposit is not None:
        for height in deposit.heights_um:
            here = np.abs(plan.height - height) < NEAR_UM
            seconds = np.where(here, plan.exposure, 0.0)
            before = np.cumsum(seconds) - 0.5 * seconds
            share[here] += deposit.growth_per_s * before[here]
    return share


def monitor_factor(wrong: Imperfections, plan: Schedule, random: np.random.Generator) -> FloatArray:
    """What the monitor reads over what it should, (frame,). InputFileError for a frame that the run does not have."""
    frames, factor = len(plan), _drift(wrong.monitor_drift, plan)
    factor *= 1.0 + wrong.monitor_noise * random.standard_normal(frames)
    glitch = wrong.monitor_glitch
    if glitch is not None:
        if max(glitch.frames) >= frames:
            raise bad_value(
                InputFileError, where="experiment", field="imperfections.monitor_glitch.frames",
                value=max(glitch.frames), rule=f"the run has {frames} frames", remedy="number them from 0",
            )  # fmt: skip
        factor[glitch.frames] *= glitch.factor
    return factor


def misread_transmission(
    transmission: FloatArray, wrong: Imperfections, plan: Schedule, random: np.random.Generator
) -> FloatArray:
    """`transmission` (frame,) with noise and, from field-on, drift."""
    noise = 1.0 + wrong.transmission_noise * random.standard_normal(transmission.size)
    return np.clip(transmission * noise * _drift(wrong.transmission_drift, plan), SMALLEST, LARGEST)


def _drift(size: float, plan: Schedule) -> FloatArray:
    """1 at field-on, 1 + size in the last frame, (frame,)."""
    time = np.nan_to_num(plan.time)
    return np.asarray(1.0 + size * time / max(float(time.max()), 1e-9))


def counted_of(curve: FloatArray, wrong: Imperfections, solid_angle_sr: float, exposure_s: float) -> FloatArray:
    """Photons per steradian that are counted of `curve`: n exp(-n tau / t) of n in a pixel on the axis, while it is alive."""
    if not wrong.dead_time_ns:
        return curve
    return np.asarray(curve * np.exp(-curve * solid_angle_sr * 1e-9 * wrong.dead_time_ns / exposure_s))


def with_stopped_modules(
    write: Callable[[int, Frame], None], stopped: ModuleOff | None, plan: Schedule, gaps: npt.NDArray[np.bool_]
) -> Callable[[int, Frame], None]:
    """`write` (index, frame) with the modules that have stopped reading one number. InputFileError for one that is not there.

    gaps (y, x): where the detector has no pixels, which parts its modules.
    """
    if stopped is None:
        return write
    from scipy.ndimage import label

    modules, count = label(~gaps)
    if max(stopped.modules) >= count:
        raise bad_value(
            InputFileError, where="experiment", field="imperfections.module_off.modules",
            value=max(stopped.modules), rule=f"the detector has {count} modules", remedy="number them from 0",
        )  # fmt: skip
    off = np.isin(modules, np.array(stopped.modules) + 1)

    def written(index: int, frame: Frame) -> None:
        write(
            index,
            np.where(off, stopped.value, frame).astype(frame.dtype) if plan.time[index] >= stopped.from_s else frame,
        )

    return written
