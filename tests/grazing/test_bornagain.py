"""Where a superlattice film scatters, after BornAgain (25): waves of the distorted Born approximation in a film on a substrate,
summed over the particles of one crystal. Shares no code with the package; needs `pip install bornagain`."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.physics.film_frame import Incidence, channel_fields, ray_of_reflection
from electrosaxs.physics.refraction import Index

ba = pytest.importorskip("bornagain", reason="BornAgain is not installed (pip install bornagain)")

K = 2.0 * np.pi / 0.12398  # 1/nm, 10 keV
A, STRAIN = 13.2, 0.03
LIGHT, SILICON = Index(2.6e-6, 5e-9), Index(4.88e-6, 7.4e-8)
THICKNESS, WIDE, HIGH = 400.0, 150.0, 300.0  # nm
SIDE = 21  # pixels of the window around a reflection


def material(name: str, index: Index) -> object:
    return ba.RefractiveMaterial(name, (0, 0, 0), index.delta, index.beta)


def crystal(turn: float) -> list[np.ndarray]:
    """Primitive vectors (nm) of an FCC crystal with (111) on the substrate, spacing along the normal contracted."""
    across, up = A / np.sqrt(6.0), (1.0 - STRAIN) * A / np.sqrt(3.0)
    angles = turn + np.radians([90.0, 210.0, 330.0])
    return [np.array([across * np.cos(t), across * np.sin(t), up]) for t in angles]


def simulated(vectors, angle: float, alphas: np.ndarray, phis: np.ndarray) -> np.ndarray:
    """Intensity (alpha, phi) of one crystal in a light film on silicon."""
    lattice = ba.Lattice3D(*(ba.R3(*map(float, v)) for v in vectors))
    particle = ba.Particle(material("core", Index(1.5e-5, 0.0)), ba.Sphere(1.5))
    island = ba.Mesocrystal(ba.Crystal(particle, lattice), ba.Cylinder(WIDE, HIGH))
    film = ba.Layer(material("film", LIGHT), THICKNESS)
    film.deposit2D(ba.Dilute2D(1e-8, island))
    sample = ba.Sample()
    for layer in (ba.Layer(material("air", Index(0.0, 0.0))), film, ba.Layer(material("Si", SILICON))):
        sample.addLayer(layer)
    step = [0.5 * (x[-1] - x[0]) / (x.size - 1) for x in (phis, alphas)]
    detector = ba.SphericalDetector(
        phis.size, phis[0] - step[0], phis[-1] + step[0], alphas.size, alphas[0] - step[1], alphas[-1] + step[1]
    )
    result = ba.ScatteringSimulation(ba.Beam(1.0, 2.0 * np.pi / K, angle), sample, detector).simulate()
    return np.asarray(result.intensities()).reshape(alphas.size, phis.size)


def reflection(hkl) -> tuple[float, float, float]:
    """(q_parallel, q_z, azimuth) of a reflection of the primitive cell that is not turned."""
    g = 2.0 * np.pi * np.linalg.inv(np.array(crystal(0.0))) @ np.array(hkl)
    return float(np.hypot(g[0], g[1])), float(g[2]), float(np.arctan2(g[1], g[0]))


def exit_angles(ray: np.ndarray, angle: float) -> tuple[float, float]:
    """(alpha, phi) against the film's surface of a ray (beam, up, right)."""
    beam, up, right = ray
    forward, normal = np.cos(angle) * beam + np.sin(angle) * up, np.cos(angle) * up - np.sin(angle) * beam
    return float(np.arcsin(normal)), float(np.arctan2(right, forward))


def turned_into_reflection(hkl, angle: float, reflected: bool) -> tuple[list[np.ndarray], float, float]:
    """The crystal turned about the normal until the reflection is met, and (alpha, phi) where it should be."""
    parallel, up, azimuth = reflection(hkl)
    ray = ray_of_reflection(parallel, up, reflected, wavenumber=K, incidence=Incidence(angle, LIGHT))
    alpha, phi = exit_angles(ray, angle)
    across = np.array([np.cos(alpha) * np.cos(phi) - np.cos(angle), np.cos(alpha) * np.sin(phi)])
    return crystal(float(np.arctan2(across[1], across[0])) - azimuth), alpha, phi


@pytest.mark.parametrize("reflected", [False, True], ids=["direct beam", "reflected beam"])
@pytest.mark.parametrize("hkl", [(1, 1, 0), (2, 1, 1), (2, 2, 1)], ids=str)
def test_reflections_of_both_beams_lie_where_waves_of_every_particle_add_up(hkl, reflected):
    angle = np.radians(0.16)
    vectors, alpha, phi = turned_into_reflection(hkl, angle, reflected)
    around = np.linspace(-3e-4, 3e-4, SIDE)
    image = simulated(vectors, angle, alpha + around, phi + around)
    weight = np.where(image > 0.5 * image.max(), image, 0.0)
    found = [
        float((weight.sum(axis=axis) * values).sum() / weight.sum())
        for axis, values in ((1, alpha + around), (0, phi + around))
    ]
    assert_close(found[0], alpha, rel=0.0, floor=2e-5)
    assert_close(found[1], phi, rel=0.0, floor=2e-5)


def test_the_yoneda_band_has_the_shape_that_waves_give_a_particle_under_the_surface():
    angle, alphas = np.radians(0.31), np.linspace(0.2, 5.0, 97) * LIGHT.critical_angle
    half_space = ba.Layer(material("film", LIGHT))
    half_space.suspend2D(ba.Dilute2D(1e-8, ba.Particle(material("core", Index(1.5e-5, 0.0)), ba.Sphere(0.01))))
    sample = ba.Sample()
    for layer in (ba.Layer(material("air", Index(0.0, 0.0))), half_space):
        sample.addLayer(layer)
    half = 0.5 * (alphas[1] - alphas[0])
    detector = ba.SphericalDetector(1, -1e-6, 1e-6, alphas.size, alphas[0] - half, alphas[-1] + half)
    simulation = ba.ScatteringSimulation(ba.Beam(1.0, 2.0 * np.pi / K, angle), sample, detector)
    seen = np.asarray(simulation.simulate().intensities()).ravel() / np.cos(alphas)
    direct, _ = channel_fields(np.sin(alphas), Incidence(angle, LIGHT), LIGHT, thickness_k=1e-9)
    assert np.argmax(seen) == np.argmax(direct)
    assert np.max(np.abs(seen / seen.max() - direct / direct.max())) < 2e-3


ABSORBING, MIRROR, THIN = Index(1e-6, 2e-7), Index(4e-5, 2e-6), 400.0


def light_of_every_depth(substrate: Index, angle: float, alphas: np.ndarray) -> np.ndarray:
    """Mean over the depth of what a point in an absorbing film on `substrate` scatters to these angles."""
    half = 0.5 * (alphas[1] - alphas[0])
    detector = ba.SphericalDetector(1, -1e-6, 1e-6, alphas.size, alphas[0] - half, alphas[-1] + half)
    seen = np.zeros(alphas.size)
    for height in (np.arange(200) + 0.5) * THIN / 200.0:
        point = ba.Particle(material("core", Index(1.5e-5, ABSORBING.beta)), ba.Sphere(0.01))
        point.translate(ba.R3(0.0, 0.0, float(height)))
        film = ba.Layer(material("film", ABSORBING), THIN)
        film.deposit2D(ba.Dilute2D(1e-8, point))
        sample = ba.Sample()
        for layer in (ba.Layer(material("air", Index(0.0, 0.0))), film, ba.Layer(material("substrate", substrate))):
            sample.addLayer(layer)
        simulation = ba.ScatteringSimulation(ba.Beam(1.0, 2.0 * np.pi / K, angle), sample, detector)
        seen += np.asarray(simulation.simulate().intensities()).ravel()
    return seen / 200.0


def test_a_substrate_adds_as_much_light_in_an_absorbing_film_as_waves_of_every_depth():
    angle, alphas = np.radians(0.31), np.radians(np.linspace(0.6, 0.8, 5))
    direct, reflected = channel_fields(np.sin(alphas), Incidence(angle, ABSORBING), MIRROR, thickness_k=K * THIN)
    added = light_of_every_depth(MIRROR, angle, alphas) / light_of_every_depth(ABSORBING, angle, alphas) - 1.0
    assert_close(added, reflected / direct, rel=0.1)  # waves come back twice, too, and interfere at the surface
