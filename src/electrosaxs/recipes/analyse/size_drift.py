"""Sizes in the bulk of the cell, where neither layer nor depletion has arrived, are those of the starting solution; those of
all heights never step at once.

Another energy, distance or beam centre than in the frames before scales all sizes alike, and no single curve shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...analysis.concentration.bulk_level import SIGNIFICANT, BulkLevel
from ...nouns import Diameter, FloatArray, Number
from ...nouns.contributions import SIZE_DRIFT
from .crystals import Crystals
from .maps import FrameMaps
from .quality import Doubt
from .scale_errors import with_part

LATTICE = "lattice_constant_solvated"
LEAST = 5e-4
"""Relative (chosen): less is hardly what energy and distance are known to."""
FEWEST_HEIGHTS, MOST, SURE = 4, 0.7, 6.0
"""Heights of which so many step alike, and sigmas of their median, from which on it is a step of all (chosen)."""
FEWEST_CREEPING = 3
"""Scans with a bulk that tell whether sizes creep."""
STEP_NOISE = 4.0
"""Variances of a scan in a step against the mean of those beside it: 2 for the step, 2 for half of both."""
FIRM = 1.5e-3
"""Own relative sigma of phi up to which a voxel is surely of the bulk: where a layer adds three times as much, sizes are
LEAST larger."""
LEAST_SIGMA = 1e-4
"""Relative (chosen), of the bulk's mean size: the layer's end sorts sizes before phi shows it."""


BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SizeDrift:
    """change (scan, height): of lengths against the starting solution's, relative, as the bulk of the scans around says; None
    where it says none."""

    change: FloatArray | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """In words; empty where there is none."""
        if self.change is None:
            return ()
        largest = 100.0 * float(self.change.flat[np.argmax(np.abs(self.change))])
        return (
            f"sizes of all heights at once, or where nothing has arrived yet, are up to {largest:+.2g} % off those of the"
            " starting solution: energy, distance or beam centre are not as in the reference frames, or the particles change",
        )

    @property
    def doubts(self) -> list[Doubt]:
        """Of all lengths."""
        return [Doubt(frozenset({"anode_diameter", LATTICE}), words) for words in self.notes]

    def of(self, maps: FrameMaps) -> FrameMaps:
        """`maps` whose lengths have all of it in their sigma."""
        if self.change is None:
            return maps
        d, delta = maps.diameter, maps.deviation
        return replace(
            maps,
            diameter=with_part(d, SIZE_DRIFT, self.change * d.values),
            deviation=with_part(delta, SIZE_DRIFT, self.change * delta.values),
        )

    def of_lattice(self, crystals: Crystals) -> Crystals:
        """`crystals` whose lattice constant has all of it in its sigma: at the anode, in its scans, and in the last for the
        number."""
        lattice, number = crystals.lattice_constant, crystals.numbers.get(LATTICE)
        if self.change is None or lattice is None or number is None or number.value is None:
            return crystals
        at_anode = self.change[:, 0]
        if lattice.values.shape == at_anode.shape:
            lattice = with_part(lattice, SIZE_DRIFT, at_anode * lattice.values)
        more = float(at_anode[-1]) * number.value
        wider = replace(number, sigma=float(np.hypot(number.sigma or 0.0, more)))
        return replace(crystals, lattice_constant=lattice, numbers={**crystals.numbers, LATTICE: wider})


def size_drift(
    maps: FrameMaps, bulk: BulkLevel | None, start: Number, drift_of_phi: FloatArray | float = 0.0
) -> SizeDrift:
    """By the larger of two: diameters where phi is that of the `bulk`, against the `start` diameter (nm), and steps of all
    heights; none where neither exceeds LEAST and what it is uncertain by. drift_of_phi (scan, height): relative, by
    which scattering and transmission disagree."""
    if start.value is None or not start.sigma:
        return SizeDrift()
    d = maps.diameter
    found = np.broadcast_to(size_steps(d)[:, None], d.values.shape)
    firm = maps.phi.sigma < FIRM * np.abs(maps.phi.values)
    level = None if bulk is None else _of_the_bulk(d, bulk.bulk & firm, start.value, start.sigma)
    if level is not None:
        of_phi = np.broadcast_to(drift_of_phi, d.values.shape)
        time, shared = d.coord("time"), float(np.hypot(start.sigma / start.value, LEAST / SIGNIFICANT))
        for of_bulk in (level.at(time) if level.drifts else np.zeros(time.shape), _creep(level, time, shared, of_phi)):
            found = np.where(np.abs(of_bulk) > np.abs(found), of_bulk, found)
    return SizeDrift(found) if np.any(found) else SizeDrift()


def _of_the_bulk(d: Diameter, bulk: BoolArray, start: float, start_sigma: float) -> BulkLevel:
    told = bulk & d.good & (d.values > 0.0)
    off = np.log(np.where(told, d.values, start) / start)
    weight = np.where(told, 1.0 / (np.square(d.total_sigma / start) + LEAST_SIGMA**2), 0.0)
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.sum(weight * off, axis=1) / total
        sigma = np.sqrt(1.0 / total + (start_sigma / start) ** 2)
    return BulkLevel(change, np.hypot(sigma, LEAST / SIGNIFICANT), told)


def _creep(level: BulkLevel, time_s: FloatArray, shared: float, of_phi: FloatArray) -> FloatArray:
    """Relative change (scan, height) of sizes that creep: as evenly as those of the bulk from field-on, if by SURE sigmas, or
    as q does if that is what phi by scattering drifts for (of_phi), where the bulk's sizes rather say so than not; 0 else.

    q that is read 1 + x too small makes sizes 1 + x larger and the invariant, and phi with it, (1 + x)^3 smaller. shared:
    sigma that all scans have in common, the start's.
    """
    told = np.flatnonzero(np.isfinite(level.change))
    nothing = np.zeros(time_s.shape)
    if told.size < FEWEST_CREEPING:
        return nothing
    when = np.array([np.mean(time_s[scan][level.bulk[scan]]) for scan in told])
    change, own = level.change[told], np.square(level.sigma[told]) - shared**2
    inverse = np.linalg.inv(np.diag(own) + shared**2)

    def left(of: FloatArray) -> float:
        return float((change - of) @ inverse @ (change - of))

    sigma = float(1.0 / np.sqrt(when @ inverse @ when))
    slope = float(when @ inverse @ change) * sigma**2
    steady = float(np.sum(inverse @ change) / np.sum(inverse))  # off from the start is no creep
    found = nothing
    if abs(slope) > SURE * sigma and left(slope * when) < left(np.full(told.size, steady)):
        found = np.sign(slope) * np.hypot(slope, sigma) * np.maximum(time_s, 0.0)
    of_q = -of_phi / 3.0
    there = np.array([np.mean(of_q[scan][level.bulk[scan]]) for scan in told])
    if left(there) < left(np.zeros(told.size)):
        found = np.where(np.abs(of_q) > np.abs(found), of_q, found)
    return np.asarray(found if np.max(np.abs(found)) > LEAST else nothing)


def size_steps(d: Diameter) -> FloatArray:
    """Relative change (scan,) of all sizes since the first scan by steps that most heights make at once: by how much each goes
    more from one scan to the next than before and after; the median over the heights, against their scatter about it."""
    x = np.log(np.where(d.good & (d.values > 0.0), d.values, np.nan))
    own = np.square(d.sigma / d.values)
    steps = np.zeros(len(x))
    for scan in range(1, len(x)):
        beside = [x[k] - x[k - 1] for k in (scan - 1, scan + 1) if 1 <= k < len(x)]
        more = x[scan] - x[scan - 1] - (np.mean(beside, axis=0) if beside else 0.0)
        known = np.isfinite(more)
        if known.sum() < FEWEST_HEIGHTS or len(beside) < 2:
            continue
        size = float(np.median(more[known]))
        scatter = 1.4826 * float(np.median(np.abs(more[known] - size)))
        noise = np.hypot(scatter, float(np.sqrt(np.median(own[scan][known]) * STEP_NOISE)))
        alike = np.mean(np.abs(more[known] - size) < 0.5 * abs(size)) >= MOST
        if alike and abs(size) > max(LEAST, SURE * noise / np.sqrt(known.sum())):
            steps[scan] = size
    kept = np.abs(steps) >= np.maximum(
        np.roll(np.abs(steps), 1), np.roll(np.abs(steps), -1)
    )  # beside a step half of it, back
    return np.cumsum(np.where(kept, steps, 0.0))
