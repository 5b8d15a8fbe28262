"""Counts that a pixel misses while it is dead after each photon, and the intensity without the loss."""

from __future__ import annotations

import numpy as np
import scipp as sc

from ..nouns import FloatArray, Intensity, RadialCounts

ROUNDS = 6


def counts_per_pixel(counts: RadialCounts) -> FloatArray:
    """Mean of a pixel on the axis, (frame, q), 0 where a bin has none. Near the beam the pixels of a bin count alike."""
    norm = np.asarray(counts.norm.values)
    return np.divide(np.asarray(counts.counts.values), norm, out=np.zeros_like(norm), where=norm > 0.0)


def lost_factor(counts: RadialCounts, exposure_s: FloatArray, dead_time_s: float) -> FloatArray:
    """n / m (frame, q) of the photons n that a pixel of each bin should have counted and the m that it did:
    m = n exp(-n tau / t)."""
    x = counts_per_pixel(counts) * dead_time_s / exposure_s[:, None]
    factor = np.ones_like(x)
    for _ in range(ROUNDS):
        factor = np.exp(np.minimum(x * factor, 1.0))
    return factor


def without_loss(intensity: Intensity, factor: FloatArray) -> Intensity:
    """`intensity` (frame, q) and what one photon adds to it, times `factor`."""
    by = sc.array(dims=["frame", "q"], values=factor, unit="one")
    data = intensity.data * by
    data.coords["per_count"] = intensity.data.coords["per_count"] * by
    return Intensity(data, {name: sigma * by for name, sigma in intensity.shared.items()})
