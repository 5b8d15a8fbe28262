"""From a map with one time per frame to profiles at any time: local polynomials in time as linear operators.

A scan is not a snapshot: at each height the frames of neighbouring scans give phi and d phi/dt at the time that is
asked for. The operators are sparse matrices over the frames of the map, so that sigmas follow exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...errors import FitError, ShapeError, bad_value
from ...nouns import FloatArray, VolumeFraction
from ...physics.beam import FWHM_PER_SIGMA, open_beam_centre, surface_weight
from ...units import METRE_PER_UM
from ..footprint.open_beam import beam_sharpness, crystal_length
from .profile_integral import Panels, enriched_steps, solution_only, surface_content, wall_to_wall

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
Entries = TypeVar("Entries", FloatArray, IntArray)
ONE_VISIT = 0.25
BELOW_ANODE_UM = -10.0
ORTHOGONAL = 1e-6
"""Least share of a power of time that the lower powers do not explain for the polynomial to be fixed by its times."""
STARTING_SOLUTION = "starting_solution"
FAR = 3.0
"""FWHM above the anode from which on a beam sees nothing of its surface: a share of 1e-11."""
SURFACE_SHARE = 0.02
"""Of how strongly the lowest voxel sees the surface (chosen): another then has a fiftieth of what a film adds there, as from
1.1 FWHM above the anode on."""


@dataclass(frozen=True)
class MapColumns:
    """A volume-fraction map as bare arrays, SI, on the heights that enough scans have measured.

    phi, variance, time (row, height): rows are the scans and, last, the starting solution at field-on (phi = start at
    every height, no variance). good (row, height). position (height,): m, where each voxel reads phi. height (height,):
    nominal, m. kept (height of the map,): which heights these are. shared: name -> (row, height). solution_from: the height
    from which on voxels hold solution alone, where the lowest sees the anode's surface.
    """

    phi: FloatArray
    variance: FloatArray
    time: FloatArray
    good: BoolArray
    beam_height: FloatArray
    position: FloatArray
    height: FloatArray
    kept: BoolArray
    shared: Mapping[str, FloatArray]
    start: float
    gap: float
    beam_fwhm: float
    solution_from: int = 1

    def beside_crystals(self) -> MapColumns:
        """The same with the solution continued to the anode from the lowest height whose beam hardly reaches the surface: a
        beam that does reads crystals as if they were dissolved there. Itself where that is the second height."""
        if not self.sees_surface:
            return self
        heights = np.minimum(self.beam_height, FAR * self.beam_fwhm)
        length = [surface_weight(float(height), self.beam_fwhm) for height in heights]
        clear = (k for k in range(1, self.height.size - 1) if length[k] > length[0] / SURFACE_SHARE)
        first = next(clear, self.height.size - 2)
        return self if first == self.solution_from else replace(self, solution_from=first)

    @property
    def scan_time(self) -> FloatArray:
        """Mean time of the good frames of each scan, (scan,)."""
        time = np.where(self.good, self.time, 0.0)[:-1].sum(axis=1)
        count = self.good[:-1].sum(axis=1)
        return np.where(count > 0, time / np.maximum(count, 1), self.time[:-1].mean(axis=1))

    @property
    def panels(self) -> Panels:
        """The integration of the solution from wall to wall, exponential in the boundary layer at the anode.

        Where the lowest voxel sees the anode's surface, what lies below the height `solution_from` is continued from above it.
        """
        if not self.sees_surface:
            return self._steps
        return solution_only(self._steps, self.position, float(self.height[0]), self.solution_from)

    @property
    def surface(self) -> Panels | None:
        """What the lowest voxel holds beyond the continued solution, as particle volume per area on the anode."""
        if not self.sees_surface:
            return None
        length, _ = crystal_length(self.beam_height[0], self.beam_fwhm)
        return surface_content(self._steps, self.position, length, self.solution_from)

    @property
    def sees_surface(self) -> bool:
        """True where the surface lies within one standard deviation of the beam at the lowest height."""
        return self.height.size >= 3 and abs(self.beam_height[0]) < self.beam_fwhm / FWHM_PER_SIGMA

    @property
    def _steps(self) -> Panels:
        weight = self.good[:-1]
        mean = np.sum(np.where(weight, self.phi[:-1], 0.0), axis=0) / np.maximum(weight.sum(axis=0), 1)
        sharpness = beam_sharpness(mean, self.beam_height, self.position, self.start, self.beam_fwhm)
        lowest = 1 if self.sees_surface else 0
        return wall_to_wall(
            self.position, self.gap, enriched_steps(mean, self.start), self.start, sharpness, lowest=lowest
        )

    def counting_sigma(self, operator: sparse.csr_array) -> FloatArray:
        """sqrt(sum of operator^2 x variance): operator (out, row x height flattened)."""
        return np.sqrt(operator.power(2) @ self.variance.ravel())

    def shared_sigma(self, operator: sparse.csr_array) -> dict[str, FloatArray]:
        """What each contribution that all frames share does to the result: it shifts all frames together."""
        return {name: np.abs(operator @ sigma.ravel()) for name, sigma in self.shared.items()}


def map_columns(
    phi: VolumeFraction, *, gap_um: float, start: float, beam_fwhm_um: float = 0.0, fewest_scans: int = 3
) -> MapColumns:
    """The heights of `phi` (scan, height) measured in at least `fewest_scans` scans, with the start as a last row.

    Frames with the beam centre more than 10 um inside the electrode are left out. FitError where fewer than
    `fewest_scans` scans or two heights remain.
    """
    if phi.dims != ("scan", "height"):
        raise ShapeError(f"the map of phi has dims {phi.dims}: it must be (scan, height)")
    height_um = phi.coord("height")
    good = phi.good & np.isfinite(phi.sigma)
    if phi.data.variances is None:
        good = phi.good
    lowest = BELOW_ANODE_UM if beam_fwhm_um > 0.0 else 0.0
    kept = (good.sum(axis=0) >= fewest_scans) & (height_um >= lowest) & (height_um < gap_um)
    if kept.sum() < 2:
        raise bad_value(
            FitError,
            where="volume fraction map",
            field="heights, scans",
            value=f"{int(kept.sum())}, {int(good.sum(axis=0).max(initial=0))}",
            rule=f"at least 2 heights measured in {fewest_scans} scans are needed",
            remedy="scan the cell more often, or at more heights",
        )
    blank = np.zeros(int(kept.sum()))
    variance = np.nan_to_num(np.square(phi.sigma))

    def rows(values: FloatArray, last: npt.ArrayLike) -> FloatArray:
        inside = np.where(good, values, 0.0)[:, kept]
        return np.vstack([inside, np.broadcast_to(last, blank.shape)])

    time = phi.coord("time")[:, kept]
    started = bool(np.min(time[good[:, kept]]) >= 0.0)
    return MapColumns(
        phi=rows(phi.values, start),
        variance=rows(variance, 0.0),
        time=np.vstack([time, blank]),
        good=np.vstack([good[:, kept], np.full(blank.shape, started)]),
        beam_height=height_um[kept] * METRE_PER_UM,
        position=_read_at(height_um[kept], beam_fwhm_um) * METRE_PER_UM,
        height=np.maximum(height_um[kept], 0.0) * METRE_PER_UM,
        kept=kept,
        shared={
            name: rows(np.asarray(c.values), _at_start(name, c.values, phi, start)) for name, c in phi.shared.items()
        },
        start=start,
        gap=gap_um * METRE_PER_UM,
        beam_fwhm=beam_fwhm_um * METRE_PER_UM,
    )


def _at_start(name: str, sigma: FloatArray, phi: VolumeFraction, start: float) -> float:
    """Sigma of phi at field-on, where phi is the start by definition: only the start's own sigma, the same share of phi
    everywhere, is left."""
    if name != STARTING_SOLUTION:
        return 0.0
    good = phi.good & (phi.values > 0.0)
    return start * float(np.median(sigma[good] / phi.values[good])) if good.any() else 0.0


@dataclass(frozen=True)
class Profiles:
    """phi and d phi/dt (1/s) of every height at the target times, (target, height), with their operators per height
    (target, row) and `inside`: False where a target lies beyond the frames of a height; `last` time used (s)."""

    phi: FloatArray
    rate: FloatArray
    phi_operators: tuple[sparse.csr_array, ...]
    rate_operators: tuple[sparse.csr_array, ...]
    inside: BoolArray
    last: FloatArray


def profiles_at(
    columns: MapColumns, target: FloatArray, *, visits: int = 3, degree: int = 2, steps_s: Sequence[float] = ()
) -> Profiles:
    """Local polynomial of `degree` through the `visits` nearest visits of each height (target,): s; through none beyond one of
    `steps_s`, where rates step, if those on the target's side tell it.

    Frames of one height that follow each other within a quarter of the scan period (turning points, repeated
    exposures) are one visit.
    """
    period = scan_period(columns)
    rows = columns.time.shape[0]
    values, rates, phi_ops, rate_ops, inside, last = [], [], [], [], [], []
    for k in range(columns.position.size):
        time = columns.time[:, k]
        row, weights = _window(time, columns.good[:, k], target, visits, ONE_VISIT * period)
        for side, own in _sides(time, columns.good[:, k], target, steps_s, degree + 1):
            one, inside_one = _window(time, side, target[own], visits, ONE_VISIT * period)
            row, weights = _in_place(row, own, one), _in_place(weights, own, inside_one)
        at, slope = _local_polynomial(time[row], weights, target, degree)
        phi_ops.append(_operator(at, row, rows))
        rate_ops.append(_operator(slope, row, rows))
        values.append(phi_ops[-1] @ columns.phi[:, k])
        rates.append(rate_ops[-1] @ columns.phi[:, k])
        known = time[columns.good[:, k]]
        inside.append((target <= known.max() + period) & (target >= known.min() - period))
        last.append(np.max(np.where(weights > 0, time[row], -np.inf), axis=1))
    stacked = (np.stack(part, axis=-1) for part in (values, rates))
    phi, rate = stacked
    return Profiles(phi, rate, tuple(phi_ops), tuple(rate_ops), np.stack(inside, -1), np.stack(last, -1))


def _sides(
    time: FloatArray, good: BoolArray, target: FloatArray, steps_s: Sequence[float], fewest: int
) -> list[tuple[BoolArray, BoolArray]]:
    """Good rows (row,) between two steps, and the targets (target,) there, where these rows are `fewest` at least."""
    edges = [-np.inf, *sorted(steps_s), np.inf]
    found = []
    for first, end in pairwise(edges) if len(edges) > 2 else ():
        rows, own = good & (time >= first) & (time < end), (target >= first) & (target < end)
        if rows.sum() >= fewest and own.any():
            found.append((rows, own))
    return found


def _in_place(whole: Entries, own: BoolArray, part: Entries) -> Entries:
    """`whole` (target, used) with the rows of its `own` targets taken from `part`, the shorter filled with its first entries of
    no weight."""
    wide = max(whole.shape[1], part.shape[1])
    whole, part = (np.pad(x, ((0, 0), (0, wide - x.shape[1]))) for x in (whole, part))
    whole[own] = part
    return whole


def _operator(entries: FloatArray, row: IntArray, rows: int) -> sparse.csr_array:
    """Sparse (target, rows) from its entries (target, used) and the rows that these stand for."""
    used = entries != 0.0
    ends = np.concatenate([[0], np.cumsum(used.sum(axis=1))])
    made = sparse.csr_array((entries[used], row[used], ends), shape=(len(entries), rows))
    made.sort_indices()
    return made


def scan_period(columns: MapColumns) -> float:
    """Mean time (s) from one scan to the next; of a single scan its own length."""
    scans = columns.time.shape[0] - 1
    times = columns.scan_time
    return float(times[-1] - times[0]) / (scans - 1) if scans > 1 else float(np.ptp(columns.time[:-1])) or 1.0


def _window(
    time: FloatArray, good: BoolArray, target: FloatArray, visits: int, one_visit: float
) -> tuple[IntArray, FloatArray]:
    """The rows (target, used) in the `visits` visits around each target, and 1 or, where fewer are in them, 0."""
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(time[rows], kind="stable")]
    visit = np.concatenate([[0], np.cumsum(np.diff(time[rows]) > one_visit)])
    centre = np.bincount(visit, time[rows]) / np.bincount(visit)
    count = min(visits, centre.size)
    nearest = _nearest(centre, target)
    left = nearest - count // 2
    if count % 2 == 0:
        left = left + (centre[nearest] <= target)
    left = np.clip(left, 0, centre.size - count)
    first, end = np.searchsorted(visit, left), np.searchsorted(visit, left + count)
    place = first[:, None] + np.arange(int(np.max(end - first)))
    return rows[np.minimum(place, rows.size - 1)], (place < end[:, None]).astype(float)


def _nearest(rising: FloatArray, target: FloatArray) -> IntArray:
    """Index of the value nearest to each target, the earlier one of two."""
    after = np.clip(np.searchsorted(rising, target), 1, max(rising.size - 1, 1))
    before = after - 1
    after = np.minimum(after, rising.size - 1)
    return np.where(target - rising[before] <= rising[after] - target, before, after)


def _local_polynomial(
    time: FloatArray, weights: FloatArray, target: FloatArray, degree: int
) -> tuple[FloatArray, FloatArray]:
    """Least-squares operators (target, used) for the value and the slope (1/s) of the local polynomial at the target.

    The powers of time are made orthogonal one after the other, A = Q R, each twice, so that what is left of one after the
    others is exact: the operators are the first two rows of R^-1 Q'. Where R says that the times do not fix the
    polynomial, the pseudoinverse gives the shortest.
    """
    x = (time - target[:, None]) * weights
    scale = np.max(np.abs(x), axis=1, keepdims=True)
    scale = np.where(scale > 0, scale, 1.0)
    basis = [weights * (x / scale) ** power for power in range(degree + 1)]
    inverse, fixed = _inverse(basis)
    if not fixed.all():
        loose = np.stack([column[~fixed] for column in basis], axis=-1)
        inverse[:, ~fixed] = np.moveaxis(np.linalg.pinv(loose, rcond=1e-9)[:, :2], 1, 0)
    return inverse[0] * weights, inverse[1] * weights / scale


def _inverse(basis: Sequence[FloatArray]) -> tuple[FloatArray, BoolArray]:
    """The first two rows (2, target, used) of the pseudoinverse of each matrix (used, column), and whether it is well
    defined; basis: the columns (target, used)."""
    axes: list[FloatArray] = []
    shares: list[list[FloatArray]] = []
    fixed = np.ones(len(basis[0]), dtype=bool)
    for column in basis:
        share = [np.zeros((len(column), 1)) for _ in axes]
        left = column
        for _ in range(2):
            for k, axis in enumerate(axes):
                along = np.sum(axis * left, axis=1, keepdims=True)
                left, share[k] = left - along * axis, share[k] + along
        length = np.sqrt(np.sum(left * left, axis=1, keepdims=True))
        known = length > ORTHOGONAL * np.sqrt(np.sum(column * column, axis=1, keepdims=True))
        fixed &= known[:, 0]
        axes.append(np.divide(left, length, out=np.zeros_like(left), where=known))
        shares.append([*share, np.where(known, length, 1.0)])
    rows: dict[int, FloatArray] = {}
    for k in reversed(range(len(basis))):
        above = sum((shares[j][k] * rows[j] for j in rows), np.zeros_like(axes[k]))
        rows[k] = (axes[k] - above) / shares[k][k]
    return np.stack([rows[0], rows[1]]), fixed


def flatten_operators(
    terms: Sequence[tuple[FloatArray, tuple[sparse.csr_array, ...]]], shape: tuple[int, int]
) -> sparse.csr_array:
    """Sum over terms and heights of weight (target, height) x operators per height (target, row): one operator over the
    map of `shape` (row, height), flattened."""
    rows, heights = shape
    data, target, source = [], [], []
    for weight, operators in terms:
        for k, operator in enumerate(operators):
            to = np.repeat(np.arange(operator.shape[0]), np.diff(operator.indptr))
            counts = np.flatnonzero(weight[to, k])
            data.append(operator.data[counts] * weight[to[counts], k])
            target.append(to[counts])
            source.append(operator.indices[counts] * heights + k)
    count = terms[0][0].shape[0]
    where = (np.concatenate(target), np.concatenate(source))
    return sparse.csr_array(sparse.coo_array((np.concatenate(data), where), shape=(count, rows * heights)))


def _read_at(height_um: FloatArray, fwhm_um: float) -> FloatArray:
    """Where each voxel reads phi (um): the centre of the open beam; the height itself for a beam without extent."""
    return open_beam_centre(height_um, fwhm_um) if fwhm_um > 0.0 else height_um
