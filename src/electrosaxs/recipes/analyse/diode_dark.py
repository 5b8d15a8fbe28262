"""What the transmission diode reads without light, where alignment frames behind the anode show it, is taken off.

A beam behind the anode scatters as little as it transmits, also where light goes round the edge: seen from all frames that are
nearly open or nearly shut, T = dark + b C, with C the scattered counts over the monitor's. Dark counts that were not subtracted
are T at C = 0. They are alike in all frames, and lift a low transmission by more than a high one: 0.2 % of an open beam
takes 0.5 % off phi at the anode, 3 % look like gas there. What scatters at the edge makes `dark` smaller, never larger.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.edge_light import OPEN
from ...nouns import FloatArray, Role
from ...physics.beam import beam_deviation, share_above
from ...reduction.alignment import anode_height_from_alignment
from .odd_standards import scattered_per_monitor
from .reduce_run import ReducedRun

log = logging.getLogger(__name__)
SHUT = 0.02
"""Share of the beam above the anode up to which a frame is shut (chosen)."""
FEWEST = 2
"""Frames on either side: one may be wild."""
SIGNIFICANT = 5.0
LEAST = 2e-4
"""Of an open frame's transmission: no photodiode is better."""
RELATIVE = 2e-3
"""Of a shut frame's own transmission (chosen): how well diode and detector see the same light there."""


@dataclass(frozen=True)
class DiodeDark:
    """Transmission that is read without light, and its sigma; opened: that of the open frames."""

    value: float
    sigma: float
    opened: float

    @property
    def told(self) -> bool:
        return self.value > max(SIGNIFICANT * self.sigma, LEAST * self.opened)

    def taken_off(self, transmission: FloatArray) -> FloatArray:
        """Transmissions (frame,) without it; at least next to nothing, as no more is known where nothing passes."""
        return np.asarray(np.maximum(transmission - self.value, np.minimum(transmission, 1e-3 * LEAST * self.opened)))

    @property
    def words(self) -> str:
        return (
            f"transmission: behind the anode, where frames scatter next to nothing, the diode still reads"
            f" {self.value:.3g} +- {self.sigma:.1g}, {100.0 * self.value / self.opened:.2g} % of the open beam: dark counts"
            " that were not subtracted; taken off all transmissions (give dark_over_per_s, or subtract them in the table)"
        )


def diode_dark(
    transmission: FloatArray, scattered: FloatArray, sigma: FloatArray, share: FloatArray
) -> DiodeDark | None:
    """From alignment frames, all (frame,): scattered counts over the monitor's, with sigma, and the open share of the beam.

    None where fewer than two frames are shut, or open.
    """
    opened, shut = share > OPEN, share < SHUT
    if opened.sum() < FEWEST or shut.sum() < FEWEST:
        return None
    light, level = float(np.median(transmission[opened])), float(np.median(scattered[opened]))
    per_count = light / level
    for _ in range(2):  # b of open frames has the dark reading in it, too
        rest = transmission[shut] - per_count * scattered[shut]
        weight = 1.0 / (np.square(per_count * sigma[shut]) + np.square(RELATIVE * per_count * scattered[shut]))
        dark = float(weight @ rest / weight.sum())
        per_count = (light - dark) / level
    scatter = float(np.sqrt(weight @ np.square(rest - dark) / weight.sum() / (shut.sum() - 1)))
    return DiodeDark(dark, max(float(weight.sum()) ** -0.5, scatter), light)


def without_diode_dark(reduced: ReducedRun) -> ReducedRun:
    """`reduced` with the diode's dark reading off all transmissions, where its alignment frames tell one."""
    found = dark_of(reduced)
    if found is None:
        return reduced
    log.info("%s", found.words)
    lower = replace(reduced.table, transmission=found.taken_off(reduced.table.transmission))
    return replace(reduced, table=lower, notes=(*reduced.notes, found.words))


def dark_of(reduced: ReducedRun) -> DiodeDark | None:
    """What the diode reads without light; None where the alignment frames of `reduced` do not tell that it does."""
    frames = reduced.frames(Role.ALIGNMENT)
    share = share_open(reduced, frames) if frames.size else None
    if share is None:
        return None
    found = diode_dark(reduced.table.transmission[frames], *scattered_per_monitor(reduced, frames), share)
    return found if found is not None and found.told else None


def share_open(reduced: ReducedRun, frames: npt.NDArray[np.intp]) -> FloatArray | None:
    """Open share of the beam (frame,) in frames of the knife edge; None where they show no edge."""
    fwhm, height = reduced.run.beam.fwhm_um, reduced.table.height[frames]
    edge = anode_height_from_alignment(height, reduced.table.transmission[frames], fwhm_um=fwhm)
    return None if edge.value is None else np.asarray(share_above(height - edge.value, beam_deviation(fwhm)))
