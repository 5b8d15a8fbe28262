"""The simulated beamline: the digital twin, one frame at a time, under a voltage that is decided now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..nouns import Experiment, FloatArray
from ..nouns.micrograph import MicrographSettings
from ..twin.anode import anode_micrographs
from ..twin.beamline import DRIFT, FLICKER, measured_transmission, monitor_counts
from ..twin.detector_model import SATURATION, pixel_model
from ..twin.exposure import Exposure, crystals_in_footprint, expose, expose_empty, footprint
from ..twin.frames import Frame, FramePainter
from ..twin.live_cell import LiveCell
from ..twin.scattering_cell import scattering_cell
from ..twin.schedule import anode_height_um
from .beamline import Diodes, Exposed, Greeting, Sample

if TYPE_CHECKING:
    from pyFAI.geometry import Geometry

STREAM = 0xBEA3
STAGE_UM_PER_S, SETTLE_S, READOUT_S, CHANGE_S = 1000.0, 0.05, 0.003, 10.0
BEYOND_UM = 2000.0  # of the stage, on both sides of the gap
DRIFT_PERIOD_S = 3600.0

WriteImage = Callable[[Path, Frame, float], None]


class SimulatedBeamline:
    """A beamline.Beamline whose clock is virtual. speed: its seconds per wall second at most, 0: as fast as it can.

    fill: a fresh filling of the cell. write_image: puts a frame and its exposure (s) into a file.
    """

    def __init__(
        self,
        experiment: Experiment,
        fill: Callable[[], LiveCell],
        *,
        write_image: WriteImage,
        speed: float = 1.0,
        geometry: Geometry | None = None,
    ) -> None:
        self.experiment, self._write, self._speed = experiment, write_image, speed
        self.pixels = pixel_model(experiment.detector, experiment.beam, seed=experiment.output.seed, geometry=geometry)
        self._painter = FramePainter(self.pixels, seed=experiment.output.seed)
        self._fill, self._live = fill, fill()
        self._cell = scattering_cell(
            experiment, self.pixels.q_grid, self._live.classes.diameter_nm, self._live.dry_shell_nm
        )
        self._random = np.random.default_rng([experiment.output.seed, STREAM])
        self._clock = self._filled = self._voltage = self._stage = 0.0
        self._sample: Sample = "solution"
        self._frames = 0
        self._began = time.monotonic()
        self._stopped = threading.Event()

    def hello(self) -> Greeting:
        high = 1e3 * self.experiment.cell.gap_mm + BEYOND_UM
        self._began = time.monotonic()
        slow = 1.0 / self._speed if 0.0 < self._speed < 1.0 else 1.0
        name, shape = self.experiment.detector.name, self.pixels.shape
        return Greeting(False, name, shape, -BEYOND_UM, high, lateral=True, wall_per_s=slow, saturation=SATURATION)

    def clock(self) -> float:
        return self._clock

    def wait(self, seconds: float) -> None:
        self._pass(seconds)

    def sample(self, name: Sample) -> None:
        """A cell that comes back is a fresh filling."""
        self._pass(CHANGE_S)
        if name != self._sample:
            self._sample, self._live, self._filled = name, self._fill(), self._clock

    def fresh_spot(self) -> None:
        """The cell is the same everywhere along the electrodes."""
        self._pass(SETTLE_S)

    def move(self, height_um: float) -> float:
        self._pass(abs(height_um - self._stage) / STAGE_UM_PER_S + SETTLE_S)
        self._stage = round(height_um, 3)  # a motor reads in nm
        return self._stage

    def read(self, exposure_s: float) -> Diodes:
        made, photons, middle = self._exposed(exposure_s)
        return Diodes(*self._diodes(made, photons), self._stage, middle)

    def expose(self, exposure_s: float, file: Path) -> Exposed:
        made, photons, middle = self._exposed(exposure_s)
        self._write(file, self._painter.draw(self._frames, photons * made.curve, exposure_s), exposure_s)
        self._frames += 1
        return Exposed(*self._diodes(made, photons), self._stage, middle, exposure_s)

    def anode(self) -> tuple[MicrographSettings, dict[str, float]] | None:
        """What a microscope would see of the anode now, and at which slice flux (m/s) how many islands (1/mm2) began; None
        where nothing crystallised, or where how is not said."""
        nucleation, flux = self.experiment.nucleation, self._live.nucleated_at
        if nucleation is None or flux is None:
            return None
        crystals = float(self._live.crystals_um().sum())
        truth = {"slice_flux_m_per_s": flux, "density_per_mm2": nucleation.density(flux)}
        return anode_micrographs(nucleation, flux, crystals, seed=self.experiment.output.seed), truth

    def electrodes(self, voltage_V: float) -> None:
        self._voltage = voltage_V

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        """Nothing is held."""

    def _exposed(self, exposure_s: float) -> tuple[Exposure, float, float]:
        """What the beam meets in the middle of an exposure from now on, photons on the cell, and that time (s)."""
        self._pass(0.5 * exposure_s)
        middle, made = self._clock, self._in_beam()
        self._pass(0.5 * exposure_s + READOUT_S)
        source = 1.0 + DRIFT * np.sin(2.0 * np.pi * middle / DRIFT_PERIOD_S) + FLICKER * self._random.standard_normal()
        return made, float(self.experiment.beam.photons_per_s * exposure_s * source), middle

    def _diodes(self, made: Exposure, photons: float) -> tuple[float, float]:
        monitor = monitor_counts(np.array([photons]), self._random)[0]
        return float(monitor), float(measured_transmission(np.array([made.transmission]), self._random)[0])

    def _in_beam(self) -> Exposure:
        """What stands in the beam now."""
        gap = 1e3 * self.experiment.cell.gap_mm
        beam = footprint(
            self._stage - anode_height_um(self.experiment), fwhm_um=self.experiment.beam.fwhm_um, gap_um=gap
        )
        if self._sample == "empty":
            return expose_empty(self._cell, beam)
        nothing: FloatArray = np.zeros_like(self._live.start_phi)
        if self._sample == "solvent":
            return expose(self._cell, beam, np.tile(nothing, (beam.share.size, 1)), nothing)
        crystals = crystals_in_footprint(beam, self._live.crystals_um())
        return expose(self._cell, beam, self._live.dissolved(beam.height), crystals)

    def _pass(self, seconds: float) -> None:
        """Let time go on, no faster than `speed`."""
        self._clock += seconds
        if self._sample == "solution":
            self._live.go_on(self._voltage, self._clock - self._filled)
        if self._speed > 0.0:
            self._stopped.wait(max(0.0, self._began + self._clock / self._speed - time.monotonic()))
