"""One particle in a solvent: size, drag, diffusion, drift; and the three volumes that a "volume fraction" can mean.

Core diameter d, hydrodynamic diameter d_h = d + 2 x solvated shell, dry diameter d + 2 x dry shell. Inputs and results
are scipp quantities (scalars or arrays over size classes). Sources: Einstein 1905, Stokes 1851; the numbers in the
docstrings are for 7.1 nm silver cores with dodecanethiol in toluene at 298.15 K (Yu 2018).
"""

from __future__ import annotations

from math import pi

import numpy as np
import scipp as sc

from ..materials import ligand_of
from ..nouns import FloatArray, Solution
from ..units import in_unit
from .electrostatics import e, k, thermal_voltage

SHELL_SIGMA, VISCOSITY_SIGMA = 0.2, 0.02
REFERENCE_DIAMETER_NM = 7.1
"""Core diameter on which an effective charge is stated: the mean core of Yu 2018."""


def dry_shell_nm(solution: Solution) -> float:
    """Thickness of the dry ligand per side (nm): as given, 0 included, or the ligand's own."""
    given = solution.dry_shell_nm
    return ligand_of(solution).dry_shell_nm if given is None else given


def solvated_shell_nm(solution: Solution) -> float:
    """Thickness of the ligand in the solvent per side (nm): as given, 0 included, or the ligand's own."""
    given = solution.solvated_shell_nm
    return ligand_of(solution).solvated_shell_nm if given is None else given


def diffusivity_sigma(core_nm: float, solution: Solution) -> float:
    """Relative, of `diffusivity`: a solvated shell known to a fifth, viscosity tables to 2 % (chosen)."""
    shell = 2.0 * solvated_shell_nm(solution)
    return float(np.hypot(SHELL_SIGMA * shell / (core_nm + shell), VISCOSITY_SIGMA))


def hydrodynamic_diameter(core_diameter: sc.Variable, *, solvated_shell: sc.Variable) -> sc.Variable:
    """d_h = d + 2 s: 10.68 nm."""
    return core_diameter + 2.0 * solvated_shell.to(unit=core_diameter.unit)


def stokes_drag(hydrodynamic: sc.Variable, *, viscosity: sc.Variable) -> sc.Variable:
    """Force per speed, 3 pi eta d_h, in kg/s; no slip, far from walls."""
    return (3.0 * pi * viscosity * hydrodynamic).to(unit="kg/s")


def diffusivity(hydrodynamic: sc.Variable, *, viscosity: sc.Variable, temperature: sc.Variable) -> sc.Variable:
    """D = kT / (3 pi eta d_h): 7.4e-11 m2/s; dilute."""
    return (k * temperature / stokes_drag(hydrodynamic, viscosity=viscosity)).to(unit="m^2/s")


def mobility_per_charge(hydrodynamic: sc.Variable, *, viscosity: sc.Variable) -> sc.Variable:
    """Drift speed per field and elementary charge, e / (3 pi eta d_h): 2.87e-9 m2/(V s).

    Hueckel limit: the screening length is far above the particle (apolar solvent).
    """
    return (e / stokes_drag(hydrodynamic, viscosity=viscosity)).to(unit="m^2/(V*s)")


def effective_charge(core_diameter: sc.Variable, *, reference_charge: float, exponent: float) -> sc.Variable:
    """z_eff(d) = z_ref (d / 7.1 nm)^p, elementary charges, positive towards the anode. p = 2: surface charge."""
    ratio = core_diameter.to(unit="nm", dtype="float64") / sc.scalar(REFERENCE_DIAMETER_NM, unit="nm")
    return reference_charge * ratio**exponent


def drift_speed(mobility: sc.Variable, charge: sc.Variable | float, field: sc.Variable) -> sc.Variable:
    """v = z_eff e E / (3 pi eta d_h) in m/s, positive towards the anode (z = 0)."""
    return (mobility * charge * field).to(unit="m/s")


def peclet_number(charge: float, *, voltage: sc.Variable, temperature: sc.Variable) -> float:
    """Pe = v L / D = z_eff V / (kT/e): drift against diffusion over the gap; neither size nor gap enters."""
    return charge * in_unit(voltage, "V") / in_unit(thermal_voltage(temperature), "V")


def decay_length(diffusion: sc.Variable, drift: sc.Variable) -> sc.Variable:
    """ell = D / v in um: the height over which the steady profile falls by e."""
    return (diffusion / drift).to(unit="um")


def slowest_relaxation(diffusion: sc.Variable, drift: sc.Variable, gap: sc.Variable) -> sc.Variable:
    """1 / (D (pi/L)^2 + v^2 / 4D) in s: the last mode between closed walls (Mason & Weaver 1924)."""
    spreading = (diffusion * (pi / gap) ** 2).to(unit="1/s")
    drifting = (drift**2 / (4.0 * diffusion)).to(unit="1/s")
    return sc.reciprocal(spreading + drifting)


def dry_volume(core_diameter: sc.Variable, *, dry_shell: sc.Variable) -> sc.Variable:
    """Volume of core and dry shell, pi/6 (d + 2 s)^3, in nm3: what phi counts."""
    diameter = core_diameter.to(unit="nm") + 2.0 * dry_shell.to(unit="nm")
    return (np.pi / 6.0) * diameter**3


def core_share(core_diameter: sc.Variable, *, dry_shell: sc.Variable) -> sc.Variable:
    """Core volume over core + dry shell, (d / (d + 2 s))^3: 0.44. Core fraction = phi x this, for one size."""
    return (core_diameter / (core_diameter + 2.0 * dry_shell.to(unit=core_diameter.unit))) ** 3


def hydrodynamic_share(
    core_diameter: sc.Variable, *, dry_shell: sc.Variable, solvated_shell: sc.Variable
) -> sc.Variable:
    """Hydrodynamic volume over core + dry shell: 1.50. Hydrodynamic fraction = phi x this, for one size."""
    unit = core_diameter.unit
    wet = hydrodynamic_diameter(core_diameter, solvated_shell=solvated_shell)
    return (wet / (core_diameter + 2.0 * dry_shell.to(unit=unit))) ** 3


FREEZING = 0.494
"""Volume fraction at which hard spheres freeze: the fluid's equation of state ends there (Hoover & Ree 1968)."""


def excess_chemical_potential(fraction: FloatArray) -> FloatArray:
    """mu_ex / kT of hard spheres, (8 f - 9 f^2 + 3 f^3) / (1 - f)^3, f the hydrodynamic volume fraction.

    From Carnahan & Starling 1969; within 0.3 % of simulations up to freezing. Its gradient drives particles apart:
    f d(mu_ex)/dz = d(f Z - f)/dz, so that for one size D df/dz becomes the collective D d(f Z)/df df/dz.
    """
    f = np.asarray(fraction, dtype=np.float64)
    return np.asarray(f * (8.0 - 9.0 * f + 3.0 * f * f) / (1.0 - f) ** 3)


def collective_factor(fraction: FloatArray) -> FloatArray:
    """D_c / D = d(f Z)/df = ((1 + 2 f)^2 + f^3 (f - 4)) / (1 - f)^4 of hard spheres (Carnahan & Starling 1969).

    1 + 8 f when dilute: 1.13 at phi = 1.1 %. Equilibrium only: the hindrance by the back-flow of the solvent, 1 - 6.55 f
    when dilute (Batchelor 1972), slows drift and diffusion alike, leaves profiles in equilibrium and is left out.
    """
    f = np.asarray(fraction, dtype=np.float64)
    return np.asarray(((1.0 + 2.0 * f) ** 2 + f**3 * (f - 4.0)) / (1.0 - f) ** 4)
