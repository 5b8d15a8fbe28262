"""Images that do not stand as their geometry says, and files that are no measurement: one line that says what is wrong."""

import re
from pathlib import Path

import fabio
import numpy as np
import pytest
from PIL import Image
from refused import refused

from electrosaxs.command_line.app import run as command_line
from electrosaxs.io.cbf import decode_cbf, write_cbf
from electrosaxs.io.numbers_json import read_numbers
from electrosaxs.nouns.film_experiment import FilmBeam, FilmDetector, FilmExperiment, FilmSettings
from electrosaxs.recipes.simulate_film import SimulatedFilm, simulate_film

pytestmark = pytest.mark.usefixtures("unrendered")
DETECTOR = FilmDetector(
    name="Pilatus300k", distance_m=0.7, beam_row=560.0, beam_column=213.0, beam_stop_mm=4.0
)  # fmt: skip
KNOWN = ("--critical-angle-deg", "0.2182")
"""Of this film, where its density is not asked: else two lighter films are tried wherever nothing is explained."""


@pytest.fixture(scope="module")
def bcc(tmp_path_factory: pytest.TempPathFactory) -> SimulatedFilm:
    settings = FilmSettings(lattice="BCC", normal=[1, 1, 0], lattice_constant_nm=10.7, domain_nm=110.0, mosaic_deg=0.4)
    made = FilmExperiment(film=settings, beam=FilmBeam(brightest_counts=8000.0), detector=DETECTOR)
    return simulate_film(made, tmp_path_factory.mktemp("bcc"))


def counts_of(made: SimulatedFilm) -> np.ndarray:
    return decode_cbf(made.image.read_bytes(), made.image)


def command(made: SimulatedFilm, image: Path, out: Path, *more: str, angle: str = "0.31") -> list[str | Path]:
    given = ["--geometry", made.geometry, "--incident-angle-deg", angle, "--energy-kev", "10", "--out", out]
    return ["gisaxs", image, *given, *more]


@pytest.mark.parametrize(
    ("turned", "more", "words"),
    [
        (lambda counts: counts[::-1], (), ("upside down", "below the horizon", "BCC (110)", "flip the image")),
        (lambda counts: counts[:, ::-1], KNOWN, ("column 213.0", "both sides of column 273", "left to right")),
        (lambda counts: counts[::-1, ::-1], KNOWN, ("upside down", "column 273", "upside down and left to right")),
    ],
)  # fmt: skip
def test_a_picture_that_is_flipped_under_its_geometry_is_said_to_be(bcc, tmp_path, capsys, turned, more, words):
    write_cbf(tmp_path / "turned.cbf", np.ascontiguousarray(turned(counts_of(bcc))), {})
    line = refused(capsys, *command(bcc, tmp_path / "turned.cbf", tmp_path / "out", *more))
    assert all(word in line for word in words)
    assert not (tmp_path / "out").exists()


def test_a_film_that_stands_on_its_side_is_said_to_be_turned(bcc, tmp_path, capsys):
    line = refused(capsys, *command(bcc, bcc.image, tmp_path / "out", "--sample-rotation-deg", "90", *KNOWN))
    assert "add -90 to --sample-rotation-deg" in line


def test_rows_and_columns_that_are_exchanged_are_said_to_be(bcc, tmp_path, capsys):
    write_cbf(tmp_path / "turned.cbf", np.ascontiguousarray(counts_of(bcc).T), {})
    assert "rows and columns" in refused(capsys, *command(bcc, tmp_path / "turned.cbf", tmp_path / "out"))


def test_an_angle_far_off_the_stated_one_is_found_and_said(bcc, tmp_path, capsys):
    assert command_line([str(x) for x in command(bcc, bcc.image, tmp_path / "out", angle="0.7")]) == 0
    said = capsys.readouterr().out
    found = re.search(r"the spots of image 1 tell (\d\.\d+) .* 0.7 .* was stated", said)
    assert found is not None
    assert abs(float(found[1]) - 0.31) < 0.02


@pytest.mark.parametrize(("rows", "side"), [(14.0, "above"), (-12.0, "below"), (0.0, "")])
def test_a_direct_beam_in_another_row_is_told_by_the_horizon(bcc, tmp_path, capsys, rows, side):
    text, poni = bcc.geometry.read_text(), tmp_path / "moved.poni"
    first = re.search(r"Poni1: (\S+)", text)
    assert first is not None
    poni.write_text(text.replace(first[0], f"Poni1: {float(first[1]) + rows * 172e-6}"))
    moved = SimulatedFilm(**{**vars(bcc), "geometry": poni})
    assert command_line([str(x) for x in command(moved, bcc.image, tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    found = re.search(r"begins (\d+) ± \d+ rows (above|below) the horizon", said)
    assert (
        (found is None) if not side else (found is not None and found[2] == side and abs(int(found[1]) - abs(rows)) < 4)
    )
    told = {one.quality for one in read_numbers(tmp_path / "out" / "numbers.json").values() if one.sigma}
    if not side:
        assert told == {"good"}
    assert told or rows > 0.0  # 14 rows too far down no lattice explains the spots
    assert not side or all(q.startswith("doubtful: ") and "scattering of image 1 begins" in q for q in told)


def mask_of_all(counts: np.ndarray, path: Path) -> list[str]:
    fabio.tifimage.TifImage(data=np.ones(counts.shape, dtype=np.uint8)).write(str(path / "mask.tif"))
    return ["--mask", str(path / "mask.tif")]


def test_files_that_are_no_measurement_are_refused(bcc, tmp_path, capsys):
    counts = counts_of(bcc)
    colours = np.clip(np.stack([counts] * 3, axis=-1), 0, 255).astype(np.uint8)
    Image.fromarray(colours).save(tmp_path / "colours.png")
    ones, full = np.ones_like(counts), np.where(counts > 8, 65535, counts).astype(np.uint16)
    for name, values in (("ones", ones), ("full", full)):
        fabio.tifimage.TifImage(data=values).write(str(tmp_path / f"{name}.tif"))
    for name, words in (("colours.png", "PNG"), ("ones.tif", "1 in every pixel"), ("full.tif", "saturated")):
        assert words in refused(capsys, *command(bcc, tmp_path / name, tmp_path / "out"))
    all_masked = command(bcc, bcc.image, tmp_path / "out", *mask_of_all(counts, tmp_path))
    assert "correct the mask" in refused(capsys, *all_masked)
    no_turn = command(bcc, bcc.image, tmp_path / "out", "--sample-rotation-deg", "nan")
    assert "--sample-rotation-deg" in refused(capsys, *no_turn)
    missing = [tmp_path / "none.poni" if x == bcc.geometry else x for x in command(bcc, bcc.image, tmp_path / "out")]
    assert "no such file" in refused(capsys, *missing)
