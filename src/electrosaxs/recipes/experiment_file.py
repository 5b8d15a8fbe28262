"""An experiment as a recipe takes it: settings, the table of sizes beside them, and whose mistakes they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ElectrosaxsError, InputFileError
from ..io.run_toml import read_experiment
from ..io.size_table import read_size_table
from ..materials import core, ligand, solvent
from ..nouns import Experiment, Solution
from ..transport import SizeClasses


def read_with_sizes(experiment: str | Path | Experiment) -> tuple[Experiment, SizeClasses | None, str]:
    """Settings, size classes (None where they are a Gaussian), and the name under which mistakes are reported.

    Raises InputFileError for a bad file, a bad table of sizes and materials that are not known.
    """
    settings = experiment if isinstance(experiment, Experiment) else read_experiment(experiment)
    source = "experiment" if isinstance(experiment, Experiment) else str(experiment)
    check_materials(settings.solution, where=source)
    return settings, size_table(settings), source


def check_materials(solution: Solution, *, where: str | Path) -> None:
    """Raises InputFileError, naming the file `where` and the known names, for a core, ligand or solvent that is not known."""
    try:
        core(solution.core), ligand(solution.ligand), solvent(solution.solvent)
    except InputFileError as error:
        raise InputFileError(f"{where}: {error}") from None


@contextmanager
def named(source: str) -> Iterator[None]:
    """Mistakes of an experiment, named after the file it came from."""
    try:
        yield
    except ElectrosaxsError as error:
        raise type(error)(f"{source}: {str(error).removeprefix('experiment: ').removeprefix(f'{source}: ')}") from None


def size_table(settings: Experiment) -> SizeClasses | None:
    """The table of sizes, columns diameter_nm and number; None where the experiment gives a Gaussian."""
    path = settings.solution.distribution
    if path is None:
        return None
    try:
        return SizeClasses.from_table(*read_size_table(path))
    except ElectrosaxsError as error:
        raise InputFileError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
