"""Members that are missing, broken, changed or said wrongly: a row with its reason, and the campaign goes on."""

import csv
import json
from pathlib import Path

import pytest
from closeness import assert_close
from recipes.campaign.campaign_files import (
    OF_SLICE,
    PER_FIELD,
    gathered,
    island_numbers,
    write_campaign,
)

from electrosaxs import __version__
from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.campaign_toml import read_campaign
from electrosaxs.io.numbers_json import read_numbers, write_numbers
from electrosaxs.recipes.campaign import members
from electrosaxs.recipes.campaign.campaign import results_of
from electrosaxs.recipes.campaign.members import compute_all, tasks
from electrosaxs.recipes.islands.count_islands import Beside


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


def test_results_of_another_version_are_told(tmp_path: Path) -> None:
    file = write_campaign(tmp_path, films=False)
    before = gathered(file)
    record = tmp_path / "sem-15" / "provenance.json"
    versions = json.loads(record.read_text()) | {"versions": {"electrosaxs": "0.0.9"}}
    record.write_text(json.dumps(versions))
    said = {one.name: one.notes for one in gathered(file)}
    assert said.pop("sem-15") == (f"computed by electrosaxs 0.0.9, and this is {__version__}",)
    assert said == {one.name: one.notes for one in before if one.name != "sem-15"}
