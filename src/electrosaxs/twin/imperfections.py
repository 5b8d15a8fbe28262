"""What `[imperfections]` makes of the frames and of what the instruments read; drawn from random numbers of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, bad_value
from ..nouns import FloatArray
from ..nouns.imperfections import Imperfections, ModuleOff, Selected
from .detector_model import SATURATION, PixelModel, gaps_of, hot_rates
from .frames import Frame
from .schedule import Schedule

NEAR_UM = 0.5
SMALLEST, LARGEST = 1e-7, 1.0  # of a transmission
DARK_NOISE = 0.02  # of the ratio of two dark counters (chosen)
HOT_STREAM = 0x407A  # of random numbers


def selected(which: Selected, plan: Schedule) -> npt.NDArray[np.bool_]:
    """The frames of the map (frame,) that `which` means."""
    taken = np.array(plan.in_map)
    if which.scans is not None:
        taken &= np.isin(plan.scan, which.scans)
    if which.heights_um is not None:
        taken &= np.min(np.abs(plan.height[:, None] - np.array(which.heights_um)), axis=1) < NEAR_UM
    if which.time_s is not None:
        taken &= (plan.time >= which.time_s[0]) & (plan.time <= which.time_s[1])
    return taken


def gas_share(wrong: Imperfections, plan: Schedule) -> FloatArray:
    """Share of the path that is gas, (frame,)."""
    share = np.zeros(len(plan))
    if wrong.bubble is not None:
        share[selected(wrong.bubble, plan)] = wrong.bubble.share
    return share


def beam_factor(wrong: Imperfections, plan: Schedule) -> FloatArray:
    """Photons that come over those that should, (frame,): they drift from field-on on, and none come where the beam is lost."""
    factor = _drift(wrong.beam_drift, plan)
    factor[_lost(wrong, plan)] = 0.0
    return factor


def _lost(wrong: Imperfections, plan: Schedule) -> npt.NDArray[np.bool_]:
    return np.zeros(len(plan), dtype=bool) if wrong.beam_lost is None else selected(wrong.beam_lost, plan)


def dark_counts(wrong: Imperfections, plan: Schedule, usual: FloatArray, random: np.random.Generator) -> FloatArray:
    """What the monitor counts where the beam is lost, (frame,), of the `usual` counts; 0 elsewhere."""
    dark = 0.0 if wrong.beam_lost is None else wrong.beam_lost.dark
    counted = random.poisson(dark * usual) if dark else np.zeros(len(plan))
    return np.where(_lost(wrong, plan), counted, 0.0)


def solvent_factor(wrong: Imperfections, plan: Schedule) -> FloatArray:
    """What the solvent scatters over what it did before the field, (frame,)."""
    return _drift(wrong.solvent_drift, plan)


def stray_light(wrong: Imperfections, plan: Schedule, random: np.random.Generator) -> FloatArray:
    """Light beside that of the cell's content, in parts of the solvent's scattering, (frame,): about its mean, of which solvent
    and reference frames are rid together."""
    return np.asarray(wrong.parasitic * random.standard_normal(len(plan)))


def deposited(wrong: Imperfections, plan: Schedule) -> FloatArray:
    """Particles on the windows over those of the starting solution, (frame,), by the seconds that a height was in the beam."""
    share, deposit = np.zeros(len(plan)), wrong.deposit
    if deposit is not None:
        for height in np.unique(plan.height[plan.in_map]) if deposit.heights_um is None else deposit.heights_um:
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
    """`transmission` (frame,) with noise and, from field-on, drift. Without beam the dark counts of diode and monitor are
    divided, which are alike: about 1."""
    noise = 1.0 + wrong.transmission_noise * random.standard_normal(transmission.size)
    read = np.clip(transmission * noise * _drift(wrong.transmission_drift, plan), SMALLEST, LARGEST)
    lost = _lost(wrong, plan)
    read[lost] = np.clip(1.0 + DARK_NOISE * random.standard_normal(int(lost.sum())), SMALLEST, LARGEST)
    return read


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


def late_hot_pixels(wrong: Imperfections, pixels: PixelModel, seed: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Indices and counts per second of the pixels that become hot; none of those that are bad from the start."""
    number = 0 if wrong.hot_pixels is None else wrong.hot_pixels.number
    free = ~pixels.stop & ~gaps_of(pixels.geometry.detector)
    free.reshape(-1)[np.concatenate([pixels.hot, pixels.dead])] = False
    random = np.random.default_rng([seed, HOT_STREAM])
    chosen = random.choice(np.flatnonzero(free), size=min(number, int(free.sum())), replace=False)
    return np.sort(chosen), hot_rates(random, chosen.size)


def with_hot_pixels(
    write: Callable[[int, Frame], None],
    hot: tuple[npt.NDArray[np.int64], FloatArray],
    from_s: float,
    plan: Schedule,
    seed: int,
) -> Callable[[int, Frame], None]:
    """`write` (index, frame) with the pixels `hot` (indices, counts per second) that count by themselves from `from_s` on."""
    where, rate = hot
    if not where.size:
        return write

    def written(index: int, frame: Frame) -> None:
        if plan.time[index] >= from_s:
            random = np.random.default_rng([seed, index, HOT_STREAM])
            frame = frame.copy()
            flat = frame.reshape(-1)
            flat[where] = np.minimum(flat[where] + random.poisson(rate * plan.exposure[index]), SATURATION)
        write(index, frame)

    return written
