"""The estimate once crystals have begun, whatever law they follow: frames and their lines in one least squares.

What crystals take up is k (phi - phi_s) with some phi_s(t) (docs/decisions/0099). Its changes between two times of WALK_S are
unknowns with the tails of Student's distribution: most are small, and one may be large without the others being so. How wide
it is, frames choose: cells that follow the law of the model have next to none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...nouns import FloatArray
from .least_squares import Rows, Solution, mixed, solve
from .run_about import RunAbout
from .seen_crystals import SHARES

TAIL = 1.0
"""Degrees of freedom of that distribution: nobody knows how large the largest change is (chosen, as SCALES)."""
SCALES = {0.15: 0.2, 1.0: 0.8}
"""Of the sigmas of the belief, with their probabilities before."""
PERSISTS = {0.0: 0.5, 0.7: 0.5}
"""Share of each change that goes on in the next, with their probabilities before: an anode that is being covered goes on being
covered, and one on which crystals are born anew does not (chosen)."""
WALKS = {(scale, share): p * q for scale, p in SCALES.items() for share, q in PERSISTS.items()}
ROUNDS, AGREE = 8, 0.05
"""In which the sigma of each change and the estimate come to agree, to that share."""
AGAIN, STILL = 3, 0.02
"""What is read of crystals is their amount times what shows: so often both are moved together, unless what shows stays."""


def after_onset(
    rows_at: Callable[[FloatArray], Rows], run: RunAbout, misfit: float, shares: FloatArray
) -> tuple[Solution, FloatArray]:
    """The estimate about `run`, and where the unknowns of SHARES are then, (3,). rows_at: frames and lines against the run with
    those where they are said to be, the last columns their derivatives."""
    for _ in range(AGAIN):
        rows = rows_at(shares)
        each = [_with_tails(rows, run, misfit, shares, *walk) for walk in WALKS]
        found, _ = mixed([one for one, _ in each], np.array([score for _, score in each]), list(WALKS.values()))
        shares = shares + found.move[run.x.size : -1]
        if np.all(np.abs(found.move[run.x.size : -1]) < STILL):
            break
    kept = np.append(np.arange(run.x.size), run.x.size + SHARES.size)
    return Solution(found.move[kept], found.covariance[np.ix_(kept, kept)], found.misfit, found.cost), shares


def _with_tails(
    rows: Rows, run: RunAbout, misfit: float, shares: FloatArray, scale: float, persists: float
) -> tuple[Solution, float]:
    """The best move of the unknowns and of the shares, and -2 ln of the probability of all frames but for a factor.

    Student's distribution as normal ones of any width: each change has the sigma that makes the mean of its inverse variance
    right for where it lies (variational Bayes); the probability is that of the distribution itself, about the best move.
    """
    walk, (back, sigma), ends = run.belief.walk, run.believed(), run.room()
    free = np.full(SHARES.size, np.inf)
    low, high = np.append(ends[0], -free), np.append(ends[1], free)
    low[walk], high[walk] = -np.inf, np.inf
    by_news, news = run.belief.by_news(run.walked, persists), run.news(persists)
    back[walk] = -news
    whole = np.eye(low.size + 1)
    whole[: run.x.size, : run.x.size] = by_news
    rows = replace(rows, slope=rows.slope @ whole[:-1, :-1])
    before = np.square(scale * sigma[walk])
    now = before.copy()
    for _ in range(ROUNDS):
        sigma[walk] = np.sqrt(now)
        found = solve(rows, np.append(back, -shares), np.append(sigma, SHARES), misfit, (low, high))
        square = np.square(news + found.move[: run.x.size][walk])
        asked = (TAIL * before + square + np.diag(found.covariance)[walk]) / (TAIL + 1.0)
        if np.all(np.abs(asked - now) <= 2.0 * AGREE * now):
            break
        now = np.where(before > 0.0, asked, 0.0)
    here = before > 0.0
    narrow, wide, square = before[here], now[here], square[here]
    tails = np.log(narrow / wide) + (TAIL + 1.0) * np.log1p(square / (TAIL * narrow)) - square / wide
    moved = replace(found, move=whole @ found.move, covariance=whole @ found.covariance @ whole.T)
    return moved, found.cost + found.volume + float(tails.sum())


def cost_of_walk(run: RunAbout) -> float:
    """Of what is new in the walk of `run`, -2 ln of its probability over that of none."""
    before, each = np.square(run.belief.sigma[run.belief.walk]), list[float]()
    for (scale, persists), p in WALKS.items():
        square = np.square(run.news(persists))
        each.append(math.log(p) - 0.5 * (TAIL + 1.0) * float(np.log1p(square / (TAIL * scale**2 * before)).sum()))
    return -2.0 * float(np.logaddexp.reduce(each))
