"""What the model expects of an experiment: the maps that an analysis would find without noise, and what no beam can see."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..io.atomic import replacing
from ..io.numbers_json import write_numbers
from ..io.profile import add_profile
from ..io.results import write_results
from ..nouns import Experiment, FloatArray, Number, RunResults
from ..nouns.profile import ModelProfile
from ..nouns.run import DENSEST
from ..physics.colloid import FREEZING
from ..report.number_text import number_lines
from ..report.page import write_report
from ..report.pictures import Figures, Planned
from ..report.provenance import write_provenance
from ..transport import CellHistory, SizeClasses, number_moments
from ..transport.profile import model_profile
from ..twin.beamline import Beamline
from ..twin.cell import cut_sizes, simulate_cell
from ..twin.scattering_cell import scattering_cell
from ..twin.schedule import Schedule, schedule
from ..twin.truth import TruthRecord
from .experiment_file import named, read_with_sizes
from .output_folder import writing
from .progress import Progress, stage

if TYPE_CHECKING:
    from ..figures.gallery import Drawn

TWO_Q = np.array([0.1, 1.0])  # 1/nm; absorption needs no scattering, the twin's cell needs some q
STARTING = "of the starting solution"
log = logging.getLogger(__name__)
DARK = 1e-3  # transmission below which hardly a photon is scattered out of the cell


@dataclass(frozen=True, eq=False)
class Prediction:
    """results: maps, curves and numbers as an analysis has them, at the scan's heights and times. profile: the model's
    own grid. history: every size class at every step."""

    results: RunResults
    profile: ModelProfile = field(repr=False)
    history: CellHistory = field(repr=False)


def predict(
    experiment: str | Path | Experiment,
    out: str | Path | None = None,
    *,
    figures: Figures = "all",
    progress: Progress | None = None,
) -> Prediction:
    """Predict `experiment` (a path to experiment.toml or its settings); no frames, no noise.

    With `out` leaves results.nxs (group `profile`: the fine grid), numbers.json, provenance.json, figures (as `figures`
    says: "all", on the "page" alone, "none") and report.html there. Maps are those of the truth that `simulate` leaves
    beside its frames. Raises InputFileError for a bad experiment and where `out` holds it or the results of another
    command, ConvergenceError where the model does not converge; then nothing is written.

    >>> from electrosaxs import predict
    >>> onset = predict("examples/experiment.toml").results.numbers["onset_time"]
    """
    settings, sizes, source = read_with_sizes(experiment)
    if out is None:
        return predicted(settings, sizes, source, progress=progress)
    table = settings.solution.distribution
    inputs = [] if isinstance(experiment, Experiment) else [Path(experiment)]
    inputs += [] if table is None else [table]
    with writing(out, inputs, command="predict", over="predict") as folder:
        prediction = predicted(settings, sizes, source, progress=progress)
        for note in prediction.results.notes:
            log.info("%s", note)
        with stage(progress, "report"):
            write_prediction(folder, prediction, command="predict", inputs=inputs, figures=figures)
    return prediction


def predicted(
    settings: Experiment, sizes: SizeClasses | None, source: str, *, progress: Progress | None = None
) -> Prediction:
    """`predict` without files: settings and sizes as read, `source` for what is wrong with them."""
    with stage(progress, "transport model"), named(source):
        plan = schedule(settings)
        history = simulate_cell(settings, sizes)
        cell = scattering_cell(settings, TWO_Q, history.classes.diameter_nm, history.dry_shell_nm)
    line = Beamline(settings, plan, history, cell, np.ones(len(plan)))
    record = TruthRecord(line)
    for index, exposure in enumerate(line.exposures()):
        record.add(index, exposure)
    found, profile = record.results(settings.run.title, {}), model_profile(history)
    darkest = darkest_of_the_map(plan, record)
    lowest = float(record.transmission[darkest])
    numbers = {**found.numbers, **model_numbers(settings, history, profile), "lowest_transmission": _lowest(lowest)}
    notes = (*_notes(settings, lowest, _where(plan, darkest)), *cut_sizes(settings), *_too_dense(profile))
    results = replace(found, numbers=numbers, notes=notes, settings=settings.model_dump(mode="json"))
    return Prediction(results, profile, history)


def darkest_of_the_map(plan: Schedule, record: TruthRecord) -> int:
    """The frame of the map with the least transmission: frames that look for the anode go into the dark behind it."""
    return int(np.argmin(np.where(plan.in_map, record.transmission, np.inf)))


def _where(plan: Schedule, index: int) -> str:
    """Height and time of a frame."""
    return f"at {plan.height[index]:.4g} um, {plan.time[index]:.4g} s after field-on"


def model_numbers(settings: Experiment, history: CellHistory, profile: ModelProfile) -> dict[str, Number]:
    """What only the model knows: phi at the wall, inventory, what the crystals hold, and the electrical side."""
    start, end = float(history.start_phi.sum()), f"at the end, {profile.time[-1]:.0f} s after field-on"
    wall = profile.wall_volume_fraction
    columns = history.problem.columns
    own = 1e9 * start * float(columns.share @ columns.conductivity)
    diameter, deviation = number_moments(history.start_phi, history.classes.diameter_nm, history.dry_shell_nm)
    return {
        "wall_volume_fraction": _exact(wall[-1], "one", f"solution at the anode's surface, {end}"),
        "wall_enrichment": _exact(wall[-1] / start, "one", f"phi at the wall over phi {STARTING}, {end}"),
        "wall_volume_fraction_largest": _exact(
            wall.max(), "one", f"solution at the anode's surface, at {profile.time[np.argmax(wall)]:.0f} s"
        ),
        "inventory": _exact(start * profile.height[-1], "um", "particle volume per area of electrode, phi0 x gap"),
        "crystal_inventory": _exact(profile.crystals[-1], "um", f"particle volume per area in crystals, {end}"),
        "particle_conductivity": _exact(own, "nS/m", _conducting(settings)),
        "starting_diameter": _exact(diameter, "nm", f"number-weighted, {STARTING}"),
        "starting_polydispersity": _exact(deviation / diameter, "one", STARTING),
        "current": _current(settings, profile),
    }


def _lowest(transmission: float) -> Number:
    return _exact(transmission, "one", "of cell and content, the smallest of all frames of the map")


def _exact(value: float | FloatArray, unit: str, source: str) -> Number:
    return Number(float(value), 0.0, unit, source)


def _conducting(settings: Experiment) -> str:
    """Whose charges particle_conductivity counts: what a particle carries while it conducts is not its time average."""
    transport = settings.transport
    carried = f"{transport.charge_of_charged:g} e each while charged (transport.charge_of_charged, 1 where not given)"
    if transport.charge_model == "neutralised-at-anode":
        carried = "the effective charge each"
    return f"what the particles' own charges conduct, {STARTING}; {carried}"


def _current(settings: Experiment, profile: ModelProfile) -> Number:
    """Current (A) at the end; what is lacking where it cannot be given."""
    area = settings.cell.electrode_area_mm2
    lacking = [
        key
        for key, given in (
            ('transport.field_model = "conduction"', settings.transport.field_model == "conduction"),
            ("transport.conductivity_nS_per_m", settings.transport.conductivity_nS_per_m is not None),
            ("cell.electrode_area_mm2", area is not None),
        )
        if not given
    ]
    if lacking or area is None:
        return Number.absent("A", f"needs {', '.join(lacking)}")
    return _exact(1e-6 * area * profile.current_density[-1], "A", "at the end; the same at every height")


def _notes(settings: Experiment, lowest_transmission: float, where: str) -> tuple[str, ...]:
    """Which models were taken, and whether the beam comes through."""
    transport = settings.transport
    repulsion = "hard spheres (Carnahan-Starling)" if transport.interactions == "hard-spheres" else "none"
    dark = (
        f"too dark: the transmission falls to {lowest_transmission:.2g} {where}, at {settings.beam.energy_keV:g} keV; a "
        "shorter path or a photon energy below the absorption edges of the core lets it through"
    )
    return (
        f"charge model: {transport.charge_model}; field model: {transport.field_model}; interactions: {repulsion}",
        "a prediction: the model's expectation without noise; no sigma is given to what is set in the experiment",
        *([] if lowest_transmission > DARK else [dark]),
    )


def _too_dense(profile: ModelProfile) -> tuple[str, ...]:
    """Where the solution at the wall is so dense that a dilute model says nothing of it."""
    wall = profile.wall_volume_fraction
    first = np.flatnonzero(wall > FREEZING)
    if first.size == 0:
        return ()
    at, most = f"from {profile.time[first[0]]:.4g} s on", float(wall.max())
    beyond = (
        f"more than spheres can be packed ({DENSEST:g}): these numbers mean nothing there" if most > DENSEST
        else f"more than hard spheres stay liquid at ({FREEZING:g})"
    )  # fmt: skip
    return (
        f"too dense: phi at the wall comes to {most:.3g}, {at} {beyond}; give a solubility (growth.solubility), "
        'interactions = "hard-spheres", a lower voltage or a thinner solution',
    )


def write_prediction(
    folder: Path,
    prediction: Prediction,
    *,
    command: str,
    inputs: Sequence[Path],
    more: Sequence[Drawn] = (),
    figures: Figures = "all",
) -> None:
    """The results folder of a prediction that `command` made; `more`: figures before those of every prediction."""
    results = prediction.results
    with replacing(folder / "results.nxs") as part:
        write_results(part, results, command=command)
        add_profile(part, prediction.profile)
    write_numbers(folder / "numbers.json", results.numbers)
    write_provenance(folder, command, results.settings, inputs=inputs)
    planned: list[Drawn | Planned] = list(more)
    if figures != "none":
        from ..figures.prediction import prediction_makers  # matplotlib: the model is on its way before it is there

        planned += [Planned(name, draw) for name, draw in prediction_makers(results, prediction.profile)]
    write_report(folder, results, more=planned, figures=figures)


def summary(prediction: Prediction, out: str | Path) -> str:
    """The headline numbers as text for the terminal."""
    results = prediction.results
    lines = number_lines(results.numbers)
    return "\n".join([f"{results.title}: predicted", *lines, f"report: {Path(out) / 'report.html'}"])
