"""Model less data in units of sigma, with what the points of a run share taken as common shifts.

A shared contribution s (point,) is one unknown number n of mean 0 and deviation 1 that adds n s to the data. With all
of them the covariance is sigma R sigma + sum s s^T, R the correlations of phi, d and delta within each voxel; residuals
are multiplied by an inverse root of it, so that the sum of their squares is chi-squared with the common shifts already at
their best (Woodbury 1950).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray
from ..nouns.contributions import reach
from .forward import Prediction
from .observations import CHANNELS, SIZES, Observations

SMALLEST_SHIFT = 1e-3
"""Contributions whose norm over the run is below this many sigma are left out."""

LARGEST_CORRELATION = 0.999
"""All correlations are multiplied by it, so that errors of one origin still have a root in working precision."""


@dataclass(frozen=True, eq=False)
class Voxel:
    """The root of the errors within each voxel and within the starting sizes, R = L L^T.

    used (channel, point); inverse (point, channel, channel), of_start (size, size): L^-1.
    """

    used: npt.NDArray[np.bool_]
    inverse: FloatArray
    of_start: FloatArray

    def __call__(self, residual: FloatArray) -> FloatArray:
        """Residuals (value,) or derivatives (value, n) of the maps and then of the starting sizes, made independent."""
        count = int(self.used.sum())
        filled = np.zeros((*self.used.shape, *residual.shape[1:]))
        filled[self.used] = residual[:count]
        of_maps = np.einsum("pij,jp...->ip...", self.inverse, filled)[self.used]
        return np.concatenate([of_maps, self.of_start @ residual[count:]])


@dataclass(frozen=True, eq=False)
class Whitener:
    """The inverse root of one run's covariance in units of sigma: (1 - basis shrink basis^T) within.

    shifts (value, shift): each shared contribution over sigma; names: "channel.contribution", or the contribution where
    it is one number for all channels.
    """

    names: tuple[str, ...]
    shifts: FloatArray
    within: Voxel
    basis: FloatArray
    shrink: FloatArray

    def __call__(self, residual: FloatArray) -> FloatArray:
        """Residuals (value,) or derivatives (value, n) in units of sigma, made independent."""
        within = self.within(residual)
        along = self.basis.T @ within
        shrink = self.shrink if residual.ndim == 1 else self.shrink[:, None]
        return np.asarray(within - self.basis @ (shrink * along))

    def best_shifts(self, residual: FloatArray) -> FloatArray:
        """The common shifts (in their sigma) that the residuals ask for, each held near 0 by its own sigma."""
        shifts = self.within(self.shifts)
        gram = shifts.T @ shifts + np.eye(shifts.shape[1])
        return np.asarray(np.linalg.solve(gram, shifts.T @ self.within(residual)))


def whitener(run: Observations, sizes: Sequence[str] = ()) -> Whitener:
    """From the shared contributions of a run and the correlations within its voxels.

    Its values are those of the maps and, after them, the starting sizes `sizes` (of observations.SIZES, in that order).
    """
    starts = np.cumsum([0, *(int(run.channels[name].used.sum()) for name in _channels(run))])
    total = starts[-1] + len(sizes)
    columns = {label: _of_start(run, sizes, change, total) for label, change in run.start_errors.shared.items()}
    for name, start in zip(_channels(run), starts, strict=False):
        channel = run.channels[name]
        for label, spread in channel.shared.items():
            for part, name_of_part in _parts(run, label):
                key = name_of_part if reach(label).in_every_noun else f"{name}.{name_of_part}"
                column = columns.setdefault(key, np.zeros(total))
                moved = (part * spread / channel.sigma)[channel.used]
                column[start : start + moved.size] += moved
    kept = {name: column for name, column in columns.items() if np.linalg.norm(column) > SMALLEST_SHIFT}
    shifts = np.stack(list(kept.values()), axis=1) if kept else np.zeros((total, 0))
    within = _within(run, sizes)
    basis, strength, _ = np.linalg.svd(within(shifts), full_matrices=False)
    return Whitener(tuple(kept), shifts, within, basis, 1.0 - 1.0 / np.sqrt(1.0 + strength**2))


def _of_start(run: Observations, sizes: Sequence[str], change: FloatArray, total: int) -> FloatArray:
    """A shared contribution's column: what it does to the measured starting sizes over their own sigma, else 0."""
    column = np.zeros(total)
    measured = {"starting_diameter": run.start_diameter, "starting_polydispersity": run.start_polydispersity}
    for row, name in enumerate(sizes, start=total - len(sizes)):
        column[row] = change[SIZES.index(name)] / run.start_errors.independent(name, measured[name].sigma or np.inf)
    return column


def _within(run: Observations, sizes: Sequence[str]) -> Voxel:
    """Of the correlations among the channels that a point uses, and of the two starting sizes."""
    names = _channels(run)
    used = np.array([run.channels[name].used for name in names])
    matrix = np.broadcast_to(np.eye(len(names)), (run.height.size, len(names), len(names))).copy()
    for (one, other), correlation in run.correlation.items():
        if one in names and other in names:
            i, j = names.index(one), names.index(other)
            matrix[:, i, j] = matrix[:, j, i] = np.where(used[i] & used[j], LARGEST_CORRELATION * correlation, 0.0)
    start = np.eye(len(sizes))
    if len(sizes) == len(SIZES):
        start[0, 1] = start[1, 0] = LARGEST_CORRELATION * run.start_errors.correlation
    return Voxel(used, *(np.linalg.inv(np.linalg.cholesky(square)) for square in (matrix, start)))


def _parts(run: Observations, label: str) -> list[tuple[FloatArray, str]]:
    """Where a contribution is one common shift, (point,) of 0 and 1, and its name."""
    if not reach(label).per_height:
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


def residual_maps(
    run: Observations, prediction: Prediction, shift: Whitener, of_start: FloatArray | None = None
) -> dict[str, FloatArray]:
    """(data - model) / sigma over (scan, height) per channel, with the best common shifts taken off; NaN where unused.

    of_start: residuals of the starting sizes, where the whitener was made with them.
    """
    residual = np.concatenate([in_sigma(run, prediction), np.zeros(0) if of_start is None else of_start])
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
