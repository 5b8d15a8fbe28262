"""Everything that the numbers of a frame need, done once on invented frames: what is slow the first time is then behind us."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...analysis.spheres.fit import fit_spheres
from ...nouns import FrameTable, Role, Run
from ...reduction.stream import ReducedFrame
from ..analyse.reduce_run import ReducedRun
from ..analyse.standards import sample_intensity, standards
from ..analyse.voxels import measure
from .provisional import SomeFrames

BINS, PHOTONS, PIXELS = 80, 1e4, 50.0
RADII_NM = np.linspace(2.5, 4.7, 23)
ROLES = (Role.SOLVENT, Role.SOLVENT, Role.REFERENCE, Role.REFERENCE, Role.SAMPLE)
SETTINGS = {
    "cell": {"gap_mm": 3.5, "path_length_mm": 10.0}, "solution": {"volume_fraction": 8e-4},
    "beam": {"energy_keV": 13.3, "fwhm_um": 34.0}, "detector": {"geometry": "none"}, "frames": {"nexus": "none"},
}  # fmt: skip


def warm_up() -> None:
    """Fit an invented frame: spheres of several sizes over a flat solvent."""
    q = np.linspace(0.1, 3.0, BINS)
    solvent = np.full(BINS, PHOTONS)
    x = q * RADII_NM[:, None]
    amplitude = (np.sin(x) - x * np.cos(x)) / q**3
    particles = 50.0 * PHOTONS * np.mean(amplitude**2, axis=0) / np.mean(RADII_NM**6) * 9.0
    noise = np.random.default_rng(1)
    counts = [noise.poisson(solvent + (0.0 if role is Role.SOLVENT else 1.0) * particles) for role in ROLES]
    frames = [ReducedFrame(i, row.astype(float), np.full(BINS, PIXELS)) for i, row in enumerate(counts)]
    one = np.ones(len(ROLES))
    table = FrameTable(
        role=np.array([str(role) for role in ROLES]), height=one, time=np.arange(len(ROLES), dtype=np.float64), exposure=one,
        monitor=1e6 * one, transmission=0.3 * one, voltage=None, current=None, file=(), source=Path("none"),
    )  # fmt: skip
    run = Run.model_validate(SETTINGS)
    reduced = ReducedRun(run, table, q, SomeFrames(frames), ((),) * len(ROLES), (), ())
    standard, last = standards(reduced, workers=1), np.array([len(ROLES) - 1])
    sample = sample_intensity(reduced, standard, last)
    measure(last, sample, fit_spheres(sample, workers=1), reduced=reduced, standard=standard)
