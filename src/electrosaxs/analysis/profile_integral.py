"""Integral over z of a profile phi(z) that is known at a few heights, with its first and second derivatives.

Between two heights the excess over the starting solution is either exponential (exact for the boundary layer at the
anode, phi = phi0 + A exp(-z / ell)) or linear (the trapezoid, whose error cancels for a front that moves over equal
steps). Beyond the first height
it goes on as between the first two, beyond the last it is constant: no more is known of it.
The
same integral with phi itself exponential everywhere measures what the interpolation may cost.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from ..errors import ShapeError
from ..nouns import FloatArray

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
CLEAR_EXCESS = 0.02
LARGEST_RATIO = 30.0
POINT = 1e-6
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


def open_beam_centre(height: npt.ArrayLike, fwhm: float) -> FloatArray:
    """Mean height of the part of a Gaussian beam that passes above the anode (z > 0), in the unit of `height`.

    z + s n(z/s) / N(z/s): mean of a normal distribution cut at 0. A voxel reads phi there, to first order in the
    gradient: at z = 0 a 34 um beam reads phi at 11.5 um.
    """
    z = np.asarray(height, dtype=np.float64)
    if fwhm <= 0.0:
        return z
    s = fwhm / FWHM_PER_SIGMA
    density = np.exp(-0.5 * (z / s) ** 2) / np.sqrt(2.0 * np.pi)
    return z + s * density / ndtr(z / s)


@dataclass(frozen=True)
class Panels:
    """Pieces of the integration range, each between `start` and `end` (fractions of the step from height `lower` to
    height `upper`, `width` long); `exponential` says which rule interpolates. All (panel,). `base`: the phi above
    which the excess is exponential; `sharpness`: excess of the profile over that of its mean over the beam."""

    lower: IntArray
    upper: IntArray
    width: FloatArray
    start: FloatArray
    end: FloatArray
    exponential: BoolArray
    base: FloatArray
    sharpness: FloatArray

    def other_rule(self) -> Panels:
        """The same panels, all exponential in phi itself: where the heights lie close it makes no difference."""
        return replace(self, exponential=np.ones_like(self.exponential), base=np.zeros_like(self.base))

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

    def onto_heights(self, lower: FloatArray, upper: FloatArray, heights: int) -> FloatArray:
        """Weights of the panels' ends (..., panel), added up at the heights they lie at (..., height)."""
        place = np.eye(heights)
        return lower @ place[self.lower] + upper @ place[self.upper]


@dataclass(frozen=True)
class PanelIntegrals:
    """Integral of each panel and its derivatives with respect to the profile at its lower (a) and upper (b) height.

    Every rule is homogeneous of degree one in the excesses (a, b), so that d2/da db = -(a/b) d2/da2 and
    d2/db2 = (a/b)^2 d2/da2; `ratio` is a/b. Arrays (..., panel).
    """

    value: FloatArray
    by_lower: FloatArray
    by_upper: FloatArray
    by_lower_twice: FloatArray
    ratio: FloatArray


def wall_to_wall(
    position: FloatArray, gap: float, exponential: BoolArray, base: float = 0.0, sharpness: FloatArray | None = None
) -> Panels:
    """Panels from the anode (0) to the cathode (gap): one below the first height, one per step, one above the last.

    position (height,) ascending, exponential (height - 1,) for the steps; the first panel takes the first step's rule.
    sharpness (height + 1,): see `beam_sharpness`.
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
    return Panels(lower, upper, width, start, end, rule, np.full(rule.shape, base), factor)


def solution_only(panels: Panels, position: FloatArray, lowest: float) -> Panels:
    """`panels` with everything below the second height continued from the step above it, in two parts that meet at
    `lowest`, the nominal height of the first.

    The voxel at the anode holds solution and crystals together; this leaves it out. Needs three heights.
    """
    step = panels.taking(np.array([2]))
    ends = (np.array([0.0, lowest, position[1]]) - position[1]) / step.width
    below = [replace(step, start=ends[k : k + 1], end=ends[k + 1 : k + 2]) for k in range(2)]
    return below[0].joined(below[1]).joined(panels.taking(np.arange(2, panels.lower.size)))


def surface_content(panels: Panels, position: FloatArray, weight: float) -> Panels:
    """Two panels whose sum is the particle volume per area on the surface: `weight` x what the lowest voxel reads more
    than the profile continued from the step above.

    weight: see `surface_weight`. The second is a point, written as a panel of width 1e-6 of the step.
    """
    step = panels.taking(np.array([2]))
    at = (position[0] - position[1]) / step.width
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


def surface_weight(height: float, fwhm: float) -> float:
    """Length by which the reading of a voxel is multiplied to give the particle volume per area on the surface z = 0.

    s sqrt(2 pi) exp(h^2 / 2 s^2) N(h / s): the open part of the beam over its density at the surface; 18.1 um for a
    34 um beam centred on the anode.
    """
    s = fwhm / FWHM_PER_SIGMA
    return float(s * np.sqrt(2.0 * np.pi) * np.exp(0.5 * (height / s) ** 2) * ndtr(height / s))


def up_to(panels: Panels, position: FloatArray, top: float) -> Panels:
    """The part of `panels` (of `wall_to_wall`) below the height `top`."""
    base = position[panels.lower]
    end = np.clip((top - base) / np.where(panels.width > 0.0, panels.width, 1.0), panels.start, panels.end)
    keep = end > panels.start
    return replace(panels, end=end).taking(np.flatnonzero(keep))


def integrate_panels(profile: FloatArray, panels: Panels) -> PanelIntegrals:
    """Integrals of `profile` (..., height) over each panel, 16 Gauss-Legendre nodes (exact for the linear rule).

    Exponential panels: base + sharpness a^(1-x) b^x with the excesses a, b over the base; linear where one of
    these is below 2 % of the base or a thirtieth of the other: its logarithm would be that of noise.
    """
    half = 0.5 * (panels.end - panels.start)
    x = panels.start[:, None] + half[:, None] * (NODES + 1.0)
    weight = panels.width[:, None] * half[:, None] * WEIGHTS
    sharp = weight * panels.sharpness[:, None]
    a, b = profile[..., panels.lower] - panels.base, profile[..., panels.upper] - panels.base
    clear = np.maximum(CLEAR_EXCESS * panels.base, np.maximum(a, b) / LARGEST_RATIO)
    logs = panels.exponential & (np.minimum(a, b) > clear)
    safe_a, safe_b = np.where(logs, a, 1.0), np.where(logs, b, 1.0)
    shape = safe_a[..., None] * np.exp(x * np.log(safe_b / safe_a)[..., None])
    m0, m1, m2 = (np.sum(sharp * x**n * shape, axis=-1) for n in range(3))
    w0, w1 = weight.sum(axis=-1), (weight * x).sum(axis=-1)
    return PanelIntegrals(
        value=panels.base * w0 + np.where(logs, m0, a * (w0 - w1) + b * w1),
        by_lower=np.where(logs, (m0 - m1) / safe_a, w0 - w1),
        by_upper=np.where(logs, m1 / safe_b, w1),
        by_lower_twice=np.where(logs, (m2 - m1) / safe_a**2, 0.0),
        ratio=safe_a / safe_b,
    )


def front_uncertainty(profile: FloatArray, quantity: FloatArray, panels: Panels) -> FloatArray:
    """Sigma (target,) of the integral of `quantity` where fronts of `profile` (target, height) are lost within a step.

    A monotone profile lies anywhere between its ends, so the integral is uniform over width x |a - b|: sigma =
    width |a - b| / sqrt(12), counted in full where one end is far below the other, not where it is above a quarter of
    it. `quantity` is the profile itself, or its rate for the sigma of the integral's rate.
    """
    return np.sqrt(front_variances(profile, quantity, panels).sum(axis=-1))


def front_variances(profile: FloatArray, quantity: FloatArray, panels: Panels) -> FloatArray:
    """The squares that `front_uncertainty` sums, (target, panel)."""
    a, b = np.abs(profile[..., panels.lower]), np.abs(profile[..., panels.upper])
    larger = np.maximum(a, b)
    drop = 1.0 - np.minimum(a, b) / np.where(larger > 0.0, larger, 1.0)
    length = panels.width * (panels.end - panels.start)
    weight = np.clip((drop - 0.75) / 0.25, 0.0, 1.0) * length
    return np.square(weight * (quantity[..., panels.lower] - quantity[..., panels.upper])) / 12.0


def enriched_steps(mean_profile: FloatArray, start: float) -> BoolArray:
    """Which steps belong to the boundary layer at the anode: phi falls with height and lies clearly above the start.

    mean_profile (height,) is the mean over the scans, so that noise does not switch the rule from scan to scan.
    """
    lower, upper = mean_profile[:-1], mean_profile[1:]
    return (upper > (1.0 + CLEAR_EXCESS) * start) & (lower > upper)


def beam_sharpness(
    mean_profile: FloatArray, height: FloatArray, position: FloatArray, base: float, fwhm: float
) -> FloatArray:
    """Excess of the profile at `position` over what a Gaussian beam centred at `height` reads, one factor per panel of
    `wall_to_wall`, geometric mean of the ends; 1 where the profile is not above the base.

    An exponential exp(-z / ell) seen by the open part (z > 0) of a beam of standard deviation s at h reads
    exp(-h/ell + s^2 / 2 ell^2) N(h/s - s/ell) / N(h/s): 1.0 % more than at its centre (34 um, ell 100 um), at the anode
    0.4 % more than at its centroid.
    """
    excess = mean_profile - base
    positive = (excess[:-1] > 0.0) & (excess[1:] > 0.0)
    ratio = np.where(positive, excess[:-1], 1.0) / np.where(positive, excess[1:], 1.0)
    slope = np.log(ratio) / np.diff(position)
    if fwhm <= 0.0:
        return np.ones(slope.size + 2)
    s = fwhm / FWHM_PER_SIGMA

    def read(h: FloatArray, z: FloatArray, decay: npt.ArrayLike) -> FloatArray:
        k = s * np.asarray(decay)
        return np.exp((z - h) / s * k + 0.5 * k**2) * ndtr(h / s - k) / ndtr(h / s)

    lower = read(height[:-1], position[:-1], slope)
    upper = read(height[1:], position[1:], slope)
    # crystals on the surface steepen the first step; the second still is that of the solution
    lowest = read(height[:1], position[:1], slope[min(1, slope.size - 1)])
    return np.concatenate([1.0 / lowest, 1.0 / np.sqrt(lower * upper), [1.0]])
