"""What the run was told and the frames cannot tell - lengths, energies, the start - as contributions of all that it moves.

Lengths go as distance over photon energy (q = 2 pi r / (L lambda) at small angles). Beam width, path, gap and the height of the
anode enter through the profile within the beam and the integrals over the cell: there the maps and what follows from them are
made once more with the value one sigma larger. phi0 multiplies all phi and is a contribution from the start on
(`analysis.concentration.volume_fraction`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import scipp as sc

from ...io.poni import read_poni
from ...nouns import FloatArray, Noun, Number, Run, RunResults, VolumeFraction
from ...nouns.contributions import ANODE, BEAM_WIDTH, ENERGY, GAP, GEOMETRY, PATH, STARTING_SOLUTION, WAVINESS
from ...nouns.voltage_pieces import whole_program
from .anode import AnodePosition
from .maps import FrameMaps, Kinetics, last_value

LENGTHS = ("starting_diameter", "starting_volume_mean_diameter", "anode_diameter", "lattice_constant_solvated")
AMOUNTS = ("slice_flux", "slice_flux_mean", "supply_flux", "anode_volume_fraction", "onset_volume_fraction")
PROFILES = (*AMOUNTS, "mass_balance_error")
INTEGRALS = ("supply_flux", "mass_balance_error")
"""Numbers that follow from the heights themselves, and not from phi at a given height."""
MOVED = {
    **dict.fromkeys(LENGTHS, (GEOMETRY, ENERGY)),
    **dict.fromkeys(AMOUNTS, (STARTING_SOLUTION, BEAM_WIDTH, PATH, ENERGY, ANODE)),
    "mass_balance_error": (GAP, BEAM_WIDTH, PATH, ENERGY, ANODE),
}
"""Which of what the run was told moves a number."""
KEYS = {
    GEOMETRY: "distance", ENERGY: "energy", GAP: "gap", PATH: "path length", BEAM_WIDTH: "beam width",
    STARTING_SOLUTION: "starting phi", ANODE: "anode height",
}  # fmt: skip
OF_THE_EDGE, DIODE = ("anode_height", "anode_volume_fraction"), "the diode's linearity where the edge cuts the beam"
"""What rests on a transmission of half the beam: an edge elsewhere and a diode that is not linear pass the same light."""
A_SCALE = 1e-3
"""Relative, an example: what a careful calibration leaves of a distance."""
LEAST_MOVED = 1e-3
"""Of the beam's width: a height of the anode that is known better moves nothing."""
SMALLEST = 1e-6
"""Change of a quantity, relative, below which a scale does not move it."""
HIDDEN = 7.0
"""Depth of a wavy surface below its highest lines over these lines' spread (chosen: n = 100, waves of 0.1 mm in 10 mm)."""
Again = Callable[[Run, float], tuple[FrameMaps, Kinetics, Kinetics]]
"""Run and what the anode lies higher (um) -> maps on the heights of the run, what follows from them, and what follows from the
heights as they then are."""
Kind = TypeVar("Kind", bound=Noun)


@dataclass(frozen=True)
class Scales:
    """relative: contribution -> relative sigma, for what has one; anode_um: sigma of the anode's height, None where not known.

    calibrated: the distance comes from rings taken at the same energy, which fix distance over energy whatever the energy is.
    """

    relative: Mapping[str, float]
    anode_um: float | None
    calibrated: bool

    @property
    def of_lengths(self) -> dict[str, float]:
        """What one sigma does to a length in real space, relative."""
        moves = {GEOMETRY: 1.0, ENERGY: 0.0 if self.calibrated else -1.0}
        return {name: way * self.relative[name] for name, way in moves.items() if way and name in self.relative}

    def not_included(self, number: str) -> str:
        """In words, what moves a number and has no sigma; empty where there is nothing."""
        absent = [*self._unknown(MOVED.get(whole_program(number), ())), *([DIODE] if number in OF_THE_EDGE else [])]
        return f"; not included: errors of {', '.join(absent)} (no sigma given)" if absent else ""

    def note(self, diameter: Number | None) -> tuple[str, ...]:
        """What an unknown scale does to all sizes, where that is more than the sigma of the `diameter` that is known best."""
        absent = self._unknown((GEOMETRY, ENERGY))
        if not absent or diameter is None or diameter.value is None or not diameter.sigma:
            return ()
        sigmas = A_SCALE * diameter.value / diameter.sigma
        if sigmas < 1.0:
            return ()
        return (
            f"sizes and lattice constants are as true as {' and '.join(absent)}, of which no sigma is given and no frame tells:"
            f" {A_SCALE:.1%} of either moves the starting diameter by {sigmas:.0f} of its sigmas",
        )

    def _unknown(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that have no sigma, in words."""
        known = {*self.relative, *([] if self.anode_um is None else [ANODE]), *([ENERGY] if self.calibrated else [])}
        return [KEYS[name] for name in names if name not in known]


def scales_of(run: Run, anode: AnodePosition, moved_um: float = 0.0) -> Scales:
    """From run.toml and the geometry file; moved_um: by what the transmission contradicts the height of the anode."""
    cell, beam, start = run.cell, run.beam, run.solution
    geometry = read_poni(run.detector.geometry)
    told = geometry.sigmas.get("distance_m")
    pairs = {
        GEOMETRY: (
            geometry.distance_m,
            told if run.detector.distance_m_sigma is None else run.detector.distance_m_sigma,
        ),
        ENERGY: (beam.energy_keV, beam.energy_keV_sigma),
        GAP: (cell.gap_mm, cell.gap_mm_sigma),
        PATH: (cell.path_length_mm, cell.path_length_mm_sigma),
        BEAM_WIDTH: (beam.fwhm_um, beam.fwhm_um_sigma),
        STARTING_SOLUTION: (start.volume_fraction, start.volume_fraction_sigma),
    }
    relative = {name: sigma / value for name, (value, sigma) in pairs.items() if sigma is not None}
    own = anode.number.sigma or 0.0
    known = float(np.hypot(own, moved_um))
    return Scales(relative, known if known > 0.0 else None, told is not None)


def parted(numbers: Mapping[str, Number], without: Mapping[str, Number], start: float) -> dict[str, Number]:
    """The numbers of kinetics with the error of phi0, `start` of all phi, told apart; without: the same of a map without it."""
    found = dict(numbers)
    for name, number in numbers.items():
        if whole_program(name) in AMOUNTS and name in without and number.value is not None:
            own = replace(number, sigma=without[name].sigma)
            found[name] = own.with_contribution(STARTING_SOLUTION, start * number.value)
    return found


def with_scale_errors(results: RunResults, scales: Scales, run: Run, again: Again) -> RunResults:
    """`results` with the contributions of `scales` in every map and number that they move, and what is missing in words."""
    for name, share in scales.of_lengths.items():
        results = _longer(results, name, share)
    for name, other, shift in _variations(scales, run):
        results = _varied(results, name, *again(other, shift), whole=name != ANODE)
    numbers = dict(results.numbers)
    for name, number in numbers.items():
        if number.value is not None and (
            number.sigma or name not in OF_THE_EDGE
        ):  # a height that is given rests on nothing
            numbers[name] = replace(number, source=number.source + scales.not_included(name))
    words = scales.note(results.numbers.get("starting_diameter"))
    return replace(results, numbers=numbers, notes=(*results.notes, *words))


def again(
    maps: FrameMaps, moved_maps: Callable[[Run, float], FrameMaps], rates: Callable[[VolumeFraction, Run], Kinetics]
) -> Again:
    """Maps and kinetics of another run, its anode higher by so much (um): at the heights of `maps`, and kinetics also of the
    map as it lies."""

    def made_again(run: Run, anode_um: float) -> tuple[FrameMaps, Kinetics, Kinetics]:
        made = moved_maps(run, anode_um)
        lying = rates(made.phi, run)
        if not anode_um:
            return made, lying, lying
        names = ("phi", "diameter", "deviation", "polydispersity")
        made = replace(made, **{name: at_heights(getattr(made, name), anode_um, getattr(maps, name)) for name in names})
        return made, rates(made.phi, run), lying

    return made_again


def _variations(scales: Scales, run: Run) -> Iterable[tuple[str, Run, float]]:
    """Contribution, the run with its value one sigma larger, what the anode lies higher (um)."""
    tables = {GAP: ("cell", "gap_mm"), PATH: ("cell", "path_length_mm"), BEAM_WIDTH: ("beam", "fwhm_um"),
              ENERGY: ("beam", "energy_keV")}  # fmt: skip
    for name, (table, key) in tables.items():
        if name in scales.relative:
            settings = getattr(run, table)
            larger = settings.model_copy(update={key: getattr(settings, key) * (1.0 + scales.relative[name])})
            yield name, run.model_copy(update={table: larger}), 0.0
    if scales.anode_um is not None and scales.anode_um > LEAST_MOVED * run.beam.fwhm_um:
        yield ANODE, run, scales.anode_um


def _longer(results: RunResults, name: str, share: float) -> RunResults:
    """All lengths in real space with the contribution `share` of themselves."""

    def longer(noun: Kind | None) -> Kind | None:
        return None if noun is None else with_part(noun, name, share * noun.values)

    numbers = dict(results.numbers)
    for key in LENGTHS:
        if key in numbers and (value := numbers[key].value) is not None:
            numbers[key] = numbers[key].with_contribution(name, share * value)
    start, errors = results.numbers["starting_diameter"].value, results.starting_errors
    if errors is not None and start is not None:
        errors = replace(errors, shared={**errors.shared, name: np.array([share * start, 0.0])})
    return replace(
        results, diameter=longer(results.diameter), deviation=longer(results.deviation),
        lattice_constant=longer(results.lattice_constant), starting_errors=errors, numbers=numbers,
    )  # fmt: skip


def _varied(
    results: RunResults, name: str, maps: FrameMaps, growth: Kinetics, moved: Kinetics, *, whole: bool
) -> RunResults:
    """`results` with the difference to what was made with one sigma more; whole: integrals on the heights of the run."""

    def changed(noun: Kind | None, other: Noun | None) -> Kind | None:
        if noun is None or other is None or other.values.shape != noun.values.shape:
            return noun
        change = np.where(noun.good & other.good, other.values - noun.values, 0.0)
        return with_part(noun, name, change) if np.max(np.abs(change), initial=0.0) > SMALLEST * _size(noun) else noun

    fresh = {
        **growth.numbers,
        "anode_volume_fraction": last_value(maps.phi, "phi"),
        "anode_diameter": last_value(maps.diameter, "d"),
        **({} if whole else {key: number for key, number in moved.numbers.items() if whole_program(key) in INTEGRALS}),
    }
    numbers = dict(results.numbers)
    for key, old in results.numbers.items():
        new = fresh.get(key) if whole_program(key) in (*PROFILES, "anode_diameter") else None
        if old is not None and new is not None and old.value is not None and new.value is not None:
            scale = old.sigma or abs(old.value)
            if abs(new.value - old.value) > SMALLEST * scale:
                numbers[key] = old.with_contribution(name, new.value - old.value)
    return replace(
        results,
        volume_fraction=changed(results.volume_fraction, maps.phi) or results.volume_fraction,
        diameter=changed(results.diameter, maps.diameter),
        deviation=changed(results.deviation, maps.deviation),
        polydispersity=changed(results.polydispersity, maps.polydispersity),
        mass_balance=changed(results.mass_balance, moved.balance),
        growth=changed(results.growth, growth.growth),
        flux_slice=changed(results.flux_slice, growth.flux_slice),
        flux_slice_mean=changed(results.flux_slice_mean, growth.flux_slice_mean),
        flux=changed(results.flux, moved.flux),
        numbers=numbers,
    )


def _size(noun: Noun) -> float:
    good = noun.good
    return float(np.max(np.abs(noun.values[good]), initial=0.0))


def with_part(noun: Kind, name: str, change: FloatArray) -> Kind:
    """`noun` with what one sigma of `name` does to it, added to what it did already."""
    unit, dims = noun.data.unit, list(noun.dims)
    before = np.asarray(noun.shared[name].values) if name in noun.shared else 0.0
    part = sc.array(dims=dims, values=np.nan_to_num(change) + before, unit=unit)
    return replace(noun, shared={**noun.shared, name: part})


def with_hidden_layer(results: RunResults, spread_um: float, below_um: float = 0.0) -> RunResults:
    """`results` with what a wavy anode hides below its highest lines, where no beam passes and the layer is densest: integrals
    from the anode on lack depth x phi there. Of the greatest of n heights the mean over the sd is 2 ln n sqrt(6) / pi (Gumbel
    1958): HIDDEN times the edge's spread, one sigma; below_um: how deep the layer was found to be there."""
    phi, depth = results.volume_fraction, 1e-6 * float(np.hypot(HIDDEN * spread_um, below_um))
    time, wall = phi.coord("time")[:, 0], np.where(phi.good[:, 0], phi.values[:, 0], np.nan)
    told = np.isfinite(wall) & np.isfinite(time)
    if not depth or told.sum() < 2:
        return results
    rate = np.gradient(np.interp(time, time[told], wall[told]), time)
    flux, numbers = results.flux, dict(results.numbers)
    if flux is not None and flux.values.shape == phi.values.shape:
        flux = with_part(flux, WAVINESS, np.broadcast_to(depth * rate[:, None], flux.values.shape))
    changes = {"supply_flux": depth * float(np.mean(rate[told])), "solution_loss": 1e6 * depth * float(wall[told][-1])}
    for name, change in changes.items():
        if name in numbers and numbers[name].value is not None:
            numbers[name] = numbers[name].with_contribution(WAVINESS, change)
    return replace(results, flux=flux, numbers=numbers)


def without_start(phi: VolumeFraction) -> VolumeFraction:
    """phi without the error of the starting solution."""
    return replace(phi, shared={name: part for name, part in phi.shared.items() if name != STARTING_SOLUTION})


def at_heights(noun: Kind, shift_um: float, like: Noun) -> Kind:
    """A map read `shift_um` nearer the anode than the heights of `like` say, brought to these along its own slope in height."""
    read = like.coord("height_effective") if "height_effective" in like.data.coords else like.coord("height")
    if read.size < 2:
        return noun
    values = np.where(noun.good & (noun.values > 0.0), noun.values, np.nan)
    logarithm = np.log(values)
    slope = np.nan_to_num(np.gradient(logarithm, read, axis=1))
    moved = np.where(np.isfinite(values), values * np.exp(slope * shift_um), noun.values)
    data = like.data.copy()
    data.values = moved
    return replace(noun, data=data)
