"""S(q) is 1 for a solution and the superlattice's where there are grains."""

from dataclasses import replace

import numpy as np
from analysis.synthetic_crystals import crystals_in_solution
from analysis.synthetic_curves import gaussian_sizes, synthetic_sample
from closeness import assert_close

from electrosaxs.analysis.crystals.lattice_fit import RIGID, fit_lattice
from electrosaxs.analysis.crystals.peaks import start_solution
from electrosaxs.analysis.crystals.structure_factor import fitted_structure_factor, spheres_of, structure_factor
from electrosaxs.analysis.crystals.weighted_curve import curve_of_frame
from electrosaxs.analysis.spheres.fit import ORDER, fit_spheres


def test_a_solution_has_a_structure_factor_of_one_within_its_sigma():
    sample = synthetic_sample(gaussian_sizes(), [8e-4, 8e-3], gain=0.1, seed=2)
    s = structure_factor(sample, fit_spheres(sample))
    pulls = ((s.values - 1.0) / s.total_sigma)[s.good]
    assert s.good.mean() > 0.3
    assert 0.9 < np.std(pulls) < 1.1


def test_bins_that_say_nothing_are_masked_and_single_curves_work():
    sample = synthetic_sample(gaussian_sizes(), 8e-4, gain=1e-4, seed=3)
    single = type(sample)(sample.data["frame", 0], {k: v["frame", 0] for k, v in sample.shared.items()})
    s = structure_factor(single, fit_spheres(single))
    assert s.dims == ("q",)
    assert not s.good[s.coord("q") > 3.2].any()
    assert np.all(s.sigma[s.good] > 0.0)
    assert s.good[s.coord("q") < 0.5].all()


def test_peaks_stand_above_one_as_the_fit_has_them():
    sample = crystals_in_solution([0.1], gain=0.1, seed=4)
    curve = curve_of_frame(sample, 0)
    fit = fit_lattice(curve, "FCC", start_solution(curve), freedom=RIGID)
    s = structure_factor(sample, spheres_of([fit], sample.coord("q")))
    model = fitted_structure_factor(fit, sample.coord("q"))
    assert model.max() > 2.0
    pulls = ((s.values[0] - model) / s.total_sigma[0])[s.good[0]]
    assert 0.9 < np.std(pulls) < 1.1


def test_sizes_that_are_not_known_well_make_the_structure_factor_uncertain():
    """Sigma of S from scale, d, delta and skewness together, own and solvent's counts: by differences of the form factor."""
    sample = synthetic_sample(gaussian_sizes(), 8e-4, gain=0.02, solvent_gain=0.02, seed=5)
    fit = fit_spheres(sample)
    s = structure_factor(sample, fit)
    assert fit.shared_covariance[0, 1, 1] > 0.05 * fit.covariance[0, 1, 1]
    slopes = []
    for name in ORDER:
        column = getattr(fit, name)
        step = 1e-5 * np.maximum(np.abs(column), 1.0 if name == "skewness" else 0.0)
        up, down = (replace(fit, **{name: column + sign * step}).particles(s.coord("q")) for sign in (1.0, -1.0))
        slopes.append(np.log(up[0] / down[0]) / (2.0 * step[0]))
    covariance = fit.covariance[0] + fit.shared_covariance[0]
    expected = np.sqrt(np.einsum("iq,ij,jq->q", slopes, covariance, slopes))
    good = s.good[0]
    assert_close(s.shared["form_factor"].values[0][good], (np.abs(s.values[0]) * expected)[good], rel=1e-3)
