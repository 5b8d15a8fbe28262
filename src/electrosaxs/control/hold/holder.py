"""The loop that holds a flux: when it steers, when it lets go, how it comes back, and when it is over."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ...errors import ElectrosaxsError
from ..limits import Limits
from .below_onset import TOO_FAST, Nucleation, Wall, begins_on_the_way, wall_voltage
from .estimate import Estimate
from .estimator import Estimator
from .next_voltage import CURRENT, HIGHEST, Chosen, Range, voltage_for
from .steering import LIKELY

Kind = Literal["slice", "supply", "wall"]
Mode = Literal["start", "hold", "fallback", "ended"]
AtEnd = Literal["stop", "fallback", "limit"]
KNOWN_WITHIN = 0.1
"""Relative sigma of the charge from which on a flux is steered."""
SOFT_S = 60.0
"""Time constant with which a set-point that jumps is approached from the flux that there is."""
LOST_SIGMA, LOST_OF, LOOKED_AT = 4.0, 3, 6
"""An estimate is lost where so many of the last frames were farther than so many sigma from what was expected."""
BELIEVED_AFTER = 15
"""So many frames in a row that are not as expected are right, and the estimate was wrong."""
BALANCE_SIGMA = 4.0
COMPLIANCE_SHARE = 0.95
"""Of the current limit that the loop goes up to: at the limit the meter lowers the voltage by itself."""
SHORT, SHORT_TIMES = 0.02, 3
"""At the end: so far below the set-point at the highest voltage, so many decisions in a row."""
MAY_BEGIN, STEERS = 0.02, 0.5
"""Probability of crystals from which on frames are wanted between two scans, and from which on they steer: half of what they
ask for, by the odds squared."""
UNKNOWN, BADLY_KNOWN = 0.03, 0.05
"""Relative sigma of the flux from which on frames are wanted between two scans once there are crystals, and from which on it
is said that they are why."""
SOONER = 3.0
"""After the step that nucleates, until crystals are seen, decisions come so many times as often: just after one the flux is up
to a fifth above what it is at the end, and crystals begin at what it is then."""
EMPTY = 0.1
"""Share of the particles in the solution below which there is no supply."""
PASSED_V = 1.0
"""Below, the conductance of the cell is not taken from the current."""


@dataclass(frozen=True)
class Wanted:
    """What is to be held, and what is done where it cannot. set_point in m/s, of the wall that of the slice flux with which
    it is brought up; current: largest, A. wall_share: of the solubility; nucleation: the step that ends holding the wall."""

    kind: Kind
    set_point: float
    start_V: float
    fallback_V: float
    stale_after_s: float
    at_end: AtEnd = "stop"
    current: float = math.inf
    wall_share: float = 0.97
    nucleation: Nucleation | None = None


@dataclass(frozen=True)
class Decision:
    """What is decided at `time` (s) for the step from there: `voltage` (V), and why.

    flux and flux_sigma (m/s): of the held kind, as estimated now; charge in elementary charges; limited_by: the limit
    that keeps the flux from its set-point, empty where none does; reason: of a fallback or the end, or how well the flux is
    known while crystals begin. highest: flux (m/s) that the highest voltage would give now. wall, wall_sigma: phi of the
    solution at the anode; wall_goal: where it is held, NaN where it is not.
    """

    time: float
    set_point: float
    flux: float
    flux_sigma: float
    charge: float
    charge_sigma: float
    voltage: float
    limited_by: str
    mode: Mode
    reason: str = ""
    highest: float = math.inf
    wall: float = math.nan
    wall_sigma: float = math.nan
    wall_goal: float = math.nan


@dataclass(eq=False)
class Holder:
    """Frames and readings of the meter in, a decision every step out. All times in s since field-on."""

    estimator: Estimator
    wanted: Wanted
    limits: Limits
    step_s: float
    mode: Mode = "start"
    reason: str = ""
    _usable_at: float = 0.0
    _new: list[tuple[float, ...]] = field(default_factory=list)
    _good: deque[bool] = field(default_factory=lambda: deque(maxlen=LOOKED_AT))
    _far: deque[bool] = field(default_factory=lambda: deque(maxlen=LOOKED_AT))
    _heights: deque[float] = field(default_factory=lambda: deque(maxlen=30))
    _from: tuple[float, float] | None = None
    _short: int = 0
    _agreeing: int = 0
    _broken: str = ""
    _highest: float = math.inf
    _highest_is: str = HIGHEST
    _highest_before: float = math.inf
    _reached: bool = False
    _wall: Wall | None = None
    _stepped: bool = False
    _stepping: bool = False
    _unknown: bool = False
    _waiting: bool = False

    def __post_init__(self) -> None:
        self.set_point = self.wanted.set_point
        cell, transport = self.estimator.belief.plant.cell, self.estimator.belief.plant.transport
        self._highest, self._highest_is = self.limits.highest_voltage(cell, transport)

    def ask_for(self, set_point: float) -> None:
        """Another set-point (m/s) from now on; it is approached from the flux that there is."""
        self.set_point, self._from, self._short, self._reached = set_point, None, 0, False
        if self.mode == "ended":
            self.mode, self.reason = "hold", ""

    def read(self, time_s: float, voltage_V: float, current_A: float = math.nan) -> None:
        """A reading of the meter."""
        self.estimator.voltage.read(time_s, voltage_V)
        if voltage_V > PASSED_V and current_A > 0.0 and math.isfinite(self.wanted.current):
            allowed = COMPLIANCE_SHARE * self.wanted.current * voltage_V / current_A
            top = self.limits.highest
            self._highest, self._highest_is = (allowed, CURRENT) if allowed < top else (top, HIGHEST)

    @property
    def next_s(self) -> float:
        """From the last decision to the next."""
        return self.step_s / SOONER if self._waiting else self.step_s

    @property
    def uneasy(self) -> bool:
        """True while crystals may be beginning unseen, or have begun and leave the flux unknown: until somebody looks, it may
        be far from where it is held."""
        bank = self.estimator.bank
        return self.mode == "hold" and (self._unknown if bank is None else bank.crystals > MAY_BEGIN)

    @property
    def crystals_steer(self) -> bool:
        """The voltage has begun to follow crystals, seen or not, or derivatives know them: looks tell within minutes which."""
        bank = self.estimator.bank
        return bank is None or bank.crystals > STEERS

    def looks_for_lines(self, height_um: float) -> bool:
        """Whether lines of crystals in a frame at this height would tell anything that is not known."""
        return bool(self.estimator.touches(np.array(height_um)))

    def frame(
        self, time_s: float, height_um: float, phi: float, sigma: float, crystals: tuple[float, float] | None = None
    ) -> None:
        """A frame: phi above the anode at `height_um`, with its own sigma; not finite where it could not be used, and of
        no use where a beam at that height does not pass between the electrodes.

        crystals: phi of those whose lines it shows, with sigma.
        """
        usable = math.isfinite(phi) and math.isfinite(sigma) and sigma > 0.0 and self.estimator.sees(height_um)
        if not usable and self._shows_crystals(height_um):
            return  # its phi would not count either
        self._good.append(usable)
        if not usable:
            return
        self._new.append((time_s, height_um, phi, sigma, *(crystals or (math.nan, math.nan))))
        self._heights.append(height_um)
        self._usable_at = time_s

    def _count_frames(self) -> None:
        """The frames since the last decision into the estimate, all at once: the model need not stop at each."""
        if not self._new:
            return
        when, where, seen, own, *lines = np.array(sorted(self._new)).T
        self._new = []
        for far in np.abs(self.estimator.add(when, where, seen, own, np.array(lines))) > LOST_SIGMA:
            self._far.append(bool(far))
            self._agreeing = self._agreeing + 1 if far else 0
            if self._agreeing >= BELIEVED_AFTER:
                self._agreeing = 0
                self.estimator.believe_frames()

    def _shows_crystals(self, height_um: float) -> bool:
        """Whether crystals may stand in a beam at this height: spheres need not describe its curve."""
        bank = self.estimator.bank
        grown = bank is None or bank.crystals > MAY_BEGIN
        return grown and bool(self.estimator.touches(np.array(height_um)))

    def decide(self, time_s: float) -> Decision:
        """What the voltage is to be from `time_s` on, until the next decision."""
        last = self.estimator.voltage.last_V
        try:
            if self._broken:
                self.estimator.start_again(time_s)
                self._broken = ""
            self.estimator.waits = self.wanted.kind == "wall"
            self._count_frames()
            self.estimator.settle()
            self.estimator.go_on(time_s)
            known = self.estimator.estimate(last)
            self._change_mode(known, time_s)
            self._step(time_s)
            self._waiting = self._stepped and known.crystals_likely < LIKELY
            self._wall = None
            chosen = self._chosen(known, last, time_s)
            self._check_step(chosen.voltage, last)
        except ElectrosaxsError as error:
            return self._blind(f"the model cannot be run: {error}", last, time_s)
        self._look_for_the_end(known, chosen)
        flux, sigma = self._held(known)
        self._unknown = self.kind != "supply" and self._doubt(known) > UNKNOWN
        return Decision(
            time_s, self.set_point, flux, sigma, known.charge, known.charge_sigma, chosen.voltage, chosen.limited_by,
            self.mode, self.reason or self.onset_in_words(known), self._highest_flux(known), known.wall, known.wall_sigma,
            math.nan if self._wall is None else self._wall.goal,
        )  # fmt: skip

    def onset_in_words(self, known: Estimate) -> str:
        """How well the held flux is known while crystals begin; empty where they do not, or where it is known all the same."""
        doubt = self._doubt(known)
        if self.kind == "supply" or not self.uneasy or not doubt > BADLY_KNOWN:
            return ""
        begun = known.crystals_likely > 0.5
        what = "crystals take up particles" if begun else "crystals may be beginning"
        return f"{what}: the flux is known to {100.0 * doubt:.0f} %"

    def _doubt(self, known: Estimate) -> float:
        """Relative sigma of the held flux; of its set-point where it is far below, or runs back from the anode, as after a
        fallback."""
        flux, sigma = self._held(known)
        size = max(abs(flux), self.set_point if self.kind == "slice" else 0.0)
        return sigma / size if size > 0.0 else math.inf

    @property
    def kind(self) -> Kind:
        """What is held now: after the step that nucleates, the slice flux."""
        return "slice" if self._stepped else self.wanted.kind

    def _step(self, time_s: float) -> None:
        """From holding the wall to the flux at which islands nucleate, when it is time: at once, however far it is."""
        step = self.wanted.nucleation
        if step is not None and not self._stepped and self.mode == "hold" and time_s + self.step_s > step.at_s:
            self._stepped, self.set_point, self._from = True, step.flux, (-math.inf, step.flux)
            self._stepping = True

    def _check_step(self, volt: float, last_V: float) -> None:
        """Say so where crystals begin at less than the flux of the step."""
        if self._stepping:
            runs, solubility = self.estimator.runs(), self.estimator.solubility()
            self.reason = TOO_FAST if begins_on_the_way(runs, solubility, last_V, volt, self.limits.ramp) else ""
        self._stepping = False

    def _blind(self, why: str, last_V: float, time_s: float) -> Decision:
        """The fallback where nothing is known; the next decision begins from the belief."""
        self._broken = self.reason = why
        self.mode = "fallback"
        volt, by = self._allowed().limited(self.wanted.fallback_V, last_V)
        return Decision(time_s, self.set_point, math.nan, math.nan, math.nan, math.nan, volt, by, self.mode, why)

    def _highest_flux(self, known: Estimate) -> float:
        """What the highest voltage would give now (m/s), three sigma of the charge to the safe side."""
        top, sure = min(self._highest, self.limits.highest), 1.0 + 3.0 * known.charge_sigma / known.charge
        track = self.estimator.run.tracks[0]
        slice_flux = sum(weight * one.slice_flux(top) for weight, one in self.estimator.runs()) * sure**2
        return slice_flux if self.kind != "supply" else track.supply_per_volt() * top * sure

    def _held(self, known: Estimate) -> tuple[float, float]:
        """The flux that is held, and its sigma."""
        if self.kind == "supply":
            return known.supply, known.supply_sigma
        return known.flux, known.flux_sigma

    def _change_mode(self, known: Estimate, time_s: float) -> None:
        """Let go where the estimate cannot be trusted, and take up again where it can."""
        why = self._lost(time_s)
        trusted = not why and known.charge_sigma < KNOWN_WITHIN * known.charge
        if self.mode in ("start", "hold") and why:
            self.mode, self.reason = "fallback", why
        elif self.mode == "start" and trusted:
            self.mode, self._from = "hold", None
        elif self.mode == "fallback" and trusted:
            self.mode, self.reason, self._from = "hold", "", None

    def _lost(self, time_s: float) -> str:
        """Why the estimate cannot be trusted now; empty where it can."""
        if time_s - self._usable_at > self.wanted.stale_after_s:
            return f"no usable frame for {time_s - self._usable_at:.0f} s"
        if len(self._good) == LOOKED_AT and 2 * sum(self._good) < LOOKED_AT:
            return f"{LOOKED_AT - sum(self._good)} of the last {LOOKED_AT} frames are not usable"
        if sum(self._far) >= LOST_OF:
            return f"{sum(self._far)} of the last {len(self._far)} frames are beyond {LOST_SIGMA:g} sigma of what was expected"
        if abs(off := self.estimator.excess(self._one_scan())) > BALANCE_SIGMA:
            return f"the frames hold {abs(off):.1f} sigma {'more' if off > 0.0 else 'less'} than the estimate has left"
        return ""

    def _one_scan(self) -> int:
        """How many of the last frames make one scan: from the highest to the one before a height comes again."""
        seen: set[float] = set()
        for height in reversed(self._heights):
            if round(height) in seen:
                break
            seen.add(round(height))
        return len(seen)

    def _allowed(self) -> Range:
        """What the next voltage may be."""
        top, move = min(self._highest, self.limits.highest), self.limits.ramp * self.next_s
        return Range(top, move, max(self.limits.lowest, 0.0), self._highest_is)

    def _chosen(self, known: Estimate, last_V: float, time_s: float) -> Chosen:
        """The next voltage in the mode of now."""
        allowed = self._allowed()
        if self.mode == "hold" or (self.mode == "ended" and self.wanted.at_end != "fallback"):
            return self._steered(known, last_V, time_s, allowed)
        constant = self.wanted.start_V if self.mode == "start" else self.wanted.fallback_V
        volt, by = allowed.limited(constant, last_V)
        return Chosen(volt, math.nan, by)

    def _steered(self, known: Estimate, last_V: float, time_s: float, allowed: Range) -> Chosen:
        """The voltage that brings the flux to its set-point, from where it is now."""
        now = self._held(known)[0]
        if self._from is None:
            self._from = (time_s, now)
        begin, flux = self._from
        left = math.exp(-(time_s + self.next_s - begin) / SOFT_S)
        target = self.set_point + (flux - self.set_point) * left
        if self.kind == "supply":
            per_volt = known.supply / last_V if last_V > 0.0 else self.estimator.run.tracks[0].supply_per_volt()
            volt, by = allowed.limited(target / per_volt, last_V)
            return Chosen(volt, per_volt * volt, by)
        runs, end = self.estimator.runs(), time_s + self.next_s
        run = sum(weight * track.slice_flux(last_V) for weight, track in runs)
        share = now / run if run > 0.0 else 1.0  # the estimate over the runs, where it has moved from there

        def flux_at(volt: float) -> float:
            return share * sum(weight * track.slice_flux(volt, track.ahead(volt, end)) for weight, track in runs)

        chosen = voltage_for(flux_at, target, last_V, allowed)
        return chosen if self.kind == "slice" else self._below_onset(known, chosen, last_V, end, allowed)

    def _below_onset(self, known: Estimate, approach: Chosen, last_V: float, end_s: float, allowed: Range) -> Chosen:
        """The lower of two voltages: that of the flux which brings the wall up, and that at which it comes to rest."""
        wall = Wall(known.wall, self.wanted.wall_share * self.estimator.solubility())
        resting, wall_at = wall_voltage(self.estimator.runs(), wall, last_V, end_s, self.next_s, allowed)
        chosen = approach if approach.voltage < resting.voltage else replace(resting, flux=math.nan)
        self._wall = replace(wall, then=wall_at(chosen.voltage))
        return chosen

    def _look_for_the_end(self, known: Estimate, chosen: Chosen) -> None:
        """Over where even the highest voltage does not give the set-point any more, or nothing is left to be supplied.

        A current that only charges the cell decays: while the voltage that it allows rises, nothing is over.
        """
        whole = known.dissolved + known.crystals
        if self.mode == "hold" and self.kind == "supply" and known.dissolved < EMPTY * whole:
            self.mode = "ended"
            self.reason = (
                f"inventory: {100.0 * known.dissolved / whole:.0f} % of the particles are left in the solution"
            )
            return
        charging = chosen.limited_by == CURRENT and self._highest > self._highest_before
        self._highest_before = self._highest
        at_top = chosen.limited_by in (HIGHEST, CURRENT) and not charging
        below = chosen.flux < (1.0 - SHORT) * self.set_point if self._wall is None else self._wall.falls_short()
        self._reached = self._reached or (self.mode == "hold" and not below)
        short = self.mode == "hold" and at_top and below
        self._short = self._short + 1 if short else 0
        if self._short < SHORT_TIMES:
            return
        self.mode = "ended"
        gives = f"gives {chosen.flux:.3g} of {self.set_point:.3g} m/s"
        if self._wall is not None:
            gives = f"keeps {self._wall.then:.3g} of phi = {self._wall.goal:.3g} at the wall"
        why = "inventory" if self._reached else "never reached"
        self.reason = (
            f"{why}: {100.0 * known.dissolved / whole:.0f} % of the particles are left in the solution, and "
            f"{chosen.limited_by} ({chosen.voltage:.4g} V) {gives}"
        )
