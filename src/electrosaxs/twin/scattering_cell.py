"""What the filled cell scatters and absorbs per unit of its content: spheres, superlattices, solvent, windows.

Scattering is differential and absolute: spheres from the contrast of core against solvent (the ligand, 8.09 against
7.94e-6 1/A^2, does not show), the solvent from its compressibility. Only where `[imperfections]` says so: interference
between dissolved particles (hard spheres of 1.6 % hydrodynamic volume lose 12 % at q = 0). Left out: Compton scattering.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipp as sc

from ..materials import attenuation_per_m, scattering_length_density_per_m2, solvent_of
from ..materials.constants import BOLTZMANN_J_PER_K
from ..nouns import Experiment, FloatArray, StartingSolution
from ..physics.absorption import attenuation, transmission
from ..physics.colloid import core_share, solvated_shell_nm
from ..physics.multiple_scattering import contrast_per_m4
from ..physics.sphere_kernels import amplitude
from ..physics.sphere_matrix import particle_volume
from ..physics.structure_factor import superlattice_order
from ..units import quantity
from .interference import Interference
from .multiple_scattering import Repeated

SOLVENT_RISE_PER_NM = 12.0  # chosen: +8.5 % at 3.5 1/nm, towards the first peak of the liquid at 13 1/nm

# Windows: two of Kapton, 25 um. Their scattering is chosen: a surface-like power law as strong as the solvent at
# 0.1 1/nm, and a flat part.
WINDOW = ("C22H10N2O5", 1.42)
WINDOW_PATH_M = 2 * 25e-6
WINDOW_POWER_PER_M, WINDOW_EXPONENT, WINDOW_REFERENCE_PER_NM = 400.0, 3.5, 0.1
WINDOW_FLAT_PER_M = 10.0
Q_FLOOR_PER_NM = 0.02  # the power law stops rising here, far behind the beam stop

# Superlattices: grains of 300 nm, K = 0.94 (Scherrer 1918), and 0.4 nm rms displacement along an axis (4 % of the
# distance of neighbours). Chosen.
LATTICE = "FCC"
PEAK_FWHM_PER_NM = 2.0 * np.pi * 0.94 / 300.0
DISPLACEMENT_NM = 0.4

NM3, NM6 = 1e-27, 1e-54


@dataclass(frozen=True, eq=False)
class ScatteringCell:
    """Content and walls of the cell at one photon energy, on one grid of q.

    q (1/nm); diameter: of the classes (nm); volume: of core + dry shell (nm^3). form: amplitude F (class, q) in nm^3,
    squared: F^2; contrast: its square (1/m^4). order: exp(-q^2 u^2) (Z - 1) of the superlattice. solvent: dSigma/dOmega
    (1/m). window: dSigma/dOmega x thickness. added_attenuation: by unit phi of each class (1/m). path in m,
    lattice_constant in nm. interference: of dissolved particles, None: they do
    not see each other. repeated: what is scattered more than once, None: nothing is.
    """

    q: FloatArray
    diameter: FloatArray
    volume: FloatArray
    form: FloatArray
    squared: FloatArray
    contrast: float
    order: FloatArray
    solvent: FloatArray
    window: FloatArray
    added_attenuation: FloatArray
    solvent_attenuation: float
    window_transmission: float
    path: float
    lattice_constant: float
    interference: Interference | None = None
    repeated: Repeated | None = None

    def transmission(self, phi: FloatArray) -> FloatArray:
        """T of cell and content at class volume fractions phi (..., class)."""
        mu = self.solvent_attenuation + phi @ self.added_attenuation
        return np.asarray(self.window_transmission * transmission(mu, self.path))

    def dissolved(self, phi: FloatArray) -> FloatArray:
        """dSigma/dOmega (1/m) of separate spheres, phi (class,): sum of phi / v contrast^2 F^2."""
        return np.asarray(self.contrast * NM6 / NM3 * ((phi / self.volume) @ self.squared))

    def together(self, share: FloatArray, phi: FloatArray) -> FloatArray:
        """dSigma/dOmega (1/m) of dissolved particles that see each other, phi (part, class) in parts of the beam weighted by
        share (part,)."""
        alone = self.dissolved(share @ phi)
        if self.interference is None:
            return alone
        for weight, content in zip(share, phi, strict=True):
            change = self.interference.change(content / self.volume, self.q)
            alone = alone + weight * change * self.dissolved(content)
        return alone

    def crystalline(self, phi: FloatArray) -> FloatArray:
        """dSigma/dOmega (1/m) of the same particles in a superlattice, sizes and sites independent.

        n [<F^2> + <F>^2 exp(-q^2 u^2) (Z - 1)]: peaks, and the diffuse rest of displacements and sizes.
        """
        number = phi / self.volume
        total = number.sum()
        if total <= 0.0:
            return np.zeros_like(self.q)
        coherent = (number @ self.form) ** 2 / total * self.order
        return np.asarray(self.dissolved(phi) + self.contrast * NM6 / NM3 * coherent)


def scattering_cell(experiment: Experiment, q: FloatArray, diameter: FloatArray, shell: float) -> ScatteringCell:
    """The cell of an experiment for size classes of `diameter` (nm) with a dry `shell` (nm per side); q from 0 on."""
    solution, energy = experiment.solution, experiment.beam.energy_keV
    mu = attenuation(solution, energy_keV=energy)
    share = core_share(sc.array(dims=["class"], values=diameter, unit="nm"), dry_shell=quantity(shell, "nm"))
    lattice_constant = _lattice_constant(experiment, diameter)
    form = np.stack([amplitude(q, float(d), 0.0) for d in diameter])
    contrast, volume = contrast_per_m4(solution, energy), particle_volume(diameter, shell)
    once = contrast * NM6 / NM3 * form**2 / volume[:, None]
    return ScatteringCell(
        q=q,
        diameter=diameter,
        volume=volume,
        form=form,
        squared=form**2,
        contrast=contrast,
        order=superlattice_order(q, LATTICE, lattice_constant, PEAK_FWHM_PER_NM, DISPLACEMENT_NM**2).value,
        solvent=solvent_scattering(solution, q, energy_keV=energy, temperature_K=experiment.cell.temperature_K),
        window=window_scattering(q),
        added_attenuation=mu.of_particles(share.values),
        solvent_attenuation=mu.solvent,
        window_transmission=float(transmission(attenuation_per_m(*WINDOW, energy), WINDOW_PATH_M)),
        path=1e-3 * experiment.cell.path_length_mm,
        lattice_constant=lattice_constant,
        interference=Interference.of(experiment.imperfections, q, diameter, solvated_shell_nm(solution)),
        repeated=Repeated.of(q, once, energy) if experiment.imperfections.double_scattering else None,
    )


def solvent_scattering(
    solution: StartingSolution, q: FloatArray, *, energy_keV: float, temperature_K: float
) -> FloatArray:
    """dSigma/dOmega (1/m) of the solvent: rho^2 kT kappa at q = 0, 2.4 1/m for toluene.

    Thermal density fluctuations (Guinier & Fournet 1955); the rise with q^2 is chosen.
    """
    liquid = solvent_of(solution)
    rho = scattering_length_density_per_m2(liquid.formula, liquid.density_g_cm3, energy_keV)
    at_zero = rho**2 * BOLTZMANN_J_PER_K * temperature_K * 1e-9 * liquid.compressibility_per_GPa
    return np.asarray(at_zero * (1.0 + (q / SOLVENT_RISE_PER_NM) ** 2))


def window_scattering(q: FloatArray) -> FloatArray:
    """dSigma/dOmega x thickness of both windows, without unit."""
    power = (np.maximum(q, Q_FLOOR_PER_NM) / WINDOW_REFERENCE_PER_NM) ** -WINDOW_EXPONENT
    return np.asarray((WINDOW_POWER_PER_M * power + WINDOW_FLAT_PER_M) * WINDOW_PATH_M)


def _lattice_constant(experiment: Experiment, diameter: FloatArray) -> float:
    """That of the experiment, else of touching solvated particles of the middle class: sqrt 2 (d + 2 s)."""
    given, shell = experiment.growth.lattice_constant_nm, solvated_shell_nm(experiment.solution)
    return float(np.sqrt(2.0) * (np.median(diameter) + 2.0 * shell)) if given is None else given
