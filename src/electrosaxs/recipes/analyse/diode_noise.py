"""The noise of the transmission diode (analysis.concentration.diode_noise): as the run file states it, or as dark frames of the
knife edge tell it; where nothing does and hardly any light passes, numbers of phi say so.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.diode_noise import DiodeNoise, diode_noise
from ...analysis.concentration.edge_light import OPEN, WHY
from ...nouns import Role
from ...reduction.normalisation import has_monitor
from .diode_dark import RELATIVE, SHUT, share_open
from .measured_run import MeasuredRun
from .odd_standards import scattered_per_monitor
from .quality import OF_PHI, Doubt
from .reduce_run import ReducedRun

log = logging.getLogger(__name__)
DARK = 1e-5
"""Of an open frame's transmission: light that is uncertain by more tells nothing of a diode's noise (chosen: 1 % of phi where
a thousandth of the light passes)."""
UNSEEN = 0.2
"""Of the light in a dark frame, by its counts (chosen): how much more or less of it than of the beam's the diode may see, where
no half-open frame tells."""
HALF = (0.01, 0.5)
"""Share of the beam of frames that tell it: what the edge scatters grows against the light as the distance from it, twofold to
the dark frames."""
TOLD = 1e-3
"""Of phi (chosen), from which on the diode's noise is told."""
UNTOLD = 1e-3
"""Of the solvent's transmission: a photodiode's own noise, about 1e-6, is less than phi's other errors above it."""


def with_diode_noise(reduced: ReducedRun) -> ReducedRun:
    """`reduced` with the noise of its diode: as the run file states it, or as dark frames of its knife edge tell it."""
    stated = reduced.run.beam.transmission_sigma
    diode = _noise_of(reduced) if stated is None else DiodeNoise(stated, np.nan, "as the run file says")
    if diode is None:
        return reduced
    log.info("transmission: one reading of the diode scatters by up to %.2g, %s", diode.sigma, diode.words)
    reduced = replace(reduced, diode=diode)
    worst = float(np.max(reduced.of_diode(reduced.frames(Role.SAMPLE)), initial=0.0))
    if worst < TOLD:
        return reduced
    words = (
        f"transmission: one reading of the diode scatters by up to {diode.sigma:.2g}, {diode.words}; where the least"
        f" light passes this is {100.0 * worst:.2g} % of phi, and in its sigma"
    )
    return replace(reduced, notes=(*reduced.notes, words))


def _noise_of(reduced: ReducedRun) -> DiodeNoise | None:
    """Of the diode, from frames of the knife edge that are dark."""
    table = reduced.table
    known = np.isfinite(table.transmission) & np.isfinite(table.height) & has_monitor(table.monitor)
    frames = np.flatnonzero(table.is_role(Role.ALIGNMENT) & known & reduced.readable)
    share = share_open(reduced, frames)
    if share is None or not np.any(share > OPEN):
        return None
    reading, (scattered, sigma) = table.transmission[frames], scattered_per_monitor(reduced, frames)
    opened = float(np.median(reading[share > OPEN]))
    per_count = opened / float(np.median(scattered[share > OPEN]))
    light = per_count * scattered
    half = (share > HALF[0]) & (share < HALF[1])
    unlike = 2.0 * float(np.sqrt(np.mean(np.square(reading[half] / light[half] - 1.0)))) if half.any() else UNSEEN
    uncertain = np.hypot(per_count * sigma, max(unlike, RELATIVE) * light)
    clipped = reading <= max(float(np.nanmin(table.transmission)), 0.0)  # none is where noise reads below 0
    dark = (share < SHUT) & (uncertain < DARK * opened) & ~(clipped & np.all(reading > 0.0))
    if not dark.any():
        return None
    size = diode_noise(reading[dark] - light[dark], uncertain[dark])
    words = f"by {int(dark.sum())} dark frame(s) of the knife edge"
    return DiodeNoise(size, float(np.median(table.exposure[frames[dark]])), words)


def in_faint_light(measured: MeasuredRun) -> npt.NDArray[np.intp]:
    """Sample frames with phi of which hardly any light passes, in a run that does not tell the noise of its diode."""
    if measured.reduced.diode is not None:
        return np.empty(0, dtype=np.intp)
    table, frames = measured.reduced.table, measured.voxels.frame
    used = measured.grid.used & np.isfinite(measured.voxels.values["phi"])
    solvent = float(np.mean(table.transmission[measured.reduced.frames(Role.SOLVENT)]))
    return np.asarray(frames[used & (table.transmission[frames] < UNTOLD * solvent)])


def doubts_of_the_diode(measured: MeasuredRun) -> list[Doubt]:
    """Of the numbers of phi, by a noise of the diode that no frame tells; of the anode's height, by one that is not linear."""
    found = []
    faint, edge = in_faint_light(measured), measured.reduced.edge_light
    if faint.size:
        light = float(np.min(measured.reduced.table.transmission[faint]))
        why = (
            f"as little as {light:.2g} of the beam passes in {faint.size} frame(s), and no frame tells the noise of the diode,"
            f" of which 1e-6 would be {100e-6 / light:.2g} % of phi (give beam.transmission_sigma, or frames of the knife edge"
            " well behind the anode)"
        )
        found.append(Doubt(frozenset(OF_PHI), why))
    if edge is not None and edge.bends:
        why = f"by {100.0 * abs(edge.bend):.2g} % the diode {WHY}, which moves the knife edge"
        found.append(Doubt(frozenset({"anode_height"}), why))
    return found
