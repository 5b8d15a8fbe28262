"""An experiment as a recipe takes it: settings, the table of sizes beside them, and whose mistakes they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ElectrosaxsError, InputFileError
from ..io.run_toml import read_experiment
from ..io.size_table import read_size_table
from ..materials import check_own, core_of, ligand_of, solvent_of
from ..nouns import Experiment, Solution
from ..nouns.experiment import check_lattice
from ..nouns.settings import WrongSetting
from ..physics.colloid import dry_shell_nm
from ..physics.concentration import share_of_cores, with_volume_fraction
from ..transport import SizeClasses
from ..twin.cell import starting_classes


def read_with_sizes(experiment: str | Path | Experiment) -> tuple[Experiment, SizeClasses | None, str]:
    """Settings, size classes (None where they are a Gaussian), and the name under which mistakes are reported.

    A concentration in mg/mL has become a volume fraction. Raises InputFileError for a bad file, a bad table of sizes and
    materials that are not known.
    """
    settings = experiment if isinstance(experiment, Experiment) else read_experiment(experiment)
    source = "experiment" if isinstance(experiment, Experiment) else str(experiment)
    check_materials(settings.solution, where=source)
    sizes = size_table(settings)
    with named(source):
        classes = starting_classes(settings, sizes)
        try:
            check_lattice(settings.growth, settings.solution, classes.mean_nm())
        except WrongSetting as error:
            raise InputFileError(str(error)) from None
        share = share_of_cores(classes.diameter_nm, classes.number, dry_shell_nm=dry_shell_nm(settings.solution))
        solution = with_volume_fraction(settings.solution, share)
    return settings.model_copy(update={"solution": solution}), sizes, source


def check_materials(solution: Solution, *, where: str | Path) -> None:
    """Raises InputFileError, naming the file `where` and the known names, for a core, ligand or solvent that is not known,
    and for a formula of the file's own that is none."""
    with named(str(where)):
        core_of(solution), ligand_of(solution), solvent_of(solution)
        check_own(solution.materials)


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
