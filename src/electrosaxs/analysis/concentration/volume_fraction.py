"""phi of each frame against the starting solution: phi = phi0 Y / Y_ref, with every uncertainty under its own name.

Counting and normalisation of a frame are its own. Shared contributions: `reference` (counting and normalisation of the
reference frames), `background` (the solvent's, which enter frame and reference together and partly cancel, see
voxel_errors), `extrapolation` (what the q window misses, less what the reference misses alike), `starting_solution`
(phi0's own sigma).
"""

from __future__ import annotations

import numpy as np
import scipp as sc

from ...errors import FitError, ShapeError, bad_value
from ...nouns import FloatArray, SampleIntensity
from .invariant import HIGH_Q_UNCERTAINTY, LOW_Q_UNCERTAINTY, ParticleVolume

INTERACTING_PHI = 0.01
"""phi from which the low-q uncertainty counts in full: hard spheres scatter 0.88 there at q = 0 (Percus-Yevick)."""


def pooled(sample: SampleIntensity) -> SampleIntensity:
    """All frames of `sample` (frame, q) counted as one: dims (frame, q) with a single frame.

    Counts and normalisations are added, so that a frame weighs as much as it was exposed; the solvent stays the shared
    subtraction. Frames need `per_count`; without it (1-D files) they are averaged with their inverse variances.
    """
    if sample.dims != ("frame", "q"):
        raise ShapeError(f"curves to pool have dims {sample.dims}: they must be (frame, q)")
    values, coords = sample.values, sample.data.coords
    variances = np.square(sample.sigma)
    each = 1.0 / np.broadcast_to(sample.coord("per_count") if "per_count" in coords else variances, values.shape)
    weight = np.where(np.isfinite(values) & np.isfinite(each), each, 0.0)
    norm = weight.sum(axis=0)
    share = np.divide(weight, norm, out=np.zeros_like(weight), where=norm > 0.0)
    mean = np.where(norm > 0.0, np.sum(share * np.where(weight > 0.0, values, 0.0), axis=0), np.nan)
    spread = np.sum(share**2 * np.where(weight > 0.0, variances, 0.0), axis=0)
    background = sample.shared.get("background")
    shared = {} if background is None else {"background": np.max(background.values, axis=0)[None]}
    curve = SampleIntensity.from_arrays(
        mean[None],
        dims=("frame", "q"),
        coords={"q": (("q",), sample.coord("q"))},
        sigma=np.sqrt(spread)[None],
        shared=shared,
    )
    kept = {name: coords[name] for name in ("solvent", "solvent_variance") if name in coords}
    if "per_count" in coords:
        one = np.divide(1.0, norm, out=np.full_like(norm, np.nan), where=norm > 0.0)
        kept["per_count"] = sc.array(dims=["frame", "q"], values=one[None], unit="one")
    return SampleIntensity(curve.data.assign_coords(kept), curve.shared)


def volume_fraction(volume: ParticleVolume, reference: ParticleVolume, *, phi0: float) -> FloatArray:
    """phi of every frame, (frame,).

    reference: Y of the starting solution of volume fraction phi0 (core + dry shell), one frame, from the pooled curve.
    Raises FitError where the reference has no fit or no particles, ShapeError where it has several frames.
    """
    if reference.value.size != 1:
        raise ShapeError(f"the reference has {reference.value.size} frames: it must have one; pool the curves first")
    y0 = float(reference.value[0])
    if not y0 > 0.0:
        raise bad_value(
            FitError,
            where="reference frames",
            field="particle volume",
            value=y0,
            rule="must be above 0",
            remedy="check transmission and solvent of the reference frames, or give more of them",
        )
    return np.asarray(phi0 * volume.value / y0)


def shared_sigma(
    phi: FloatArray,
    volume: ParticleVolume,
    reference: ParticleVolume,
    *,
    reference_sigma: float,
    start_sigma: float | None,
) -> dict[str, FloatArray]:
    """Sigma (frame,) of phi by what all frames share, but for the solvent, which enters by `solvent_response`.

    reference_sigma: of the reference's Y, start_sigma: of phi0 (None: not known), both relative.
    """
    # spheres interact in proportion to how many there are; what the starting solution misses alike cancels
    interaction = np.clip(np.abs(phi) / INTERACTING_PHI, 0.0, 1.0) * volume.low_share
    low = np.hypot(interaction, volume.low_share - reference.low_share)
    missing = np.hypot(LOW_Q_UNCERTAINTY * low, HIGH_Q_UNCERTAINTY * (volume.high_share - reference.high_share))
    relative = {"reference": reference_sigma, "extrapolation": missing}
    if start_sigma is not None:
        relative["starting_solution"] = start_sigma
    return {name: np.abs(phi) * sigma for name, sigma in relative.items()}


def solvent_response(volume: ParticleVolume, reference: ParticleVolume, *, phi0: float) -> FloatArray:
    """d phi / d I (frame, q) where an error of the curve is in frame and reference alike, as the solvent's is."""
    y0 = reference.value[0]
    return np.asarray(phi0 / y0 * (volume.influence - volume.value[:, None] / y0 * reference.influence))
