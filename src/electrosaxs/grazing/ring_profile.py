"""Rings of crystals that have any orientation: mean intensity over |q| in sectors of the angle from the normal, and what
stands out.

Spots, the specular rod and what is near the critical angle are left out. A ring stands out of the line through what is on
both of its sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..nouns.film import Spot
from ..physics.film_frame import Incidence, channel_fields
from ..physics.refraction import sine_outside
from .expected import Setup
from .geometry import DetectorPlane
from .maps import pixel_q
from .spots import PreparedImage

SECTORS = np.radians([0.0, 15.0, 30.0, 45.0, 60.0, 75.0])  # from the normal
CLEAR_OF_YONEDA = 1.5  # critical angles
CLEAR_OF_ROD = 0.1  # 1/nm
STEPS = 700  # of |q|
WIDTHS = (1.5, 2.5, 5.0)  # steps: standard deviations at which rings are sought
GROWS = 1.9  # times the width at which a ring was sought: a wider one is found at the next width
CLEAR = 6.0  # sigma of a ring, all sectors together
MOST_WIDE = 0.06  # standard deviation over q: what is wider is order of a liquid


@dataclass(frozen=True, eq=False)
class Sectors:
    """Mean value over q (step) in sectors: mean, variance of it (sector, step), NaN where there are no pixels; tilt: angle of
    each sector from the normal (rad)."""

    q: FloatArray
    mean: FloatArray
    variance: FloatArray
    tilt: FloatArray


@dataclass(frozen=True, eq=False)
class Ring:
    """One ring: q (1/nm), standard deviation along q, integral over q above what is around it (value x 1/nm) with sigma."""

    q: float
    width: float
    intensity: float
    sigma: float


def sectors_of(
    image: PreparedImage, setup: Setup, plane: DetectorPlane, incidence: Incidence, spots: Sequence[Spot]
) -> Sectors | None:
    """The profiles of an image over the waves' field, without its spots, the specular rod and what is near the critical angle;
    None where nothing is left."""
    clear = replace(image, bad=image.bad | under(spots, image.values.shape))
    pixels = pixel_q(clear, plane, incidence)
    high = plane.wavenumber * (incidence.sine_inside + CLEAR_OF_YONEDA * incidence.film.critical_angle)
    use = (pixels.along > high) & (np.abs(pixels.parallel) > CLEAR_OF_ROD)
    if np.count_nonzero(use) < STEPS:
        return None
    exit_sine = sine_outside(pixels.along[use] / plane.wavenumber - incidence.sine_inside, incidence.film)
    field, _ = channel_fields(exit_sine, incidence, setup.substrate, thickness_k=setup.thickness_k)
    value, variance = pixels.value[use] / field, pixels.variance[use] / np.square(field)
    return sectors(pixels.parallel[use], pixels.along[use], value, variance)


def under(spots: Sequence[Spot], shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """True on pixels within four widths of spots."""
    covered = np.zeros(shape, dtype=bool)
    for spot in spots:
        half = int(np.ceil(4.0 * np.sqrt(np.linalg.eigvalsh(spot.shape)[-1])))
        row, column = max(round(spot.row), 0), max(round(spot.column), 0)
        window = slice(max(row - half, 0), row + half + 1), slice(max(column - half, 0), column + half + 1)
        y, x = np.mgrid[: covered[window].shape[0], : covered[window].shape[1]]
        off = np.stack([y + window[0].start - spot.row, x + window[1].start - spot.column], axis=-1)
        covered[window] |= np.einsum("yxi,ij,yxj->yx", off, np.linalg.inv(spot.shape), off) < 16.0
    return covered


def sectors(parallel: FloatArray, along: FloatArray, value: FloatArray, variance: FloatArray) -> Sectors:
    """Mean values of pixels (arrays of one length) over |q| and the angle from the normal."""
    q, tilt = np.hypot(parallel, along), np.arctan2(np.abs(parallel), along)
    edges = np.linspace(0.0, float(q.max()) * 1.0001, STEPS + 1)
    step = np.digitize(q, edges) - 1
    sector = np.digitize(tilt, SECTORS) - 1
    use = (sector >= 0) & (sector < SECTORS.size - 1)
    cell = sector[use] * STEPS + step[use]
    shape = SECTORS.size - 1, STEPS
    size = shape[0] * STEPS
    count, total, spread = (
        np.bincount(cell, weights=w, minlength=size).reshape(shape) for w in (None, value[use], variance[use])
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, error = total / count, spread / np.square(count)
    few = count < 8
    return Sectors(
        0.5 * (edges[1:] + edges[:-1]), np.where(few, np.nan, mean), np.where(few, np.nan, error),
        0.5 * (SECTORS[1:] + SECTORS[:-1]),
    )  # fmt: skip


def find_rings(data: Sectors) -> list[Ring]:
    """Rings of the mean over sectors, narrow ones first."""
    mean, variance = joined_sectors(data)
    step = float(data.q[1] - data.q[0])
    found: list[tuple[float, Ring]] = []
    for width in WIDTHS:
        here: list[tuple[float, Ring]] = []
        height, sigma = _contrast(mean, variance, width)
        with np.errstate(invalid="ignore"):
            z = np.nan_to_num(height / sigma)
        for i in range(2, z.size - 2):
            if z[i] > CLEAR and z[i] == z[max(0, i - 4) : i + 5].max():
                ring = _measured(data.q, mean, variance, i, width * step)
                if ring is not None and ring.intensity > CLEAR * ring.sigma and ring.width < MOST_WIDE * ring.q:
                    here.append((ring.intensity / ring.sigma, ring))
        found += sorted(here, key=lambda item: -item[0])
    kept: list[Ring] = []
    for _, ring in found:  # narrow scales first: rings that lie close are not one wide ring
        if all(abs(ring.q - k.q) > 2.0 * max(ring.width, k.width) for k in kept):
            kept.append(ring)
    return kept


def joined_sectors(data: Sectors) -> tuple[FloatArray, FloatArray]:
    """Mean over sectors, each weighted by how well it is known, and its variance."""
    weight = np.where(np.isfinite(data.mean) & (data.variance > 0.0), 1.0 / np.maximum(data.variance, 1e-12), 0.0)
    total = weight.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (weight * np.nan_to_num(data.mean)).sum(axis=0) / total, 1.0 / total


def _contrast(mean: FloatArray, variance: FloatArray, width: float) -> tuple[FloatArray, FloatArray]:
    """Mean within a width less the mean of what is three widths off on both sides, and its sigma."""
    reach, away = max(1, round(width)), round(3.0 * width)
    kernel = np.ones(2 * reach + 1) / (2 * reach + 1)
    smooth, error = np.convolve(mean, kernel, "same"), np.convolve(variance, kernel**2, "same")
    sides = 0.5 * (np.roll(smooth, away) + np.roll(smooth, -away))
    around = 0.25 * (np.roll(error, away) + np.roll(error, -away))
    lowest = np.maximum(np.roll(smooth, away), np.roll(smooth, -away))
    height = np.where(smooth > lowest, smooth - sides, 0.0)
    height[: away + reach] = height[-away - reach :] = 0.0
    return height, np.sqrt(error + around)


def _measured(q: FloatArray, mean: FloatArray, variance: FloatArray, at: int, width: float) -> Ring | None:
    """Place, width and integral of a ring by moments above the line through its surroundings; None where there is none, or
    where it is far wider than asked."""
    centre, widest = float(q[at]), GROWS * width
    for _ in range(6):
        near = (np.abs(q - centre) < 3.0 * width) & np.isfinite(mean)
        around = (np.abs(q - centre) > 3.0 * width) & (np.abs(q - centre) < 5.0 * width) & np.isfinite(mean)
        if near.sum() < 4 or around.sum() < 4:
            return None
        slope, level = np.polyfit(q[around] - centre, mean[around], 1)
        excess = mean[near] - level - slope * (q[near] - centre)
        shape = np.exp(-0.5 * np.square((q[near] - centre) / width))
        weighted = float((excess * shape).sum())
        if weighted <= 0.0:
            return None
        x = q[near] - centre
        centre += 2.0 * float((excess * shape * x).sum()) / weighted
        squared = float((excess * shape * np.square(q[near] - centre)).sum()) / weighted
        width = float(np.clip(np.sqrt(max(2.0 * squared, 1e-12)), 0.7 * width, 1.4 * width))
        if abs(centre - q[at]) > 3.0 * width or width > widest:
            return None
    step = float(q[1] - q[0])
    height = weighted / float(np.square(shape).sum())
    sigma = np.sqrt(float((np.square(shape) * variance[near]).sum())) / float(np.square(shape).sum())
    root = np.sqrt(2.0 * np.pi) * width
    return Ring(centre, max(width, 0.3 * step), height * root, float(sigma) * root)
