"""The example files, and small sample data beside them with which every command of README and how-to pages can be typed."""

from __future__ import annotations

import logging
import shutil
from importlib import resources
from pathlib import Path

from ..errors import InputFileError, bad_value
from ..io.atomic import replacing
from ..io.cbf import write_cbf
from ..io.nxcansas import write_nxcansas
from ..io.rows_csv import write_rows
from ..io.run_toml import read_experiment, read_run, write_run
from ..nouns import CurveSet, DetectorFiles, Experiment, VoltageProgram
from ..twin.detector_model import pixel_model
from ..twin.frames import FramePainter
from ..twin.powder import silver_behenate
from .analyse.analyse_run import analyse_run
from .output_folder import output_folder
from .progress import Progress, stage
from .simulate_run import simulate_run

log = logging.getLogger(__name__)
EXAMPLES, SAMPLE = "examples", "sample.toml"
IMAGE, GEOMETRY, RUN = "agbh.cbf", "geometry.poni", "run.toml"
CURVES = ("a.dat", "b.h5", "c.dat", "d.dat", "e.dat")
VOLTAGES = (30.0, 20.0)
RING_PHOTONS = 2e10
"""Per steradian on the first ring of the image: some ten thousand counts per pixel."""


def write_examples(
    out: str | Path = ".", *, data: bool = False, workers: int = 2, progress: Progress | None = None
) -> list[Path]:
    """Write the example files to `<out>/examples`; returns what was written.

    data: also sample data into `out`, made by the twin: `agbh.cbf` of a known geometry (`geometry.poni`), two runs
    (`run-30V`, `run-20V`) with their results (`results-30V`, `results-20V`), `run.toml` on the first of them, and five
    curves I(q). Raises InputFileError where a file is there already and is another one.

    >>> from electrosaxs import write_examples
    >>> write_examples("try", data=True)
    """
    out = Path(out)
    home = examples_home()
    files = sorted(file for file in home.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    wanted = {out / EXAMPLES / file.relative_to(home): file for file in files}
    made = [out / name for name in (IMAGE, GEOMETRY, RUN, *CURVES)] if data else []
    _check(wanted, made)
    output_folder(out)
    for target, file in wanted.items():
        with replacing(target) as part:
            shutil.copyfile(file, part)
    if data:
        made += _sample_data(out, workers=workers, progress=progress)
    return [*wanted, *made]


def summary(written: list[Path], out: str | Path) -> str:
    """What lies where, as text for the terminal."""
    folders = sorted({str(path.parent) for path in written})
    complete = Path(out) / IMAGE in written
    then = f"every command of README and docs runs in {out}" if complete else "--data adds small sample data"
    return f"wrote {len(written)} files and folders to {', '.join(folders)}; {then}"


def examples_home() -> Path:
    """The folder of the example files: in the installed package, or beside the sources of a checkout."""
    installed = Path(str(resources.files("electrosaxs"))) / EXAMPLES
    return installed if installed.is_dir() else Path(__file__).parents[3] / EXAMPLES


def _check(wanted: dict[Path, Path], made: list[Path]) -> None:
    """Nothing of the user's is overwritten: a file that was edited, or one of the name of a sample."""
    edited = [path for path, file in wanted.items() if path.exists() and path.read_bytes() != file.read_bytes()]
    for path in (*edited, *(path for path in made if path.exists())):
        raise bad_value(
            InputFileError, where=path, field="file", value=path.name, rule="is there already and would be overwritten",
            remedy="give another folder with --out, or move it away",
        )  # fmt: skip


def _sample_data(out: Path, *, workers: int, progress: Progress | None) -> list[Path]:
    """Image, runs with their results, and curves; the folders that were made."""
    with resources.as_file(resources.files(__package__) / SAMPLE) as file:
        first = read_experiment(file)
    with stage(progress, "silver behenate"):
        _write_image(out / IMAGE, first)
    folders = []
    for volts in VOLTAGES:
        run, results = out / f"run-{volts:.0f}V", out / f"results-{volts:.0f}V"
        path = simulate_run(_at(first, volts), run, workers=workers, progress=progress)
        found = analyse_run(path, results, workers=workers, progress=progress)
        if volts == VOLTAGES[0]:
            _write_run(out, path)
            assert found.curves is not None
            _write_curves(out, found.curves)
        folders += [run, results]
    return folders


def _at(first: Experiment, volts: float) -> Experiment:
    """The sample experiment at another voltage, with photons of its own."""
    title = first.run.model_copy(update={"title": f"sample, {volts:.0f} V"})
    output = first.output.model_copy(update={"seed": first.output.seed + round(volts)})
    voltage = VoltageProgram(time_s=[0.0], voltage_V=[volts])
    return first.model_copy(update={"run": title, "output": output, "voltage": voltage})


def _write_image(path: Path, experiment: Experiment) -> None:
    """Silver behenate in the geometry of the runs."""
    pixels = pixel_model(experiment.detector, experiment.beam, seed=experiment.output.seed)
    painter = FramePainter(pixels, seed=experiment.output.seed)
    frame = painter.draw(0, silver_behenate(pixels.q_grid, RING_PHOTONS), 1.0)
    write_cbf(path, frame, {"Detector:": experiment.detector.name, "Exposure_time": "1 s"})


def _write_run(out: Path, run_toml: Path) -> None:
    """run.toml and geometry.poni in `out`, on the frames of the run: `calibrate -o geometry.poni` replaces the geometry."""
    run = read_run(run_toml)
    with replacing(out / GEOMETRY) as part:
        shutil.copyfile(run.detector.geometry, part)
    detector = DetectorFiles(geometry=(out / GEOMETRY).resolve(), mask=run.detector.mask)
    write_run(out / RUN, run.model_copy(update={"detector": detector}))


def _write_curves(out: Path, curves: CurveSet) -> None:
    """One file per height of the last scan: text, and the second one NXcanSAS."""
    data = curves.intensity
    for row, name in enumerate(CURVES):
        seen = data.good[row]
        q, intensity, sigma = data.coord("q")[seen], data.values[row][seen], data.sigma[row][seen]
        if name.endswith(".h5"):
            write_nxcansas(out / name, q, intensity, sigma, {"title": f"sample at {curves.height[row]:.0f} um"})
        else:
            rows = (tuple(f"{value:.7g}" for value in point) for point in zip(q, intensity, sigma, strict=True))
            write_rows(out / name, ("q (1/nm)", "I", "sigma"), rows)
