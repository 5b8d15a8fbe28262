"""The page, its numbers and its provenance."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fake_results import bare_results, fake_results, fake_truth
from page_words import WRONG, linked_figures, without_pictures, words_of

from electrosaxs.figures.digits import short, value_with_sigma
from electrosaxs.figures.gallery import GALLERY
from electrosaxs.nouns import Number
from electrosaxs.report import provenance as provenance_module
from electrosaxs.report.number_text import number_lines, number_row
from electrosaxs.report.page import frames_summary, number_rows, write_report
from electrosaxs.report.provenance import file_hash, provenance, without_folders, write_provenance
from electrosaxs.report.settings_rows import settings_rows
from electrosaxs.report.typeset import typeset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    write_provenance(folder, "analyse", {"analysis": {"bins": 500}})
    write_report(folder, fake_results(), fake_truth())
    return folder


def test_the_page_asks_nothing_from_outside(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:src|href|action)\s*=\s*["']([^"']*)""", page)
    assert addresses
    inside = [address for address in addresses if not address.startswith("data:image/png;base64,")]
    assert all((folder / address).is_file() for address in inside if address != "frames.csv")
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    assert "@import" not in page
    assert "url(" not in page


def test_each_figure_is_on_the_page_and_on_disk_in_both_forms(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    names = {path.stem for path in (folder / "figures").glob("*.png")}
    assert len(names) == len(GALLERY)
    assert names == {path.stem for path in (folder / "figures").glob("*.svg")}
    assert all(f'<figure id="{name}">' in page for name in names)


def test_pictures_have_300_dots_per_inch_and_vector_text(folder):
    from PIL import Image

    with Image.open(folder / "figures" / "anode_growth.png") as image:
        assert abs(image.size[0] - 89.0 / 25.4 * 300.0) < 2.0
    assert "<text" in (folder / "figures" / "anode_growth.svg").read_text(encoding="utf-8")


@pytest.mark.usefixtures("unrendered")
def test_a_figure_left_out_is_listed_with_its_reason(tmp_path):
    page = write_report(tmp_path, bare_results()).read_text(encoding="utf-8")
    assert "the structure factor was not measured" in page
    assert "This run has no headline numbers" in page


@pytest.mark.usefixtures("unrendered")
def test_a_page_of_maps_without_sigma_is_not_headed_as_a_measurement(tmp_path, folder):
    phi = fake_results().volume_fraction
    plain = type(phi).from_arrays(
        phi.values, dims=phi.dims, coords={k: (tuple(c.dims), c.values) for k, c in phi.data.coords.items()}
    )
    run = replace(bare_results(), volume_fraction=plain, numbers={"inventory": Number(2.8, 0.0, "um", "set")})
    page = write_report(tmp_path, run).read_text(encoding="utf-8")
    assert "nothing here was measured" in page
    assert "<th>value</th>" in page
    assert "seen by scanning" not in page
    measured = (folder / "report.html").read_text(encoding="utf-8")
    assert "seen by scanning" in measured
    assert "<th>value ± σ</th>" in measured
    assert "nothing here was measured" not in measured


def test_the_map_comes_first_then_the_numbers_then_the_other_figures_and_where_they_came_from(folder):
    page = without_pictures((folder / "report.html").read_text(encoding="utf-8"))
    places = [
        page.index(mark)
        for mark in (
            '<figure id="volume_fraction_map">', "Headline numbers", "gap of the cell", '<figure id="anode_growth">',
            "Notes</h2>", "Provenance</h2>",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert page.count('<table class="numbers">') == 1


def test_each_figure_has_a_number_and_a_link_to_its_full_size(folder):
    files = linked_figures((folder / "report.html").read_text(encoding="utf-8"))
    assert len(files) == len(GALLERY)
    assert all((folder / f"{file}.{form}").is_file() for file in files for form in ("png", "svg"))


def test_the_page_has_one_notation_and_no_words_of_a_program(folder):
    page = words_of((folder / "report.html").read_text(encoding="utf-8"))
    assert WRONG.findall(page) == []
    assert len(WRONG.findall("phi at -0 um, 9.56e-05 %, -0.0 sigma, None, 3 +/- 1, but -0.05 and 0.0")) == 7


def test_the_settings_are_among_the_numbers(folder):
    page = words_of((folder / "report.html").read_text(encoding="utf-8"))
    rows = {row.title: row.text for row in settings_rows(fake_results())}
    assert rows["gap of the cell"] == "(3.500 ± 0.020) mm"
    assert rows["voltage"] == "19.95 V, constant"
    assert rows["nominal field V/L"] == "57 V cm⁻¹"
    assert rows["detector"] == "Pilatus2M at 1.994 m"
    assert rows["q window"] == "0.1 to 3 nm⁻¹, 400 bins"
    assert rows["scans × heights"] == "13 × 14"
    assert all(title in page and text in page for title, text in rows.items())


def test_a_program_is_said_with_its_range_and_a_run_without_settings_has_its_scans_alone():
    run = fake_results()
    ramped = {**run.settings, "voltage": {"time_s": [0.0, 60.0, 600.0], "voltage_V": [0.0, 30.0, 20.0]}}
    rows = {row.title: row.text for row in settings_rows(replace(run, settings=ramped))}
    assert rows["voltage"] == "0 to 30 V, 3 points over 10 min"
    assert rows["nominal field V/L"] == "0 to 85.7 V cm⁻¹"
    assert {row.title for row in settings_rows(bare_results())} == {
        "scans × heights", "heights above the anode", "time from field-on",
    }  # fmt: skip


def test_long_sources_fold_out_and_short_ones_stand_in_the_table():
    assert number_row("d", Number(7.0, 0.1, "nm", "sphere fit")).how == "sphere fit"
    long = "phi0 v: rate at which the particle volume below 600 um grows, where phi stayed within 2% of the start"
    row = number_row("supply_flux", Number(6e-10, 1e-11, "m/s", long))
    assert row.how == "φ₀ v: rate at which the particle volume …"
    assert row.source.startswith("φ₀ v: rate at which the particle volume below 600 µm")


def test_provenance_is_printed_and_not_folded_away(folder):
    page = without_pictures((folder / "report.html").read_text(encoding="utf-8"))
    record = page[page.index("Provenance</h2>") :]
    assert "<details" not in record
    assert "bins = 500" in record
    assert "electrosaxs analyse" in record


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("phi at the anode: voxel at -0 um", "φ at the anode: voxel at 0 µm"),
        ("50 um x slope of phi; 6.78 +- 0.99 nm", "50 µm × slope of φ; 6.78 ± 0.99 nm"),
        ("p = 5e-22, score worse by 6e+05", "p = 5·10⁻²², score worse by 6·10⁵"),
        ("peaks at 0.331, 0.370 1/nm, -0.05 and -0.0", "peaks at 0.331, 0.370 nm⁻¹, −0.05 and 0"),
        ("delta / d, chi-squared, sigma; phi0 L", "δ/d, χ², σ; φ₀ L"),
        ("frame_0-1e5.cbf, number 12", "frame_0-1e5.cbf, number 12"),
    ],
)
def test_sentences_are_set_as_a_journal_would(plain, shown):
    assert typeset(plain) == shown


@pytest.mark.usefixtures("unrendered")
def test_text_from_files_is_escaped(tmp_path):
    run = replace(bare_results(), title="<script>alert(1)</script>", notes=("a < b & c",))
    page = write_report(tmp_path, run).read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "a &lt; b &amp; c" in page


def test_what_does_not_exist_is_a_dash_with_its_reason_after_what_does():
    rows = number_rows(fake_results())
    assert rows[-1].name == "lattice_constant_dried"
    assert rows[-1].text == "—"
    assert rows[-1].source == "no grazing-incidence image was given"


@pytest.mark.parametrize(
    ("value", "sigma", "expected"),
    [
        (0.011303, 0.00036, "0.0113 ± 0.0004"),
        (15.1034, 0.0128, "15.103 ± 0.013"),
        (5.643e-10, 4.7e-12, "(5.64 ± 0.05)·10⁻¹⁰"),
        (2050.0, 70.0, "2050 ± 70"),
        (1449.97, 187.2, "1450 ± 190"),
        (22798.0, 2221.0, "22800 ± 2200"),
        (-0.004, 3.2, "0 ± 3"),
        (9.56e-5, 1.2e-5, "(9.6 ± 1.2)·10⁻⁵"),
        (0.0, 0.0, "0"),
        (-0.0109, 0.0201, "−0.011 ± 0.020"),
        (7.46, None, "7.460"),
        (0.0, 0.3, "0.0 ± 0.3"),
        (3e-7, 2e-6, "(0.3 ± 2.0)·10⁻⁶"),
        (999.96, 0.0, "1000.0"),
    ],
)
def test_digits_follow_sigma(value, sigma, expected):
    assert value_with_sigma(value, sigma) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0562, "0.056"), (9.56e-5, "9.6·10⁻⁵"), (621889.0, "6.2·10⁵"), (1234.0, "1200"), (0.0, "0"), (-35.2, "−35")],
)
def test_numbers_without_sigma_are_short(value, text):
    assert short(value) == text


def test_fractions_are_shown_in_per_cent_and_times_also_in_minutes():
    fraction = number_row("onset_volume_fraction", Number(0.0113, 0.0004, "one", "x"))
    assert (fraction.text, fraction.unit) == ("1.13 ± 0.04", "%")
    assert number_row("onset_time", Number(2050.0, 70.0, "s", "x")).unit == "s (34.2 min)"
    rough = number_row("onset_time", Number(2050.0, 1500.0, "s", "x"))
    assert rough.unit == "s (34 min)"  # no more digits than sigma has


def test_the_deviation_from_the_truth_is_in_sigmas():
    row = number_row("anode_diameter", Number(7.46, 0.02, "nm", "x"), Number(7.5, 0.0, "nm", "set"))
    assert row.pull == "−2.0 σ"
    assert number_row("a", Number(7.46, 0.0, "nm", "x"), Number(7.5, 0.0, "nm", "set")).pull == ""
    barely = number_row("a", Number(-7e-4, 0.029, "one", "x"), Number(0.0, 0.0, "one", "closed cell"))
    assert (barely.pull, barely.truth) == ("0.0 σ", "0")


def test_frames_left_out_are_counted_and_flags_summed():
    summary = frames_summary(fake_results().frames)
    assert (summary.total - summary.used, len(summary.left_out)) == (2, 2)
    assert summary.flags == (("zero_monitor", 2),)


def test_provenance_knows_versions_settings_and_hashes(tmp_path):
    (tmp_path / "run.toml").write_text("[run]\n", encoding="utf-8")
    record = provenance(
        "analyse", {"frames": {"nexus": tmp_path / "frames.nxs"}}, inputs=[tmp_path / "run.toml"], seed=3
    )
    assert record["settings"] == {"frames": {"nexus": "frames.nxs"}}
    assert record["inputs"][0]["sha256"] == hashlib.sha256(b"[run]\n").hexdigest()
    assert record["versions"]["electrosaxs"]
    assert record["seed"] == 3
    text = write_provenance(tmp_path, "analyse", record["settings"]).read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert json.loads(text)["program"] == "electrosaxs"


def test_huge_files_are_hashed_at_their_ends_and_this_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance_module, "WHOLE_FILE", 100)
    monkeypatch.setattr(provenance_module, "ENDS", 10)
    content = bytes(range(200))
    path = tmp_path / "frames.nxs"
    path.write_bytes(content)
    record = file_hash(path)
    assert record["sha256"] == hashlib.sha256(content[:10] + content[-10:] + b"200").hexdigest()
    assert "first and last" in record["hashed"]
    path.write_bytes(content + b"x")
    assert file_hash(path)["sha256"] != record["sha256"]


def test_folders_and_infinities_do_not_reach_the_file():
    cleaned = without_folders({"a": Path("/data/x/run.toml"), "b": ["/abs/mask.edf"], "c": float("nan"), "d": 1.5})
    assert cleaned == {"a": "run.toml", "b": ["mask.edf"], "c": "nan", "d": 1.5}


def test_the_terminal_prints_the_digits_that_sigma_allows_or_the_reason():
    numbers = {
        "d": Number(7.10153, 0.00093, "nm", "fit"),
        "share": Number(8.1e-4, 2e-5, "one", "fit"),
        "height": Number(4.6, 0.0, "um", "given"),
        "onset_time": Number.absent("s", "nothing grew"),
    }
    assert number_lines(numbers) == [
        "  d           7.1015 ± 0.0009 nm",
        "  share       0.0810 ± 0.0020 %",
        "  height      4.600 µm",
        "  onset_time  none: nothing grew",
    ]
