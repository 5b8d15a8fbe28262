"""Heights at which phi grows with the seconds in the beam, beside the layer that drifting particles build.

    ln phi, seen less the layer's = slopes . (parameters of the layer) + change x (seconds in the beam)

A layer fits all heights at once and a deposit one: a height is taken to have one where it explains more than counting, what the
layer leaves unexplained, and what a change at any other height would explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

SIGNIFICANT = 5.0
"""Sigmas from which on a height has a deposit, as in the bulk."""
LEAST_SIGMA = 2e-4
"""Of ln phi (chosen): the footprint of neighbouring layers."""
OF_THE_LAYER = 4e-4
"""Of ln(phi / phi0) (chosen): what no model of a layer is better than."""
MOST_SHARE = 0.3
"""Of the heights: where more seem to change, it is another layer than the model's."""
FEWEST = 3
"""Scans that tell a change, and other heights beside it."""
CLIP, ROUNDS = 2.5, 4
"""Sigmas beyond which a frame counts less (Huber 1964), and how often the weights are found again."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Change:
    """Of ln phi with each second in the beam, (height,), and its sigma; NaN where it is not told."""

    per_second: FloatArray
    sigma: FloatArray


def change_beside_layer(
    rest: FloatArray, relative: FloatArray, x: FloatArray, slopes: FloatArray, seconds: FloatArray, told: BoolArray
) -> Change:
    """From maps (scan, height): ln phi less the layer's, own sigma of phi, ln(phi / phi0), seconds in the beam up to each
    frame, and which frames are told; slopes (scan, height, k): of the layer's parameters."""
    heights = rest.shape[1]
    found_at, own_sigma = np.full(heights, np.nan), np.full(heights, np.nan)
    told = told & np.isfinite(rest) & np.isfinite(relative)
    asked = [int(j) for j in np.flatnonzero(told.sum(axis=0) >= FEWEST)]
    if len(asked) <= FEWEST:
        return Change(found_at, own_sigma)
    sigma = np.sqrt(np.square(relative) + LEAST_SIGMA**2 + np.square(OF_THE_LAYER * x))[told]
    value, layer = rest[told] / sigma, slopes[told] / sigma[:, None]
    column = np.nonzero(told)[1]
    dose = {j: np.where(column == j, seconds[told], 0.0) / sigma for j in asked}

    def alone(height: int, beside: list[int]) -> tuple[float, float]:
        return _told(value, np.column_stack([layer, *(dose[j] for j in beside if j != height), dose[height]]))

    found: list[int] = []
    each = {j: alone(j, found) for j in asked}
    while len(found) < MOST_SHARE * len(asked):
        worst = max(each, key=lambda j: abs(each[j][0]) / each[j][1])
        if abs(each[worst][0]) <= SIGNIFICANT * each[worst][1]:
            break
        found.append(worst)
        each = {j: alone(j, found) for j in each if j != worst}
    times = _usual(each)
    for j in asked:
        found_at[j], own = each.get(j) or alone(j, found)
        own_sigma[j] = own * times
    return Change(found_at, own_sigma)


def _usual(changes: dict[int, tuple[float, float]]) -> float:
    """By how many of their sigmas heights without a deposit seem to change, at least 1."""
    return max(1.4826 * float(np.median([abs(change) / own for change, own in changes.values()])), 1.0)


def _told(value: FloatArray, design: FloatArray) -> tuple[float, float]:
    """The last parameter, and its sigma with what is left unexplained (Birge 1932)."""
    weight = np.ones(value.size)
    scale = 1.0
    for _ in range(ROUNDS):
        normal = design.T @ (design * weight[:, None])
        inverse = np.linalg.pinv(normal)
        rest = value - design @ (inverse @ (design.T @ (weight * value)))
        freedom = max(float(weight.sum()) - design.shape[1], 1.0)
        scale = max(float(np.sqrt(weight @ np.square(rest) / freedom)), 1.0)
        weight = np.minimum(1.0, CLIP * scale / np.maximum(np.abs(rest), 1e-9))
    best = inverse @ (design.T @ (weight * value))
    return float(best[-1]), scale * float(np.sqrt(inverse[-1, -1]))
