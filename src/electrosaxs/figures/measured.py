"""Whether results were measured: what pages and captions say of them depends on it."""

from __future__ import annotations

import numpy as np

from ..nouns import RunResults


def was_measured(results: RunResults) -> bool:
    """False for a prediction or a truth: nothing in their map has a sigma."""
    return bool(np.isfinite(results.volume_fraction.sigma).any())
