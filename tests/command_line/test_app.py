"""What the user typed wrong comes back as one line on stderr and exit code 2: file, field, value, rule, remedy."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fabio
import h5py
import numpy as np
import pytest
from refused import refused
from simulated_runs import edit_column, replace_text

from electrosaxs.command_line.app import linear_algebra_on_one_thread

Damage = Callable[[Path], None]
EXAMPLE = Path(__file__).parents[2] / "examples" / "experiment_small.toml"


def toml(old: str, new: str) -> Damage:
    return lambda folder: replace_text(folder / "run.toml", old, new)


def poni(pattern: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        file = folder / "geometry.poni"
        text, found = re.subn(pattern, new, file.read_text(), count=1, flags=re.MULTILINE)
        assert found
        file.write_text(text)

    return damage


def column(name: str, change: Callable[[int, dict[str, str]], str]) -> Damage:
    return lambda folder: edit_column(folder / "frames.csv", name, change)


def without_column(name: str) -> Damage:
    def damage(folder: Path) -> None:
        rows = [line.split(",") for line in (folder / "frames.csv").read_text().splitlines()]
        place = rows[0].index(name)
        (folder / "frames.csv").write_text("\n".join(",".join(r[:place] + r[place + 1 :]) for r in rows) + "\n")

    return damage


def without_role(role: str) -> Damage:
    return column("role", lambda i, row: "empty" if row["role"] == role else row["role"])


def nexus(change: Callable[[h5py.File], None]) -> Damage:
    def damage(folder: Path) -> None:
        with h5py.File(folder / "frames.nxs", "r+") as file:
            change(file)

    return damage


def truncated(name: str, share: float) -> Damage:
    def damage(folder: Path) -> None:
        size = (folder / name).stat().st_size
        os.truncate(folder / name, int(share * size))

    return damage


def mask(change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    def damage(folder: Path) -> None:
        pixels = fabio.open(str(folder / "mask.edf")).data
        fabio.edfimage.EdfImage(data=change(pixels)).write(str(folder / "mask.edf"))

    return damage


def text(name: str, content: str) -> Damage:
    return lambda folder: (folder / name).write_text(content) and None


def absent(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def no_beam_in_solvent(_: int, row: dict[str, str]) -> str:
    return "0" if row["role"] == "solvent" else row["monitor_counts"]


def image_folder_empty(folder: Path) -> None:
    shutil.rmtree(folder / "images")
    (folder / "images").mkdir()


def all_images_broken(folder: Path) -> None:
    for image in (folder / "images").iterdir():
        image.write_bytes(b"not an image")


def write_column(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Damage:
    def rewrite(file: h5py.File) -> None:
        file[f"entry/frames/{name}"][...] = change(file[f"entry/frames/{name}"][()])

    return nexus(rewrite)


def fewer_rows(file: h5py.File) -> None:
    for name in list(file["entry/frames"]):
        old = file[f"entry/frames/{name}"]
        values, attributes = old[:-1], dict(old.attrs)
        del file[f"entry/frames/{name}"]
        file[f"entry/frames/{name}"] = values
        file[f"entry/frames/{name}"].attrs.update(attributes)


def as_float(file: h5py.File) -> None:
    shape = file["entry/instrument/detector/data"].shape
    del file["entry/instrument/detector/data"]
    file.create_dataset(
        "entry/instrument/detector/data", shape, "f4", data=np.full(shape, 0.5, "f4"), chunks=(1, *shape[1:])
    )


def delete(name: str) -> Damage:
    def remove(file: h5py.File) -> None:
        del file[name]

    return nexus(remove)


SETTINGS: list[tuple[str, Damage, str]] = [
    ("negative gap", toml("gap_mm = 3.5", "gap_mm = -3.5"), r"run\.toml: cell\.gap_mm = -3\.5: must be above 0; give"),
    ("unknown setting", toml("gap_mm", "gap_cm"), r"cell\.gap_cm = 3\.5: is not a known key; did you mean gap_mm"),
    ("unknown section", toml("[analysis]", "[analyses]"), r"analyses.*is not a known key; did you mean analysis"),
    ("q order", toml("q_min_per_nm = 0.1", "q_min_per_nm = 9.0"), r"q_min_per_nm = 9: must be below .* = 3\.5; give"),
    ("q of no pixel", toml("q_max_per_nm = 3.5", "q_max_per_nm = 0.11"), r"reference frames = .* 1/nm: .*the q range"),
    ("negative bins", toml("bins = 500", "bins = -5"), r"analysis\.bins = -5: must be 50 or more"),
    ("phi in percent", toml("volume_fraction = 0.0008", "volume_fraction = 8"), r"volume_fraction = 8: must be 0\.74 or"),
    ("NaN", toml("path_length_mm = 10.0", "path_length_mm = nan"), r"cell\.path_length_mm = nan: must be"),
    ("unknown core", toml('core = "Ag"', 'core = "Unobtainium"'), r"run\.toml: solution\.core = .Unobtainium.: .*; "),
    ("unknown ligand", toml('ligand = "1-dod', 'ligand = "0-dod'), r"run\.toml: solution\.ligand = .0-dodecanethiol.: .*; "),
    ("unknown solvent", toml('solvent = "tol', 'solvent = "kol'), r"run\.toml: solution\.solvent = .koluene.: .*; "),
    ("no toml", text("run.toml", "\x00\x01"), r"run\.toml: TOML syntax"),
    ("geometry absent", absent("geometry.poni"), r"run\.toml: detector\.geometry = .*there is no such file; paths are"),
    ("geometry is text", text("geometry.poni", "hello"), r"geometry\.poni: Detector = missing: .*; "),
    ("geometry damaged", poni(r"^Distance: .*", "Distance: far"), r"geometry\.poni: Distance = far: .*; "),
    ("distance negative", poni(r"^Distance: .*", "Distance: -0.8"), r"geometry\.poni: Distance = -0\.8: must .*; "),
    ("other detector", poni(r"^Detector: .*", "Detector: Pilatus2M"), r"geometry\.poni: detector shape = \(1679, 1475\)"),
    ("no such detector", poni(r"^Detector: .*", "Detector: Pilatos"), r"geometry\.poni: Detector = .*; "),
    ("other energy", toml("energy_keV = 13.3", "energy_keV = 12.0"), r"must agree with the run's energy 12 keV within"),
    ("mask absent", absent("mask.edf"), r"run\.toml: detector\.mask = .*there is no such file"),
    ("mask shape", mask(lambda m: m[:-1]), r"mask\.edf: .*\(194, 487\).*\(195, 487\).*; "),
    ("mask inverted", mask(lambda m: 1 - m), r"mask\.edf: mask = 9.*% .*: 1 = masked.*; invert"),
    ("mask of all", mask(lambda m: 0 * m + 1), r"mask\.edf: mask = 100.0% .*; "),
    ("mask is a frame", mask(lambda m: np.arange(m.size).reshape(m.shape)), r"mask\.edf: mask = .* values .*; give the mask"),
    ("mask is text", text("mask.edf", "hello"), r"mask\.edf: detector\.mask = .*is text.*; give a mask"),
]  # fmt: skip

NEXUS: list[tuple[str, Damage, str]] = [
    ("frames absent", absent("frames.nxs"), r"run\.toml: frames\.nexus = .*there is no such file"),
    ("truncated", truncated("frames.nxs", 0.5), r"frames\.nxs: frames\.nexus = frames\.nxs: truncated file.*; copy it again"),
    ("empty file", truncated("frames.nxs", 0.0), r"frames\.nxs: frames\.nexus = frames\.nxs: is empty; copy it again"),
    ("no hdf5", text("frames.nxs", "hello"), r"frames\.nxs: frames\.nexus = frames\.nxs: is not an HDF5 file; "),
    ("no data", delete("entry/instrument/detector/data"), r"frames\.nxs: /entry/instrument/detector/data = missing"),
    ("no table", delete("entry/frames"), r"frames\.nxs: /entry/frames = missing: the frame table is required; "),
    ("no transmission", delete("entry/frames/transmission"), r"/entry/frames/transmission = missing: .* 86 % at ten times"),
    ("no monitor", delete("entry/frames/monitor"), r"/entry/frames/monitor = missing: is required; add it: incident"),
    ("percentage", write_column("transmission", lambda t: 100 * t), r"transmission = [\d.]+: must be in .*percentage"),
    ("NaN monitor", write_column("monitor", lambda t: np.nan * t), r"monitor_counts .*empty: must be above 0; give"),
    ("float frames", nexus(as_float), r"/entry/instrument/detector/data = .*that were counted; give the detector's own frames"),
    ("too few rows", nexus(fewer_rows), r"data = 49 frames: the table /entry/frames has 48 rows; "),
]  # fmt: skip

CSV: list[tuple[str, Damage, str]] = [
    ("no transmission", without_column("transmission"), r"frames\.csv: column transmission = missing: is required; .* 86 % "),
    ("no monitor", without_column("monitor_counts"), r"frames\.csv: column monitor_counts = missing: is required; add it"),
    ("no time", without_column("time_s"), r"frames\.csv: column time_s = missing"),
    ("percentage", column("transmission", lambda i, row: "83"), r"frames\.csv: transmission = 83: must be in .*perc"),
    ("negative monitor", column("monitor_counts", lambda i, row: "-3e7"), r"monitor_counts .*= -3e\+07: must be ab"),
    ("times empty", column("time_s", lambda i, row: ""), r"frames\.csv: time_s \(20 of 20 sample frames\) = empty: must"),
    ("unknown role", column("role", lambda i, row: row["role"].replace("so", "zo")), r"row 3.*role = 'zolvent'.*you mean solv"),
    ("no reference", without_role("reference"), r"frames\.csv: role reference = no frame: .*; give the role reference"),
    ("no solvent", without_role("solvent"), r"frames\.csv: role solvent = no frame: .*; give the role solvent"),
    ("no sample", without_role("sample"), r"frames\.csv: role sample = no frame: .*; "),
    ("no number", column("height_um", lambda i, row: "high"), r"frames\.csv: row 1 \(line 2\), height_um = 'high'"),
    ("no images", image_folder_empty, r"frames\.csv: file = frame_00000\.cbf: .*48 others are missing too"),
    ("broken images", all_images_broken, r"frames\.csv: file = no image is readable"),
    ("table empty", text("frames.csv", ""), r"frames\.csv: table = empty: needs a header line"),
    ("solvent unusable", column("monitor_counts", no_beam_in_solvent), r"monitor_counts \(3 of 3 solvent frames\) = 0"),
]  # fmt: skip


def _ids(case: object) -> str | None:
    return case.replace(" ", "_") if isinstance(case, str) and re.fullmatch(r"[\w ]+", case) else ""


@pytest.mark.parametrize(("what", "damage", "line"), SETTINGS + NEXUS, ids=_ids)
def test_a_bad_run_with_nexus_frames_is_refused_in_one_line(
    what: str, damage: Damage, line: str, nexus_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(nexus_run.parent)
    assert re.search(line, refused(capsys, "analyse", nexus_run, "--out", tmp_path / "out", "--quiet"))


@pytest.mark.parametrize(("what", "damage", "line"), CSV, ids=_ids)
def test_a_bad_run_with_images_is_refused_in_one_line(
    what: str, damage: Damage, line: str, cbf_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(cbf_run.parent)
    assert re.search(line, refused(capsys, "analyse", cbf_run, "--out", tmp_path / "out", "--quiet"))


EXPERIMENTS: list[tuple[str, str, str, str]] = [
    ("negative solubility", "solubility = 0.011", "solubility = -0.011", r"growth\.solubility = -0\.011: must be above"),
    ("no such detector", "Pilatus300k", "Pilatos", r"detector\.name = .Pilatos.: .*; "),
    ("times not increasing", "time_s = [0.0]", "time_s = [5.0, 5.0]", r"voltage.*: .*; give one voltage"),
    ("times decrease", "time_s = [0.0]\nvoltage_V = [30.1]", "time_s = [9, 1]\nvoltage_V = [1, 2]", r"time_s must incr"),
    ("unknown charge model", "[transport]", '[transport]\ncharge_model = "none"', r"charge_model = \"none\": must be"),
    ("no charge", "effective_charge = 0.045", "", r"transport\.effective_charge = missing: is required; give"),
    ("no heights", "heights_um = [0, 50, 100, 200, 400, 800, 1600, 2400, 3200, 3450]", "heights_um = []", r"scan\.heights_um"),
    ("height beyond the gap", "3200, 3450]", "3200, 4450]", r"experiment_small\.toml: scan\.heights_um.*4450.*; "),
    ("no scans", "scans = 8", "scans = 0", r"scan\.scans = 0: must be 1 or more"),
    ("fewer sizes", "core_sigma_nm = 1.1", "", r"solution.*give core_diameter_nm and core_sigma_nm"),
    ("unknown form", 'form = "cbf"', 'form = "tiff"', r"output\.form = \"tiff\": must be"),
    ("unknown core", "[solution]", '[solution]\ncore = "Xx"', r"experiment_small\.toml: solution\.core = .Xx.: is no core"),
    ("too hot", "[cell]", "[cell]\ntemperature_K = 450", r"experiment_small\.toml: cell\.temperature_K = 450"),
    ("table absent", "core_diameter_nm = 7.1\ncore_sigma_nm = 1.1", 'distribution = "s.csv"', r"distribution = .*no such file"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "new", "line"), EXPERIMENTS, ids=_ids)
def test_a_bad_experiment_is_refused_and_nothing_is_written(
    what: str, old: str, new: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = Path(shutil.copy(EXAMPLE, tmp_path))
    replace_text(experiment, old, new)
    assert re.search(line, refused(capsys, "simulate", experiment, "--out", tmp_path / "run", "--quiet"))
    assert not (tmp_path / "run").exists()


CALIBRATIONS: list[tuple[str, list[str], str]] = [
    ("missing image", ["nothing.tif", "--energy-kev", "13.3"], r"nothing\.tif: file = absent: must exist; "),
    ("no image", ["text.tif", "--energy-kev", "13.3"], r"text\.tif: file = .*: must be an image that fabio reads; "),
    ("unknown calibrant", ["flat.edf", "--energy-kev", "13.3", "--calibrant", "salt"], r"flat\.edf: calibrant = salt: .*; "),
    ("unknown detector", ["flat.edf", "--energy-kev", "13.3", "--detector", "Pilatos"], r"flat\.edf: detector = Pilatos"),
    ("other detector", ["flat.edf", "--energy-kev", "13.3", "--detector", "Pilatus2M"], r"flat\.edf: .*\(619, 487\).*; "),
    ("negative energy", ["flat.edf", "--energy-kev", "-13.3"], r"flat\.edf: energy_keV = -13\.3: .*; "),
    ("no number", ["flat.edf", "--energy-kev", "high"], r"electrosaxs calibrate: .*--energy-kev'.*number.*--help"),
    ("no energy", ["flat.edf"], r"electrosaxs calibrate: .*--energy-kev.*see electrosaxs calibrate --help"),
    ("negative distance", ["flat.edf", "--energy-kev", "13.3", "--distance-m", "-1"], r"flat\.edf: .*distance.*-1.*; "),
    ("no ring", ["flat.edf", "--energy-kev", "13.3"], r"flat\.edf: rings found = .*; "),
]  # fmt: skip


@pytest.mark.parametrize(("what", "arguments", "line"), CALIBRATIONS, ids=_ids)
def test_a_calibration_that_cannot_be_is_refused_and_nothing_is_written(
    what: str,
    arguments: list[str],
    line: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.tif").write_text("no image")
    noise = np.random.default_rng(3).poisson(4.0, (619, 487)).astype(np.int32)
    fabio.edfimage.EdfImage(data=noise).write("flat.edf")
    assert re.search(line, refused(capsys, "calibrate", *arguments, "-o", "g.poni", "--quiet"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flat.edf", "text.tif"]


def test_an_out_path_that_is_a_file_is_refused(
    quiet_nexus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("precious")
    curve = "\n".join(f"{q / 50} {1 / (1 + q**4):g} {0.1 / (1 + q**4):g}" for q in range(1, 99))
    (tmp_path / "a.dat").write_text(curve)
    sources = {"analyse": quiet_nexus, "simulate": EXAMPLE, "demo": None, "curves": tmp_path / "a.dat"}
    for command, source in sources.items():
        line = refused(capsys, command, *([source] if source else []), "--out", tmp_path / "out", "--quiet")
        assert re.search(r"out: --out = .*is a file.*; ", line), line
    assert (tmp_path / "out").read_text() == "precious"


def test_a_folder_that_cannot_be_written_is_refused(
    quiet_nexus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write everywhere, so that mkdir itself says no here."""

    def denied(path: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", denied)
    line = refused(capsys, "analyse", quiet_nexus, "--out", tmp_path / "out", "--quiet")
    assert re.search(r"out: --out = .*permission denied.*; ", line), line


def test_an_unknown_integrator_is_refused(
    quiet_nexus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("mine", "pyfai:", "pyfai:none"):
        line = refused(capsys, "analyse", quiet_nexus, "--out", tmp_path / "out", "--integrator", name, "--quiet")
        assert re.search(r"--integrator(: pyFAI method)? = \S*: must be .*; ", line), line


def test_a_mistyped_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(r"No such command 'analyze'.*--help", refused(capsys, "analyze", "run.toml"))
    assert re.search(r"Missing option '--out'.*--help", refused(capsys, "analyse", "run.toml"))
    assert re.search(
        r"--workers.*greater than or equal to 1.*--help",
        refused(capsys, "analyse", "run.toml", "--out", "x", "--workers", "0"),
    )
    assert re.search(
        r"absent\.toml: file = absent\.toml: no such file", refused(capsys, "analyse", "absent.toml", "--out", "x")
    )


def shell(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "electrosaxs.command_line.app", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


ONE_THREAD = """
import os, sys
from electrosaxs.command_line import app
app.run = lambda: print("numpy" in sys.modules, os.environ["OPENBLAS_NUM_THREADS"]) or 0
app.main()
"""


def test_linear_algebra_has_one_thread_before_numpy_is_there_unless_the_user_says_otherwise() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    ended = subprocess.run([sys.executable, "-c", ONE_THREAD], capture_output=True, text=True, check=True, env=bare)
    assert ended.stdout.split() == ["False", "1"]
    for said in ({"OMP_NUM_THREADS": "4"}, {"OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "3"}):
        left = dict(said)
        linear_algebra_on_one_thread(left)
        assert left == said


def test_the_process_itself_ends_with_2_and_one_line(nexus_run: Path, tmp_path: Path) -> None:
    toml("gap_mm = 3.5", "gap_mm = -3.5")(nexus_run.parent)
    ended = shell("analyse", nexus_run, "--out", tmp_path / "out")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(r"electrosaxs: .*cell\.gap_mm = -3\.5: must be .*; give .*\n", ended.stderr)


def test_every_command_has_help_with_an_example() -> None:
    ended = shell("--help")
    assert ended.returncode == 0
    for command in ("demo", "simulate", "calibrate", "analyse", "curves"):
        assert command in ended.stdout
