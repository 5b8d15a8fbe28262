"""Plain I(q) files -> invariant, spheres, S(q) and lattice, per curve and as a table.

`<out>/curves.csv`, `report.html`, and per curve `<name>/numbers.json`, `fit.csv`, `figure.png`, `figure.svg`.
A missing file is refused before anything is done. One that cannot be read, and a curve without an answer, keep their row
with the reason and do not cost the others; only where none gives an answer is that an error.
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
from ..settings import as_paths
from .output import write_curve, write_overview
from .study import CurveResult, NoAnswer, answer

WORKERS = 2
log = logging.getLogger(__name__)


def analyse_curves(
    files: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    q_unit: str | None = None,
    contrast_per_A2: float | None = None,
    progress: Progress | None = None,
) -> list[CurveResult | NoAnswer]:
    """Analyse every curve of `files` and write the results folder `out`; one result per curve, in order.

    q_unit: "1/nm" or "1/A" where a file does not say it. contrast_per_A2: difference of scattering length density
    (1/A^2) where I is absolute, in 1/cm: gives the volume fraction. Raises InputFileError where a file is missing,
    before any work, and where no file gives an answer, after curves.csv is written.

    >>> from electrosaxs import analyse_curves
    >>> numbers = [curve.numbers for curve in analyse_curves(["a.dat", "b.h5"], "curves")]
    """
    files = as_paths(files)
    _check(files, q_unit, contrast_per_A2)
    with writing(out, command="curves", over="curves") as folder:
        results = _analysed(files, folder, q_unit, contrast_per_A2, progress)
    if not any(isinstance(result, CurveResult) for result in results):
        raise InputFileError("; ".join(dict.fromkeys(left_out(results))))
    return results


def _analysed(
    files: Sequence[str | Path],
    out: Path,
    q_unit: str | None,
    contrast_per_A2: float | None,
    progress: Progress | None,
) -> list[CurveResult | NoAnswer]:
    """One result per curve, each written as soon as it is there; the table and the page also where the rest is cut off."""
    read = _read(files, q_unit)
    results: list[CurveResult | NoAnswer] = []
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            tasks = [
                (
                    path,
                    name,
                    pool.submit(answer, path, name, curve, contrast_per_A2) if isinstance(curve, Curve) else curve,
                )
                for path, name, curve in read
            ]
            for path, name, task in over(progress, tasks, stage="curves", total=len(tasks)):
                one = NoAnswer(path, name, task) if isinstance(task, str) else task.result()
                log.info("%s: %s", path, _in_words(one))
                if isinstance(one, CurveResult):
                    write_curve(out, one, absolute=contrast_per_A2 is not None)
                results.append(one)
    finally:
        if results:
            settings = {"q_unit": q_unit, "contrast_per_A2": contrast_per_A2}
            write_provenance(out, "curves", settings, inputs=[result.file for result in results])
            write_overview(out, results)
    return results


def left_out(table: Sequence[CurveResult | NoAnswer]) -> list[str]:
    """One line for each file or curve without an answer: file and reason."""
    gone = [result for result in table if isinstance(result, NoAnswer)]
    return [one.reason if str(one.file) in one.reason else f"{one.file}: {one.reason}" for one in gone]


def summary(table: Sequence[CurveResult | NoAnswer], out: str | Path) -> str:
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
    missing = [path for path in map(Path, files) if not path.exists()]
    if missing:
        raise bad_value(
            InputFileError, where=missing[0], field="file", value=", ".join(path.name for path in missing),
            rule="no such file, nothing was analysed", remedy="correct the path",
        )  # fmt: skip
    if q_unit is not None:
        unit_factor(Path(files[0]), q_unit)
    if contrast_per_A2 is not None and not (np.isfinite(contrast_per_A2) and contrast_per_A2 != 0.0):
        raise bad_value(
            InputFileError, where="curves", field="contrast_per_A2", value=contrast_per_A2,
            rule="must be a finite number other than 0",
            remedy="give the difference of scattering length density in 1/A^2, for example 2.2e-6",
        )  # fmt: skip


def _read(files: Sequence[str | Path], q_unit: str | None) -> list[tuple[Path, str, Curve | str]]:
    """(file, folder name, curve) of each curve, and why not in place of the curve for a file that cannot be read."""
    found: list[tuple[Path, str, Curve | str]] = []
    taken: set[str] = set()
    for path in map(Path, files):
        try:
            curves: Sequence[Curve | str] = read_curve(path, q_unit=q_unit)
        except ElectrosaxsError as error:
            curves = [str(error)]
        for number, curve in enumerate(curves, start=1):
            name = _unused(path.stem if len(curves) == 1 else f"{path.stem}_{number}", taken)
            found.append((path, name, curve))
    return found


def _unused(name: str, taken: set[str]) -> str:
    """A folder name from `name` that no curve has yet; remembers it in `taken`."""
    plain = re.sub(r"[^\w.+-]+", "_", name).strip("._") or "curve"
    names: Iterator[str] = (plain if n == 1 else f"{plain}-{n}" for n in range(1, len(taken) + 2))
    unused = next(one for one in names if one.casefold() not in taken)
    taken.add(unused.casefold())
    return unused


def _in_words(result: CurveResult | NoAnswer) -> str:
    if isinstance(result, NoAnswer):
        return f"no answer: {result.reason}"
    parts = []
    if result.spheres.found:
        d, delta = (_text(result.numbers[name]) for name in ("diameter", "deviation"))
        parts.append(f"d = {d} nm, delta = {delta} nm ({result.spheres.kind})")
    else:
        parts.append("no sizes")
    phi = result.numbers.get("volume_fraction")
    if phi is not None:
        parts.append(f"phi = {_text(phi)}")
    found = result.assignment
    parts.append(found.verdict if found.lattice is None else f"{found.lattice}, a = {_text(found.a)} nm")
    return "; ".join([*parts, *result.flags])


def _text(number: Number) -> str:
    return "unknown" if number.value is None else value_with_sigma(number.value, number.sigma)
