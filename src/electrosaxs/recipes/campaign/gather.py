"""Finished results to members: the headline numbers of runs, films and micrographs, and what figures are drawn from."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipp as sc

from ... import __version__
from ...errors import ElectrosaxsError, InputFileError, UnitError, bad_value
from ...io.film_results import read_radial_intensity
from ...io.island_files import read_island_curves
from ...io.numbers_json import read_numbers
from ...io.written_by import version_of, written_by
from ...nouns import Number, RunResults
from ...nouns.campaign import ExSituCell, Kind
from ...nouns.run import SLICE_UM
from ...nouns.trends import Member
from ...nouns.voltage_pieces import main_piece, pieces
from ...physics.lattices import lattice_named
from ...units import in_unit, quantity
from ..results_folder import RESULTS, read_results
from .members import NUMBERS, Task
from .points import GOOD

WRITERS: dict[str, Kind] = {"gisaxs": "film", "islands": "micrographs"}
"""Commands whose results are no run."""
LARGEST_CHANGE = 0.02
"""Of the voltage over a run, relative to its largest, that is not worth a note."""
DENSITY_UNIT = "1/mm^2"
UNITS = {
    "slice_flux": "m/s", "supply_flux": "m/s", "onset_time": "s", "lattice_constant_solvated": "nm",
    "lattice_constant_dried": "nm", "lattice_constant_volume": "nm", "anode_diameter": "nm", "starting_diameter": "nm",
    "area": "mm^2",
}  # fmt: skip
"""Of numbers that members are compared by, in which they are compared."""
ASSIGNMENT = "assignment.json"
log = logging.getLogger(__name__)


def member(task: Task, trouble: str = "") -> Member:
    """The member that a task left; one with a reason where it could not be computed or cannot be read."""
    bare = _bare(task)
    if task.refused is not None:
        trouble = task.refused.reason
    if not trouble:
        try:
            _check_kind(task)
            return _with_version(_computed(task, bare), task)
        except ElectrosaxsError as error:
            trouble = str(error)
    log.warning("%s %s: %s", task.kind, task.name, trouble)
    return replace(bare, reason=trouble)


def _computed(task: Task, bare: Member) -> Member:
    """What lies in the results folder of a task."""
    if task.kind == "run":
        return _run(task)
    numbers = in_common_units(read_numbers(task.results / NUMBERS))
    if task.kind == "micrographs":
        return replace(bare, numbers=_of_islands(numbers), curves=read_island_curves(task.results / RESULTS))
    radial = read_radial_intensity(task.results / RESULTS)
    return replace(bare, numbers=numbers, lattice=_lattice(task.results), radial=radial)


def _with_version(one: Member, task: Task) -> Member:
    """The member, with a note where another version computed it: what it did otherwise is not known here."""
    by = version_of(task.results) if task.results.is_dir() else None
    if by in (None, __version__):
        return one
    return replace(one, notes=(*one.notes, f"computed by electrosaxs {by}, and this is {__version__}"))


def _bare(task: Task) -> Member:
    """What the file says of a member."""
    folder, cell = task.results if task.results.is_dir() else None, task.cell
    if task.refused is not None:
        return Member(task.kind, task.name, task.refused.voltage_V, task.refused.gap_mm, task.refused.duration_s)
    if cell is None:
        return Member(task.kind, task.name, folder=folder)
    return Member(task.kind, task.name, cell.voltage_V, cell.gap_mm, cell.duration_s, _relative(cell), folder=folder)


def _check_kind(task: Task) -> None:
    """InputFileError where the folder is not there, or holds the results of another command."""
    found = written_by(task.results) if task.results.is_dir() else None
    kind: Kind = WRITERS.get(found or "", "run")
    if not task.results.exists():
        rule = "no such file or folder"
    elif found is not None and kind != task.kind:
        rule = f"holds the results of electrosaxs {found}, and a {task.kind} was expected"
    elif not (task.results / NUMBERS).is_file() and task.kind != "run":
        rule = f"holds no {NUMBERS}"
    else:
        return
    raise bad_value(
        InputFileError, where=task.results, field=task.kind, value=task.results.name, rule=rule,
        remedy="give run.toml, or the --out folder of electrosaxs analyse, gisaxs or islands",
    )  # fmt: skip


def _relative(cell: ExSituCell) -> float:
    """Relative sigma of the field, as far as it is stated."""
    return float(np.hypot((cell.voltage_V_sigma or 0.0) / cell.voltage_V, (cell.gap_mm_sigma or 0.0) / cell.gap_mm))


def _lattice(folder: Path) -> str | None:
    """The lattice in assignment.json, None where none was found. InputFileError where the file cannot be read, or names no
    lattice that is known."""
    file = folder / ASSIGNMENT
    remedy = "run electrosaxs gisaxs again, or give images instead of results"
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        rule, shown = "no such file: the lattice of the film is not known", "missing"
    except (OSError, ValueError) as error:
        rule, shown = "must be JSON, as gisaxs writes it", " ".join(str(error).split())
    else:
        found = record.get("lattice") if isinstance(record, dict) else None
        if isinstance(found, str):
            if found != "none":
                lattice_named(found, where=str(file))
            return None if found == "none" else found
        rule, shown = "must name a lattice or none", json.dumps(found)
    raise bad_value(InputFileError, where=file, field="lattice", value=shown, rule=rule, remedy=remedy)


def _run(task: Task) -> Member:
    results = read_results(task.results)
    file = task.results / NUMBERS if task.results.is_dir() else task.results
    numbers = dict(results.numbers) if not file.is_file() or file.suffix != ".json" else read_numbers(file)
    numbers = in_common_units(numbers)
    cell = results.settings.get("cell", {})
    voltage, note = run_voltage(results)
    gap = cell.get("gap_mm") if isinstance(cell, Mapping) else None
    numbers["crystallised_amount"] = crystallised_amount(results)
    slice_um = results.settings.get("analysis", {}).get("slice_um", SLICE_UM)
    other_slice = (
        "" if slice_um == SLICE_UM else f"its slice fluxes are of {slice_um:g} um, not of {SLICE_UM:g} as others'"
    )
    notes = tuple(text for text in (note, other_slice) if text)
    times = results.volume_fraction.coord("time")
    return Member(
        "run", task.name, voltage, None if gap is None else float(gap), float(np.nanmax(times)) if times.size else None,
        _run_sigma(results, voltage, gap), numbers, notes=notes, folder=task.results, run=results,
        lattice=None if results.assignment is None else results.assignment.lattice,
    )  # fmt: skip


def run_voltage(results: RunResults) -> tuple[float | None, str]:
    """The voltage (V) that a run stands for, and a note where it varies: that of the piece that its rates are of, where it has
    several (`nouns.voltage_pieces`), else its mean over time while the run lasts; None where it is not known."""
    program, cell = results.settings.get("voltage"), results.settings.get("cell", {})
    if not (isinstance(program, Mapping) and program.get("voltage_V")):
        constant = cell.get("voltage_V") if isinstance(cell, Mapping) else None
        return (None, "") if constant is None else (float(constant), "")
    time, volts = (np.asarray(program[key], dtype=float) for key in ("time_s", "voltage_V"))
    frames = results.volume_fraction.coord("time").ravel()
    frames = np.sort(frames[np.isfinite(frames)])
    seen = np.interp(np.linspace(float(time[0]), max(float(time[0]), float(frames[-1])), 2000), time, volts)
    mean, largest = float(seen.mean()), float(np.abs(seen).max())
    if np.ptp(seen) <= LARGEST_CHANGE * largest:
        return mean, ""
    varies = f"the voltage varies from {seen.min():g} to {seen.max():g} V"
    main = main_piece(pieces(frames, np.interp(frames, time, volts)))
    if main is None:
        return mean, f"{varies}: its mean over time is taken"
    return main.voltage, f"{varies}: taken is {main.words}, which its rates are of; its other numbers are of all of it"


def _run_sigma(results: RunResults, voltage: float | None, gap: Any) -> float:
    cell = results.settings.get("cell", {})
    given = {key: float(cell.get(key) or 0.0) for key in ("voltage_V_sigma", "gap_mm_sigma")}
    return float(
        np.hypot(given["voltage_V_sigma"] / voltage if voltage else 0.0, given["gap_mm_sigma"] / gap if gap else 0.0)
    )


def crystallised_amount(results: RunResults) -> Number:
    """Particle volume (core + dry shell) per area, um, that the sealed cell has lost from view in the last scan:
    phi0 L (1 - mass balance)."""
    balance, solution = results.mass_balance, results.settings.get("solution", {})
    start = solution.get("volume_fraction") if isinstance(solution, Mapping) else None
    gap = results.settings.get("cell", {}).get("gap_mm")
    onset = results.numbers.get("onset_time")
    if balance is None:
        error = results.numbers.get("mass_balance_error")
        return Number.absent("um", "the mass balance is " + ("unknown" if error is None else error.source))
    if start is None or gap is None:
        return Number.absent("um", "the settings hold no gap or no volume fraction of the start")
    if onset is not None and onset.value is None:
        return Number.absent("um", f"no onset of crystallisation: {onset.source}")
    good = np.flatnonzero(balance.good)
    if good.size == 0:
        return Number.absent("um", "no scan has a mass balance")
    last = int(good[-1])
    inventory = 1e3 * float(start) * float(gap)
    return Number(
        inventory * (1.0 - float(balance.values[last])), inventory * float(balance.total_sigma[last]), "um",
        f"phi0 L (1 - mass balance) after {balance.coord('time')[last]:.0f} s, phi0 L = {inventory:.3g} um: what the scan no "
        "longer sees in the solution or on the anode",
        GOOD if (error := results.numbers.get("mass_balance_error")) is None else error.quality,
    )  # fmt: skip


def in_common_units(numbers: Mapping[str, Number]) -> dict[str, Number]:
    """The numbers in the units in which members are compared; absent, with the reason, where a unit is of something else."""
    return {name: _in(UNITS[name], number) if name in UNITS else number for name, number in numbers.items()}


def _in(unit: str, number: Number) -> Number:
    if number.value is None or number.unit == unit:
        return number
    try:
        factor = in_unit(quantity(1.0, number.unit), unit)
    except (UnitError, sc.UnitError):
        return Number.absent(unit, f"its unit is {number.unit}, not {unit}")
    parts = {name: factor * part for name, part in number.contributions.items()}
    sigma = None if number.sigma is None else factor * number.sigma
    return replace(number, value=factor * number.value, sigma=sigma, unit=unit, contributions=parts)


def _of_islands(numbers: Mapping[str, Number]) -> dict[str, Number]:
    """The numbers with the amount; a density per pixel is no density."""
    found = {**numbers, "island_amount": island_amount(numbers)}
    density = found.get("nucleation_density")
    if density is not None and "px" in density.unit:
        found["nucleation_density"] = Number.absent(DENSITY_UNIT, "lengths are in pixels: give um_per_pixel")
    elif density is not None:
        found["nucleation_density"] = _in(DENSITY_UNIT, density)
    return found


def island_amount(numbers: Mapping[str, Number]) -> Number:
    """Particle volume (core + dry shell) per area, um: the islands' own, filled as spheres in contact fill FCC."""
    islands = numbers.get("amount_per_area")
    if islands is None or islands.value is None:
        return Number.absent("um", "no amount of islands" if islands is None else islands.source)
    if islands.unit != "um":
        return Number.absent("um", "lengths are in pixels: give um_per_pixel")
    filled = lattice_named("FCC").packing_fraction
    sigma = None if islands.sigma is None else filled * islands.sigma
    return Number(
        filled * islands.value,
        sigma,
        "um",
        f"{islands.source}, times {filled:.4f} that touching dry shells fill of it",
        islands.quality,
    )
