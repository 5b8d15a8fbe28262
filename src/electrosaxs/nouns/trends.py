"""What a campaign gives: its members with their numbers, and how numbers follow field and flux from member to member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .base import FloatArray, Number
from .campaign import Kind
from .film_maps import RadialIntensity
from .islands import Distribution
from .results import RunResults

MM_PER_CM = 10.0
FIELD, VOLTAGE = "field (V/cm)", "voltage (V)"
"""What a trend may be over, where it is not over a flux."""


@dataclass(frozen=True, eq=False)
class Member:
    """A run, a film or a sample of micrographs. voltage_V and gap_mm are None where they are not known; relative_sigma: of
    the field, as far as it is stated. reason: why there are no numbers, empty where there are. folder: its results.

    lattice: that was found, None where none was. run, radial and curves (of islands, by name): what its figures are drawn
    from.
    """

    kind: Kind
    name: str
    voltage_V: float | None = None
    gap_mm: float | None = None
    duration_s: float | None = None
    relative_sigma: float = 0.0
    numbers: Mapping[str, Number] = field(default_factory=dict)
    reason: str = ""
    notes: tuple[str, ...] = ()
    folder: Path | None = None
    lattice: str | None = None
    run: RunResults | None = None
    radial: RadialIntensity | None = None
    curves: Mapping[str, Distribution] = field(default_factory=dict)

    @property
    def field_V_per_cm(self) -> float | None:
        """Nominal field V / L."""
        if self.voltage_V is None or self.gap_mm is None:
            return None
        return MM_PER_CM * self.voltage_V / self.gap_mm

    def number(self, name: str) -> Number:
        """A headline number; absent with its reason where this member has none."""
        return self.numbers.get(name) or Number.absent("one", self.reason or f"the results hold no {name}")

    @property
    def label(self) -> str:
        """What figures call it: its field, or its name."""
        known = self.field_V_per_cm
        return self.name if known is None else f"{known:.0f} V/cm"


@dataclass(frozen=True)
class Point:
    """A member in a trend: abscissa and value, each with one sigma."""

    name: str
    x: float
    x_sigma: float
    y: float
    y_sigma: float


@dataclass(frozen=True, eq=False)
class Trend:
    """How one number follows another over a campaign: `number` is the exponent (power) or the slope.

    left_out: (name, why). abscissa: in words with its unit. The drawn line is intercept + slope (x - centre), of logarithms
    where `power` is true; None where there is no number.
    """

    number: Number
    points: tuple[Point, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    power: bool = True
    line: tuple[float, float, float] | None = None
    abscissa: str = FIELD

    def at(self, x: FloatArray) -> FloatArray:
        """The line at `x`; NaN where there is none."""
        if self.line is None:
            return np.full(np.shape(x), np.nan)
        intercept, slope, centre = self.line
        if not self.power:
            return np.asarray(intercept + slope * (x - centre))
        return np.asarray(np.exp(intercept + slope * (np.log(x) - centre)))


@dataclass(frozen=True)
class Published:
    """Marks that a figure shows beside the campaign: y at x, of a paper, or the truth of a simulation."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    is_truth: bool = False


@dataclass(frozen=True)
class Statement:
    """A number that a paper states, beside what a campaign finds and what went into it, as texts."""

    words: str
    paper: str
    found: str
    truth: str = ""
    pull: str = ""
