"""X-rays at the surface of a film on a substrate: refractive indices, angles inside, the wave field of two interfaces.

Index n = 1 - delta + i beta. Angles are grazing ones; what stands for them here is their sine, s = k_z / k, because the
wave vector along the surface is conserved and no approximation of small angles is then needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..materials import core_named, ligand_named
from ..nouns.base import FloatArray

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class Index:
    """Refractive index 1 - delta + i beta of one medium at one energy."""

    delta: float
    beta: float

    @property
    def critical_angle(self) -> float:
        """Sine of the angle of total reflection, sqrt(2 delta) (rad)."""
        return float(np.sqrt(2.0 * self.delta))


@lru_cache(maxsize=256)
def material_index(formula: str, density_g_cm3: float, energy_keV: float) -> Index:
    """delta and beta of a material, xraydb (Chantler's tables)."""
    import xraydb

    delta, beta, _ = xraydb.xray_delta_beta(formula, density_g_cm3, 1000.0 * energy_keV)
    return Index(float(delta), float(beta))


def superlattice_index(core_name: str, ligand_name: str, *, core_share: float, energy_keV: float) -> Index:
    """delta and beta of a dried superlattice: cores with the volume share `core_share`, ligand in all the rest."""
    metal, shell = core_named(core_name), ligand_named(ligand_name)
    inside = material_index(metal.formula, metal.density_g_cm3, energy_keV)
    between = material_index(shell.formula, shell.density_g_cm3, energy_keV)
    rest = 1.0 - core_share
    return Index(core_share * inside.delta + rest * between.delta, core_share * inside.beta + rest * between.beta)


@dataclass(frozen=True)
class FilmMedium:
    """What a film's index can be: `index`, and how beta follows where delta is found to be another, slope = d beta / d delta
    of more core in the film."""

    index: Index
    slope: float

    def at(self, critical_angle: float) -> Index:
        """The index of a film with this sine of the critical angle."""
        delta = 0.5 * critical_angle**2
        return Index(delta, max(self.index.beta + self.slope * (delta - self.index.delta), 0.0))


def superlattice_medium(core_name: str, ligand_name: str, *, core_share: float, energy_keV: float) -> FilmMedium:
    """The index of a dried superlattice, and the line from the ligand's to the core's on which it lies."""
    ends = [superlattice_index(core_name, ligand_name, core_share=x, energy_keV=energy_keV) for x in (0.0, 1.0)]
    slope = (ends[1].beta - ends[0].beta) / (ends[1].delta - ends[0].delta)
    return FilmMedium(superlattice_index(core_name, ligand_name, core_share=core_share, energy_keV=energy_keV), slope)


def core_share_of_touching_shells(ligand_name: str, *, neighbour_nm: float, volume_per_particle_nm3: float) -> float:
    """Volume share of the cores where dry shells of neighbours touch: core diameter = distance - 2 dry shells."""
    diameter = max(neighbour_nm - 2.0 * ligand_named(ligand_name).dry_shell_nm, 0.0)
    return float(np.pi / 6.0 * diameter**3 / volume_per_particle_nm3)


def complex_sine_inside(sine: npt.ArrayLike, medium: Index) -> ComplexArray:
    """k_z / k inside a medium, sqrt(s^2 - 2 delta + 2 i beta), of a wave with the grazing sine s outside."""
    s = np.asarray(sine, dtype=np.float64)
    return np.asarray(np.sqrt(np.square(s) - 2.0 * medium.delta + 2.0j * medium.beta))


def sine_inside(sine: npt.ArrayLike, medium: Index) -> FloatArray:
    """The real part of k_z / k inside: where reflections of the film lie follows from it."""
    return np.asarray(complex_sine_inside(sine, medium).real)


def sine_outside(inside: npt.ArrayLike, medium: Index) -> FloatArray:
    """The inverse of `sine_inside`: s^2 = x^2 - (beta / x)^2 + 2 delta; NaN where no wave outside has this x."""
    x = np.asarray(inside, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = np.square(x) - np.square(medium.beta / x) + 2.0 * medium.delta
        return np.asarray(np.where((x > 0.0) & (square >= 0.0), np.sqrt(square), np.nan))


@dataclass(frozen=True, eq=False)
class WaveField:
    """Intensities of the waves in a film that a plane wave outside makes, over its own: `down` goes on, below the surface; `up`
    comes back, above the substrate; `decay` (dimensionless) x k: how fast amplitudes fall on their way."""

    down: FloatArray
    up: FloatArray
    decay: FloatArray


def wave_field(sine: npt.ArrayLike, film: Index, substrate: Index, *, thickness_k: float) -> WaveField:
    """The wave field of two interfaces at the grazing sine s, film on a substrate (Fresnel; Parratt 1954 for one layer).

    With s0, s1, s2 the complex k_z / k in vacuum, film and substrate, r_ab = (s_a - s_b) / (s_a + s_b), t01 = 1 + r01:
    down |t01|^2 at the surface, up |t01 r12|^2 exp(-2 Im s1 k d) at the substrate. A film that is many waves thick and not
    flat to a wavelength leaves no interference between the two. `thickness_k`: k d.
    """
    s0 = np.asarray(sine, dtype=np.complex128)
    s1, s2 = complex_sine_inside(sine, film), complex_sine_inside(sine, substrate)
    with np.errstate(divide="ignore", invalid="ignore"):
        entering = np.abs(2.0 * s0 / (s0 + s1)) ** 2
        returning = np.abs((s1 - s2) / (s1 + s2)) ** 2
    seen = np.asarray(sine, dtype=np.float64) > 0.0
    attenuation = np.exp(-2.0 * s1.imag * thickness_k)
    down = np.where(seen, np.nan_to_num(entering), 0.0)
    return WaveField(down, np.where(seen, down * np.nan_to_num(returning) * attenuation, 0.0), s1.imag)


def illuminated_share(decay: npt.ArrayLike, thickness_k: float) -> FloatArray:
    """Mean over the film's depth of exp(-2 g k z): what absorption on the way in and out leaves; g the sum of both decays."""
    x = 2.0 * np.asarray(decay, dtype=np.float64) * thickness_k
    return np.asarray(np.where(x > 1e-9, -np.expm1(-x) / np.maximum(x, 1e-9), 1.0))


def share_from_below(rising: npt.ArrayLike, falling: npt.ArrayLike, thickness_k: float) -> FloatArray:
    """Mean over the film's depth of exp(-2 a k (d - z)) exp(-2 b k z): of a wave with the decay a that rises from the substrate
    and one with b that runs between surface and z; exp(-2 min(a, b) k d) times `illuminated_share` of |a - b|."""
    a, b = np.asarray(rising, dtype=np.float64), np.asarray(falling, dtype=np.float64)
    return np.asarray(np.exp(-2.0 * np.minimum(a, b) * thickness_k) * illuminated_share(np.abs(a - b), thickness_k))
