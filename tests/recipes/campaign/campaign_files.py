"""Campaigns of finished results: runs, films and samples whose exponents, slopes and contraction are known."""

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

from fake_results import fake_results

from electrosaxs.io.campaign_toml import read_campaign
from electrosaxs.io.numbers_json import write_numbers
from electrosaxs.io.results import write_results
from electrosaxs.nouns import Number, RunResults
from electrosaxs.nouns.trends import Member
from electrosaxs.recipes.campaign.gather import member
from electrosaxs.recipes.campaign.members import tasks

IN_SITU_MM, EX_SITU_MM = 3.5, 2.5
RUN_VOLTS, EX_SITU_VOLTS = (5.0, 10.0, 20.0, 30.0), (7.5, 15.0, 20.0, 30.0)
OF_SLICE, OF_SUPPLY, OF_DENSITY = 1.76, 1.0, 1.1  # exponents of the field
SOLVATED_NM, DRIED_NM, PER_FIELD = 15.1, 13.2, -1.5e-3
SHARED = 20.0 / 2.5 / (20.0 / 3.5)  # field ex situ over field in situ at the same voltage


@cache
def finished() -> RunResults:
    """One finished run for all tests; who changes it makes a copy (`replace`)."""
    return fake_results()


def write_run(folder: Path, volts: float) -> None:
    field = 10.0 * volts / IN_SITU_MM
    run = finished()
    numbers = {
        **run.numbers,
        "slice_flux": Number(3e-10 * (field / 57.0) ** OF_SLICE, 3e-12, "m/s", "line"),
        "supply_flux": Number(6e-10 * (field / 57.0) ** OF_SUPPLY, 6e-12, "m/s", "supply"),
        "lattice_constant_solvated": Number(SOLVATED_NM + PER_FIELD * (field - 57.0), 0.002, "nm", "peaks"),
    }
    voltage = {"time_s": [0.0, 3300.0], "voltage_V": [volts, volts]}
    cell = {**run.settings["cell"], "gap_mm": IN_SITU_MM, "gap_mm_sigma": 0.0}
    run = replace(run, numbers=numbers, settings={**run.settings, "voltage": voltage, "cell": cell})
    folder.mkdir(parents=True)
    write_results(folder / "results.nxs", run, command="analyse")
    write_numbers(folder / "numbers.json", numbers)


def write_ex_situ(folder: Path, command: str, numbers: dict[str, Number]) -> None:
    folder.mkdir(parents=True)
    write_numbers(folder / "numbers.json", numbers)
    (folder / "provenance.json").write_text(json.dumps({"command": command}))
    if command == "gisaxs":
        (folder / "assignment.json").write_text(json.dumps({"lattice": "FCC"}))


def film_numbers(field: float) -> dict[str, Number]:
    a = DRIED_NM + PER_FIELD * (field - 57.0)
    return {
        "lattice_constant_dried": Number(a, 0.003, "nm", "spots"),
        "lattice_constant_volume": Number(a, 0.003, "nm", "spots"),
        "contraction_along_normal": Number(0.0, 0.001, "one", "spots"),
    }


def island_numbers(field: float, counts_at_57: float = 600.0) -> dict[str, Number]:
    count, area = counts_at_57 * (field / 57.0) ** OF_DENSITY, 0.5
    return {
        "nucleation_density": Number(count / area, count**0.5 / area, "1/mm^2", "counts"),
        "island_count": Number(count, 0.0, "one", "counts"),
        "area": Number(area, None, "mm^2", "area"),
        "amount_per_area": Number(1.1, 0.1, "um", "tetrahedra"),
    }


TABLE = 'voltage_V = {volts}\ngap_mm = 2.5\nduration_s = 3600.0\nresults = "{folder}"\n'


def write_campaign(
    home: Path, *, runs: Path | None = None, films: bool = True, micrographs: bool = True, more: str = ""
) -> Path:
    """campaign.toml in `home`, beside the members that it names; `runs`: of which folder, or none."""
    text = f"runs = {[f'run-{v:g}' for v in RUN_VOLTS] if runs else []}\n".replace("'", '"')
    if runs:
        shutil.copytree(runs, home, dirs_exist_ok=True)
    for volts in EX_SITU_VOLTS:
        field = 10.0 * volts / EX_SITU_MM
        if films:
            write_ex_situ(home / f"film-{volts:g}", "gisaxs", film_numbers(field))
            text += "\n[[films]]\n" + TABLE.format(volts=volts, folder=f"film-{volts:g}")
        if micrographs:
            write_ex_situ(home / f"sem-{volts:g}", "islands", island_numbers(field))
            text += "\n[[micrographs]]\n" + TABLE.format(volts=volts, folder=f"sem-{volts:g}")
    (home / "campaign.toml").write_text(text + more)
    return home / "campaign.toml"


def gathered(file: Path) -> list[Member]:
    return [member(task) for task in tasks(read_campaign(file), file.parent / "out")]
