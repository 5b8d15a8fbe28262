"""What is known of the starting solution from its pooled reference frames, and how its errors hang together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray
from ..spheres.fit import SphereFit
from .invariant import ParticleVolume
from .solvent_modes import SolventModes
from .voxel_errors import CurveErrors, size_influence

D_AND_RATIO = [1, 3]  # of (particle volume, d, delta, delta / d)


@dataclass(frozen=True, eq=False)
class StartingErrors:
    """Of the particle volume Y that phi is measured against, and of the sizes (d in nm, delta / d).

    relative_sigma: of Y, counting and normalisation of the reference frames: one number of the run. with_reference (2,):
    change of the sizes when that number makes every phi one sigma larger. covariance (2, 2): the rest of their own errors.
    shared: change (2,) per sigma of what the solvent brings, the same numbers as in the voxels.
    """

    relative_sigma: float
    with_reference: FloatArray
    covariance: FloatArray
    shared: dict[str, FloatArray]

    @property
    def size_sigma(self) -> FloatArray:
        """Total sigma of d and of delta / d."""
        total = np.diag(self.covariance) + np.square(self.with_reference)
        return np.sqrt(total + sum(np.square(change) for change in self.shared.values()))


def starting_errors(fit: SphereFit, volume: ParticleVolume, errors: CurveErrors, modes: SolventModes) -> StartingErrors:
    """From fit, particle volume and curve errors of the pooled reference (one frame)."""
    influence = np.concatenate([volume.influence[:, None] / volume.value[0], size_influence(fit)], axis=1)
    own = errors.own(influence)[0]
    sigma = float(np.sqrt(own[0, 0]))
    with_reference = -own[0, D_AND_RATIO] / sigma  # phi goes as 1 / Y
    rest = own[np.ix_(D_AND_RATIO, D_AND_RATIO)] - np.outer(with_reference, with_reference)
    shared = {name: change[D_AND_RATIO, 0] for name, change in errors.shared(influence, modes).items()}
    return StartingErrors(sigma, with_reference, rest, shared)
