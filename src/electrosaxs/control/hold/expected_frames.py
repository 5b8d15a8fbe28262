"""What frames are expected to read by the estimate and by the bank, and the estimate where nobody knows how far the solubility
changes after the onset."""

from __future__ import annotations

import numpy as np

from ...nouns import FloatArray
from .belief import WALK_SCALES
from .least_squares import Rows, Solution, mixed, solve
from .onset_bank import OnsetBank
from .run_about import HeldOnset, RunAbout


def expected(rows: Rows, solution: Solution, bank: OnsetBank | None, last: int) -> tuple[FloatArray, FloatArray]:
    """Of the last frames, (last,): what they read by the estimate and by the mean of the bank, and the variance of that.

    Where a run of the bank stands with what the solubility changes by is its own matter; all else moves as the estimate does.
    """
    full, predicted = rows.full[-last:], rows.predicted[-last:]
    mean = predicted + full @ solution.move
    variance = np.einsum("ki,ij,kj->k", full, solution.covariance, full)
    if bank is None:
        return mean, variance
    by_walk, mine = rows.slope[-last:, bank.belief.walk], solution.move[:-1][bank.belief.walk]
    runs = np.array([m.seen[0, -last:] - predicted + by_walk @ (m.walk - mine) for m in bank.members])
    weights = np.array([m.weight for m in bank.members])
    off = weights @ runs / weights.sum()
    return mean + off, variance + weights @ (runs - off) ** 2 / weights.sum()


def over_scales(
    rows: Rows,
    run: RunAbout,
    misfit: float,
    held: HeldOnset | None = None,
    room: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[Solution, FloatArray]:
    """The estimate with any of the scales by which the solubility may change, and their probabilities. held: for the run's own
    onset."""
    scales = WALK_SCALES if run.walks else {1.0: 1.0}
    found = [solve(rows, *run.believed(held, scale), misfit, room) for scale in scales]
    return mixed(found, list(scales.values()))


def cost_of_run(rows: Rows, run: RunAbout, misfit: float) -> float:
    """What a run leaves of the frames and of the belief, the common scale at its best."""
    still = Rows(rows.measured, rows.sigma, rows.predicted, np.zeros_like(rows.slope))
    back, sigma = run.believed()
    left = solve(still, np.zeros(back.size), np.zeros(back.size), misfit).cost
    return left + float(np.sum((back / np.where(sigma > 0.0, sigma, np.inf)) ** 2))
