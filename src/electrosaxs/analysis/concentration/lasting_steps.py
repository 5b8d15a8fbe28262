"""Steps of phi at one height that stay: gas that comes and does not go, dirt that falls on a window.

phi over the layer's goes smoothly with time at each height. Where all scans from one on are off by x, the step between it and
the scan before exceeds what the steps before and after say by x, and once x is taken off all steps are smooth again. A bend, as
of crystals that begin to grow, leaves half of itself in the step beside. One single frame is no step (it takes two scans on
either side).
"""

from __future__ import annotations

import numpy as np

from ...nouns import FloatArray

LEAST_NOISE = 5e-4
"""Of each frame's ln phi over the layer's (chosen): what the layer's model is good to from scan to scan."""
FEWEST = 6
"""Scans from which on three steps have two on either side."""
MOST_PAIRS = 60
"""That are tried at one height."""
BENDS = np.linspace(0.0, 1.0, 5)
"""Between two scans, where slopes are tried to change."""
LEFT_BESIDE = 0.3
"""Of a step, up to which the steps beside it may be off once it is taken away (chosen; a bend leaves 0.5)."""


def lasting_steps(rest: FloatArray, time_s: FloatArray, relative: FloatArray, *, least: FloatArray) -> FloatArray:
    """Level (scan, height) by which `rest`, ln phi over the layer's, has stepped since the first scan at heights where it did
    and stayed; 0 elsewhere. rest: NaN without a frame; relative: sigma of each frame's phi, relative; least (height,):
    sigmas from which on a step is one."""
    level = np.zeros(rest.shape)
    known = [np.flatnonzero(np.isfinite(column)) for column in rest.T]
    told = [k for k in range(rest.shape[1]) if known[k].size >= FEWEST]
    for k in told:
        at = known[k]
        level[at, k] = _level(rest[at, k], time_s[at, k], np.hypot(relative[at, k], LEAST_NOISE), float(least[k]))
    return level


def _level(rest: FloatArray, time_s: FloatArray, sigma: FloatArray, least: float) -> FloatArray:
    """Of one height (scan,) with the sigma of each frame: its steps of `least` sigmas, one, or two that are found together
    (what comes and goes again hides either)."""
    noise, excess = _noise(sigma, time_s), _excess(rest, time_s)
    single = [(int(k) + 2,) for k in np.flatnonzero(np.abs(excess) > least * noise)]
    pairs = [(a, b) for (a,) in single for (b,) in single if b > a + 1 and excess[a - 2] * excess[b - 2] < 0.0]
    best, most = np.zeros(rest.size), least
    for steps in [*single, *pairs[:MOST_PAIRS]]:
        level, left, size = _without(steps, rest, time_s, noise)
        if size > most and np.sum(np.square(left / noise)) < _of_no_step(excess, time_s, noise):
            best, most = level, size
    return best


def _without(
    steps: tuple[int, ...], rest: FloatArray, time_s: FloatArray, noise: FloatArray
) -> tuple[FloatArray, FloatArray, float]:
    """Level (scan,) with these steps as large as least squares say, the excess that it leaves and the sigmas of the smallest of
    them by what all others scatter; 0 where those beside one are off too."""
    after = np.array([np.where(np.arange(rest.size) >= step, 1.0, 0.0) for step in steps])
    excess, at = _excess(rest, time_s), np.array(steps) - 2
    sizes = excess[at] if len(steps) == 1 else _least_squares(after, excess, time_s, noise)
    level = sizes @ after
    left = _excess(rest - level, time_s)
    others = np.delete(left / noise, at)
    scatter = max(1.0, float(np.linalg.norm(others)) / np.sqrt(others.size)) if others.size else np.inf
    beside = np.array([[k - 1, k + 1] for k in at])
    for k, size in zip(beside, sizes, strict=True):
        k = k[(k >= 0) & (k < left.size)]
        if np.any(np.abs(left[k]) > LEFT_BESIDE * abs(size)):
            return level, left, 0.0
    return level, left, float(np.min(np.abs(sizes) / noise[at]) / scatter)


def _least_squares(after: FloatArray, excess: FloatArray, time_s: FloatArray, noise: FloatArray) -> FloatArray:
    design = np.array([_excess(one, time_s) for one in after]) / noise
    return np.asarray(np.linalg.lstsq(design.T, excess / noise, rcond=None)[0])


def _of_no_step(excess: FloatArray, time_s: FloatArray, noise: FloatArray) -> float:
    """Chi-squared that the best of what is no step leaves: a slope that changes once, one frame that is off."""
    between = time_s[1:-2] + BENDS[:, None] * np.diff(time_s[1:-1])
    bends = np.maximum(time_s - between.reshape(-1, 1), 0.0)
    shapes = np.array([_excess(one, time_s) / noise for one in (*bends, *np.eye(time_s.size)[2:-2])])
    size = shapes @ (excess / noise) / np.sum(np.square(shapes), axis=1)
    return float(np.min(np.sum(np.square(excess / noise - size[:, None] * shapes), axis=1)))


def _excess(rest: FloatArray, time_s: FloatArray) -> FloatArray:
    """By how much each step to scan 2, 3, .. n - 2 is more than the slopes before and after it say, (scan - 3,)."""
    step, pause = np.diff(rest), np.diff(time_s)
    slope = step / pause
    return np.asarray(step[1:-1] - 0.5 * pause[1:-1] * (slope[:-2] + slope[2:]))


def _noise(sigma: FloatArray, time_s: FloatArray) -> FloatArray:
    """Sigma of `_excess` by that of each frame."""
    pause, square = np.diff(time_s), np.square(sigma)
    before, after = 0.5 * pause[1:-1] / pause[:-2], 0.5 * pause[1:-1] / pause[2:]
    variance = square[2:-1] * np.square(1.0 + after) + square[3:] * np.square(after)
    return np.sqrt(variance + square[1:-2] * np.square(1.0 + before) + square[:-3] * np.square(before))
