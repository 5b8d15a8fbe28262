"""A sealed cell keeps every size: the curves of all heights inverted together."""

from functools import cache

import numpy as np
import pytest
from analysis.synthetic_curves import STARTING_PHI, synthetic_sample, window
from analysis.synthetic_mixtures import GAP_UM, HEIGHTS_UM, mixture, selected_cell, true_moments, volume_unit

from electrosaxs.analysis.concentration.volume_fraction import pooled
from electrosaxs.analysis.free_form.basis import SizeBasis
from electrosaxs.analysis.free_form.conserved import ConservedSizes, ScanGeometry, conserved_sizes
from electrosaxs.analysis.free_form.each_curve import FreeFormFit, free_form_sizes
from electrosaxs.errors import FitError, ShapeError
from electrosaxs.nouns import SampleIntensity

BASIS = SizeBasis.of(window(), shell=1.115)
AT = [0, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13]
"""Of HEIGHTS_UM: a shorter scan."""
GEOMETRY = ScanGeometry(HEIGHTS_UM[AT], GAP_UM, np.ones(len(AT)), np.zeros(len(AT)))
LIMITS, SMALL = (1.8, 14.0), 4.2
SEEDS = range(5)
GAIN = 0.1
"""Exposures of 0.1 s: noise rules, and not what the prior smooths in all curves alike."""


def scan(seed: int) -> tuple[SampleIntensity, SampleIntensity]:
    sizes, phi = selected_cell()
    reference = synthetic_sample(mixture(0.04), [STARTING_PHI] * 6, seed=100 + seed, solvent_seed=seed)
    return synthetic_sample([sizes[k] for k in AT], phi[AT], gain=GAIN, seed=seed), pooled(reference)


@cache
def inverted() -> list[tuple[FreeFormFit, ConservedSizes]]:
    """Each height on its own and all together, for each seed."""
    pairs = [scan(seed) for seed in SEEDS]
    return [
        (free_form_sizes(sample, BASIS), conserved_sizes(sample, reference, BASIS, GEOMETRY))
        for sample, reference in pairs
    ]


def small_volume_errors() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Relative errors (seed, height) of the volume below SMALL, on their own and together, and sigma together."""
    sizes, phi = selected_cell()
    share = np.array([true_moments(sizes[k], LIMITS, SMALL)[[0, -1]].prod() for k in AT])
    expected = share * phi[AT] * volume_unit()
    below = BASIS.integral(np.ones_like, (LIMITS[0], SMALL))
    own = np.array([single.density @ below / expected - 1.0 for single, _ in inverted()])
    joint = np.array([together.fit.density @ below / expected - 1.0 for _, together in inverted()])
    variance = [np.einsum("i,fij,j->f", below, together.fit.covariance, below) for _, together in inverted()]
    return own, joint, np.sqrt(variance) / expected


def test_the_sum_of_every_size_is_that_of_the_starting_solution_within_its_sigma() -> None:
    for _, together in inverted():
        held = np.isfinite(together.sigma)
        assert held.sum() > 30
        assert np.all(np.abs(together.residual[held]) < 3.0 * together.sigma[held])
        assert np.all(together.fit.density >= 0.0)


def test_conservation_improves_the_volume_of_small_particles() -> None:
    own, joint, sigma = small_volume_errors()
    assert np.sqrt(np.mean(np.square(joint))) < 0.85 * np.sqrt(np.mean(np.square(own)))
    assert np.sqrt(np.mean(np.square(joint / sigma))) < 1.4


def test_a_height_that_was_measured_early_counts_with_its_rate() -> None:
    """The same curves, said to lie 10 % below the scan's mean time in one half of the cell: its particles are scaled up."""
    sample, reference = scan(0)
    step = np.where(HEIGHTS_UM[AT] < 500.0, 0.1, 0.0)
    shifted = conserved_sizes(sample, reference, BASIS, ScanGeometry(HEIGHTS_UM[AT], GAP_UM, np.ones(len(AT)), step))
    still = inverted()[0][1]
    main = np.argmax(still.start.density[0])
    assert shifted.residual[main] > still.residual[main]
    assert shifted.sigma[main] > still.sigma[main]


def test_curves_heights_and_reference_must_belong_together() -> None:
    sample, reference = scan(0)
    with pytest.raises(ShapeError, match="one per height"):
        conserved_sizes(sample, sample, BASIS, GEOMETRY)
    empty = synthetic_sample(mixture(0.04), [0.0] * len(AT), seed=1)
    with pytest.raises(FitError, match="shows no particles"):
        conserved_sizes(empty, reference, BASIS, GEOMETRY)
