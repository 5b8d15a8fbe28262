"""The beamline that a plan names: simulated, or somebody's bridge."""

from __future__ import annotations

from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...acquisition.beamline import Beamline
from ...acquisition.bridge import BridgeBeamline
from ...errors import InputFileError, bad_value
from ...io.cbf import write_cbf
from ...io.epics_toml import read_names
from ...io.plain_json import to_json
from ...io.run_toml import read_experiment
from ...nouns import Experiment, StartingSolution
from ...nouns.experiment import SourceBeam
from ...nouns.run_plan import RunPlan
from ..experiment_file import named, read_with_sizes

EPICS = ("ophyd_async", "aioca")
PAPER, MICROGRAPHS = "demo.toml", "micrographs"


def beamline_of(plan: RunPlan) -> tuple[Beamline, RunPlan]:
    """The beamline, and the plan with what the beamline knows of itself. InputFileError for a bad experiment."""
    if plan.beamline.kind == "bridge":
        assert plan.beamline.address is not None
        return BridgeBeamline(plan.beamline.address), plan
    if plan.beamline.kind == "epics":
        assert plan.beamline.names is not None
        return _epics(plan.beamline.names), plan
    from ...acquisition.simulated import SATURATION, SimulatedBeamline  # a real beamline needs no twin
    from ...twin.live_cell import LiveCell

    experiment, sizes, source = read_with_sizes(_experiment(plan))
    source = str(plan.beamline.experiment or source)
    highest = max(1.0, plan.highest_V)
    with named(source):
        beamline = SimulatedBeamline(
            experiment,
            lambda: LiveCell(experiment, sizes, highest_V=highest),
            write_image=lambda path, frame, exposure_s: write_cbf(
                path, frame, _header(experiment, exposure_s, SATURATION)
            ),
            speed=plan.beamline.speed,
            geometry=_geometry(plan.detector.geometry, experiment),
        )
    reach = float(np.floor(95.0 * beamline.pixels.q_grid[-1]) / 100.0)
    analysis = plan.analysis.model_copy(update={"q_max_per_nm": min(plan.analysis.q_max_per_nm, reach)})
    return beamline, plan.model_copy(update={"analysis": analysis})


def _epics(path: Path) -> Beamline:
    """The beamline whose process variables the file at `path` names. InputFileError where what reaches them is missing."""
    names = read_names(path)
    missing = [name for name in EPICS if find_spec(name) is None]
    if missing:
        raise bad_value(
            InputFileError, where=path, field="extra epics", value=f"{missing[0]} is not installed",
            rule="process variables are reached through it", remedy="install it with: pip install 'electrosaxs[epics]'",
        )  # fmt: skip
    from ...acquisition.epics import EpicsBeamline

    return EpicsBeamline(
        names, lambda file, counts, exposure_s: write_cbf(file, counts, {"Exposure_time": f"{exposure_s:g} s"})
    )


def own_detector(beamline: Beamline, kind: str, folder: Path) -> None:
    """Write the geometry and mask that a simulated beamline has of its own; others leave that to the plan."""
    if kind != "simulated":
        return
    from ...acquisition.simulated import SimulatedBeamline
    from ..simulate_run import write_detector

    assert isinstance(beamline, SimulatedBeamline)
    write_detector(folder, beamline.pixels)


def leave_micrographs(beamline: Beamline, kind: str, folder: Path) -> Path | None:
    """The anode of a simulated cell under the microscope after the run: a folder of images with their truth; None where
    nothing crystallised, or where [nucleation] does not say how."""
    if kind != "simulated":
        return None
    from ...acquisition.simulated import SimulatedBeamline
    from ..simulate_micrographs import draw_micrographs

    seen = beamline.anode() if isinstance(beamline, SimulatedBeamline) else None
    if seen is None:
        return None
    (folder / MICROGRAPHS).mkdir()
    draw_micrographs(seen.view, folder / MICROGRAPHS, grown=seen)
    (folder / MICROGRAPHS / "truth.json").write_text(to_json(seen.truth(), indent=1) + "\n", "utf-8")
    return folder / MICROGRAPHS


def _experiment(plan: RunPlan) -> Experiment:
    """What the cell really is: the plan's experiment, else the paper's particles in the plan's cell, solution and beam."""
    if plan.beamline.experiment is not None:
        return read_experiment(plan.beamline.experiment)
    with as_file(files("electrosaxs.recipes") / PAPER) as path:
        paper = read_experiment(path)
    particles = paper.solution.model_dump(include={"core_diameter_nm", "core_sigma_nm"})
    solution = {**particles, **plan.solution.model_dump(exclude_unset=True)}
    return paper.model_copy(
        update={
            "cell": plan.cell,
            "solution": StartingSolution.model_validate(solution),
            "beam": SourceBeam.model_validate({**paper.beam.model_dump(), **plan.beam.model_dump()}),
        }
    )


def _geometry(path: Path | None, experiment: Experiment) -> Any:
    """pyFAI's geometry of a file, with the wavelength of the experiment's beam."""
    if path is None:
        return None
    import pyFAI

    from ...materials import wavelength_nm

    geometry = pyFAI.load(str(path))
    geometry.wavelength = 1e-9 * wavelength_nm(experiment.beam.energy_keV)
    return geometry


def _header(experiment: Experiment, exposure_s: float, saturation: int) -> dict[str, str]:
    return {
        "Detector:": experiment.detector.name,
        "Exposure_time": f"{exposure_s:g} s",
        "Count_cutoff": f"{saturation} counts",
    }
