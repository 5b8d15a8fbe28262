"""What of an image is not substrate: the substrate's light is fitted and taken off, each pixel gets its distance from it.

The substrate is the most frequent level after smoothing (islands may cover most of the image, but the substrate is the
smoother of the two), followed across the image as a polynomial surface per channel, then as a slow mean of what is no
island. Distance: Mahalanobis, in standard deviations of the smoothed substrate, so that colour counts as much as grey and
dark islands as much as bright ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ..nouns import FloatArray
from .contrast_kernels import along_rows, block_means, lengths, quiet_moments, surface_moments
from .filters import gaussian
from .morphology import Mask, grown, shrunk

SMOOTHING_PX = (1.0, 1.5, 2.2, 3.0)
WANTED_CONTRAST = 9.0  # of islands over the smoothed substrate's noise; reached by the least smoothing that does
SEEN = 4.5  # standard deviations of the smoothed substrate above which a pixel is no substrate
MAD = 1.4826  # standard deviation of a Gaussian over its median absolute deviation
BLOCK, FINE = 8, 3  # px: blocks for the slow part of the light, and for the fit of the surface
ORDERS = (0, 1, 2, 2, 3, 3)
SLOW = 48.0  # px, over which the last part of the substrate's light may vary
SHARE, BINS = 0.1, 96  # of the image that is substrate at least; bins of the histogram of levels
IntArray = npt.NDArray[np.int64]
CLEAR = 0.3  # of the best contrast: a level that gives less is not the substrate's
FLAT = 1e-3  # grey levels of 255: an image without any variation


@dataclass(frozen=True, eq=False)
class Contrast:
    """residual (rows, columns, channels): image less substrate, in standard deviations of the raw substrate's noise.
    distance (rows, columns): from the substrate after smoothing, in its standard deviations. typical: of islands, 0 where
    there are none. bright: on which side of the substrate a pixel lies, along the direction in which islands differ most.
    smoothing: px. substrate: what was taken off, image units."""

    residual: FloatArray
    distance: FloatArray
    bright: Mask
    typical: float
    smoothing: float


def contrast(image: FloatArray) -> Contrast:
    """Contrast of an image (rows, columns, channels) in grey levels.

    Where several levels could be the substrate, it is the one on which what lies is convex.
    """
    found = [_over(image, substrate) for substrate in _substrates(image)]
    best = max(one.typical for one in found)
    found = [one for one in found if one.typical >= CLEAR * best]
    return max(found, key=_convexity) if len(found) > 1 else found[0]


def _over(image: FloatArray, substrate: FloatArray) -> Contrast:
    residual = image - substrate
    for smoothing in SMOOTHING_PX:
        blurred = gaussian(residual, smoothing, truncate=3.0)
        distance, typical, level = _distance(blurred)
        if typical == 0.0 or typical >= WANTED_CONTRAST:
            break
    raw = residual - level
    quiet = distance < SEEN
    sigma = np.array([_spread(raw[..., c][quiet]) for c in range(raw.shape[2])])
    raw /= np.maximum(sigma, FLAT)
    return Contrast(raw, distance, _bright(blurred - level, ~quiet), typical, smoothing)


def _bright(smooth: FloatArray, islands: Mask) -> Mask:
    """Sign of the residual along its first principal direction over the islands."""
    if smooth.shape[2] == 1 or not islands.any():
        return np.asarray(smooth[..., 0] > 0.0)
    seen = smooth[islands]
    axis = np.linalg.eigh(seen.T @ seen)[1][:, -1]
    return np.asarray(smooth @ axis > 0.0)


def _convexity(found: Contrast) -> float:
    """Of what was found: growing by two pixels adds more area to convex bodies than shrinking takes from them."""
    islands = ndimage.binary_opening(found.distance > max(SEEN, 0.5 * found.typical), iterations=2)
    more = grown(islands, 3).sum() - islands.sum()
    less = islands.sum() - shrunk(islands, 3).sum()
    return float((more - less) / max(more + less, 1))


def _distance(smooth: FloatArray) -> tuple[FloatArray, float, FloatArray]:
    """Distance from the substrate, the islands' typical one, and what was taken off as the slow part of the light.

    Twice: the slow part is a mean over what the first pass calls substrate.
    """
    rows, columns, channels = smooth.shape
    level = np.zeros(channels)
    distance, typical = np.zeros((rows, columns)), 0.0
    for last in (False, True):
        rest = smooth - level
        width = np.array([max(_half_width(rest[..., c], 0.0), FLAT) for c in range(channels)])
        number, sums, products = quiet_moments(rest, 3.0 * width)
        if number < 64:
            break
        mean = sums / number
        covariance = (products - number * np.outer(mean, mean)) / (number - 1) + FLAT**2 * np.eye(channels)
        whitener = np.linalg.cholesky(np.linalg.inv(covariance))
        distance = lengths(rest, mean, whitener)
        seen = distance[distance > SEEN]
        typical = float(np.median(_thinned(seen))) if seen.size > 2e-4 * distance.size else 0.0
        level = level + mean
        if not last:
            slow = _slow_part(rest, mean, distance > min(SEEN, 0.5 * typical or SEEN))
            slow += level
            level = slow
    return distance, typical, np.asarray(level)


def _slow_part(smooth: FloatArray, usual: FloatArray, islands: Mask) -> FloatArray:
    """Mean of the substrate around each pixel, over SLOW px, from block means, over the usual level of each channel; what is
    near an island does not count."""
    rows, columns, _ = smooth.shape
    kept, weight = block_means(smooth, ~grown(islands, 4), BLOCK)
    wide = SLOW / BLOCK
    mean = gaussian(kept - weight[..., None] * usual, wide) / (gaussian(weight, wide) + 0.05)[..., None]
    first, share = _between(mean.shape[0], rows)
    down = np.ascontiguousarray(
        np.swapaxes(along_rows(np.ascontiguousarray(np.swapaxes(mean, 0, 1)), first, share), 0, 1)
    )
    first, share = _between(mean.shape[1], columns)
    return along_rows(down, first, share)


def _between(blocks: int, size: int) -> tuple[IntArray, FloatArray]:
    """For `size` places along an axis of so many blocks: the block before each, and its share of the way from that block's
    middle to the next one's; level beyond the first and the last."""
    at = np.clip((np.arange(size) + 0.5) / BLOCK - 0.5, 0.0, blocks - 1.0)
    first = np.minimum(at.astype(np.int64), max(blocks - 2, 0))
    return first, at - first


def _blocks(image: FloatArray, block: int) -> FloatArray:
    """Means over blocks of pixels; rows and columns that fill no block are left out."""
    rows, columns, channels = image.shape
    whole = image[: rows // block * block, : columns // block * block]
    return np.asarray(whole.reshape(rows // block, block, columns // block, block, channels).mean(axis=(1, 3)))


def _thinned(values: FloatArray) -> FloatArray:
    """At most 50000 of the values."""
    flat = np.ravel(values)
    return flat[:: max(1, flat.size // 50_000)]


def _half_width(values: FloatArray, middle: float) -> float:
    """Standard deviation of the substrate's peak: from the values nearest its middle, on its narrower side."""
    away = _thinned(values) - middle
    sides = [np.abs(away[sign * away >= 0.0]) for sign in (1, -1)]
    spread = min(np.median(side) for side in sides if side.size > 16) if any(s.size > 16 for s in sides) else 0.0
    near = np.abs(away[np.abs(away) < 3.0 * MAD * spread]) if spread else np.abs(away)
    return float(MAD * np.median(near)) * 1.05 if near.size else 0.0


def _spread(values: FloatArray) -> float:
    few = _thinned(values)
    return float(MAD * np.median(np.abs(few - np.median(few)))) if few.size else 0.0


def _substrates(image: FloatArray) -> list[FloatArray]:
    """The light of the substrate, one surface for each level that may be the substrate's, the most frequent first."""
    rows, columns, channels = image.shape
    small = _blocks(image, FINE if min(rows, columns) >= 8 * FINE else 1)
    centred = small.reshape(-1, channels) - small.reshape(-1, channels).mean(axis=0)
    grey = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
    surfaces = []
    for level in _peaks(grey):
        near = np.abs(grey - level) <= np.sort(np.abs(grey - level))[int(0.05 * grey.size)]
        start = small.reshape(-1, channels)[near].mean(axis=0)
        surfaces.append(_polynomial_surface(small, start, (rows, columns)))
    return surfaces


def _peaks(grey: FloatArray) -> list[float]:
    """Levels of the histogram's peaks that hold enough of the image, the highest first."""
    low, high = np.percentile(grey, [0.2, 99.8])
    if high - low < FLAT:
        return [float(np.median(grey))]
    number, edges = np.histogram(grey, bins=BINS, range=(low, high))
    smooth = ndimage.gaussian_filter1d(number.astype(float), 1.5, mode="constant")
    tops = [k for k in range(BINS) if smooth[k] == smooth[max(0, k - 4) : k + 5].max()]
    tops = [k for k in tops if number[max(0, k - 4) : k + 5].sum() > 0.5 * SHARE * grey.size]
    return [float(0.5 * (edges[k] + edges[k + 1])) for k in sorted(tops, key=lambda k: -smooth[k])[:3]]


def _polynomial_surface(small: FloatArray, start: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Polynomials through the substrate's level `start` of each channel, fitted to block means, on `shape` pixels."""
    axes, full = _axes(*small.shape[:2]), _axes(*shape)
    v, u = (np.stack([np.ravel(power) for power in _powers(axis, 2 * ORDERS[-1])]) for axis in axes)
    surface = np.empty((*shape, small.shape[2]))
    for channel in range(small.shape[2]):
        values = np.ascontiguousarray(small[..., channel])
        fitted = np.full(values.shape, start[channel])
        width = max(3.0 * _half_width(values, start[channel]), 0.1 * float(np.ptp(np.percentile(values, [2, 98]))))
        for order in ORDERS:
            for _ in range(3):
                seen = u[: 2 * order + 1], v[: 2 * order + 1]
                weights, valued = surface_moments(values, fitted, max(width, FLAT), *seen)
                coefficients = _coefficients(weights, valued, order)
                fitted = _polynomial(coefficients, *axes[::-1], order)
            inside = np.abs(values - fitted) < width
            width = max(min(width, 4.0 * _spread((values - fitted)[inside])), 0.3 * width)
        surface[..., channel] = _polynomial(coefficients, *full[::-1], ORDERS[-1])
    return surface


def _axes(rows: int, columns: int) -> tuple[FloatArray, FloatArray]:
    return np.linspace(-1.0, 1.0, rows)[:, None], np.linspace(-1.0, 1.0, columns)[None, :]


def _coefficients(weights: FloatArray, valued: FloatArray, order: int) -> FloatArray:
    """Of the monomials u^i v^j with i + j <= order, by least squares from their moments (j, i)."""
    i, j = _exponents(order)
    normal = weights[j[:, None] + j, i[:, None] + i] + 1e-6 * np.eye(len(i))
    return np.asarray(np.linalg.solve(normal, valued[j, i]))


def _exponents(order: int) -> tuple[IntArray, IntArray]:
    """(i, j) of the monomials, in the order of their coefficients."""
    i, j = np.array([(i, j) for i in range(order + 1) for j in range(order + 1 - i)]).T
    return i, j


def _polynomial(coefficients: FloatArray, u: FloatArray, v: FloatArray, order: int) -> FloatArray:
    """The sum of the coefficients times the monomials, (rows, columns), without an image for each."""
    square = np.zeros((order + 1, order + 1))
    square[_exponents(order)] = coefficients
    return np.asarray(np.hstack(_powers(v, order)) @ (square.T @ np.vstack(_powers(u, order))))


def _powers(axis: FloatArray, order: int) -> list[FloatArray]:
    powers = [np.ones_like(axis)]
    for _ in range(order):
        powers.append(powers[-1] * axis)
    return powers
