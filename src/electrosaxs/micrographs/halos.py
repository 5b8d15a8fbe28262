"""Halos of charging around islands: bright or dark substrate that fades away from them.

An electron microscope charges islands, and the substrate around them glows or dims. To a search for what stands out a halo
is island, and to a fit of two steps its fading is a wide facet. What tells them apart is how they end: a facet ends at an
edge, as sharp as the image's blur lets it, a halo fades over many blurs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import ndtr

from ..nouns import FloatArray
from .edge_kernels import profiles_across
from .triangle_kernels import EDGE, SQRT3, pixels_inside

STEP = 0.5  # px, of profiles across the sides
LOOKED_AT, SAMPLE, FEW = 100, 24, 5  # islands, of them those whose profiles are fitted, and the fewest
OUT, REACH = 8.0, 0.5  # px, at least, and of the usual edge beside them: how far out profiles go
DEEPEST, INSIDE = 0.24, 3.0  # of the edge, and px at least: how far in
BEYOND = 4.0  # px that an edge may lie outside its outline
FADING = (4.0, 8.0, 16.0)  # px over which a halo falls to 1/e
MANY = 4.0  # blurs, at least, over which a halo fades: what ends within fewer may be a facet
LEAST, CLEAR = 0.06, 30.0  # of an island's height (less leaves edges within 0.3 %); drop of chi squared of an island
MOST = 0.65  # of the islands that must show it, half to twice as high as usual: one microscope makes one halo
FARTHEST = 64  # px from islands to which a halo is followed
STEEPEST = 2.0  # of two pixels' fall that is followed into the blur of the edge
LEAST_BLUR = 0.8  # px
OWN_BLUR = (0.85, 1.17, 1.37)  # of the image's blur


@dataclass(frozen=True, eq=False)
class Halo:
    """reach: px over which it falls to 1/e. height: over the island's, negative on the other side of the substrate. offset: px
    from the outlines that were found, outwards, to the edges before it. light: of the halo alone (rows, columns, channels), in
    units of the image."""

    reach: float
    height: float
    offset: float
    light: FloatArray

    @property
    def words(self) -> str:
        side = "on the other side of the substrate's level" if self.height < 0.0 else "on the islands' side"
        return (
            f"a halo fades over {self.reach:.0f} px around the islands ({abs(self.height):.0%} of their height, {side}), "
            "as charging makes it; taken off"
        )


def find_halo(image: FloatArray, rows: FloatArray, blur: float) -> Halo | None:
    """The halo that most islands of an image (rows, columns, channels) over its substrate share, whose noise is 1; None where
    there is none. rows: the triangles that were found, perhaps around island and halo together."""
    curves, at = _curves(image, rows)
    if len(curves) < FEW:
        return None
    blur = max(blur, LEAST_BLUR)
    tails = [(power, fading) for power in (1, 2) for fading in FADING if fading >= MANY * blur]
    if not tails:
        return None
    fits = _fits(curves, at, blur, tails)
    if not fits:
        return None
    usual = float(np.median([one.height for one in fits])) or 1e-12
    shown = [one.clear and 0.5 < one.height / usual < 2.0 for one in fits]
    if np.mean(shown) < MOST or abs(usual) < LEAST:
        return None
    smaller = rows.copy()
    offset = float(np.median([one.offset for one in fits]))
    smaller[:, EDGE] += 2.0 * SQRT3 * offset
    smaller = smaller[smaller[:, EDGE] > 0.0]
    fading = float(np.median([one.fading for one in fits]))
    return Halo(fading, usual, offset, _light(image, smaller, blur))


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


@dataclass(frozen=True)
class _Fading:
    """Of one island: whether a halo explains its profile clearly better than steps alone, where the step before it lies (px
    from the outline, outwards), over which length it fades (px), its height over the island's."""

    clear: bool
    offset: float
    fading: float
    height: float


def _fits(curves: FloatArray, at: FloatArray, blur: float, tails: list[tuple[int, float]]) -> list[_Fading]:
    """The best of two steps with and without a halo, for each profile (island, points, channels).

    I(u) = b + A Phi((e - u)/s) + B Phi((f - u)/s), f < e, and beside them C exp(-((u - e)/l)^p) for u > e; tails: (p, l).
    Steps alone may have a blur of their own, as the sides of an image do: what a wrong blur leaves of a facet is no halo.
    """
    edges = np.arange(at[-1] + 3.0 * blur, BEYOND + 0.1, max(STEP, (BEYOND - at[-1]) / 40.0))
    if len(edges) < 2:  # islands of few blurs have no two steps that are apart
        return []
    first, second = np.triu_indices(len(edges), 1)
    plain, steps = _two_steps(edges, at, blur, first, second), ndtr((edges[:, None] - at) / blur)
    beyond = np.maximum(at - edges[:, None], 0.0)
    halos = np.stack([(1.0 - steps) * np.exp(-((beyond / fading) ** power)) for power, fading in tails])
    beside = np.concatenate([np.broadcast_to(plain, (len(tails), *plain.shape)), halos[:, second, :, None]], axis=3)
    without, with_halo = _rest(plain, curves).min(axis=0), _rest(beside, curves)
    least = with_halo.reshape(-1, len(curves)).min(axis=0)
    noise = least / max(curves[0].size - 8.0, 1.0)
    if np.mean(without - least > CLEAR * noise) >= MOST:  # only then it is worth while
        others = [_rest(_two_steps(edges, at, factor * blur, first, second), curves).min(axis=0) for factor in OWN_BLUR]
        without = np.minimum(without, np.min(others, axis=0))
    found = []
    for k, curve in enumerate(curves):
        best = np.unravel_index(int(np.argmin(with_halo[..., k])), with_halo.shape[:-1])
        levels = np.linalg.lstsq(beside[best], curve, rcond=None)[0]
        island = levels[1] + levels[2]
        clear = bool(without[k] - least[k] > CLEAR * noise[k])
        height = float(levels[3] @ island / max(float(island @ island), 1e-12))
        found.append(_Fading(clear, float(edges[second[best[1]]]), tails[best[0]][1], height))
    return found


def _two_steps(
    edges: FloatArray, at: FloatArray, blur: float, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
) -> FloatArray:
    """(pair of edges, points, terms): substrate, and a step at each edge of a pair."""
    steps = ndtr((edges[:, None] - at) / blur)
    return np.stack([np.broadcast_to(np.ones_like(at), (len(first), len(at))), steps[second], steps[first]], axis=2)


def _rest(designs: FloatArray, curves: FloatArray) -> FloatArray:
    """Sums of squares that each design (..., points, terms) leaves of each curve (island, points, channels)."""
    basis = np.linalg.qr(designs)[0]
    held = np.square(np.einsum("...pt,kpc->...ktc", basis, curves, optimize=True)).sum(axis=(-2, -1))
    return np.asarray(np.square(curves).sum(axis=(1, 2)) - held)


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
