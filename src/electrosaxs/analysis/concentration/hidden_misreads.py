"""What a monitor that misreads some frames may do to the others, unseen.

Frames whose monitor was read wrong by much are out for it. Where a run has such frames, others may be read wrong by less than
a frame can tell: a share p of all by x of spread s, the others not at all, so that a frame's own measure m +- sigma of x has

    L = (1 - p) N(m; 0, sigma^2) + p N(m; 0, sigma^2 + s^2)

p and s are as likely as they make all frames, those that are out included; what is left open in each frame is the root of
the mean over them of

    E(x^2 | m) = w (m^2 g^2 + g sigma^2),    g = s^2 / (s^2 + sigma^2),    w = p N(m; 0, sigma^2 + s^2) / L

(two normal distributions, one of them rare and wide: Box 1968). Of misreads much larger than sigma hardly any stays
unseen, and w is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray

SPREADS = np.geomspace(5e-4, 1.0, 48)
SHARES = np.geomspace(2e-3, 0.5, 32)


@dataclass(frozen=True, eq=False)
class Misreads:
    """weight (share, spread): how likely each p of SHARES and each s of SPREADS is."""

    weight: FloatArray

    @classmethod
    def of(cls, value: FloatArray, sigma: FloatArray) -> Misreads:
        """From x of frames (frame,), those that are out among them."""
        right, wrong = _both(value, np.square(sigma))
        likelihood = np.array([np.sum(np.log((1.0 - p) * right + p * wrong), axis=-1) for p in SHARES])
        weight = np.exp(likelihood - likelihood.max())
        return cls(weight / weight.sum())

    @property
    def share(self) -> float:
        """Of all frames, the mean p."""
        return float(self.weight.sum(axis=1) @ SHARES)

    @property
    def spread(self) -> float:
        """The mean s, over its logarithm."""
        return float(np.exp(self.weight.sum(axis=0) @ np.log(SPREADS)))

    def left_open(self, value: FloatArray, sigma: FloatArray) -> FloatArray:
        """Root of E(x^2) of frames (frame,) that stay."""
        own, spread = np.square(sigma), np.square(SPREADS)[:, None]
        right, wrong = _both(value, own)
        gain = spread / (spread + own)
        size = np.square(gain * value) + gain * own  # (spread, frame)
        mean = np.zeros(value.shape)
        for share, weight in zip(SHARES, self.weight, strict=True):
            mean += weight @ (share * wrong / ((1.0 - share) * right + share * wrong) * size)
        return np.sqrt(mean)


def _both(value: FloatArray, variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Densities of frames that are read right (frame,), and wrong by each spread (spread, frame)."""
    return _normal(value, variance), _normal(value, variance + np.square(SPREADS)[:, None])


def _normal(value: FloatArray, variance: FloatArray) -> FloatArray:
    """Density, never 0: a frame of a thousand sigmas has a logarithm too."""
    return np.asarray(np.exp(np.maximum(-0.5 * np.square(value) / variance, -600.0)) / np.sqrt(2.0 * np.pi * variance))
