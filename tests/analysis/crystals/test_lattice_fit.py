"""Joint fits of solution and grains: unbiased, with honest errors, and the right lattice or none."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from analysis.synthetic_crystals import crystals_in_solution
from analysis.synthetic_curves import field_selected_sizes, form_factor, gaussian_sizes, window
from closeness import assert_close

from electrosaxs.analysis.crystals.lattice_choice import study_curve
from electrosaxs.analysis.crystals.lattice_fit import LOOSE, RIGID, SMOOTHED, fit_lattice
from electrosaxs.analysis.crystals.parameters import PARAMETERS, SLOT, Grains
from electrosaxs.analysis.crystals.peaks import start_solution
from electrosaxs.analysis.crystals.refutation import fitted_weights, label_peaks
from electrosaxs.analysis.crystals.structure_factor import spheres_of
from electrosaxs.analysis.crystals.weighted_curve import WeightedCurve, curve_from_arrays, curve_of_frame
from electrosaxs.nouns import LatticeAssignment, Peak, SampleIntensity
from electrosaxs.physics.structure_factor import percus_yevick


def assigned(sample: SampleIntensity) -> LatticeAssignment:
    """What the shipped choice says of the only frame of `sample`."""
    return study_curve(curve_of_frame(sample, 0)).assignment


LENGTHS = {"FCC": 15.1, "BCC": 12.3, "HCP": 10.7, "SC": 10.7}


@pytest.fixture(scope="module")
def sixty_fits():
    fits, near = [], Grains(0.05, 15.0, 0.03, 0.5, 0.0, 1.0, 0.0)
    for seed in range(60):
        curve = curve_of_frame(crystals_in_solution([0.1], gain=0.01, seed=1000 + seed), 0)
        fits.append(fit_lattice(curve, "FCC", start_solution(curve), freedom=RIGID, grains=near))
    return fits


@pytest.mark.parametrize(("name", "truth"), [("a", 15.1), ("fraction", 0.1), ("diameter", 7.1), ("deviation", 1.1)])
def test_errors_are_honest_over_sixty_seeds(sixty_fits, name, truth):
    """0.9 to 1.15 is asked; a standard deviation of 60 draws scatters by 0.09."""
    pulls = np.array([(one.value(name) - truth) / one.sigma(name) for one in sixty_fits])
    assert 0.82 < np.std(pulls, ddof=1) < 1.2
    assert abs(pulls.mean()) < 0.45


def test_the_lattice_constant_is_not_biased(sixty_fits):
    assert_close(np.mean([one.value("a") for one in sixty_fits]), 15.1, rel=1e-4)


@pytest.mark.parametrize("name", LENGTHS)
def test_each_lattice_is_told_from_the_others(name):
    assignment = assigned(crystals_in_solution([0.05], lattice=name, a=LENGTHS[name], gain=0.05, seed=3))
    assert assignment.lattice == name
    assert_close(assignment.a.value, LENGTHS[name], rel=5e-4)
    assert_close(assignment.crystalline_fraction.value, 0.05, rel=0.1)
    assert assignment.scores[name] == min(assignment.scores.values())
    assert all(peak.hkl is not None for peak in assignment.peaks[:2])


def test_sizes_that_a_field_has_selected_do_not_move_the_lattice():
    sample = crystals_in_solution([0.1], sizes=field_selected_sizes(0.03), gain=0.2, seed=5)
    assignment = assigned(sample)
    assert assignment.lattice == "FCC"
    assert_close(assignment.a.value, 15.1, rel=5e-4)


@pytest.mark.parametrize("share", [0.15, 0.45])
def test_grains_of_larger_particles_bias_neither_their_share_nor_the_sizes(share):
    """d = 7.45 nm dissolved, 7.52 nm in the grains, as at 57 V/cm. Fitted with one size for both, X comes out 3 % high."""
    dissolved, grains = gaussian_sizes(7.45, 1.065), gaussian_sizes(7.523, 1.0745)
    curve = curve_of_frame(crystals_in_solution([share], sizes=dissolved, grain_sizes=grains, gain=0.2, seed=4), 0)
    one = fit_lattice(curve, "FCC", start_solution(curve), freedom=RIGID)
    assert one.widening == 1.0
    truth = {"fraction": share, "diameter": 7.45 + 0.073 * share, "deviation": 1.065 + 0.0095 * share}
    for name, value in truth.items():
        assert abs(one.value(name) - value) < 3.0 * one.sigma(name)
    assert_close(one.value("fraction"), share, rel=0.01)


def test_a_smooth_correction_leaves_the_sizes_of_strong_crystals_alone():
    """Half of the particles in grains: the sphere fit that begins the search sees the reflections as a skewness of -1."""
    curve = curve_of_frame(crystals_in_solution([0.6], gain=0.2, seed=8), 0)
    start = start_solution(curve)._replace(skewness=-1.0)
    one = fit_lattice(curve, "FCC", start, freedom=SMOOTHED)
    assert one.solution.skewness == 0.0
    assert abs(one.value("diameter") - 7.1) < 0.03
    assert abs(one.value("deviation") - 1.1) < 0.03
    assert_close(one.value("fraction"), 0.6, rel=0.05)


def test_a_fit_without_tails_knows_how_they_would_grow():
    """Slopes that stop short of the tails there point off the bound, uphill: two in twenty fits then never converge."""
    curve = curve_of_frame(crystals_in_solution([0.3], seed=1), 0)
    grains = Grains(0.3, 15.1, 0.02, 0.3, 0.0, 1.0, 0.0)
    one = fit_lattice(curve, "FCC", start_solution(curve), freedom=SMOOTHED, grains=grains)
    assert one.outcome.converged
    assert one.value("lorentzian") < 1e-6
    share = SLOT["lorentzian"]
    value, slopes = one.model(one.outcome.parameters)
    more = one.outcome.parameters.copy()
    more[share] += 1e-4
    assert_close((one.model(more)[0] - value) / 1e-4, slopes[:, share], rel=1e-3)


def test_plain_curves_need_no_sigma():
    frame = crystals_in_solution([0.05], gain=0.05, seed=6).data["frame", 0]
    assignment = study_curve(curve_from_arrays(window(), frame.values)).assignment
    assert assignment.lattice == "FCC"
    assert_close(assignment.a.value, 15.1, rel=5e-4)


def test_no_peak_means_no_lattice():
    assignment = assigned(crystals_in_solution([0.0], gain=0.05, seed=7))
    assert assignment.lattice is None
    assert assignment.a.value is None
    assert "no peak" in assignment.verdict
    assert assignment.peaks == ()


def counted(structure: np.ndarray, seed: int) -> WeightedCurve:
    q = window()
    form = form_factor(q, gaussian_sizes())
    expected = 3e5 * form / form[0] * structure + 200.0
    counts = np.random.default_rng(seed).poisson(expected * q) / q
    return curve_from_arrays(q, counts - 200.0, np.sqrt(expected / q))


@pytest.mark.parametrize("places", [(0.72, 0.95), (0.70, 0.78, 0.90), (0.72,)])
def test_peaks_that_fit_no_lattice_are_left_without_one(places):
    q = window()
    assignment = study_curve(
        counted(1.0 + sum(0.5 * np.exp(-0.5 * ((q - p) / 0.01) ** 2) for p in places), 0)
    ).assignment
    assert assignment.lattice is None
    assert "none of these" in assignment.verdict
    assert len(assignment.peaks) == len(places)
    assert all(peak.hkl is None for peak in assignment.peaks)


@pytest.mark.parametrize(("phi", "radius"), [(0.2, 4.5), (0.45, 4.5), (0.45, 5.3)])
def test_a_liquid_is_not_a_crystal(phi, radius):
    assert study_curve(counted(percus_yevick(window(), radius, phi), 1)).assignment.lattice is None


def test_priors_of_the_sizes_enter_as_one_more_measurement():
    curve = curve_of_frame(crystals_in_solution([0.1], gain=0.01, seed=8), 0)
    start = start_solution(curve)
    free = fit_lattice(curve, "FCC", start, freedom=RIGID)
    prior = (free.value("diameter") + 2.0 * free.sigma("diameter"), free.sigma("diameter"))
    held = fit_lattice(curve, "FCC", start, freedom=RIGID, priors={"diameter": prior})
    assert_close(held.value("diameter") - free.value("diameter"), free.sigma("diameter"), rel=0.05)
    assert_close(held.sigma("diameter"), free.sigma("diameter") / np.sqrt(2.0), rel=0.05)


def test_the_solution_of_the_voxel_comes_back_as_a_sphere_fit():
    sample = crystals_in_solution([0.1, 0.2], gain=0.01, seed=9)
    curves = [curve_of_frame(sample, i) for i in range(2)]
    fits = [fit_lattice(curve, "FCC", start_solution(curve), freedom=RIGID) for curve in curves]
    spheres = spheres_of(fits, sample.coord("q"))
    sigma = np.sqrt(spheres.covariance[:, 1, 1] + spheres.shared_covariance[:, 1, 1])
    assert np.all(np.abs(spheres.diameter - 7.1) < 4.0 * sigma)
    assert spheres.influence.shape == (2, 5, sample.coord("q").size)
    counting = np.einsum("fiq,fq,fjq->fij", spheres.influence, fits[0].outcome.variance[None], spheres.influence)
    total = spheres.covariance + spheres.shared_covariance
    assert_close(counting[0, :2, :2], total[0, :2, :2], rel=0.02)


@pytest.fixture(scope="module")
def labelled():
    """A study of FCC grains, the fit at its freest, and one peak at 111."""
    curve = curve_of_frame(crystals_in_solution([0.05], gain=0.05, seed=3), 0)
    grains = Grains(0.05, 15.1, 0.02, 0.3, 0.1, 1.0, 0.0)
    one = fit_lattice(curve, "FCC", start_solution(curve), freedom=LOOSE, grains=grains)
    q = 2.0 * np.pi * np.sqrt(3.0) / one.value("a")
    return one, Peak(q, 2e-4, one.value("fwhm"), 0.1, 0.01, 30.0)


def test_a_peak_is_named_after_the_reflection_at_its_place_and_of_its_width(labelled):
    one, peak = labelled
    far, wide = replace(peak, q=peak.q + 0.05), replace(peak, fwhm=3.0 * peak.fwhm)
    near = replace(peak, q=peak.q + 0.4 * peak.fwhm)
    assert [p.hkl for p in label_peaks([peak, near, far, wide], one)] == [(1, 1, 1), (1, 1, 1), None, None]


def test_what_oriented_grains_hide_names_no_peak(labelled):
    one, peak = labelled
    p = one.outcome.parameters.copy()
    p[len(PARAMETERS)] = -0.995
    hidden = replace(one, outcome=replace(one.outcome, parameters=p))
    assert_close(fitted_weights(hidden, 3)[0], 0.005 * 8.0 / 3.0, rel=1e-9)
    assert label_peaks([peak], hidden)[0].hkl is None


def test_a_fit_beyond_its_noise_widens_its_sigmas(labelled):
    """Birge: above five sigma of chi-squared by the root of its ratio to the degrees of freedom, below not at all."""
    one, dof = labelled[0], labelled[0].degrees_of_freedom
    for ratio, widening in ((1.0 + 4.9 * np.sqrt(2.0 / dof), 1.0), (4.0, 2.0)):
        other = replace(one, outcome=replace(one.outcome, chi_squared=ratio * dof))
        assert_close(other.sigma("a"), widening * np.sqrt(one.outcome.covariance[SLOT["a"], SLOT["a"]]), rel=1e-9)


FRAMES = [f"R5_SAXS_00{n}" for n in (60, 65, 72, 76)] + [f"R5_1stcool_00{n}" for n in (65, 71)]


@pytest.mark.parametrize("frame", FRAMES)
def test_palladium_superlattices_as_their_authors_found_them(reference_data, frame):
    """All with the same settings, no sigma given: lattice, and its length within 0.5 % (0060 is weak)."""
    folder = reference_data / "pd_superlattice"
    with (folder / "author_fits.csv").open() as table:
        row = next(r for r in csv.DictReader(table) if r["file"].endswith(f"{frame}_dz_bgsub"))
    q, intensity = np.loadtxt(folder / "R5_201611" / f"{frame}_dz_bgsub.dat").T
    assignment = study_curve(curve_from_arrays(10.0 * q, intensity)).assignment
    assert assignment.lattice == {"F_cubic": "FCC", "hcp": "HCP"}[row["lattice"]], assignment.verdict
    assert_close(assignment.a.value, 0.1 * float(row["xtal_a"]), rel=5e-3)


def test_a_study_keeps_the_fits_behind_its_answer():
    study = study_curve(curve_of_frame(crystals_in_solution([0.05], gain=0.02, seed=10), 0))
    assert study.best is not None
    assert study.best.value("a") == study.assignment.a.value
    assert study.best.reduced_chi_squared < 1.3


def test_a_curve_that_no_spacing_explains_is_still_a_curve():
    """Peaks taken out where a lattice would add them: every spacing asks for less than no grains, and the fit says 0."""
    q = window()
    curve = counted(1.0 - 0.6 * np.exp(-0.5 * ((q - 0.75) / 0.2) ** 2), 2)
    one = fit_lattice(curve, "SC", start_solution(curve), freedom=SMOOTHED)
    assert one.value("fraction") < 0.3
