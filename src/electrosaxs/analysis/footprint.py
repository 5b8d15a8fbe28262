"""What a beam of finite height sees of a steep, absorbing profile.

The scattering of a frame is divided by its transmission. Where phi changes within the beam the two are weighted
differently: the quotient is <phi T> / <T> over the footprint, with T = exp(-a phi), and denser solution counts
less. At ten times the starting concentration (mu t of silver 2.0) and a decay length of 100 um this costs 4 % at
34 um FWHM. The mean over the footprint, <phi>, is recovered with the profile across the beam: ln phi a cubic spline in
height, through values for which each frame would show what it did. (A straight line across each beam, with the spline's
slope, leaves 0.25 % of phi beside the anode: a beam that sees the wall, and the bend from the layer to the start.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from ..materials import attenuation_per_m, core, ligand, solvent
from ..nouns import FloatArray, Solution
from ..physics.beam import beam_deviation

NODES = 24
REACH = 5.0  # of the beam, in its standard deviations
PASSES = 4  # the ratio changes by the square of the correction from pass to pass
ONE_VISIT = 0.25
CLEAR_EXCESS = 0.02  # over the start, from which on what exceeds it is taken as a layer at the anode
LARGEST_RATIO = 10.0  # of that excess between two heights
NEIGHBOURS = 5
SMALL_CHANGE = 1e-3
LEAST_GROWTH = 0.5  # of phi between two frames of a scan, so that noise cannot make a profile negative
PROFILE_UNCERTAINTY = 0.03
"""Relative, of the correction: the profile across the beam is a spline through neighbouring voxels (on simulated profiles
with steps of 50 um it is off by 0.3 % of the correction, by 3 % in the scan of the onset and beside crystals)."""
STEEP_LAYER_UM = 70.0
"""Decay length D / v of the layer at the anode at 86 V/cm, the highest field of Yu 2018: what a layer may be like that the
heights of a scan do not resolve."""
BoolArray = npt.NDArray[np.bool_]


def attenuation_per_volume_fraction(
    solution: Solution, *, core_share: FloatArray | float, energy_keV: float, path_length_mm: float
) -> FloatArray:
    """a = t d mu / d phi (dimensionless): absorption added per unit of phi when particles replace solvent.

    `core_share` is the share of the core in core + dry shell (0.44 for 7.1 nm silver with dodecanethiol).
    """
    metal, shell, liquid = core(solution.core), ligand(solution.ligand), solvent(solution.solvent)
    mu_core = attenuation_per_m(metal.formula, metal.density_g_cm3, energy_keV)
    mu_shell = attenuation_per_m(shell.formula, shell.density_g_cm3, energy_keV)
    mu_solvent = attenuation_per_m(liquid.formula, liquid.density_g_cm3, energy_keV)
    share = np.asarray(core_share, dtype=np.float64)
    return 1e-3 * path_length_mm * (share * mu_core + (1.0 - share) * mu_shell - mu_solvent)


def gradient_at_fixed_time(values: FloatArray, height_um: FloatArray, time_s: FloatArray) -> FloatArray:
    """d values / dz (1/um) of a map (scan, height) whose every voxel has its own time (scan, height).

    Along a scan, values change with height and with time: dv/dz = (dv/dz along the scan) - (dv/dt) (dt/dz). Cubic spline
    over the known heights, differences between scans in time; 0 where there are fewer than two. A hole is filled from the
    scans before and after: a spline across it would change the slope of its neighbours.
    """
    along, delay = np.zeros_like(values), np.zeros_like(values)
    for row, profile in enumerate(_holes_filled_in_time(values, time_s)):
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


def _rates_since_start(values: FloatArray, time_s: FloatArray, start: float | None) -> FloatArray:
    """`_rates`; those of a single scan from the starting solution at time 0, where that is known.

    Only of a single one: at first phi grows with the square root of time, and a parabola through the start overshoots.
    """
    if values.shape[0] > 1 or start is None or not time_s.min() > 0.0:
        return _rates(values, time_s)
    return np.nan_to_num((values - start) / time_s)


def _holes_filled_in_time(values: FloatArray, time_s: FloatArray) -> FloatArray:
    """`values` (scan, height) with what is not finite interpolated between the scans around it; not beyond them."""
    filled = values.copy()
    for column, time in zip(filled.T, time_s.T, strict=True):
        known = np.isfinite(column)
        if known.any():
            column[~known] = np.interp(time[~known], time[known], column[known], left=np.nan, right=np.nan)
    return filled


@dataclass(frozen=True, eq=False)
class FootprintCorrection:
    """What absorption within the beam does to a voxel, both (scan, height).

    factor: <phi> / (<phi T> / <T>), what the apparent volume fraction is to be multiplied with; sigma: of the factor, how
    well the profile is known. rise_um: by how much higher the particles sit, on average, that the transmitted light shows
    than those that are there. response (scan, height, 5): relative change of the corrected value with that of the apparent
    value two heights below, one below, of its own, one above and two above.
    """

    factor: FloatArray
    sigma: FloatArray
    rise_um: FloatArray
    response: FloatArray

    def counting_sigma(self, relative: FloatArray) -> FloatArray:
        """Relative sigma (scan, height) of the corrected values from those of the apparent ones: noise of the neighbours
        changes the profile across the beam. What neighbours then share is left out; an unknown sigma counts as 0."""
        reach = NEIGHBOURS // 2
        padded = np.pad(np.nan_to_num(relative), ((0, 0), (reach, reach)))
        around = np.lib.stride_tricks.sliding_window_view(padded, NEIGHBOURS, axis=1)
        total = np.sqrt(np.sum(np.square(self.response * around), axis=-1))
        return np.where(np.isfinite(relative), total, np.nan)


def footprint_correction(
    phi: FloatArray,
    *,
    time_s: FloatArray,
    beam_height_um: FloatArray,
    read_height_um: FloatArray,
    fwhm_um: float,
    attenuation: FloatArray,
    start: float | None = None,
    sees_crystals: BoolArray | None = None,
) -> FootprintCorrection:
    """The correction of apparent volume fractions `phi` (scan, height); 1 and 0 where phi is not finite and above 0.

    time_s: (scan, height); beam_height_um: beam centre above the anode; read_height_um: centroid of the open part of the
    beam; attenuation: a, broadcastable to phi; start: phi at field-on, where it is known; sees_crystals (scan, height):
    voxels whose dissolved part is uncertain and says nothing about the profile of their neighbours. ln phi and ln a are
    cubic splines through the read heights, phi at the time of each voxel and such that a frame would show what was measured.
    """
    view = _View.of(beam_height_um, read_height_um, fwhm_um)
    a = np.broadcast_to(attenuation, phi.shape)
    hidden = np.zeros(phi.shape, dtype=bool) if sees_crystals is None else sees_crystals

    def seen(apparent: FloatArray, *, growing: bool = True) -> _Seen:
        solution = _holes_filled_in_time(np.where((apparent > 0.0) & ~hidden, apparent, np.nan), time_s)
        rate = _rates_since_start(solution, time_s, start) if growing else np.zeros_like(phi)
        return _seen(apparent, _Profile.through(solution, hidden, rate, time_s, view, start or 0.0), a, view)

    found = seen(phi)
    size = np.abs(found.factor - 1.0)
    steep = np.maximum(_unresolved(phi, view, start) * a * np.abs(phi) - size, 0.0)
    sigma = np.hypot(PROFILE_UNCERTAINTY * size, np.where(phi > 0.0, steep, 0.0))
    if phi.shape[0] == 1:  # how fast the profile changed during the only scan is hardly known
        sigma = np.hypot(sigma, 0.5 * np.abs(found.factor - seen(phi, growing=False).factor))
    return FootprintCorrection(found.factor, sigma, found.rise_um, _response(phi, seen, found))


def _response(phi: FloatArray, seen: Callable[[FloatArray], _Seen], found: _Seen) -> FloatArray:
    """d ln(factor phi) / d ln phi' (scan, height, neighbour), phi' being the apparent value NEIGHBOURS below to above.

    By differences: every fifth height at once, because what lies further away than two hardly counts.
    """
    reach, heights = NEIGHBOURS // 2, np.arange(phi.shape[1])
    response = np.zeros((*phi.shape, NEIGHBOURS))
    for first in range(min(NEIGHBOURS, heights.size)):
        moved = heights % NEIGHBOURS == first
        other = seen(np.where(moved, (1.0 + SMALL_CHANGE) * phi, phi))
        slope = (other.factor / found.factor - 1.0) / SMALL_CHANGE
        for offset in range(-reach, reach + 1):
            to = heights[(heights + offset) % NEIGHBOURS == first]
            to = to[(to + offset >= 0) & (to + offset < heights.size)]
            response[:, to, offset + reach] = slope[:, to]
    response[:, :, reach] += 1.0
    return response


@dataclass(frozen=True, eq=False)
class _View:
    """Heights within the open part of each beam and their shares of it, z and weight (height, node); read_um (height,):
    where each reads phi; spread: the beam's standard deviation. All um."""

    z: FloatArray
    weight: FloatArray
    read_um: FloatArray
    spread: float

    @classmethod
    def of(cls, height_um: FloatArray, read_um: FloatArray, fwhm_um: float) -> _View:
        spread = beam_deviation(fwhm_um)
        low = np.maximum(height_um - REACH * spread, 0.0)
        node, share = np.polynomial.legendre.leggauss(NODES)
        z = low[:, None] + (height_um + REACH * spread - low)[:, None] * 0.5 * (1.0 + node)
        weight = share * np.exp(-0.5 * ((z - height_um[:, None]) / spread) ** 2)
        return cls(z, weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300), read_um, spread)


@dataclass(frozen=True, eq=False)
class _Seen:
    """factor and rise_um of `FootprintCorrection`."""

    factor: FloatArray
    rise_um: FloatArray


def _seen(phi: FloatArray, profile: _Profile, attenuation: FloatArray, view: _View) -> _Seen:
    """What the beam makes of the profile whose apparent value is `phi` (scan, height)."""
    a = profile.attenuation_across(attenuation)
    known = np.isfinite(phi) & (phi > 0.0)
    value = np.where(known, phi, profile.first)
    for _ in range(PASSES):
        inside = profile.across(value)
        light = view.weight * np.exp(-a * inside)
        light /= np.sum(light, axis=-1, keepdims=True)
        apparent = np.sum(light * inside, axis=-1)  # <phi T> / <T>
        value = np.where(known, value * phi / apparent, value)
    mean = np.sum(view.weight * inside, axis=-1)
    by_light = np.sum(light * inside * view.z, axis=-1) / apparent
    by_content = np.sum(view.weight * inside * view.z, axis=-1) / mean
    return _Seen(np.where(known, mean / apparent, 1.0), np.where(known, by_light - by_content, 0.0))


def _unresolved(phi: FloatArray, view: _View, start: float | None) -> FloatArray:
    """(s g)^2 (scan, height), which times a phi is the correction of an exponential profile of slope g in a beam whose open
    part has deviation s, where no neighbour is near enough to show a layer that decays over STEEP_LAYER_UM; 0 where one is.

    The layer is what exceeds the start (all of it, where that is not given): g = (1 - phi0 / phi) / decay length.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        layer = np.clip(1.0 - (start or 0.0) / phi, 0.0, 1.0)
    known = np.isfinite(phi)
    step = np.abs(view.read_um[:, None] - view.read_um)
    np.fill_diagonal(step, np.inf)
    nearest = np.min(np.where(known[:, None, :], step, np.inf), axis=-1)
    share = np.clip(nearest / (2.0 * STEEP_LAYER_UM) - 1.0, 0.0, 1.0)
    open_part = np.sum(view.weight * np.square(view.z), axis=-1) - np.sum(view.weight * view.z, axis=-1) ** 2
    return np.where(known, share * open_part * np.square(layer / STEEP_LAYER_UM), 0.0)


@dataclass(frozen=True, eq=False)
class _Profile:
    """phi within each beam from phi at the read heights of a map (scan, height).

    first: values to begin with, holes filled from the scans around them. hidden: heights whose own value says nothing
    about the profile. inside, at_read: for each scan the spline's weights (height, node, height) and (height, height) of
    ln phi. growth (scan, height, height): ratio of phi at the last height, at the time of the frame at the other, to what
    its own frame found. steepest (height, node): limit of |ln phi(z) - ln phi(read height)|, the beam's deviation per e-fold.
    """

    first: FloatArray
    hidden: BoolArray
    inside: tuple[FloatArray, ...]
    at_read: tuple[FloatArray, ...]
    growth: FloatArray
    steepest: FloatArray
    read_um: FloatArray
    start: float

    @classmethod
    def through(
        cls, phi: FloatArray, hidden: BoolArray, rate: FloatArray, time_s: FloatArray, view: _View, start: float
    ) -> _Profile:
        """The profile through what is finite of `phi`, which changes by `rate` (1/s), at the nodes of `view`."""
        whole = _continued(phi, hidden, view.read_um, start)
        known = np.isfinite(whole)
        keys = [row.tobytes() for row in known]
        rows = dict(zip(keys, known, strict=True))
        inside = {key: _spline_weights(view.read_um, row, view.z) for key, row in rows.items()}
        at_read = {key: _spline_weights(view.read_um, row, view.read_um) for key, row in rows.items()}
        value = np.where(known, whole, 1.0)
        later = time_s[:, :, None] - time_s[:, None, :]
        return cls(
            value,
            hidden,
            tuple(inside[key] for key in keys),
            tuple(at_read[key] for key in keys),
            np.maximum(1.0 + (rate / value)[:, None, :] * later, LEAST_GROWTH),
            np.abs(view.z - view.read_um[:, None]) / view.spread,
            view.read_um,
            start,
        )

    def across(self, value: FloatArray) -> FloatArray:
        """phi at the nodes of each beam (scan, height, node), from its `value` at the read heights (scan, height).

        A hidden height has its own value and the shape of the spline through the others.
        """
        nodes = _continued(np.where(self.hidden, self.first, value), self.hidden, self.read_um, self.start)
        return value[..., None] * self._shape(np.log(nodes[:, None, :] * self.growth))

    def attenuation_across(self, value: FloatArray) -> FloatArray:
        """The same for the attenuation `value` (scan, height) above 0, between its least and its largest: large particles
        are near the wall and have more core, which is 0.1 % of phi."""
        logarithm = np.broadcast_to(np.log(value)[:, None, :], self.growth.shape)
        return np.clip(value[..., None] * self._shape(logarithm), value.min(), value.max())

    def _shape(self, logarithm: FloatArray) -> FloatArray:
        """Ratio (scan, height, node) to the read height of what has this `logarithm` (scan, height, height)."""
        rows = zip(self.inside, self.at_read, logarithm, strict=True)
        curve = [np.einsum("inj,ij->in", w, row) - np.einsum("ij,ij->i", r, row)[:, None] for w, r, row in rows]
        return np.exp(np.clip(np.stack(curve), -self.steepest, self.steepest))


def _continued(phi: FloatArray, hidden: BoolArray, read_um: FloatArray, start: float) -> FloatArray:
    """`phi` (scan, height) with the hidden heights continued from the two lowest others, as base + A exp(-z / ell).

    base: the start where both clearly exceed it (the layer at the anode), else 0. Left as it is where there are no two.
    """
    whole = phi.copy()
    for row in np.flatnonzero(hidden.any(axis=1)):
        above = np.flatnonzero(~hidden[row] & np.isfinite(phi[row]))[:2]
        if above.size == 2:
            layer, height = phi[row, above], read_um[above]
            base = start if layer.min() > (1.0 + CLEAR_EXCESS) * start else 0.0
            steps = (height[0] - read_um[hidden[row]]) / (height[1] - height[0])
            ratio = np.clip((layer[0] - base) / (layer[1] - base), 1.0 / LARGEST_RATIO, LARGEST_RATIO)
            whole[row, hidden[row]] = base + (layer[0] - base) * ratio**steps
    return whole


def _spline_weights(height_um: FloatArray, known: BoolArray, z: FloatArray) -> FloatArray:
    """Cubic spline through the known heights as weights (..., height) at z (...); none where fewer than two are known."""
    weights = np.zeros((*z.shape, height_um.size))
    if known.sum() >= 2:
        weights[..., known] = CubicSpline(height_um[known], np.eye(int(known.sum())))(z)
    return weights


def at_the_mean_height(
    values: FloatArray, correction: FootprintCorrection, *, read_height_um: FloatArray, time_s: FloatArray
) -> FloatArray:
    """What is to be added to a size (scan, height) read by the transmitted light: -rise x d size / dz."""
    return -correction.rise_um * gradient_at_fixed_time(values, read_height_um, time_s)
