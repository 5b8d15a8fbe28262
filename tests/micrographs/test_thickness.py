"""Thickness of a sample of which only the thick islands are resolved."""

import numpy as np
from closeness import assert_close

from electrosaxs.micrographs.thickness import MeanThickness, mean_thickness

MEAN, SPREAD, OWN, NUMBER = 1.06, 0.18, 0.03, 80


def sample(limit: float, random: np.random.Generator) -> tuple[MeanThickness, float, float]:
    """What is found, the plain mean of those resolved, and the true mean of those that are not."""
    true = random.normal(MEAN, SPREAD, NUMBER)
    seen = true + OWN * random.normal(size=NUMBER)
    on = seen > limit
    found = mean_thickness(seen[on], np.full(on.sum(), OWN), np.full((~on).sum(), limit))
    return found, float(seen[on].mean()), float(true[~on].mean())


def test_thick_islands_alone_do_not_make_the_mean() -> None:
    """Half of them resolved: their own mean is 14 % too large; counted with the thin ones it is right within sigma."""
    random = np.random.default_rng(1)
    found = [sample(1.06, random) for _ in range(40)]
    pulls = np.array([(one.mean - MEAN) / one.sigma for one, _, _ in found])
    assert_close(float(np.mean([plain for _, plain, _ in found])), 1.14 * MEAN, rel=0.01)
    assert abs(pulls.mean()) < 0.5
    assert 0.75 < pulls.std() < 1.3
    below = [one.below(1.06) / thin for one, _, thin in found]
    assert_close(float(np.mean(below)), 1.0, rel=0.01)


def test_where_all_are_resolved_it_is_their_mean() -> None:
    known = np.array([1.0, 1.2, 1.3, 1.15, 0.9])
    found = mean_thickness(known, np.full(5, 1e-3), np.zeros(0))
    assert_close(found.mean, known.mean(), rel=1e-4)
    assert_close(found.sigma, known.std() / np.sqrt(5.0), rel=0.01)
