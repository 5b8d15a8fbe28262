"""Structure factors against sum rules, other programs' tables and an independent sum over reciprocal space."""

import numpy as np
import pytest
from analysis.synthetic_crystals import powder
from closeness import assert_close

from electrosaxs.physics.lattices import LATTICES
from electrosaxs.physics.sphere_kernels import amplitude, squared_form_factor
from electrosaxs.physics.structure_factor import (
    decoupled,
    pair_exclusion,
    percus_yevick,
    second_virial,
    superlattice_order,
)


def powder_structure_factor(q, lattice, a, fwhm, *, lorentzian=0.0, texture=()):
    """Z(q) of grains whose particles sit exactly on their sites."""
    return 1.0 + superlattice_order(q, lattice, a, fwhm, 0.0, lorentzian=lorentzian, texture=texture).value


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize(("fwhm", "lorentzian"), [(0.03, 0.0), (0.2, 0.0), (0.05, 0.5)])
def test_a_powder_scatters_like_its_particles_on_average(name, fwhm, lorentzian):
    q = np.linspace(2e-3, 8.0, 20001)
    z = powder_structure_factor(q, name, 12.3, fwhm, lorentzian=lorentzian)
    assert_close(np.trapezoid(z * q**2, q), np.trapezoid(q**2, q), rel=0.01)
    assert np.all(z >= 0.0)


@pytest.mark.parametrize("name", LATTICES)
def test_the_kernel_equals_a_sum_over_single_reciprocal_lattice_points(name):
    q = np.linspace(0.1, 3.5, 400)
    expected = powder(q, name, 12.3, 0.03)
    assert_close(powder_structure_factor(q, name, 12.3, 0.03), expected, rel=1e-5, floor=1e-4)


def test_peaks_have_their_area_place_and_width():
    q = np.linspace(0.6, 0.8, 4001)
    z = powder_structure_factor(q, "FCC", 15.1, 0.01)
    area = 2.0 * np.pi**2 * 8.0 / (15.1**3 / 4.0) / 0.7207150**2
    assert_close(np.trapezoid(z, q), area, rel=1e-3)
    half = q[z > 0.5 * z.max()]
    assert_close(half[-1] - half[0], 0.01, rel=0.01)
    assert_close(0.5 * (half[-1] + half[0]), 0.7207150, rel=1e-4)


def test_derivatives_are_those_of_the_differences():
    q, at = np.linspace(0.1, 3.5, 300), (12.3, 0.06, 0.3, 0.4, 0.2, -0.3)

    def order(a, fwhm, mean_square, lorentzian, *texture):
        return superlattice_order(q, "HCP", a, fwhm, mean_square, lorentzian=lorentzian, texture=texture)

    _, *exact, by_texture, _ = order(*at)
    for k, slope in enumerate([*exact, *by_texture]):
        step = 1e-5 * at[k] * np.eye(len(at))[k]
        difference = (order(*(at + step)).value - order(*(at - step)).value) / (2.0 * step[k])
        assert_close(slope, difference, rel=1e-5, floor=1e-6 * np.abs(difference).max())


def test_displacements_take_from_the_peaks_as_debye_and_waller_say():
    q = np.linspace(0.1, 3.0, 500)
    cold, warm = (superlattice_order(q, "FCC", 15.1, 0.02, u2).value for u2 in (0.0, 0.3))
    assert_close(warm, cold * np.exp(-0.3 * q**2), rel=1e-9)


def test_oriented_grains_change_one_reflection_and_no_other():
    q = np.linspace(0.6, 1.3, 2001)
    powder, textured = (powder_structure_factor(q, "FCC", 15.1, 0.01, texture=t) for t in ((), (0.0, 0.5)))
    second = np.abs(q - 0.8322) < 0.03
    assert_close(np.trapezoid(textured[second], q[second]), 1.5 * np.trapezoid(powder[second], q[second]), rel=1e-9)
    assert_close(textured[~second], powder[~second], rel=1e-9, floor=1e-9)


def test_nothing_is_ordered_where_no_peak_reaches_down_to_zero():
    """q = 0 included: S of crystals alone is the compressibility of an ideal lattice, 0."""
    assert_close(powder_structure_factor(np.array([0.0, 0.01, 0.1]), "FCC", 15.1, 0.02), np.zeros(3), rel=1e-12)


def test_dilute_sticky_spheres_have_their_second_virial_coefficient():
    """S(0) = 1 - 2 n B2, B2 = 4 v (1 - 1 / (4 tau)): attraction and repulsion cancel at tau = 1/4."""
    for tau, virial in ((0.15, 1.0 - 0.25 / 0.15), (0.25, 0.0), (np.inf, 1.0)):
        assert_close(second_virial(tau), virial, rel=0.0, floor=1e-12)
        change = (percus_yevick(np.array([1e-3]), 5.0, 1e-5, tau) - 1.0) / 1e-5
        assert_close(change, -8.0 * virial, rel=0.0, floor=5e-3)
        volume = np.pi / 6.0 * 10.0**3
        q = np.array([0.001, 0.3, 0.9])
        dilute = (percus_yevick(q, 5.0, 1e-6, tau) - 1.0) / 1e-6
        assert_close(dilute, -pair_exclusion(q * 10.0, np.array(10.0), tau) / volume, rel=0.0, floor=1e-3)


def test_hard_spheres_have_the_known_values_of_percus_and_yevick():
    assert_close(percus_yevick(np.array([1.0, 0.01]), 5.0, 0.2), [0.930587, 0.209128], rel=3e-6)


def test_hard_spheres_are_as_incompressible_as_their_equation_of_state():
    """S(0) = (1 - phi)^4 / (1 + 2 phi)^2, and no seam between series and closed form."""
    for phi in (0.05, 0.3, 0.45):
        assert_close(percus_yevick(np.array([1e-6]), 3.0, phi), (1.0 - phi) ** 4 / (1.0 + 2.0 * phi) ** 2, rel=1e-9)
    seam = percus_yevick(np.array([1.0 / 3.0 * (1.0 - 1e-7), 1.0 / 3.0 * (1.0 + 1e-7)]), 3.0, 0.45)
    assert_close(seam[0], seam[1], rel=1e-5)


def test_polydisperse_hard_spheres_as_computed_by_the_sasview_beta_project(reference_data):
    table = reference_data / "gaussian_spheres" / "testPolydisperseGaussianSphere.dat"
    q, _, _, _, _, pure, effective = np.loadtxt(table, skiprows=2).T
    q = 10.0 * q  # 1/A to 1/nm
    structure = percus_yevick(q, 2.0, 0.1)
    beta = amplitude(q, 4.0, 0.4) ** 2 / squared_form_factor(q, 4.0, 0.4)
    assert_close(structure, pure, rel=1e-6)
    assert_close(decoupled(structure, beta), effective, rel=2e-6)


def test_hard_spheres_as_computed_by_sasfit(reference_data):
    """The two tables of SASfit differ by S(q) of the mean radius, phi = 0.3, without beta; q in 1/A, six digits."""
    folder = reference_data / "gaussian_spheres"
    q, alone = np.loadtxt(folder / "sasfit_sphere_IQD.txt", delimiter=";", usecols=(0, 1)).T
    _, together = np.loadtxt(folder / "sasfit_sphere_IQSD.txt", delimiter=";", usecols=(0, 1)).T
    assert_close(percus_yevick(10.0 * q, 2.0, 0.3), together / alone, rel=3e-5)
    assert_close(9.0 * squared_form_factor(q, 40.0, 4.0), alone, rel=5e-5)
