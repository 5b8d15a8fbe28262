"""What the frames of the knife edge say of diode and detector (analysis.concentration.edge_light), and what it does to phi."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.edge_light import OPEN, EdgeLight, edge_light
from ...nouns import FloatArray, Role
from ...nouns.contributions import AFTERGLOW, DIODE
from ...physics.beam import open_fraction
from ...reduction.normalisation import has_monitor
from .dead_time import LEAST_SIGMA, with_dead_time
from .diode_dark import share_open
from .measured_run import MeasuredRun
from .odd_standards import scattered_per_monitor
from .reduce_run import ReducedRun

log = logging.getLogger(__name__)


def with_edge_light(reduced: ReducedRun) -> ReducedRun:
    """`reduced` with what its knife edge tells of diode and detector."""
    found = _of_the_edge(reduced)
    if found is None or not found.words:
        return reduced
    log.info("%s", "; ".join(found.words))
    return replace(reduced, edge_light=found, notes=(*reduced.notes, *found.words))


def _of_the_edge(reduced: ReducedRun) -> EdgeLight | None:
    """With a dead time its sigma is the bend's too: bright frames miss counts as if the diode read too little elsewhere."""
    found, dead_time = _as_taken(reduced), reduced.run.detector.dead_time_ns
    if found is None or not dead_time:
        return found
    other = _as_taken(with_dead_time(reduced, (1.0 + LEAST_SIGMA) * dead_time))
    assert other is not None  # the same frames
    return replace(found, bend_sigma=float(np.hypot(found.bend_sigma, other.bend - found.bend)))


def _as_taken(reduced: ReducedRun) -> EdgeLight | None:
    """With the dead time of the run as it is; None where the knife edge has too few frames."""
    table = reduced.table
    fine = reduced.readable & np.isfinite(table.transmission) & np.isfinite(table.height) & has_monitor(table.monitor)
    frames = np.flatnonzero(table.is_role(Role.ALIGNMENT) & fine & np.concatenate([[False], fine[:-1]]))
    share = share_open(reduced, frames) if frames.size else None
    if share is None or not np.any(share > OPEN):
        return None
    scattered, sigma = scattered_per_monitor(reduced, frames)
    monitor = table.monitor
    before = scattered_per_monitor(reduced, frames - 1)[0] * monitor[frames - 1] / monitor[frames]
    alone = table.exposure[frames] / monitor[frames]
    noise = None if reduced.diode is None else reduced.diode.sigma
    return edge_light(table.transmission[frames], scattered, sigma, share, before, alone, diode=noise)


def of_diode_and_detector(measured: MeasuredRun) -> dict[str, FloatArray]:
    """Contribution -> relative sigma of phi (scan, height); empty where nothing is told."""
    found, frames = measured.reduced.edge_light, measured.voxels.frame
    parts: dict[str, FloatArray] = {}
    if found is not None and found.bends:
        parts[DIODE] = measured.grid.to_map(_bent(measured.reduced, found.bend, frames))
    if sigma := measured.reduced.harmonics_sigma:
        parts[DIODE] = np.hypot(parts.get(DIODE, 0.0), measured.grid.to_map(_not_absorbed(measured, sigma)))
    if found is not None and found.holds:
        parts[AFTERGLOW] = measured.grid.to_map(
            _held(measured.reduced, found.held, frames, measured.voxels.values["phi"])
        )
    return {name: np.abs(np.nan_to_num(relative)) for name, relative in parts.items()}


def _bent(reduced: ReducedRun, bend: float, frames: npt.NDArray[np.intp]) -> FloatArray:
    """Relative error of phi (frame,) against the reference frames, as far as the reading is from theirs."""
    reference = float(np.mean(reduced.table.transmission[reduced.frames(Role.REFERENCE)]))
    return np.asarray(bend * (1.0 - reduced.table.transmission[frames] / reference))


def _not_absorbed(measured: MeasuredRun, sigma: float) -> FloatArray:
    """Relative error of phi (frame,) where `sigma` of the reference's light goes through whatever is in the beam."""
    table, run, frames = measured.reduced.table, measured.run, measured.voxels.frame
    assert measured.height_um is not None
    opened = open_fraction(np.nan_to_num(measured.height_um), run.beam.fwhm_um, 1e3 * run.cell.gap_mm)
    level = float(np.mean(table.transmission[measured.reduced.frames(Role.REFERENCE)]))
    return np.asarray(sigma * (1.0 - opened * level / table.transmission[frames]))


def _held(reduced: ReducedRun, held: float, frames: npt.NDArray[np.intp], phi: FloatArray) -> FloatArray:
    """Relative error of `phi` (frame,): what the particles of the frame before add to those of this one."""
    table = reduced.table
    light = table.monitor * table.transmission
    content = np.where(
        table.is_role(Role.REFERENCE) | table.is_role(Role.ALIGNMENT), reduced.run.solution.volume_fraction, 0.0
    )
    content[frames] = np.nan_to_num(phi)
    before = np.maximum(frames - 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(held * content[before] * light[before] / (light[frames] * np.abs(phi)))
