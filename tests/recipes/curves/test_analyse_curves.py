"""Plain curves from files: what is put in comes out, for other programs' tables and for measured superlattices."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from closeness import assert_close
from page_words import WRONG, linked_figures, words_of

from electrosaxs.command_line.app import run
from electrosaxs.errors import FitError, InputFileError
from electrosaxs.figures.curve_page import curve_page
from electrosaxs.figures.curves import bin_edges
from electrosaxs.io.curves import read_curve
from electrosaxs.io.nxcansas import write_nxcansas
from electrosaxs.physics.sphere_kernels import amplitude, squared_form_factor
from electrosaxs.physics.structure_factor import decoupled, percus_yevick, superlattice_order
from electrosaxs.recipes.curves.analyse_curves import analyse_curves, summary
from electrosaxs.recipes.curves.output import picture
from electrosaxs.recipes.curves.study import volume_fraction

pytestmark = pytest.mark.usefixtures("unrendered")  # but those of the module's own curve, whose page is looked at
Q = np.linspace(0.08, 3.2, 240)
CONTRAST_PER_A2 = 3.0e-6


def per_cm(phi: float, d: float, delta: float) -> np.ndarray:
    """I (1/cm) of spheres with volume fraction phi: phi contrast^2 <F^2> / <V>, contrast in 1/nm^2, nm to cm 1e7."""
    volume = np.pi / 6 * (d**3 + 3 * d * delta**2)
    return phi * (100 * CONTRAST_PER_A2) ** 2 * squared_form_factor(Q, d, delta) / volume * 1e7


def write(path: Path, intensity: np.ndarray, sigma: np.ndarray | None = None, *, seed: int = 1) -> Path:
    """A curve with noise `sigma`, q in 1/nm said in the header."""
    columns = [Q, intensity]
    if sigma is not None:
        columns = [Q, np.random.default_rng(seed).normal(intensity, sigma), sigma]
    np.savetxt(path, np.column_stack(columns), header="q (1/nm)  I" + ("  sigma" if sigma is not None else ""))
    return path


def counting(intensity: np.ndarray, photons: float) -> np.ndarray:
    """Sigma of a curve whose brightest bin holds `photons`, bins growing as q."""
    per_count = intensity.max() / photons * Q[0] / Q
    return np.sqrt(per_count * np.maximum(intensity, per_count))


@pytest.fixture(scope="module")
def dilute(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """phi = 0.004 of d = 7.1 +/- 1.1 nm in absolute units, analysed."""
    folder = tmp_path_factory.mktemp("dilute")
    intensity = per_cm(0.004, 7.1, 1.1) + 0.002
    file = write(folder / "dilute.dat", intensity, counting(intensity, 1e5))
    return folder / "out", analyse_curves([file], folder / "out", contrast_per_A2=CONTRAST_PER_A2)


def test_an_absolute_curve_gives_volume_fraction_and_sizes_within_their_sigma(dilute) -> None:
    numbers = dilute[1][0].numbers
    assert dilute[1][0].flags == ()
    assert dilute[1][0].spheres.kind == "spheres"
    for name, truth in {"volume_fraction": 0.004, "diameter": 7.1, "deviation": 1.1, "background": 0.002}.items():
        assert abs(numbers[name].value - truth) < 4 * numbers[name].sigma, name
        assert numbers[name].sigma > 0
    assert_close(numbers["volume_fraction"].value, 0.004, rel=0.01)


def test_the_posterior_of_the_sizes_stands_beside_their_sigma(dilute) -> None:
    folder, (result,) = dilute
    with (folder / "curves.csv").open() as file:
        (row,) = csv.DictReader(file)
    numbers = json.loads((folder / "dilute" / "numbers.json").read_text())
    for name, column in (("diameter", "d_nm"), ("deviation", "delta_nm")):
        low, high = (float(row[f"{column}_{end}"]) for end in ("low", "high"))
        assert_close([numbers[f"{name}_low"]["value"], numbers[f"{name}_high"]["value"]], [low, high], rel=1e-6)
        assert_close(0.5 * (high - low), result.numbers[name].sigma, rel=0.15)
        assert low < result.numbers[name].value < high
    below, d, _ = np.genfromtxt(folder / "dilute" / "posterior.csv", delimiter=",", skip_header=1, unpack=True)
    assert_close(np.interp(0.5 - 0.3413, below, d), float(row["d_nm_low"]), rel=1e-3)


@pytest.mark.parametrize("two_phase", [True, False])
def test_the_sigma_of_phi_is_that_of_the_invariant_through_its_formula(dilute, two_phase: bool) -> None:
    """Of a concentrated curve, where phi (1 - phi) bends: by differences of the same formula."""
    measured = dilute[1][0].invariant

    def phi(scale: float):
        scaled = replace(measured, invariant=replace(measured.invariant, data=scale * measured.invariant.data))
        return volume_fraction(scaled, CONTRAST_PER_A2, two_phase=two_phase)

    q = float(measured.invariant.values[0])
    sigma = np.sqrt(
        measured.invariant.sigma[0] ** 2 + sum(s.values[0] ** 2 for s in measured.invariant.shared.values())
    )
    slope = (phi(50.0 * (1 + 1e-5)).value - phi(50.0 * (1 - 1e-5)).value) / (50.0 * 2e-5 * q)
    total = np.sqrt((50.0 * measured.invariant.sigma[0]) ** 2 + sigma**2 - measured.invariant.sigma[0] ** 2)
    assert_close(phi(50.0).sigma, abs(slope) * total, rel=1e-4)


def test_polydispersity_carries_the_errors_of_both_sizes(dilute) -> None:
    numbers = dilute[1][0].numbers
    d, delta = numbers["diameter"], numbers["deviation"]
    ratio = numbers["polydispersity"]
    assert_close(ratio.value, delta.value / d.value, rel=1e-9)
    assert_close(ratio.sigma, ratio.value * np.hypot(delta.sigma / delta.value, d.sigma / d.value), rel=1e-9)


def test_the_files_hold_what_the_function_returns(dilute) -> None:
    out, (result,) = dilute
    stored = json.loads((out / "dilute" / "numbers.json").read_text())
    assert stored["diameter"] == {
        "value": result.numbers["diameter"].value,
        "sigma": result.numbers["diameter"].sigma,
        "unit": "nm",
        "source": "fit of spheres",
        "quality": "good",
        "sigma_counting": result.numbers["diameter"].sigma,
        "contributions": {},
    }
    (row,) = csv.DictReader((out / "curves.csv").open())
    assert_close(float(row["d_nm"]), stored["diameter"]["value"], rel=1e-6)
    assert_close(float(row["volume_fraction"]), stored["volume_fraction"]["value"], rel=1e-6)
    shares = [float(row[f"invariant_{part}_share"]) for part in ("window", "low_q", "high_q")]
    assert_close(sum(shares), 1.0, rel=1e-6)
    assert (row["lattice"], row["invariant_method"]) == ("none", "sphere fit")


def test_fit_csv_is_a_curve_that_can_be_read_again(dilute) -> None:
    out, (result,) = dilute
    (again,) = read_curve(out / "dilute" / "fit.csv")
    assert_close(again.q, result.curve.q, rel=1e-6)
    assert_close(again.sigma, result.curve.sigma, rel=1e-6)
    rows = np.genfromtxt(out / "dilute" / "fit.csv", delimiter=",", skip_header=1)
    structure, sigma = rows[:, 4], rows[:, 5]
    assert abs(np.average(structure, weights=sigma**-2) - 1) < 0.002


def test_the_report_asks_nothing_from_outside(dilute) -> None:
    page = (dilute[0] / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert "http" not in page.replace("http-equiv", "")
    assert "dilute" in summary(dilute[1], dilute[0])
    assert all((dilute[0] / f"{file}.svg").is_file() for file in linked_figures(page))
    assert WRONG.findall(words_of(page)) == []


def test_the_shaded_area_is_the_part_of_the_invariant_within_the_window(dilute) -> None:
    result = dilute[1][0]
    shown = picture(result, absolute=True)
    area = shown.counted @ (shown.q**2 * np.diff(bin_edges(shown.q)))
    assert_close(area, result.invariant.window[0], rel=1e-9)


def test_the_figure_names_its_axes_with_units(dilute) -> None:
    figure = curve_page(picture(dilute[1][0], absolute=True))
    labels = {(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes}
    q = "q (nm$^{-1}$)"
    assert labels == {(q, "I (cm$^{-1}$)"), (q, "q$^2$ I (largest = 1)"), (q, "S(q)")}


@pytest.mark.parametrize("coupling", ["decoupling", "product"])
def test_hard_spheres_are_recognised_and_measured(tmp_path: Path, coupling: str) -> None:
    d, delta, phi, contact = 6.0, 0.7, 0.2, 7.5
    form = squared_form_factor(Q, d, delta)
    beta = amplitude(Q, d, delta) ** 2 / form if coupling == "decoupling" else 1.0
    intensity = 0.02 * form * decoupled(percus_yevick(Q, contact / 2, phi), beta) + 0.05
    (result,) = analyse_curves([write(tmp_path / "a.dat", intensity, counting(intensity, 1e5))], tmp_path / "out")
    assert result.spheres.kind == f"hard spheres ({coupling})"
    assert result.spheres.flags == ()
    truths = {"diameter": d, "deviation": delta, "hard_sphere_volume_fraction": phi, "contact_diameter": contact}
    for name, truth in truths.items():
        assert abs(result.numbers[name].value - truth) < 4 * result.numbers[name].sigma, name


def test_a_size_distribution_that_is_not_normal_is_not_taken_for_interaction(tmp_path: Path) -> None:
    diameters = np.linspace(2, 14, 61)
    number = np.exp(-0.5 * (np.log(diameters / 5) / 0.3) ** 2) / diameters
    form = np.array([squared_form_factor(Q, d, 0.01 * d) for d in diameters])
    intensity = number @ form + 1.0
    (result,) = analyse_curves([write(tmp_path / "a.dat", intensity, counting(intensity, 1e6))], tmp_path / "out")
    assert result.spheres.kind == "spheres"


def test_a_superlattice_is_found_and_its_lattice_constant_is_within_sigma(tmp_path: Path) -> None:
    form = squared_form_factor(Q, 7.1, 0.6)
    beta = amplitude(Q, 7.1, 0.6) ** 2 / form
    order = 1.0 + 0.3 * beta * superlattice_order(Q, "FCC", 15.1, 0.03, 0.5).value
    intensity = 0.01 * form * order + 0.3
    (result,) = analyse_curves([write(tmp_path / "a.dat", intensity, counting(intensity, 3e5))], tmp_path / "out")
    a = result.numbers["lattice_constant"]
    assert result.assignment.lattice == "FCC"
    assert abs(a.value - 15.1) < 4 * a.sigma < 0.05
    assert_close(result.numbers["diameter"].value, 7.1, rel=0.01)
    assert result.spheres.flags == ()  # a cubic lattice has no shape that could be at a bound


def test_every_curve_of_a_file_and_every_file_of_one_name_has_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    intensity = np.array([per_cm(0.004, d, 0.8) for d in (6.0, 7.0)])
    several = tmp_path / "several.h5"
    write_nxcansas(several, Q, intensity, 0.01 * intensity, [{"title": "first"}, {"title": "second"}])
    files = [several, write(tmp_path / "a.dat", intensity[0]), write(tmp_path / "b" / "a.dat", intensity[1])]
    results = analyse_curves(files, tmp_path / "out")
    assert [result.name for result in results] == ["several_1", "several_2", "a", "a-2"]
    assert_close([result.numbers["diameter"].value for result in results], [6, 7, 6, 7], rel=0.002)
    assert all((tmp_path / "out" / result.name / "figure.svg").exists() for result in results)


def test_files_and_curves_without_an_answer_keep_their_row_and_cost_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command with --quiet still says on stderr what was left out; exit code 0: there is an answer."""
    good = write(tmp_path / "good.dat", per_cm(0.004, 7.1, 1.1))
    (tmp_path / "words.dat").write_text("nothing but\nwords\n")
    (tmp_path / "short.dat").write_text("# q (1/nm) I\n" + "\n".join(GOOD_ROWS.splitlines()[:5]))
    files = [str(tmp_path / "words.dat"), str(tmp_path / "short.dat"), str(good)]
    assert run(["curves", *files, "--out", str(tmp_path / "out"), "--quiet"]) == 0
    message = capsys.readouterr().err.splitlines()
    assert ["words.dat" in message[0], "short.dat" in message[1], len(message)] == [True, True, 2]
    rows = list(csv.DictReader((tmp_path / "out" / "curves.csv").open()))
    assert [row["curve"] for row in rows] == ["words", "short", "good"]
    assert "columns q and I" in rows[0]["flags"]
    assert "bins = 5" in rows[1]["flags"]
    assert_close(float(rows[2]["d_nm"]), 7.1, rel=0.01)
    assert rows[2]["read_as"].startswith("q in 1/nm as the file says; q from 'q (1/nm)', I from 'I'")
    page = (tmp_path / "out" / "report.html").read_text()
    assert "no answer" in page
    assert "as the file says" in page


def test_a_missing_file_is_found_before_any_curve_is_analysed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path / "good.dat", per_cm(0.004, 7.1, 1.1))
    assert run(["curves", str(good), str(tmp_path / "absent.dat"), "--out", str(tmp_path / "out")]) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert "absent.dat" in message
    assert not (tmp_path / "out").exists()


def test_where_no_curve_gives_an_answer_the_table_still_says_why(tmp_path: Path) -> None:
    (tmp_path / "words.dat").write_text("nothing but\nwords\n")
    with pytest.raises(InputFileError, match="columns q and I"):
        analyse_curves([tmp_path / "words.dat"], tmp_path / "out")
    (row,) = csv.DictReader((tmp_path / "out" / "curves.csv").open())
    assert (row["verdict"], "columns q and I" in row["flags"]) == ("no answer", True)


Q_FEW = np.linspace(0.1, 3.0, 110)


def written(path: Path, intensity: np.ndarray, photons: float, *, seed: int = 1) -> Path:
    """Poisson counts of a curve on Q_FEW whose brightest bin holds `photons`."""
    counts = np.random.default_rng(seed).poisson(intensity * photons / intensity.max())
    columns = np.column_stack([Q_FEW, counts, np.sqrt(np.maximum(counts, 1))])
    np.savetxt(path, columns, header="q_nm^-1 I sigma", comments="")
    return path


def test_hard_spheres_are_tried_where_their_own_peak_is_found(tmp_path: Path) -> None:
    """The first maximum of S(q) of a dense liquid counts as a peak, and no lattice explains it."""
    d, delta, phi, contact = 7.5, 0.5, 0.32, 8.0
    form = squared_form_factor(Q_FEW, d, delta)
    beta = amplitude(Q_FEW, d, delta) ** 2 / form
    intensity = form * decoupled(percus_yevick(Q_FEW, contact / 2, phi), beta)
    (result,) = analyse_curves([written(tmp_path / "a.dat", intensity, 6e4)], tmp_path / "out")
    assert result.assignment.peaks
    assert result.assignment.lattice is None
    assert result.spheres.kind == "hard spheres (decoupling)"
    assert "None" not in summary([result], tmp_path)
    truths = {"diameter": d, "deviation": delta, "hard_sphere_volume_fraction": phi, "contact_diameter": contact}
    for name, truth in truths.items():
        assert abs(result.numbers[name].value - truth) < 4 * result.numbers[name].sigma < 0.05 * truth, name


def mixed(populations: list[tuple[float, float, float]]) -> np.ndarray:
    """Dilute spheres of log-normal populations (number, median, width of ln d)."""
    d = np.geomspace(1.0, 40.0, 400)
    number = sum(n * np.exp(-0.5 * (np.log(d / m) / w) ** 2) for n, m, w in populations)
    return number @ np.array([squared_form_factor(Q_FEW, one, 1e-3 * one) for one in d])


@pytest.mark.parametrize(
    "populations",
    [[(1.0, 7.0, 0.4)], [(1.0, 8.0, 0.25)], [(1.0, 5.0, 0.08), (0.2, 11.0, 0.08)]],
    ids=["wide", "log-normal of 25 %", "bimodal"],
)
def test_dilute_sizes_that_are_not_normal_are_no_interaction_and_no_silent_gaussian(
    tmp_path: Path, populations: list[tuple[float, float, float]]
) -> None:
    (result,) = analyse_curves([written(tmp_path / "a.dat", mixed(populations), 2e4)], tmp_path / "out")
    assert result.spheres.kind == "spheres"
    assert any("a Gaussian is not enough" in flag for flag in result.flags)
    assert (tmp_path / "out" / "a" / "sizes.csv").is_file()
    d = np.geomspace(1.0, 40.0, 4000)
    volume = d**3 * sum(n * np.exp(-0.5 * (np.log(d / m) / w) ** 2) for n, m, w in populations) / d
    mean = result.numbers["volume_mean_diameter"]
    assert abs(mean.value - np.trapezoid(volume * d, d) / np.trapezoid(volume, d)) < 4 * mean.sigma < 0.1 * mean.value


@pytest.mark.parametrize("slope", [300.0, 0.0])
def test_a_curve_that_no_particles_scatter_gives_no_sizes(tmp_path: Path, slope: float) -> None:
    intensity = 1000.0 + slope * Q_FEW
    (result,) = analyse_curves([written(tmp_path / "a.dat", intensity, 2e3)], tmp_path / "out")
    assert result.numbers["diameter"].value is None
    assert "no particles" in result.flags
    (row,) = csv.DictReader((tmp_path / "out" / "curves.csv").open())
    assert (row["spheres"], row["d_nm"], row["lattice"]) == ("no sizes", "", "none")
    assert "nan" not in summary([result], tmp_path).lower()


GOOD_ROWS = "\n".join(f"{q:.3f} {1 / (1 + q**4):.6f}" for q in np.linspace(0.1, 3, 60))


@pytest.mark.parametrize(
    ("content", "options", "told"),
    [
        (None, [], "no such file"),
        ("nothing but\nwords\n", [], "columns q and I"),
        ("# q I\n" + GOOD_ROWS, [], "whether q is in 1/nm or 1/A"),
        ("# q I\n" + GOOD_ROWS, ["--q-unit", "furlong"], "neither 1/nm nor 1/A"),
        ("# q (1/nm) I\n" + GOOD_ROWS.replace("\n0.", "\n0.0", 1) + "\n3.1 nan", [], "must be a finite number"),
        ("# q (1/nm) I\n" + "\n".join(f"{q:.3f} -1" for q in np.linspace(0.1, 3, 60)), [], "must be above 0"),
        ("# q (1/nm) I\n" + GOOD_ROWS, ["--contrast-per-A2", "1e-12"], "absolute scale and the contrast"),
    ],
    ids=["missing", "text", "no unit", "unknown unit", "NaN", "negative", "contrast"],
)
def test_bad_input_is_one_line_that_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, options: list[str], told: str
) -> None:
    file = tmp_path / "curve.dat"
    if content is not None:
        file.write_text(content)
    assert run(["curves", str(file), "--out", str(tmp_path / "out"), "--quiet", *options]) == 2
    message = capsys.readouterr().err.splitlines()
    assert len(message) == 1
    assert str(file) in message[0]
    assert told in message[0]


def test_a_contrast_of_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="contrast_per_A2"):
        analyse_curves([write(tmp_path / "a.dat", per_cm(0.004, 7.1, 1.1))], tmp_path / "out", contrast_per_A2=0.0)


def test_sasfit_and_matlab_tables_of_gaussian_spheres_come_back(reference_data: Path, tmp_path: Path) -> None:
    folder = reference_data / "gaussian_spheres"
    files = [folder / name for name in ("sasfit_sphere_IQD.txt", "testPolydisperseGaussianSphere.dat")]
    for result in analyse_curves(files, tmp_path, q_unit="1/A"):
        assert (result.spheres.kind, result.spheres.flags) == ("spheres", ())
        assert_close(result.numbers["diameter"].value, 4.0, rel=1e-5)
        assert_close(result.numbers["deviation"].value, 0.4, rel=1e-4)


def test_sasfit_table_of_interacting_spheres_is_fitted_with_its_interaction(
    reference_data: Path, tmp_path: Path
) -> None:
    (result,) = analyse_curves([reference_data / "gaussian_spheres/sasfit_sphere_IQSD.txt"], tmp_path, q_unit="1/A")
    numbers = {name: number.value for name, number in result.numbers.items()}
    assert result.spheres.kind == "hard spheres (product)"
    assert_close([numbers["diameter"], numbers["contact_diameter"]], [4.0, 4.0], rel=1e-4)
    assert_close([numbers["deviation"], numbers["hard_sphere_volume_fraction"]], [0.4, 0.3], rel=1e-3)


def test_sasview_curve_of_one_per_cent_silica_gives_one_per_cent(reference_data: Path, tmp_path: Path) -> None:
    folder = reference_data / "invariant"
    files = [folder / "100nmSpheresNodQ.txt", folder / "100nmPinholeSphere.txt"]
    sharp, smeared = analyse_curves(files, tmp_path, q_unit="1/A", contrast_per_A2=2.2e-6)
    assert_close(sharp.numbers["volume_fraction"].value, 0.01, rel=0.002)
    assert_close(sharp.numbers["diameter"].value, 100.0, rel=1e-3)
    assert_close(smeared.numbers["volume_fraction"].value, 0.0115, rel=0.01)
    assert "poor fit" in smeared.flags


@pytest.mark.slow
def test_measured_palladium_superlattices_are_named_as_by_their_authors(reference_data: Path, tmp_path: Path) -> None:
    """One of each lattice from the files; all twelve are studied in analysis/crystals/test_lattice_fit.py."""
    folder = reference_data / "pd_superlattice"
    rows = {Path(row["file"]).name: row for row in csv.DictReader((folder / "author_fits.csv").open())}
    files = [folder / "R5_201611" / f"{name}_dz_bgsub.dat" for name in ("R5_SAXS_0071", "R5_1stcool_0065")]
    for result in analyse_curves(files, tmp_path):
        authors = rows[result.file.stem]
        assert result.assignment.lattice == ("HCP" if authors["lattice"] == "hcp" else "FCC"), result.name
        assert_close(10 * result.numbers["lattice_constant"].value, float(authors["xtal_a"]), rel=0.005)
        assert_close(5 * result.numbers["diameter"].value, float(authors["diff_r"]), rel=0.015)


def test_too_few_points_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "short.dat"
    file.write_text("# q (1/nm) I\n" + "\n".join(GOOD_ROWS.splitlines()[:5]))
    with pytest.raises((InputFileError, FitError), match=r"short\.dat.*bins = 5"):
        analyse_curves([file], tmp_path / "out")
