"""Columns of voxels -> maps over scan and height, and what follows from the map of phi: balance, growth, flux, onset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...analysis.footprint.beam_profile import BeamView
from ...analysis.footprint.correction import (
    FootprintCorrection,
    at_the_mean_height,
    footprint_correction,
    noise_at_the_mean_height,
)
from ...analysis.footprint.surface import expected
from ...analysis.kinetics.flux import continuity_flux
from ...analysis.kinetics.growth import (
    growth_curve,
    growth_line,
    slice_flux_curve,
    slice_mean_curve,
    slice_mean_flux_curve,
)
from ...analysis.kinetics.mass_balance import mass_balance
from ...analysis.kinetics.onset import onset, onset_from_kink, without_supply
from ...analysis.kinetics.pieces import only, rated, with_voltage
from ...analysis.kinetics.scan_map import ScanMap
from ...analysis.kinetics.supply import supply_flux
from ...analysis.spheres.size_shape import kurtosis_sigma, shape_errors
from ...errors import FitError
from ...nouns import (
    Diameter,
    DiameterDeviation,
    FloatArray,
    Flux,
    GrowthCurve,
    LineFit,
    MassBalance,
    Noun,
    Number,
    Polydispersity,
    Run,
    SliceFlux,
    SliceMeanFlux,
    VolumeFraction,
)
from ...nouns.contributions import FOOTPRINT, SHADOW, SIZE_SHAPE
from ...nouns.voltage_pieces import Piece, main_piece, steps, whole_program
from .agreement import Agreement
from .attenuation import attenuation_map
from .crystal_view import sees_crystals
from .layer import shape_of
from .voxels import Voxels, held_on_map, on_map, shared_on_map

SIZE_STEP_UNCERTAINTY = 0.2
"""Relative, of a size's step from where the light sees to the mean (chosen)."""
SORTING = {"diameter": 3.0, "deviation": 0.3, "polydispersity": 0.3}
"""What phi's unknown profile across the beam does to sizes, over its relative sigma: to d in delta^2 / d (sorting: drift over
diffusion goes as a power of d), to delta and delta / d in themselves (chosen)."""
SIZE_IN_SHADOW = 0.3
"""Of the spread of sizes (chosen): by how much crystals that are not seen may be of other sizes than the solution."""
NO_LINE = "crystals are there in the first scan: phi at the anode is theirs, and no line is of growth before them"
OF_SLICE = {"slice_flux", "slice_flux_mean"}
BoolArray = npt.NDArray[np.bool_]
N = TypeVar("N", bound=Noun)


@dataclass(frozen=True, eq=False)
class FrameMaps:
    """Maps over (scan, height): phi, sizes, and the share of the particles that sit in crystals."""

    phi: VolumeFraction
    diameter: Diameter
    deviation: DiameterDeviation
    polydispersity: Polydispersity
    crystalline_fraction: FloatArray


def frame_maps(
    voxels: Voxels,
    grid: ScanMap,
    run: Run,
    excluded: BoolArray,
    crystalline_fraction: FloatArray,
    agreed: Agreement | None = None,
    program: tuple[Piece, ...] = (),
) -> FrameMaps:
    """phi and sizes as means over the beam's footprint; `agreed`: what scattering and transmission say of each other.

    Absorption within the beam is corrected for what is dissolved; crystals (crystalline_fraction, of the particles seen) are
    taken as spread evenly over the footprint.
    """
    apparent = on_map(voxels, grid, "phi")
    beams = BeamView.of(grid.heights, run.beam.fwhm_um, 1e3 * run.cell.gap_mm)
    dissolved = 1.0 - crystalline_fraction
    beside_crystals = sees_crystals(crystalline_fraction, grid.heights, run.beam.fwhm_um, apparent)
    relative = on_map(voxels, grid, "phi_sigma") / np.abs(apparent)
    start = run.solution.volume_fraction
    correction = footprint_correction(
        held_on_map(voxels, grid) * dissolved,
        beams,
        time_s=grid.time,
        attenuation=attenuation_map(voxels, grid, run),
        start=start,
        sees_crystals=beside_crystals,
        missing=None if agreed is None else agreed.missing,
        relative=relative,
        steps_s=_changes(program),
        layer=shape_of(None if agreed is None else agreed.layer, beams, grid.time, crystalline_fraction, start),
    )
    factor = crystalline_fraction + dissolved * correction.factor
    shared = {name: factor * sigma for name, sigma in shared_on_map(voxels, grid, "phi").items()}
    shared[FOOTPRINT] = dissolved * correction.sigma * np.abs(apparent)
    for name, sigma in ({} if agreed is None else agreed.shares(factor * apparent)).items():
        shared[name] = np.hypot(shared[name], sigma) if name in shared else sigma
    if agreed is not None:
        relative = np.hypot(relative, np.hypot(agreed.own, agreed.misread))
    counting = crystalline_fraction * relative + dissolved * correction.counting_sigma(relative)
    layout = _Layout(grid, beams.read_um, excluded)
    phi = layout.noun(VolumeFraction, factor * apparent, counting * np.abs(factor * apparent), shared)
    hidden = shared.get(SHADOW)
    in_shadow = None if hidden is None else hidden / (hidden + np.abs(apparent))
    sizes = _Sizes(
        voxels, layout, correction, dissolved, beside_crystals, _shape_errors(voxels, grid, beside_crystals), in_shadow
    )
    diameter, deviation = sizes.noun(Diameter, "diameter"), sizes.noun(DiameterDeviation, "deviation")
    ratio = sizes.noun(Polydispersity, "polydispersity")
    return FrameMaps(phi, diameter, deviation, ratio, crystalline_fraction / factor)


def _shape_errors(voxels: Voxels, grid: ScanMap, beside_crystals: BoolArray) -> dict[str, FloatArray]:
    """What the shape of sorted sizes may do to each size, maps over (scan, height)."""
    names = ("diameter", "deviation", "skewness", "skewness_sigma")
    d, delta, skewness, sigma = (on_map(voxels, grid, name) for name in names)
    return shape_errors(d, delta, kurtosis_sigma(skewness, sigma, beside_crystals=beside_crystals))


@dataclass(frozen=True, eq=False)
class _Layout:
    """The coordinates and masks that all maps share."""

    grid: ScanMap
    read_at: FloatArray
    excluded: BoolArray

    def noun(self, kind: type[N], values: FloatArray, sigma: FloatArray, shared: dict[str, FloatArray]) -> N:
        return kind.from_arrays(
            values,
            dims=("scan", "height"),
            coords={
                "height": (("height",), self.grid.heights),
                "height_effective": (("height",), self.read_at),
                "time": (("scan", "height"), self.grid.time),
            },
            sigma=sigma,
            shared=shared,
            masks={"excluded": (("scan", "height"), self.excluded)},
        )


@dataclass(frozen=True, eq=False)
class _Sizes:
    """What all maps of sizes have in common. dissolved: share of the particles seen; shape: quantity -> error; in_shadow: share
    of crystals that no curve shows, None where nothing is in shadow; (scan, height) all."""

    voxels: Voxels
    layout: _Layout
    correction: FootprintCorrection
    dissolved: FloatArray
    beside_crystals: BoolArray
    shape: Mapping[str, FloatArray]
    in_shadow: FloatArray | None

    def noun(self, kind: type[N], quantity: str) -> N:
        """The map of diameter or deviation (nm), or of their ratio, at the mean height of the particles."""
        voxels, grid, read_at = self.voxels, self.layout.grid, self.layout.read_at
        values, shares = on_map(voxels, grid, quantity), shared_on_map(voxels, grid, quantity)
        solution = np.where(self.beside_crystals, np.nan, values)
        around = expected(solution, ~np.isfinite(solution), height_um=read_at, time_s=grid.time)
        solution = np.where(np.isfinite(solution) | self.beside_crystals, solution, np.exp(around.logarithm))
        moved = replace(self.correction, rise_um=self.dissolved * self.correction.rise_um)
        step = at_the_mean_height(solution, moved, read_height_um=read_at, time_s=grid.time)
        if self.in_shadow is not None:  # in deviations, of which a ratio holds the share of the diameter
            unit = quantity if quantity == "polydispersity" else "deviation"
            shares[SHADOW] = SIZE_IN_SHADOW * on_map(voxels, grid, unit) * self.in_shadow
        shares[SIZE_SHAPE] = self.shape[quantity]
        scale = on_map(voxels, grid, "deviation" if quantity == "diameter" else quantity)
        scale = scale * on_map(voxels, grid, "polydispersity") if quantity == "diameter" else scale
        sorting = SORTING[quantity] * np.abs(scale) * self.dissolved * self.correction.sigma
        shares[FOOTPRINT] = np.hypot(SIZE_STEP_UNCERTAINTY * np.abs(step), sorting)
        own = on_map(voxels, grid, f"{quantity}_sigma")
        own = noise_at_the_mean_height(own, moved, read_height_um=read_at, time_s=grid.time)
        return self.layout.noun(kind, values + step, own, shares)


@dataclass(frozen=True)
class Kinetics:
    """What the map of phi says about supply, growth and onset; a part that the run does not allow is None."""

    balance: MassBalance | None
    growth: GrowthCurve | None
    line: LineFit | None
    flux_slice: SliceFlux | None
    flux_slice_mean: SliceMeanFlux | None
    flux: Flux | None
    numbers: dict[str, Number]
    notes: tuple[str, ...]


def kinetics(
    phi: VolumeFraction,
    run: Run,
    *,
    structure_onset: Number | None,
    begun: bool = False,
    program: tuple[Piece, ...] = (),
) -> Kinetics:
    """Mass balance, growth curve with its line, slice flux, flux from continuity, supply flux and onset.

    begun: crystals are there in the first scan: none is of a cell without, and the anode is never known to be closed.
    program: pieces of the voltage. Where there are several, rates are those of the longest that moves particles; the others'
    have its number behind their names, `slice_flux[2]`.
    """
    cell = {
        "gap_um": 1e3 * run.cell.gap_mm,
        "start": run.solution.volume_fraction,
        "beam_fwhm_um": run.beam.fwhm_um,
    }
    growth = _growth(phi, run, structure_onset, begun, program, cell)
    numbers, notes, onset_s = dict(growth.numbers), list(growth.notes), growth.onset_s
    balance = mass_balance(phi, onset_s=onset_s, **cell)
    numbers |= {"mass_balance_error": balance.error, "solution_loss": balance.lost}
    if balance.balance is None:
        notes.append(f"mass balance: {balance.error.source}")
    flux = None
    closed = np.inf if onset_s is None else onset_s
    try:
        flux = continuity_flux(phi, visits=None, anode_closed_until_s=closed, steps_s=_changes(program), **cell).flux
    except FitError as error:
        notes.append(f"flux from continuity: {error}")
    for suffix, piece in rated(program):
        numbers[f"supply_flux{suffix}"] = supply_flux(phi, anode_closed_until_s=closed, during=piece, **cell)
    numbers = with_voltage(numbers, program)
    of_slice = growth.flux_slice, growth.flux_slice_mean
    return Kinetics(balance.balance, growth.curve, growth.line, *of_slice, flux, numbers, tuple(notes))


@dataclass(frozen=True)
class _Growth:
    """What the slice at the anode says; None where it has too few points. onset_s: until which nothing leaves the solution."""

    numbers: dict[str, Number]
    onset_s: float | None
    curve: GrowthCurve | None = None
    line: LineFit | None = None
    flux_slice: SliceFlux | None = None
    flux_slice_mean: SliceMeanFlux | None = None
    notes: tuple[str, ...] = ()


def _changes(program: tuple[Piece, ...]) -> list[float]:
    """Times (s) at which the voltage changed."""
    return [0.5 * (first + last) for first, last in steps(program)]


def _growth(
    phi: VolumeFraction,
    run: Run,
    structure_onset: Number | None,
    begun: bool,
    program: tuple[Piece, ...],
    cell: Mapping[str, float],
) -> _Growth:
    """Growth curve, its line up to the onset, slice flux and onset; arguments as of `kinetics`, cell: its gap, phi0, beam."""
    main, thickness = main_piece(program), run.analysis.slice_um
    numbers: dict[str, Number] = {}
    curve, line = None, None
    flux_slice: SliceFlux | None = None
    flux_slice_mean: SliceMeanFlux | None = None
    notes: tuple[str, ...] = ()
    onset_s = 0.0 if begun else None if structure_onset is None else structure_onset.value
    try:
        curve = growth_curve(phi, slice_um=thickness)
        kink = onset_from_kink(curve) if main is None else _kink_within(curve, program)
        kink = without_supply(kink, phi, start=run.solution.volume_fraction)
        numbers |= onset(curve, structure=structure_onset, kink=kink)
        found = Number(0.0, 0.0, "s", "crystals in the first scan") if begun else numbers["onset_time"]
        onset_s = found.value
        start, changes = run.solution.volume_fraction, _changes(program)
        flux_slice = slice_flux_curve(curve, slice_um=thickness, start=start, steps_s=changes)
        mean = slice_mean_curve(phi, slice_um=thickness, **cell)
        flux_slice_mean = slice_mean_flux_curve(mean, slice_um=thickness, start=start, steps_s=changes)
        for suffix, piece in rated(program):
            at_anode, of_slice = "phi of the voxel at the anode", "mean phi of the slice"
            numbers[f"slice_flux{suffix}"] = _slice_flux(curve, found, thickness, at_anode, piece)
            numbers[f"slice_flux_mean{suffix}"] = _slice_flux(mean, found, thickness, of_slice, piece)
        line = growth_line(curve, onset_s=onset_s, during=main).line
    except FitError as error:
        notes = (f"growth curve: {error}",)
        for name, unit in (("onset_time", "s"), ("onset_volume_fraction", "one"), ("slice_flux", "m/s")):
            numbers.setdefault(name, Number.absent(unit, str(error)))
    if begun:
        numbers |= {name: Number.absent("m/s", NO_LINE) for name in numbers if whole_program(name) in OF_SLICE}
    return _Growth(numbers, onset_s, curve, line, flux_slice, flux_slice_mean, notes)


def _kink_within(curve: GrowthCurve, program: tuple[Piece, ...]) -> Number:
    """The first kink within a piece of constant voltage: where the voltage changes the curve has one without any crystals."""
    kinks = [onset_from_kink(only(curve, piece)) for piece in program if not piece.ramp]
    return next((kink for kink in kinks if kink.value is not None), kinks[0])


def _slice_flux(
    curve: GrowthCurve, onset_time: Number, slice_um: float, name: str, during: Piece | None = None
) -> Number:
    """Slice flux of the line up to the onset; that the onset is uncertain, and with it which scans count, is in its sigma.
    Absent where there is no line."""
    try:
        flux = growth_line(curve, onset_s=onset_time.value, during=during).slice_flux(slice_um, name)
    except FitError as error:
        return Number.absent("m/s", str(error))
    if onset_time.value is None or not onset_time.sigma or flux.value is None or flux.sigma is None:
        return flux
    ends = []
    for shift in (-onset_time.sigma, onset_time.sigma):
        try:
            end = onset_time.value + shift
            other = growth_line(curve, onset_s=end, during=during).slice_flux(slice_um, name)
        except FitError:
            continue
        ends.append(other.value or flux.value)
    window = 0.5 * (max([*ends, flux.value]) - min([*ends, flux.value]))
    return replace(flux, sigma=float(np.hypot(flux.sigma, window)))


def last_value(noun: Noun, what: str) -> Number:
    """The value at the anode in the last scan that has one, with total sigma."""
    good = noun.good[:, 0]
    if not good.any():
        return Number.absent(noun.UNIT, f"{what}: no usable frame at the anode")
    last = int(np.flatnonzero(good)[-1])
    height, time = noun.coord("height")[0], noun.coord("time")[last, 0]
    return Number(
        float(noun.values[last, 0]),
        float(noun.total_sigma[last, 0]),
        noun.UNIT,
        f"{what}: voxel at {round(height) + 0} um, {time:.0f} s after field-on",
    )
