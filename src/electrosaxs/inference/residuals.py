"""Model less data in units of sigma, with what the points of a run share taken as common shifts.

A shared contribution s (point,) is one unknown number n of mean 0 and deviation 1 that adds n s to the data. With all
of them the covariance is diag(sigma^2) + sum s s^T; residuals are multiplied by its inverse square root, so that the
sum of their squares is chi-squared with the common shifts already at their best (Woodbury 1950).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns import FloatArray
from .forward import Prediction
from .observations import CHANNELS, Observations

SMALLEST_SHIFT = 1e-3
"""Contributions whose norm over the run is below this many sigma are left out."""

PER_HEIGHT = ("footprint",)
"""Contributions whose error is common to the frames of one height only: the footprint's correction takes its slope from
neighbouring heights, so that it errs to either side."""


@dataclass(frozen=True, eq=False)
class Whitener:
    """The inverse square root of one run's covariance in units of sigma: 1 - basis shrink basis^T.

    shifts (value, shift): each shared contribution over sigma; names: "channel.contribution".
    """

    names: tuple[str, ...]
    shifts: FloatArray
    basis: FloatArray
    shrink: FloatArray

    def __call__(self, residual: FloatArray) -> FloatArray:
        """Residuals (value,) or derivatives (value, n) in units of sigma, made independent."""
        along = self.basis.T @ residual
        shrink = self.shrink if residual.ndim == 1 else self.shrink[:, None]
        return np.asarray(residual - self.basis @ (shrink * along))

    def best_shifts(self, residual: FloatArray) -> FloatArray:
        """The common shifts (in their sigma) that the residuals ask for, each held near 0 by its own sigma."""
        gram = self.shifts.T @ self.shifts + np.eye(self.shifts.shape[1])
        return np.asarray(np.linalg.solve(gram, self.shifts.T @ residual))


def whitener(run: Observations) -> Whitener:
    """From the shared contributions of a run."""
    starts = np.cumsum([0, *(int(run.channels[name].used.sum()) for name in _channels(run))])
    names, columns = [], []
    for name, start in zip(_channels(run), starts, strict=False):
        channel = run.channels[name]
        for label, spread in channel.shared.items():
            for part, name_of_part in _parts(run, label):
                column = np.zeros(starts[-1])
                within = (part * spread / channel.sigma)[channel.used]
                column[start : start + within.size] = within
                if np.linalg.norm(column) > SMALLEST_SHIFT:
                    names.append(f"{name}.{name_of_part}")
                    columns.append(column)
    shifts = np.stack(columns, axis=1) if columns else np.zeros((starts[-1], 0))
    basis, strength, _ = np.linalg.svd(shifts, full_matrices=False)
    return Whitener(tuple(names), shifts, basis, 1.0 - 1.0 / np.sqrt(1.0 + strength**2))


def _parts(run: Observations, label: str) -> list[tuple[FloatArray, str]]:
    """Where a contribution is one common shift, (point,) of 0 and 1, and its name."""
    if label not in PER_HEIGHT:
        return [(np.ones(run.height.size), label)]
    return [
        ((run.height == level).astype(np.float64), f"{label} at {abs(level):.0f} um") for level in np.unique(run.height)
    ]


def in_sigma(run: Observations, prediction: Prediction) -> FloatArray:
    """(model - data) / sigma of every used value, channel after channel, (value,)."""
    parts = []
    for name in _channels(run):
        channel = run.channels[name]
        difference = prediction.channel(name) - channel.values
        parts.append(difference[channel.used] / channel.sigma[channel.used])
    return np.concatenate(parts)


def change_in_sigma(run: Observations, above: Prediction, below: Prediction) -> FloatArray:
    """(above - below) / sigma of every used value, (value,)."""
    parts = []
    for name in _channels(run):
        channel = run.channels[name]
        difference = above.channel(name) - below.channel(name)
        parts.append(difference[channel.used] / channel.sigma[channel.used])
    return np.concatenate(parts)


def residual_maps(run: Observations, prediction: Prediction, shift: Whitener) -> dict[str, FloatArray]:
    """(data - model) / sigma over (scan, height) per channel, with the best common shifts taken off; NaN where unused."""
    residual = in_sigma(run, prediction)
    remaining = residual - shift.shifts @ shift.best_shifts(residual)
    maps, start = {}, 0
    for name in _channels(run):
        used = run.channels[name].used
        points = np.full(used.size, np.nan)
        count = int(used.sum())
        points[used] = -remaining[start : start + count]
        maps[name] = run.to_map(points)
        start += count
    return maps


def _channels(run: Observations) -> list[str]:
    return [name for name in CHANNELS if name in run.channels]
