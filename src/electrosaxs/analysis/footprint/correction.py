"""What a beam of finite height sees of a steep, absorbing profile.

The scattering of a frame is divided by its transmission. Where phi changes within the beam the two are weighted
differently: the quotient is <phi T> / <T> over the footprint, with T = exp(-a phi), and denser solution counts
less. At ten times the starting concentration (mu t of silver 2.0) and a decay length of 100 um this costs 4 % at
34 um FWHM. The mean over the footprint, <phi>, is recovered with the profile across the beam: ln phi a cubic spline in
height, through values for which each frame would show what it did. (A straight line across each beam, with the spline's
slope, leaves 0.25 % of phi beside the anode: a beam that sees the wall, and the bend from the layer to the start.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ...nouns import FloatArray
from ...nouns.rows import joined
from .beam_profile import (
    BeamProfile,
    BeamView,
    gradient_at_fixed_time,
    holes_filled_in_time,
    rate_uncertainty,
    rates_since_start,
    unit_splines,
)
from .layer_shape import LayerShape
from .surface import Expected, expected
from .unfolding import unfold, unfold_far

NEIGHBOURS = 5
SMALL_CHANGE = 1e-3
PROFILE_UNCERTAINTY = 0.03
"""Relative, of the correction: the profile across the beam is a spline through neighbouring voxels (on simulated profiles
with steps of 50 um it is off by 0.3 % of the correction, by 3 % in the scan of the onset and beside crystals)."""
DARK = 0.15  # of ln phi at a read height over what the frame shows, from which on its rate is not that of the latter
UNTOLD = 1.0  # sigma of ln phi of a stand-in whose own is not known
FINE_UM = 140.0
"""Steps between heights up to which a spline follows the layer at the anode; from twice that on it is free between them."""
STEEP_LAYER_UM = 70.0
"""Decay length D / v of the layer at the anode at 86 V/cm, the highest field of Yu 2018: what a layer may be like that the
heights of a scan do not resolve, where those of no scan show a steeper one."""
BESIDE_CRYSTALS = 0.1
"""Relative (chosen): how well what is dissolved beside crystals is known, where it tells how steep the layer is."""
LEAST_LEFT = 0.02
"""Of the start (chosen): a height that holds less is of a cell that empties, and no part of a layer."""
EVENLY = 1.0 / np.sqrt(5.0)
"""Rms of the square of a slope that may lie anywhere up to 1."""
ALIKE, EVENLY_FROM_NONE = 0.5, 0.29
"""Mean and deviation of a share that may be anything from 0 to 1: how much of what splines lacked before crystals came they
lack beside them."""
MOST_LACKING = 0.5
"""Of the correction (chosen): splines that lacked more were of another profile."""
BLOCK = 64
"""Scans whose beams are unfolded together: their matrices, heights by heights for each voxel, are what takes memory."""
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class FootprintCorrection:
    """What absorption within the beam does to a voxel, both (scan, height).

    factor: <phi> / (<phi T> / <T>), what the apparent volume fraction is to be multiplied with; sigma: of the factor, how
    well the profile is known. rise_um: by how much higher the particles sit, on average, that the transmitted light shows
    than those that are there. response (scan, height, 5): relative change of the corrected value with that of the apparent
    value two heights below, one below, of its own, one above and two above. depth: optical depth of the particles, -ln <T>
    over the open beam, of this profile. missing: what stood in for frames that are not there, NaN at those that are. in_time:
    sigma of the factor by the time between the frames that show the profile, another number for each voxel. These two take six
    more profiles and are worked out where they are asked for, from the apparent values, phi, and what beams make of such, seen.
    """

    factor: FloatArray
    sigma: FloatArray
    rise_um: FloatArray
    depth: FloatArray
    missing: Expected
    phi: FloatArray
    seen: Callable[..., _Seen]

    @cached_property
    def in_time(self) -> FloatArray:
        return np.abs(self.seen(self.phi, off=True).factor - self.factor)

    @cached_property
    def response(self) -> FloatArray:
        return _response(self.phi, np.exp(self.missing.logarithm), self.seen, self.factor)

    def counting_sigma(self, relative: FloatArray) -> FloatArray:
        """Relative sigma (scan, height) of the corrected values from those of the apparent ones, and in_time: noise of the
        neighbours changes the profile across the beam, and where a neighbour is missing what stands in for it. What neighbours
        then share is left out; an unknown sigma counts as 0."""
        reach = NEIGHBOURS // 2
        known = np.where(np.isfinite(relative), relative, np.nan_to_num(self.missing.sigma))
        padded = np.pad(known, ((0, 0), (reach, reach)))
        around = np.lib.stride_tricks.sliding_window_view(padded, NEIGHBOURS, axis=1)
        own = np.square(self.in_time / self.factor)
        total = np.sqrt(np.sum(np.square(self.response * around), axis=-1) + own)
        return np.where(np.isfinite(relative), total, np.nan)


def footprint_correction(
    phi: FloatArray,
    view: BeamView,
    *,
    time_s: FloatArray,
    attenuation: FloatArray,
    start: float | None = None,
    sees_crystals: BoolArray | None = None,
    missing: Expected | None = None,
    relative: FloatArray | None = None,
    steps_s: Sequence[float] = (),
    layer: LayerShape | None = None,
) -> FootprintCorrection:
    """The correction of apparent volume fractions `phi` (scan, height); 1 and 0 where phi is not finite and above 0.

    view: where each beam is and what electrodes leave of it; time_s: (scan, height); attenuation: a, broadcastable to phi;
    start: phi at field-on, where it is known; sees_crystals (scan, height): voxels whose dissolved part is uncertain and says
    nothing about the profile of their neighbours; missing: what stands in for voxels without phi in the profile of their
    neighbours, absent: what these say (`surface.expected`); relative: sigma of phi over phi, of counting and of its own;
    steps_s: when the voltage stepped; layer: where it explains what frames show, splines go through the rest. ln phi and ln a
    are cubic splines through the read heights, phi at the time of each voxel and such that a frame would show what was
    measured."""
    a = np.broadcast_to(attenuation, phi.shape)
    hidden = np.zeros(phi.shape, dtype=bool) if sees_crystals is None else sees_crystals
    alone = np.where(hidden, np.nan, phi)
    if missing is None:
        holes = ~(alone > 0.0) & ~hidden
        missing = expected(alone, holes, height_um=view.read_um, time_s=time_s, start=start)
    own = np.zeros_like(phi) if relative is None else relative
    noise = np.where(phi > 0.0, own, np.nan_to_num(missing.sigma, nan=UNTOLD))
    decay = _steepest_decay(phi, np.where(hidden, np.hypot(own, BESIDE_CRYSTALS), own), view, start or 0.0)
    coarse = _Coarse.of(alone > 0.0, hidden, view, decay)
    layer = None if layer is None else layer.that_explains(alone, view.read_um > 0.5 * view.gap_um)
    seen = _Frames(
        view, time_s, a, start, steps_s, noise, hidden, np.exp(missing.logarithm), coarse.nearest, layer
    ).seen
    found = seen(phi, far=True)
    missed = np.ones_like(phi) if layer is None else layer.misses(alone)
    steep = _steep_layer(phi, view, start, decay, missed) * a * np.abs(phi)
    sigma = _sigma(phi, seen, found, coarse, steep, np.where(missed < 1.0, missed, 0.0))
    share = None if layer is None else _splines_miss(phi, seen, found, alone, hidden, view, decay, layer)
    if share is None:
        return FootprintCorrection(found.factor, sigma, found.rise_um, found.depth, missing, phi, seen)
    shift, of_shift = 1.0 + ALIKE * share * (1.0 - 1.0 / found.factor), EVENLY_FROM_NONE * share * (found.factor - 1.0)

    def shifted(apparent: FloatArray, **changes: Any) -> _Seen:
        one = seen(apparent, **changes)
        return replace(one, factor=shift * one.factor)

    return FootprintCorrection(
        shift * found.factor, np.hypot(sigma, of_shift), found.rise_um, found.depth, missing, phi, shifted
    )


@dataclass(frozen=True, eq=False)
class _Frames:
    """Where and when frames were taken, as `footprint_correction` has it; noise (scan, height): sigma of ln phi; others: what
    stands in for those without phi; straight (scan, height): how free the profile is to bend between heights."""

    view: BeamView
    time_s: FloatArray
    attenuation: FloatArray
    start: float | None
    steps_s: Sequence[float]
    noise: FloatArray
    hidden: BoolArray
    others: FloatArray
    straight: FloatArray
    layer: LayerShape | None

    def seen(
        self, apparent: FloatArray, *, growing: bool = True, off: bool = False, far: bool = False, **changes: Any
    ) -> _Seen:
        """What beams make of the profile that shows the values `apparent` (scan, height). growing: whether it changes within a
        scan; off: whether by as much more as its rate is not known; far: as in `_seen`; changes: of what stands above."""
        frames = replace(self, **changes)
        shown = np.where(apparent > 0.0, apparent, frames.others)
        one = frames._beams(apparent, shown, shown, growing=growing, off=off, far=far)
        # where little light passes phi grows faster than what the light shows of it
        dark = np.nanmax(np.abs(np.log(one.value / shown)), initial=0.0) > DARK
        return frames._beams(apparent, shown, one.value, growing=growing, off=off, far=far) if dark else one

    def _beams(
        self, apparent: FloatArray, shown: FloatArray, values: FloatArray, *, growing: bool, off: bool, far: bool
    ) -> _Seen:
        """The same with the rates of `values`."""
        time_s, start, still = self.time_s, self.start, np.zeros_like(apparent)
        solution = holes_filled_in_time(np.where(self.hidden, np.nan, values), time_s)
        rate = rates_since_start(solution, time_s, start) if growing else still
        more = rate_uncertainty(solution, time_s, start, self.steps_s) if off else still
        parts = []
        for first in range(0, len(apparent), BLOCK):
            some = slice(first, first + BLOCK)
            profile = BeamProfile.through(
                solution[some], self.hidden[some], rate[some], time_s[some], self.view, start or 0.0, self.straight[some],
                None if self.layer is None else self.layer.of_scans(some), more[some],
            )  # fmt: skip
            attenuation = self.attenuation[some]
            parts.append(_seen(apparent[some], shown[some], self.noise[some], profile, attenuation, self.view, far))
        return joined(parts)


def _splines_miss(
    phi: FloatArray, seen: Callable[..., _Seen], found: _Seen, alone: FloatArray, hidden: BoolArray, view: BeamView,
    decay: float, layer: LayerShape,
) -> FloatArray | None:  # fmt: skip
    """Share of the correction (scan, height) that splines lack where crystals have come and the layer is not that of before any
    more: what they lack in the last scan before, with the same heights hidden. None where there is no such scan."""
    first = int(np.argmax(hidden.any(axis=1)))
    last = first - 1
    if not hidden.any() or first == 0 or not layer.told[last].any():
        return None
    hides = hidden | hidden.any(axis=0)
    coarse = _Coarse.of((alone > 0.0) & ~hides, hides, view, decay)
    plain = seen(phi, layer=None, hidden=hides, straight=coarse.nearest).factor[last]
    lacks = (found.factor[last] - plain) * (plain - 1.0) / (np.square(plain - 1.0) + SMALL_CHANGE**2)
    lacks = np.where(layer.told[last], np.clip(np.nan_to_num(lacks), -MOST_LACKING, MOST_LACKING), 0.0)
    after = ~layer.told & (np.arange(len(phi)) >= first)[:, None]
    return np.where(after, lacks, 0.0) if np.any(lacks) else None


def _sigma(
    phi: FloatArray, seen: Callable[..., _Seen], found: _Seen, coarse: _Coarse, steep: FloatArray, missed: FloatArray
) -> FloatArray:
    """Sigma of the factor (scan, height) by what is not known of the profile; steep: the correction of a layer that the heights
    do not resolve; missed: share of ln(phi / phi0) that a known layer does not explain, and so of its slope, squared here."""
    size = np.abs(found.factor - 1.0)
    unseen = np.where(phi > 0.0, coarse.nearest * np.hypot(np.maximum(steep - size, 0.0), 2.0 * missed * size), 0.0)
    sigma = np.hypot(np.hypot(PROFILE_UNCERTAINTY * size, found.spread), unseen)
    if np.any(coarse.nearest):
        curved = seen(phi, straight=np.zeros_like(phi)).factor - found.factor
        sigma = np.hypot(sigma, coarse.nearest * np.abs(curved))
    if np.any(coarse.second > coarse.nearest):
        between = seen(phi, straight=np.ones_like(phi)).factor - found.factor
        sigma = np.hypot(sigma, (coarse.second - coarse.nearest) * np.abs(between))
    if phi.shape[0] == 1:  # how fast the profile changed during the only scan is hardly known
        sigma = np.hypot(sigma, 0.5 * np.abs(found.factor - seen(phi, growing=False).factor))
    return sigma


def _response(phi: FloatArray, stand_in: FloatArray, seen: Callable[..., _Seen], factor: FloatArray) -> FloatArray:
    """d ln(factor phi) / d ln phi' (scan, height, neighbour), phi' being the apparent value NEIGHBOURS below to above.

    By differences: every fifth height at once, because what lies further away than two hardly counts.
    """
    reach, heights = NEIGHBOURS // 2, np.arange(phi.shape[1])
    response = np.zeros((*phi.shape, NEIGHBOURS))
    for first in range(min(NEIGHBOURS, heights.size)):
        moved = heights % NEIGHBOURS == first
        change = np.where(moved, 1.0 + SMALL_CHANGE, 1.0)
        other = seen(change * phi, others=change * stand_in)
        slope = (other.factor / factor - 1.0) / SMALL_CHANGE
        for offset in range(-reach, reach + 1):
            to = heights[(heights + offset) % NEIGHBOURS == first]
            to = to[(to + offset >= 0) & (to + offset < heights.size)]
            response[:, to, offset + reach] = slope[:, to]
    response[:, :, reach] += 1.0
    return response


@dataclass(frozen=True, eq=False)
class _Seen:
    """phi at the read heights, value; factor, rise_um and depth of `FootprintCorrection`; spread: sigma of the factor by what
    no frame tells of the profile."""

    value: FloatArray
    factor: FloatArray
    rise_um: FloatArray
    depth: FloatArray
    spread: FloatArray


def _seen(
    phi: FloatArray,
    shown: FloatArray,
    relative: FloatArray,
    profile: BeamProfile,
    attenuation: FloatArray,
    view: BeamView,
    far: bool,
) -> _Seen:
    """What the beam makes of the profile whose apparent value is `phi` (scan, height); shown: phi and what stands in for it;
    far: whether what explains the frames as well is looked for far away."""
    a = profile.attenuation_across(attenuation)
    known = np.isfinite(phi) & (phi > 0.0)
    found, spread = (unfold_far if far else unfold)(shown, relative, profile, a, view)
    inside, apparent = found.inside, found.apparent
    mean = np.sum(view.weight * inside, axis=-1)
    by_light = np.sum(found.light * inside * view.z, axis=-1) / apparent
    by_content = np.sum(view.weight * inside * view.z, axis=-1) / mean
    depth = -np.log(np.sum(view.weight * np.exp(-a * inside), axis=-1))
    depth = np.where(
        shown > 0.0, depth * shown / apparent, depth
    )  # the frame's own, where noise parts it from its neighbours
    factor = np.where(known, mean / apparent, 1.0)
    return _Seen(
        found.value, factor, np.where(known, by_light - by_content, 0.0), depth, np.where(known, factor * spread, 0.0)
    )


@dataclass(frozen=True, eq=False)
class _Coarse:
    """How far the heights that tell the profile are apart, beside each voxel, (scan, height) from 0 (within FINE_UM, less where
    layers are seen to be thin) to 1: the
    nearest, by which no spline knows its slope, and the second, by which it does not know its bend. A hidden voxel has the
    slope of the two lowest others, and the lowest of these is told from one side alone: twice as far."""

    nearest: FloatArray
    second: FloatArray

    @classmethod
    def of(cls, told: BoolArray, hidden: BoolArray, view: BeamView, decay_um: float) -> _Coarse:
        """told: voxels that say something about the profile."""
        step = np.abs(view.read_um[:, None] - view.read_um)
        np.fill_diagonal(step, np.inf)
        away = np.sort(np.where(told[:, None, :], step, np.inf), axis=-1)
        second = away[..., min(1, away.shape[-1] - 1)]
        beside = np.column_stack([np.zeros(len(hidden), dtype=bool), hidden[:, :-1]])
        nearest = np.where(hidden, second, np.where(beside, 2.0, 1.0) * away[..., 0])
        fine = FINE_UM * decay_um / STEEP_LAYER_UM
        return cls(*(np.clip(x / fine - 1.0, 0.0, 1.0) for x in (nearest, second)))


def _steepest_decay(phi: FloatArray, relative: FloatArray, view: BeamView, start: float) -> float:
    """Shortest decay length (um) of ln phi, or of what exceeds the start, that neighbouring heights of a scan show beyond two
    sigma; no longer than STEEP_LAYER_UM, no shorter than half of the beam's deviation."""
    steepest = 1.0 / STEEP_LAYER_UM
    for base in (0.0, start):
        excess = phi - base
        with np.errstate(invalid="ignore", divide="ignore"):
            logarithm = np.log(np.where(excess > LEAST_LEFT * start, excess, np.nan))
            noise = relative * phi / excess
        for k in range(phi.shape[1] - 1):
            step = float(view.read_um[k + 1] - view.read_um[k])
            fall = logarithm[:, k] - logarithm[:, k + 1] - 2.0 * np.hypot(noise[:, k], noise[:, k + 1])
            steepest = max(steepest, float(np.nanmax(fall / step, initial=0.0)) if step > 0.0 else 0.0)
    return 1.0 / min(steepest, 2.0 / view.spread)


def _steep_layer(
    phi: FloatArray, view: BeamView, start: float | None, decay_um: float, missed: FloatArray
) -> FloatArray:
    """(s g)^2 (scan, height), which times a phi is the correction of an exponential profile of slope g in a beam whose open
    part has deviation s, for a layer that decays over `decay_um`.

    The layer is what exceeds the start (all of it, where that is not given): g = (1 - phi0 / phi) / decay length; beside the
    anode what exceeds the next height, where that has less; at a wall that nothing passes it is all of phi. Where less than
    the start is left slopes are 0 to (phi0 / phi - 1) / decay length, that of the layer and 1 / distance from the cathode (what
    is missing falls ever slower away from it) at most, as far as no known layer explains them, missed (scan, height).
    """
    above = np.column_stack([phi[:, 1:], np.full(phi.shape[0], np.nan)])
    base = np.where(view.read_um < FINE_UM, np.fmin(start or 0.0, np.maximum(above, 0.0)), start or 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        layer = np.clip(1.0 - base / phi, 0.0, 1.0)
        layer = layer / decay_um
        if start is not None:
            convex = 1.0 / np.maximum(view.gap_um - view.read_um, view.spread)
            empty = np.minimum(np.clip(start / phi - 1.0, 0.0, 1.0) / decay_um, convex)
            layer = np.maximum(layer, np.sqrt(missed * EVENLY) * empty)
    layer = np.where(view.read_um < 2.0 * view.spread, np.isfinite(phi) / decay_um, layer)
    open_part = np.sum(view.weight * np.square(view.z), axis=-1) - np.sum(view.weight * view.z, axis=-1) ** 2
    return np.where(np.isfinite(phi), open_part * np.square(layer), 0.0)


def at_the_mean_height(
    values: FloatArray, correction: FootprintCorrection, *, read_height_um: FloatArray, time_s: FloatArray
) -> FloatArray:
    """What is to be added to a size (scan, height) read by the transmitted light: -rise x d size / dz."""
    return -correction.rise_um * gradient_at_fixed_time(values, read_height_um, time_s)


def noise_at_the_mean_height(
    sigma: FloatArray, correction: FootprintCorrection, *, read_height_um: FloatArray, time_s: FloatArray
) -> FloatArray:
    """Own sigma (scan, height) of a size to which `at_the_mean_height` was added, from that of the sizes as read: the slope is
    a spline's through the heights of the scan, whose noise comes with it. That of the rate, a hundredth of it, is left out."""
    out = sigma.copy()
    for row, own in enumerate(holes_filled_in_time(sigma, time_s)):
        known = np.flatnonzero(np.isfinite(own))
        if known.size >= 2:
            slopes = unit_splines(tuple(read_height_um[known].tolist()))(read_height_um, 1)
            share = np.eye(read_height_um.size)[:, known] - correction.rise_um[row][:, None] * slopes
            out[row] = np.sqrt(np.sum(np.square(share * own[known]), axis=1))
    return np.where(np.isfinite(sigma), out, sigma)
