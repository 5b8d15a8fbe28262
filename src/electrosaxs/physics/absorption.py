"""Absorption of X-rays by a solution of coated particles, and what it does to an uncorrected measurement.

Attenuation coefficients are those of the pure materials, weighted by volume (Beer and Lambert; no excess volume):
mu = (1 - phi) mu_solvent + phi [s mu_core + (1 - s) mu_ligand], phi of core + dry shell and s the core's share of it.
At 13.3 keV silver is 98 % of what particles add. Lengths in m, coefficients in 1/m.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..materials import attenuation_per_m, core_of, ligand_of, solvent_of
from ..nouns.base import FloatArray
from ..nouns.run import Solution


@dataclass(frozen=True)
class Attenuation:
    """Linear attenuation coefficients (1/m) of core, ligand and solvent at one photon energy."""

    core: float
    ligand: float
    solvent: float

    def of_particles(self, core_share: npt.ArrayLike) -> FloatArray:
        """d mu / d phi: what unit volume of core + dry shell adds when it replaces solvent."""
        share = np.asarray(core_share, dtype=np.float64)
        return np.asarray(share * self.core + (1.0 - share) * self.ligand - self.solvent)


def attenuation(solution: Solution, *, energy_keV: float) -> Attenuation:
    """The coefficients of a solution's materials, from xraydb. InputFileError names an unknown material."""
    parts = core_of(solution), ligand_of(solution), solvent_of(solution)
    return Attenuation(*(attenuation_per_m(part.formula, part.density_g_cm3, energy_keV) for part in parts))


def attenuation_per_volume_fraction(
    solution: Solution, *, core_share: npt.ArrayLike, energy_keV: float, path_length_mm: float
) -> FloatArray:
    """a = t d mu / d phi (dimensionless): absorption added per unit of phi when particles replace solvent.

    `core_share` is the share of the core in core + dry shell (0.44 for 7.1 nm silver with dodecanethiol).
    """
    return 1e-3 * path_length_mm * attenuation(solution, energy_keV=energy_keV).of_particles(core_share)


def transmission(attenuation_coefficient: npt.ArrayLike, path_length: float) -> FloatArray:
    """T = exp(-mu t)."""
    return np.asarray(np.exp(-np.asarray(attenuation_coefficient, dtype=np.float64) * path_length))


def largest_uncorrected_enrichment(optical_depth: float) -> float:
    """The largest enrichment that shows where transmission is not divided out: 2.2 at mu t = 0.20 of the particles.

    Scattering of a solution enriched x times is x exp(-m (x - 1)) that of the starting one, m the particles' mu t
    at the start; its maximum exp(m - 1) / m lies at x = 1 / m.
    """
    return float(np.exp(optical_depth - 1.0) / optical_depth)
