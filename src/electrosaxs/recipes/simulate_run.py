"""The digital twin: from an experiment to a run folder as the beamline would leave it, with the truth beside it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from pathlib import Path

import numpy as np

from ..errors import InputFileError, bad_value
from ..io.atomic import replacing
from ..io.cbf import write_cbf
from ..io.folder_lock import NAME as LOCK
from ..io.nexus_writer import NexusFrameWriter
from ..io.plain_json import to_json
from ..io.results import write_results
from ..io.run_toml import write_experiment, write_run
from ..io.table_csv import write_table_csv
from ..io.written_by import written_by
from ..nouns import (
    AnalysisSettings,
    Cell,
    DetectorFiles,
    Experiment,
    FloatArray,
    FrameSource,
    FrameTable,
    Run,
    Solution,
)
from ..nouns.run import Beam
from ..report.provenance import write_provenance
from ..twin.anode import anode, film_of_islands, growth_record
from ..twin.beamline import MONITOR_PER_PHOTON, Beamline, incident_photons, measured_transmission, monitor_counts
from ..twin.cell import simulate_cell
from ..twin.detector_model import SATURATION, PixelModel, gaps_of, pixel_model
from ..twin.frames import Frame, FramePainter, draw_frames
from ..twin.imperfections import (
    counted_of,
    dark_counts,
    late_hot_pixels,
    misread_transmission,
    monitor_factor,
    with_hot_pixels,
    with_stopped_modules,
)  # fmt: skip
from ..twin.scattering_cell import scattering_cell
from ..twin.schedule import anode_height_um, current, schedule
from ..twin.truth import TruthRecord
from .experiment_file import named, read_with_sizes
from .output_folder import writing
from .progress import Progress, over, stage
from .simulate_film import simulate_film
from .simulate_micrographs import draw_micrographs

TRUTH, RUN, EXPERIMENT, SIZES = "truth.nxs", "run.toml", "experiment.toml", "sizes.csv"
GEOMETRY, MASK, NEXUS, IMAGES, TABLE = "geometry.poni", "mask.edf", "frames.nxs", "images", "frames.csv"
MICROGRAPHS, FILM = "micrographs", "film"
WRITTEN = (TRUTH, RUN, EXPERIMENT, SIZES, GEOMETRY, MASK, NEXUS, TABLE)
IMPERFECTION_STREAM = 0xFA017
TABLE_STREAM = 0x7AB1E  # random numbers of the table, apart from those of the frames
log = logging.getLogger(__name__)


def simulate_run(
    experiment: str | Path | Experiment, out: str | Path, *, workers: int = 2, progress: Progress | None = None
) -> Path:
    """Simulate an experiment and write its run folder; returns the path of run.toml.

    The folder holds run.toml, geometry.poni, mask.edf, frames.nxs (or images/*.cbf with frames.csv), truth.nxs and
    experiment.toml; with [nucleation] also micrographs of the anode at the end, with [dried_film] the GISAXS frame of its
    islands. Frames are decided by the seed: the same for any number of `workers`. Raises InputFileError for a bad experiment
    and where `out` holds anything but an earlier simulation, which is replaced.

    >>> from electrosaxs import simulate_run
    >>> run_toml = simulate_run("examples/experiment_small.toml", "run")
    """
    settings, classes, source = read_with_sizes(experiment)
    folder = _free(Path(out))
    random = np.random.default_rng([settings.output.seed, TABLE_STREAM])
    with stage(progress, "transport model"), named(source):
        plan = schedule(settings)
        pixels = pixel_model(settings.detector, settings.beam, seed=settings.output.seed)
        history = simulate_cell(settings, classes)
        cell = scattering_cell(settings, pixels.q_grid, history.classes.diameter_nm, history.dry_shell_nm)
    record = None if settings.nucleation is None else growth_record(history)
    nucleated = None if settings.nucleation is None or record is None else settings.nucleation.density(record.flux)
    line = Beamline(settings, plan, history, cell, incident_photons(settings, plan, random), nucleated)
    log.info("%s: %d frames of %s, seed %d", source, len(plan), settings.detector.name, settings.output.seed)
    given = [] if isinstance(experiment, Experiment) else [Path(experiment)]
    with writing(folder, command="simulate"):
        _free(folder)
        _write(folder, settings, line, pixels, random, given, workers=workers, progress=progress)
    return folder / RUN


def _write(
    folder: Path,
    settings: Experiment,
    line: Beamline,
    pixels: PixelModel,
    random: np.random.Generator,
    inputs: list[Path],
    *,
    workers: int,
    progress: Progress | None,
) -> None:
    """The run folder, run.toml last; what lay in it before is removed first."""
    _empty(folder, settings, inputs)
    plan, truth = line.plan, TruthRecord(line)
    wrong = settings.imperfections
    write_detector(folder, pixels, distance=1.0 + wrong.distance_error, shift_px=wrong.centre_shift_px)
    with _frame_writer(folder, settings, pixels, len(plan)) as frames:
        painter = FramePainter(pixels, seed=settings.output.seed)
        stopped = settings.imperfections.module_off
        seed, late = settings.output.seed, wrong.hot_pixels
        hot = late_hot_pixels(wrong, pixels, seed)
        write = with_stopped_modules(frames.write, stopped, plan, gaps_of(pixels.geometry.detector))
        write = with_hot_pixels(write, hot, 0.0 if late is None else late.from_s, plan, seed)
        drawn = draw_frames(painter, _curves(line, truth, pixels), write, workers=workers)
        for _ in over(progress, drawn, stage="simulated frames", total=len(plan)):
            pass
        frames.write_table(_measured_table(folder, settings, line, truth.transmission, random))
    extra: dict[str, FloatArray] = {
        "hot_pixels_yx": _coordinates(pixels, pixels.hot),
        "dead_pixels_yx": _coordinates(pixels, pixels.dead),
    }
    extra |= {"late_hot_pixels_yx": _coordinates(pixels, hot[0])} if hot[0].size else {}
    write_results(folder / TRUTH, truth.results(settings.run.title, extra), command="simulate")
    _write_experiment(folder, settings)
    _write_islands(folder, settings, line, progress)
    write_run(folder / RUN, _run(folder, settings, pixels))


def _write_islands(folder: Path, settings: Experiment, line: Beamline, progress: Progress | None) -> None:
    """The anode at the end under the microscope, where [nucleation] says how many islands the crystals are, and the GISAXS
    frame of the same islands, dried, where [dried_film] asks for it."""
    record = None if settings.nucleation is None else growth_record(line.history)
    if settings.nucleation is None or record is None:
        return
    grown = anode(record, settings.nucleation, seed=settings.output.seed)
    (folder / MICROGRAPHS).mkdir()
    draw_micrographs(grown.view, folder / MICROGRAPHS, grown=grown, progress=progress)
    (folder / MICROGRAPHS / "truth.json").write_text(to_json(grown.truth(), indent=1) + "\n", "utf-8")
    if settings.dried_film is not None:
        film = film_of_islands(
            grown, settings.dried_film, line.history.classes, core=settings.solution.core, ligand=settings.solution.ligand,
            dry_shell_nm=line.history.dry_shell_nm,
        )  # fmt: skip
        simulate_film(film, folder / FILM, known=grown.truth())


def _curves(line: Beamline, truth: TruthRecord, pixels: PixelModel) -> Iterator[tuple[int, FloatArray, float]]:
    """Photons per steradian of each frame, as they are counted; the exposures are kept in the truth on the way."""
    wrong, on_axis = line.experiment.imperfections, float(pixels.weight.max())
    for index, exposure in enumerate(line.exposures()):
        truth.add(index, exposure)
        seconds = float(line.plan.exposure[index])
        yield index, counted_of(line.photons[index] * exposure.curve, wrong, on_axis, seconds), seconds


def _measured_table(
    folder: Path, settings: Experiment, line: Beamline, transmission: FloatArray, random: np.random.Generator
) -> FrameTable:
    """The frame table as the instruments read it."""
    cbf = settings.output.form == "cbf"
    wrong, chance = settings.imperfections, np.random.default_rng([settings.output.seed, IMPERFECTION_STREAM])
    dark = np.random.default_rng([settings.output.seed, IMPERFECTION_STREAM, 1])
    monitor = monitor_counts(line.photons, random)
    usual = MONITOR_PER_PHOTON * settings.beam.photons_per_s * line.plan.exposure
    read = measured_transmission(transmission, random)
    return FrameTable(
        role=line.plan.role,
        height=line.plan.stage,
        time=line.plan.time,
        exposure=line.plan.exposure,
        monitor=np.rint(monitor * monitor_factor(wrong, line.plan, chance))
        + dark_counts(wrong, line.plan, usual, dark),
        transmission=misread_transmission(read, wrong, line.plan, chance),
        voltage=line.plan.voltage,
        current=current(line.plan, random),
        file=tuple(_image_name(i) for i in range(len(line.plan))) if cbf else (),
        source=folder / (TABLE if cbf else NEXUS),
    )


class _CbfFolder:
    """A folder of CBF images with a CSV table, written as `NexusFrameWriter` writes its file."""

    def __init__(self, folder: Path, settings: Experiment, pixels: PixelModel) -> None:
        self._folder = folder
        detector = pixels.geometry.detector
        self._header = {
            "Detector:": settings.detector.name,
            "Pixel_size": f"{detector.pixel1:g} m x {detector.pixel2:g} m",
            "Exposure_time": f"{settings.scan.exposure_s:g} s",
            "Count_cutoff": f"{SATURATION} counts",
        }
        (folder / IMAGES).mkdir()

    def write(self, index: int, frame: Frame) -> None:
        write_cbf(self._folder / IMAGES / _image_name(index), frame, self._header)

    def write_table(self, table: FrameTable) -> None:
        write_table_csv(self._folder / TABLE, table)


def _frame_writer(
    folder: Path, settings: Experiment, pixels: PixelModel, frames: int
) -> AbstractContextManager[NexusFrameWriter | _CbfFolder]:
    if settings.output.form == "cbf":
        return nullcontext(_CbfFolder(folder, settings, pixels))
    return NexusFrameWriter(
        folder / NEXUS, pixels.shape, np.int32, frames, title=settings.run.title, saturation=SATURATION
    )


def _image_name(index: int) -> str:
    return f"frame_{index:05d}.cbf"


def write_detector(folder: Path, pixels: PixelModel, *, distance: float = 1.0, shift_px: float = 0.0) -> None:
    """Geometry as pyFAI writes it, its distance times `distance` and its centre `shift_px` beside the beam's, and the mask of
    the beam stop (1 = masked)."""
    from fabio.edfimage import EdfImage
    from pyFAI.io.ponifile import PoniFile

    written = deepcopy(pixels.geometry)
    written.dist *= distance
    written.poni2 -= shift_px * written.pixel2
    with replacing(folder / GEOMETRY) as part, part.open("w", encoding="utf-8") as stream:
        PoniFile(written).write(stream)
    with replacing(folder / MASK) as part:
        EdfImage(data=pixels.stop.astype(np.uint8)).write(str(part))


def _coordinates(pixels: PixelModel, flat: np.ndarray) -> FloatArray:
    """(pixel, 2): row and column."""
    return np.stack(np.unravel_index(flat, pixels.shape), axis=1).astype(np.float64)


def _run(folder: Path, settings: Experiment, pixels: PixelModel) -> Run:
    """run.toml as who measured it would write it: the anode's height only where no frame can show it."""
    offset = settings.imperfections.height_offset_um
    anode = None if settings.scan.alignment and not offset else anode_height_um(settings) + offset
    cell = {**settings.cell.model_dump(), "anode_height_um": anode, "voltage_V": None}
    solution = settings.solution.model_dump(include=set(Solution.model_fields))
    cbf = settings.output.form == "cbf"
    reach = float(np.floor(95.0 * pixels.q_grid[-1]) / 100.0)
    default = AnalysisSettings()
    return Run(
        run=settings.run,
        cell=Cell(**cell),
        solution=Solution(**solution),
        beam=Beam(**settings.beam.model_dump(include=set(Beam.model_fields))),
        detector=DetectorFiles(geometry=folder / GEOMETRY, mask=folder / MASK),
        frames=FrameSource(images=folder / IMAGES, table=folder / TABLE) if cbf else FrameSource(nexus=folder / NEXUS),
        analysis=default.model_copy(update={"q_max_per_nm": min(default.q_max_per_nm, reach)}),
    )


def _write_experiment(folder: Path, settings: Experiment) -> None:
    """experiment.toml, with the table of sizes beside it where there is one."""
    table = settings.solution.distribution
    if table is not None:
        if table != folder / SIZES:
            with replacing(folder / SIZES) as part:
                shutil.copyfile(table, part)
        solution = settings.solution.model_copy(update={"distribution": folder / SIZES})
        settings = settings.model_copy(update={"solution": solution})
    write_experiment(folder / EXPERIMENT, settings)


def _free(folder: Path) -> Path:
    """The folder's full path; InputFileError where it holds anything but an earlier simulation."""
    folder = folder.resolve()
    present = sorted(p.name for p in folder.iterdir() if p.name != LOCK) if folder.is_dir() else []
    if (present and written_by(folder) != "simulate") or (folder.exists() and not folder.is_dir()):
        raise bad_value(
            InputFileError, where=folder, field="--out", value=f"holds {present[0]}" if present else "is a file",
            rule="must be a new or empty folder, or one with an earlier simulation, which is replaced",
            remedy="choose another folder for --out, or empty this one",
        )  # fmt: skip
    return folder


def _empty(folder: Path, settings: Experiment, inputs: list[Path]) -> None:
    """Remove an earlier simulation from the folder. What it was made from is told first: a measured run has files of the
    same names, and a simulation that was killed may be replaced too."""
    table, seed = settings.solution.distribution, settings.output.seed
    inputs = inputs if table is None else [*inputs, table]
    write_provenance(folder, "simulate", settings.model_dump(mode="json"), inputs=inputs, seed=seed)
    for name in WRITTEN:
        if folder / name != table:  # simulated once more from the experiment that lies there
            (folder / name).unlink(missing_ok=True)
    for part in (IMAGES, MICROGRAPHS, FILM):
        if (folder / part).is_dir():
            shutil.rmtree(folder / part)
