"""The simulated beamline: what stands in the beam at each frame of a schedule, and what the instruments read.

Monitor and transmission are measured, so they carry noise; all of it is chosen, and stands here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..nouns import Experiment, FloatArray, Role
from ..transport.history import CellHistory
from .electrode import Electrode, Film, film_of, footprint_above
from .exposure import Exposure, Footprint, crystals_in_footprint, expose, expose_empty, footprint
from .imperfections import beam_factor, deposited, gas_share, solvent_factor, stray_light
from .scattering_cell import ScatteringCell
from .schedule import Schedule, from_above

# Incident beam: slow drift (one period per run) and change from frame to frame, of the photons themselves
DRIFT, FLICKER = 2e-3, 5e-4
MONITOR_PER_PHOTON = 1e-3  # scatter from a foil: 3e7 counts in 1 s at 3e10 photons/s, 0.018 % Poisson
# Photodiode: gain from frame to frame, and dark current in parts of the incident beam
TRANSMISSION_NOISE, DIODE_NOISE = 2e-4, 1e-6
STRAY_STREAM = 0x57  # of random numbers
SMALLEST_TRANSMISSION = 1e-7  # what the diode reports where nothing reaches it


@dataclass(frozen=True, eq=False)
class Beamline:
    """An experiment with its schedule, the history of its cell, and the cell's scattering.

    photons (frame,): incident on the cell during each exposure, what the monitor sees with noise. nucleated_per_mm2: islands
    on the anode where [nucleation] says how many.
    """

    experiment: Experiment
    plan: Schedule
    history: CellHistory
    cell: ScatteringCell
    photons: FloatArray
    nucleated_per_mm2: float | None = None

    def exposures(self) -> Iterator[Exposure]:
        """What each frame of the schedule is made of, in order; one scan is held at a time."""
        random = np.random.default_rng([self.experiment.output.seed, STRAY_STREAM])
        stray = stray_light(self.experiment.imperfections, self.plan, random)
        for light, shown in zip(stray, self._of_the_cell(), strict=True):
            beside = light * shown.transmission * self.cell.path * self.cell.solvent
            yield replace(shown, curve=np.maximum(shown.curve + beside, 0.0)) if light else shown

    def _of_the_cell(self) -> Iterator[Exposure]:
        """The same without light from beside it."""
        above = self.experiment.imperfections.height_backlash_um * from_above(self.plan)
        centres = [float(z) for z in self.plan.height + above]
        gas = gas_share(self.experiment.imperfections, self.plan)
        more = deposited(self.experiment.imperfections, self.plan)
        solvent = solvent_factor(self.experiment.imperfections, self.plan)
        still = int(np.argmax(self.plan.in_map))
        nothing = np.zeros_like(self.history.start_phi)
        for role, centre in zip(self.plan.role[:still], centres[:still], strict=True):
            yield self._before_field(str(role), self.seen(centre, nothing)[0])
        for scan in np.unique(self.plan.scan[self.plan.in_map]):
            frames = np.flatnonzero(self.plan.scan == scan)
            times = self.plan.time[frames]
            per_area = 1e6 * self.history.crystals_at(times)
            seen = [self.seen(centres[i], per_area[n]) for n, i in enumerate(frames)]
            dissolved = self.history.at(times[:, None], 1e-6 * np.stack([beam.height for beam, _ in seen]))
            for n, i in enumerate(frames):
                beam, crystals = seen[n]
                cell = replace(self.cell, path=(1.0 - gas[i]) * self.cell.path) if gas[i] else self.cell
                cell = cell if solvent[i] == 1.0 else replace(cell, solvent=solvent[i] * cell.solvent)
                shown = expose(cell, beam, dissolved[n], crystals)
                if more[i]:
                    dirty = expose(cell, beam, dissolved[n] + more[i] * self.history.start_phi, crystals)
                    shown = replace(shown, curve=dirty.curve, transmission=dirty.transmission)
                yield shown

    def seen(self, centre_um: float, per_area_um: FloatArray) -> tuple[Footprint, FloatArray]:
        """The open beam at a height above the anode, and what it meets of crystals of `per_area_um` (class,) particle volume:
        (class,) spread over it, (sub-beam, class) of islands."""
        fwhm, gap = self.experiment.beam.fwhm_um, 1e3 * self.experiment.cell.gap_mm
        if self.electrode is None:
            beam = footprint(centre_um, fwhm_um=fwhm, gap_um=gap)
            return beam, crystals_in_footprint(beam, per_area_um)
        film = self.film(per_area_um)
        beam, share = footprint_above(self.electrode, centre_um, film, fwhm_um=fwhm, gap_um=gap)
        beam = replace(beam, height=np.minimum(beam.height, gap))
        if not self.experiment.imperfections.islands:
            return beam, crystals_in_footprint(beam, per_area_um)
        return beam, share[:, None] * (np.zeros_like(per_area_um) if film is None else film.inside)

    @cached_property
    def electrode(self) -> Electrode | None:
        """The anode's surface; None where it is even and crystals are spread over the beam."""
        experiment = self.experiment
        return Electrode.of(experiment.imperfections, experiment.cell.path_length_mm, experiment.output.seed)

    def film(self, per_area_um: FloatArray) -> Film | None:
        """The islands of crystals of `per_area_um` (class,); None where there are none, or they are not islands."""
        wrong = self.experiment.imperfections
        if not wrong.islands:
            return None
        density = self.nucleated_per_mm2 or wrong.island_density_per_mm2
        return film_of(per_area_um, self.cell.volume, self.cell.lattice_constant, 1e-6 * density)

    def _before_field(self, role: str, beam: Footprint) -> Exposure:
        """A frame without field: nothing, solvent, or the starting solution in the cell."""
        if role == Role.EMPTY:
            return expose_empty(self.cell, beam)
        start = self.history.start_phi
        phi = np.zeros_like(start) if role == Role.SOLVENT else start
        return expose(self.cell, beam, np.tile(phi, (beam.share.size, 1)), np.zeros_like(start))


def incident_photons(experiment: Experiment, plan: Schedule, random: np.random.Generator) -> FloatArray:
    """Photons on the cell per frame: rate x exposure, with drift and flicker of the source."""
    phase = 2.0 * np.pi * (np.arange(len(plan)) / len(plan) + random.random())
    source = 1.0 + DRIFT * np.sin(phase) + FLICKER * random.standard_normal(len(plan))
    source *= beam_factor(experiment.imperfections, plan)
    return np.asarray(experiment.beam.photons_per_s * plan.exposure * source)


def monitor_counts(photons: FloatArray, random: np.random.Generator) -> FloatArray:
    """Monitor reading per frame, Poisson."""
    return np.asarray(random.poisson(MONITOR_PER_PHOTON * photons), dtype=np.float64)


def measured_transmission(transmission: FloatArray, random: np.random.Generator) -> FloatArray:
    """Reading of the photodiode over the incident beam, in (0, 1]: noise 2e-4 relative and 1e-6 absolute."""
    gain = 1.0 + TRANSMISSION_NOISE * random.standard_normal(transmission.size)
    dark = DIODE_NOISE * random.standard_normal(transmission.size)
    return np.clip(transmission * gain + dark, SMALLEST_TRANSMISSION, 1.0)
