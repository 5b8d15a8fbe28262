"""What every sample frame is compared with: the solvent-filled cell and the starting solution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.interaction import Contact, Content, alone
from ...analysis.concentration.invariant import ParticleVolume, particle_volume
from ...analysis.concentration.normalisation_noise import NormalisationNoise, normalisation_noise
from ...analysis.concentration.solvent_modes import SolventModes, solvent_modes
from ...analysis.concentration.starting_solution import StartingErrors, starting_errors
from ...analysis.concentration.volume_fraction import pooled as pooled_curve
from ...analysis.concentration.voxel_errors import CurveErrors, curve_errors
from ...analysis.spheres.fit import SphereFit, fit_spheres
from ...errors import ElectrosaxsError, FitError, InputFileError, bad_value
from ...nouns import FloatArray, Intensity, Role, SampleIntensity
from ...physics.colloid import dry_shell_nm
from ...reduction.background import pooled, subtract_solvent
from ...reduction.dead_time import lost_factor, without_loss
from ...reduction.normalisation import DarkLevel, dark_level, to_intensity
from .reduce_run import ReducedRun

FIRST_MINIMUM = 8.987
"""q d of the first zero of the form factor of a sphere, twice the first root of tan x = x."""


@dataclass(frozen=True, eq=False)
class Interference:
    """Contact of the run's dissolved particles, and what each frame of the table holds, the starting solution last; background:
    flat part of its curve."""

    contact: Contact
    content: Content
    background: FloatArray = field(default_factory=lambda: np.empty(0))

    def structure(self, frames: npt.NDArray[np.intp], q: FloatArray) -> FloatArray:
        """S' of `frames` (-1: the starting solution), (frame, q)."""
        return self.content.rows(frames).structure(q, self.contact)

    def without(self, sample: SampleIntensity, frames: npt.NDArray[np.intp]) -> SampleIntensity:
        """The curves of `frames` as their particles would scatter alone."""
        return alone(sample, self.structure(frames, sample.coord("q")), self.background[frames])


@dataclass(frozen=True, eq=False)
class Standards:
    """solvent: its pooled curve (q,); reference: the pooled starting solution (one frame), its fit and particle volume.

    normalisation: relative noise of one frame's monitor and transmission; solvent_noise: what it leaves in the pooled
    solvent. modes: what the solvent's counting noise can do to the frames. starting: errors of the reference. interference:
    what the particles do to each other's scattering, None where nothing tells; the reference is without it.
    """

    solvent: Intensity
    dark: DarkLevel | None
    monitor_scale: float
    reference: SampleIntensity
    reference_fit: SphereFit
    reference_volume: ParticleVolume
    dry_shell_nm: float
    normalisation: NormalisationNoise
    solvent_noise: float
    modes: SolventModes
    starting: StartingErrors
    interference: Interference | None = None

    def curve_errors(
        self, sample: SampleIntensity, volume: ParticleVolume, monitor: FloatArray, diode: FloatArray | float = 0.0
    ) -> CurveErrors:
        """Errors of the curves of `sample` (frame, q) whose particle volume is `volume`, at these monitor counts (frame,) and
        relative noises of the diode (frame,)."""
        noise = (
            np.hypot(self.normalisation.sigma(monitor), diode) if np.any(diode) else self.normalisation.sigma(monitor)
        )
        return curve_errors(
            sample,
            volume,
            normalisation=noise,
            solvent_normalisation=self.solvent_noise,
            stray=self.normalisation.stray,
        )


def with_moved_start(standard: Standards, name: str, moved: Standards) -> Standards:
    """`standard` whose starting sizes have in their sigma what they are otherwise in `moved`, one sigma of `name` away."""
    one, other = standard.reference_fit, moved.reference_fit
    change = [
        float(a[0] - b[0]) for a, b in ((other.diameter, one.diameter), (other.polydispersity, one.polydispersity))
    ]
    starting = standard.starting
    return replace(standard, starting=replace(starting, shared={**starting.shared, name: np.array(change)}))


def standards(reduced: ReducedRun, *, workers: int = 2, interference: Interference | None = None) -> Standards:
    """Solvent and reference of a run. InputFileError where none of their frames is usable."""
    table = reduced.table
    with np.errstate(invalid="ignore"):
        positive = table.monitor[np.isfinite(table.monitor) & (table.monitor > 0)]
    scale = float(np.mean(positive))
    dark_frames = reduced.frames(Role.DARK)
    dark = None
    if dark_frames.size:
        dark = dark_level(reduced.counts(dark_frames), table.exposure[dark_frames])
    solvent_frames, reference_frames = _some(reduced, Role.SOLVENT), _some(reduced, Role.REFERENCE)
    empty_of_particles = intensity(reduced, solvent_frames, scale, dark)
    starting_solution = intensity(reduced, reference_frames, scale, dark)
    solvent = pooled(empty_of_particles)
    reference = pooled_curve(subtract_solvent(starting_solution, solvent))
    if reduced.repeated is not None:
        reference = reduced.repeated.without(reference)
    if interference is not None:
        reference = interference.without(reference, np.array([-1]))
    fit = fit_spheres(reference, workers=workers)
    shell = dry_shell_nm(reduced.run.solution)
    volume = particle_volume(reference, fit, dry_shell_nm=shell)
    if not volume.value[0] > 0.0:
        raise _no_particles(reduced, float(volume.value[0]))
    monitors = [table.monitor[frames] for frames in (solvent_frames, reference_frames)]
    noise = normalisation_noise([empty_of_particles, starting_solution], monitors)
    modes = solvent_modes(reference, fit, frames=reference_frames.size, dry_shell_nm=shell)
    solvent_noise, reference_noise = noise.of_mean_solvent(monitors[0]), noise.of_mean(monitors[1])
    errors = curve_errors(
        reference, volume, normalisation=np.array([reference_noise]), solvent_normalisation=solvent_noise,
        stray=noise.stray / float(np.sqrt(reference_frames.size)),
    )  # fmt: skip
    return Standards(
        solvent=solvent,
        dark=dark,
        monitor_scale=scale,
        reference=reference,
        reference_fit=fit,
        reference_volume=volume,
        dry_shell_nm=shell,
        normalisation=noise,
        solvent_noise=solvent_noise,
        modes=modes,
        starting=starting_errors(fit, volume, errors, modes),
        interference=interference,
    )


def intensity(
    reduced: ReducedRun, frames: npt.NDArray[np.intp], monitor_scale: float, dark: DarkLevel | None
) -> Intensity:
    """Normalised frames (frame, q)."""
    table, counted = reduced.table, reduced.counts(frames)
    dead_time = reduced.run.detector.dead_time_ns
    measured = to_intensity(
        counted,
        table.monitor[frames],
        table.transmission[frames],
        monitor_scale=monitor_scale,
        dark=dark,
        exposure=table.exposure[frames],
    )
    if not dead_time:
        return measured
    return without_loss(measured, lost_factor(counted, table.exposure[frames], 1e-9 * dead_time))


def sample_intensity(reduced: ReducedRun, standard: Standards, frames: npt.NDArray[np.intp]) -> SampleIntensity:
    """Normalised frames (frame, q) less the solvent and what is scattered more than once."""
    sample = subtract_solvent(intensity(reduced, frames, standard.monitor_scale, standard.dark), standard.solvent)
    return sample if reduced.repeated is None else reduced.repeated.without(sample)


def alone_intensity(reduced: ReducedRun, standard: Standards, frames: npt.NDArray[np.intp]) -> SampleIntensity:
    """`sample_intensity` as the particles would scatter each alone."""
    sample = sample_intensity(reduced, standard, frames)
    return sample if standard.interference is None else standard.interference.without(sample, frames)


def _some(reduced: ReducedRun, role: Role) -> npt.NDArray[np.intp]:
    frames = reduced.frames(role)
    if frames.size:
        return frames
    wrong = np.flatnonzero(reduced.table.is_role(role))
    raise bad_value(
        InputFileError,
        where=reduced.table.source,
        field="role",
        value=f"{role}: {len(wrong)} frames, none usable ({'; '.join(reduced.flags[wrong[0]]) if wrong.size else 'absent'})",
        rule=f"at least one usable {role} frame is needed",
        remedy="mend the monitor or transmission of these rows, or give other frames",
    )


def _no_particles(reduced: ReducedRun, volume: float) -> ElectrosaxsError:
    window = reduced.run.analysis
    found = f"particle volume {volume:.3g}" if np.isfinite(volume) else "no particle volume"
    return bad_value(
        FitError,
        where=reduced.table.source,
        field="reference frames",
        value=f"{found} from {window.q_min_per_nm:.4g} to {window.q_max_per_nm:.4g} 1/nm",
        rule="the starting solution must scatter as spheres do, above the solvent",
        remedy="check the roles and the transmission of reference and solvent frames and the q range, or give more frames; "
        f"spheres below {FIRST_MINIMUM / window.q_max_per_nm:.2g} nm have no minimum in this q range, and may need a shorter"
        " distance, a higher energy or a larger q_max_per_nm",
    )


def solvent_transmission(reduced: ReducedRun) -> float:
    """Mean transmission of the solvent-filled cell."""
    frames = reduced.frames(Role.SOLVENT)
    return float(np.mean(reduced.table.transmission[frames]))
