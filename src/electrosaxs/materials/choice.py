"""The materials of a solution: the file's own tables first, then the built-in ones."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from ..errors import InputFileError, bad_value
from ..nouns.material import Core, Ligand, Material, OwnMaterials, Solvent
from ..nouns.run import Solution
from .cores import CORES
from .ligands import LIGANDS
from .solvents import SOLVENTS
from .xrays import molar_mass_g_mol

TABLES: dict[str, Mapping[str, Material]] = {"core": CORES, "ligand": LIGANDS, "solvent": SOLVENTS}
KEYS = {
    "core": "formula and density_g_cm3",
    "ligand": "formula, density_g_cm3, dry_shell_nm and solvated_shell_nm",
    "solvent": "formula, density_g_cm3, viscosity_uPa_s, permittivity and compressibility_per_GPa",
}
Entry = TypeVar("Entry", bound=Material)


def core_of(solution: Solution) -> Core:
    """The core of a solution; InputFileError lists the known ones."""
    return _named("core", solution.core, solution.materials.core, CORES)


def ligand_of(solution: Solution) -> Ligand:
    """The ligand of a solution."""
    return _named("ligand", solution.ligand, solution.materials.ligand, LIGANDS)


def solvent_of(solution: Solution) -> Solvent:
    """The solvent of a solution."""
    return _named("solvent", solution.solvent, solution.materials.solvent, SOLVENTS)


def core_named(name: str) -> Core:
    """The built-in core of that name; InputFileError lists the known ones."""
    return _named("core", name, {}, CORES)


def ligand_named(name: str) -> Ligand:
    """The built-in ligand of that name."""
    return _named("ligand", name, {}, LIGANDS)


def _named(kind: str, name: str, own: Mapping[str, Entry], built_in: Mapping[str, Entry]) -> Entry:
    """The entry of that name or other name; capitals do not matter where only one entry fits."""
    if name in own:
        return own[name]
    names = {other: entry for first, entry in built_in.items() for other in (first, *entry.also)}
    if name in names:
        return names[name]
    fitting = [entry for other, entry in names.items() if other.casefold() == name.casefold()]
    if len(fitting) == 1:
        return fitting[0]
    near = difflib.get_close_matches(name, [*own, *names], n=1, cutoff=0.75)
    raise bad_value(
        InputFileError, where="experiment", field=f"solution.{kind}", value=f'"{name}"',
        rule=f"is no {kind} that is known ({', '.join(dict.fromkeys([*own, *built_in]))})",
        remedy=(f"did you mean {near[0]}? or " if near else "use one of these, or ")
        + f"describe it in a table [materials.{kind}.{_key(name)}] with {KEYS[kind]}",
    )  # fmt: skip


MOLAR_MASS_WITHIN = 0.02


def check_own(own: OwnMaterials) -> None:
    """InputFileError where a formula of the file's own tables is none, or is not of the molar mass beside it."""
    tables: dict[str, Mapping[str, Material]] = {"core": own.core, "ligand": own.ligand, "solvent": own.solvent}
    for kind, table in tables.items():
        for name, material in table.items():
            where = f"materials.{kind}.{_key(name)}"
            try:
                mass = molar_mass_g_mol(material.formula)
            except (ValueError, KeyError, IndexError, AttributeError):
                raise bad_value(
                    InputFileError, where="experiment", field=f"{where}.formula", value=f'"{material.formula}"',
                    rule="is no chemical formula", remedy="give elements and numbers, for example C18H33O2 or PbSe",
                ) from None  # fmt: skip
            given = material.molar_mass_g_mol if isinstance(material, Ligand) else None
            if given is not None and abs(given / mass - 1.0) > MOLAR_MASS_WITHIN:
                raise bad_value(
                    InputFileError, where="experiment", field=f"{where}.molar_mass_g_mol", value=f"{given:g}",
                    rule=f"is not that of {material.formula}, {mass:.2f} g/mol", remedy="correct one of the two",
                )  # fmt: skip


def _key(name: str) -> str:
    """A name as a key of TOML."""
    bare = name.isascii() and bool(name) and all(c.isalnum() or c in "-_" for c in name)
    return name if bare else f'"{name}"'
