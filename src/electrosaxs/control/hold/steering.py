"""Which runs of the bank a voltage is found for while crystals may be beginning."""

from __future__ import annotations

from .onset_bank import COUNTS, OnsetBank
from .tracked_cell import TrackedCell

LIKELY = 0.98
"""Probability of crystals from which on the model has them, with derivatives by their unknowns; and from which on they count
where the wall is held just below them: it would sink for those that are not there."""


def steered_by(bank: OnsetBank, *, waits: bool) -> list[tuple[float, TrackedCell]]:
    """Runs and weights (sum 1): those with and those without crystals, the odds squared; where it `waits`, one or the other.

    The mean by their probabilities lowers a flux that is right by 2 to 30 % for as long as the wall is where crystals may
    begin; to wait until they are sure lets it rise by half.
    """
    crystals = bank.crystals if not waits else float(bank.crystals >= LIKELY)
    none = 1.0 - crystals
    both = crystals**2 + none**2
    share = crystals**2 / both / max(bank.crystals, COUNTS)
    counting = [(m.weight * share, m.track) for m in bank.begun if m.weight > COUNTS and crystals > 0.0]
    if none > COUNTS or not counting:
        counting.append((none**2 / both, bank.none.track))
    total = sum(weight for weight, _ in counting)
    return [(weight / total, track) for weight, track in counting]
