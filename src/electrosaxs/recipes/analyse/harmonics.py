"""Photons of a multiple of the energy, which the particles hardly absorb: what passes the monochromator beside the beam.

A diode reads them wherever the electrodes leave the beam open, so that T = (1 - eta) T_1 + eta, in units of the starting
solution's. A thousandth is nothing in a bright frame; in one of which the particles let a hundredth pass it is a tenth of the
light, and as much of phi, which is divided by it. Scattering tells: both measures of phi agree at all depths for one eta alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np

from ...analysis.concentration.two_measures import SLOPE_SIGMA, misfit
from ...nouns import FloatArray, Role
from ...physics.beam import open_fraction
from .agreement import Agreement
from .measured_run import MeasuredRun
from .measured_view import MeasuredView
from .reduce_run import ReducedRun

log = logging.getLogger(__name__)
SHARES = np.concatenate([[0.0], np.geomspace(1e-4, 0.2, 19)])
LEAST_GAIN = 30.0
"""Fall of -2 ln L, every frame counting 3 sigmas at most, from which on they are told (chosen: some frames at least)."""
DEEP = 0.5
"""Light over that of the starting solution (chosen): brighter frames tell nothing of it."""
FEWEST = 3
FAINTEST = 0.05
"""Of a frame's own reading (chosen): what is left of it where nearly all is of such photons: its phi is not known."""
LEAST_SIGMA = 0.05
"""Relative, of the share (chosen): particles absorb a little of them, too."""


@dataclass(frozen=True)
class Harmonics:
    """Their share of the light behind the starting solution, its sigma, by how much -2 ln L falls."""

    share: float
    sigma: float
    gain: float

    @property
    def words(self) -> str:
        return (
            f"transmission: {100.0 * self.share:.2g} +- {100.0 * self.sigma:.1g} % of the light behind the starting solution is"
            f" not absorbed by particles (-2 ln L falls by {self.gain:.0f}): photons of a multiple of the energy, as of a"
            " monochromator without mirrors; taken off all transmissions"
        )


def harmonics(measured: MeasuredRun, fraction: FloatArray) -> Harmonics | None:
    """What the two measures of all frames say of it; fraction (scan, height): of the particles in crystals; None: nothing."""
    view = MeasuredView.of(measured, fraction)
    deep = view.known & ~view.cut & ~view.beside_crystals & (np.exp(view.lighter) < DEEP)
    if not view.tells or deep.sum() < FEWEST:
        return None
    view = replace(view, layer=None)
    fits = np.array([_misfit(view, float(eta)) for eta in SHARES])
    best = int(np.argmin(fits))
    if fits[0] - fits[best] < LEAST_GAIN:
        return None
    finer = np.linspace(SHARES[max(best - 1, 0)], SHARES[min(best + 1, SHARES.size - 1)], 13)
    near = np.array([_misfit(view, float(eta)) for eta in finer])
    share, least = float(finer[int(np.argmin(near))]), float(near.min())
    within = finer[near < least + 1.0]
    own = max(0.5 * float(np.ptp(within)), 0.5 * float(finer[1] - finer[0]))
    return Harmonics(share, float(np.hypot(own, LEAST_SIGMA * share)), float(fits[0] - least))


def may_be(agreed: Agreement) -> bool:
    """Whether the two measures of phi say of each other what such photons would make of them."""
    measures = agreed.measures
    if measures is None:
        return False
    odd = agreed.left_out.any() or agreed.moved_um or agreed.scatter or agreed.shadow is not None
    return bool(odd or abs(measures.slope) > SLOPE_SIGMA)


def _misfit(view: MeasuredView, share: float) -> float:
    """-2 ln likelihood of what both measures disagree by where no electrode cuts the beam, with that share taken off."""
    seen = np.exp(view.lighter)
    light = _without(seen, share)
    solvent = np.exp(view.scale * view.start_depth)
    scale = float(np.log((solvent - share) / (1.0 - share))) / view.start_depth
    other = replace(view, lighter=np.log(light), phi=view.phi * seen / light, scale=scale)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # a share that is too large leaves no light
        return misfit(other.compared(np.zeros(view.phi.shape, dtype=bool))[1])


def _without(seen: FloatArray, share: float) -> FloatArray:
    """Light over the starting solution's without the share of it."""
    return np.asarray(np.maximum(seen - share, FAINTEST * seen) / (1.0 - share))


def without_harmonics(reduced: ReducedRun, found: Harmonics, measured: MeasuredRun) -> ReducedRun:
    """`reduced` with them off the transmissions of all frames with a sample or a standard in the cell; measured: where the
    frames are."""
    log.info("%s", found.words)
    table, run, frames = reduced.table, reduced.run, measured.voxels.frame
    assert measured.height_um is not None
    level = float(np.mean(table.transmission[reduced.frames(Role.REFERENCE)]))
    opened = np.zeros(len(table.transmission))
    opened[reduced.frames(Role.REFERENCE)] = opened[reduced.frames(Role.SOLVENT)] = 1.0
    opened[frames] = open_fraction(np.nan_to_num(measured.height_um), run.beam.fwhm_um, 1e3 * run.cell.gap_mm)
    scale = np.maximum(opened, 1e-12) * level
    light = np.where(opened > 0.0, scale * _without(table.transmission / scale, found.share), table.transmission)
    lower = replace(table, transmission=light)
    return replace(reduced, table=lower, notes=(*reduced.notes, found.words), harmonics_sigma=found.sigma)
