"""Plain I(q) files -> invariant, spheres, S(q) and lattice, per curve and as a table.

`<out>/curves.csv`, `report.html`, and per curve `<name>/numbers.json`, `fit.csv`, `figure.png`, `figure.svg`.
A file that cannot be analysed does not cost the others: all are tried, what can be is written, and then one error
names those that could not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ...errors import ElectrosaxsError, InputFileError, bad_value
from ...figures.digits import value_with_sigma
from ...io.curve import Curve, unit_factor
from ...io.curves import read_curve
from ...nouns import Number
from ...report.provenance import write_provenance
from ..output_folder import writing
from ..progress import Progress, over
from .output import write_curve, write_overview
from .study import CurveResult, study

WORKERS = 2
log = logging.getLogger(__name__)


def analyse_curves(
    files: Sequence[str | Path],
    out: str | Path,
    *,
    q_unit: str | None = None,
    contrast_per_A2: float | None = None,
    progress: Progress | None = None,
) -> list[CurveResult]:
    """Analyse every curve of `files` and write the results folder `out`; returns one result per curve.

    q_unit: "1/nm" or "1/A" where a file does not say it. contrast_per_A2: difference of scattering length density
    (1/A^2) where I is absolute, in 1/cm: gives the volume fraction. Raises InputFileError where a file cannot be
    analysed, after the results of all others are written.

    >>> from electrosaxs import analyse_curves
    >>> numbers = [curve.numbers for curve in analyse_curves(["a.dat", "b.h5"], "curves")]
    """
    _check(files, q_unit, contrast_per_A2)
    with writing(out, command="curves", over="curves") as folder:
        return _analysed(files, folder, q_unit, contrast_per_A2, progress)


def _analysed(
    files: Sequence[str | Path],
    out: Path,
    q_unit: str | None,
    contrast_per_A2: float | None,
    progress: Progress | None,
) -> list[CurveResult]:
    """The results of all files that can be analysed, written; then InputFileError for the others."""
    curves, wrong = _read(files, q_unit)
    results = []
    with ThreadPoolExecutor(WORKERS) as pool:
        tasks = [(path, pool.submit(study, path, name, curve, contrast_per_A2)) for path, name, curve in curves]
        for path, task in over(progress, tasks, stage="curves", total=len(tasks)):
            try:
                results.append(task.result())
            except ElectrosaxsError as error:
                wrong.append(f"{path}: {error}")
                continue
            log.info("%s: %s", path, _in_words(results[-1]))
            write_curve(out, results[-1], absolute=contrast_per_A2 is not None)
    if results:
        settings = {"q_unit": q_unit, "contrast_per_A2": contrast_per_A2}
        write_provenance(out, "curves", settings, inputs=[result.file for result in results])
        write_overview(out, results)
    if wrong:
        raise InputFileError(_complaint(wrong, len(results), out))
    return results


def summary(table: Sequence[CurveResult], out: str | Path) -> str:
    """One line per curve for the terminal: sizes, volume fraction where it is known, and the lattice's verdict."""
    width = max((len(result.name) for result in table), default=0)
    lines = [f"{result.name:<{width}}  {_in_words(result)}" for result in table]
    return "\n".join([*lines, f"wrote {Path(out) / 'curves.csv'} and {Path(out) / 'report.html'}"])


def _check(files: Sequence[str | Path], q_unit: str | None, contrast_per_A2: float | None) -> None:
    if not files:
        raise bad_value(
            InputFileError, where="curves", field="files", value="none", rule="at least one curve is needed",
            remedy="give the paths of I(q) files",
        )  # fmt: skip
    if q_unit is not None:
        unit_factor(Path(files[0]), q_unit)
    if contrast_per_A2 is not None and not (np.isfinite(contrast_per_A2) and contrast_per_A2 != 0.0):
        raise bad_value(
            InputFileError, where="curves", field="contrast_per_A2", value=contrast_per_A2,
            rule="must be a finite number other than 0",
            remedy="give the difference of scattering length density in 1/A^2, for example 2.2e-6",
        )  # fmt: skip


def _read(files: Sequence[str | Path], q_unit: str | None) -> tuple[list[tuple[Path, str, Curve]], list[str]]:
    """(file, folder name, curve) of all that can be read, and the complaints about the others."""
    found: list[tuple[Path, str, Curve]] = []
    wrong: list[str] = []
    taken: set[str] = set()
    for path in map(Path, files):
        try:
            curves = read_curve(path, q_unit=q_unit)
        except ElectrosaxsError as error:
            wrong.append(str(error))
            continue
        for number, curve in enumerate(curves, start=1):
            name = _unused(path.stem if len(curves) == 1 else f"{path.stem}_{number}", taken)
            found.append((path, name, curve))
    return found, wrong


def _unused(name: str, taken: set[str]) -> str:
    """A folder name from `name` that no curve has yet; remembers it in `taken`."""
    plain = re.sub(r"[^\w.+-]+", "_", name).strip("._") or "curve"
    names: Iterator[str] = (plain if n == 1 else f"{plain}-{n}" for n in range(1, len(taken) + 2))
    unused = next(one for one in names if one.casefold() not in taken)
    taken.add(unused.casefold())
    return unused


def _complaint(wrong: Sequence[str], done: int, out: Path) -> str:
    if len(wrong) == 1 and done == 0:
        return wrong[0]
    rest = f"; the results of the {done} other curve(s) are in {out}" if done else ""
    count = f"{len(wrong)} files could not be analysed: " if len(wrong) > 1 else ""
    return count + "; ".join(wrong) + rest


def _in_words(result: CurveResult) -> str:
    parts = []
    if result.spheres.found:
        d, delta = (_text(result.numbers[name]) for name in ("diameter", "deviation"))
        parts.append(f"d = {d} nm, delta = {delta} nm ({result.spheres.kind})")
    phi = result.numbers.get("volume_fraction")
    if phi is not None:
        parts.append(f"phi = {_text(phi)}")
    found = result.assignment
    parts.append(found.verdict if found.lattice is None else f"{found.lattice}, a = {_text(found.a)} nm")
    return "; ".join([*parts, *result.flags])


def _text(number: Number) -> str:
    return "unknown" if number.value is None else value_with_sigma(number.value, number.sigma)
