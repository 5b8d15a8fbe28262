"""When the field came on, as the layer at the anode tells it: by the clock of the frames, without the voltage.

Nothing gathers before the field is on, and what gathers afterwards goes as the root of the time since at the wall, evenly in
all of the layer. In the model of `analysis.kinetics.layer` that moment is one number more beside v0, D0 and p: two of these and
it would trade places in one scan, three scans and heights tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .layer import (
    CLIP,
    FEWEST,
    LEAST_SIGMA,
    MOST_SCANS,
    STEP,
    UNKNOWN,
    USUAL_DIFFUSION,
    USUAL_EXPONENT,
    Layer,
    Particles,
    Seen,
    excess_of_scans,
    most_agree,
    with_slopes,
)

FEWEST_SCANS = 3
LIKELY = 4.0
"""Sigmas by one linear step from the layer of an unmoved clock, from which on the layer is fitted with its moment (chosen)."""
UNKNOWN_MOMENT = 1.0
"""Of the moment over the length of the run, about where the search begins: that of a line through the excess."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FieldOn:
    """time_s: by the clock of the frames, 0 where it is right; sigma_s: with what the model misses, and with what the first
    scan alone says of it, which is the steepest."""

    time_s: float
    sigma_s: float

    @property
    def significance(self) -> float:
        return self.time_s / self.sigma_s


def field_on(
    x: FloatArray,
    relative: FloatArray,
    told: BoolArray,
    seen: Seen,
    particles: Particles,
    layer: Layer | None,
    least_s: float,
) -> FieldOn | None:
    """Arguments as of `fit_layer`; layer: what it found with the clock as it is; least_s: less than that is not looked into.

    None where fewer than three scans tell, or nothing gathers.
    """
    told = told & np.isfinite(x) & np.isfinite(relative)
    scans = np.flatnonzero(told.any(axis=1))
    if scans.size < FEWEST_SCANS or told.sum() < FEWEST:
        return None
    length = float(np.ptp(seen.time_s[told]))
    if layer is not None:
        near = _step(x, relative, told, seen, particles, layer, length)
        if abs(near.time_s) < max(LIKELY * near.sigma_s, least_s):
            return near
    whole = _fitted(x, relative, told, seen, particles, length, scans)
    less = _fitted(x, relative, told, seen, particles, length, scans[1:])
    if whole is None or less is None:
        return whole if less is None and scans.size == FEWEST_SCANS else None
    return FieldOn(whole.time_s, float(np.hypot(whole.sigma_s, whole.time_s - less.time_s)))


def _step(
    x: FloatArray,
    relative: FloatArray,
    told: BoolArray,
    seen: Seen,
    particles: Particles,
    layer: Layer,
    length: float,
) -> FieldOn:
    """One step of Gauss and Newton from a layer that began at 0."""
    later = seen.later(STEP * length).logarithm(layer.parameters, particles)
    slopes = np.concatenate([layer.slopes, ((later - layer.logarithm) / STEP)[..., None]], axis=-1)[told]
    found = solved((x - layer.logarithm)[told], np.hypot(relative, LEAST_SIGMA)[told], slopes)
    return FieldOn(length * found[0], length * found[1])


def solved(rest: FloatArray, sigma: FloatArray, slopes: FloatArray) -> tuple[float, float]:
    """Value and sigma of the last parameter: where the linear problem has its least, and how far it is known, with the misfit
    (rms, each frame counting at most CLIP times what most are off by)."""
    size = np.abs(rest) / sigma
    scale = max(1.4826 * float(np.median(size)), 1.0)
    weight = np.minimum(1.0, CLIP * scale / np.maximum(size, 1e-9))
    design = slopes / sigma[:, None]
    inverse = np.linalg.inv(design.T @ (design * weight[:, None]) + np.diag([*UNKNOWN**-2.0, UNKNOWN_MOMENT**-2.0]))
    step = inverse @ (design.T @ (weight * rest / sigma))
    left = (rest - slopes @ step) / sigma
    misfit = max(float(np.sqrt(np.mean(weight * np.square(left)))), 1.0)
    return float(step[-1]), misfit * float(np.sqrt(inverse[-1, -1]))


def _fitted(
    x: FloatArray,
    relative: FloatArray,
    told: BoolArray,
    seen: Seen,
    particles: Particles,
    length: float,
    scans: npt.NDArray[np.intp],
) -> FieldOn | None:
    """The layer with its moment, of these scans; None where what they hold over the start does not grow."""
    content, time = excess_of_scans(x[scans], told[scans], seen.only(scans))
    known = np.isfinite(content)
    if known.sum() < 2:
        return None
    speed, begun = np.polyfit(time[known], content[known], 1)
    if not speed > 0.0:
        return None
    scans = np.unique(scans[np.linspace(0, scans.size - 1, MOST_SCANS).astype(int)])
    part, known = seen.only(scans), told[scans]
    value, sigma = x[scans][known], np.hypot(relative[scans][known], LEAST_SIGMA)

    def expected(parameters: FloatArray) -> FloatArray:
        return part.later(length * parameters[3]).logarithm(parameters[:3], particles)[known]

    start = np.array([np.log(speed), np.log(USUAL_DIFFUSION), USUAL_EXPONENT, -begun / (speed * length)])
    found = most_agree(expected, value, sigma, start, np.array([*UNKNOWN, UNKNOWN_MOMENT]))
    here, slopes = with_slopes(expected, found)
    return FieldOn(length * float(found[3]), length * solved(value - here, sigma, slopes)[1])
