"""Thickness of a sample of which only the thick islands are resolved."""

import numpy as np
from closeness import assert_close

from electrosaxs.micrographs.find import find_islands
from electrosaxs.micrographs.thickness import MeanThickness, mean_thickness
from electrosaxs.nouns.islands import Scale
from electrosaxs.nouns.micrograph import MicrographSettings
from electrosaxs.physics.tetrahedron import thickness
from electrosaxs.twin.micrograph import simulate_field

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


def test_noise_that_puts_islands_below_the_limit_does_not_make_them_thin() -> None:
    """Islands all of 1.06, measured with an error of 0.12: those measured below 1.0 are no thinner than the others."""
    random = np.random.default_rng(2)
    means = []
    for _ in range(20):
        seen = MEAN + 0.12 * random.normal(size=NUMBER)
        on = seen > 1.0
        means.append(mean_thickness(seen[on], np.full(on.sum(), 0.12), np.full((~on).sum(), 1.0)).mean)
    assert_close(float(np.mean(means)), MEAN, rel=0.015)


def test_islands_whose_facets_are_not_clear_are_not_thin() -> None:
    """Wide facets leave tops that show little of their sides: those of some islands are not clear, and though as wide as the
    others they were counted as thinner than is resolved (thickness 29 % low)."""
    settings = MicrographSettings(
        base_edge_um=9.0, base_edge_spread=0.12, thickness_um=3.4, truncation=0.1, islands=40, merged=0.0, noise=6.0,
        blur_px=1.0, contrast=60.0, facet_contrast=75.0, width_px=640, height_px=640, dust=0,
    )  # fmt: skip
    field = simulate_field(settings, np.random.default_rng(4))
    view = find_islands(field.image.astype(float)[..., None], Scale(None, "twin"))
    counted = [i for i in view.found if i.counts]
    resolved = [i for i in counted if np.isfinite(i.top_edge)]
    thin = np.array([i.thinner_than for i in counted if np.isfinite(i.thinner_than)])
    assert len(resolved) > 2.0 * len(thin)
    known = np.array([thickness(i.edge, i.top_edge) for i in resolved])
    found = mean_thickness(known, np.array([i.thickness_sigma for i in resolved]), thin)
    true = float(np.mean([thickness(i.edge, i.edge - 2.0 * np.sqrt(3.0) * i.facet) for i in field.islands]))
    assert_close(found.mean, true, rel=0.05)
