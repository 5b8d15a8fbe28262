"""An experiment as a recipe takes it: settings, the table of sizes beside them, and whose mistakes they are."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..errors import ElectrosaxsError, InputFileError, bad_value
from ..io.run_toml import read_experiment
from ..materials import core, ligand, solvent
from ..nouns import Experiment, FloatArray, Solution
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

    def refuse(field: str, value: object, rule: str) -> Exception:
        remedy = "give columns diameter_nm and number, one row per size"
        return bad_value(InputFileError, where=path, field=field, value=value, rule=rule, remedy=remedy)

    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), skipinitialspace=True))
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("file", path.name, f"cannot be read ({error})") from None
    columns = {name: _column(rows, name, refuse) for name in ("diameter_nm", "number")}
    try:
        return SizeClasses.from_table(columns["diameter_nm"], columns["number"])
    except ElectrosaxsError as error:
        raise InputFileError(f"{path}: {error}") from None


def _column(rows: list[dict[str, str]], name: str, refuse: Callable[[str, object, str], Exception]) -> FloatArray:
    if not rows or name not in rows[0]:
        raise refuse(name, "missing", "this column is required")
    values = np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            values[i] = float(row[name])
        except (TypeError, ValueError):
            raise refuse(f"row {i + 1}, {name}", repr(row[name]), "is not a number") from None
    return values
