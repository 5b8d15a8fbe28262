"""A campaign of finished results: exponents, slopes and contraction come back, what is missing or broken is said."""

import csv
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close
from recipes.campaign.campaign_files import (
    DRIED_NM,
    EX_SITU_MM,
    EX_SITU_VOLTS,
    IN_SITU_MM,
    OF_DENSITY,
    OF_SLICE,
    OF_SUPPLY,
    PER_FIELD,
    RUN_VOLTS,
    SHARED,
    SOLVATED_NM,
    finished,
    gathered,
    island_numbers,
    write_campaign,
)

from electrosaxs.io.numbers_json import read_numbers
from electrosaxs.nouns import Number
from electrosaxs.nouns.trends import Member, Point, Trend
from electrosaxs.recipes.campaign.campaign import results_of
from electrosaxs.recipes.campaign.gather import run_voltage
from electrosaxs.recipes.campaign.trends import critical_nucleus_size


def test_exponents_slopes_and_contraction_come_back(out: Path) -> None:
    numbers = read_numbers(out / "numbers.json")
    expected = {
        "slice_flux_exponent": OF_SLICE, "supply_flux_exponent": OF_SUPPLY, "nucleation_density_exponent": OF_DENSITY,
        "nucleation_density_exponent_slice_flux": OF_DENSITY / OF_SLICE,
        "nucleation_density_exponent_supply_flux": OF_DENSITY / OF_SUPPLY,
        "lattice_constant_solvated_slope": PER_FIELD, "lattice_constant_dried_slope": PER_FIELD,
        "volume_contraction": 1.0 - (DRIED_NM / SOLVATED_NM) ** 3,
    }  # fmt: skip
    for name, value in expected.items():
        found = numbers[name]
        assert found.value is not None, found
        assert found.sigma, found
        assert_close(found.value, value, rel=5e-3)
    # counting alone: sigma of the exponent is that of a weighted line through ln N
    fields, counts = np.log(EX_SITU_VOLTS), 600.0 * (np.array(EX_SITU_VOLTS) / 14.25) ** OF_DENSITY
    off = fields - np.average(fields, weights=counts)
    assert_close(numbers["nucleation_density_exponent"].sigma, (counts @ off**2) ** -0.5, rel=1e-3)


def test_few_islands_are_fitted_as_counts(tmp_path: Path) -> None:
    """12 to 55 islands: sigma of the exponent is that of Poisson counts, (sum of n (ln E - mean)^2)^-1/2."""
    fields = 10.0 * np.array(EX_SITU_VOLTS) / EX_SITU_MM
    found = [
        Member("micrographs", f"{e:g}", e / 4.0, 2.5, numbers=island_numbers(e, counts_at_57=25.0)) for e in fields
    ]
    number = results_of(found, "field", "").numbers["nucleation_density_exponent"]
    assert "Poisson" in number.source
    counts = 25.0 * (fields / 57.0) ** OF_DENSITY
    off = np.log(fields) - np.average(np.log(fields), weights=counts)
    assert number.value is not None
    assert_close(number.value, OF_DENSITY, rel=1e-3)
    assert_close(number.sigma, (counts @ off**2) ** -0.5, rel=1e-3)


def test_amounts_are_particle_volumes_per_area(read: list[Member]) -> None:
    """What the mass balance misses of phi0 L, and islands filled to 0.74 as spheres in contact are."""
    run, *_, sample = read
    balance = finished().mass_balance
    assert balance is not None
    missed, held = run.number("crystallised_amount"), sample.number("island_amount")
    assert missed.value is not None
    assert_close(missed.value, 8e-4 * 3500.0 * (1.0 - balance.values[-1]), rel=1e-9)
    assert_close(missed.sigma, 8e-4 * 3500.0 * balance.total_sigma[-1], rel=1e-9)
    assert held.value is not None
    assert_close([held.value, held.sigma], np.array([1.1, 0.1]) * np.pi / np.sqrt(18.0), rel=1e-9)


def test_the_source_says_abscissa_points_and_what_was_left_out(out: Path) -> None:
    said = read_numbers(out / "numbers.json")["nucleation_density_exponent_slice_flux"].source
    assert "slice flux of the runs (m/s), joined at equal field" in said
    assert "3 points (sem-7.5, sem-15, sem-20)" in said
    assert "left out: sem-30 (its field of 120 V/cm is not among those of the runs, 14.3 to 85.7 V/cm)" in said


def test_results_hold_each_number_against_the_field(out: Path) -> None:
    numbers = [float(row["lattice_constant_dried"] or "nan") for row in csv.DictReader((out / "campaign.csv").open())]
    with h5py.File(out / "results.nxs") as file:
        group = file["entry/lattice_constant_dried"]
        assert (group.attrs["signal"], *group.attrs["axes"]) == ("lattice_constant_dried", "field")
        assert (group["lattice_constant_dried"].attrs["units"], group["field"].attrs["units"]) == ("nm", "V/cm")
        assert np.all(np.diff(group["field"]) > 0.0)
        assert_close(np.sort(group["lattice_constant_dried"]), np.sort(numbers)[:4], rel=1e-6)
        assert np.all(group["lattice_constant_dried_errors"][()] == 0.003)
        assert len(set(group["member"].asstr())) == 4
        assert file["entry"].attrs["default"] in file["entry"]


def test_every_member_is_a_row_and_every_figure_is_there(out: Path) -> None:
    with (out / "campaign.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["kind"] for row in rows] == ["run"] * 4 + ["film"] * 4 + ["micrographs"] * 4
    assert_close([float(row["field_V_per_cm"]) for row in rows[:4]], 10.0 * np.array(RUN_VOLTS) / IN_SITU_MM, rel=1e-6)
    assert float(rows[4]["lattice_constant_dried_sigma"]) == 0.003
    assert rows[0]["nucleation_density"] == ""
    drawn = {file.stem for file in (out / "figures").glob("*.png")}
    wanted = {"flux_against_field", "nucleation_density_against_field", "nucleation_density_against_flux",
              "lattice_constant_against_field", "anode_sizes_against_field", "amounts"}  # fmt: skip
    assert wanted <= drawn
    page = (out / "report.html").read_text("utf-8")
    for number in range(1, 7):
        assert f"Fig. {number} of the paper" in page
    assert "no height map" in page  # Fig. 1b is named as missing
    assert "no film has a radial intensity" in page


def test_cells_of_two_gaps_are_joined_as_asked(read: list[Member]) -> None:
    numbers = results_of(read, "voltage", "").numbers
    at_voltage = numbers["nucleation_density_exponent_slice_flux"]
    assert "4 points" in at_voltage.source
    assert "joined at equal voltage" in at_voltage.source
    assert at_voltage.value is not None
    assert_close(at_voltage.value, OF_DENSITY / OF_SLICE, rel=0.01)  # a power law keeps its exponent
    contraction = numbers["volume_contraction"]
    field = 10.0 * np.array(EX_SITU_VOLTS) / EX_SITU_MM
    ratio = (DRIED_NM + PER_FIELD * (field - 57.0)) / (SOLVATED_NM + PER_FIELD * (field / SHARED - 57.0))
    assert contraction.value is not None
    assert_close(contraction.value, 1.0 - np.mean(ratio**3), rel=1e-3)
    apart = results_of(read, "none", "").numbers
    assert apart["volume_contraction"].value is None
    assert "no other cell has its gap of 3.5 mm" in apart["volume_contraction"].source
    assert apart["slice_flux_exponent"].value is not None


@pytest.mark.parametrize(
    ("having", "number"),
    [
        ("runs", "slice_flux_exponent"),
        ("films", "lattice_constant_dried_slope"),
        ("micrographs", "nucleation_density_exponent"),
    ],
)
def test_one_kind_alone_is_a_campaign(having: str, number: str, runs: Path, tmp_path: Path) -> None:
    others = {kind: kind == having for kind in ("films", "micrographs")}
    alone = write_campaign(tmp_path, runs=runs if having == "runs" else None, **others)
    numbers = results_of(gathered(alone), "field", "").numbers
    assert numbers[number].value is not None
    assert numbers["volume_contraction"].value is None
    assert numbers["critical_nucleus_size"].value is None
    assert all(number.source for number in numbers.values())


def test_a_run_of_no_lattice_takes_the_contraction_of_no_film_away(read: list[Member]) -> None:
    """One run without a lattice left no film to compare with."""
    found = [one for one in read if one.kind != "micrographs"]
    runs = [one for one in found if one.kind == "run"]
    assert runs[0].lattice == "FCC"
    other = [replace(one, lattice=None) if one is runs[0] else one for one in found]
    number = results_of(other, "voltage", "c").numbers["volume_contraction"]
    assert_close(number.value, results_of(found, "voltage", "c").numbers["volume_contraction"].value, rel=0.02)
    assert f"{runs[0].name} (it is of no lattice, most runs are FCC)" in number.source


def test_a_voltage_that_varies_is_that_of_its_rates() -> None:
    """0 V for the first half of 3300 s, 20 V afterwards: rates are of 20 V. A ramp has no rate, and its mean while the run
    lasts: the program goes on to 80 V after its last frame."""
    run = finished()
    last = float(run.volume_fraction.coord("time").max())

    def of(time: list[float], volts: list[float]) -> tuple[float | None, str]:
        program = {"time_s": time, "voltage_V": volts}
        return run_voltage(replace(run, settings={**run.settings, "voltage": program}))

    stepped, said = of([0.0, 1650.0, 1650.0, 3300.0], [0.0, 0.0, 20.0, 20.0])
    assert stepped == 20.0
    assert "from 0 to 20 V" in said
    assert "which its rates are of" in said
    ramped, said = of([0.0, 4.0 * last], [0.0, 80.0])
    assert ramped is not None
    assert_close(ramped, 10.0, rel=2e-3)
    assert "its mean over time is taken" in said
    assert of([0.0, 2.0 * last], [5.0, 5.0]) == (5.0, "")


def test_a_critical_size_needs_an_exponent_that_tells_sizes_apart() -> None:
    """x = i / (i + 2): 0.5 is a pair, and two sigma more are 2 x 0.54 / 0.46; 0.75 +- 0.1 may be a size of 3 to 11; 1 and more
    has none, and three points do not test a power."""

    def size(x: float, sigma: float, points: int = 4, quality: str = "good") -> Number:
        number = Number(x, sigma, "one", "fit", quality)
        trend = Trend(number, tuple(Point(f"{k}", 1.0 + k, 0.0, 1.0, 0.1) for k in range(points)))
        return critical_nucleus_size(
            {f"nucleation_density_exponent_{flux}": trend for flux in ("slice_flux", "supply_flux")}
        )

    pair = size(0.5, 0.02, quality="doubtful: run-20")
    assert pair.value is not None
    assert pair.sigma is not None
    assert_close([pair.value, pair.sigma], [2.0, 0.5 * (2.0 * 0.54 / 0.46 - 2.0)], rel=1e-9)
    assert pair.quality == "doubtful: run-20"
    for unclear in (size(0.75, 0.1), size(1.2, 0.01), size(0.1, 0.06), size(0.5, 0.02, points=3)):
        assert unclear.value is None
        assert "exponent" in unclear.source


def of_runs(number: str, found: list[Number], lattices: str | None = None) -> list[Member]:
    names = (lattices or "FCC " * len(found)).split()
    fields = np.array(RUN_VOLTS) / IN_SITU_MM * 10.0
    return [
        Member("run", f"run-{k}", field * 0.35, 3.5, numbers={number: one}, lattice=name)
        for k, (field, one, name) in enumerate(zip(fields, found, names, strict=True))
    ]


def on_a_power(of: float) -> list[Number]:
    flux = 3e-10 * (np.array(RUN_VOLTS) / 20.0) ** of
    return [Number(float(v), 0.03 * float(v), "m/s", "line") for v in flux]


def test_what_a_member_says_against_its_numbers_reaches_the_trends() -> None:
    fluxes = on_a_power(OF_SLICE)
    fluxes[1] = replace(fluxes[1], quality="doubtful: the transmission drifts by 2 %")
    fluxes[3] = replace(fluxes[3], value=5.0 * (fluxes[3].value or 0.0), quality="not trustworthy: phi disagrees")
    found = results_of(of_runs("slice_flux", fluxes), "field", "").numbers["slice_flux_exponent"]
    assert found.value is not None
    assert_close(found.value, OF_SLICE, rel=1e-6)
    assert "left out: run-3 (not trustworthy: phi disagrees)" in found.source
    assert "doubtful: run-1 (the transmission drifts by 2 %)" in found.source
    assert found.quality.startswith("doubtful: run-1")


def test_a_point_off_the_power_law_of_the_others_is_named() -> None:
    """Three times the flux at the strongest field: the others alone have the right exponent, and the page says so."""
    fluxes = on_a_power(OF_SLICE)
    fluxes[3] = replace(fluxes[3], value=3.0 * (fluxes[3].value or 0.0))
    found = results_of(of_runs("slice_flux", fluxes), "field", "").numbers["slice_flux_exponent"]
    assert "run-3 lies off the line of the others, which alone have the exponent 1.76" in found.quality


def test_lattice_constants_of_different_cells_are_not_one_slope() -> None:
    """HCP's constant is the distance of neighbours, FCC's the edge of a cube."""
    found = [Number(SOLVATED_NM + PER_FIELD * volts / 0.35, 0.002, "nm", "peaks") for volts in RUN_VOLTS]
    found[2] = Number(SOLVATED_NM / np.sqrt(2.0), 0.002, "nm", "peaks")
    runs = of_runs("lattice_constant_solvated", found, "FCC FCC HCP FCC")
    slope = results_of(runs, "field", "").numbers["lattice_constant_solvated_slope"]
    assert slope.value is not None
    assert_close(slope.value, PER_FIELD, rel=1e-6)
    assert "left out: run-2 (it is HCP, most are FCC)" in slope.source
