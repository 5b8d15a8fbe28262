"""A drift of monitor or transmission too slow for any scan to tell, by what all frames of the run say of it together.

Where the transmission reads 1 + g u and the monitor 1 + m u times too large, u = time over the time of the last frame,

    ln T, seen less expected = u (g (1 - depth) - m depth)     solvent missing from the curve = u (g + m)
    ln phi where nothing has arrived = -u (g + m)

and phi is too small by u (g + m) everywhere. Each measure has an offset of its own, which the standards leave.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...nouns import FloatArray
from .scaled_frames import Measure
from .two_measures import SLOPE_SIGMA

SIGNIFICANT = 3.0
"""Sigmas from which on a drift is told (chosen: one clean run in 400)."""
CLIP, ROUNDS = 2.5, 4
"""Sigmas beyond which a frame counts less (Huber 1964), and how often the weights are found again."""
FEWEST = 8
NO_PRIOR = 1e3
LAST = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 0.0])
"""g + m of the parameters: offset of ln T, of the solvent, of the bulk, g, m and what goes with phi."""


@dataclass(frozen=True)
class SlowDrift:
    """size: g + m, what phi is too small by in the last frame, relative; sigma: of it."""

    size: float = 0.0
    sigma: float = np.inf

    @property
    def told(self) -> bool:
        return abs(self.size) > SIGNIFICANT * self.sigma

    def of_phi(self, time_s: FloatArray) -> FloatArray:
        """What phi is off by (...), relative, one sigma of it included; 0 where nothing is told."""
        if not self.told:
            return np.zeros(time_s.shape)
        return -np.sign(self.size) * np.hypot(self.size, self.sigma) * _share_of_time(time_s)


def slow_drift(
    light: Measure,
    solvent: Measure,
    bulk: Measure,
    depth: FloatArray,
    *,
    time_s: FloatArray,
    start_depth: float,
    start_sigma: float,
) -> SlowDrift:
    """From maps (scan, height) of the frames that are not left out; bulk: ln(phi / phi0) there, NaN elsewhere.

    depth: expected of the particles, start_depth: that of phi0; start_sigma: relative, of the starting solution.
    """
    u, one, none = _share_of_time(time_s), np.ones_like(depth), np.zeros_like(depth)
    rows = (
        (light, (one, none, none, u * (1.0 - depth), -u * depth, depth - start_depth)),
        (solvent, (none, one, none, u, u, none)),
        (bulk, (none, none, one, -u, -u, none)),
    )
    told = [np.isfinite(m.value) & np.isfinite(m.sigma) & (m.sigma > 0.0) for m, _ in rows]
    if told[0].sum() < FEWEST:
        return SlowDrift()
    design = np.concatenate(
        [np.stack(parts, axis=-1)[k] / m.sigma[k][:, None] for (m, parts), k in zip(rows, told, strict=True)]
    )
    value = np.concatenate([(m.value / m.sigma)[k] for (m, _), k in zip(rows, told, strict=True)])
    prior = np.diag(1.0 / np.square([NO_PRIOR, NO_PRIOR, start_sigma, NO_PRIOR, NO_PRIOR, SLOPE_SIGMA]))
    weight = np.ones(value.size)
    for _ in range(ROUNDS):
        normal = design.T @ (design * weight[:, None]) + prior
        found = np.linalg.solve(normal, design.T @ (weight * value))
        weight = np.minimum(1.0, CLIP / np.maximum(np.abs(value - design @ found), 1e-9))
    size, sigma = float(LAST @ found), float(np.sqrt(LAST @ np.linalg.solve(normal, LAST)))
    beyond = float(np.sqrt(np.sum(weight * np.square(value - design @ found)) / max(weight.sum() - LAST.size, 1.0)))
    return SlowDrift(size, sigma * max(beyond, 1.0))


def _share_of_time(time_s: FloatArray) -> FloatArray:
    """Time since field-on over that of the last frame."""
    first = min(0.0, float(np.nanmin(time_s)))
    return np.asarray((time_s - first) / max(float(np.nanmax(time_s)) - first, 1e-9))
