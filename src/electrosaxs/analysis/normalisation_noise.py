"""How well monitor and transmission normalise a frame: the scatter, beyond counting, of frames that hold the same.

No table says how noisy its monitor and transmission columns are, but solvent frames all hold the same, and so do reference
frames. What their total intensities scatter beyond Poisson is the noise of the normalisation (and of the filling).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..nouns import FloatArray, Intensity, Number

FEWEST = 3  # degrees of freedom below which a scatter says nothing


def normalisation_noise(groups: Sequence[Intensity]) -> Number:
    """Relative standard deviation of one frame's normalisation, from groups of frames (frame, q) of equal content.

    Restricted maximum likelihood of ln(total intensity) with variance 1 / counts + sigma^2 about each group's mean. Absent
    with fewer than 3 degrees of freedom.
    """
    known = [(np.log(total), 1.0 / counts) for counts, total in map(_totals, groups) if counts.size > 1]
    freedom = sum(x.size - 1 for x, _ in known)
    if freedom < FEWEST:
        return Number.absent("one", f"{freedom} degrees of freedom: more solvent or reference frames are needed")
    trial = np.concatenate(([0.0], np.geomspace(1e-6, 1.0, 400)))
    likelihood = np.array([sum(_likelihood(x, counting + s**2) for x, counting in known) for s in trial])
    best = int(np.argmax(likelihood))
    # likelihood interval: where it has fallen by 1/2
    inside = trial[likelihood > likelihood[best] - 0.5]
    source = f"scatter of solvent and reference frames beyond counting, {freedom} degrees of freedom"
    return Number(float(trial[best]), float(0.5 * (inside[-1] - inside[0])), "one", source)


def _likelihood(x: FloatArray, variance: FloatArray) -> float:
    """Restricted log-likelihood of values `x` of one unknown mean with these variances."""
    weight = 1.0 / variance
    mean = float(weight @ x / weight.sum())
    return -0.5 * float(np.sum(np.log(variance)) + np.log(weight.sum()) + weight @ (x - mean) ** 2)


def _totals(group: Intensity) -> tuple[FloatArray, FloatArray]:
    """Photons and mean intensity of each usable frame, over the bins that all of them have."""
    usable = group.good.any(axis=1)
    bins = group.good[usable].all(axis=0)
    values, one = group.values[usable][:, bins], group.coord("per_count")[usable][:, bins]
    counts = np.sum(values / one, axis=1)
    seen = counts > 0.0
    return counts[seen], (counts / np.sum(1.0 / one, axis=1))[seen]
