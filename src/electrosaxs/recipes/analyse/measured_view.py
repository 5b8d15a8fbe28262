"""What a run's frames show of phi in two ways, scattering and absorption: the maps from which they are compared, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.beam_motion import scatter_of_the_stage
from ...analysis.concentration.bulk_level import LEAST_SIGMA, BulkLevel, bulk_level
from ...analysis.concentration.deposit import Change, change_beside_layer
from ...analysis.concentration.lasting_shadow import lasting_shadow, shadow_sigma
from ...analysis.concentration.missing_solvent import MissingSolvent, missing_solvent, solvent_level
from ...analysis.concentration.scaled_frames import Measure, ScaledFrames
from ...analysis.concentration.slow_drift import SlowDrift, slow_drift
from ...analysis.concentration.two_measures import SIGNIFICANT, TwoMeasures, two_measures
from ...analysis.footprint.beam_profile import BeamView
from ...analysis.footprint.correction import FootprintCorrection, footprint_correction
from ...analysis.footprint.layer_shape import LayerShape
from ...analysis.footprint.surface import Expected, expected
from ...analysis.kinetics.layer import Layer, apart_in_time
from ...analysis.kinetics.scan_map import ScanMap
from ...nouns import FloatArray, Role, Run
from ...physics.absorption import attenuation
from ...physics.beam import beam_deviation, open_fraction, relative_density
from .attenuation import attenuation_map, start_depth
from .causes import FITS, LEAST_OFF, Contradiction
from .crystal_view import sees_crystals
from .drift import noise_of_phi
from .film_shadow import Shadow
from .layer import layer_of, over_start, shape_of, without_crystals
from .measured_run import MeasuredRun
from .misfit import POOR
from .scaled import UNCERTAIN, Scaled, near_in_time
from .standards import Standards
from .voxels import flagged_on_map, held_on_map, on_map

LEAST_OPEN = 0.2
"""Of the beam: with less, a micrometre of height changes the transmission more than the particles do."""
WHOLE = 0.999
"""Open part of a beam that no electrode cuts."""
LEAST_ABSORBED = 0.02
"""Optical depth of the starting solution's particles below which a transmission says too little about them (chosen)."""
GROSS = 0.03
"""Relative uncertainty of an expected depth before the profile within the beam is known (chosen)."""
GROSS_LEFT = 0.01
"""The same once its neighbours' profile is known (chosen)."""
INTERACTION = 0.003
"""Relative, at phi = 1 % and in proportion: what interference of particles may do to the one measure and not to the other."""
BESIDE_CRYSTALS = 0.05
"""Relative uncertainty of the depth where crystals stand in the beam (chosen)."""
LEAST_MONITOR_NOISE = 2e-3
"""Relative, from which on noise of all monitors is taken into account before single frames are judged (chosen)."""
IN_THE_DARK = 0.1
"""Of ln phi (chosen): what a frame that is too dark to be measured would show, at best."""
GAIN_OFF = 0.3
"""Relative, of what a profile within the beam adds to a frame's own share of its depth (chosen)."""
APART, LEAST_APART = 3.0, 2e-3
"""Sigmas from which on a frame is apart from most of its height, and the least one, of ln phi (chosen)."""
LEAST_DEPLETED = 0.05
"""Of ln phi (chosen): of a cell that empties a layer tells less."""
FEWEST_LACKING = 2
"""Frames at a height that lack solvent, from which on it is gas that they see."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class MeasuredView:
    """Of a run: phi as the frames show it and its relative sigma, crystalline fraction, ln(T / T_reference / open), a, all
    (scan, height). scale: k of `two_measures`; start_depth: depth(phi0). solvent: what of it is missing from the curves,
    solvent_depth: what the beam's path of it absorbs. layer: of drifting particles, None: not told. noise: of each phi.
    diode: relative noise of each T, which is in `relative` too."""

    run: Run
    grid: ScanMap
    phi: FloatArray
    relative: FloatArray
    fraction: FloatArray
    lighter: FloatArray
    attenuation: FloatArray
    start_depth: float
    scale: float
    start_noise: float
    solvent: MissingSolvent
    solvent_depth: float
    layer: Layer | None = None
    noise: float = 0.0
    diode: FloatArray | float = 0.0

    @classmethod
    def of(cls, measured: MeasuredRun, fraction: FloatArray) -> MeasuredView:
        reduced, standard, voxels, grid = measured.reduced, measured.standard, measured.voxels, measured.grid
        run, table = reduced.run, reduced.table
        phi = held_on_map(voxels, grid)
        passes = _passes(grid, run)
        transmission = grid.to_map(table.transmission[voxels.frame])
        reference = table.transmission[reduced.frames(Role.REFERENCE)]
        start = start_depth(reduced, standard)
        with np.errstate(invalid="ignore", divide="ignore"):
            lighter = np.log(transmission / (np.where(passes > LEAST_OPEN, passes, np.nan) * np.mean(reference)))
        noise = float(np.std(reference) / np.mean(reference)) if reference.size > 2 else 0.0
        relative = on_map(voxels, grid, "phi_sigma") / np.abs(phi)
        absorbing = attenuation_map(voxels, grid, run)
        flat_by_misfit = flagged_on_map(voxels, grid, POOR)
        return cls(
            run=run,
            grid=grid,
            phi=phi,
            relative=relative,
            fraction=fraction,
            lighter=lighter,
            attenuation=absorbing,
            start_depth=start.expected,
            scale=start.scale,
            start_noise=noise,
            solvent=missing_solvent(
                np.where((fraction > 0.0) | flat_by_misfit, np.nan, on_map(voxels, grid, "background")),
                on_map(voxels, grid, "background_sigma"),
                solvent_level(standard.solvent.values),
                phi,
                cut=passes < WHOLE,
            ),
            solvent_depth=1e-3
            * run.cell.path_length_mm
            * attenuation(run.solution, energy_keV=run.beam.energy_keV).solvent,
            layer=layer_of(measured, phi, relative, attenuation=absorbing, crystals=fraction),
            diode=grid.to_map(reduced.of_diode(voxels.frame)) if reduced.diode else 0.0,
        )

    def with_noise(self, usual: float, of_level: float) -> tuple[MeasuredView, float]:
        """This view with the noise of each frame's phi that most show and standards do not, and it; of_level: of flat parts."""
        correction, measures = self.compared(np.zeros(self.phi.shape, dtype=bool))
        of_solvent = float(np.sqrt(max(of_level**2 - usual**2, 0.0)))  # whoever makes it
        noise = max(noise_of_phi(measures, self.depth(correction), usual), of_solvent)
        noise = noise if noise >= LEAST_MONITOR_NOISE else 0.0
        return replace(self, relative=np.hypot(self.relative, noise), noise=float(np.hypot(noise, usual))), noise

    def bulk(self, left_out: BoolArray, standard: Standards) -> BulkLevel:
        """phi where nothing has arrived, of the frames that are not left out."""
        phi = np.where(left_out | self.cut | self.beside_crystals, np.nan, self.phi)
        start, shared = self.run.solution.volume_fraction, standard.starting.relative_sigma
        return bulk_level(phi, self.relative, start=start, shared=shared)

    def slow_drift(
        self, correction: FootprintCorrection, measures: TwoMeasures, bulk: BulkLevel, standard: Standards
    ) -> SlowDrift:
        """What all frames that are compared say together of a drift in the course of the run."""
        used = np.isfinite(measures.residual)
        with np.errstate(invalid="ignore", divide="ignore"):
            level = np.where(used & bulk.bulk, np.log(self.phi / self.run.solution.volume_fraction), np.nan)
        return slow_drift(
            Measure(np.where(self.cut | self.beside_crystals, np.nan, measures.difference), measures.sigma),
            Measure(np.where(used, self.solvent.share, np.nan), self.solvent.sigma),
            Measure(level, np.hypot(self.relative, LEAST_SIGMA)),
            self.depth(correction),
            time_s=self.grid.time,
            start_depth=self.scale * self.start_depth,
            start_sigma=standard.starting.relative_sigma,
        )

    def scaled(self, left_out: BoolArray, there: FloatArray) -> Scaled | None:
        """What the frames that are not left out show of being scaled as a whole; None where none is suspicious of it.

        there (height,): share of gas that was found, 0 where none was.
        """
        (solvent, light), depth, gain = self.shares(left_out)
        own = gain * depth
        frames = ScaledFrames.of(solvent, light, None, depth=depth, own=own, solvent_depth=self.solvent_depth)
        may_hold = (there > 0.0) | self.cut
        out = frames.suspicious(may_hold) | self._apart(left_out) | left_out
        asked = (out | (may_hold & out.any(axis=0) & self.known)) & ~left_out
        if not asked.any():
            return None
        lower = self.below_neighbours(out, asked)
        told = ScaledFrames.of(solvent, light, lower, depth=depth, own=own, solvent_depth=self.solvent_depth)
        lacks = left_out & (self.solvent.share > UNCERTAIN * self.solvent.sigma)
        there = np.maximum(there, np.max(np.where(lacks, self.solvent.share, 0.0), axis=0))
        return Scaled(told.only(asked), left_out, there, self.cut, np.maximum(gain, 1.0), self.noise)

    def shares(self, left_out: BoolArray) -> tuple[tuple[Measure, Measure], FloatArray, FloatArray]:
        """By what share frames that are not left out scatter too little, by their solvent and by their light; the expected
        depth, and by how much more it changes than phi: (scan, height)."""
        correction, measures = self.compared(left_out)
        depth, gain = self.depth(correction), correction.response[..., correction.response.shape[-1] // 2]
        solvent = Measure(np.where(left_out, np.nan, self.solvent.share), self.solvent.sigma)
        off = np.nan_to_num(GAIN_OFF * (gain - 1.0) * depth * self.solvent.share)  # of what the light should see of it
        stage = scatter_of_the_stage(measures.residual, measures.sigma, self.cut)
        return (solvent, Measure(measures.residual, np.hypot(np.hypot(measures.sigma, off), stage))), depth, gain

    def below_neighbours(self, out: BoolArray, asked: BoolArray) -> Measure:
        """By what share of theirs phi of the frames `asked` is below that of neighbours which are not `out`."""
        around = self._expected(np.where(out, np.nan, self.phi), asked)
        with np.errstate(invalid="ignore", divide="ignore"):
            below = 1.0 - self.phi / np.exp(around.logarithm)
        return Measure(np.where(near_in_time(out), below, np.nan), np.hypot(around.sigma, self.relative))

    @property
    def known(self) -> BoolArray:
        """(scan, height) frames that tell both."""
        return np.isfinite(self.phi) & (self.phi > 0.0) & np.isfinite(self.lighter)

    @property
    def tells(self) -> bool:
        """Whether the transmission says anything of the particles, and is in keeping with what they should absorb."""
        return bool(self.scale * self.start_depth > LEAST_ABSORBED and 0.2 < self.scale < 5.0 and self.known.any())

    @property
    def cut(self) -> BoolArray:
        return np.asarray(_passes(self.grid, self.run) < WHOLE)

    @property
    def may_wander(self) -> BoolArray:
        """(height,) where what passes may change as of a beam that moves: no crystals are seen to stand there, and no solvent
        is missing as of gas."""
        lacks = np.nan_to_num(self.solvent.share / self.solvent.sigma) > FITS
        return np.asarray(self.cut & (lacks.sum(axis=0) < FEWEST_LACKING) & ~np.any(self.fraction > 0.0))

    @property
    def logarithm(self) -> FloatArray:
        """ln(phi / phi0), NaN where phi is not above 0."""
        return over_start(self.phi, self.run.solution.volume_fraction)

    @cached_property
    def beams(self) -> BeamView:
        """Of the heights of the map."""
        return BeamView.of(self.grid.heights, self.run.beam.fwhm_um, 1e3 * self.run.cell.gap_mm)

    @cached_property
    def shape(self) -> LayerShape | None:
        """Of the layer, across these beams."""
        return shape_of(self.layer, self.beams, self.grid.time, self.fraction, self.run.solution.volume_fraction)

    @property
    def beside_crystals(self) -> BoolArray:
        return sees_crystals(self.fraction, self.grid.heights, self.run.beam.fwhm_um, self.phi)

    def compared(self, left_out: BoolArray) -> tuple[FootprintCorrection, TwoMeasures]:
        """The profile of the frames that are not left out, and both measures of these."""
        correction = self.profile(np.where(left_out, np.nan, self.phi), None)
        depth = self.depth(correction)
        return correction, self._measures(depth, correction.sigma, self.known & ~left_out)

    def _expected(self, phi: FloatArray, wanted: BoolArray) -> Expected:
        """What the neighbours say: of phi itself, or of phi over that of the layer, where these foretell each other better."""
        where = {"height_um": self.beams.read_um, "time_s": self.grid.time}
        start = self.run.solution.volume_fraction
        plain = expected(phi, wanted, **where, start=start)
        if self.layer is None:
            return plain
        over = expected(phi / np.exp(self.layer.logarithm), wanted, **where, start=start)
        better = np.nan_to_num(over.sigma, nan=np.inf) < np.nan_to_num(plain.sigma, nan=np.inf)
        return Expected(
            np.where(better, over.logarithm + self.layer.logarithm, plain.logarithm),
            np.where(better, over.sigma, plain.sigma),
        )

    def unlike_neighbours(self, asked: BoolArray) -> BoolArray:
        """Which of the frames that are `asked` are not what those around say, which are not."""
        around = self._expected(np.where(asked, np.nan, self.phi), asked)
        off = np.log(np.where(asked, self.phi, 1.0)) - around.logarithm
        return asked & (np.nan_to_num(np.abs(off) / np.hypot(around.sigma, self.relative)) > SIGNIFICANT)

    def change_with_dose(self, left_out: BoolArray, seconds: FloatArray) -> Change | None:
        """Of ln phi with each second in the beam, seconds (scan, height), where the layer has arrived; None: not told."""
        if self.layer is None:
            return None
        whole = self.layer.logarithm > -LEAST_DEPLETED
        told = whole & without_crystals(self.fraction) & ~left_out & ~self.cut
        x, layer = self.logarithm, self.layer
        return change_beside_layer(x - layer.logarithm, self.relative, x, layer.slopes, seconds, np.asarray(told))

    def _apart(self, left_out: BoolArray) -> BoolArray:
        """(scan, height) frames whose phi over the layer's is not that of most scans of their height."""
        if self.layer is None:
            return np.zeros(self.phi.shape, dtype=bool)
        told = self.known & ~left_out & ~self.beside_crystals & without_crystals(self.fraction)
        rest = np.where(told, self.logarithm - self.layer.logarithm, np.nan)
        return apart_in_time(rest, APART * np.hypot(self.relative, LEAST_APART))

    def profile(self, phi: FloatArray, missing: Expected | None) -> FootprintCorrection:
        solution = phi * (1.0 - self.fraction)
        if missing is None and self.layer is not None:
            alone = np.where(self.beside_crystals, np.nan, solution)
            missing = self._continued(self._expected(alone, ~(alone > 0.0) & ~self.beside_crystals))
        return footprint_correction(
            solution,
            self.beams,
            time_s=self.grid.time,
            attenuation=self.attenuation,
            start=self.run.solution.volume_fraction,
            sees_crystals=self.beside_crystals,
            missing=missing,
            relative=self.relative,
            layer=self.shape,
        )

    def _continued(self, missing: Expected) -> Expected:
        """`missing`; where no frame of a scan shows the anode or what is nearer to it, as of frames too dark to be measured,
        what is over the layer there is continued from above, and as uncertain as it is large, or as what so little light
        shows."""
        below = np.cumsum(np.isfinite(self.phi), axis=1) == 0
        if self.layer is None or not below.any():
            return missing
        over = missing.logarithm - np.log(self.run.solution.volume_fraction) - self.layer.logarithm
        return replace(
            missing, sigma=np.where(below, np.hypot(missing.sigma, np.hypot(over, IN_THE_DARK)), missing.sigma)
        )

    def depth(self, correction: FootprintCorrection) -> FloatArray:
        """Expected optical depth of all particles, k depth: the profile's and that of crystals, spread over the beam."""
        crystals = np.nan_to_num(self.attenuation * self.phi * self.fraction)
        return self.scale * (correction.depth + crystals)

    def film_shadow(self) -> Shadow | None:
        """What is missing of the light at the anode from some scan on; None where nothing is."""
        correction, measures = self.compared(np.zeros(self.grid.shape, dtype=bool))
        shown = np.nan_to_num(self.scale * self.attenuation * self.phi * self.fraction)
        depth = self.depth(correction)
        diode = (depth - 1.0) * self.diode  # T e too large: phi, and what it should absorb, too small
        sigma = np.hypot(shadow_sigma(depth, shown, measures.noise), diode)
        missing = lasting_shadow(-(measures.residual + measures.wander), sigma, self.fraction > 0.0, self.cut)
        if not np.any(missing):
            return None
        fwhm, z = self.run.beam.fwhm_um, self.grid.heights
        density = relative_density(z, beam_deviation(fwhm)) / np.maximum(open_fraction(z, fwhm), 1e-9)
        return Shadow(missing, sigma, shown, depth, self.scale * self.attenuation, density)

    def gross(self) -> TwoMeasures:
        """Both measures as they are before the profile within the beam is known."""
        return self._measures(self.scale * self.attenuation * self.phi, np.full(self.phi.shape, GROSS), self.known)

    def _measures(self, depth: FloatArray, profile: FloatArray, known: BoolArray) -> TwoMeasures:
        parts = np.square(profile) + np.square(self.relative) + np.where(self.beside_crystals, BESIDE_CRYSTALS**2, 0.0)
        parts += np.square(INTERACTION * np.clip(self.phi / 0.01, 0.0, 1.0))
        excess = depth - self.scale * self.start_depth
        difference = np.where(known, self.lighter + excess, np.nan)
        square = np.square(depth) * parts + np.square(self.start_noise)
        model = np.sqrt(square + (1.0 - 2.0 * depth) * np.square(self.diode))  # T e too large: phi e too small
        return two_measures(
            difference, model, excess, time_s=self.grid.time, cut=self.cut,
            start_depth=self.scale * self.start_depth, crystals=self.beside_crystals, wanders=self.may_wander,
        )  # fmt: skip

    def seen_depth(self, measures: TwoMeasures) -> FloatArray:
        """Optical depth that the transmission says, without its drift and with the place of the electrode."""
        return np.asarray(
            self.scale * self.start_depth - self.lighter + measures.drift + measures.place + measures.wander
        )

    def absorbed(self, correction: FootprintCorrection, measures: TwoMeasures) -> tuple[FloatArray, FloatArray]:
        """phi by absorption as the mean over the beam, and its sigma, NaN where crystals stand in it."""
        mean = np.where(np.isfinite(self.phi), self.phi, np.exp(correction.missing.logarithm))
        even, factor = 1.0 / (self.scale * self.attenuation), correction.factor
        per_depth = np.where(factor == 1.0, even, factor * mean / self.depth(correction))
        clear = np.where(self.beside_crystals, np.nan, per_depth)
        return clear * self.seen_depth(measures), np.abs(clear) * np.hypot(
            np.hypot(measures.noise, self.start_noise), self.diode
        )

    def contradictions(
        self, left_out: BoolArray, correction: FootprintCorrection, measures: TwoMeasures
    ) -> dict[tuple[int, int], Contradiction]:
        """What scattering and transmission of each frame that is left out say against its neighbours."""
        neighbours, depth, seen = correction.missing, self.depth(correction), self.seen_depth(measures)
        with np.errstate(invalid="ignore", divide="ignore"):
            light = np.where(seen > 0.0, np.log(seen / depth), -np.inf)
            scattering = np.log(self.phi) - neighbours.logarithm
        signed = np.nan_to_num(self.of_the_left_out(correction, measures), nan=SIGNIFICANT)
        clear = np.nan_to_num(self.solvent.share / self.solvent.sigma)
        lacks = (clear > FITS) | ((clear > LEAST_OFF) & np.any(left_out & (clear > FITS), axis=0))
        clear, share = np.where(lacks, clear, 0.0), np.where(lacks, np.nan_to_num(self.solvent.share), 0.0)
        return {
            (int(i), int(j)): Contradiction(
                scattering=float(np.nan_to_num(scattering[i, j])),
                light=float(light[i, j]),
                sigma=float(np.nan_to_num(neighbours.sigma[i, j], nan=1.0)),
                significance=abs(float(signed[i, j])),
                darker=bool(signed[i, j] < -LEAST_OFF),
                brighter=bool(signed[i, j] > 0.0),
                missing=(float(share[i, j]), float(clear[i, j])),
            )
            for i, j in np.argwhere(left_out)
        }

    def of_the_left_out(self, correction: FootprintCorrection, measures: TwoMeasures) -> FloatArray:
        """Significance of each frame's own contradiction, measured on the profile that its neighbours make."""
        with np.errstate(invalid="ignore", divide="ignore"):
            own = self.depth(correction) * self.phi / np.exp(correction.missing.logarithm)
            excess = own - self.scale * self.start_depth
            edge = measures.place + measures.wander
            rest = self.lighter + excess - measures.share * measures.drift - edge - measures.slope * excess
            sigma = np.hypot(measures.noise, own * np.hypot(self.relative, GROSS_LEFT))
            return np.asarray(rest / sigma)


def _passes(grid: ScanMap, run: Run) -> FloatArray:  # (height,) share of the beam between the electrodes
    return open_fraction(grid.heights, run.beam.fwhm_um, 1e3 * run.cell.gap_mm)
