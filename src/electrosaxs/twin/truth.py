"""What an analysis should find: the true maps at the times and heights of the frames, and the true headline numbers.

phi, d, delta and the crystalline fraction are means over the open part of the beam, not weighted by transmission. What
a frame shows is weighted by it: `quality` holds that too (`..._seen`), phi at the beam's centre, and what of the crystals
stands in the light (um), be it in the shadow of others. Fluxes are those where a frame reads phi (`height_effective`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..nouns import (
    CrystallineFraction,
    Diameter,
    DiameterDeviation,
    FloatArray,
    Flux,
    GrowthCurve,
    LatticeConstant,
    LineFit,
    MassBalance,
    Number,
    Polydispersity,
    RunResults,
    SliceFlux,
    VolumeFraction,
)
from ..nouns.run import SLICE_UM
from ..nouns.voltage_pieces import Piece, main_piece, pieces
from ..physics.beam import open_beam_centre
from ..transport.history import CellHistory
from ..transport.onset import onset_time
from ..transport.size_classes import number_moments
from ..transport.voltage import kinks_between
from ..units import METRE_PER_UM
from .beamline import Beamline
from .exposure import Exposure, crystals_in_footprint, footprint
from .schedule import Schedule, anode_height_um

TIME_STEP_S = 0.5  # of central differences in time
THIN_M = 1e-12  # of solution on the anode, so that no functional is empty
FEWEST_POINTS = 3  # for the line through the growth curve
SCANNED = ("scan",)
MAPPED = ("scan", "height")
AT_ANODE = ("anode_diameter", "anode_polydispersity", "onset_volume_fraction", "slice_flux")
NEVER = "no crystals form in this experiment"


class TruthRecord:
    """Collects, exposure by exposure, what the truth needs of each frame."""

    def __init__(self, beamline: Beamline) -> None:
        frames, classes = len(beamline.plan), beamline.cell.diameter.size
        self.beamline = beamline
        self.transmission = np.full(frames, np.nan)
        self.phi = np.zeros((frames, classes))
        self.crystals = np.zeros((frames, classes))
        self.in_light = np.zeros(frames)
        self.seen = np.zeros((frames, classes))

    def add(self, index: int, exposure: Exposure) -> None:
        """Keep frame `index`: transmission, and in the map crystals and phi per class, plain and weighted by it.

        A frame outside the map may be blocked altogether (knife edge, narrow beam): no mean over its beam exists.
        """
        self.transmission[index] = exposure.transmission
        if not self.beamline.plan.in_map[index]:
            return
        content = exposure.dissolved + exposure.crystals
        passed = exposure.beam.share * self.beamline.cell.transmission(content)
        self.phi[index] = exposure.mean_over_beam()
        self.crystals[index] = exposure.crystals_over_beam()
        if exposure.beam.at_anode > 0.0:
            self.in_light[index] = float(self.crystals[index].sum()) / exposure.beam.at_anode
        light = (
            passed if passed.sum() > 0.0 else exposure.beam.share
        )  # no ray of the darkest frames is a number above 0
        self.seen[index] = light @ content / light.sum()

    def results(self, title: str, extra: Mapping[str, FloatArray]) -> RunResults:
        """The truth as finished results; `extra` goes to `quality`. All frames must have been added."""
        line = self.beamline
        plan, history, cell = line.plan, line.history, line.cell
        per_class = _to_map(plan, self.phi)
        crystals = _to_map(plan, self.crystals)
        diameter, deviation = number_moments(per_class, cell.diameter, history.dry_shell_nm)
        seen = _to_map(plan, self.seen)
        diameter_seen, deviation_seen = number_moments(seen, cell.diameter, history.dry_shell_nm)
        coords = {
            "height": (("height",), _heights(plan)),
            "time": (MAPPED, _to_map(plan, plan.time)),
        }
        phi = VolumeFraction.from_arrays(per_class.sum(axis=-1), dims=MAPPED, coords=coords)
        anode = int(np.argmin(_heights(plan)))
        scans = {"time": (SCANNED, phi.coord("time")[:, anode])}
        growth = GrowthCurve.from_arrays(phi.values[:, anode], dims=SCANNED, coords=scans)
        onset = onset_time(history)
        fraction = _crystalline_fraction(per_class[:, anode], crystals[:, anode], cell.volume)
        lattice = np.where(fraction > 0.0, cell.lattice_constant, np.nan)
        main = main_piece(pieces(plan.time[plan.in_map], plan.voltage[plan.in_map]))
        growth_line = _growth_line(growth, onset, main)
        lit = _to_map(plan, self.in_light)[:, anode]
        ends = float(scans["time"][1][-1]), float(np.mean(phi.coord("time")[-1]))
        return RunResults(
            title=title,
            volume_fraction=phi,
            diameter=Diameter.from_arrays(diameter, dims=MAPPED, coords=coords),
            deviation=DiameterDeviation.from_arrays(deviation, dims=MAPPED, coords=coords),
            polydispersity=Polydispersity.from_arrays(deviation / diameter, dims=MAPPED, coords=coords),
            mass_balance=_mass_balance(history, np.mean(phi.coord("time"), axis=1)),
            growth=growth,
            growth_line=growth_line,
            flux_slice=SliceFlux.from_arrays(self._accumulation(scans["time"][1]), dims=SCANNED, coords=scans),
            flux=self._flux(phi),
            lattice_constant=LatticeConstant.from_arrays(lattice, dims=SCANNED, coords=scans),
            crystalline_fraction=CrystallineFraction.from_arrays(fraction, dims=SCANNED, coords=scans),
            quality={
                "volume_fraction_seen": seen.sum(axis=-1),
                "diameter_seen": diameter_seen,
                "deviation_seen": deviation_seen,
                "volume_fraction_at_centre": _at_centre(history, phi),
                "volume_fraction_crystals": crystals.sum(axis=-1),
                "crystals_in_the_light": lit,
                **self._film(scans["time"][1]),
                "transmission": _to_map(plan, self.transmission),
                **extra,
            },
            numbers=self._numbers(onset, growth_line, diameter[-1, anode], deviation[-1, anode])
            | self._amounts(onset, *ends, float(lit[-1])),
        )

    def _flux(self, phi: VolumeFraction) -> Flux:
        """J (scan, height) at the time of each voxel, where its frame reads phi."""
        read = _read_heights(phi.coord("height"), self.beamline)
        coords = {
            "height": (("height",), phi.coord("height")),
            "height_effective": (("height",), read),
            "time": (MAPPED, phi.coord("time")),
        }
        return Flux.from_arrays(flux_at(self.beamline.history, phi.coord("time"), read), dims=MAPPED, coords=coords)

    def _film(self, times: FloatArray) -> dict[str, FloatArray]:
        """Particle volume per area in crystals (um) at `times` (scan,), and of islands height (um) and coverage."""
        per_area = 1e6 * self.beamline.history.crystals_at(times)
        films = [self.beamline.film(amount) for amount in per_area]
        found = {"crystals_per_area": per_area.sum(axis=-1)}
        if self.beamline.experiment.imperfections.islands:
            found["island_height"] = np.array([0.0 if film is None else film.height for film in films])
            found["island_coverage"] = np.array([0.0 if film is None else film.coverage for film in films])
        return found

    def _anode_phi(self, times: FloatArray) -> FloatArray:
        """phi of the voxel at the lowest height of the scans at any times."""
        experiment, history = self.beamline.experiment, self.beamline.history
        lowest = float(_heights(self.beamline.plan).min())
        per_area = 1e6 * history.crystals_at(times)
        if self.beamline.electrode is None:
            beam = footprint(lowest, fwhm_um=experiment.beam.fwhm_um, gap_um=1e3 * experiment.cell.gap_mm)
            solution = history.at(times[:, None], 1e-6 * beam.height).sum(axis=-1) @ beam.share / beam.open
            return np.asarray(solution + crystals_in_footprint(beam, per_area.sum(axis=-1)))
        phi = []
        for time, amount in zip(times, per_area, strict=True):
            beam, crystals = self.beamline.seen(lowest, amount)
            solution = history.at(np.full(beam.height.size, time), 1e-6 * beam.height).sum(axis=-1)
            phi.append(beam.share @ (solution + crystals.sum(axis=-1)) / beam.open)
        return np.array(phi)

    def _accumulation(self, times: FloatArray) -> FloatArray:
        """Slice thickness x d phi/dt of the voxel at the anode (m/s)."""
        early, late = _around(self.beamline.history, times)
        return np.asarray(METRE_PER_UM * SLICE_UM * (self._anode_phi(late) - self._anode_phi(early)) / (late - early))

    def _numbers(self, onset: float | None, line: LineFit | None, d: float, delta: float) -> dict[str, Number]:
        experiment, history, cell = self.beamline.experiment, self.beamline.history, self.beamline.cell
        given = "set in the experiment"
        height = given if experiment.cell.anode_height_um is not None else "default, cell.anode_height_um is not given"
        touching = "default, touching solvated particles: growth.lattice_constant_nm is not given"
        lattice = given if experiment.growth.lattice_constant_nm is not None else touching
        plan = self.beamline.plan
        main = main_piece(pieces(plan.time[plan.in_map], plan.voltage[plan.in_map]))
        supply = f"phi0 v of the starting solution, mean over {'the run' if main is None else main.words}"
        numbers = {
            "anode_height": Number(anode_height_um(experiment), 0.0, "um", height),
            "supply_flux": Number(mean_supply(history, main), 0.0, "m/s", supply),
            "anode_diameter": Number(d, 0.0, "nm", "voxel at the anode, last scan, number-weighted"),
            "anode_polydispersity": Number(delta / d, 0.0, "one", "voxel at the anode, last scan"),
            "mass_balance_error": Number(0.0, 0.0, "one", "the cell is closed; crystals are counted"),
            "onset_time": Number.absent("s", NEVER),
            "onset_volume_fraction": Number.absent("one", NEVER),
            "lattice_constant_solvated": Number.absent("nm", NEVER),
            "slice_flux": Number.absent("m/s", f"fewer than {FEWEST_POINTS} scans before the onset"),
        }
        if onset is not None:
            at_onset = float(self._anode_phi(np.array([onset]))[0])
            numbers["onset_time"] = Number(onset, 0.0, "s", "phi at the wall reaches the solubility")
            numbers["onset_volume_fraction"] = Number(at_onset, 0.0, "one", "voxel at the anode at the onset")
            numbers["lattice_constant_solvated"] = Number(cell.lattice_constant, 0.0, "nm", lattice)
        if line is not None:
            source = f"{SLICE_UM:g} um x least-squares line through the true phi of the voxel at the anode"
            numbers["slice_flux"] = Number(METRE_PER_UM * SLICE_UM * line.slope, 0.0, "m/s", source)
        lowest = float(np.min(_heights(plan)))
        if lowest > SLICE_UM:  # the lowest voxel stands for nothing at the anode
            why = f"no voxel at the anode: the lowest is at {lowest:g} um, above the slice of {SLICE_UM:g} um"
            numbers |= {name: Number.absent(numbers[name].unit, why) for name in AT_ANODE}
        return numbers

    def _amounts(self, onset: float | None, anode_s: float, scan_s: float, in_light: float) -> dict[str, Number]:
        """Particle volume per area in crystals (um) when the voxel at the anode was last seen, what of it stands `in_light`
        then, and all amid that scan."""
        seen, lost = (1e6 * self.beamline.history.crystals_at(np.array([anode_s, scan_s]))).sum(axis=-1)
        words = (
            "particle volume per area of the anode in crystals that stand in the light, voxel at the anode, last scan"
        )
        amount = Number.absent("um", NEVER) if onset is None else Number(in_light, 0.0, "um", words)
        left = Number(
            float(lost), 0.0, "um", f"particle volume per area in crystals at {scan_s:.0f} s: the cell is closed"
        )
        words = f"particle volume per area in crystals at {anode_s:.0f} s: the cell is closed"
        beside = amount if amount.value is None else replace(amount, value=float(seen), source=words)
        return {"crystalline_amount": amount, "solution_loss": left, "solution_loss_beside_crystals": beside}


def mean_supply(history: CellHistory, during: Piece | None = None) -> float:
    """Mean of phi0 v(t) over the run or one piece of its voltage (m/s); exact, as the voltage is linear between its kinks."""
    start, end = float(history.times[0]), float(history.times[-1])
    if during is not None:
        start, end = max(start, during.start), min(end, during.end)
    times = np.array([start, *kinks_between(history.problem.program, start, end), end])
    supply = replace(history, times=times).supply_flux()
    return float(np.trapezoid(supply, times) / (end - start))


def _read_heights(height_um: FloatArray, beamline: Beamline) -> FloatArray:
    """Where frames read phi (um), the centre of the open beam; at the lowest height that of the beam itself."""
    read = np.array(open_beam_centre(height_um, beamline.experiment.beam.fwhm_um))
    lowest = int(np.argmin(height_um))
    read[lowest] = max(height_um[lowest], 0.0)
    return read


def flux_at(history: CellHistory, time: FloatArray, height_um: FloatArray) -> FloatArray:
    """J (m/s) at the (scan, height) times and heights: rate of what lies below in solution and crystals."""
    early, late = _around(history, time)
    return np.asarray((_below(history, late, height_um) - _below(history, early, height_um)) / (late - early))


def _below(history: CellHistory, time: FloatArray, height_um: FloatArray) -> FloatArray:
    """Particle volume per area (m) between the anode and each height, crystals included, (scan, height)."""
    edges = history.edges
    below = np.clip(1e-6 * height_um[:, None] - edges[:-1], 0.0, np.diff(edges))  # of each finite volume
    below[:, 0] = np.maximum(below[:, 0], THIN_M)
    which = np.broadcast_to(np.arange(height_um.size), time.shape).ravel()
    content = history.observe(time.ravel(), below, which) + history.crystals_at(time.ravel())
    return np.asarray(content.sum(axis=-1).reshape(time.shape))


def _around(history: CellHistory, time: FloatArray) -> tuple[FloatArray, FloatArray]:
    end = history.knots.times[-1]
    return np.maximum(time - TIME_STEP_S, 0.0), np.minimum(time + TIME_STEP_S, end)


def _mass_balance(history: CellHistory, time: FloatArray) -> MassBalance:
    gap = np.array([1e6 * history.z[-1]])
    content = _below(history, time[:, None], gap)[:, 0] / (history.start_phi.sum() * history.z[-1])
    return MassBalance.from_arrays(content, dims=SCANNED, coords={"time": (SCANNED, time)})


def _at_centre(history: CellHistory, phi: VolumeFraction) -> FloatArray:
    """phi of the solution at the beam's centre, crystals left out."""
    return np.asarray(history.at(phi.coord("time"), 1e-6 * phi.coord("height")).sum(axis=-1))


def _crystalline_fraction(phi: FloatArray, crystals: FloatArray, volume: FloatArray) -> FloatArray:
    """Share of the particles by number that sit in crystals, (scan,)."""
    return np.asarray((crystals / volume).sum(axis=-1) / (phi / volume).sum(axis=-1))


def _growth_line(growth: GrowthCurve, onset: float | None, during: Piece | None) -> LineFit | None:
    """Least-squares line through the true growth curve before the onset, as the paper's slice flux is defined, of one piece of
    the voltage."""
    time, phi = growth.coord("time"), growth.values
    before = time < (np.inf if onset is None else onset)
    before &= True if during is None else during.has(time)
    if before.sum() < FEWEST_POINTS:
        return None
    slope, offset = np.polyfit(time[before], phi[before], 1)
    return LineFit(float(slope), 0.0, float(offset), float(time[before][0]), float(time[before][-1]))


def _heights(plan: Schedule) -> FloatArray:
    """Heights of the map (um), ascending."""
    return np.sort(plan.height[plan.scan == 0])


def _to_map(plan: Schedule, per_frame: FloatArray) -> FloatArray:
    """(frame, ...) to (scan, height, ...), heights ascending whatever the order of the scan."""
    shape = (int(plan.scan.max()) + 1, int(plan.place.max()) + 1, *per_frame.shape[1:])
    filled = np.empty(shape)
    filled[plan.scan[plan.in_map], np.searchsorted(_heights(plan), plan.height[plan.in_map])] = per_frame[plan.in_map]
    return filled
