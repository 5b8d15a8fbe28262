"""What a curve can see, and when one normal distribution is enough for it."""

import numpy as np
import pytest
from analysis.synthetic_curves import cut_sizes, gaussian_sizes, synthetic_sample, window
from analysis.synthetic_mixtures import mixture

from electrosaxs.analysis.free_form.basis import SizeBasis
from electrosaxs.analysis.free_form.each_curve import free_form_sizes
from electrosaxs.analysis.free_form.gaussian import gaussian_is_enough
from electrosaxs.analysis.free_form.limits import Observability, observability, observable_sizes
from electrosaxs.analysis.free_form.moments import size_moments
from electrosaxs.errors import FitError

BASIS = SizeBasis.of(window(), shell=1.115)


def seen(phi: float, q_max: float = 3.5) -> Observability:
    q = window(q_max=q_max)
    basis = SizeBasis.of(q, shell=1.115, diameter=BASIS.diameter)
    return observable_sizes(free_form_sizes(synthetic_sample(gaussian_sizes(), phi, q=q, seed=1), basis))


def test_small_particles_need_large_angles_or_many_photons() -> None:
    smallest = [seen(phi, q_max).limits for phi, q_max in ((8e-4, 3.5), (8e-6, 3.5), (8e-4, 1.75))]
    assert all(limits is not None for limits in smallest)
    at_start, dilute, narrow = (limits[0] for limits in smallest if limits)
    assert 1.3 < at_start < 1.9 < dilute < 2.6
    assert 1.7 < narrow / at_start < 2.3  # half the angle: twice the size


def test_particles_larger_than_the_first_bin_resolves_are_not_observable() -> None:
    basis = SizeBasis.of(window(), shell=1.115, diameter=np.exp(np.arange(np.log(2.0), np.log(60.0), 0.04)))
    limits = observable_sizes(free_form_sizes(synthetic_sample(gaussian_sizes(), seed=1), basis)).limits
    assert limits is not None
    assert 0.9 * np.pi / 0.1 < limits[1] < np.pi / 0.1
    assert (
        "larger ones scatter below the first bin"
        in observable_sizes(free_form_sizes(synthetic_sample(gaussian_sizes(), seed=1), basis)).words()
    )


def test_no_particles_no_sizes() -> None:
    with pytest.raises(FitError, match="must be above 0"):
        observability(BASIS, np.ones(BASIS.q.size), float("nan"))
    assert observability(BASIS, np.full(BASIS.q.size, 1e-12), 1.0).limits is None


def test_a_normal_distribution_is_enough_where_the_particles_are_normal() -> None:
    sample = synthetic_sample(gaussian_sizes(), [8e-4] * 20, seed=3, solvent_gain=1e4)
    verdicts = gaussian_is_enough(sample, free_form_sizes(sample, BASIS))
    assert all(v is not None and v.enough for v in verdicts)
    assert verdicts[0] is not None
    assert "is enough" in verdicts[0].words


def test_clusters_refute_the_normal_distribution_and_are_named() -> None:
    sample = synthetic_sample(mixture(0.04), [8e-4, 8e-5], gain=[1.0, 3.0], seed=4)
    for verdict in gaussian_is_enough(sample, free_form_sizes(sample, BASIS)):
        assert verdict is not None
        assert not verdict.enough
        assert verdict.bic > 50.0
        clusters = [e for e in verdict.excess if abs(e.diameter - 3.0) < 0.3]
        assert len(clusters) == 1
        assert abs(clusters[0].share - 0.04) < 3.0 * clusters[0].sigma
        assert "clearly not enough" in verdict.words


def test_too_few_photons_cannot_refute_it_and_say_what_may_hide() -> None:
    sample = synthetic_sample(mixture(0.04), 4e-6, seed=5)
    fit = free_form_sizes(sample, BASIS)
    verdict = gaussian_is_enough(sample, fit)[0]
    assert verdict is not None
    assert verdict.enough
    share = size_moments(fit, limits=(2.0, 14.0), small_below=4.2).small_share
    assert share is not None
    assert share.undetected[0] > 0.04


def test_the_edge_of_a_front_is_not_normal() -> None:
    sample = synthetic_sample(cut_sizes(6.5, 0.3), seed=6)
    verdict = gaussian_is_enough(sample, free_form_sizes(sample, BASIS))[0]
    assert verdict is not None
    assert not verdict.enough


def test_where_nothing_scatters_there_is_no_verdict() -> None:
    sample = synthetic_sample(gaussian_sizes(), [0.0], seed=7)
    assert gaussian_is_enough(sample, free_form_sizes(sample, BASIS)) == (None,)
