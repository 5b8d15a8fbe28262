"""Frames against a run of the model: the move of its coordinates that explains them best, and how well they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray

SCALE_SIGMA = 0.01
"""Of the factor that all frames share (reference and solvent), relative."""
ROBUST_FROM = 3.0
"""Residuals beyond this many sigma count as less (Huber's weights)."""
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Rows:
    """Frames in a row: phi measured and its sigma (inf: does not count), what a run predicts, and its derivatives by the
    coordinates (frame, n)."""

    measured: FloatArray
    sigma: FloatArray
    predicted: FloatArray
    slope: FloatArray

    @classmethod
    def none(cls, unknowns: int) -> Rows:
        return cls(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros((0, unknowns)))

    def and_those(self, more: Rows) -> Rows:
        pairs = zip(vars(self).values(), vars(more).values(), strict=True)
        return Rows(*(np.concatenate(pair) for pair in pairs))

    def part(self, here: npt.NDArray[np.integer]) -> Rows:
        """Some of them."""
        return Rows(*(values[here] for values in vars(self).values()))

    @property
    def full(self) -> FloatArray:
        """Derivatives by the coordinates and by the common scale, (frame, n + 1)."""
        return np.concatenate([self.slope, self.predicted[:, None]], axis=1)


@dataclass(frozen=True, eq=False)
class Solution:
    """move (n + 1,): of the coordinates from the run, last the common scale; covariance with the misfit in it.

    misfit: root of chi-squared per frame, at least 1. cost: chi-squared, belief included. volume: 2 ln of how much of what was
    believed the frames leave is smaller: exp(-(cost + volume) / 2) is the probability of the frames, but for a factor.
    """

    move: FloatArray
    covariance: FloatArray
    misfit: float
    cost: float
    volume: float = 0.0


def mixed(solutions: list[Solution], scores: FloatArray, before: list[float]) -> tuple[Solution, FloatArray]:
    """With one of several beliefs, by their probabilities `before`; and those now. scores: -2 ln of the probability that each
    gives to the frames, but for a factor."""
    scores = scores - 2.0 * np.log(before)
    weight = np.exp(-0.5 * (scores - scores.min()))
    weight /= weight.sum()
    move = weight @ [one.move for one in solutions]
    covariance = sum(
        w * (one.covariance + np.outer(one.move - move, one.move - move))
        for w, one in zip(weight, solutions, strict=True)
    )
    misfit, cost = (float(weight @ [getattr(one, name) for one in solutions]) for name in ("misfit", "cost"))
    return Solution(move, np.asarray(covariance), misfit, cost), weight


def solve(
    rows: Rows,
    back: FloatArray,
    sigma: FloatArray,
    misfit: float = 1.0,
    room: tuple[FloatArray, FloatArray] | None = None,
) -> Solution:
    """The best move. back (n,): of the belief from the run; sigma (n,): of the belief, 0 for a coordinate that stays.

    `misfit`: as far as it is known from before; frames count the less for it. room: lowest and highest move (n,) each; what
    would go beyond stays at its end, and the others explain the frames without it.
    """
    n, full, off = back.size, rows.full, rows.measured - rows.predicted
    free = np.append(sigma > 0.0, True)
    spread, towards = np.append(sigma, SCALE_SIGMA)[free], np.append(back, 0.0)[free]
    move, covariance = np.zeros(n + 1), np.zeros((n + 1, n + 1))
    moving = full[:, free]
    ends = np.full((2, n + 1), [[-np.inf], [np.inf]])
    if room is not None:
        ends[:, :n] = room
    for _ in range(ROUNDS):
        weight = _weights((off - full @ move) / (misfit * rows.sigma)) / rows.sigma**2
        normal = (moving.T * weight) @ moving + np.diag(spread**-2.0)
        move[free] = _within(normal, moving.T @ (weight * off) + towards / spread**2, ends[:, free])
    left = (off - full @ move) / rows.sigma
    degrees = max(int(np.isfinite(rows.sigma).sum()) - int(free.sum()), 1)
    found = float(np.sqrt(max(1.0, np.sum(_weights(left / misfit) * left**2) / degrees)))
    covariance[np.ix_(free, free)] = np.linalg.inv(normal) * found**2
    cost = cost_of(left, misfit) + float(np.sum(((move[free] - towards) / spread) ** 2))
    volume = float(np.linalg.slogdet(normal * np.outer(spread, spread))[1])
    return Solution(move, covariance, found, cost, volume)


def _within(normal: FloatArray, right: FloatArray, ends: FloatArray) -> FloatArray:
    """The best move (n,) that stays between `ends` (2, n)."""
    move, stuck = np.linalg.solve(normal, right), np.zeros(right.size, dtype=bool)
    while np.any(beyond := ~stuck & ((move < ends[0]) | (move > ends[1]))):
        stuck |= beyond
        move = np.where(stuck, np.clip(move, ends[0], ends[1]), 0.0)
        left = right - normal @ move
        move[~stuck] = np.linalg.solve(normal[np.ix_(~stuck, ~stuck)], left[~stuck])
    return np.asarray(move)


def cost_of(left: FloatArray, misfit: float) -> float:
    """Chi-squared of residuals in sigma, where the large ones count as less."""
    size = np.abs(left) / misfit
    return float(np.where(size < ROBUST_FROM, size**2, ROBUST_FROM * (2.0 * size - ROBUST_FROM)).sum())


def _weights(in_sigma: FloatArray) -> FloatArray:
    """1, less where a residual stands far out."""
    return np.asarray(np.minimum(1.0, ROBUST_FROM / np.maximum(np.abs(in_sigma), 1e-9)))
