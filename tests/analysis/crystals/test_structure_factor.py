"""S(q) is 1 for a solution and the superlattice's where there are grains."""

import numpy as np
from analysis.synthetic_crystals import crystals_in_solution
from analysis.synthetic_curves import gaussian_sizes, synthetic_sample

from electrosaxs.analysis.crystals.lattice_fit import RIGID, fit_lattice
from electrosaxs.analysis.crystals.peaks import start_solution
from electrosaxs.analysis.crystals.structure_factor import fitted_structure_factor, spheres_of, structure_factor
from electrosaxs.analysis.crystals.weighted_curve import curve_of_frame
from electrosaxs.analysis.spheres.fit import fit_spheres


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
