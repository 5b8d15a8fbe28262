"""Every frame's two measures of phi, scattering and absorption, set against each other before anything is read from the maps.

Frames that contradict themselves are left out with what the contradiction says of its cause; what all frames of a time have in
common, a drift, stays in and becomes a shared sigma.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.bulk_level import BulkLevel
from ...analysis.concentration.deposit import Change
from ...analysis.concentration.missing_solvent import solvent_level
from ...analysis.concentration.two_measures import SIGNIFICANT, TwoMeasures, worst_nearby
from ...analysis.footprint.correction import FootprintCorrection
from ...analysis.footprint.surface import Expected
from ...analysis.kinetics.layer import Layer
from ...analysis.kinetics.scan_map import ScanMap
from ...nouns import FloatArray, Role
from ...nouns.contributions import DEPOSIT, GAS, REFERENCE, SHADOW, TRANSMISSION
from .causes import cause
from .clock import Clock, clock_of
from .dark_layer import hidden_on_the_anode
from .dose import deposit_of_phi, seconds_in_beam
from .drift import (
    anode_elsewhere,
    beam_moves,
    drift_of_all,
    drift_of_bulk,
    drift_of_phi,
    film_or_beam,
    noise_of_phi,
    scatter_of_phi,
    unseen_of_the_beam,
)
from .edge_light import of_diode_and_detector
from .film_shadow import Shadow
from .gas_and_dirt import gas_or_edge, in_the_mean, steps_of_phi
from .layer import deeper_than_the_edge, without_crystals
from .left_out_frames import stand_ins
from .measured_run import MeasuredRun
from .measured_view import MeasuredView
from .misread import misread_monitors
from .other_rows import OtherRows, other_rows
from .scaled import gas_at_the_edge, with_scaled
from .standards import Standards

MOST_SHARE = 0.4
"""Of the voxels; where more contradict themselves, it is not single frames that are wrong."""
RIVAL = 3.0
"""Sigmas from which on the frame beside one that contradicts itself may be the cause (chosen)."""
INNOCENT = 3.0
"""Sigmas of its own within which a frame that is out is looked at again (chosen)."""
PASSES = 6
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Agreement:
    """What scattering and absorption say of each other. Maps are (scan, height); relative sigmas and changes are those of phi.

    measures: the comparison; None where absorption does not tell.
    missing: what stands in for frames without phi.
    left_out: frames that contradict themselves.
    reasons: row of the voxels -> words.
    scattered, absorbed, absorbed_sigma: phi by either measure, of frames that were left out too.
    drift: relative change where the transmission's drift is the diode's.
    scatter: relative sigma where the two scatter against each other in all frames.
    own: relative sigma of each frame, on its own.
    moved_um, moves: by how much the anode seems to be elsewhere than said; whether in some scans only.
    unseen: contribution -> relative sigma by gas or a misread monitor that is uncertain, by diode or detector.
    standards: relative sigma of all frames, by the noise of the reference frames where it shows in the others alone.
    bulk: phi where nothing has arrived.
    deposit: relative change by what stays where the beam was.
    change: of ln phi with the seconds in the beam, beside the layer.
    shadow: of a film on the anode.
    clock: when the field came on; None: not told.
    misread: relative sigma of each frame by a monitor that may be read wrong, unseen.
    edge: relative sigma where what passes the anode is not what its height lets, if something else than a moved beam does it.
    layer: of drifting particles; None: not told.
    below_um: by how much the layer goes on below the edge of the anode.
    dark: phi that a layer thinner than the beam may hide.
    rows: of the table, to which other images belong.
    """

    measures: TwoMeasures | None
    missing: Expected | None
    left_out: BoolArray
    reasons: dict[int, str]
    scattered: FloatArray
    absorbed: FloatArray
    absorbed_sigma: FloatArray
    drift: FloatArray
    scatter: float = 0.0
    own: float = 0.0
    moved_um: float = 0.0
    moves: bool = False
    unseen: Mapping[str, FloatArray] = field(default_factory=dict)
    standards: float = 0.0
    bulk: BulkLevel | None = None
    deposit: FloatArray | float = 0.0
    change: Change | None = None
    shadow: Shadow | None = None
    clock: Clock | None = None
    misread: FloatArray | float = 0.0
    edge: FloatArray | float = 0.0
    layer: Layer | None = None
    below_um: float = 0.0
    dark: FloatArray | float = 0.0
    rows: OtherRows | None = None
    notes: tuple[str, ...] = ()

    @property
    def dark_share(self) -> float:
        """Largest part of phi of a voxel, of those that were measured, that a dark layer on the anode may hide beside it."""
        if not np.any(self.dark):
            return 0.0
        told = np.isfinite(self.scattered) & (self.scattered > 0.0)
        return float(np.max(np.where(told, self.dark / np.where(told, self.scattered, 1.0), 0.0)))

    def shares(self, phi: FloatArray) -> dict[str, FloatArray]:
        """Contribution -> what was found here of phi (scan, height), one sigma; without those that are none."""
        size = np.abs(phi)
        parts = (
            (TRANSMISSION, np.hypot(self.drift, self.edge) if np.any(self.edge) else self.drift, phi),
            (DEPOSIT, self.deposit, phi),
            *((name, relative, size) for name, relative in self.unseen.items()),
            (REFERENCE, self.standards, size),
        )
        found: dict[str, FloatArray] = {}
        for name, relative, of in parts:
            if np.any(relative):
                found[name] = np.hypot(found[name], relative * of) if name in found else relative * of
        hidden = np.hypot(self.dark, 0.0 if self.shadow is None else self.shadow.hidden())
        return found | {SHADOW: hidden} if np.any(hidden) else found


def agreement(measured: MeasuredRun, crystalline_fraction: FloatArray, edge_sigma_um: float | None = None) -> Agreement:
    """The two measures of every sample frame of the map, and which frames contradict themselves; edge_sigma_um: of the
    anode's height, where a knife edge showed it."""
    view, standard, grid = MeasuredView.of(measured, crystalline_fraction), measured.standard, measured.grid
    none = np.zeros(grid.shape, dtype=bool)
    if not view.tells:
        return _scattering_alone(measured, view, none)
    usual = standard.normalisation.number.value or 0.0
    beside = standard.normalisation.makes(view.solvent.noise * solvent_level(standard.solvent.values))
    view, noise = view.with_noise(usual, 0.0 if beside else view.solvent.noise)
    shadow = view.film_shadow()
    view = view if shadow is None else replace(view, lighter=view.lighter + shadow.missing)
    left_out = _contradicting(view)
    contradicted = int(left_out.sum()) if left_out.sum() > MOST_SHARE * max(view.known.sum(), 1) else 0
    left_out, scaled, unseen = with_scaled(view.scaled, none if contradicted else left_out)
    correction, measures = view.compared(left_out)
    contradictions = view.contradictions(left_out, correction, measures)
    bulk = view.bulk(left_out, standard)
    drift, words = _drift(view, measures, correction, bulk, standard)
    edge, rows = _edge(view, measures, shadow), other_rows(measured)
    scatter, more = scatter_of_phi(measures, view.scale * view.start_depth, usual, contradicted)
    own = 0.0 if scatter else noise or noise_of_phi(measures, view.depth(correction), usual)
    misread, of_monitor = misread_monitors(view, left_out, scaled, contradictions)
    clock = clock_of(measured, view, left_out)
    stays, of_steps = _stays(view, left_out, measures, correction, edge_sigma_um)
    of_light = {place: c for place, c in contradictions.items() if place not in scaled}
    absorbed, absorbed_sigma = view.absorbed(correction, measures)
    deposit, change = _deposit(view, measured, left_out, bulk, heights_known=not edge.moved_um)
    references = max(measured.reduced.frames(Role.REFERENCE).size, 1)
    return Agreement(
        measures=measures,
        missing=stand_ins(view, correction, measures, left_out, of_light),
        left_out=left_out,
        reasons=_reasons(
            grid, {at: cause(c) for at, c in of_light.items()} | {at: one.words for at, one in scaled.items()}
        ),
        scattered=view.phi,
        absorbed=absorbed,
        absorbed_sigma=absorbed_sigma,
        drift=np.hypot(drift, scatter) if np.any(scatter) else drift,
        scatter=scatter,
        own=own,
        moved_um=edge.moved_um,
        moves=edge.moves,
        unseen=_together(unseen | of_diode_and_detector(measured), stays),
        standards=noise / np.sqrt(references) if own else 0.0,
        bulk=bulk,
        deposit=deposit,
        change=change,
        shadow=shadow,
        clock=clock,
        misread=misread,
        edge=edge.of_phi,
        layer=view.layer,
        below_um=_below(measured, view, left_out, clock, edge),
        dark=hidden_on_the_anode(measures, view, edge_sigma_um),
        rows=rows,
        notes=(*edge.words, *more, *words, *of_monitor, *of_steps, *(rows.notes if rows else ())),
    )


def _drift(
    view: MeasuredView, measures: TwoMeasures, correction: FootprintCorrection, bulk: BulkLevel, standard: Standards
) -> tuple[FloatArray, tuple[str, ...]]:
    """Relative change of phi (scan, height) as the two measures of each scan, the bulk, or all frames together say it; and in
    words."""
    time_s = view.grid.time
    found = drift_of_phi(measures, view.depth(correction), view.scale * view.start_depth, view.start_noise)
    found = drift_of_bulk(bulk, time_s, *found)
    return drift_of_all(view.slow_drift(correction, measures, bulk, standard), time_s, *found)


def _scattering_alone(measured: MeasuredRun, view: MeasuredView, none: BoolArray) -> Agreement:
    """Where the transmission tells nothing of the particles: what the bulk and the layer say."""
    time = measured.grid.time
    blank, bulk = np.full(time.shape, np.nan), view.bulk(none, measured.standard)
    drift, words = drift_of_bulk(bulk, time, np.zeros(time.shape), ())
    clock = clock_of(measured, view, none)
    unseen = of_diode_and_detector(measured)
    return Agreement(
        measures=None, missing=None, left_out=none, reasons={}, scattered=blank, absorbed=blank, absorbed_sigma=blank,
        drift=drift, unseen=unseen, bulk=bulk, clock=clock, layer=view.layer, notes=words,
    )  # fmt: skip


def _stays(
    view: MeasuredView,
    left_out: BoolArray,
    measures: TwoMeasures,
    correction: FootprintCorrection,
    edge_sigma_um: float | None,
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Contribution -> relative sigma of phi (scan, height) by what stays at a height and no frame tells; and in words."""
    steps, words = steps_of_phi(view, left_out)
    always = gas_or_edge(measures, view, left_out, edge_sigma_um)
    found = _together(steps, {GAS: always} if np.any(always) else {})
    return {name: in_the_mean(share, correction) for name, share in found.items()}, words


def _together(one: Mapping[str, FloatArray], other: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Contributions of both, those of one name in quadrature."""
    return {name: np.hypot(one.get(name, 0.0), other.get(name, 0.0)) for name in dict.fromkeys([*one, *other])}


@dataclass(frozen=True, eq=False)
class _Edge:
    """By how much (um) the anode is elsewhere than said, whether in some scans only, what phi may be off by; words."""

    moved_um: float
    moves: bool
    of_phi: FloatArray
    words: tuple[str, ...]


def _edge(view: MeasuredView, measures: TwoMeasures, shadow: Shadow | None) -> _Edge:
    """What the light at the anode says of where it is."""
    heights, fwhm = view.grid.heights, view.run.beam.fwhm_um
    moved, words = anode_elsewhere(measures, heights, fwhm)
    of_phi = measures.place if moved else np.zeros(heights.size)  # gas instead would lower phi there by as much
    if shadow is not None and not np.any(view.fraction > 0.0):
        moves, how = film_or_beam(shadow.missing, heights, fwhm)
    else:
        moves, how = beam_moves(measures, heights, fwhm)
    if np.any(measures.wander):
        of_phi = np.hypot(of_phi, unseen_of_the_beam(measures, view.solvent, view.solvent_depth))
    return _Edge(max(moved, moves, key=abs), abs(moves) > abs(moved), of_phi, (*words, *how))


def _below(measured: MeasuredRun, view: MeasuredView, left_out: BoolArray, clock: Clock | None, edge: _Edge) -> float:
    """By how much (um) the layer goes on below the edge; 0 where heights or times are others, which would look like it."""
    if edge.moved_um or (clock is not None and clock.wrong):
        return 0.0
    told = without_crystals(view.fraction) & ~left_out
    return deeper_than_the_edge(measured, view.phi, view.relative, told, view.attenuation, view.layer)


def _deposit(
    view: MeasuredView,
    measured: MeasuredRun,
    left_out: BoolArray,
    bulk: BulkLevel,
    *,
    heights_known: bool,
) -> tuple[FloatArray, Change | None]:
    """What phi is off by where it changes with the seconds in the beam, and that change beside the layer, which tells nothing
    where the anode is elsewhere than it was taken to be."""
    table, frames, grid = measured.reduced.table, measured.voxels.frame, view.grid
    change = view.change_with_dose(left_out, seconds_in_beam(table, frames, grid)) if heights_known else None
    start = view.run.solution.volume_fraction
    return deposit_of_phi(table, frames, grid, view.phi, view.relative, bulk, start, change), change


def _contradicting(view: MeasuredView) -> BoolArray:
    """(scan, height) frames that contradict themselves."""

    def more(left_out: BoolArray) -> tuple[BoolArray, FootprintCorrection, TwoMeasures]:
        """One after the other, the worst of its surroundings first: through the profile one spoils those around it."""
        correction, measures = view.compared(left_out)
        for _ in range(PASSES):
            found = worst_nearby(np.where(left_out, np.nan, measures.significance)) & ~left_out
            if not found.any():
                break
            left_out = left_out | _culprits(view, left_out, found, measures)
            correction, measures = view.compared(left_out)
        return left_out, correction, measures

    nobody = np.zeros(view.phi.shape, dtype=bool)
    gross = np.nan_to_num(np.abs(view.gross().significance)) > SIGNIFICANT  # it would spoil its neighbours' profile
    first = view.compared(nobody)[1]
    contradict = np.nan_to_num(np.abs(first.significance)) > SIGNIFICANT
    doubted = (contradict | view.unlike_neighbours(gross)).any(axis=1)
    beside = np.pad(doubted, 1)
    doubted = beside[:-2] | doubted | beside[2:]  # a profile holds the scans before and after
    lasting = gas_at_the_edge(view.solvent, first.difference, first.sigma, view.cut)
    gross = (gross & doubted[:, None]) | lasting
    if not (doubted.any() or gross.any()):
        return nobody
    left_out, correction, measures = more(gross)
    innocent = gross & ~lasting & (np.abs(view.of_the_left_out(correction, measures)) < SIGNIFICANT)
    left_out, correction, measures = more(left_out & ~innocent) if innocent.any() else (left_out, correction, measures)
    near = left_out & ~lasting & (np.abs(view.of_the_left_out(correction, measures)) < INNOCENT)
    for place in np.argwhere(near):  # out for a neighbour that went later
        tried = left_out.copy()
        tried[tuple(place)] = False
        again = view.compared(tried)
        if not np.any(np.abs(again[1].significance) > SIGNIFICANT):
            left_out = tried
    return left_out


def _culprits(view: MeasuredView, left_out: BoolArray, found: BoolArray, measures: TwoMeasures) -> BoolArray:
    """`found`, or the voxel beside in height where that one explains both: a frame at the anode spoils the one above it."""
    culprits = np.zeros(found.shape, dtype=bool)
    size = np.nan_to_num(np.abs(measures.significance))
    for i, j in np.argwhere(found):
        beside = [k for k in (j - 1, j + 1) if 0 <= k < found.shape[1] and size[i, k] > RIVAL and not left_out[i, k]]
        left = {}
        for k in [j, *beside] if beside else []:
            tried = left_out.copy()
            tried[i, k] = True
            rest = np.abs(view.compared(tried)[1].significance[i, max(j - 2, 0) : j + 3])
            left[int(k)] = float(np.max(np.nan_to_num(rest)))
        culprits[i, min(left, key=lambda k: left[k]) if left else j] = True
    return culprits


def _reasons(grid: ScanMap, words: dict[tuple[int, int], str]) -> dict[int, str]:
    """Row of the voxels -> why it is left out."""
    return {
        int(row): words[place]
        for row in np.flatnonzero(grid.used)
        if (place := (int(grid.scan[row]), int(grid.height_index[row]))) in words
    }
