"""A campaign of finished results: exponents, slopes and contraction come back, what is missing or broken is said."""

import csv
import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close
from fake_results import fake_results

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.campaign_toml import read_campaign
from electrosaxs.io.numbers_json import read_numbers, write_numbers
from electrosaxs.io.results import write_results
from electrosaxs.nouns import Number, RunResults
from electrosaxs.nouns.trends import Member, Point, Trend
from electrosaxs.recipes.campaign import members
from electrosaxs.recipes.campaign.campaign import results_of
from electrosaxs.recipes.campaign.gather import member, run_voltage
from electrosaxs.recipes.campaign.members import compute_all, tasks
from electrosaxs.recipes.campaign.trends import critical_nucleus_size
from electrosaxs.recipes.islands.count_islands import Beside

IN_SITU_MM, EX_SITU_MM = 3.5, 2.5
RUN_VOLTS, EX_SITU_VOLTS = (5.0, 10.0, 20.0, 30.0), (7.5, 15.0, 20.0, 30.0)
OF_SLICE, OF_SUPPLY, OF_DENSITY = 1.76, 1.0, 1.1  # exponents of the field
SOLVATED_NM, DRIED_NM, PER_FIELD = 15.1, 13.2, -1.5e-3
SHARED = 20.0 / 2.5 / (20.0 / 3.5)  # field ex situ over field in situ at the same voltage


@cache
def finished() -> RunResults:
    """One finished run for all tests; who changes it makes a copy (`replace`)."""
    return fake_results()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the runs of all campaigns, written once; who changes one changes a copy of its own."""
    folder = tmp_path_factory.mktemp("runs")
    for volts in RUN_VOLTS:
        write_run(folder / f"run-{volts:g}", volts)
    return folder


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


@pytest.fixture(scope="module")
def file(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_campaign(tmp_path_factory.mktemp("campaign"), runs=runs)


@pytest.fixture(scope="module")
def out(file: Path) -> Path:
    assert command_line(["campaign", str(file), "--out", str(file.parent / "out"), "--quiet"]) == 0
    return file.parent / "out"


def gathered(file: Path) -> list[Member]:
    return [member(task) for task in tasks(read_campaign(file), file.parent / "out")]


@pytest.fixture(scope="module")
def read(file: Path) -> list[Member]:
    """The members of `file`, read once; none of them can be changed."""
    return gathered(file)


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


@pytest.mark.usefixtures("unrendered")
def test_a_broken_member_is_a_row_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of them are computed, each in a process of its own."""
    more = "".join(
        f'\n[[micrographs]]\nvoltage_V = 5\ngap_mm = 2.5\nimages = ["{name}"]\n' for name in ("gone/*.tif", "text.tif")
    )
    (tmp_path / "text.tif").write_text("no image")
    more += '\n[[films]]\nvoltage_V = 5\ngap_mm = 2.5\nresults = "sem-15"\n'
    broken = write_campaign(tmp_path, films=False, more=more)
    assert command_line(["campaign", str(broken), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    with (tmp_path / "out" / "campaign.csv").open(newline="") as opened:
        reasons = {row["name"]: row["reason"] for row in csv.DictReader(opened)}
    assert "no such file" in reasons["gone"]
    assert "text.tif" in reasons[f"{tmp_path.name}-text"]
    assert (
        "holds the results of electrosaxs islands, and a film was expected" in reasons["sem-15-2"] + reasons["sem-15"]
    )
    assert sum(bool(reason) for reason in reasons.values()) == 3
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"lattice": "FC', "must be JSON"),
        ('["FCC"]', "must name a lattice or none"),
        ('{"lattice": "BCG"}', "use one of FCC, BCC, HCP, SC, A15, BCT, FCC/HCP"),
        (None, "no such file"),
    ],
)
def test_a_film_whose_lattice_cannot_be_read_says_so(tmp_path: Path, text: str | None, reason: str) -> None:
    """It was a film of no lattice, without a word."""
    file = write_campaign(tmp_path, micrographs=False)
    broken = tmp_path / "film-20" / "assignment.json"
    broken.unlink()
    if text is not None:
        broken.write_text(text)
    rows = {one.name: one for one in gathered(file)}
    assert reason in rows["film-20"].reason
    assert [name for name, one in rows.items() if one.reason] == ["film-20"]
    assert_close(
        results_of(list(rows.values()), "voltage", "c").numbers["lattice_constant_dried_slope"].value,
        PER_FIELD,
        rel=1e-6,
    )


def test_a_run_of_no_lattice_takes_the_contraction_of_no_film_away(read: list[Member]) -> None:
    """One run without a lattice left no film to compare with."""
    found = [one for one in read if one.kind != "micrographs"]
    runs = [one for one in found if one.kind == "run"]
    assert runs[0].lattice == "FCC"
    other = [replace(one, lattice=None) if one is runs[0] else one for one in found]
    number = results_of(other, "voltage", "c").numbers["volume_contraction"]
    assert_close(number.value, results_of(found, "voltage", "c").numbers["volume_contraction"].value, rel=0.02)
    assert f"{runs[0].name} (it is of no lattice, most runs are FCC)" in number.source


def test_members_that_are_there_and_unchanged_are_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    def count(images, out: Path, **_: object) -> None:
        counted.append(out.name)
        out.mkdir(parents=True, exist_ok=True)
        write_numbers(out / "numbers.json", island_numbers(20.0))

    monkeypatch.setattr(members, "count_islands", count)
    for name in ("a", "b"):
        (tmp_path / f"{name}.tif").write_bytes(b"image")
    text = "".join(f'[[micrographs]]\nname = "{n}"\nimages = ["{n}.tif"]\nvoltage_V = 5\ngap_mm = 2.5\n' for n in "ab")
    (tmp_path / "campaign.toml").write_text(text)

    def compute() -> list[str]:
        counted.clear()
        listed = tasks(read_campaign(tmp_path / "campaign.toml"), tmp_path / "out")
        assert compute_all(listed, workers=1, progress=None) == {}
        return list(counted)

    assert compute() == ["a", "b"]
    assert compute() == []
    (tmp_path / "b.tif").write_bytes(b"another image")
    assert compute() == ["b"]
    (tmp_path / "campaign.toml").write_text(text.replace("voltage_V = 5", "voltage_V = 6"))
    assert compute() == []  # another label, the same images
    (tmp_path / "campaign.toml").write_text(text.replace('"a.tif"]', '"a.tif"]\num_per_pixel = 0.2'))
    assert compute() == ["a"]


def test_height_maps_and_faces_of_a_sample_go_with_its_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def count(images: list[Path], out: Path, *, beside: Beside, **_: object) -> None:
        seen.append([path.name for path in (*images, *beside.inputs)])
        out.mkdir(parents=True, exist_ok=True)
        write_numbers(out / "numbers.json", island_numbers(20.0))

    monkeypatch.setattr(members, "count_islands", count)
    for name in ("a.tif", "afm.gwy", "face1.tif", "face2.tif"):
        (tmp_path / name).write_bytes(b"image")
    text = '[[micrographs]]\nimages = ["a.tif"]\nvoltage_V = 5\ngap_mm = 2.5\n'
    text += 'height_maps = ["afm.gwy"]\npacking = ["face*.tif"]\n'
    (tmp_path / "campaign.toml").write_text(text)
    for _ in range(2):
        listed = tasks(read_campaign(tmp_path / "campaign.toml"), tmp_path / "out")
        assert compute_all(listed, workers=1, progress=None) == {}
        (tmp_path / "afm.gwy").write_bytes(b"another map")
    assert seen == [["a.tif", "afm.gwy", "face1.tif", "face2.tif"]] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("runs = []", "campaign.toml: runs = none: a campaign has at least one member"),
        ('[[micrographs]]\nresults = "a"\nvolts = 5', "micrographs[0].volts = 5: is not a known key; did you mean voltage_V?"),
        ('[[micrographs]]\nresults = "a"\nvoltage_V = "5"', 'micrographs[0].voltage_V = "5": must be a number; give the'),
        ('[[films]]\nresults = "a"\nvoltage_V = -5\num_per_pixel = 0.2', "films[0].um_per_pixel = 0.2: is not a known key"),
        ('[[films]]\nimages = "a"\nvoltage_V = -5\ngap_mm = 2.5', 'films[0].images = "a": must be a list in [brackets]'),
        ("films = [5]", "films[0] = 5: must be a table of keys"),
        ("volts = 5\n[[films]]\ngap_mm = 2.5", "campaign.toml: volts = 5: is not a known key"),
        ("[run]\ntitle = 'x'\n[frames]\nnexus = 'a'\n[detector]\ngeometry = 'b'", "this is a run, not a campaign"),
        ("runs = [", "campaign.toml"),
        ('runs = ["a", "b", "a"]', "campaign.toml: runs = a: stands twice, and would count twice; name each member once"),
        ('runs = "a"', "campaign.toml: runs = \"a\": must be a list in [brackets]"),
    ],
)  # fmt: skip
def test_impossible_input_is_refused_in_one_line(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "campaign.toml").write_text(text)
    assert command_line(["campaign", str(tmp_path / "campaign.toml"), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


FILM = {"images": '["a/b.edf"]', "geometry": '"g.poni"', "incident_angle_deg": "0.31", "energy_keV": "10.0",
        "voltage_V": "5", "gap_mm": "2.5"}  # fmt: skip
FIELDS = {"images": '["sem/*.tif"]', "voltage_V": "5", "gap_mm": "2.5"}


def table(kind: str, of: dict[str, str], **changed: str | None) -> str:
    keys = {**of, **changed}
    return f"\n[[{kind}]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items() if value is not None)


@pytest.mark.usefixtures("unrendered")
def test_what_the_file_says_wrong_of_one_member_is_its_row(tmp_path: Path) -> None:
    """A missing angle, radians, eV, metres for millimetres, no voltage, two ways to name inputs: one row each, in the order
    of the file, with what can be known of its cell; the numbers of the others do not change."""
    refused = [
        (table("films", FILM, incident_angle_deg=None), "a-b", "20", "incident_angle_deg = missing: is required with images"),
        (table("films", FILM, incident_angle_deg="0.0054"), "a-b-2", "20", "= 0.0054: must be in degrees, and this looks"),
        (table("films", FILM, incident_angle_deg="[0.31, 17.0]"), "a-b-3", "20", "incident_angle_deg[1] = 17.0: must be 5 or"),
        (table("films", FILM, geometry=None, name='"mine"'), "mine", "20", "geometry = missing: is required with images"),
        (table("films", FILM, energy_keV="10000"), "a-b-4", "20", "energy_keV = 10000: must be below 200; give the photon"),
        (table("films", FILM, images=None), "films-10", "20", "images = missing: is required where there are no results"),
        (table("films", FILM, results='"r/x"'), "x", "20", "results = r/x: stands beside images; give one of them"),
        (table("micrographs", FIELDS, voltage_V=None), "sem", "", "voltage_V = missing: is required; give the voltage"),
        (table("micrographs", FIELDS, voltage_V="20", gap_mm="2.5e-3"), "sem-2", "", "is a field of 80 kV/cm"),
        (table("micrographs", FIELDS, um_per_pixel="0"), "sem-3", "20", "um_per_pixel = 0: must be 1e-05 or more"),
    ]  # fmt: skip
    alone = write_campaign(tmp_path)
    assert command_line(["campaign", str(alone), "--out", str(tmp_path / "alone"), "--quiet"]) == 0
    alone.write_text(alone.read_text() + "".join(text for text, *_ in refused))
    assert command_line(["campaign", str(alone), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    with (tmp_path / "out" / "campaign.csv").open(newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["reason"]]
    assert [row["name"] for row in rows] == [name for _, name, *_ in refused]
    for row, (_, _, field, said) in zip(rows, refused, strict=True):
        assert said in row["reason"]
        assert row["field_V_per_cm"] == field
    before, after = (read_numbers(tmp_path / name / "numbers.json") for name in ("alone", "out"))
    assert {name: (number.value, number.sigma) for name, number in after.items()} == {
        name: (number.value, number.sigma) for name, number in before.items()
    }


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


def test_numbers_in_other_units_are_compared_in_ours_and_no_numbers_are_refused(runs: Path, tmp_path: Path) -> None:
    file = write_campaign(tmp_path, runs=runs, films=False)

    def change(folder: str, name: str, **new: object) -> None:
        path = tmp_path / folder / "numbers.json"
        stored = json.loads(path.read_text())
        stored[name].update(new)
        path.write_text(json.dumps(stored))

    flux = read_numbers(tmp_path / "run-20" / "numbers.json")["slice_flux"]
    change("run-20", "slice_flux", value=1e9 * (flux.value or 0.0), sigma=1e9 * (flux.sigma or 0.0), unit="nm/s")
    change("run-10", "supply_flux", unit="nm")
    change("sem-15", "nucleation_density", sigma=float("nan"))
    change("sem-20", "nucleation_density", value="many")
    found = gathered(file)
    numbers = results_of(found, "field", "").numbers
    assert_close(numbers["slice_flux_exponent"].value, OF_SLICE, rel=1e-6)
    assert "left out: run-10 (its unit is nm, not m/s)" in numbers["supply_flux_exponent"].source
    reasons = {one.name: one.reason for one in found if one.reason}
    assert "nucleation_density.sigma = nan: must be a number of 0 or above, or null" in reasons["sem-15"]
    assert "nucleation_density.value = many: must be a finite number, or null" in reasons["sem-20"]
    assert len(reasons) == 2


def test_a_folder_named_in_two_ways_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "campaign.toml").write_text(f'runs = ["run-20", "{tmp_path}/other/../run-20/results.nxs"]\n')
    assert command_line(["campaign", str(tmp_path / "campaign.toml"), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert "stands twice, and would count twice" in capsys.readouterr().err
