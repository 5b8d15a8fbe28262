"""A height map: levelled on its substrate, and the islands on it with terrace, edges, volume and roughness.

The substrate is the most frequent height after a plane is taken off; a parabola through its pixels is subtracted, then the
offset that a scanner gives each of its lines, both again until the substrate's pixels stay the same.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.measure._regionprops import RegionProperties

from ..nouns import FloatArray
from ..nouns.heights import HeightIsland, HeightMap, Relief
from ..physics.tetrahedron import SQRT3
from ..units import NM_PER_UM

ROUNDS = 8
TO_SIGMA = 1.482602218505602  # of a normal distribution from its median absolute deviation
SUBSTRATE_SIGMA, ISLAND_SIGMA = 3.0, 6.0
LINE_SHARE = 0.1  # of a line on the substrate, for its own offset
SMALLEST_PX = 40
BLOCK_PX = 16  # of the blocks whose means show what levelling left
BINS = 64
LEVELS = np.linspace(0.2, 0.8, 13)  # of the terrace's height, at which the area of an island is read
WHOLE = 0.88  # area over that of the convex hull, of one whole triangle with cut tips
FLAT_SHARE = 0.08  # of an island's pixels within the terrace, for a terrace


def study_relief(given: HeightMap) -> Relief:
    """The levelled map and its islands, the largest first, those that the frame cuts last."""
    heights, substrate = level(given.heights_um)
    noise = robust_sigma(heights[substrate])
    uneven = _block_scatter(heights, substrate)
    inside = ndimage.binary_opening(heights > ISLAND_SIGMA * max(noise, uneven, 1e-12), iterations=1)
    marks = label(inside, connectivity=1)
    islands = [
        _island(heights, marks == part.label, given.um_per_pixel, uneven, part)
        for part in regionprops(marks)
        if part.area >= SMALLEST_PX
    ]
    islands.sort(key=lambda island: (np.isnan(island.volume_um3), -float(island.inside.sum())))
    flags = []
    if not islands:
        flags.append("no island stands out from the substrate")
    if float(substrate.mean()) < 0.15:
        flags.append(f"substrate is {substrate.mean():.0%} of the map: heights over it are doubtful")
    return Relief(given, heights, noise, tuple(islands), tuple(flags))


def level(raw: FloatArray) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Heights over the substrate, 0 where there are no numbers; and which pixels are the substrate."""
    known = np.isfinite(raw)
    z = np.where(known, raw, float(np.median(raw[known])))
    rows, columns = np.mgrid[-1 : 1 : z.shape[0] * 1j, -1 : 1 : z.shape[1] * 1j]
    terms = np.stack([np.ones_like(z), columns, rows, columns**2, rows**2, columns * rows], axis=-1).reshape(-1, 6)
    flat, substrate, use = z, known, 3
    for turn in range(ROUNDS):
        flat = flat - (terms[:, :use] @ _fit(terms[:, :use], flat.ravel(), substrate.ravel())).reshape(z.shape)
        substrate = known & _near_most_frequent(flat, known)
        use = 6
        if turn >= ROUNDS // 2:
            flat = flat - _line_offsets(flat, substrate)[:, None]
            substrate = known & _near_most_frequent(flat, known)
    flat = flat - float(np.median(flat[substrate]))
    return np.where(known, flat, 0.0), substrate


def _fit(terms: FloatArray, values: FloatArray, used: npt.NDArray[np.bool_]) -> FloatArray:
    return np.asarray(np.linalg.lstsq(terms[used], values[used], rcond=None)[0])


def _near_most_frequent(flat: FloatArray, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels within SUBSTRATE_SIGMA of the most frequent height; sigma from the lower side, where no island is."""
    values = flat[known]
    middle = half_sample_mode(values)
    below = middle - values[values <= middle]
    sigma = TO_SIGMA * float(np.median(below)) if below.size else 0.0
    return np.abs(flat - middle) <= SUBSTRATE_SIGMA * max(sigma, 1e-12)


def half_sample_mode(values: FloatArray) -> float:
    """Mode by halving: the shorter half of the sorted values, again and again (Bickel & Fruhwirth 2006)."""
    ordered = np.sort(values, axis=None)
    while len(ordered) > 3:
        half = (len(ordered) + 1) // 2
        widths = ordered[half - 1 :] - ordered[: len(ordered) - half + 1]
        first = int(np.argmin(widths))
        ordered = ordered[first : first + half]
    return float(ordered.mean())


def robust_sigma(values: FloatArray) -> float:
    """Standard deviation as of a Gaussian, from the median absolute deviation."""
    return float(TO_SIGMA * np.median(np.abs(values - np.median(values))))


def _line_offsets(flat: FloatArray, substrate: npt.NDArray[np.bool_]) -> FloatArray:
    """Median of the substrate on each line, of the neighbouring lines where a line has too little of it."""
    enough = substrate.sum(axis=1) >= LINE_SHARE * flat.shape[1]
    offsets = np.array([np.median(z[on]) if ok else np.nan for z, on, ok in zip(flat, substrate, enough, strict=True)])
    if not enough.any():
        return np.zeros(len(flat))
    return np.interp(np.arange(len(flat)), np.flatnonzero(enough), offsets[enough])


def _block_scatter(heights: FloatArray, substrate: npt.NDArray[np.bool_]) -> float:
    """Scatter of the substrate's mean height over blocks of BLOCK_PX: what levelling left over the size of an island."""
    means = []
    for row in range(0, heights.shape[0] - BLOCK_PX + 1, BLOCK_PX):
        for column in range(0, heights.shape[1] - BLOCK_PX + 1, BLOCK_PX):
            block = np.s_[row : row + BLOCK_PX, column : column + BLOCK_PX]
            if substrate[block].mean() > 0.5:
                means.append(float(heights[block][substrate[block]].mean()))
    if len(means) < 4:
        return float(np.std(heights[substrate]))
    return robust_sigma(np.array(means))


def _island(
    heights: FloatArray, inside: npt.NDArray[np.bool_], um_per_pixel: float, uneven: float, part: RegionProperties
) -> HeightIsland:
    values = heights[inside]
    terrace, spread, flat = _terrace(values)
    left, right = inside[:, 0].any(), inside[:, -1].any()
    border = bool(left or right or inside[0].any() or inside[-1].any())
    y, x = part.centroid
    why = (
        "the frame cuts it"
        if border
        else "not one triangle"
        if part.solidity < WHOLE
        else ""
        if flat
        else "no flat terrace"
    )
    base = top = np.nan
    if not why or why == "no flat terrace":
        base, top = _edges(heights, inside, terrace, um_per_pixel)
    if why == "no flat terrace" and base > max(top, 0.0):
        whole = terrace * base / (base - top)  # where the straight line of the edges comes to 0
        terrace, spread, top = whole, abs(whole - terrace), 0.0
    around = ndimage.binary_dilation(inside, iterations=2)  # the foot of the facets, below the noise
    volume = float(heights[around].sum()) * um_per_pixel**2 if not border else np.nan
    return HeightIsland(
        terrace, float(np.hypot(uneven, spread / np.sqrt(max(flat, 1)))), base, max(top, 0.0) if np.isfinite(top) else top,
        volume, spread * NM_PER_UM if flat else np.nan, float(x), float(y), np.asarray(inside, dtype=float), why,
    )  # fmt: skip


def _terrace(values: FloatArray) -> tuple[float, float, int]:
    """Height of the terrace, its roughness (standard deviation), and in how many independent patches of it; 0 without one: then
    the height is that of the tip."""
    tip = float(np.percentile(values, 99.0))
    upper = values[values > 0.5 * tip]
    middle = half_sample_mode(upper)
    near = upper[np.abs(upper - middle) < 0.1 * tip]
    spread = robust_sigma(near)
    on = upper[np.abs(upper - middle) <= SUBSTRATE_SIGMA * max(spread, 1e-12)]
    slope_share = 2.0 * SUBSTRATE_SIGMA * spread / max(tip, 1e-12)  # that a plain slope would have within the window
    if len(on) < max(FLAT_SHARE, 1.5 * slope_share) * len(values):
        return tip, float(np.std(upper[upper > 0.97 * tip])) if (upper > 0.97 * tip).any() else 0.0, 0
    return float(np.median(on)), spread, max(1, len(on) // BLOCK_PX)


def _edges(
    heights: FloatArray, inside: npt.NDArray[np.bool_], terrace: float, um_per_pixel: float
) -> tuple[float, float]:
    """Base and top edge: L(h) = sqrt(4 A(h) / sqrt(3)) is a straight line on a truncated tetrahedron; its ends at 0 and T."""
    around = ndimage.binary_dilation(inside, iterations=2)
    area = np.array([float((heights[around] > share * terrace).sum()) for share in LEVELS]) * um_per_pixel**2
    edge = np.sqrt(4.0 * area / SQRT3)
    slope, base = np.polyfit(LEVELS, edge, 1)
    return float(base), float(base + slope)
