"""Mass of particles per volume of solution, as a chemist weighs it, to the volume fraction of core and dry shell."""

from __future__ import annotations

from typing import TypeVar

from ..errors import InputFileError, bad_value
from ..materials import core_of, ligand_of
from ..nouns import FloatArray, Solution
from ..nouns.run import DENSEST

Kind = TypeVar("Kind", bound=Solution)
MG_PER_ML = 1e3
"""In 1 g/cm3."""


def share_of_cores(diameter_nm: FloatArray, number: FloatArray, *, dry_shell_nm: float) -> float:
    """Volume of the cores over that of core and dry shell, <d^3> / <(d + 2 s)^3>, means over the particles."""
    return float((number @ diameter_nm**3) / (number @ (diameter_nm + 2.0 * dry_shell_nm) ** 3))


def particle_density_g_cm3(solution: Solution, core_share: float) -> float:
    """What is weighed of a particle over its volume with the dry shell: s rho_core, and (1 - s) rho_ligand but where
    solution.mass is that of the cores alone."""
    cores = core_share * core_of(solution).density_g_cm3
    shells = (1.0 - core_share) * ligand_of(solution).density_g_cm3
    return cores if solution.mass == "core" else cores + shells


def with_volume_fraction(solution: Kind, core_share: float) -> Kind:
    """The solution with phi = c / rho instead of its concentration; unchanged where it has a volume fraction.

    InputFileError where more is weighed than fits into the volume.

    rho: `particle_density_g_cm3`. 1 mg/mL of silver alone is phi = 2.2e-4 of 7.1 nm cores with dodecanethiol.
    """
    concentration, sigma = solution.concentration_mg_mL, solution.concentration_mg_mL_sigma
    if concentration is None:
        return solution
    density = MG_PER_ML * particle_density_g_cm3(solution, core_share)
    if concentration > DENSEST * density:
        raise bad_value(
            InputFileError, where="experiment", field="solution.concentration_mg_mL", value=f"{concentration:g}",
            rule=f"is a volume fraction of {concentration / density:.3g}, and spheres cannot be packed beyond {DENSEST:g}",
            remedy="give mg per mL of the solution",
        )  # fmt: skip
    known = {
        "volume_fraction": concentration / density,
        "volume_fraction_sigma": None if sigma is None else sigma / density,
        "concentration_mg_mL": None,
        "concentration_mg_mL_sigma": None,
        "mass": None,
    }
    return solution.model_copy(update=known)


def concentration_words(solution: Solution, known: Solution) -> str:
    """What was converted, as a sentence; `known`: the same solution with its volume fraction."""
    return (
        f"volume_fraction = {known.volume_fraction:.4g} follows from {solution.concentration_mg_mL:g} mg/mL of "
        f"{solution.mass}, with {solution.core}, {solution.ligand} and the sizes of the starting solution"
    )
