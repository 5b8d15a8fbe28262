"""One frame to phi while a run goes on: the reduction and the invariant of `analyse`, against the solvent and reference
frames that the run folder holds already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipp as sc

from ...analysis.concentration.depleted_frames import with_emptied
from ...analysis.concentration.diode_noise import EdgeReadings, noise_behind
from ...analysis.concentration.invariant import particle_volume
from ...analysis.concentration.volume_fraction import volume_fraction
from ...analysis.crystals.crystal_volume import crystal_particle_volume
from ...analysis.crystals.lattice_fit import LatticeFit
from ...analysis.crystals.structure_factor import spheres_of
from ...analysis.spheres.fit import fit_spheres
from ...nouns import FrameTable, RadialCounts, Run, SampleIntensity
from ...physics.absorption import attenuation_per_volume_fraction
from ...reduction.azimuthal import FrameSums
from ...reduction.background import subtract_solvent
from ...reduction.normalisation import frame_flags, to_intensity
from ...reduction.stream import ReductionStore, reduce_series
from ..analyse.analyse_run import with_known_fraction
from ..analyse.detector import prepared
from ..analyse.diode_noise import with_diode_noise
from ..analyse.misfit import POOR
from ..analyse.reduce_run import ReducedRun, flags_of
from ..analyse.standards import standards
from .anode_lines import AnodeLines
from .kept_frames import Kept, KeptFrames, table_of

MOST_DEVIATION = 0.3
"""Of the mean diameter, for which size classes of a Gaussian stay above 0."""


@dataclass(frozen=True)
class FrameReading:
    """phi of a frame and its own sigma, or `why` there is none: then both are NaN. crystals: phi of those whose lines it
    shows, with its sigma; None where it shows none, or nobody looked."""

    phi: float
    sigma: float
    why: str = ""
    crystals: tuple[float, float] | None = None


class FramePhi:
    """phi of single frames. still: the solvent and reference frames; `scratch`: a folder for their reduction, which may be
    thrown away; saturation: counts of a full pixel, None where not known; edge: readings of the diode across the anode,
    which tell its noise where the run file does not."""

    def __init__(
        self,
        run: Run,
        still: Sequence[Kept],
        scratch: Path,
        *,
        saturation: float | None,
        edge: EdgeReadings | None = None,
    ) -> None:
        source = run.frames.nexus or run.frames.table or Path("frames")
        reader, table = KeptFrames(still, saturation, (source,)), table_of(still, source)
        detector = prepared(run, reader, lambda: [frame.image for frame in still])
        self._integrator = detector.integrator
        reduced = with_diode_noise(self._reduced(detector.run, reader, table, scratch))
        self.diode = noise_behind(edge) if reduced.diode is None and edge is not None else reduced.diode
        self.standard = standards(reduced, workers=1)
        self.run = with_known_fraction(reduced, self.standard).run
        self._lines = AnodeLines()

    def _reduced(self, run: Run, reader: KeptFrames, table: FrameTable, scratch: Path) -> ReducedRun:
        """The still frames in q bins."""
        own = self._integrator
        store = ReductionStore(scratch, key="held", n_frames=len(table), bins=own.bins)
        for _ in reduce_series(reader, own, store, workers=1):
            continue
        flags = flags_of(table, store, own.used_pixels, {})
        return ReducedRun(run, table, own.mean_q, store, flags, (), reader.files)

    @property
    def sizes_nm(self) -> tuple[float, float] | None:
        """Mean core diameter and its deviation (nm) of the starting solution; None where the fit does not know them.

        A fit that is only poor knows them: with many photons the curve of any real solution tells that its sizes are no
        Gaussian, and mean and deviation are still nearer to it than those of another solution.
        """
        fit = self.standard.reference_fit
        mean, deviation = float(fit.diameter[0]), float(fit.deviation[0])
        found = set(fit.flags[0]) <= {POOR} and np.isfinite(mean) and np.isfinite(deviation)
        return (mean, deviation) if found and 0.0 < deviation < MOST_DEVIATION * mean else None

    @property
    def attenuation(self) -> float:
        """a: what of the beam phi = 1 takes away, ln(1 / T), with the sizes of the starting solution."""
        share = 1.0 / float(self.standard.reference_volume.shell_ratio[0])
        given = {"energy_keV": self.run.beam.energy_keV, "path_length_mm": self.run.cell.path_length_mm}
        return float(attenuation_per_volume_fraction(self.run.solution, core_share=share, **given))

    def measure(self, frame: npt.NDArray[np.integer], row: Mapping[str, float], *, lines: bool = False) -> FrameReading:
        """A frame (y, x) with its monitor, transmission and exposure. lines: look for those of crystals too."""
        sums = self._integrator.integrate(frame)
        flags = frame_flags(
            monitor=[row["monitor"]], transmission=[row["transmission"]], negative=[sums.negative],
            saturated=[sums.saturated], stopped=[sums.stopped], used_pixels=self._integrator.used_pixels,
        )[0]  # fmt: skip
        if flags:
            return FrameReading(np.nan, np.nan, "; ".join(flags))
        sample = self._sample(sums, row)
        shown = (
            self._lines.shown(sample) if lines else None
        )  # a frame full of crystals tells them best, and fits no spheres
        phi, sigma = self._phi(sample, row)
        if shown is not None and not sigma > 0.0:
            phi, sigma = self._phi(sample, row, shown)
        if not (np.isfinite(phi) and sigma > 0.0):
            return FrameReading(np.nan, np.nan, "no spheres fit its curve, and it is not empty")
        share, own = (0.0, 0.0) if shown is None else (shown.value("fraction"), shown.sigma("fraction"))
        return FrameReading(phi, sigma, crystals=None if shown is None else (phi * share, phi * own))

    def _sample(self, sums: FrameSums, row: Mapping[str, float]) -> SampleIntensity:
        """Its curve (one frame, q), less the solvent."""
        counts, dims = np.asarray(sums.counts, dtype=np.float64)[None], ["frame", "q"]
        data = sc.DataArray(
            sc.array(dims=dims, values=counts, variances=counts, unit="counts"),
            coords={
                "q": sc.array(dims=["q"], values=self._integrator.mean_q, unit="1/nm"),
                "index": sc.array(dims=["frame"], values=[0]),
            },
        )
        radial = RadialCounts(
            data, sc.array(dims=dims, values=np.asarray(sums.norm, dtype=np.float64)[None], unit="one")
        )
        intensity = to_intensity(
            radial, [row["monitor"]], [row["transmission"]], monitor_scale=self.standard.monitor_scale,
            dark=self.standard.dark, exposure=[row["exposure"]],
        )  # fmt: skip
        return subtract_solvent(intensity, self.standard.solvent)

    def _phi(
        self, sample: SampleIntensity, row: Mapping[str, float], shown: LatticeFit | None = None
    ) -> tuple[float, float]:
        """phi and its own sigma, the diode's noise in it; of solution and crystals together where these are `shown`."""
        standard, phi0 = self.standard, self.run.solution.volume_fraction
        reference, shell = standard.reference_volume, standard.dry_shell_nm
        if shown is None:
            fit = fit_spheres(sample, workers=1)
            volume = particle_volume(sample, fit, dry_shell_nm=shell)
            volume, _ = with_emptied(volume, sample, fit, reference, standard.reference_fit)
        else:
            q = sample.coord("q")
            volume = crystal_particle_volume([shown], spheres_of([shown], q), q, dry_shell_nm=shell)
        phi = volume_fraction(volume, reference, phi0=phi0)
        monitor, passes, exposure = (np.array([row[name]]) for name in ("monitor", "transmission", "exposure"))
        diode = 0.0 if self.diode is None else self.diode.relative(passes, exposure)
        errors = standard.curve_errors(sample, volume, monitor, diode)
        response = phi0 / reference.value[0] * volume.influence
        return float(phi[0]), float(np.sqrt(errors.own(response[:, None])[0, 0, 0]))
