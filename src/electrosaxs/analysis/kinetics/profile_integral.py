"""Integral over z of a profile phi(z) that is known at a few heights, with its first and second derivatives.

Between two heights the excess over the starting solution is either exponential (exact for the boundary layer at the
anode, phi = phi0 + A exp(-z / ell)) or cubic with the slopes of its neighbours: the trapezoid, whose error cancels for a
front that moves over equal steps, less h^2/12 times the difference of the slopes at the ends of the range (Euler and
Maclaurin). Beyond the first height it goes on as between the first two, beyond the last it is constant: no more is known
of it. The same integral one order lower (trapezoid; phi itself exponential) measures what the interpolation may cost.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import reduce

import numpy as np
import numpy.typing as npt

from ...errors import ShapeError
from ...nouns import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
CLEAR_EXCESS = 0.02
LARGEST_RATIO = 30.0
UNCLEAR_CHANGE = 0.02
RESOLVED = 0.6
POINT = 1e-6
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class Panels:
    """Pieces of the integration range, each between `start` and `end` (fractions of the step from height `lower` to
    height `upper`, `width` long); `exponential` says which rule interpolates. All (panel,). `base`: the phi above
    which the excess is exponential; `sharpness`: excess of the profile over that of its mean over the beam; `bend`
    (panel, height): weights of the whole profile that turn the trapezoid into the cubic, 0 for exponential panels."""

    lower: IntArray
    upper: IntArray
    width: FloatArray
    start: FloatArray
    end: FloatArray
    exponential: BoolArray
    base: FloatArray
    sharpness: FloatArray
    bend: FloatArray

    def other_rule(self) -> Panels:
        """The same panels one order lower: trapezoids, and phi itself exponential instead of its excess."""
        blank = np.zeros_like(self.base)
        return replace(self, base=blank, bend=np.zeros_like(self.bend))

    def spans(self, position: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper end of each panel, as heights."""
        base = position[self.lower]
        return base + self.start * self.width, base + self.end * self.width

    def taking(self, which: IntArray) -> Panels:
        """Some of the panels."""
        return Panels(**{part.name: getattr(self, part.name)[which] for part in fields(self)})

    def joined(self, other: Panels) -> Panels:
        """These panels and then the others."""
        parts = (part.name for part in fields(self))
        return Panels(**{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in parts})

    def onto_heights(self, lower: FloatArray, upper: FloatArray) -> FloatArray:
        """Weights of the panels' ends (..., panel), added up at the heights they lie at (..., height)."""
        place = np.eye(self.bend.shape[1])
        return lower @ place[self.lower] + upper @ place[self.upper]


@dataclass(frozen=True)
class PanelIntegrals:
    """Integral of each panel and its derivatives with respect to the profile at its lower (a) and upper (b) height; the
    linear `bend` of the panels is in the value, not in the derivatives.

    Every rule is homogeneous of degree one in the excesses (a, b), so that d2/da db = -(a/b) d2/da2 and
    d2/db2 = (a/b)^2 d2/da2; `ratio` is a/b. Arrays (..., panel).
    """

    value: FloatArray
    by_lower: FloatArray
    by_upper: FloatArray
    by_lower_twice: FloatArray
    ratio: FloatArray


def wall_to_wall(
    position: FloatArray,
    gap: float,
    exponential: BoolArray,
    base: float = 0.0,
    sharpness: FloatArray | None = None,
    *,
    lowest: int = 0,
) -> Panels:
    """Panels from the anode (0) to the cathode (gap): one below the first height, one per step, one above the last.

    position (height,) ascending, exponential (height - 1,) for the steps; the first panel takes the first step's rule.
    sharpness (height + 1,): see `open_beam.beam_sharpness`. Slopes of the cubic are not taken across the step below the
    height `lowest`.
    """
    if position.size < 2 or np.any(np.diff(position) <= 0.0):
        raise ShapeError(f"a profile integral needs at least 2 ascending heights, got {position.tolist()}")
    step = np.diff(position)
    last = position.size - 1
    lower = np.concatenate([[0], np.arange(last), [last]])
    upper = np.concatenate([[1], np.arange(1, last + 1), [last]])
    width = np.concatenate([step[:1], step, [gap - position[-1]]])
    start = np.concatenate([[-position[0] / step[0]], np.zeros(last + 1)])
    end = np.concatenate([[0.0], np.ones(last + 1)])
    rule = np.concatenate([exponential[:1], exponential, [False]])
    factor = np.ones(rule.size) if sharpness is None else sharpness
    bend = np.zeros((rule.size, position.size))
    bend[1:-1] = _cubic_bend(position, exponential, lowest)
    return Panels(lower, upper, width, start, end, rule, np.full(rule.shape, base), factor, bend)


def _cubic_bend(position: FloatArray, exponential: BoolArray, lowest: int) -> FloatArray:
    """h^2/12 (slope at the lower end - slope at the upper end) of each step, as weights (step, height); 0 where the step
    is exponential. Slopes are those of the parabola through a height and its neighbours, across linear steps only."""
    step = np.diff(position)
    chord = (np.eye(position.size)[1:] - np.eye(position.size)[:-1]) / step[:, None]
    slope = np.zeros((position.size, position.size))
    for k in range(position.size):
        below = k - 1 if k > lowest and not exponential[k - 1] else None
        above = k if k < step.size and not exponential[k] else None
        if below is not None and above is not None:
            share = step[below] / (step[below] + step[above])
            slope[k] = (1.0 - share) * chord[below] + share * chord[above]
        elif below is not None or above is not None:
            slope[k] = chord[below if above is None else above]
    bend = step[:, None] ** 2 / 12.0 * (slope[:-1] - slope[1:])
    return np.where(exponential[:, None], 0.0, bend)


def solution_only(panels: Panels, position: FloatArray, lowest: float, first: int = 1) -> Panels:
    """`panels` with everything below the height `first` continued from the step above it, in parts that meet at `lowest`, the
    nominal height of the lowest, and at the heights between.

    The voxel at the anode holds solution and crystals together; this leaves it out, and those above whose beams reach down to
    the surface. Needs a step above `first`.
    """
    step = panels.taking(np.array([first + 1]))
    ends = (np.concatenate([[0.0, lowest], position[1 : first + 1]]) - position[first]) / step.width
    below = [replace(step, start=ends[k : k + 1], end=ends[k + 1 : k + 2]) for k in range(first + 1)]
    return reduce(Panels.joined, below).joined(panels.taking(np.arange(first + 1, panels.lower.size)))


def surface_content(panels: Panels, position: FloatArray, weight: float, first: int = 1) -> Panels:
    """Two panels whose sum is the particle volume per area on the surface: `weight` x what the lowest voxel reads more
    than the profile continued from the step above the height `first`.

    weight: see `surface_weight`. The second is a point, written as a panel of width 1e-6 of the step.
    """
    step = panels.taking(np.array([first + 1]))
    at = (position[0] - position[first]) / step.width
    read = replace(step.taking(np.array([0])), lower=np.array([0]), upper=np.array([0]), width=np.array([weight]),
                   start=np.array([0.0]), end=np.array([1.0]), exponential=np.array([False]))  # fmt: skip
    continued = replace(
        step,
        width=np.array([-weight / POINT]),
        start=at - 0.5 * POINT,
        end=at + 0.5 * POINT,
        sharpness=step.sharpness / panels.sharpness[:1],
    )
    return read.joined(continued)


def up_to(panels: Panels, position: FloatArray, top: float) -> Panels:
    """The part of `panels` (of `wall_to_wall`) below the height `top`."""
    base = position[panels.lower]
    end = np.clip((top - base) / np.where(panels.width > 0.0, panels.width, 1.0), panels.start, panels.end)
    keep = end > panels.start
    whole = (end == panels.end)[:, None]
    return replace(panels, end=end, bend=np.where(whole, panels.bend, 0.0)).taking(np.flatnonzero(keep))


def integrate_panels(profile: FloatArray, panels: Panels) -> PanelIntegrals:
    """Integrals of `profile` (..., height) over each panel, 16 Gauss-Legendre nodes (exact for the cubic).

    Exponential panels: base + sharpness a^(1-x) b^x with the excesses a, b over the base. Where b is below a thirtieth of a
    its logarithm would be that of noise, and the integral goes on linearly in b from there; linear throughout where a is
    below 2 % of the base.
    """
    half = 0.5 * (panels.end - panels.start)
    x = panels.start[:, None] + half[:, None] * (NODES + 1.0)
    weight = panels.width[:, None] * half[:, None] * WEIGHTS
    sharp = weight * panels.sharpness[:, None]
    a, b = profile[..., panels.lower] - panels.base, profile[..., panels.upper] - panels.base
    logs = panels.exponential & (a > CLEAR_EXCESS * panels.base)
    safe_a = np.where(logs, a, 1.0)
    safe_b = np.where(logs, np.maximum(b, safe_a / LARGEST_RATIO), 1.0)
    beyond = np.where(logs, np.minimum(b / safe_b - 1.0, 0.0), 0.0)
    shape = safe_a[..., None] * np.exp(x * np.log(safe_b / safe_a)[..., None])
    m0, m1, m2 = (np.sum(sharp * x**n * shape, axis=-1) for n in range(3))
    w0, w1 = weight.sum(axis=-1), (weight * x).sum(axis=-1)
    return PanelIntegrals(
        value=panels.base * w0 + np.where(logs, m0 + beyond * m1, a * (w0 - w1) + b * w1) + profile @ panels.bend.T,
        by_lower=np.where(logs, (m0 - m1) / safe_a, w0 - w1),
        by_upper=np.where(logs, m1 / safe_b, w1),
        by_lower_twice=np.where(logs & (beyond == 0.0), (m2 - m1) / safe_a**2, 0.0),
        ratio=safe_a / safe_b,
    )


def front_variances(profile: FloatArray, panels: Panels, rate: FloatArray | None = None) -> FloatArray:
    """Variance of each panel (target, panel) where a front of `profile` (target, height) is lost within one step, or of
    the panel's rate where `rate` is d profile/dt.

    A monotone profile lies anywhere between its ends a, b, so the integral is uniform over width x |a - b|: sigma =
    width |a - b| / sqrt(12). It counts in full where a step holds all of the change around it, not where each step
    beside it holds 20 % or more; a step beside it that is shorter shows so much less of how the profile goes in this one.
    What the lowest voxel holds more than the profile continued to the surface may be a layer of any length up to the second
    height, as far as the beam does not tell. Above the last height phi lies anywhere between what was read there and 0 or
    the start, whichever is nearer.
    """
    alone = _alone(profile, panels)
    quantity = profile if rate is None else rate
    last = profile.shape[-1] - 1
    inner = panels.upper == panels.lower + 1
    lost = alone[..., np.minimum(panels.lower, last - 1)] * np.abs(
        quantity[..., panels.lower] - quantity[..., panels.upper]
    )
    top = profile[..., panels.lower]
    unseen = np.minimum(np.abs(top), np.abs(top - panels.base)) if rate is None else np.abs(rate[..., panels.lower])
    at_top = (panels.upper == last) & (panels.lower == last)
    length = panels.width * (panels.end - panels.start)
    length, lost = np.where(inner | at_top, length, _layer_unresolved(panels)), np.where(inner, lost, unseen)
    excess = np.abs(quantity[..., :1] - quantity[..., 1:2])
    on_surface = (panels.upper == 0) & (panels.lower == 0) & ~at_top
    return np.square(length * np.where(on_surface, excess, lost)) / 12.0


def _alone(profile: FloatArray, panels: Panels) -> FloatArray:
    """Share (..., step) of what is lost where a step holds a front that no step beside it shows. What is above the base is one
    front, what is below it another: an enriched layer at the anode shows nothing of the depletion from the cathode."""
    base = float(np.max(panels.base, initial=0.0))
    noise = UNCLEAR_CHANGE * np.maximum(np.abs(profile[..., :-1]), np.abs(profile[..., 1:]))
    total, lost = np.zeros_like(noise), np.zeros_like(noise)
    neighbours = _shown_by_neighbours(panels, noise.shape[-1])
    for part in (np.maximum(profile, base), np.minimum(profile, base)):
        change = np.abs(np.diff(part, axis=-1))
        around = _shown_beside(change, *neighbours) + change + noise
        share = change / np.where(around > 0.0, around, 1.0)
        lost += change * np.clip((share - RESOLVED) / (1.0 - RESOLVED), 0.0, 1.0)
        total += change
    return np.asarray(lost / np.where(total > 0.0, total, 1.0))


def _shown_beside(change: FloatArray, below: FloatArray, above: FloatArray) -> FloatArray:
    """Changes (..., step) of the steps beside each, as far as these show how the profile goes in it: twice the smaller one,
    or the only one at an end, 0 where there is none or it is not known."""
    ends = [(0, 0)] * (change.ndim - 1)
    before, after = (np.pad(change, [*ends, pad])[..., cut] for pad, cut in (((1, 0), np.s_[:-1]), ((0, 1), np.s_[1:])))
    steps = change.shape[-1]
    has_before, has_after = np.arange(steps) > 0, np.arange(steps) < steps - 1
    smaller = np.minimum(below * before, above * after)
    beside = np.where(has_before & has_after, 2.0 * smaller, np.where(has_before, below * before, above * after))
    return np.where(has_before | has_after, beside, 0.0)


def _layer_unresolved(panels: Panels) -> FloatArray:
    """Length (panel,) over which a layer may lie between the anode and the height from which the solution is continued, for
    the panel of `surface_content` that reads the surface, else 0: its voxel holds what lies within twice that panel's width."""
    on_surface = (panels.upper == 0) & (panels.lower == 0)
    continued = (panels.lower > 0) & (panels.start < 0.0) & (panels.width > 0.0)
    first_height = np.max(-panels.start * panels.width, where=continued, initial=0.0)
    return np.where(on_surface, np.maximum(first_height - 2.0 * panels.width, 0.0), 0.0)


def _shown_by_neighbours(panels: Panels, steps: int) -> tuple[FloatArray, FloatArray]:
    """Width of the step below, and of the step above, over that of each step (step,), at most 1; 1 beyond the panels."""
    width = np.zeros(steps)
    inner = panels.upper == panels.lower + 1
    np.maximum.at(width, panels.lower[inner], panels.width[inner])
    padded = np.pad(width, 1)
    known = np.where(width > 0.0, width, 1.0)
    below, above = (
        np.where((beside > 0.0) & (width > 0.0), beside / known, 1.0) for beside in (padded[:-2], padded[2:])
    )
    return np.minimum(below, 1.0), np.minimum(above, 1.0)


def enriched_steps(mean_profile: FloatArray, start: float) -> BoolArray:
    """Which steps belong to the boundary layer at the anode: phi falls with height from clearly above the start, not to below
    it. In the last of them the layer ends, which a line would make twice as large.

    mean_profile (height,) is the mean over the scans, so that noise does not switch the rule from scan to scan.
    """
    lower, upper = mean_profile[:-1], mean_profile[1:]
    return (lower > (1.0 + CLEAR_EXCESS) * start) & (upper > (1.0 - CLEAR_EXCESS) * start) & (lower > upper)
