"""The plan of a run, step by step: knife edge, solvent, reference, field on, scan after scan, field off.

A beam that is lost, or an operator's pause, stops the exposures and nothing else: the voltage program goes on, because the
field does not know of the beam. Frames without beam are not kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as entry
from pathlib import Path
from typing import Protocol

from ..nouns import Role
from ..nouns.run_plan import ScanPlan
from ..twin.schedule import REFERENCE_SPAN
from .beamline import Diodes, Exposed, Greeting, Sample
from .faults import Fault
from .field import Field
from .watch import Journal, Watch

REACHED_UM, MOVES = 5.0, 2  # of the stage, from where it was sent; one that is not there is sent once more
BEAM_SHARE = 0.1  # of the usual monitor rate: less is no beam
MOST_TRANSMITTED = 1.5  # before the field: more is no noise of two diodes, and `analyse` would refuse the run
BEAM_LOOK_S, BEAM_EXPOSURE_S, BEAM_PATIENCE_S = 5.0, 0.2, 7200.0  # beamline's clock
LONGEST_EXPOSURE, WORTH = 3.0, 1.1  # times exposure_s, where little is transmitted; less more is not worth it
KNIFE_REACHES_UM = (150.0, 600.0, 1500.0)
KNIFE_STEP, FINE_STEP, FINE_REACH = 0.5, 0.2, 1.5  # of the beam's FWHM
FEWEST_COARSE = 9
WATCHED = 2  # heights that are looked at between two scans where crystals may be beginning
LOOK_AGAIN_S = 10.0  # whether they may be
UNSURE_SHARE = 0.5  # of the dose for looks, while crystals may be beginning and are not likely


@dataclass(frozen=True)
class Edge:
    """The fitted height (um) of the anode and its sigma; None where there is no edge, and why. doubt: of the beam, in words."""

    height_um: float | None
    sigma_um: float | None
    why: str
    doubt: str = ""


FindEdge = Callable[[list[float], list[float]], Edge]


class Recorder(Journal, Protocol):
    """Who keeps the run folder. paused: by the operator, which the run's phase says at once."""

    paused: bool

    def phase(self, name: str, message: str = "") -> None:
        """What the run is doing."""

    def image(self) -> Path:
        """Where the next image is to be written."""

    def frame(self, role: Role, exposed: Exposed, values: dict[str, float]) -> None:
        """Keep the image that was written, then its row; `values`: time, voltage, current."""

    def remark(self, text: str) -> None:
        """Something that who watches the run should know; it goes on."""

    def aligned(self, diodes: list[Diodes], edge: Edge) -> None:
        """The anode was looked for: readings and fit."""

    def anode(self, height_um: float) -> None:
        """The height of the anode that the run has: run.toml says it from now on."""


@dataclass
class Measurement:
    """One run. gap_um and fwhm_um of cell and beam; start_um: where the anode is thought to be."""

    scan: ScanPlan
    watch: Watch
    field: Field
    record: Recorder
    greeting: Greeting
    find_edge: FindEdge
    gap_um: float
    fwhm_um: float
    start_um: float
    _rate: float = math.nan
    _dose_s: float = 0.0
    _transmission: dict[float, float] = entry(default_factory=dict)
    _open: float = math.nan
    _looked_enough: bool = False
    _looked_at: float = -math.inf

    def run(self) -> None:
        """All of it; the output is off afterwards, or somebody must see to it."""
        self.record.phase("aligning")
        self._put("solution")
        self._rate = self._usual_rate()
        anode = self._align() if self.scan.alignment else self.start_um
        self.record.anode(anode)
        self.record.phase("reference")
        self._still_frames(anode)
        self.record.phase("running")
        self.field.switch_on()
        self.field.follow()
        self._scans(anode)
        self.record.phase("stopping")
        self.field.ramp_down()

    def _still_frames(self, anode: float) -> None:
        low, high = REFERENCE_SPAN
        for name, role, number in (
            ("solvent", Role.SOLVENT, self.scan.solvent_frames),
            ("solution", Role.REFERENCE, self.scan.reference_frames),
        ):
            if number and role is Role.SOLVENT:
                self._put("solvent")
            elif self.scan.solvent_frames and name == "solution":
                self._put("solution")
            for k in range(number):
                share = low + (high - low) * (k / (number - 1) if number > 1 else 0.5)
                seen = self._frame(role, anode + share * self.gap_um, self.scan.exposure_s, math.inf)
                self._open = seen.transmission if seen is not None else math.nan

    def _scans(self, anode: float) -> None:
        """Scans from field-on until the time is over; one that is due while another goes on begins at once."""
        assert self.field.on_at is not None
        end, number = self.field.on_at + self.scan.duration_s, 0
        while True:
            due = self.field.on_at + number * self.scan.period_s
            if due >= end:
                break
            if not self._watched_until(due, anode, end) or not self._visit(self.scan.heights_um, anode, end):
                return
            number = max(number + 1, math.floor(self.field.time / self.scan.period_s))
        self.field.wait_until(end)

    def _watched_until(self, due: float, anode: float, end: float) -> bool:
        """Wait for the next scan, looking at the lowest heights meanwhile where the field is uneasy; False as of `_visit`."""
        few = sorted(self.scan.heights_um)[:WATCHED]
        while (left := due - self.watch.beamline.clock()) > 1e-9:
            pause = self.field.watch_s if self.field.uneasy else max(self.field.watch_s, LOOK_AGAIN_S)
            self.field.wait_until(due - max(0.0, left - pause))
            left = due - self.watch.beamline.clock()
            soon = left < max(0.5 * self.field.watch_s, LONGEST_EXPOSURE * self.scan.exposure_s * len(few))
            if self.field.over:
                return False
            look = self.field.uneasy and not soon and self._dose_for_looks(few, due, end)
            if look and not self._visit(few, anode, end, longer=self.greeting.lateral):
                return False
        return True

    def _dose_for_looks(self, few: list[float], due: float, end: float) -> bool:
        """Looks take what the scans from `due` on leave of the dose, where there is no fresh spot, none of them longer; until
        crystals are likely a share of it, evenly until `end`."""
        if self.greeting.lateral:
            return True
        scans = math.ceil((end - due) / self.scan.period_s - 1e-9)
        planned = scans * len(self.scan.heights_um) * self.scan.exposure_s
        left = self.scan.max_dose_s - self._dose_s - planned
        cost, now = len(few) * self.scan.exposure_s, self.watch.beamline.clock()
        if cost > left:
            self._say_looked_enough(planned)
            return False
        pause = 0.0 if self.field.hurried else cost * (end - now) / (UNSURE_SHARE * left)
        if now - self._looked_at < pause:
            return False
        self._looked_at = now
        return True

    def _say_looked_enough(self, planned_s: float) -> None:
        """Once in a run; planned_s: of exposure, that the scans to come need."""
        if not self._looked_enough:
            self.record.remark(
                f"no more looks between scans: {self._dose_s:.0f} s of exposure, and {planned_s:.0f} s that the scans still "
                f"need, are scan.max_dose_s = {self.scan.max_dose_s:g}, and there is no lateral axis to a fresh spot"
            )
        self._looked_enough = True

    def _visit(self, heights: list[float], anode: float, end: float, *, longer: bool = True) -> bool:
        """A frame at each height, longer where little is transmitted; False where the time was over before the last, or there
        is no more to do."""
        for height in heights:
            exposure = self._exposure(height) if longer else self.scan.exposure_s
            if self._frame(Role.SAMPLE, anode + height, exposure, end, place=height) is None or self.field.over:
                return False
        return True

    def _exposure(self, height: float) -> float:
        """Longer where less was transmitted at the last visit, so that the counts stay, as far as the dose allows."""
        last = self._transmission.get(height, math.nan)
        longer = self._open / last if last > 0.0 else 1.0
        spent = not self.greeting.lateral and self._dose_s > 0.5 * self.scan.max_dose_s  # and no fresh spot
        if not longer > WORTH or spent:
            return self.scan.exposure_s
        return float(f"{self.scan.exposure_s * min(longer, LONGEST_EXPOSURE):.2g}")

    def _frame(
        self, role: Role, height_um: float, exposure_s: float, end: float, *, place: float | None = None
    ) -> Exposed | None:
        """Move, expose, keep. Taken again after a beam loss; None where the clock would come to `end` before."""
        while True:
            self.field.follow()
            if self.field.over or not self._not_paused(end):
                return None
            if self.watch.beamline.clock() + exposure_s > end:
                return None
            self._spot(exposure_s)
            self._move(height_um)
            seen, voltage, current, since = self._expose(exposure_s)
            if seen.monitor_counts >= BEAM_SHARE * self._rate * seen.exposure_s:
                break
            self.record.image().unlink(missing_ok=True)
            self._await_beam(end)
        if place is not None:
            self._transmission[place] = seen.transmission
        if self.field.on_at is None and seen.transmission > MOST_TRANSMITTED:
            words = f"transmission = {seen.transmission:g}: more than all of the beam; give a share of 1, no percentage"
            raise Fault("diodes", words)
        self.record.frame(role, seen, {"time": since, "voltage": voltage, "current": current})
        self.watch.tick()
        return seen

    def _expose(self, exposure_s: float) -> tuple[Exposed, float, float, float]:
        """The exposure with the means of voltage and current read within it, and the time of its middle from field-on."""
        readings: list[dict[str, float]] = []
        file, beamline = self.record.image(), self.watch.beamline

        def reading() -> None:
            if self.field.on_at is not None:
                readings.append(self.watch.read())

        seen = self.watch.during(
            "detector", f"exposure of {exposure_s:g} s", exposure_s, lambda: beamline.expose(exposure_s, file),
            meanwhile=reading,
        )  # fmt: skip
        on = self.field.on_at
        since = math.nan if on is None else seen.clock_s - on
        if on is None:
            return seen, 0.0, 0.0, since
        return seen, _mean(readings, "voltage_V"), _mean(readings, "current_A"), since

    def _move(self, height_um: float) -> None:
        beamline = self.watch.beamline
        for _ in range(MOVES):
            reached = self.watch.during("stage", f"move to {height_um:g} um", 0.0, lambda: beamline.move(height_um))
            if abs(reached - height_um) <= REACHED_UM:
                return
        raise Fault("stage", f"sent to {height_um:g} um {MOVES} times, it stands at {reached:g} um")

    def _put(self, name: Sample) -> None:
        beamline = self.watch.beamline
        self.watch.during("sample changer", f"put {name} into the beam", 30.0, lambda: beamline.sample(name))

    def _spot(self, exposure_s: float) -> None:
        """Another lateral position where this one has had its dose."""
        if self._dose_s + exposure_s > self.scan.max_dose_s and self.greeting.lateral:
            self.watch.during("lateral stage", "move to a fresh spot", 0.0, self.watch.beamline.fresh_spot)
            self._dose_s = 0.0
        self._dose_s += exposure_s

    def _read(self, exposure_s: float) -> Diodes:
        beamline = self.watch.beamline
        self._dose_s += exposure_s
        return self.watch.during("diodes", f"read for {exposure_s:g} s", exposure_s, lambda: beamline.read(exposure_s))

    def _usual_rate(self) -> float:
        """Counts per second of the monitor with beam; waits for one that is not there yet."""
        until = self.watch.beamline.clock() + BEAM_PATIENCE_S
        phase = "aligning"
        while True:
            rate = self._read(BEAM_EXPOSURE_S).monitor_counts / BEAM_EXPOSURE_S
            if rate > 0.0:
                if phase == "paused":
                    self.record.phase("aligning")
                return rate
            if self.watch.beamline.clock() > until:
                raise Fault("monitor", f"no beam for {BEAM_PATIENCE_S:g} s")
            phase = "paused"
            self.record.phase(phase, "no beam: the monitor counts nothing")
            self.field.wait_until(self.watch.beamline.clock() + BEAM_LOOK_S)

    def _not_paused(self, end: float) -> bool:
        """Wait out an operator's pause, of which the record says that it is one; False where the run's time went by."""
        while self.record.paused:
            if self.watch.beamline.clock() >= end or self.field.over:
                return False
            self.field.wait_until(min(self.watch.beamline.clock() + 1.0, end))
        return True

    def _await_beam(self, end: float) -> None:
        """Until the monitor counts again, or the run's time is over; the voltage program goes on."""
        self.record.phase("paused", "no beam: exposures wait, the voltage program goes on")
        lost_at = self.watch.beamline.clock()
        while self.watch.beamline.clock() < end and not self.field.over:
            if self.field.on_at is None and self.watch.beamline.clock() - lost_at > BEAM_PATIENCE_S:
                raise Fault("monitor", f"no beam for {BEAM_PATIENCE_S:g} s")
            self.field.wait_until(min(self.watch.beamline.clock() + BEAM_LOOK_S, end))
            if self._read(BEAM_EXPOSURE_S).monitor_counts >= BEAM_SHARE * self._rate * BEAM_EXPOSURE_S:
                break
        self._go_on()

    def _go_on(self) -> None:
        self.record.phase("running" if self.field.on_at is not None else "reference")

    def _align(self) -> float:
        """Height (um) of the anode from a knife edge: coarse, wider where there is none, then fine; and the stage there."""
        taken: list[Diodes] = []
        edge = Edge(None, None, "not looked for")
        for reach in KNIFE_REACHES_UM:
            step = max(KNIFE_STEP * self.fwhm_um, 2.0 * reach / 100.0)
            taken += self._knife(self.start_um, reach, min(step, 2.0 * reach / FEWEST_COARSE))
            edge = self._fit(taken)
            if edge.height_um is not None:
                break
        if edge.height_um is None:
            self.record.aligned(taken, edge)
            raise Fault("stage", f"no edge of the anode within {KNIFE_REACHES_UM[-1]:g} um: {edge.why}")
        fine = self._knife(edge.height_um, FINE_REACH * self.fwhm_um, FINE_STEP * self.fwhm_um)
        taken += fine
        better = self._fit(fine)
        edge = edge if better.height_um is None else better
        self.record.aligned(taken, edge)
        assert edge.height_um is not None
        self._move(edge.height_um)
        return edge.height_um

    def _fit(self, taken: list[Diodes]) -> Edge:
        return self.find_edge([d.height_um for d in taken], [d.transmission for d in taken])

    def _knife(self, centre: float, reach: float, step: float) -> list[Diodes]:
        """Diodes across a height, upwards, where the stage can go and the beam is there."""
        taken = []
        for k in range(math.floor(2.0 * reach / step) + 1):
            height = round(centre - reach + k * step, 1)
            if self.greeting.low_um <= height <= self.greeting.high_um:
                self._not_paused(math.inf)
                self._move(height)
                seen = self._read(self.scan.exposure_s)
                if seen.monitor_counts >= BEAM_SHARE * self._rate * self.scan.exposure_s:
                    taken.append(seen)
        return taken


def _mean(readings: list[dict[str, float]], name: str) -> float:
    known = [reading[name] for reading in readings if reading.get(name) is not None]
    return sum(known) / len(known) if known else math.nan
