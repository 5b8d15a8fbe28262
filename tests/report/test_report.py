"""The page, its numbers and its provenance."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fake_results import bare_results, fake_results, fake_truth

from electrosaxs.figures.gallery import GALLERY
from electrosaxs.nouns import Number
from electrosaxs.report import provenance as provenance_module
from electrosaxs.report.number_text import number_lines, number_row, value_with_sigma
from electrosaxs.report.page import frames_summary, number_rows, write_report
from electrosaxs.report.provenance import file_hash, provenance, without_folders, write_provenance


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
    assert all(address.startswith("data:image/png;base64,") for address in addresses)
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


def test_a_figure_left_out_is_listed_with_its_reason(tmp_path):
    page = write_report(tmp_path, bare_results()).read_text(encoding="utf-8")
    assert "the structure factor was not measured" in page
    assert "This run has no headline numbers" in page


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
        (-0.0109, 0.0201, "−0.011 ± 0.020"),
        (7.46, None, "7.460"),
        (0.0, 0.3, "0.0 ± 0.3"),
        (3e-7, 2e-6, "(0.3 ± 2.0)·10⁻⁶"),
        (999.96, 0.0, "1000.0"),
    ],
)
def test_digits_follow_sigma(value, sigma, expected):
    assert value_with_sigma(value, sigma) == expected


def test_fractions_are_shown_in_per_cent_and_times_also_in_minutes():
    fraction = number_row("onset_volume_fraction", Number(0.0113, 0.0004, "one", "x"))
    assert (fraction.text, fraction.unit) == ("1.13 ± 0.04", "%")
    assert number_row("onset_time", Number(2050.0, 70.0, "s", "x")).unit == "s (34.2 min)"


def test_the_deviation_from_the_truth_is_in_sigmas():
    row = number_row("anode_diameter", Number(7.46, 0.02, "nm", "x"), Number(7.5, 0.0, "nm", "set"))
    assert row.pull == "−2.0 σ"
    assert number_row("a", Number(7.46, 0.0, "nm", "x"), Number(7.5, 0.0, "nm", "set")).pull == ""


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
        "  share       (8.10 ± 0.20)·10⁻⁴",
        "  height      4.600 µm",
        "  onset_time  none: nothing grew",
    ]
