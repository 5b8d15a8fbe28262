"""Simulated films, analysed: lattice, orientation and constants come back; what is no film gives none; mistakes are told."""

import csv
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from closeness import assert_close
from refused import refused

from electrosaxs.command_line.app import run as command_line
from electrosaxs.grazing.candidates import Start
from electrosaxs.grazing.indexing import ImageView, try_start, within_stated
from electrosaxs.grazing.surroundings import surroundings
from electrosaxs.io.cbf import decode_cbf, write_cbf
from electrosaxs.nouns.detector_geometry import sigma_comments
from electrosaxs.nouns.film_experiment import FilmBeam, FilmDetector, FilmExperiment, FilmSettings
from electrosaxs.recipes.film.first_study import FilmStudy
from electrosaxs.recipes.film.inputs import FilmOptions, read_inputs
from electrosaxs.recipes.film.numbers import film_numbers
from electrosaxs.recipes.film.scales import with_scales
from electrosaxs.recipes.film.study import study_film
from electrosaxs.recipes.simulate_film import SimulatedFilm, simulate_film

SMALL = {
    "name": "Pilatus300k", "distance_m": 0.7, "beam_row": 560.0, "beam_column": 243.0, "beam_stop_mm": 4.0,
}  # fmt: skip
BRIGHT = FilmBeam(brightest_counts=20000.0)


def film(folder: Path, beam: FilmBeam = BRIGHT, **settings: object) -> SimulatedFilm:
    made = FilmExperiment(
        film=FilmSettings(**{"domain_nm": 120.0, "mosaic_deg": 0.4, **settings}),
        beam=beam,
        detector=FilmDetector(**SMALL),
    )
    return simulate_film(made, folder)


def study(made: SimulatedFilm, angle: float, core: str = "Ag") -> FilmStudy:
    options = FilmOptions((angle,), 10.0, core=core)
    return study_film(read_inputs([made.image], made.geometry, options), options)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> SimulatedFilm:
    return film(tmp_path_factory.mktemp("film"))


@pytest.fixture(scope="module")
def results(paper: SimulatedFilm, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "gisaxs"
    code = command_line([
        "gisaxs", str(paper.image), "--geometry", str(paper.geometry), "--incident-angle-deg", "0.327", "--energy-kev", "10",
        "--out", str(out), "--quiet",
    ])  # fmt: skip
    assert code == 0
    return out


def test_the_papers_film_is_fcc_with_111_planes_on_the_substrate(results: Path):
    found = json.loads((results / "assignment.json").read_text())
    assert (found["lattice"], found["normal"], found["texture"]) == ("FCC", [1, 1, 1], "in-plane powder")
    assert found["probabilities"]["FCC (111)"] > 0.99
    assert "none" in found["probabilities"]
    assert any("twins" in note for note in found["notes"])


def test_below_the_critical_angle_copies_in_the_yoneda_band_tell_no_height(tmp_path: Path):
    """Their reflections lie at the angle of incidence, and they are seen at the critical angle: 3 sigma of angle and strain."""
    made = film(tmp_path, FilmBeam(brightest_counts=20000.0, incident_angle_deg=0.12), core="PbS", normal=[1, 0, 0])
    found = study(made, 0.13, core="PbS").indexed
    assert found is not None
    refined = found.refined
    assert found.orientation.name == "FCC (100)"
    assert abs(refined.constants.incidence[0] - np.radians(0.12)) < 2.5 * refined.sigma("incidence 0")
    assert refined.scatter < 0.05


def test_its_constants_come_back_though_the_stated_angle_is_off(results: Path):
    numbers = json.loads((results / "numbers.json").read_text())
    a, contraction = numbers["lattice_constant_dried"], numbers["contraction_along_normal"]
    assert_close(a["value"], 13.2, rel=5e-4)
    assert abs(a["value"] - 13.2) < 4.0 * a["sigma"]
    assert_close(contraction["value"], 0.0, rel=0.0, floor=2e-3)
    assert_close(numbers["incidence_angle"]["value"], 0.31, rel=0.0, floor=0.01)
    assert_close(numbers["layer_spacing"]["value"], 13.2 / np.sqrt(3.0), rel=2e-3)
    assert_close(numbers["mosaic_width"]["value"], 0.4, rel=0.15)


def test_tables_and_maps_are_those_of_the_contract(results: Path, paper: SimulatedFilm):
    with (results / "spots.csv").open(newline="") as file:
        spots = list(csv.DictReader(file))
    with (results / "reflections.csv").open(newline="") as file:
        marks = list(csv.DictReader(file))
    indexed = [row for row in spots if row["status"] == "indexed"]
    assert len(indexed) > 20
    assert len(indexed) == sum(row["status"] == "found" for row in marks)
    assert {row["status"] for row in marks} <= {"found", "not found", "gap", "beam stop", "below the noise"}
    assert all(row["status"].partition(":")[0] in ("indexed", "unexplained", "excluded") for row in spots)
    assert {row["channel"] for row in indexed} == {"T"}
    with h5py.File(results / "results.nxs") as file:
        assert file["entry"].attrs["command"] == "gisaxs"
        assert {"pattern", "radial_intensity", "mosaic_profile"} <= set(file["entry"])
        assert list(file["entry/pattern"].attrs["axes"]) == ["q_z", "q_parallel"]
        assert "wedge" in file["entry/radial_intensity"].attrs["note"]
    for name in ("indexed_pattern", "indexed_image", "radial_intensity", "residuals"):
        assert (results / "figures" / f"{name}.png").is_file()
    assert "FCC" in (results / "report.html").read_text()
    assert (results / "images.csv").is_file()


@pytest.mark.parametrize(
    ("lattice", "normal", "a"), [("BCC", [1, 1, 0], 10.6), ("HCP", [0, 0, 1], 9.4), ("FCC", [1, 1, 0], 13.2)]
)
def test_other_lattices_and_planes_are_told_apart(tmp_path: Path, lattice: str, normal: list[int], a: float):
    made = film(tmp_path, lattice=lattice, normal=normal, lattice_constant_nm=a, contraction_along_normal=0.05)
    found = study(made, 0.32)
    assert found.assignment.orientation is not None
    assert (found.assignment.orientation.lattice, list(found.assignment.orientation.normal)) == (lattice, normal)
    assert_close(found.constants.a, a, rel=1e-3)
    assert_close(found.constants.contraction, 0.05, rel=0.0, floor=4e-3)


def test_copies_of_the_reflected_beam_are_no_spots_of_the_direct_one(tmp_path: Path):
    made = film(tmp_path, FilmBeam(incident_angle_deg=0.17, brightest_counts=20000.0), core="SiO2", thickness_nm=200.0)
    found = study(made, 0.17, core="SiO2")
    assert found.indexed is not None
    copies = found.indexed.expected[0].reflected[found.indexed.found[0][found.indexed.found[0] >= 0]]
    assert 8 < copies.sum() < copies.size
    assert_close(found.constants.a, 13.2, rel=1e-3)


def test_a_wrong_angle_that_looks_right_from_nearby_is_left_for_the_one_on_which_spots_lie(tmp_path: Path):
    made = film(tmp_path, FilmBeam(brightest_counts=3000.0), contraction_along_normal=-0.05)
    seen = study(made, 0.365)
    assert seen.indexed is not None
    held = {"row_shift": "the geometry's"}
    usable = [spot for spot in seen.spots if not spot.excluded]
    views = [ImageView(usable, surroundings(seen.prepared[0], seen.setup.plane))]
    given = views, seen.setup, seen.start, seen.priors, held
    wrong = try_start(Start(seen.indexed.orientation, 13.2, -0.047, 0.0), *given)
    assert wrong is not None
    assert abs(np.degrees(wrong.refined.constants.incidence[0]) - 0.31) > 0.03
    found = within_stated(wrong, *given).refined
    assert_close(np.degrees(found.constants.incidence[0]), 0.31, rel=0.0, floor=0.01)
    assert_close(found.constants.contraction, -0.05, rel=0.0, floor=2e-3)


def test_lengths_are_as_sure_as_distance_and_energy(paper: SimulatedFilm, tmp_path: Path):
    """The geometry of a film seen from 1.5 % farther away than it says: a is 1.5 % off, within the sigma of such a distance."""
    made = paper
    text = made.geometry.read_text(encoding="utf-8")
    stated = next(line for line in text.splitlines() if line.startswith("Distance"))
    wrong = tmp_path / "wrong.poni"
    wrong.write_text(text.replace(stated, f"Distance: {1.015 * SMALL['distance_m']}"), encoding="utf-8")
    options = FilmOptions((0.31,), 10.0, distance_sigma_m=0.015 * SMALL["distance_m"], energy_sigma_keV=0.03)
    inputs = read_inputs([made.image], wrong, options)
    found = study_film(inputs, options)
    bare, numbers = film_numbers(found), with_scales(film_numbers(found), found, inputs)
    for name in ("lattice_constant_dried", "layer_spacing", "lattice_constant_volume"):
        value, number = bare[name].value, numbers[name]
        assert value is not None
        assert_close(number.contributions["geometry"], 0.0148 * value, rel=0.05)
        assert_close(number.contributions["energy"], -0.003 * value, rel=1e-9)
        assert "sigma contains distance ± 1.48% and energy ± 0.30%" in number.source
    one = numbers["lattice_constant_dried"]
    assert one.value is not None
    assert one.sigma is not None
    assert 0.01 * 13.2 < abs(one.value - 13.2) < 1.3 * one.sigma
    assert numbers["mosaic_width"] == bare["mosaic_width"]


def test_a_distance_without_sigma_is_named_and_calibrates_own_sigma_is_read(paper: SimulatedFilm, tmp_path: Path):
    options = FilmOptions((0.31,), 10.0)
    inputs = read_inputs([paper.image], paper.geometry, options)
    found = study_film(inputs, options)
    numbers = film_numbers(found)
    unknown = with_scales(numbers, found, inputs)["lattice_constant_dried"]
    assert "not included: distance (--distance-sigma-m) and energy (--energy-sigma-kev)" in unknown.source
    told = paper.geometry.read_text(encoding="utf-8") + "# distance_m_sigma: 0.0014\n"
    assert sigma_comments({"distance_m": 0.0014})[0] in told
    geometry = tmp_path / "told.poni"
    geometry.write_text(told, encoding="utf-8")
    inputs = read_inputs([paper.image], geometry, options)
    known = with_scales(numbers, found, inputs)["lattice_constant_dried"]  # sigma takes no part in the study
    assert "sigma contains distance ± 0.20%" in known.source
    assert "not included" not in known.source


@pytest.mark.parametrize("texture", ["disordered", "empty"])
def test_what_has_no_lattice_gives_none(tmp_path: Path, texture: str):
    found = study(film(tmp_path, texture=texture), 0.31)
    assert found.assignment.orientation is None
    assert found.assignment.probabilities["none"] > 0.99


def options_of(paper: SimulatedFilm, **changed: str) -> list[str]:
    given = {"--geometry": str(paper.geometry), "--incident-angle-deg": "0.31", "--energy-kev": "10", **changed}
    return [text for pair in given.items() for text in pair]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--incident-angle-deg": "0"}, "above 0"),
        ({"--incident-angle-deg": "-0.3"}, "above 0"),
        ({"--incident-angle-deg": "7"}, "at most at 5"),
        ({"--incident-angle-deg": "0.0054"}, "radians"),
        ({"--energy-kev": "10000"}, "10000 eV is 10 keV"),
        ({"--core": "Unobtainium"}, "Unobtainium"),
        ({"--distance-sigma-m": "30"}, "below 10"),
        ({"--energy-sigma-kev": "-1"}, "at least 0"),
    ],
)
def test_angles_and_energies_that_cannot_be_meant_are_refused(paper, tmp_path, capsys, changed, words):
    line = refused(capsys, "gisaxs", paper.image, *options_of(paper, **changed), "--out", tmp_path / "out")
    assert words in line
    assert not (tmp_path / "out").exists()


def test_a_geometry_that_does_not_fit_is_refused(paper, tmp_path, capsys):
    lines = paper.geometry.read_text().splitlines()
    off, other = tmp_path / "off.poni", tmp_path / "other.poni"
    off.write_text("\n".join("Poni1: 0.9" if line.startswith("Poni1") else line for line in lines))
    other.write_text("\n".join(lines).replace("Pilatus300k", "Pilatus1M"))
    for geometry, words in ((off, "direct beam"), (other, "pixels")):
        given = options_of(paper, **{"--geometry": str(geometry)})
        assert words in refused(capsys, "gisaxs", paper.image, *given, "--out", tmp_path / "out")


def test_flipped_and_saturated_images_are_refused(paper, tmp_path, capsys):
    counts = decode_cbf(paper.image.read_bytes(), paper.image)
    write_cbf(tmp_path / "flipped.cbf", counts[::-1], {})
    poni = tmp_path / "flipped.poni"
    place = (counts.shape[0] - 1 - 560.0 + 0.5) * 172e-6
    poni.write_text("\n".join(
        f"Poni1: {place}" if line.startswith("Poni1") else line for line in paper.geometry.read_text().splitlines()
    ))  # fmt: skip
    given = options_of(paper, **{"--geometry": str(poni)})
    assert "flipped" in refused(capsys, "gisaxs", tmp_path / "flipped.cbf", *given, "--out", tmp_path / "out")
    write_cbf(tmp_path / "full.cbf", np.where(counts > 1, 1_048_575, counts).astype(np.int32), {})
    assert "saturated" in refused(
        capsys, "gisaxs", tmp_path / "full.cbf", *options_of(paper), "--out", tmp_path / "out"
    )


def test_two_images_of_one_film_are_one_refinement(paper, tmp_path):
    other = film(tmp_path / "steeper", FilmBeam(incident_angle_deg=0.45, brightest_counts=20000.0))
    options = FilmOptions((0.31, 0.45), 10.0)
    found = study_film(read_inputs([paper.image, other.image], paper.geometry, options), options)
    assert len(found.constants.incidence) == 2
    assert_close(np.degrees(found.constants.incidence), [0.31, 0.45], rel=0.0, floor=0.01)
    assert_close(found.constants.a, 13.2, rel=3e-4)


def test_a_description_with_a_film_is_simulated_as_one(tmp_path, capsys):
    description = tmp_path / "film.toml"
    description.write_text(
        '[film]\nlattice = "SC"\nnormal = [1, 0, 0]\nlattice_constant_nm = 9.0\n'
        '[detector]\nname = "Pilatus300k"\nbeam_row = 560.0\nbeam_column = 243.0\ndistance_m = 0.7\n'
    )
    assert command_line(["simulate", str(description), "--out", str(tmp_path / "sim")]) == 0
    assert "electrosaxs gisaxs" in capsys.readouterr().out
    assert json.loads((tmp_path / "sim" / "truth.json").read_text())["lattice"] == "SC"
    description.write_text("[film]\nlattice = 3\n")
    assert "film.lattice" in refused(capsys, "simulate", description, "--out", tmp_path / "sim2")
