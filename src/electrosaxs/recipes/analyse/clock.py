"""Whether the clock of the frames is that of the voltage: when the layer at the anode began against when the field is said to
have come on (analysis.kinetics.field_on)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...analysis.kinetics.field_on import FieldOn, field_on
from ...nouns import FloatArray, Number
from ...nouns.voltage_pieces import Piece, whole_program
from .layer import as_seen, without_crystals
from .measured_run import MeasuredRun
from .measured_view import MeasuredView
from .voltage import voltage_pieces

NAME = "field_on_time"
OFF = 4.5
"""Sigmas from which on the clock is wrong (chosen: one clean run in 100,000)."""
HOUR_S, NEAR_AN_HOUR_S = 3600.0, 90.0
"""How near to whole hours a clock is wrong by them (chosen): daylight saving and time zones are exact, clocks are not."""
RESTS_ON_IT = ("slice_flux", "slice_flux_mean", "supply_flux", "onset_time", "onset_time_kink")
"""Rates count the scans from field-on, the onset the time since."""
NOT_TOLD = "no layer of one voltage tells when the field came on"
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Clock:
    """When the layer began, by the clock of the frames, and between which times the field is said to have come on (s)."""

    found: FieldOn
    earliest_s: float
    latest_s: float
    exposure_s: float

    @property
    def off_s(self) -> float:
        """How much later the layer began than the field is said to have come on; 0 where that is not known better."""
        return self.found.time_s - float(np.clip(self.found.time_s, self.earliest_s, self.latest_s))

    @property
    def wrong(self) -> bool:
        """A table may have the beginning or the end of each exposure for its middle: that is no wrong clock."""
        return abs(self.off_s) > max(OFF * self.found.sigma_s, self.exposure_s)

    @property
    def words(self) -> str:
        """What is wrong, in one sentence."""
        way, size = "later" if self.off_s > 0.0 else "earlier", abs(self.off_s)
        hours = round(size / HOUR_S)
        said = f"the layer at the anode began {size:.4g} +- {self.found.sigma_s:.2g} s {way} than the field is said to be on"
        if hours and abs(size - hours * HOUR_S) < NEAR_AN_HOUR_S:
            what = "an hour" if hours == 1 else f"{hours} hours"
            return (
                f"{said}: the clocks of frames and voltage are {what} apart (daylight saving, or UTC beside local time)"
            )
        other = "the field came on late" if self.off_s > 0.0 else "particles had gathered there without it"
        return f"{said}: the clocks of frames and voltage are apart, or {other}"


def clock_of(measured: MeasuredRun, view: MeasuredView, left_out: BoolArray) -> Clock | None:
    """From the frames that are not `left_out` (scan, height), before crystals and before the voltage changes again; None where
    they do not tell."""
    program = voltage_pieces(measured.reduced)
    number = next((k for k, piece in enumerate(program) if piece.ramp or piece.voltage != 0.0), None)
    if number is None or program[number].ramp or program[number].voltage < 0.0:
        return None
    piece = program[number]
    reduced, grid = measured.reduced, view.grid
    told = without_crystals(view.fraction) & ~left_out & (grid.time <= piece.end)
    x, seen, particles = as_seen(measured, view.phi, view.attenuation)
    exposure = float(np.nanmedian(reduced.table.exposure[reduced.usable])) if reduced.usable.any() else 0.0
    found = field_on(x, view.relative, told, seen, particles, view.layer, exposure)
    return None if found is None else Clock(found, *_said(number, piece, grid.time), exposure)


def _said(number: int, piece: Piece, time_s: FloatArray) -> tuple[float, float]:
    """Between which times (s) a piece of the voltage program is said to have begun: the first one at 0, or, where frames saw
    the voltage rise, until it had risen."""
    if number:
        return piece.earliest, piece.latest
    return 0.0, piece.start if np.any((time_s >= 0.0) & (time_s < piece.start)) else 0.0


def clock_number(clock: Clock | None) -> Number:
    """When the field came on, by the clock of the frames: 0 where that is right."""
    if clock is None:
        return Number.absent("s", NOT_TOLD)
    source = (
        "when the layer at the anode began, by the clock of the frames (0: as said), fitted with drift and diffusion"
    )
    return Number(clock.found.time_s, clock.found.sigma_s, "s", source)


def words_of_the_clock(clock: Clock | None) -> tuple[str, ...]:
    """What is wrong, and what to do about it."""
    if clock is None or not clock.wrong:
        return ()
    shift = -clock.off_s
    return (
        f"clock: {clock.words}; rates, onset and a fit of the transport model rest on it: add {shift:+.4g} s to the times, or"
        " mend field_on",
    )


def with_the_clock(numbers: Mapping[str, Number], clock: Clock | None) -> dict[str, Number]:
    """`numbers` and the moment of the field; where no frame tells it, that is said of what rests on it."""
    found = dict(numbers)
    for name, number in numbers.items():
        if clock is None and whole_program(name) in RESTS_ON_IT and number.value is not None:
            found[name] = replace(number, source=f"{number.source}; not included: error of the clock ({NOT_TOLD})")
    return {**found, NAME: clock_number(clock)}
