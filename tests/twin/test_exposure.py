"""What one exposure counts: absolute scattering, each part of the beam with its own absorption, crystals."""

import numpy as np
import pytest
from closeness import assert_close
from scipy.integrate import quad, trapezoid

from electrosaxs.nouns import Experiment, GrowthSettings, Role
from electrosaxs.physics.beam import surface_weight
from electrosaxs.physics.lattices import reflection_positions
from electrosaxs.physics.size_distribution import gaussian_moment
from electrosaxs.physics.sphere_kernels import squared_form_factor
from electrosaxs.twin.beamline import Beamline, incident_photons, measured_transmission, monitor_counts
from electrosaxs.twin.exposure import Footprint, crystals_in_footprint, expose, expose_empty, footprint
from electrosaxs.twin.scattering_cell import scattering_cell

FWHM, GAP = 34.0, 3500.0
SIGMA = FWHM / 2.3548200450309493
PER_CM = 0.01  # 1/m in 1/cm


def start(beamline: Beamline, beam: Footprint) -> np.ndarray:
    return np.tile(beamline.history.start_phi, (beam.share.size, 1))


@pytest.mark.parametrize("centre", [-30.0, 0.0, 9.0, 60.0, 1700.0, 3480.0])
def test_sub_beams_average_as_the_integral_over_the_gaussian(centre: float) -> None:
    def beam(z: float) -> float:
        return float(np.exp(-0.5 * ((z - centre) / SIGMA) ** 2) / (SIGMA * np.sqrt(2 * np.pi)))

    low, high = max(0.0, centre - 7 * SIGMA), min(GAP, max(centre, 0.0) + 7 * SIGMA)
    found = footprint(centre, fwhm_um=FWHM, gap_um=GAP)
    for profile in (lambda z: 1.0, lambda z: np.exp(-z / 80.0), lambda z: np.exp(-2.5 * np.exp(-z / 80.0))):
        exact = quad(lambda z: beam(z) * profile(z), low, high, epsabs=0, epsrel=1e-11)[0]  # noqa: B023
        assert_close(np.sum(found.share * np.array([profile(z) for z in found.height])), exact, rel=2e-6)


def test_at_the_anode_half_the_beam_passes(beamline: Beamline) -> None:
    at_anode, above = (footprint(z, fwhm_um=FWHM, gap_um=GAP) for z in (0.0, 500.0))
    nothing = np.zeros(beamline.cell.diameter.size)
    half = expose(beamline.cell, at_anode, start(beamline, at_anode), nothing)
    whole = expose(beamline.cell, above, start(beamline, above), nothing)
    assert_close(half.transmission, 0.5 * whole.transmission, rel=1e-9)
    assert_close(half.curve, 0.5 * whole.curve, rel=1e-9)


def test_scattering_over_transmission_does_not_depend_on_how_much_passes(beamline: Beamline) -> None:
    quotients = []
    for z in (-15.0, 0.0, 20.0, 1000.0):
        beam = footprint(z, fwhm_um=FWHM, gap_um=GAP)
        exposure = expose(beamline.cell, beam, start(beamline, beam), np.zeros(beamline.cell.diameter.size))
        quotients.append(exposure.curve / exposure.transmission)
    for quotient in quotients[1:]:
        assert_close(quotient, quotients[0], rel=1e-9)


def test_each_sub_beam_is_dimmed_by_its_own_solution(beamline: Beamline) -> None:
    beam = footprint(0.0, fwhm_um=FWHM, gap_um=GAP)
    crystals = 4e-3 * beamline.history.start_phi / beamline.history.start_phi.sum()
    steep = start(beamline, beam) * (1.0 + 12.0 * np.exp(-beam.height / 80.0))[:, None]
    whole = expose(beamline.cell, beam, steep, crystals)
    parts = [
        expose(beamline.cell, Footprint(beam.height[[i]], beam.share[[i]], 0.0), steep[[i]], crystals)
        for i in range(beam.share.size)
    ]
    assert_close(whole.transmission, sum(p.transmission for p in parts), rel=1e-12)
    assert_close(whole.curve, sum(p.curve for p in parts), rel=1e-9)
    mean = beam.share @ steep.sum(axis=1) / beam.open
    at_mean = beamline.cell.transmission(steep[[0]] * mean / steep[0].sum())[0]
    clear = expose(beamline.cell, beam, steep, 0.0 * crystals)
    assert clear.transmission / beam.open > 1.001 * at_mean  # Jensen: a steep profile lets more through than its mean
    assert whole.transmission < 0.5 * clear.transmission


def test_starting_solution_scatters_about_50_per_cm_forward(beamline: Beamline) -> None:
    phi, shell = 8e-4, beamline.history.dry_shell_nm
    curve = beamline.cell.dissolved(beamline.history.start_phi) * PER_CM
    number = phi / (np.pi / 6.0 * float(gaussian_moment(3, 7.1 + 2 * shell, 1.1)))  # per nm^3
    closed = number * 1e21 * beamline.cell.contrast * 1e-8 * 1e-42 * squared_form_factor(beamline.cell.q, 7.1, 1.1)
    below = beamline.cell.q < 3.5
    assert_close(curve[below], closed[below], rel=1e-4)  # 41 classes against the closed form of the Gaussian
    assert 35.0 < curve[0] < 65.0


def test_solvent_and_windows_are_a_weak_background(beamline: Beamline) -> None:
    cell = beamline.cell
    assert_close(cell.solvent[0] * PER_CM, 0.024, rel=0.02)  # kT kappa rho^2, by hand
    at = np.searchsorted(cell.q, [0.1, 1.0])
    windows, solvent = cell.window[at], cell.path * cell.solvent[at]
    assert 0.3 < windows[0] / solvent[0] < 3.0
    assert windows[1] / solvent[1] < 0.05


def test_one_photon_in_120_is_scattered_by_the_starting_solution(beamline: Beamline) -> None:
    cell = beamline.cell
    wave_number = 2 * np.pi * 13.3 / 1.239841984
    solution = cell.path * cell.dissolved(beamline.history.start_phi)
    scattered = 2 * np.pi * trapezoid(solution * cell.q, cell.q) / wave_number**2
    assert_close(scattered, 1.0 / 120.0, rel=0.1)  # so single scattering is meant; 4 % are twice at ten times that


def test_superlattice_peaks_stand_where_fcc_has_them(beamline: Beamline) -> None:
    cell = beamline.cell
    phi = beamline.history.start_phi
    structure = cell.crystalline(phi) / cell.dissolved(phi)
    _, expected = reflection_positions("FCC", cell.lattice_constant, 1.5)
    assert_close(expected[:5], [0.7207, 0.8322, 1.1769, 1.3801, 1.4414], rel=1e-4)  # physics.md
    for q in expected[:2]:
        near = np.abs(cell.q - q) < 0.03
        assert_close(cell.q[near][np.argmax(structure[near])], q, rel=0.002)
        assert structure[near].max() > 3.0


def test_bare_particles_touch_with_their_cores(experiment: Experiment) -> None:
    """A solvated shell of 0 is a thickness, not a missing one."""
    touching = experiment.model_copy(update={"growth": GrowthSettings()})
    no_shell = touching.solution.model_copy(update={"solvated_shell_nm": 0.0})
    bare = touching.model_copy(update={"solution": no_shell})
    sizes = np.array([6.0, 7.1, 8.2])
    for described, shell in ((touching, 1.79), (bare, 0.0)):
        cell = scattering_cell(described, np.linspace(0.0, 3.0, 50), sizes, 1.115)
        assert_close(cell.lattice_constant, np.sqrt(2.0) * (7.1 + 2.0 * shell), rel=1e-12)


def test_displacements_and_sizes_turn_peaks_into_a_diffuse_rest(beamline: Beamline) -> None:
    cell = beamline.cell
    phi = beamline.history.start_phi
    structure = cell.crystalline(phi) / cell.dissolved(phi)
    assert abs(np.mean(structure[(cell.q > 3.0) & (cell.q < 3.5)]) - 1.0) < 0.01
    between = (cell.q > 0.3) & (cell.q < 0.6)
    assert structure[between].max() < 0.6  # the forward intensity of a crystal has gone into its peaks
    assert structure[between].min() > 0.05


@pytest.mark.parametrize("fwhm", [8.0, 34.0, 100.0])
@pytest.mark.parametrize("z", [-5.0, 0.0, 20.0, 50.0])
def test_crystals_stand_on_the_anode_whatever_the_beam_is(z: float, fwhm: float) -> None:
    """The same share of them is in the light of every beam, which reads them with its density at the surface."""
    per_area = np.array([0.2, 0.3])
    found = crystals_in_footprint(footprint(z, fwhm_um=fwhm, gap_um=GAP), per_area)
    assert_close(found / per_area, 0.3619 / surface_weight(z, fwhm), rel=1e-6)
    assert np.all(found < per_area / surface_weight(z, fwhm))


def test_a_voxel_of_the_paper_reads_its_slice_with_crystals(beamline: Beamline) -> None:
    found = crystals_in_footprint(footprint(0.0, fwhm_um=34.0, gap_um=GAP), np.array([0.5]))
    assert_close(found, 0.01, rel=1e-4)


def test_particles_take_the_place_of_solvent(beamline: Beamline) -> None:
    """A solution of a tenth particles holds nine tenths of the solvent, which scatters less by as much."""
    cell, beam = beamline.cell, footprint(900.0, fwhm_um=FWHM, gap_um=GAP)
    dissolved = 0.07 * start(beamline, beam) / beamline.history.start_phi.sum()
    crystals = 0.03 * beamline.history.start_phi / beamline.history.start_phi.sum()
    found = expose(cell, beam, dissolved, crystals)
    particles = cell.dissolved(dissolved[0]) + cell.crystalline(crystals)
    expected = cell.path * (particles + 0.9 * cell.solvent) + cell.window
    assert_close(found.curve, found.transmission * expected, rel=1e-9)
    solvent = 0.9 * cell.path * cell.solvent
    assert_close(found.curve / found.transmission - cell.path * particles - cell.window, solvent, rel=1e-6)


def test_empty_cell_is_the_windows_alone(beamline: Beamline) -> None:
    found = expose_empty(beamline.cell, footprint(900.0, fwhm_um=FWHM, gap_um=GAP))
    assert_close(found.transmission, np.exp(-202.5 * 50e-6), rel=1e-4)  # Kapton 2.025 1/cm (xraydb)
    assert_close(found.curve, found.transmission * beamline.cell.window, rel=1e-12)


def test_frames_of_a_run_dim_as_particles_arrive(beamline: Beamline) -> None:
    transmission = np.array([e.transmission for e in beamline.exposures()])
    assert transmission.size == len(beamline.plan)
    roles = beamline.plan.role
    solvent, reference = (transmission[roles == r].mean() for r in (Role.SOLVENT, Role.REFERENCE))
    assert_close(np.log(solvent / reference), 0.21, rel=0.03)  # mu t of silver and ligand less displaced toluene
    anode = transmission[beamline.plan.in_map & (beamline.plan.place == 0)]
    assert np.all(np.diff(anode) < 0.0)
    edge = roles == Role.ALIGNMENT
    assert np.all(np.diff(transmission[edge]) > 0.0)


def test_the_source_drifts_once_over_a_run_and_the_monitor_follows_it(beamline: Beamline) -> None:
    photons = incident_photons(beamline.experiment, beamline.plan, np.random.default_rng(3))
    relative = photons / (3e10 * beamline.plan.exposure) - 1.0
    wave = np.fft.rfft(relative) * 2.0 / relative.size
    assert np.argmax(np.abs(wave)) == 1
    assert_close(np.abs(wave[1]), 2e-3, rel=0.1)
    many = np.repeat(photons * np.linspace(1.0, 3.0, photons.size), 50)
    assert_close(monitor_counts(many, np.random.default_rng(4)) / many, 1e-3, rel=2e-3)


def test_instruments_read_with_the_stated_noise() -> None:
    random = np.random.default_rng(5)
    photons, true = np.full(20_000, 3e10), np.full(20_000, 0.33)
    assert_close(np.std(monitor_counts(photons, random) / 3e7), 1 / np.sqrt(3e7), rel=0.03)
    assert_close(np.std(measured_transmission(true, random) / 0.33), 2e-4, rel=0.03)
    dark = measured_transmission(np.zeros(1000), random)
    assert dark.min() > 0.0
    assert dark.max() < 1e-5
