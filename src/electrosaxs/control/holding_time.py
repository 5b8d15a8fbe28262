"""For how long a flux is held: looked at in every step of the integrator and often between the points of a program."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray, VoltageProgram
from .plant import Plant, flux_below

HELD_WITHIN = 0.02
"""A flux is held where it departs from its target by at most this share (chosen); the only tolerance that is reported."""
BETWEEN = 10
"""Looks between two points of a program, at the least."""
LOOKS = 120
"""Looks over the whole duration, at the least."""


@dataclass(frozen=True)
class Departure:
    """A departure from the target, a share of it with its sign, and when (s)."""

    share: float
    time: float


@dataclass(frozen=True, eq=False)
class Programmed:
    """A program, what it reaches, from when to when the target is held (s, None where never), and what limits it.

    limited_by: empty where nothing does. departure: of a flux, the largest between the moment from which it is held and
    the end, and where it is not held the smallest of all.
    """

    program: VoltageProgram
    reached: float
    held: tuple[float, float] | None
    limited_by: str
    departure: Departure | None = None


def flux_over_time(
    plant: Plant, program: VoltageProgram, duration: float, height: float
) -> tuple[FloatArray, FloatArray]:
    """Times (s) after field-on up to `duration` and J (m/s) through `height` (m) there, (time,) each."""
    points = np.array([0.0, *(t for t in program.time_s if 0.0 < t < duration), duration])
    count = np.maximum(BETWEEN + 1, np.ceil(LOOKS * np.diff(points) / duration)).astype(int)
    looks = [np.linspace(a, b, n + 1)[1:] for a, b, n in zip(points[:-1], points[1:], count, strict=True)]
    history = plant.run(program, np.concatenate(looks))
    every_step = replace(history, times=np.asarray(history.knots.times[1:]))
    return every_step.times, flux_below(every_step, height)


def how_held(times: FloatArray, values: FloatArray, target: float) -> tuple[tuple[float, float] | None, Departure]:
    """The longest stretch in which `values` stay at the target, and the largest departure from its beginning on.

    Where there is no such stretch, the departure is the smallest of all: how near the target comes.
    """
    departure = values / target - 1.0
    held = _longest(times, np.abs(departure) <= HELD_WITHIN)
    if held is None:
        told = int(np.argmin(np.abs(departure)))
    else:
        after = np.flatnonzero(times >= held[0])
        told = int(after[np.argmax(np.abs(departure[after]))])
    return held, Departure(float(departure[told]), float(times[told]))


def _longest(times: FloatArray, good: npt.NDArray[np.bool_]) -> tuple[float, float] | None:
    """First and last time of the longest run of good points, None where there are not two."""
    changes = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    begins, ends = changes[::2], changes[1::2] - 1
    if not np.any(ends > begins):
        return None
    longest = int(np.argmax(times[ends] - times[begins]))
    return float(times[begins[longest]]), float(times[ends[longest]])
