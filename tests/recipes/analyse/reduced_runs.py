"""Reduced runs in memory, of the nouns themselves: a stand-in would hide that one of them has changed."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from analysis.synthetic_curves import DRY_SHELL_NM

from electrosaxs.analysis.concentration.invariant import particle_volume
from electrosaxs.analysis.concentration.normalisation_noise import NormalisationNoise
from electrosaxs.analysis.concentration.solvent_modes import NO_MODES, solvent_modes
from electrosaxs.analysis.concentration.starting_solution import starting_errors
from electrosaxs.analysis.concentration.volume_fraction import pooled
from electrosaxs.analysis.concentration.voxel_errors import curve_errors
from electrosaxs.analysis.spheres.fit import fit_spheres
from electrosaxs.nouns import Intensity, Number, SampleIntensity
from electrosaxs.nouns.run import FrameTable, Run
from electrosaxs.recipes.analyse.reduce_run import ReducedRun
from electrosaxs.recipes.analyse.standards import Standards
from electrosaxs.recipes.live.provisional import SomeFrames
from electrosaxs.reduction.stream import ReducedFrame

MONITOR = 1e6


def reduced_run(
    roles: Sequence[str],
    *,
    counts: np.ndarray | None = None,
    monitor: Sequence[float] | None = None,
    gap_mm: float = 3.5,
    **solution: float,
) -> ReducedRun:
    """A run of frames with these roles. counts (frame, q); solution: keys of `[solution]` in run.toml."""
    one = np.ones(len(roles))
    counts = np.ones((len(roles), 2)) if counts is None else counts
    table = FrameTable(
        role=np.array(roles), height=one, time=np.arange(len(roles), dtype=np.float64), exposure=one,
        monitor=MONITOR * one if monitor is None else np.array(monitor), transmission=0.4 * one, voltage=None, current=None,
        file=(), source=Path("none"),
    )  # fmt: skip
    run = Run.model_validate({
        "cell": {"gap_mm": gap_mm, "path_length_mm": 10.0}, "solution": {"volume_fraction": 8e-4, **solution},
        "beam": {"energy_keV": 13.3, "fwhm_um": 34.0}, "detector": {"geometry": "none"}, "frames": {"nexus": "none"},
    })  # fmt: skip
    frames = [ReducedFrame(i, row, np.ones(row.size)) for i, row in enumerate(counts)]
    q = np.linspace(0.1, 3.0, counts.shape[1])
    return ReducedRun(run, table, q, SomeFrames(frames), ((),) * len(roles), (), ())


def standards_of(reference: SampleIntensity, *, noise: float = 0.0, in_modes: bool = True) -> Standards:
    """Standards with these frames of the starting solution, the solvent taken off already. noise: relative, of the
    normalisation of each frame and of both standards."""
    reference = pooled(reference)
    fit = fit_spheres(reference)
    volume = particle_volume(reference, fit, dry_shell_nm=DRY_SHELL_NM)
    modes = solvent_modes(reference, fit, frames=1, dry_shell_nm=DRY_SHELL_NM) if in_modes else NO_MODES
    errors = curve_errors(reference, volume, normalisation=np.array([noise]), solvent_normalisation=noise)
    return Standards(
        solvent=cast(Intensity, None),
        dark=None,
        monitor_scale=MONITOR,
        reference=reference,
        reference_fit=fit,
        reference_volume=volume,
        dry_shell_nm=DRY_SHELL_NM,
        normalisation=NormalisationNoise(Number(noise, 0.0, "one", "chosen"), False, noise),
        solvent_noise=noise,
        modes=modes,
        starting=starting_errors(fit, volume, errors, modes),
    )
