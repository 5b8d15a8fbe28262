"""A voltage program as the frames saw it: pieces of constant voltage, ramps between them, and when each step happened.

A rate is that of one voltage. Frames know the voltage at their own times only: a step lies anywhere between the last frame
before it and the first one after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .base import FloatArray

SAME_VOLTAGE = 0.01
"""Of the largest voltage of the run: frames that differ by less have one voltage."""
OFF = 0.01
FEWEST_FRAMES = 3


def whole_program(number: str) -> str:
    """Name of a number without the piece of the voltage program that it is of: `slice_flux[2]` is a `slice_flux`."""
    return number.split("[")[0]


@dataclass(frozen=True)
class Piece:
    """From `start` to `end` (s), its first and last frame; voltage (V), mean; ramp: the voltage changes within it.

    earliest, latest (s): when it may have begun: after the last frame of the piece before, and before its own first.
    """

    start: float
    end: float
    voltage: float
    ramp: bool
    earliest: float
    latest: float

    @property
    def words(self) -> str:
        """'20 V, 900 to 1800 s'."""
        name = "a ramp" if self.ramp else "field off" if self.voltage == 0.0 else f"{self.voltage:g} V"
        return f"{name}, {self.start:.0f} to {self.end:.0f} s"

    @property
    def held(self) -> bool:
        """A constant voltage that moves particles."""
        return not self.ramp and self.voltage != 0.0

    def has(self, time: FloatArray) -> np.ndarray:
        """Which times lie within."""
        return np.asarray((time >= self.start) & (time <= self.end))


def pieces(time_s: FloatArray, voltage_V: FloatArray) -> tuple[Piece, ...]:
    """Of the frames (frame,) in any order, those before field-on and without a voltage left out; none where nothing is known.

    A change that goes on over three frames or more is a ramp; a single frame between two voltages was taken during the step.
    """
    known = np.isfinite(time_s) & np.isfinite(voltage_V) & (time_s >= 0.0)
    order = np.argsort(time_s[known], kind="stable")
    time, voltage = time_s[known][order], voltage_V[known][order]
    if time.size == 0:
        return ()
    largest = float(np.max(np.abs(voltage)))
    voltage = np.where(np.abs(voltage) <= OFF * largest, 0.0, voltage)
    apart = np.abs(np.diff(voltage)) > SAME_VOLTAGE * largest
    groups = np.split(np.arange(time.size), np.flatnonzero(apart) + 1)
    found: list[Piece] = []
    moving: list[int] = []
    for group in [*groups, None]:
        if group is not None and group.size < FEWEST_FRAMES:
            moving += group.tolist()
            continue
        if len(moving) >= FEWEST_FRAMES or (moving and group is None and not found):
            found.append(_piece(time, voltage, np.array(moving), ramp=True))
        moving = []
        if group is not None:
            found.append(_piece(time, voltage, group, ramp=False))
    return tuple(
        replace(piece, earliest=before.end if before is not None else min(0.0, piece.start))
        for before, piece in zip([None, *found[:-1]], found, strict=True)
    )


def _piece(time: FloatArray, voltage: FloatArray, frames: np.ndarray, *, ramp: bool) -> Piece:
    start, end = float(time[frames[0]]), float(time[frames[-1]])
    return Piece(start, end, float(f"{np.mean(voltage[frames]):.4g}"), ramp, start, start)


def steps(program: tuple[Piece, ...]) -> tuple[tuple[float, float], ...]:
    """(earliest, latest) time of each change of the voltage, a ramp from its beginning to its end."""
    return tuple((piece.earliest, piece.end if piece.ramp else piece.latest) for piece in program[1:])


def main_piece(program: tuple[Piece, ...]) -> Piece | None:
    """The longest piece that moves particles at a constant voltage, None where the voltage never changes or never holds."""
    held = [piece for piece in program if piece.held]
    return max(held, key=lambda piece: piece.end - piece.start) if len(program) > 1 and held else None
