"""The materials that a run or an experiment names, looked up before anything else is done with it."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputFileError
from ..materials import core, ligand, solvent
from ..nouns import Solution


def check_materials(solution: Solution, *, where: str | Path) -> None:
    """Raises InputFileError, naming the file `where` and the known names, for a core, ligand or solvent that is not known."""
    try:
        core(solution.core), ligand(solution.ligand), solvent(solution.solvent)
    except InputFileError as error:
        raise InputFileError(f"{where}: {error}") from None
