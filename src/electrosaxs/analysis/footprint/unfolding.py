"""phi across beams that absorb, from what their frames show: least squares with a smooth layer as prior.

A frame shows <phi T> / <T>, T = exp(-a phi), of its own beam. Where a phi is a few, light passes the thin part of the beam
alone, and of the part that it does not pass frames say little: a dark wall of any phi explains them as well. So ln phi is taken
as smooth. A layer on a base, b + A exp(-z / l), has (ln phi)'' = f (1 - f) / l^2 f its share, at most a quarter of 1 / l^2,
and 1 / l is the steepest slope of ln phi in the scan that noise does not make, over the layer's share of the highest phi: the
prior is a curvature of 0 with the deviation 1 / 4 l^2, one for each decay length of height. Where frames tell the profile it
changes nothing; where they do not, its deviation is the profile's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from .beam_profile import BeamProfile, BeamView, unit_splines

SOLVED = 3e-4  # of ln phi (chosen): frames are met as closely as that, or as their noise allows
ROUNDS = 12
DONE = 1e-5  # of ln phi, the last step
FARTHEST_STEP = 0.5  # of ln phi, of one round
SMOOTH = 0.25  # of the square of the slope of ln phi: the curvature of a layer on a base where each is a half
LEAST_SHARE = 0.1  # of the layer in the highest phi of a scan
LEAST_SLOPE = 1e-2  # over the inverse of the beam's deviation (chosen): of a profile that is flat for it
HARDLY_KNOWN, HARDLY_TOLD = 0.1, 0.6
"""Sigma of ln (<phi> / apparent) from which on, and change of what a frame shows with its own phi up to which (both in
logarithms, chosen), phi is looked for far away, too."""
FOLDS = (-1.0, -0.4, 0.4, 1.0, 1.8)
LOOSE = 1e-9  # of a value that nothing tells, so that it has a place
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Unfolded:
    """phi at the read heights, value (scan, height), and within each beam, inside (scan, height, node); the share of the light
    that passes there, light, and the optical depth, depth, in the same shape; apparent (scan, height): what frames show of it.
    """

    value: FloatArray
    inside: FloatArray
    light: FloatArray
    apparent: FloatArray
    depth: FloatArray

    @classmethod
    def of(cls, value: FloatArray, profile: BeamProfile, a: FloatArray, view: BeamView) -> Unfolded:
        """Of the profile with this `value` at the read heights."""
        inside = profile.across(value)
        depth = a * inside
        light = view.weight * np.exp(depth.min(axis=-1, keepdims=True) - depth)
        light /= np.sum(light, axis=-1, keepdims=True)
        return cls(value, inside, light, np.sum(light * inside, axis=-1), depth)

    def factor(self, view: BeamView) -> FloatArray:
        """ln (<phi> / apparent) (scan, height)."""
        return np.asarray(np.log(np.sum(view.weight * self.inside, axis=-1) / self.apparent))

    def gain(self) -> FloatArray:
        """d ln apparent / d ln phi at the nodes (scan, height, node)."""
        apparent = self.apparent[..., None]
        return np.asarray(self.light * self.inside / apparent * (1.0 - self.depth) + self.light * self.depth)

    def bending(self) -> FloatArray:
        """Second derivative (scan, height) of ln apparent with ln of all phi of the beam: near 0 where it absorbs little."""
        b, part = self.depth, self.light * self.inside / self.apparent[..., None]
        first, second = part * (1.0 - b), part * (np.square(1.0 - b) - b)
        passing, again = self.light * b, self.light * (b - np.square(b))
        first, second, passing, again = (np.sum(x, axis=-1) for x in (first, second, passing, again))
        return np.asarray(second - np.square(first) + again + np.square(passing))


def unfold(
    shown: FloatArray,
    relative: FloatArray,
    profile: BeamProfile,
    a: FloatArray,
    view: BeamView,
    start: FloatArray | None = None,
) -> tuple[Unfolded, FloatArray]:
    """The profile of which frames show `shown` (scan, height) within `relative`, and sigma (scan, height) of ln (<phi> /
    apparent) by what no frame tells of it; where `shown` is not above 0 the profile stays as it is.

    a (scan, height, node): optical depth per phi across the beam; start (scan, height): phi to begin with. Gauss-Newton; where
    a frame tells phi at the second order alone, because its light comes from elsewhere, what this leaves counts as noise of it.
    Where it has not come to rest the last step counts as sigma."""
    given = np.isfinite(shown) & (shown > 0.0)
    logarithm = np.log(np.where(given, shown, profile.first))
    noise = np.hypot(SOLVED, np.nan_to_num(relative, posinf=1.0))
    least = _LeastSquares.of(given, logarithm, noise, profile)
    x, sigma, step = logarithm.copy() if start is None else np.log(start), noise, np.zeros_like(noise)
    for _ in range(ROUNDS):
        now = Unfolded.of(np.exp(x), profile, a, view)
        rest = np.where(given, logarithm - np.log(now.apparent), 0.0)
        step, variance = least.step(now.gain(), rest, sigma, profile.nodes(np.exp(x)))
        sigma = np.hypot(noise, 0.5 * np.abs(now.bending()) * np.minimum(variance, 1.0))
        step = np.clip(step, -FARTHEST_STEP, FARTHEST_STEP)
        x += step
        if np.max(np.abs(step)) < DONE:
            break
    now = Unfolded.of(np.exp(x), profile, a, view)
    share = view.weight * now.inside / np.sum(view.weight * now.inside, axis=-1, keepdims=True)
    spread = least.spread(now.gain(), share, sigma)
    return now, np.hypot(spread, np.where(given, np.abs(step), 0.0))


def unfold_far(
    shown: FloatArray, relative: FloatArray, profile: BeamProfile, a: FloatArray, view: BeamView
) -> tuple[Unfolded, FloatArray]:
    """`unfold`; where a frame hardly tells its phi, another profile, far away, may explain all frames as well, or better. It is
    looked for from phi of those frames several times larger and smaller, and from that of a known layer; the best of each scan
    is taken, and what the others differ by, weighed by exp(-chi^2 / 2), is in sigma."""
    found, spread = unfold(shown, relative, profile, a, view)
    given = np.isfinite(shown) & (shown > 0.0)
    logarithm = np.log(np.where(given, shown, profile.first))
    noise = np.hypot(SOLVED, np.nan_to_num(relative, posinf=1.0))
    least = _LeastSquares.of(given, logarithm, noise, profile)
    hardly = given & ((spread > HARDLY_KNOWN) | (np.einsum("sjj->sj", least.told(found.gain())) < HARDLY_TOLD))
    if not hardly.any():
        return found, spread
    all_found, spreads = [found], [spread]
    known = profile.start * np.exp(np.einsum("sjj->sj", profile.base))
    for elsewhere in (known, *(found.value * np.exp(fold) for fold in FOLDS)):
        start = np.where(hardly & (elsewhere > 0.0), elsewhere, found.value)
        other, own = unfold(shown, relative, profile, a, view, start)
        all_found.append(other)
        spreads.append(own)
    left = [logarithm - np.log(one.apparent) for one in all_found]
    costs = np.array([least.cost(one.value, rest, noise, profile) for one, rest in zip(all_found, left, strict=True)])
    best = np.argmin(costs, axis=0)[None, :, None]
    factors = np.array([one.factor(view) for one in all_found])
    off = np.square(factors - np.take_along_axis(factors, best, 0)) + np.square(spreads)
    weight = np.exp(0.5 * (costs.min(axis=0) - costs))
    far = np.sqrt(np.einsum("fs,fsj->sj", weight / weight.sum(axis=0), off))
    value = np.take_along_axis(np.array([one.value for one in all_found]), best, 0)[0]
    return Unfolded.of(value, profile, a, view), far


@dataclass(frozen=True, eq=False)
class _LeastSquares:
    """All scans. free (scan, height): values that are fitted. bend (scan, place, height): curvature of ln phi over the prior's
    deviation; later (scan, height): ln of growth up to the time of the lowest frame, less what is a known layer's. alike: scans
    with the same spline, and its d ln phi / d ln value (height, node, height) at the nodes."""

    free: BoolArray
    bend: FloatArray
    later: FloatArray
    alike: tuple[tuple[npt.NDArray[np.intp], FloatArray], ...]
    hidden: BoolArray

    @classmethod
    def of(cls, given: BoolArray, logarithm: FloatArray, noise: FloatArray, profile: BeamProfile) -> _LeastSquares:
        later = np.log(profile.growth[:, 0])
        told = np.where(profile.hidden, np.log(profile.first), logarithm) + later
        known = profile.known & np.isfinite(told)
        bend = np.zeros((known.shape[0], known.shape[1] + 1, known.shape[1]))
        sets, which = np.unique(known, axis=0, return_inverse=True)
        for number, row in enumerate(sets):
            scans = np.flatnonzero(which.ravel() == number)
            bend[scans] = _bends(profile.read_um, row, told[scans], noise[scans], profile.spread_um)
        return cls(given, bend, later - profile.base[:, 0], profile.alike, profile.hidden)

    def cost(self, value: FloatArray, rest: FloatArray, noise: FloatArray, profile: BeamProfile) -> FloatArray:
        """chi^2 (scan,) of a `value` whose frames are off by `rest`, with its curvature's."""
        bent = np.einsum("spk,sk->sp", self.bend, np.log(profile.nodes(value)) + self.later)
        return np.sum(np.where(self.free, np.square(rest / noise), 0.0), axis=1) + np.sum(np.square(bent), axis=1)

    def told(self, gain: FloatArray) -> FloatArray:
        """d ln apparent / d ln value (scan, height, height), of the values that are fitted."""
        told = np.empty((*self.free.shape, self.free.shape[1]))
        for scans, shape in self.alike:
            told[scans] = np.matmul(gain[scans][:, :, None, :], shape)[:, :, 0]
        told = np.where(self.hidden[:, None, :], 0.0, told)
        places = np.arange(told.shape[-1])
        told[:, places, places] += gain.sum(axis=-1)
        return np.where(self.free[:, None, :], told, 0.0)

    def _inverse(self, told: FloatArray, sigma: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Covariance (scan, height, height) of ln value, and the prior's part of its inverse."""
        weighted = told / sigma[..., None]
        bend = np.where(self.free[:, None, :], self.bend, 0.0)
        prior = bend.transpose(0, 2, 1) @ bend
        normal = weighted.transpose(0, 2, 1) @ weighted + prior
        places = np.arange(told.shape[-1])
        normal[:, places, places] += np.where(self.free, LOOSE, 1.0)
        return np.linalg.inv(normal), prior

    def step(
        self, gain: FloatArray, rest: FloatArray, sigma: FloatArray, nodes: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Change of ln value (scan, height) that brings `rest` of the frames and the curvature to their least squares, and the
        variance of ln value."""
        told = self.told(gain)
        inverse, _ = self._inverse(told, sigma)
        bent = np.einsum("spk,sk->sp", self.bend, np.log(nodes) + self.later)
        pull = np.einsum("sjk,sj->sk", told, rest / np.square(sigma))
        pull -= np.where(self.free, np.einsum("spk,sp->sk", self.bend, bent), 0.0)
        return np.einsum("sjk,sk->sj", inverse, pull), np.einsum("sjj->sj", inverse)

    def spread(self, gain: FloatArray, share: FloatArray, sigma: FloatArray) -> FloatArray:
        """sigma (scan, height) of ln (mean / apparent) by the part of the profile that the prior decides."""
        told = self.told(gain)
        inverse, prior = self._inverse(told, sigma)
        change = (self.told(share) - told) @ inverse
        return np.sqrt(np.maximum(np.einsum("sjk,skl,sjl->sj", change, prior, change), 0.0))


def _bends(read_um: FloatArray, known: BoolArray, told: FloatArray, noise: FloatArray, spread_um: float) -> FloatArray:
    """Curvature of the spline at the wall and at the known heights over the prior's deviation there (scan, place, height), of
    scans (scan, height) that know the same heights."""
    bend = np.zeros((told.shape[0], read_um.size + 1, read_um.size))
    places = np.flatnonzero(known)
    if places.size < 3:
        return bend
    z, u, own = read_um[places], told[:, places], noise[:, places]
    clear = np.maximum(np.abs(np.diff(u)) - np.hypot(own[:, 1:], own[:, :-1]), 0.0)
    share = np.maximum(1.0 - np.exp(u.min(axis=1) - u.max(axis=1)), LEAST_SHARE)
    steepest = np.clip(np.max(clear / np.diff(z), axis=1) / share, LEAST_SLOPE / spread_um, 1.0 / spread_um)[:, None]
    at = np.concatenate([[0.0], z])
    length = np.sqrt(np.minimum(1.0, steepest * np.gradient(at)))
    curvature = unit_splines(tuple(z.tolist()))(at, 2)
    rows = np.concatenate([[0], places + 1])
    bend[:, rows[:, None], places] = (length / (SMOOTH * np.square(steepest)))[..., None] * curvature
    return bend
