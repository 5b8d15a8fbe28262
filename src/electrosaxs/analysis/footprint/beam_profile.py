"""phi across a beam of finite height, from what its neighbours in height and time found.

ln phi is a cubic spline in height through the voxels of a scan, each brought to the time of the frame in question; where
crystals hide the solution the layer at the anode is continued from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from ...physics.beam import beam_deviation, open_beam_centre, open_nodes

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

    from .layer_shape import LayerShape

NODES = 24
REACH = 5.0  # of the beam, in its standard deviations
ONE_VISIT = 0.25
RATE_OFF = 0.5  # of the difference of two slopes
LEAST_GROWTH = 0.5  # of phi between two frames of a scan, so that noise cannot make a profile negative
CLEAR_EXCESS = 0.02  # over the start, from which on what exceeds it is taken as a layer at the anode
LARGEST_RATIO = 10.0  # of that excess between two heights
BoolArray = npt.NDArray[np.bool_]


def gradient_at_fixed_time(values: FloatArray, height_um: FloatArray, time_s: FloatArray) -> FloatArray:
    """d values / dz (1/um) of a map (scan, height) whose every voxel has its own time (scan, height).

    Along a scan, values change with height and with time: dv/dz = (dv/dz along the scan) - (dv/dt) (dt/dz). Cubic spline
    over the known heights, differences between scans in time; 0 where there are fewer than two. A hole is filled from the
    scans before and after: a spline across it would change the slope of its neighbours.
    """
    from scipy.interpolate import CubicSpline

    along, delay = np.zeros_like(values), np.zeros_like(values)
    for row, profile in enumerate(holes_filled_in_time(values, time_s)):
        known = np.isfinite(profile)
        if known.sum() >= 2:
            along[row] = CubicSpline(height_um[known], profile[known])(height_um, 1)
        if height_um.size >= 2:
            delay[row] = np.gradient(time_s[row], height_um)
    return along - _rates(values, time_s) * delay


def _rate(values: FloatArray, time_s: FloatArray) -> FloatArray:
    """d values / dt, both (scan,), of second order where there are three visits or more, else a difference; frames within
    a quarter of the mean step in time are one visit, 0 where there is only one."""
    order = np.argsort(time_s, kind="stable")
    step = np.diff(time_s[order])
    apart = (step > ONE_VISIT * step.mean()) if step.size else np.zeros(0, dtype=bool)
    visit = np.empty(time_s.size, dtype=np.intp)
    visit[order] = np.concatenate([[0], np.cumsum(apart)])
    if visit.max() == 0:
        return np.zeros_like(values)
    mean, times = (np.bincount(visit, x) / np.bincount(visit) for x in (values, time_s))
    return np.asarray(np.gradient(mean, times, edge_order=2 if times.size > 2 else 1)[visit])


def _rates(values: FloatArray, time_s: FloatArray) -> FloatArray:
    """d values / dt of every height of a map (scan, height), 0 where it is not known."""
    rate = np.zeros_like(values)
    for column in range(values.shape[1]):
        known = np.isfinite(values[:, column])
        if not known.any():
            continue
        rate[known, column] = _rate(values[known, column], time_s[known, column])
    return rate


def rates_since_start(values: FloatArray, time_s: FloatArray, start: float | None) -> FloatArray:
    """`_rates`; of heights that one scan alone shows from the starting solution at time 0, where that is known.

    Only of these: at first phi grows with the square root of time, and a parabola through the start overshoots. Half of
    the mean rate then; of a single scan the mean one, half of which is in its sigma.
    """
    rates = _rates(values, time_s)
    if start is None or not time_s.min() > 0.0:
        return rates
    share = 1.0 if values.shape[0] == 1 else 0.5
    return np.where(_shown_once(values), np.nan_to_num(share * (values - start) / time_s), rates)


def rate_uncertainty(
    values: FloatArray, time_s: FloatArray, start: float | None, steps_s: Sequence[float] = ()
) -> FloatArray:
    """By what `rates_since_start` may be off (1/s), (scan, height): half of what the slopes to the visits before and after
    differ by, which a smooth growth leaves and a change of the voltage makes; at the ends as beside them, before the first
    visit from `start` at time 0. In the first scan after a step of the voltage (`steps_s`) by what `after_a_step` says.
    """
    if values.shape[0] < 2:
        return np.zeros_like(values)
    phi, time = values, time_s
    if start is not None and time_s.min() > 0.0:
        phi = np.vstack([np.full((1, values.shape[1]), start), values])
        time = np.vstack([np.zeros((1, values.shape[1])), time_s])
    apart = np.diff(time, axis=0)
    between = np.diff(phi, axis=0) / np.maximum(apart, ONE_VISIT * apart.mean())
    if between.shape[0] < 2:
        return np.zeros_like(values)
    change = np.diff(between, axis=0)
    before = values.shape[0] - change.shape[0] - 1
    change = np.concatenate([*[change[:1]] * before, change, change[-1:]])
    change = np.where(_shown_once(values), rates_since_start(values, time_s, start), change)
    off = RATE_OFF * np.nan_to_num(change)
    for step in steps_s:
        sudden = after_a_step(values, time_s, step) - rates_since_start(values, time_s, start)
        off = np.where(np.abs(np.nan_to_num(sudden)) > np.abs(off), np.nan_to_num(sudden), off)
    return np.asarray(off)


def after_a_step(values: FloatArray, time_s: FloatArray, step_s: float) -> FloatArray:
    """d phi/dt (1/s) of the first frame of each height after a step of the voltage, NaN at others: a layer answers with the
    square root of the time since, so that its rate is half of what phi has changed by over that time. What phi would be without
    the step is continued from the two frames before."""
    rate = np.full(values.shape, np.nan)
    for column, phi, time in zip(rate.T, values.T, time_s.T, strict=True):
        first = int(np.searchsorted(time, step_s))
        if 1 < first < time.size and time[first] > step_s:
            before = slice(first - 2, first)
            continued = phi[first - 1] + np.diff(phi[before])[0] / np.diff(time[before])[0] * (step_s - time[first - 1])
            column[first] = 0.5 * (phi[first] - continued) / (time[first] - step_s)
    return rate


def _shown_once(values: FloatArray) -> BoolArray:
    """(height,) heights of a map (scan, height) that one scan alone shows: crystals hide them in all others."""
    return np.asarray(np.isfinite(values).sum(axis=0) == 1)


def holes_filled_in_time(values: FloatArray, time_s: FloatArray) -> FloatArray:
    """`values` (scan, height) with what is not finite interpolated between the scans around it; not beyond them."""
    filled = values.copy()
    for column, time in zip(filled.T, time_s.T, strict=True):
        known = np.isfinite(column)
        if known.any():
            column[~known] = np.interp(time[~known], time[known], column[known], left=np.nan, right=np.nan)
    return filled


@dataclass(frozen=True, eq=False)
class BeamView:
    """Heights within the open part of each beam and their shares of it, z and weight (height, node); read_um (height,):
    where each reads phi; spread: the beam's standard deviation; gap_um: height of the cathode. All um."""

    z: FloatArray
    weight: FloatArray
    read_um: FloatArray
    spread: float
    gap_um: float = np.inf

    @classmethod
    def of(cls, height_um: FloatArray, fwhm_um: float, gap_um: float = np.inf) -> BeamView:
        """height_um: of the beam centres above the anode; gap_um: of the cathode, which cuts beams as well. A beam reads phi at
        the centroid of its open part."""
        read_um = open_beam_centre(height_um, fwhm_um, gap_um)
        z, weight = open_nodes(height_um, fwhm_um, gap=gap_um, nodes=NODES, reach=REACH)
        return cls(z, weight, read_um, beam_deviation(fwhm_um), gap_um)


@dataclass(frozen=True, eq=False)
class BeamProfile:
    """phi within each beam from phi at the read heights of a map (scan, height).

    first: values to begin with, holes filled from the scans around them. hidden: heights whose own value says nothing about the
    profile. inside, at_read: for each scan the spline's weights (height, node, height) and (height, height) of ln phi. growth
    (scan, height, height): ratio of phi at the last height, at the time of the frame at the other, to what its own frame found.
    base (scan, height, height): what of ln phi then is a known layer's, bend (scan, height, node): by how much that changes
    across the beam; the spline goes through the rest. steepest (height, node): limit of |ln phi(z) - ln phi(read height)|, the
    beam's deviation per e-fold."""

    first: FloatArray
    hidden: BoolArray
    inside: tuple[FloatArray, ...]
    at_read: tuple[FloatArray, ...]
    growth: FloatArray
    base: FloatArray
    bend: FloatArray
    steepest: FloatArray
    read_um: FloatArray
    start: float
    known: BoolArray
    spread_um: float

    @classmethod
    def through(
        cls, phi: FloatArray, hidden: BoolArray, rate: FloatArray, time_s: FloatArray, view: BeamView, start: float,
        straight: FloatArray, layer: LayerShape | None = None, off: FloatArray | float = 0.0,
    ) -> BeamProfile:  # fmt: skip
        """The profile through what is finite of `phi`, which changes by `rate` (1/s), at the nodes of `view`.

        layer: known, where it is told, with its own rates; off (scan, height): by how much rates are taken to be larger;
        straight (scan, height): share of straight lines between the heights in the profile of a beam, the rest is the spline.
        """
        whole = _continued(phi, hidden, view.read_um, start)
        known = np.isfinite(whole)
        keys = [row.tobytes() + share.tobytes() for row, share in zip(known, straight, strict=True)]
        rows = dict(zip(keys, zip(known, straight, strict=True), strict=True))
        inside = {key: _profile_weights(view.read_um, row, view.z, share) for key, (row, share) in rows.items()}
        at_read = {key: _spline_weights(view.read_um, row, view.read_um) for key, (row, _) in rows.items()}
        value = np.where(known, whole, 1.0)
        later = time_s[:, :, None] - time_s[:, None, :]
        growth, base = 1.0 + (rate / value)[:, None, :] * later, np.zeros_like(later)
        bend = np.zeros((*phi.shape, view.z.shape[-1]))
        if layer is not None:
            growth[layer.told], base[layer.told] = layer.growth[layer.told], layer.at_frame[layer.told]
            bend[layer.told] = layer.within[layer.told]
        return cls(
            value,
            hidden,
            tuple(inside[key] for key in keys),
            tuple(at_read[key] for key in keys),
            np.maximum(growth + (off / value)[:, None, :] * later, LEAST_GROWTH),
            base,
            bend,
            np.abs(view.z - view.read_um[:, None]) / view.spread,
            view.read_um,
            start,
            known,
            view.spread,
        )

    def across(self, value: FloatArray) -> FloatArray:
        """phi at the nodes of each beam (scan, height, node), from its `value` at the read heights (scan, height).

        A hidden height has its own value and the shape of the spline through the others.
        """
        rest = np.log(self.nodes(value)[:, None, :] * self.growth) - self.base
        return value[..., None] * self._shape(rest, self.bend)

    def nodes(self, value: FloatArray) -> FloatArray:
        """phi (scan, height) that the spline goes through: `value`, hidden heights continued from above."""
        return _continued(np.where(self.hidden, self.first, value), self.hidden, self.read_um, self.start)

    def attenuation_across(self, value: FloatArray) -> FloatArray:
        """The same for the attenuation `value` (scan, height) above 0, between its least and its largest: large particles
        are near the wall and have more core, which is 0.1 % of phi."""
        logarithm = np.broadcast_to(np.log(value)[:, None, :], self.growth.shape)
        return np.clip(value[..., None] * self._shape(logarithm), value.min(), value.max())

    @cached_property
    def alike(self) -> tuple[tuple[npt.NDArray[np.intp], FloatArray], ...]:
        """Scans with the same spline, and its weights (height, node, height) of ln phi over that at the read height."""
        kinds = np.array([id(weights) for weights in self.inside])
        groups = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
        return tuple((scans, self.inside[scans[0]] - self.at_read[scans[0]][:, None, :]) for scans in groups)

    def _shape(self, logarithm: FloatArray, bend: FloatArray | float = 0.0) -> FloatArray:
        """Ratio (scan, height, node) to the read height of what has this `logarithm` (scan, height, height) and `bend`."""
        curve = np.empty((*logarithm.shape[:2], self.steepest.shape[1]))
        for scans, shape in self.alike:
            curve[scans] = (shape @ logarithm[scans].transpose(1, 2, 0)).transpose(2, 0, 1)
        return np.exp(np.clip(curve + bend, -self.steepest, self.steepest))


def _continued(phi: FloatArray, hidden: BoolArray, read_um: FloatArray, start: float) -> FloatArray:
    """`phi` (scan, height) with the hidden heights continued from the two lowest others, as base + A exp(-z / ell).

    base: the start where both clearly exceed it (the layer at the anode), else 0. Left as it is where there are no two.
    """
    whole, told = phi.copy(), ~hidden & np.isfinite(phi)
    rows = np.flatnonzero(hidden.any(axis=1) & (told.sum(axis=1) >= 2))
    if not rows.size:
        return whole
    told = told[rows]
    lower = np.argmax(told, axis=1)
    told[np.arange(rows.size), lower] = False
    upper = np.argmax(told, axis=1)
    below, above = phi[rows, lower], phi[rows, upper]
    base = np.where(np.minimum(below, above) > (1.0 + CLEAR_EXCESS) * start, start, 0.0)
    steps = (read_um[lower, None] - read_um) / (read_um[upper] - read_um[lower])[:, None]
    ratio = np.clip((below - base) / (above - base), 1.0 / LARGEST_RATIO, LARGEST_RATIO)
    layer = base[:, None] + (below - base)[:, None] * ratio[:, None] ** steps
    whole[rows] = np.where(hidden[rows], layer, whole[rows])
    return whole


def _profile_weights(height_um: FloatArray, known: BoolArray, z: FloatArray, straight: FloatArray) -> FloatArray:
    """Weights (height, node, height) at z (height, node): of the spline and, by `straight` (height,), of straight lines."""
    weights = _spline_weights(height_um, known, z)
    if not np.any(straight) or known.sum() < 2:
        return weights
    places = np.flatnonzero(known)
    lower = np.clip(np.searchsorted(height_um[places], z) - 1, 0, places.size - 2)
    first, last = height_um[places[lower]], height_um[places[lower + 1]]
    part = (z - first) / (last - first)
    lines = np.zeros_like(weights)
    np.put_along_axis(lines, places[lower][..., None], (1.0 - part)[..., None], axis=-1)
    np.put_along_axis(lines, places[lower + 1][..., None], part[..., None], axis=-1)
    share = straight[:, None, None]
    return (1.0 - share) * weights + share * lines


def _spline_weights(height_um: FloatArray, known: BoolArray, z: FloatArray) -> FloatArray:
    """Cubic spline through the known heights as weights (..., height) at z (...); none where fewer than two are known."""
    weights = np.zeros((*z.shape, height_um.size))
    if known.sum() >= 2:
        weights[..., known] = unit_splines(tuple(height_um[known].tolist()))(z)
    return weights


@lru_cache(maxsize=256)
def unit_splines(places: tuple[float, ...]) -> CubicSpline:
    """Cubic splines that are 1 at one of the `places` (ascending, two or more) and 0 at the others, a column each. The scans
    of a run share a few sets of heights, and the correction asks for each of them hundreds of times."""
    from scipy.interpolate import CubicSpline

    return CubicSpline(places, np.eye(len(places)))
