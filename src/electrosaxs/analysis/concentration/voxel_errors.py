"""How an error of a curve moves what is read from it: phi, sizes and their errors together, to first order.

A quantity's influence is its derivative by the intensity of each bin, through sum and fit. Three errors of the curve go
through it: counting (each bin on its own), the frame's normalisation (multiplies all that was counted, the solvent
included; light from beside adds some of the solvent's curve to single frames), and the subtracted solvent, whose counting and
normalisation are the same for all frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray, SampleIntensity
from ...nouns.contributions import BACKGROUND, SOLVENT_MODES, SOLVENT_SCALE
from ..spheres.fit import SphereFit
from .invariant import ParticleVolume
from .solvent_modes import SolventModes


def size_influence(fit: SphereFit) -> FloatArray:
    """Of d, delta (nm) and delta / d, (frame, 3, q)."""
    d, delta = fit.influence[:, 1], fit.influence[:, 2]
    ratio = (delta - fit.polydispersity[:, None] * d) / fit.diameter[:, None]
    return np.stack([d, delta, ratio], axis=1)


@dataclass(frozen=True, eq=False)
class CurveErrors:
    """Of curves (frame, q), intensity less solvent.

    counting, solvent_variance: variances (frame, q); gross: intensity with the solvent still in it (frame, q), NaN where a
    bin has no pixel; solvent (q,); normalisation (frame,), solvent_normalisation: relative sigma of monitor and transmission;
    stray: of light beside each frame's, in parts of the solvent.
    """

    counting: FloatArray
    gross: FloatArray
    normalisation: FloatArray
    solvent: FloatArray
    solvent_variance: FloatArray
    solvent_normalisation: float
    stray: float = 0.0

    def own(self, influence: FloatArray) -> FloatArray:
        """Covariance (frame, k, k) of quantities with influence (frame, k, q): counting and the frame's normalisation."""
        counted = np.einsum("fik,fk,fjk->fij", influence, self.counting, influence, optimize=True)
        scale = self.normalisation[:, None] * _sum(influence, self.gross)
        counted += scale[:, :, None] * scale[:, None, :]
        if self.stray:
            beside = self.stray * _sum(influence, np.broadcast_to(self.solvent, self.gross.shape))
            counted += beside[:, :, None] * beside[:, None, :]
        return np.asarray(counted)

    def shared(self, influence: FloatArray, modes: SolventModes) -> dict[str, FloatArray]:
        """Change (k, frame) per sigma of each number that the solvent brings, signed but for `background`, which is a sigma."""
        scale = -self.solvent_normalisation * _sum(influence, np.broadcast_to(self.solvent, self.gross.shape))
        found = {SOLVENT_SCALE: scale.T}
        answers = [modes.answers(influence[:, k], self.solvent_variance) for k in range(influence.shape[1])]
        found[BACKGROUND] = np.array([rest for _, rest in answers])
        for mode, name in zip(range(modes.count), SOLVENT_MODES, strict=False):
            found[name] = np.array([signed[mode] for signed, _ in answers])
        return found


def curve_errors(
    sample: SampleIntensity,
    volume: ParticleVolume,
    *,
    normalisation: FloatArray,
    solvent_normalisation: float,
    stray: float = 0.0,
) -> CurveErrors:
    """What is known of the errors of the curves of `sample`, whose particle volume is `volume`."""
    solvent = sample.coord("solvent")
    return CurveErrors(
        counting=volume.variance,
        gross=sample.values + solvent,
        normalisation=normalisation,
        solvent=solvent,
        solvent_variance=volume.solvent_variance,
        solvent_normalisation=solvent_normalisation,
        stray=stray,
    )


def _sum(influence: FloatArray, curve: FloatArray) -> FloatArray:
    """Change (frame, k) for a change `curve` (frame, q) of the intensity."""
    return np.asarray(np.einsum("fkq,fq->fk", influence, np.where(np.isfinite(curve), curve, 0.0)))


def correlation(covariance: FloatArray, one: int, other: int) -> FloatArray:
    """(frame,) from covariance (frame, k, k)."""
    spread = np.sqrt(covariance[:, one, one] * covariance[:, other, other])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(covariance[:, one, other] / spread)
