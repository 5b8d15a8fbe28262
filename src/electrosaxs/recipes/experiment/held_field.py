"""The voltage of a held flux on the meter: decided every step from the frames so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ...acquisition.beamline import Diodes
from ...acquisition.field import Field
from ...acquisition.measurement import Edge
from ...acquisition.watch import Watch
from ...analysis.concentration.diode_noise import EdgeReadings
from ...control.hold.holder import Decision, Holder
from ...control.plant import Plant
from ...io.run_toml import read_run
from ...nouns import Role
from ...nouns.run_plan import RunPlan
from .frame_phi import FramePhi
from .held_belief import CLASSES, holder_for
from .held_sizes import measured_classes
from .kept_frames import Kept

PATIENCE_S = 120.0  # wall, beside what a device may take; then the estimate is lost
SOON_S = 1e-3  # before a decision is due it is made
WATCH_S, WALL_WATCH_S = 1.0, 60.0  # pause between looks; a wall that is held stays for long where crystals may begin
Keep = Callable[[Decision, str], None]


class HeldField(Field):
    """A `Field` without a program. keep: takes every decision and, where an operator asked for something, who and what.

    anode: height (um) of the stage there, once it is known.
    """

    def __init__(
        self, watch: Watch, plan: RunPlan, plant: Plant, run_toml: Path, saturation: float | None, keep: Keep
    ) -> None:
        super().__init__(watch, plan.program)
        self.plan, self._plant, self._keep = plan, plant, keep
        self._run_toml, self._saturation = run_toml, saturation
        self.anode, self._goal, self._due = 0.0, plan.program.voltage_V[0], 0.0
        self._holder: Holder | None = None
        self._phi: FramePhi | None = None
        self._frames, self._still = list[Kept](), list[Kept]()
        self._readings: list[tuple[float, float, float]] = []
        self._edge: EdgeReadings | None = None
        self._last: Decision | None = None
        self._asked: float | None = None
        assert plan.hold is not None
        self._watch_for(plan.hold.flux)

    def _watch_for(self, kind: str) -> None:
        """The pause between two looks while this kind of flux is held, if the plan says none."""
        assert self.plan.hold is not None
        usual, given = WALL_WATCH_S if kind == "wall" else WATCH_S, self.plan.hold.watch_s
        self.watch_s = (usual if given is None else given) or math.inf

    def switch_on(self) -> None:
        """Make up the loop from the frames without field, then the output on, at 0 V."""
        self.watch.during("estimator", "the frames without field", PATIENCE_S, self._prepare)
        super().switch_on()

    def at(self, time_s: float) -> float:
        """What was decided last (V)."""
        return self._goal

    def follow(self) -> None:
        """Decide where it is time to, then bring the voltage there."""
        if self.on_at is not None and not self.over and self.time > self._due - SOON_S:
            self._decide()
        super().follow()

    def wait_until(self, clock_s: float) -> None:
        """Let the beamline's clock come to `clock_s`, deciding meanwhile; until the set-point is out of reach."""
        while (left := clock_s - self.watch.beamline.clock()) > 1e-9 and not self.over:
            self.follow()
            left = min(left, clock_s - self.watch.beamline.clock())
            until = left if self.on_at is None else min(left, self._due - self.time)
            if until > SOON_S:
                self.watch.wait(until)
            elif left <= SOON_S:
                return

    def reading(self, clock_s: float, found: Mapping[str, Any]) -> None:
        """A readback of the meter."""
        if self.on_at is not None and found.get("voltage_V") is not None:
            self._readings.append((clock_s - self.on_at, found["voltage_V"], found.get("current_A") or 0.0))

    def aligned(self, diodes: list[Diodes], edge: Edge) -> None:
        """Readings of the knife edge: those behind the anode tell the noise of the diode."""
        if edge.height_um is None:
            return
        heights, passes = np.array([(d.height_um, d.transmission) for d in diodes]).T
        sigma = math.inf if edge.sigma_um is None else edge.sigma_um
        self._edge = EdgeReadings(
            heights, passes, self.plan.scan.exposure_s, edge.height_um, sigma, self.plan.beam.fwhm_um
        )

    def frame(self, kept: Kept) -> None:
        """A frame that was kept: one without field goes into solvent and reference, one of the sample counts at the next
        decision."""
        (self._frames if kept.role is Role.SAMPLE else self._still).append(kept)

    def ask_for(self, set_point: float, who: str) -> str:
        """Another set-point (m/s) at the next decision, which is due now; why not, where it cannot be.

        May come while a decision is being made: it is taken up in the one after.
        """
        if self._last is None:
            return "the flux is not held yet"
        if not set_point <= self._last.highest:
            return f"no voltage within the limits gives more than {self._last.highest:.2g} m/s"
        self._asked, self._due = set_point, 0.0
        self._last = replace(self._last, time=self.time, set_point=set_point)
        self._keep(self._last, f"set-point {set_point:g} m/s asked for by {who}")
        return ""

    def _prepare(self) -> None:
        with TemporaryDirectory(prefix="electrosaxs-") as scratch:
            self._phi = FramePhi(
                read_run(self._run_toml), self._still, Path(scratch), saturation=self._saturation, edge=self._edge
            )
        self._still = []
        phi0 = self._phi.run.solution.volume_fraction
        sizes = measured_classes(self._phi.standard, self._phi.sizes_nm, CLASSES)
        self._holder = holder_for(self.plan, self._plant, sizes=sizes, phi0=phi0, attenuation=self._phi.attenuation)

    def _decide(self) -> None:
        """Frames and readings so far into the loop, a decision out."""
        assert self._holder is not None
        frames, self._frames = self._frames, []
        readings, self._readings = self._readings, []
        if self._asked is not None:
            self._holder.ask_for(self._asked)
            self._asked = None
        begin = self.time
        self._due = begin + self._holder.step_s
        decision = self.watch.during(
            "estimator", "decision", PATIENCE_S, lambda: self._decided(frames, readings, self.time)
        )
        self._due = min(self._due, begin + self._holder.next_s)
        self._goal, self._last = decision.voltage, decision
        self.uneasy, self.hurried = self._holder.uneasy, self._holder.crystals_steer
        self._watch_for(self._holder.kind)  # another one after the step that nucleates
        if self._asked is not None:  # meanwhile
            self._due, decision = 0.0, replace(decision, set_point=self._asked)
        self._keep(decision, "")
        if decision.mode == "ended" and self._holder.wanted.at_end == "stop":
            self.over = decision.reason

    def _decided(self, frames: list[Kept], readings: list[tuple[float, float, float]], time_s: float) -> Decision:
        holder, measure = self._holder, self._phi
        assert holder is not None
        assert measure is not None
        for reading in readings:
            holder.read(*reading)
        for frame in frames:
            height = frame.row["height"] - self.anode
            read = measure.measure(frame.image, frame.row, lines=holder.looks_for_lines(height))
            holder.frame(frame.row["time"], height, read.phi, read.sigma, read.crystals)
        return holder.decide(time_s)
