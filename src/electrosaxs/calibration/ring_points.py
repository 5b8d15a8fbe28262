"""Control points along powder rings: where the crest is in each sector of each ring, and how well that is known.

Each sector is fitted on its own pixels with a Gaussian of the ring's width on a sloping background, by Fisher scoring
with Poisson weights (the variance is the model, never the data, so low counts are not biased). Radii are in pixels on
the plane perpendicular to the beam at the fitted distance, offsets from the predicted ring.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from ..nouns import FloatArray
from .ring_geometry import RingPoints, to_pixel, to_polar
from .ring_search import nearest_ring

WIDTHS_PX = 0.6 * 1.3 ** np.arange(18)
RING_SIGNIFICANCE = 6.0
SECTOR_SIGNIFICANCE = 8.0
SMALLEST_ARC_PX = 20.0
MOST_SECTORS = 360
FEWEST_BINS = 10
WINDOW = 0.15
WIDEST = 0.36
LEAST_OF_RING = 0.5


@dataclass(frozen=True)
class RingPixels:
    """Pixels within reach of one ring: offset from it (px), azimuth (rad), counts."""

    offset: FloatArray
    azimuth: FloatArray
    counts: FloatArray


@dataclass(frozen=True)
class RingProfile:
    """A ring summed over azimuth: offset and Gaussian sigma (px), amplitude over its sigma.

    Background curvature over its level (1/px2).
    """

    offset: float
    width: float
    significance: float
    curvature: float


@dataclass(frozen=True)
class RingSearch:
    """Points found, the Gaussian width (px) of each found ring.

    And rings that lie on the detector but were not found.
    """

    points: RingPoints
    widths: dict[int, float]
    missing: tuple[int, ...]
    sectors_tried: int


def find_control_points(
    counts: FloatArray,
    valid: npt.NDArray[np.bool_],
    geometry: FloatArray,
    tangents: FloatArray,
    pixel: tuple[float, float],
) -> RingSearch:
    """Control points of every ring on the detector.

    For a geometry that is right to about a third of the ring spacing.
    """
    scale = geometry[0] / np.sqrt(pixel[0] * pixel[1])
    radii = tangents * scale
    near_rings = _pixels_by_ring(counts, valid, geometry, tangents, pixel)
    profiles = {ring: ring_profile(pixels, reach) for ring, (pixels, reach) in near_rings.items()}
    sharp = WIDEST * (WINDOW * radii + 8.0)
    seen = {ring: p for ring, p in profiles.items() if p is not None and p.width < sharp[ring]}
    widths = width_law({ring: radii[ring] for ring in seen}, {ring: p.width for ring, p in seen.items()})
    found: list[RingPoints] = []
    kept: dict[int, float] = {}
    tried = 0
    for ring, profile in seen.items():
        smooth = replace(profile, width=widths[ring])
        points, sectors = _sector_points(near_rings[ring][0], smooth, ring, radii[ring], scale, geometry, pixel)
        if len(points) >= max(3, LEAST_OF_RING * sectors):
            tried += sectors
            found.append(points)
            kept[ring] = widths[ring]
    missing = tuple(ring for ring in near_rings if ring not in kept)
    return RingSearch(_joined(found), kept, missing, tried)


def _pixels_by_ring(
    counts: FloatArray,
    valid: npt.NDArray[np.bool_],
    geometry: FloatArray,
    tangents: FloatArray,
    pixel: tuple[float, float],
) -> dict[int, tuple[RingPixels, float]]:
    """Ring number -> pixels within 0.42 of the spacing (0.15 of the radius at most), and that reach.

    Only rings with enough of them.
    """
    row, column = np.nonzero(valid)
    tangent, azimuth = to_polar(geometry, row.astype(np.float64) + 0.5, column.astype(np.float64) + 0.5, pixel)
    scale = geometry[0] / np.sqrt(pixel[0] * pixel[1])
    radii = tangents * scale
    near = nearest_ring(tangent, tangents)
    offset = tangent * scale - radii[near]
    spacing = np.minimum(np.diff(radii, prepend=0.0), np.diff(radii, append=np.inf))
    reach = np.minimum(0.42 * spacing, WINDOW * radii + 8.0)
    inside = np.nonzero(np.abs(offset) < reach[near])[0]
    order = inside[np.argsort(near[inside], kind="stable")]
    edges = np.searchsorted(near[order], np.arange(len(tangents) + 1))
    values = counts[row, column]
    found = {}
    for ring in range(len(tangents)):
        chosen = order[edges[ring] : edges[ring + 1]]
        if len(chosen) >= 200 and np.mean(np.abs(offset[chosen]) < 0.3 * reach[ring]) > 0.1:
            found[ring] = (RingPixels(offset[chosen], azimuth[chosen], values[chosen]), float(reach[ring]))
    return found


def width_law(radii: dict[int, float], widths: dict[int, float]) -> dict[int, float]:
    """Widths w^2 = w0^2 + (k r)^2 (beam size; bandwidth and thickness), fitted robustly to three or more rings.

    A ring that is a doublet (aged silver behenate) otherwise gets the width of one of its halves.
    """
    if len(widths) < 3:
        return widths
    radius, width = (np.array([table[ring] for ring in widths]) for table in (radii, widths))

    def misfit(root: FloatArray) -> FloatArray:
        return np.asarray(np.log(np.hypot(root[0], root[1] * radius) + 1e-3) - np.log(width))

    start = np.array([np.median(width), np.median(width / radius)]) / np.sqrt(2.0)
    law = least_squares(misfit, start, loss="soft_l1", f_scale=0.15, x_scale=start).x
    return {ring: float(np.hypot(law[0], law[1] * radii[ring])) for ring in widths}


def _joined(parts: list[RingPoints]) -> RingPoints:
    if not parts:
        return RingPoints(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0))
    return RingPoints(
        np.concatenate([p.ring for p in parts]),
        np.concatenate([p.y for p in parts]),
        np.concatenate([p.x for p in parts]),
        np.concatenate([p.sigma for p in parts]),
    )


def _histogram(
    pixels: RingPixels, sector: npt.NDArray[np.int64], sectors: int, reach: float, step: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Number of pixels, counts and mean offset per (sector, offset bin)."""
    bins = max(int(np.ceil(2.0 * reach / step)), 8)
    column = np.clip(((pixels.offset + reach) / (2.0 * reach) * bins).astype(np.int64), 0, bins - 1)
    flat = sector * bins + column
    size = sectors * bins
    number = np.bincount(flat, minlength=size).reshape(sectors, bins).astype(np.float64)
    total = np.bincount(flat, weights=pixels.counts, minlength=size).reshape(sectors, bins).astype(np.float64)
    mean = np.bincount(flat, weights=pixels.offset, minlength=size).reshape(sectors, bins) / np.maximum(number, 1.0)
    return number, total, mean


def ring_profile(pixels: RingPixels, reach: float) -> RingProfile | None:
    """Offset, width and significance of the ring in the sum over azimuth; None where there is no ring.

    Grid over (offset, width) with amplitude and quadratic background solved linearly; the background shrinks
    to four widths around the ring in a second pass.
    """
    best = None
    for _ in range(2):
        zeros = np.zeros(len(pixels.offset), dtype=np.int64)
        number, total, mean = (a[0] for a in _histogram(pixels, zeros, 1, reach, max(0.5, reach / 80.0)))
        use = number > 0
        if use.sum() < FEWEST_BINS:
            return None
        best = _grid_fit(number[use], total[use], mean[use], reach)
        if best is None:
            return None
        narrower = max(4.0 * best.width + abs(best.offset), 5.0)
        if narrower > 0.8 * reach:
            break
        keep = np.abs(pixels.offset) < narrower
        pixels, reach = RingPixels(pixels.offset[keep], pixels.azimuth[keep], pixels.counts[keep]), narrower
    return best


def _grid_fit(number: FloatArray, total: FloatArray, offset: FloatArray, reach: float) -> RingProfile | None:
    smooth = np.maximum(np.convolve(total / number, np.ones(5) / 5.0, mode="same"), 0.2 / number.max())
    weight = np.sqrt(number / smooth)
    rate = total / number
    best: tuple[float, float, float] | None = None
    narrow = 0.4 * reach
    for width in (w for w in WIDTHS_PX if w < narrow):
        centres = np.arange(-0.6 * reach, 0.6 * reach, max(0.5 * width, 0.25))
        misfits = _misfits(centres, width, weight, rate, offset)
        i = int(np.argmin(misfits))
        if np.isfinite(misfits[i]) and (best is None or misfits[i] < best[0]):
            best = (float(misfits[i]), float(centres[i]), float(width))
    if best is None:
        return None
    _, centre, width = best
    chi, solution, significance = _ring_on_background(centre, width, weight, rate, offset)
    level = solution[1]
    if (
        -solution[3] * np.square(2.5 * width) > 0.5 * solution[0]
    ):  # a concave "background" is the flank of something broad
        return None
    misfit = np.sqrt(max(chi / max(len(rate) - 6, 1), 1.0))
    if significance < RING_SIGNIFICANCE * misfit:
        return None
    return RingProfile(centre, width, significance, float(solution[3] / level))


def _background(offset: FloatArray) -> FloatArray:
    """Level, slope and curvature of what a ring lies on, (offset, 3)."""
    return np.stack([np.ones_like(offset), offset, np.square(offset)], axis=1)


def _ring_on_background(
    centre: float, width: float, weight: FloatArray, rate: FloatArray, offset: FloatArray
) -> tuple[float, FloatArray, float]:
    """Chi squared, amplitudes (4,) and amplitude of the ring over its sigma; weight: one over the sigma of `rate`."""
    scaled = np.column_stack([_bell(offset - centre, width), _background(offset)]) * weight[:, None]
    normal = scaled.T @ scaled
    solution = np.asarray(np.linalg.solve(normal, scaled.T @ (rate * weight)), dtype=np.float64)
    variance = np.linalg.inv(normal)[0, 0]
    chi = float(np.sum(np.square(weight * rate - scaled @ solution)))
    return chi, solution, float(solution[0] / np.sqrt(variance))


def _misfits(centres: FloatArray, width: float, weight: FloatArray, rate: FloatArray, offset: FloatArray) -> FloatArray:
    """Chi squared (centre,) of `_ring_on_background`; infinite where ring or level are not above 0.

    Orthogonal to the background Q, which is the same for every centre, the ring is b - Q Q.b; chi squared falls by
    (b.r)^2 / b.b of it.
    """
    smooth, upper = np.linalg.qr(_background(offset) * weight[:, None])
    bell = _bell(offset - centres[:, None], width) * weight
    shared, share = bell @ smooth, smooth.T @ (rate * weight)
    whole = np.sum(np.square(bell), axis=1)
    own = whole - np.sum(np.square(shared), axis=1)
    seen = (own > 1e-9 * whole) & (whole > 1e-100)  # nor a ring: what the background can take up whole, or out of sight
    amplitude = np.where(seen, (bell @ (rate * weight) - shared @ share) / np.where(seen, own, 1.0), 0.0)
    level = np.linalg.solve(upper, share[:, None] - (amplitude[:, None] * shared).T)[0]
    rest = rate * weight - smooth @ share
    chi = np.sum(np.square(rest)) - np.square(amplitude) * own
    return np.where((amplitude > 0.0) & (level > 0.0), chi, np.inf)


def _bell(offset: FloatArray, width: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * np.square(offset / width)))


def _sector_points(
    pixels: RingPixels,
    profile: RingProfile,
    ring: int,
    radius: float,
    scale: float,
    geometry: FloatArray,
    pixel: tuple[float, float],
) -> tuple[RingPoints, int]:
    """Points of one ring; sectors are as many as keep each at about 8 sigma, at least 20 px long."""
    reach = min(max(3.5 * profile.width + abs(profile.offset), 4.0), float(np.abs(pixels.offset).max()))
    keep = np.abs(pixels.offset) < reach
    pixels = RingPixels(pixels.offset[keep], pixels.azimuth[keep], pixels.counts[keep])
    arc = len(pixels.offset) / (2.0 * reach)  # length of the visible ring in px
    visible = max(min(arc / SMALLEST_ARC_PX, np.square(profile.significance / SECTOR_SIGNIFICANCE)), 4.0)
    sectors = int(np.clip(visible * 2.0 * np.pi * radius / arc, 8, MOST_SECTORS * 4))
    sector = ((pixels.azimuth + np.pi) / (2.0 * np.pi) * sectors).astype(np.int64) % sectors
    occupied, sector = np.unique(sector, return_inverse=True)
    sectors = len(occupied)
    number, total, mean = _histogram(pixels, sector, sectors, reach, max(0.5, profile.width / 3.0))
    fit = _fit_sectors(number, total, mean, profile)
    tried = (np.sum(number > 0, axis=1) >= 6) & _both_sides(number, mean, np.full(sectors, profile.offset))
    good = tried & fit.accepted(profile.width) & _both_sides(number, mean, fit.offset)
    per = np.bincount(sector, minlength=sectors)
    pole = np.bincount(sector, weights=np.sin(pixels.azimuth), minlength=sectors) / per
    side = np.bincount(sector, weights=np.cos(pixels.azimuth), minlength=sectors) / per
    azimuth = np.arctan2(pole, side)[good]
    y, x = to_pixel(geometry, (radius + fit.offset[good]) / scale, azimuth, pixel)
    return RingPoints(np.full(int(good.sum()), ring), y, x, fit.sigma[good]), int(tried.sum())


def _both_sides(number: FloatArray, offset: FloatArray, centre: FloatArray) -> npt.NDArray[np.bool_]:
    """True where pixels lie on either side of the crest: beside a gap or the edge only one flank is seen."""
    total = number.sum(axis=1)
    outer = np.sum(number * (offset > centre[:, None]), axis=1)
    return np.asarray(np.minimum(outer, total - outer) > 0.25 * total)


@dataclass(frozen=True)
class _SectorFit:
    amplitude_over_sigma: FloatArray
    offset: FloatArray
    sigma: FloatArray
    reduced: FloatArray

    def accepted(self, width: float) -> npt.NDArray[np.bool_]:
        """Significant, inside the window, and described by the model about as well as the other sectors."""
        usual = np.median(self.reduced[np.isfinite(self.reduced)]) if np.any(np.isfinite(self.reduced)) else 1.0
        return (
            (self.amplitude_over_sigma > 4.0)
            & (np.abs(self.offset) < 2.5 * width + 2.0)
            & (self.sigma < width)
            & (self.reduced < 4.0 * max(usual, 1.0))
        )


def _fit_sectors(number: FloatArray, total: FloatArray, offset: FloatArray, profile: RingProfile) -> _SectorFit:
    """Fisher scoring of (amplitude, centre, level, slope) in all sectors at once; arrays (sector, bin)."""
    width, curvature = profile.width, profile.curvature
    bend = 1.0 + curvature * np.square(offset)
    share = total.sum(axis=1) / np.maximum(number.sum(axis=1), 1.0)
    parameters = np.stack([share, np.full(len(share), profile.offset), 0.7 * share, np.zeros(len(share))], axis=1)
    floor = np.maximum(1e-3 * share, 1e-6)[:, None]
    information = np.zeros((len(share), 4, 4))
    model = np.ones_like(offset)
    for _ in range(14):
        amplitude, centre, level, slope = (p[:, None] for p in parameters.T)
        bell = np.exp(-0.5 * np.square((offset - centre) / width))
        model = np.maximum(amplitude * bell + level * bend + slope * offset, floor)
        gradient = np.stack([bell, amplitude * bell * (offset - centre) / width**2, bend, offset], axis=2)
        weight = (number / model)[:, :, None]
        information = np.einsum("sbi,sbj->sij", gradient * weight, gradient)
        information += 1e-9 * np.einsum("sii->si", information)[:, :, None] * np.eye(4) + 1e-12 * np.eye(4)
        score = np.einsum("sbi,sb->si", gradient, np.where(number > 0, total / model - number, 0.0))
        step = np.linalg.solve(information, score[:, :, None])[:, :, 0]
        step[:, 1] = np.clip(step[:, 1], -0.5 * width, 0.5 * width)
        parameters = parameters + step
        parameters[:, 0] = np.maximum(parameters[:, 0], floor[:, 0])
        parameters[:, 1] = np.clip(parameters[:, 1], -4.0 * width - 2.0, 4.0 * width + 2.0)
        parameters[:, 2] = np.maximum(parameters[:, 2], floor[:, 0])
    variance = np.linalg.inv(information)
    freedom = np.maximum(np.sum(number > 0, axis=1) - 4, 1)
    pearson = np.where(number > 0, np.square(total - number * model) / (np.maximum(number, 1.0) * model), 0.0)
    reduced = pearson.sum(axis=1) / freedom
    inflate = np.sqrt(np.maximum(np.median(reduced), 1.0))
    sigma = np.sqrt(np.maximum(variance[:, 1, 1], 1e-12))
    significance = parameters[:, 0] / (np.sqrt(np.maximum(variance[:, 0, 0], 1e-30)) * inflate)
    return _SectorFit(significance, parameters[:, 1], sigma, reduced)
