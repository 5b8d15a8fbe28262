"""The frame of a film: refraction and the exact way from reflections to rays, against a brute-force second route."""

import numpy as np
import pytest
from closeness import assert_close
from scipy.optimize import brentq

from electrosaxs.physics.film_frame import (
    Incidence,
    channel_fields,
    parallel_and_exit,
    q_along_normal,
    ray_of_reflection,
)
from electrosaxs.physics.film_reflections import film_reflections
from electrosaxs.physics.lattices import reflections
from electrosaxs.physics.refraction import (
    Index,
    material_index,
    sine_inside,
    sine_outside,
    superlattice_index,
    wave_field,
)

K = 50.677  # 1/nm, 10 keV
FILM = Index(7.6e-6, 0.0)


def ray_by_rotation(g_parallel: float, g_z: float, angle: float, film: Index, *, reflected: bool) -> np.ndarray:
    """Turn G about the normal until k_i + G has the length of a wave inside the film, and refract it out: vectors only, in
    the sample frame (forward, right, normal), then in the laboratory (beam, up, right)."""
    inside = K * np.sqrt((1.0 - film.delta) ** 2)
    k_z = np.sqrt(inside**2 - (K * np.cos(angle)) ** 2)
    incoming = np.array([K * np.cos(angle), 0.0, k_z if reflected else -k_z])

    def off_shell(azimuth: float) -> float:
        g = np.array([g_parallel * np.cos(azimuth), g_parallel * np.sin(azimuth), g_z])
        return float(np.sum((incoming + g) ** 2) - inside**2)

    azimuth = brentq(off_shell, 0.0, np.pi, xtol=1e-14)
    out = incoming + np.array([g_parallel * np.cos(azimuth), g_parallel * np.sin(azimuth), g_z])
    normal = np.sqrt(K**2 - out[0] ** 2 - out[1] ** 2)
    ray = np.array([out[0], out[1], normal]) / K
    lab = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])  # columns: forward, normal
    beam, up = lab @ ray[[0, 2]]
    return np.array([beam, up, ray[1]])


@pytest.mark.parametrize("angle_deg", [0.31, 0.15, 1.2])
@pytest.mark.parametrize(
    ("g_parallel", "g_z", "reflected"), [(0.777, 1.37, False), (2.33, 3.30, False), (1.35, 0.0, True)]
)
def test_rays_are_those_of_a_lattice_turned_until_the_ewald_sphere_is_met(angle_deg, g_parallel, g_z, reflected):
    angle = np.radians(angle_deg)
    film = Index(7.6e-6, 0.0) if angle_deg > 0.25 else Index(1.1e-6, 0.0)  # above the critical angle: no wave decays
    film_ray = ray_of_reflection(g_parallel, g_z, reflected, wavenumber=K, incidence=Incidence(angle, film))
    assert np.abs(film_ray - ray_by_rotation(g_parallel, g_z, angle, film, reflected=reflected)).max() < 2e-8


@pytest.mark.parametrize("reflected", [False, True])
def test_rays_give_back_the_reflection_they_came_from(reflected):
    incidence = Incidence(
        np.radians(0.15), superlattice_index("Ag", "1-dodecanethiol", core_share=0.33, energy_keV=10.0)
    )
    g = np.array([[0.777, 1.37], [-2.06, 0.9], [1.35, 2.2]])
    ray = ray_of_reflection(g[:, 0], g[:, 1], reflected, wavenumber=K, incidence=incidence)
    parallel, exit_sine = parallel_and_exit(ray, wavenumber=K, incidence=incidence)
    assert_close(parallel, g[:, 0], rel=1e-9)
    assert_close(q_along_normal(exit_sine, wavenumber=K, incidence=incidence, reflected=reflected), g[:, 1], rel=1e-9)


def test_refraction_out_of_an_absorbing_film_undoes_refraction_into_it():
    film = Index(7.6e-6, 4e-7)
    sine = np.array([1e-3, 3.8e-3, 4.1e-3, 2e-2])
    assert_close(sine_outside(sine_inside(sine, film), film), sine, rel=1e-9)


def test_the_wave_at_the_surface_is_twice_the_incoming_one_at_the_critical_angle():
    film = Index(7.6e-6, 0.0)
    field = wave_field(np.array([film.critical_angle]), film, film, thickness_k=0.0)
    assert_close(field.down, [4.0], rel=1e-6)
    assert field.up[0] < 1e-12  # nothing to reflect from where film and substrate are one


def test_silver_on_silicon_sends_almost_nothing_back_and_a_light_film_nearly_all():
    silicon = material_index("Si", 2.33, 10.0)
    silver = superlattice_index("Ag", "1-dodecanethiol", core_share=0.33, energy_keV=10.0)
    light = superlattice_index("SiO2", "1-dodecanethiol", core_share=0.33, energy_keV=10.0)
    steep = np.array([0.02])
    direct, back = channel_fields(steep, Incidence(np.radians(0.31), silver), silicon, thickness_k=1300.0 * K)
    assert back[0] < 1e-3 * direct[0]
    direct, back = channel_fields(steep, Incidence(np.radians(0.15), light), silicon, thickness_k=100.0 * K)
    assert back[0] > 0.5 * direct[0]


@pytest.mark.parametrize("thickness", [60.0, 450.0, 1.0e4])
def test_each_depth_scatters_with_the_light_that_reaches_and_leaves_it(thickness):
    """Waves summed over the depth: those that come back have gone to the substrate and up again, 2 d - z (Fresnel)."""
    silver = superlattice_index("Ag", "1-dodecanethiol", core_share=0.27, energy_keV=10.0)
    silicon, incidence = material_index("Si", 2.33, 10.0), Incidence(np.radians(0.34), silver)
    exit_sine = np.array([0.0045, 0.009, 0.05])
    s = [np.append(np.sin(incidence.angle), exit_sine)]
    s += [np.sqrt(s[0] ** 2 - 2.0 * m.delta + 2.0j * m.beta) for m in (silver, silicon)]
    enters, returns = np.abs(2.0 * s[0] / (s[0] + s[1])) ** 2, np.abs((s[1] - s[2]) / (s[1] + s[2])) ** 2
    z = np.linspace(0.0, thickness, 200_001)
    step = np.ptp(z) / (z.size - 1)
    down = enters[:, None] * np.exp(-2.0 * K * s[1].imag[:, None] * z)
    up = (enters * returns)[:, None] * np.exp(-2.0 * K * s[1].imag[:, None] * (2.0 * thickness - z))

    def mean(light):
        return (light.sum(axis=1) - 0.5 * (light[:, 0] + light[:, -1])) * step / thickness

    direct, back = channel_fields(exit_sine, incidence, silicon, thickness_k=thickness * K)
    assert_close(direct, mean(down[:1] * down[1:]), rel=1e-5)
    assert_close(back, mean(up[:1] * down[1:] + down[:1] * up[1:]), rel=1e-5)


@pytest.mark.parametrize("lattice", ["FCC", "BCC", "SC", "HCP"])
def test_rings_hold_as_many_reflections_as_the_powder_has(lattice):
    normal = (0, 0, 1) if lattice == "HCP" else (2, 1, 1)
    rings, powder = film_reflections(lattice, normal, 3.0), reflections(lattice, 3.0)
    halved = np.where(rings.normal > 1e-9, 2.0, 1.0)  # each ring above the surface has its mirror image below
    assert_close((halved * rings.multiplicity * rings.squared_amplitude).sum(), powder.weight.sum(), rel=1e-9)


def test_twins_have_the_same_rings():
    one, other = film_reflections("FCC", (1, 1, 1), 6.0), film_reflections("FCC", (-1, -1, -1), 6.0)
    assert_close(np.sort(one.parallel), np.sort(other.parallel), rel=1e-9)
    assert_close(np.sort(one.normal), np.sort(other.normal), rel=1e-9)


def test_rings_have_the_names_that_crystallographers_write():
    names = {tuple(int(i) for i in hkl) for hkl in film_reflections("FCC", (1, 1, 1), 9.0).hkl}
    assert {(2, 2, 8), (4, 4, 6), (1, 5, 7), (0, 2, 2), (1, 1, 1)} <= names
