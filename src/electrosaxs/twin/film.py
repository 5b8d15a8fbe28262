"""A GISAXS frame of a film: lattice x form factor with two waves in and out, on a background, counted.

Expected counts of a pixel: [order + diffuse] x P(q) x field + parasitic scattering + flat background.
order: reflections as Gaussian spots, wide by domain size along and across q and by mosaic along the arc of constant |q|;
on a ring about the normal (in-plane powder: density 1 / 2 pi q_parallel) or on a sphere (any orientation: 1 / 4 pi q^2),
times exp(-q^2 u^2), u the displacement along one axis. diffuse: (1 - exp(-q^2 u^2)) per particle. Two orientations share
the spots as second_share says. field: |T_i T_f|^2 for the direct beam at q_z(+), |R_i T_f|^2 + |T_i R_f|^2 for the reflected
ones at q_z(-), what absorption leaves of the film's depth included. Stacking faults of close-packed layers draw reflections
with h + k + l not divisible by 3 of an FCC (111) film along the normal. A sample that is lit over a length has its frame
drawn from several places along the beam, each with its own magnification. Left out: interference of the two beams, the
beam's divergence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import affine_transform

from ..nouns.base import FloatArray
from ..nouns.film_experiment import FilmExperiment, FilmSettings
from ..physics.film_frame import Incidence, channel_fields, parallel_and_exit, q_along_normal
from ..physics.film_reflections import FilmReflections, film_reflections
from ..physics.lattices import lattice_named, reflections
from ..physics.refraction import Index, material_index, superlattice_index
from ..physics.sphere_kernels import squared_form_factor
from ..physics.structure_factor import percus_yevick
from .film_detector import FilmPixels, film_pixels

REACH = 5.0  # standard deviations over which a spot is drawn
SPHERES_TABLE = 4096
DISORDERED_FRACTION = 0.45  # volume fraction of the hard spheres that a disordered film is made of
LARGEST_COUNT = 1_048_575
GAP_VALUE = -1
SHEER = 0.03  # 1/nm: rods of the specular plane are as wide as the beam's own spread
BELOW_HORIZON = 0.3  # of the parasitic scattering passes the substrate
SPECULAR_COUNTS, SPECULAR_WIDTH = 3.0, 3e-4  # the specular beam over the brightest spot; its deviation in rad
CLEAR_OF_ROD = 0.1  # 1/nm: the brightest spot is sought beside the specular rod
HOT_COUNTS = (30.0, 1e6)


@dataclass(frozen=True, eq=False)
class FilmFrame:
    """counts (y, x), gaps -1; pixels: the detector; incidence with the film's true index; expected (y, x)."""

    counts: npt.NDArray[np.int32]
    expected: FloatArray
    pixels: FilmPixels
    incidence: Incidence


def draw_film(experiment: FilmExperiment) -> FilmFrame:
    """The frame that `experiment` describes; the seed decides every count. InputFileError: a detector or material that is
    not known."""
    beam, seed = experiment.beam, experiment.output.seed
    pixels = film_pixels(experiment.detector, energy_keV=beam.energy_keV, seed=seed)
    film = film_index(experiment.film, energy_keV=beam.energy_keV)
    incidence = Incidence(float(np.radians(beam.incident_angle_deg)), film)
    expected = expected_counts(experiment, pixels, incidence)
    random = np.random.default_rng([seed, 0x915A])
    hot = 10.0 ** random.uniform(float(np.log10(HOT_COUNTS[0])), float(np.log10(HOT_COUNTS[1])), size=expected.shape)
    mean = np.where(pixels.hot, hot, np.where(pixels.dead, 0.0, expected))
    counts = np.minimum(random.poisson(mean), LARGEST_COUNT).astype(np.int32)
    return FilmFrame(np.where(pixels.gaps, GAP_VALUE, counts).astype(np.int32), expected, pixels, incidence)


def film_index(film: FilmSettings, *, energy_keV: float) -> Index:
    """Refractive index of the film from its cores' share of the volume."""
    lattice, a = lattice_named(film.lattice), film.lattice_constant_nm
    volume = lattice.volume_per_particle * a**3 * (1.0 - film.contraction_along_normal)
    d, spread = film.core_diameter_nm, film.core_sigma_nm
    share = np.pi / 6.0 * (d**3 + 3.0 * d * spread**2) / volume
    return superlattice_index(film.core, film.ligand, core_share=float(share), energy_keV=energy_keV)


def expected_counts(experiment: FilmExperiment, pixels: FilmPixels, incidence: Incidence) -> FloatArray:
    """Expected counts (y, x) without bad pixels; 0 behind the beam stop."""
    film, beam = experiment.film, experiment.beam
    k = 2.0 * np.pi / (1e9 * pixels.engine.wavelength)
    parallel, exit_sine = parallel_and_exit(pixels.direction, wavenumber=k, incidence=incidence)
    above = exit_sine > 0.0
    scattered = np.zeros(parallel.shape)
    if film.texture != "empty":
        p, sine = np.abs(parallel[above]), exit_sine[above]
        visible = ~(pixels.stop | pixels.gaps)[above] & (p > CLEAR_OF_ROD)
        light, brightest = np.zeros(p.size), 0.0
        for reflected, field in zip((False, True), _fields(film, beam.energy_keV, incidence, sine, k), strict=True):
            along = np.abs(q_along_normal(sine, wavenumber=k, incidence=incidence, reflected=reflected))
            q = np.hypot(p, along)
            order, diffuse = _structure(film, p, along, q)
            shone = field * _form_factor(film, q)
            light += shone * (order + diffuse)
            brightest = max(brightest, float(np.max((shone * (order if order.any() else diffuse))[visible])))
        scattered[above] = light * (beam.brightest_counts / brightest)
    q = k * np.linalg.norm(pixels.direction - np.array([1.0, 0.0, 0.0]), axis=-1)
    parasitic = beam.parasitic_counts * (0.08 / np.maximum(q, 0.08)) ** 2.5 * np.where(above, 1.0, BELOW_HORIZON)
    off = np.square(exit_sine - np.sin(incidence.angle)) + np.square(pixels.direction[..., 2])
    specular = SPECULAR_COUNTS * beam.brightest_counts * np.exp(-0.5 * off / SPECULAR_WIDTH**2)
    scattered = _along_the_sample(scattered, experiment, pixels)
    counts = (scattered + parasitic + specular + beam.flat_counts) * pixels.solid_angle
    return np.where(pixels.stop, 0.0, counts)


def _along_the_sample(scattered: FloatArray, experiment: FilmExperiment, pixels: FilmPixels) -> FloatArray:
    """Mean over the lit length: what scatters x nearer to the detector is drawn smaller about the direct beam, 1 - x / L."""
    length, away = 1e-3 * experiment.beam.lit_length_mm, experiment.detector.distance_m
    if length == 0.0:
        return scattered
    centre = np.array([experiment.detector.beam_row, experiment.detector.beam_column])
    steps = int(np.ceil(max(pixels.direction.shape[:2]) * length / away)) + 1
    drawn = np.zeros(scattered.shape)
    for x in (np.arange(steps) + 0.5) / steps - 0.5:
        larger = 1.0 / (1.0 - x * length / away)
        drawn += affine_transform(scattered, [larger, larger], centre * (1.0 - larger), order=1) / steps
    return drawn


def _fields(
    film: FilmSettings, energy_keV: float, incidence: Incidence, exit_sine: FloatArray, k: float
) -> tuple[FloatArray, FloatArray]:
    """Intensity of the direct channel, and of the two reflected ones together, for each exit angle."""
    substrate = material_index(film.substrate, film.substrate_density_g_cm3, energy_keV)
    return channel_fields(exit_sine, incidence, substrate, thickness_k=k * film.thickness_nm)


def _structure(
    film: FilmSettings, parallel: FloatArray, along: FloatArray, q: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(ordered, diffuse) structure factor at points (n,), q their length."""
    order: FloatArray = np.zeros(q.size)
    if film.texture == "disordered":
        contact = film.lattice_constant_nm * lattice_named(film.lattice).neighbour_distance
        table = np.linspace(1e-3, float(q.max()), SPHERES_TABLE)
        fluid = percus_yevick(table, 0.5 * contact, DISORDERED_FRACTION)
        return order, np.interp(q, table, fluid)
    displaced = np.exp(-np.square(q * film.displacement_nm))
    powder = 1.0 if film.texture == "random" else film.powder_share
    ascending = np.argsort(q)
    for normal, share in ((film.normal, 1.0 - film.second_share), (film.second_normal, film.second_share)):
        if powder < 1.0 and share > 0.0:
            order += (1.0 - powder) * share * _spots(film, normal, parallel, along, q, ascending)
    if powder > 0.0:
        order += powder * _rings(film, q, ascending)
    return order * displaced, 1.0 - displaced


def _cell(film: FilmSettings) -> tuple[float, float]:
    """2 pi / a (1/nm), and volume of reciprocal space per particle that makes orders densities, (2 pi)^3 / v."""
    unit = 2.0 * np.pi / film.lattice_constant_nm
    return unit, unit**3 / lattice_named(film.lattice).volume_per_particle


def _size_width(film: FilmSettings) -> float:
    """Standard deviation in q of a domain of this length, 0.94 x 2 pi / domain the full width (Scherrer)."""
    return 0.94 * 2.0 * np.pi / film.domain_nm / 2.3548


def _spots(
    film: FilmSettings, plane: Sequence[int], parallel: FloatArray, along: FloatArray, q: FloatArray,
    ascending: npt.NDArray[np.intp],
) -> FloatArray:  # fmt: skip
    unit, density = _cell(film)
    stretch = 1.0 / (1.0 - film.contraction_along_normal)
    h, k, index_l = plane
    rings = film_reflections(film.lattice, (h, k, index_l), float(q.max()) / unit * 1.02)
    order, size, sorted_q = np.zeros(q.shape), _size_width(film), q[ascending]
    for i in range(rings.parallel.size):
        p, z = unit * rings.parallel[i], unit * stretch * rings.normal[i]
        length, angle = np.hypot(p, z), np.arctan2(p, z)
        across, up = np.hypot(size, length * np.radians(film.mosaic_deg)), _fault_width(film, plane, rings, i)
        reach = REACH * (size if up == 0.0 else size + REACH * up)
        near = ascending[slice(*np.searchsorted(sorted_q, [length - reach, length + reach]))]
        near = near[np.abs(parallel[near] - p) < REACH * (across + size) + reach]
        if up == 0.0:
            radial = (q[near] - length) / size
            tangential = length * (np.arctan2(parallel[near], along[near]) - angle) / across
            spot = np.exp(-0.5 * (np.square(radial) + np.square(tangential)))
        else:
            spot = np.exp(-0.5 * np.square((parallel[near] - p) / across))
            spot /= 1.0 + np.square((along[near] - z) / np.hypot(size, up))
        strength = rings.multiplicity[i] * rings.squared_amplitude[i] * density
        ring = 2.0 * np.pi * np.maximum(parallel[near], SHEER)
        order[near] += strength * spot / (2.0 * np.pi * size * across * ring)
    return order


def _fault_width(film: FilmSettings, plane: Sequence[int], rings: FilmReflections, i: int) -> float:
    """Half width (1/nm) along the normal that faults of FCC (111) layers give: probability / layer spacing."""
    if film.lattice != "FCC" or sorted(map(abs, plane)) != [1, 1, 1] or int(rings.hkl[i].sum()) % 3 == 0:
        return 0.0
    spacing = film.lattice_constant_nm / np.sqrt(3.0) * (1.0 - film.contraction_along_normal)
    return 1.5 * film.fault_probability / spacing


def _rings(film: FilmSettings, q: FloatArray, ascending: npt.NDArray[np.intp]) -> FloatArray:
    unit, density = _cell(film)
    families = reflections(film.lattice, float(q.max()) / unit * 1.02)
    order, size, sorted_q = np.zeros(q.shape), _size_width(film), q[ascending]
    for s, count, squared in zip(families.s, families.multiplicity, families.squared_amplitude, strict=True):
        length = unit * s
        near = ascending[slice(*np.searchsorted(sorted_q, [length - REACH * size, length + REACH * size]))]
        ring = np.exp(-0.5 * np.square((q[near] - length) / size)) / (np.sqrt(2.0 * np.pi) * size)
        order[near] += count * squared * density * ring / (4.0 * np.pi * length**2)
    return order


def _form_factor(film: FilmSettings, q: FloatArray) -> FloatArray:
    """P(q) of the cores, 1 at q = 0."""
    table = np.linspace(0.0, float(q.max()), SPHERES_TABLE)
    form = squared_form_factor(table, film.core_diameter_nm, film.core_sigma_nm)
    return np.interp(q, table, form / form[0])
