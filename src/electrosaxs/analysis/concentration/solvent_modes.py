"""What the counting noise of the subtracted solvent does to all frames of a run, as a few independent numbers.

The solvent is one curve, so its noise moves every voxel at once: not each bin's error alone but its path through the
fit, which depends on the voxel's sizes and concentration. A voxel's answer to the noise is a row of q bins; the
answers of all voxels lie near a space of a few dimensions (principal components, Pearson 1901), and its axes are the
modes: numbers of mean 0 and variance 1 that add a known, signed amount to each quantity of each voxel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray, SampleIntensity
from ...nouns.contributions import SOLVENT_MODES
from ...physics.sphere_kernels import skewed_form_factor
from ..spheres.fit import SphereFit, fit_spheres
from .invariant import particle_volume

MODES = len(SOLVENT_MODES)
"""They hold all but 0.3 % of the variance that the solvent brings to a voxel in the middle of a run, all but 13 % in the
worst one, of few particles (weak beam); twenty modes move the pulls of a fit by less than 0.01."""
DIAMETERS = (0.75, 0.87, 1.0, 1.1)
DEVIATIONS = (0.7, 1.0, 1.3)
SCALES = (0.1, 1.0, 10.0)
"""The curves that the modes are made for, relative to the starting solution: a field-sorted cell lies within."""


@dataclass(frozen=True, eq=False)
class SolventModes:
    """basis (mode, q): orthonormal directions of the solvent's noise, each bin in units of its own sigma."""

    basis: FloatArray

    @property
    def count(self) -> int:
        return int(self.basis.shape[0])

    def answers(self, influence: FloatArray, solvent_variance: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Signed change per mode (mode, frame) of a quantity, and the sigma (frame,) of what the modes do not hold.

        influence (frame, q): d quantity / d I of each bin; solvent_variance (frame, q). I is less the solvent, whence
        the sign. The squares add up to the whole variance that the solvent brings.
        """
        whole = influence * np.sqrt(solvent_variance)
        signed = -whole @ self.basis.T if self.count else np.zeros((whole.shape[0], 0))
        rest = np.sum(np.square(whole), axis=1) - np.sum(np.square(signed), axis=1)
        return signed.T, np.sqrt(np.maximum(rest, 0.0))


NO_MODES = SolventModes(np.zeros((0, 0)))
"""All of the noise in one number."""


def solvent_modes(reference: SampleIntensity, fit: SphereFit, *, frames: int, dry_shell_nm: float) -> SolventModes:
    """The modes for spheres like those of the starting solution, made smaller and larger, more and fewer.

    reference: its pooled curve (one frame) of `frames` frames, with per_count and solvent; fit: its spheres.
    No mode where the solvent has no variance of its own or the reference no fit.
    """
    if "per_count" not in reference.data.coords or not fit.converged[0]:
        return NO_MODES
    curves = _curves(reference, fit, frames)
    fits = fit_spheres(curves)
    volume = particle_volume(curves, fits, dry_shell_nm=dry_shell_nm)
    good = fits.converged & np.all(np.isfinite(volume.influence), axis=1)
    spread = np.sqrt(volume.solvent_variance[good])
    answers = [volume.influence[good] * spread, *(fits.influence[good, k] * spread for k in (1, 2))]
    rows = np.concatenate([_unit(rows) for rows in answers])
    if not good.any() or not np.any(rows):
        return NO_MODES
    return SolventModes(np.linalg.svd(rows, full_matrices=False)[2][:MODES])


def _unit(rows: FloatArray) -> FloatArray:
    """Rows of length one, so that every curve counts alike; a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0.0)


def _curves(reference: SampleIntensity, fit: SphereFit, frames: int) -> SampleIntensity:
    """Curves without noise (frame, q), each as well counted as one frame."""
    grid = np.array([(s, d, w) for d in DIAMETERS for w in DEVIATIONS for s in SCALES]).T
    scale, d, delta, background, skewness = fit.theta[0]
    q = np.ascontiguousarray(reference.coord("q"), dtype=np.float64)
    model = [
        s / x**6 * scale * skewed_form_factor(q, x * d, w * delta, skewness) + background for s, x, w in grid.T
    ]  # P goes as d^6
    per_count = np.broadcast_to(frames * reference.coord("per_count"), (grid.shape[1], q.size))
    coords = {name: (("q",), reference.coord(name)) for name in ("q", "solvent", "solvent_variance")}
    return SampleIntensity.from_arrays(
        np.array(model), dims=("frame", "q"), coords={**coords, "per_count": (("frame", "q"), per_count)}
    )
