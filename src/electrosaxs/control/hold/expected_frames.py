"""What frames are expected to read by the estimate and by the bank, and what a run leaves of them."""

from __future__ import annotations

import numpy as np

from ...nouns import FloatArray
from .least_squares import Rows, Solution, solve
from .onset_bank import OnsetBank
from .run_about import RunAbout


def expected(rows: Rows, solution: Solution, bank: OnsetBank | None, last: int) -> tuple[FloatArray, FloatArray]:
    """Of the last frames, (last,): what they read by the estimate and by the mean of the bank, and the variance of that."""
    full, predicted = rows.full[-last:], rows.predicted[-last:]
    mean = predicted + full @ solution.move
    variance = np.einsum("ki,ij,kj->k", full, solution.covariance, full)
    if bank is None:
        return mean, variance
    runs = np.array([m.seen[0, -last:] - predicted for m in bank.members])
    weights = np.array([m.weight for m in bank.members])
    off = weights @ runs / weights.sum()
    return mean + off, variance + weights @ (runs - off) ** 2 / weights.sum()


def cost_of_run(
    rows: Rows, run: RunAbout, misfit: float, more: tuple[FloatArray, FloatArray] = (np.zeros(0), np.zeros(0))
) -> float:
    """What a run leaves of the frames and of the belief, the common scale at its best, and so the unknowns of the last columns;
    more: how far the belief in these lies from here, and its sigma."""
    back, sigma = run.believed()
    sigma[run.belief.walk] = 0.0
    still = np.arange(rows.slope.shape[1]) < back.size
    stays = Rows(rows.measured, rows.sigma, rows.predicted, np.where(still, 0.0, rows.slope))
    nothing = np.zeros(back.size)
    left = solve(stays, np.append(nothing, more[0]), np.append(nothing, more[1]), misfit).cost
    return left + float(np.sum((back / np.where(sigma > 0.0, sigma, np.inf)) ** 2))
