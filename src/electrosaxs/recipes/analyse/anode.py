"""Where the anode is: given, or found from the alignment frames, or from the transmission of the scans."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...errors import CalibrationError, bad_value
from ...nouns import FloatArray, Number, Role
from ...physics.absorption import attenuation_per_volume_fraction
from ...physics.beam import open_fraction
from ...reduction.alignment import (
    anode_height_from_alignment,
    anode_height_from_scans,
    beam_width_from_alignment,
    is_other_width,
)
from ...reduction.edge_spread import SURE, edge_spread, height_of_a_broad_edge
from .quality import OF_PHI, Doubt
from .reduce_run import ReducedRun
from .standards import solvent_transmission
from .voxels import Voxels

LEAST_OPEN = 0.05
"""Frames whose beam is behind the anode by more than this share are left out of the map."""

WAVY = 1.2
"""um, of the edge's spread from which on it is said of the numbers (chosen)."""
LIGHT_PASSES = 0.1
"""Of the solvent's transmission; ten times the paper's starting concentration still lets 0.14 pass, an electrode nothing."""


@dataclass(frozen=True)
class AnodePosition:
    """Stage height at which the beam centre meets the anode surface (um), as a number with its source; spread: by how much its
    edge is broader than the beam; sharper: in words, that it is sharper than a beam of that width can show it; edge_sigma_um:
    of the height, where a knife edge showed it."""

    number: Number
    fwhm_um: float
    notes: tuple[str, ...] = ()
    spread: Number | None = None
    sharper: str = ""
    edge_sigma_um: float | None = None

    @property
    def stage_height_um(self) -> float:
        assert self.number.value is not None
        return self.number.value

    @property
    def surely_wavy_um(self) -> float:
        """By how much the edge is broader than the beam, 0 where that is not sure."""
        spread = self.spread
        if spread is None or spread.value is None or spread.sigma is None or spread.value < SURE * spread.sigma:
            return 0.0
        return spread.value

    def is_open(self, height_um: FloatArray) -> npt.NDArray[np.bool_]:
        """True where enough of the beam passes above the anode."""
        return np.asarray(open_fraction(height_um, self.fwhm_um)) >= LEAST_OPEN


def find_anode(reduced: ReducedRun, voxels: Voxels) -> AnodePosition:
    """The height given in run.toml, else that of the alignment frames, else that of the scans.

    Raises CalibrationError where none of the three says it, and where light passes beyond the cathode that it implies.
    """
    spread = _spread(reduced)
    anode = replace(_position(reduced, voxels, spread), spread=spread, sharper=_sharper(reduced))
    _check_gap(reduced, anode)
    return anode


def doubts_of_the_beam(anode: AnodePosition) -> list[Doubt]:
    """What a beam that is narrower than said leaves open: where its edge lies, and its footprint."""
    return [Doubt(frozenset({*OF_PHI, "anode_height"}), anode.sharper)] if anode.sharper else []


def doubts_of_the_surface(anode: AnodePosition) -> list[Doubt]:
    """What a wavy anode leaves open: between its highest lines, particles are farther from the surface than the heights say."""
    spread = anode.spread
    if spread is None or spread.value is None or spread.sigma is None or spread.value < WAVY + SURE * spread.sigma:
        return []
    why = f"the anode is not flat: its edge is {spread.value:.2g} um broader than the beam; heights are those above its edge"
    return [Doubt(frozenset(OF_PHI), why)]


def _spread(reduced: ReducedRun) -> Number:
    run, frames = reduced.run, reduced.frames(Role.ALIGNMENT)
    return edge_spread(
        reduced.table.height[frames], reduced.table.transmission[frames], fwhm_um=run.beam.fwhm_um,
        path_um=1e3 * run.cell.path_length_mm, fwhm_sigma_um=run.beam.fwhm_um_sigma or 0.0,
    )  # fmt: skip


def _sharper(reduced: ReducedRun) -> str:
    """No surface makes a knife edge sharper than the beam is: where it is, the beam is narrower than said."""
    beam, frames = reduced.run.beam, reduced.frames(Role.ALIGNMENT)
    heights, light = reduced.table.height[frames], reduced.table.transmission[frames]
    seen = beam_width_from_alignment(heights, light, fwhm_um=beam.fwhm_um)
    if not is_other_width(seen, beam.fwhm_um, beam.fwhm_um_sigma or 0.0) or (seen.value or 0.0) > beam.fwhm_um:
        return ""
    return (
        f"beam.fwhm_um = {beam.fwhm_um:g} is too wide: the knife edge shows a beam of {seen.value:.3g} +/- {seen.sigma:.1g} um"
        "; give what it shows"
    )


def _check_gap(reduced: ReducedRun, anode: AnodePosition) -> None:
    """No light passes through an electrode: where it does, the gap or the heights are wrong."""
    table, gap_um = reduced.table, 1e3 * reduced.run.cell.gap_mm
    frames = reduced.frames(Role.SAMPLE)
    height = table.height[frames] - anode.stage_height_um
    passes = table.transmission[frames] > LIGHT_PASSES * solvent_transmission(reduced)
    beyond = height[passes & (height > gap_um + 2.0 * anode.fwhm_um)]
    if beyond.size:
        raise bad_value(
            CalibrationError,
            where=table.source,
            field="height",
            value=f"{beyond.max():.0f} um above the anode, in {beyond.size} sample frames",
            rule=f"light passes there, beyond the gap of {gap_um:.0f} um",
            remedy="correct cell.gap_mm, cell.anode_height_um or the heights of the frame table (in um)",
        )


def _position(reduced: ReducedRun, voxels: Voxels, spread: Number) -> AnodePosition:
    run, fwhm = reduced.run, reduced.run.beam.fwhm_um
    if run.cell.anode_height_um is not None:
        number = Number(run.cell.anode_height_um, 0.0, "um", "given as cell.anode_height_um")
        return AnodePosition(number, fwhm)
    notes: list[str] = []
    frames = reduced.frames(Role.ALIGNMENT)
    if frames.size:
        heights, light = reduced.table.height[frames], reduced.table.transmission[frames]
        sharp = anode_height_from_alignment(heights, light, fwhm_um=fwhm)
        if sharp.value is not None:
            number = height_of_a_broad_edge(heights, light, fwhm_um=fwhm, sharp=sharp, spread=spread)
            return AnodePosition(number, fwhm, edge_sigma_um=number.sigma)
        notes.append(f"alignment frames: {sharp.source}")
    found = _from_scans(reduced, voxels)
    if found.value is None:
        raise bad_value(
            CalibrationError,
            where=reduced.table.source,
            field="anode height",
            value="not measurable",
            rule="; ".join([*notes, f"scans: {found.source}"]),
            remedy="give cell.anode_height_um in run.toml, or add alignment frames across the anode's edge",
        )
    return AnodePosition(found, fwhm, tuple(notes))


def _from_scans(reduced: ReducedRun, voxels: Voxels) -> Number:
    """The open share of each frame is its transmission over that expected from its own phi."""
    run, table = reduced.run, reduced.table
    phi = voxels.values["phi"]
    attenuation = attenuation_per_volume_fraction(
        run.solution,
        core_share=1.0 / voxels.values["shell_ratio"],
        energy_keV=run.beam.energy_keV,
        path_length_mm=run.cell.path_length_mm,
    )
    known = np.isfinite(phi) & np.isfinite(attenuation)
    optical_depth = (attenuation * phi)[known]
    return anode_height_from_scans(
        table.height[voxels.frame][known],
        table.transmission[voxels.frame][known],
        solvent_transmission(reduced) * np.exp(-optical_depth),
        fwhm_um=run.beam.fwhm_um,
    )
