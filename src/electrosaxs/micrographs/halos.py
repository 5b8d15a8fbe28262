"""Halos of charging around islands: bright or dark substrate that fades away from them.

An electron microscope charges islands, and the substrate around them glows or dims. To a search for what stands out a halo
is island, and to a fit of two steps its fading is a wide facet. What tells them apart is how they end: a facet ends at an
edge, as sharp as the image's blur lets it, a halo fades over many blurs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import log_ndtr, ndtr

from ..nouns import FloatArray
from .edge_kernels import profiles_across
from .triangle_kernels import EDGE, SQRT3, pixels_inside

STEP = 0.5  # px, of profiles across the sides
LOOKED_AT, SAMPLE, FEW = 100, 24, 5  # islands, of them those whose profiles are fitted, and the fewest
OUT, REACH = 8.0, 0.5  # px, at least, and of the usual edge beside them: how far out profiles go
DEEPEST, INSIDE = 0.24, 3.0  # of the edge, and px at least: how far in
SUBSTRATE = 4.0  # px of it, and three blurs, at least, beyond the outermost edge
RIDGE = 1e-12  # of the normal equations: steps that are the same have no level of their own
ANYHOW = (
    (1, 4.0),
    (1, 8.0),
    (1, 16.0),
    (1, 32.0),
    (2, 8.0),
    (2, 16.0),
)  # powers and lengths of which any fading is a sum
FINE = np.arange(-10, 11) / 8.0  # px around the steepest place of profiles
BLURS = 0.6 * 1.13 ** np.arange(12)  # of the image's, which what is around islands may have misled
SHAPE = 0.002  # of an island's height: what sides that are no straight steps leave of any model (measured)
TOLD = 50.0  # of chi squared, by which a facet is no halo that fades within few blurs
CLEAR, FACET = 200.0, 30.0  # drop of chi squared by a halo (25 to 140 where there is none), and by a facet before it
ALIKE = 4.0  # of the noise, that the shape of blur and fading explains
NARROW = 2.0  # blurs that a facet beside a halo is wide, at least
MANY = 4.0  # blurs, at least, over which a halo fades: what ends within fewer may be a facet
FEWER = (
    (1, 0.7),
    (1, 1.0),
    (1, 1.5),
    (1, 2.2),
    (1, 3.2),
    (2, 1.5),
    (2, 2.5),
    (2, 4.0),
)  # powers and lengths, in blurs, of that
LEAST = 0.06  # of an island's height: less leaves edges within 0.3 %
FARTHEST = 64  # px from islands to which a halo is followed
STEEPEST = 2.0  # of two pixels' fall that is followed into the blur of the edge
LEAST_BLUR = 0.8  # px

Designs = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Halo:
    """reach: px over which it falls to 1/e. height: over the island's, negative on the other side of the substrate. offset: px
    from the outlines that were found, outwards, to the edges before it, with sigma. facet: px that a second step lies within
    these, 0: none is seen. light: of the halo alone (rows, columns, channels), in
    units of the image."""

    reach: float
    height: float
    offset: float
    sigma: float
    facet: float
    light: FloatArray

    @property
    def words(self) -> str:
        side = "on the other side of the substrate's level" if self.height < 0.0 else "on the islands' side"
        return (
            f"a halo fades over {self.reach:.0f} px around the islands ({abs(self.height):.0%} of their height, {side}), "
            "as charging makes it; taken off"
        )


@dataclass(frozen=True, eq=False)
class Around:
    """What most islands of an image have around the outlines that were found: a halo, or None; and where it is none, how far
    out (px) base edges lie that the outlines, which follow top edges, do not reach (0: nothing is seen). before: px outwards
    from the outlines, in the mean, to edges before what may as well be a halo that fades within MANY blurs as a facet; None:
    there is nothing, or a facet."""

    halo: Halo | None
    beyond: float = 0.0
    before: float | None = None


def look_around(image: FloatArray, rows: FloatArray, blur: float) -> Around:
    """What most islands of an image (rows, columns, channels) over its substrate, whose noise is 1, share. rows: the triangles
    that were found, perhaps around island and halo together, perhaps around tops alone."""
    curves, at = _curves(image, rows)
    if len(curves) < FEW:
        return Around(None)
    usual = _laid_upon_each_other(curves, at, max(blur, LEAST_BLUR))
    if len(usual.places) < 2:  # islands of few blurs have no two steps that are apart
        return Around(None)
    steps, fading = usual.explained(0), usual.explained(len(ANYHOW))
    noise = (
        max(usual.noise, fading.least / max(usual.curve.size - 14.0, 1.0)) + (SHAPE * float(np.ptp(usual.curve))) ** 2
    )
    if steps.least - fading.least < CLEAR * noise:
        seen = steps.single - steps.least > CLEAR * noise
        return _without(usual, steps, noise) if seen else Around(None)
    before = _before(usual, fading, noise)
    height, reach = _height_and_reach(usual, fading)
    if abs(height) < LEAST:
        return replace(_without(usual, steps, noise), beyond=0.0)
    smaller = rows.copy()
    smaller[:, EDGE] += 2.0 * SQRT3 * before.offset
    smaller = smaller[smaller[:, EDGE] > 0.0]
    return Around(Halo(reach, height, before.offset, before.sigma, before.facet, _light(image, smaller, blur)))


def _without(usual: _Usual, steps: _Explained, noise: float) -> Around:
    """What two steps say where there is no halo, unless what fades within few blurs would do as well as the second of them."""
    beyond = max(usual.middle + steps.outer, 0.0)
    fades, place = usual.fades_within_few_blurs()
    return Around(None, beyond, usual.mean + place if fades < steps.least + TOLD * noise else None)


def _curves(image: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(mean profiles (island, points, channels) across the sides of islands with room beside them, places (px, outwards))."""
    order = np.argsort(-rows[:, EDGE])[len(rows) // 8 :][:LOOKED_AT]  # the largest may be several islands as one
    if len(order) < FEW:
        return np.zeros((0, 0, 0)), np.zeros(0)
    out = OUT + REACH * float(np.median(rows[order, EDGE]))
    curves, begin, end = [], [], []
    for k in order:
        mean, count, at = profiles_across(image, int(k), rows, STEP, out, DEEPEST)
        weight = count.sum(axis=0)
        empty, edge = np.flatnonzero(weight <= 0.0), int(np.searchsorted(-at, 0.0))
        first, last = max(empty[empty < edge], default=-1) + 1, min(empty[empty >= edge], default=len(at))
        if at[first] >= OUT and at[last - 1] <= -INSIDE:
            curves.append((mean * count[..., None]).sum(axis=0) / np.maximum(weight, 1e-9)[:, None])
            begin.append(first)
            end.append(last)
    if len(curves) < FEW:
        return np.zeros((0, 0, 0)), np.zeros(0)
    number = min(SAMPLE, max(FEW, len(curves) // 2))
    first, last = sorted(begin)[number - 1], sorted(end)[len(end) // 8]  # as far out as so many see the substrate
    some = [c[first:last] for c, f, n in zip(curves, begin, end, strict=True) if f <= first and n >= last]
    return np.array(some[:SAMPLE], dtype=np.float64).reshape(-1, last - first, image.shape[2]), out - STEP * np.arange(
        first, last
    )


class _Terms:
    """Substrate, steps and tails at the same places, and what the profiles (island, points, channels) have of each."""

    def __init__(self, terms: FloatArray, curves: FloatArray) -> None:
        self.terms, self.curves = terms, curves
        self.products = terms @ terms.T
        self.shares = np.einsum("tp,kpc->tkc", terms, curves, optimize=True)
        self.squares = np.square(curves).sum(axis=(1, 2))

    def levels(self, designs: Designs) -> FloatArray:
        """Best levels (design, term, island, channel) of designs (design, term): numbers of terms."""
        normal = self.products[designs[:, :, None], designs[:, None, :]]
        normal += RIDGE * np.eye(designs.shape[1]) * np.trace(normal, axis1=1, axis2=2)[:, None, None]
        right = self.shares[designs]
        return np.asarray(np.linalg.solve(normal, right.reshape(*right.shape[:2], -1)).reshape(right.shape))

    def rest(self, designs: Designs) -> FloatArray:
        """Sums of squares (design, island) that each design leaves of each profile."""
        held = (self.levels(designs) * self.shares[designs]).sum(axis=(1, 3))
        return np.asarray(self.squares - held)


@dataclass(frozen=True)
class _Before:
    """Before a halo, px: where base edges lie, outwards from the outlines, with sigma, and how far within them a second step is
    seen; 0: none."""

    offset: float
    sigma: float
    facet: float


@dataclass(frozen=True, eq=False)
class _Explained:
    """What some model leaves (sums of squares) of the usual profile: best of one step (`single`) and of two (`least`), and of
    two for each blur, place of the steep step and of the other (`all`). best: numbers of the best. outer: px outwards from
    the steepest place, of the outer of its steps."""

    single: float
    least: float
    all: FloatArray
    best: tuple[int, int, int]
    outer: float


@dataclass(frozen=True, eq=False)
class _Usual:
    """The median of all profiles, laid upon each other where each is steepest: curve (1, points, channels) at u (px, outwards
    from there), the median and mean place of these (px from the outlines), its variance by the profiles' scatter, the image's
    blur, and the places where another step may be."""

    curve: FloatArray
    u: FloatArray
    middle: float
    mean: float
    noise: float
    blur: float
    places: FloatArray

    def terms(self, factor: float) -> _Terms:
        """Substrate, a step at each of FINE and of `places`, and what fades from there in each way of ANYHOW."""
        blur = factor * self.blur
        edges = np.concatenate([FINE, self.places])
        steps = ndtr((edges[:, None] - self.u) / blur)
        beyond = np.maximum(self.u - edges[:, None], 0.0)
        fading = [
            (1.0 - steps) * np.exp(-((beyond / max(length, MANY * self.blur)) ** power)) for power, length in ANYHOW
        ]
        return _Terms(np.concatenate([np.ones((1, len(self.u))), steps, *fading]), self.curve)

    def designs(self, fading: int) -> tuple[Designs, Designs]:
        """Terms of one step, and of two: the steep one and another, with the first so many that fade from the outer of both."""
        edges, steep = np.concatenate([FINE, self.places]), np.arange(len(FINE))
        tails = 1 + len(edges) * (1 + np.arange(fading))
        one = np.column_stack([0 * steep, 1 + steep, *[tail + steep for tail in tails]])
        steep, other = (k.ravel() for k in np.meshgrid(steep, len(FINE) + np.arange(len(self.places)), indexing="ij"))
        outer = np.where(edges[other] > edges[steep], other, steep)
        return one, np.column_stack([0 * steep, 1 + steep, 1 + other, *[tail + outer for tail in tails]])

    def explained(self, fading: int) -> _Explained:
        """By steps and the first so many ways of fading."""
        one, two = self.designs(fading)
        single, pairs = [], []
        for factor in BLURS:
            of = self.terms(factor)
            single.append(of.rest(one).min())
            pairs.append(of.rest(two).reshape(len(FINE), len(self.places)))
        found = np.array(pairs)
        factor, steep, other = (int(k) for k in np.unravel_index(int(np.argmin(found)), found.shape))
        outer = float(max(self.places[other], FINE[steep]))
        return _Explained(min(single), float(found.min()), found, (factor, steep, other), outer)

    def fades_within_few_blurs(self) -> tuple[float, float]:
        """(what is left, as a sum of squares; place, px outwards from the steepest) of one step beside what fades from it in
        the best way of FEWER."""
        least = []
        for factor in BLURS:
            blur = factor * self.blur
            away = (self.u - FINE[:, None]) / blur
            fading = [_blurred(away, power, length * self.blur / blur) for power, length in FEWER]
            of = _Terms(np.concatenate([np.ones((1, len(self.u))), ndtr(-away), *fading]), self.curve)
            steep = 1 + np.arange(len(FINE))
            tails = [np.column_stack([0 * steep, steep, steep + len(FINE) * (1 + k)]) for k in range(len(FEWER))]
            rest = of.rest(np.concatenate(tails))[:, 0]
            best = int(np.argmin(rest))
            least.append((float(rest[best]), float(FINE[best % len(FINE)])))
        return min(least)


def _blurred(away: FloatArray, power: int, length: float) -> FloatArray:
    """exp(-(x / length)^power) for x > 0, 0 before, smoothed by a Gaussian of standard deviation 1, at x = `away`."""
    if power == 1:
        return np.asarray(np.exp(0.5 / length**2 - away / length + log_ndtr(away - 1.0 / length)))
    own, both = 0.5 * length**2, 1.0 + 0.5 * length**2
    return np.asarray(np.sqrt(own / both) * np.exp(-0.5 * away**2 / both) * ndtr(away * np.sqrt(own / both)))


def _laid_upon_each_other(curves: FloatArray, at: FloatArray, blur: float) -> _Usual:
    """The usual one of profiles (island, points, channels) at places (px)."""
    grey = curves @ np.linalg.svd(curves.reshape(-1, curves.shape[2]), full_matrices=False)[2][0]
    slope = np.abs(np.gradient(ndimage.gaussian_filter1d(grey, 2.0, axis=1), axis=1))
    slope[:, :2] = slope[:, -2:] = 0.0
    top, rows = np.argmax(slope, axis=1), np.arange(len(curves))
    before, middle, after = (slope[rows, top + k] for k in (-1, 0, 1))
    steepest = at[top] - STEP * 0.5 * (before - after) / np.minimum(before - 2.0 * middle + after, -1e-12)
    usual = float(np.median(steepest))
    laid = np.array([
        [np.interp(at[::-1] - usual + own, at[::-1], channel[::-1])[::-1] for channel in curve.T]
        for own, curve in zip(steepest, curves, strict=True)
    ]).transpose(0, 2, 1)  # fmt: skip
    u = at - usual
    kept = (u > u[-1] + 1.0) & (u < u[0] - 1.0)
    u, laid = u[kept], laid[:, kept]
    noise = 0.5 * np.pi * float(np.median(laid.var(axis=0))) / len(curves)
    places = np.arange(u[-1] + 0.5 * STEP, u[0] - max(3.0 * blur, SUBSTRATE), STEP)
    return _Usual(
        np.median(laid, axis=0)[None], u, usual, float(np.mean(steepest)), noise, blur, places[np.abs(places) > blur]
    )


def _before(usual: _Usual, fading: _Explained, noise: float) -> _Before:
    """Two steps and a halo in the usual profile.

    What fades may do so in any way: sums of exponentials and Gaussians. One of these alone, where it is not the right one, has
    its edge where that makes up for it: at the top edge, with the facet in its foot.
    """
    weight = np.exp(-0.5 * (fading.all - fading.least) / (ALIKE * noise)).sum(axis=0)
    outer = np.maximum(usual.places[None], FINE[:, None])
    where = float(np.average(outer, weights=weight))
    sigma = float(np.sqrt(np.average(np.square(outer - where), weights=weight)))
    apart = float(np.average(np.abs(usual.places[None] - FINE[:, None]), weights=weight))
    if fading.single - fading.least < FACET * noise or apart < NARROW * usual.blur:
        return _Before(usual.middle, float(np.hypot(sigma, where)), 0.0)
    return _Before(usual.middle + where, sigma, apart)


def _height_and_reach(usual: _Usual, fading: _Explained) -> tuple[float, float]:
    """(height over the island's, px over which it falls to 1/e) of the halo, as one exponential or Gaussian tells it."""
    factor, steep, other = fading.best
    of, (_, two) = usual.terms(BLURS[factor]), usual.designs(len(ANYHOW))
    design = two[steep * len(usual.places) + other]
    alone = np.stack([[*design[:3], tail] for tail in design[3:]])
    best = int(np.argmin(of.rest(alone)[:, 0]))
    levels = of.levels(alone[best : best + 1])[0, :, 0]
    island = levels[1] + levels[2]
    return float(levels[3] @ island / max(float(island @ island), 1e-12)), ANYHOW[best][1]


def _light(image: FloatArray, rows: FloatArray, blur: float) -> FloatArray:
    """The halo's light on an image: outside the triangles the median of what has the same distance from them."""
    height, width, channels = image.shape
    free = np.ones(height * width, dtype=bool)
    free[pixels_inside(rows, height, width)[1]] = False
    away = ndimage.distance_transform_edt(free.reshape(height, width))
    ring = np.minimum(np.round(away), FARTHEST).astype(np.int64)
    profile = np.zeros((FARTHEST + 1, channels))
    nearest = int(np.ceil(2.0 * blur))
    for d in range(nearest, FARTHEST):
        on = image[ring == d]
        if len(on) > FEW:
            profile[d] = np.median(on, axis=0)
    farther = profile[nearest + 2]
    falls = np.clip(profile[nearest] / np.where(farther == 0.0, np.inf, farther), 1.0, STEEPEST)
    profile[1:nearest] = profile[nearest] * falls ** (0.5 * (nearest - np.arange(1, nearest))[:, None])
    return np.asarray(profile[ring] * (away > 0.0)[..., None])
