"""Widths of spots: mosaic of the crystals from the arcs, size of the domains from the widths along q.

In q, a spot's variance along q is s^2 + (G e)^2 and along the arc s^2 + (G m)^2: s of the domains' size, e of spacings that
differ, m of tilts. A pixel's own width, 1/12 of its square, is taken off; the beam's size and the length of the lit sample
are not known and widen both, so that the domains are at least as large as what is found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..nouns.base import FloatArray
from ..nouns.film_maps import MosaicProfile
from ..physics.film_frame import Incidence, q_along_normal
from .geometry import DetectorPlane, film_coordinates
from .refine import Matched
from .spots import PreparedImage

SCHERRER = 0.94
FWHM_PER_SIGMA = 2.0 * np.sqrt(2.0 * np.log(2.0))
LEAST_SPOTS = 6
CLEAR = 15.0  # signal over noise of the spots whose widths are used
PROFILE_STEPS, PROFILE_WIDTHS = 41, 4.0


@dataclass(frozen=True)
class Width:
    """A value with its sigma, or None and why."""

    value: float | None
    sigma: float | None
    source: str


@dataclass(frozen=True, eq=False)
class SpotWidths:
    """Of clear spots of the direct beam, arrays of one length: |q| (1/nm), variances along q and along the arc (1/nm^2)."""

    q: FloatArray
    radial: FloatArray
    arc: FloatArray


def spot_widths(pairs: Matched, plane: DetectorPlane, incidence: Incidence) -> SpotWidths:
    """Variances in q of the clear spots; a pixel's own width taken off."""
    rows = []
    for spot, reflected in zip(pairs.spots, pairs.reflected, strict=True):
        if reflected or spot.signal_to_noise < CLEAR:
            continue
        point, by_pixel = _slopes(plane, incidence, spot.row, spot.column)
        shape = by_pixel @ (spot.shape - np.eye(2) / 12.0) @ by_pixel.T
        length = np.hypot(*point)
        outwards = point / length
        across = np.array([-outwards[1], outwards[0]])
        rows.append((length, outwards @ shape @ outwards, across @ shape @ across))
    table = np.array(rows).reshape(-1, 3)
    table = table[np.isfinite(table).all(axis=1)]
    return SpotWidths(*table.T)


def _slopes(plane: DetectorPlane, incidence: Incidence, row: float, column: float) -> tuple[FloatArray, FloatArray]:
    """(q_parallel, q_z) at a place, and their derivatives by (row, column), (2, 2)."""
    steps = np.array([[0.0, 0.0], [0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]])
    parallel, exit_sine = film_coordinates(plane, incidence, row + steps[:, 0], column + steps[:, 1])
    along = q_along_normal(exit_sine, wavenumber=plane.wavenumber, incidence=incidence, reflected=False)
    by_pixel = np.array([[x[1] - x[2], x[3] - x[4]] for x in (parallel, along)])
    return np.array([parallel[0], along[0]]), by_pixel


def mosaic_width(widths: SpotWidths) -> Width:
    """m (deg), standard deviation of the tilts, from arc and radial variances: their difference over G^2."""
    if widths.q.size < LEAST_SPOTS:
        return Width(None, None, f"fewer than {LEAST_SPOTS} clear spots of the direct beam")
    square = (widths.arc - widths.radial) / np.square(widths.q)
    value, sigma = _robust_mean(square)
    if value <= 2.0 * sigma:
        return Width(None, None, "arcs are no longer than spots are wide along q")
    m = np.sqrt(value)
    return Width(
        float(np.degrees(m)), float(np.degrees(0.5 * sigma / m)),
        f"lengths of the arcs of {widths.q.size} spots less their widths along q, over q",
    )  # fmt: skip


def domain_size(widths: SpotWidths, pixel_q: float) -> Width:
    """Size (nm) of the domains from the radial width that does not grow with q: 0.94 x 2 pi / FWHM. pixel_q: 1/nm."""
    if widths.q.size < LEAST_SPOTS:
        return Width(None, None, f"fewer than {LEAST_SPOTS} clear spots of the direct beam")
    design = np.stack([np.ones(widths.q.size), np.square(widths.q)], axis=1)
    weight = np.ones(widths.q.size)
    for _ in range(5):
        normal = design.T @ (design * weight[:, None])
        both = np.linalg.solve(normal, design.T @ (weight * widths.radial))
        if both[1] < 0.0:
            both = np.array([np.average(widths.radial, weights=weight), 0.0])
        off = widths.radial - design @ both
        spread = max(1.4826 * float(np.median(np.abs(off))), 1e-12)
        weight = 1.0 / (1.0 + np.square(off / (2.0 * spread)))
    sigma = spread * float(np.sqrt(np.linalg.inv(normal)[0, 0])) if both[1] > 0.0 else spread / np.sqrt(weight.sum())
    if both[0] < max(2.0 * sigma, (0.3 * pixel_q) ** 2):
        return Width(None, None, "spots are not wider than a pixel, or not wider than differing spacings make them")
    width = float(np.sqrt(both[0]))
    size = SCHERRER * 2.0 * np.pi / (FWHM_PER_SIGMA * width)
    return Width(
        size, size * 0.5 * float(sigma) / float(both[0]),
        f"widths along q of {widths.q.size} spots, the part that does not grow with q (Scherrer, 0.94); the beam's size and "
        "the length of the lit sample are not taken off: a lower limit",
    )  # fmt: skip


def _robust_mean(values: FloatArray) -> tuple[float, float]:
    centre = float(np.median(values))
    for _ in range(5):
        spread = max(1.4826 * float(np.median(np.abs(values - centre))), 1e-12)
        weight = 1.0 / (1.0 + np.square((values - centre) / (2.0 * spread)))
        centre = float(np.average(values, weights=weight))
    return centre, spread / float(np.sqrt(values.size))


def mosaic_profile(
    image: PreparedImage, pairs: Matched, plane: DetectorPlane, incidence: Incidence, width_deg: float
) -> MosaicProfile | None:
    """Mean profile along the arcs of the clear spots of the first image, background taken off; None where there are none."""
    angle = np.linspace(-PROFILE_WIDTHS * width_deg, PROFILE_WIDTHS * width_deg, PROFILE_STEPS)
    profiles = []
    for spot, reflected in zip(pairs.spots, pairs.reflected, strict=True):
        if reflected or spot.image != 0 or spot.signal_to_noise < CLEAR:
            continue
        point, by_pixel = _slopes(plane, incidence, spot.row, spot.column)
        turned = np.radians(angle)[:, None] * np.array([point[1], -point[0]])
        place = np.linalg.solve(by_pixel, turned.T).T + np.array([spot.row, spot.column])
        row, column = np.round(place).astype(int).T
        inside = (row >= 0) & (column >= 0) & (row < image.bad.shape[0]) & (column < image.bad.shape[1])
        value = np.full(angle.size, np.nan)
        usable = inside.copy()
        usable[inside] = ~image.bad[row[inside], column[inside]]
        value[usable] = image.values[row[usable], column[usable]] - spot.background
        height = spot.intensity / (2.0 * np.pi * np.sqrt(np.linalg.det(spot.shape)))
        profiles.append(value / height)
    if not profiles:
        return None
    table = np.array(profiles)
    known = np.isfinite(table).sum(axis=0)
    mean = np.nansum(table, axis=0) / np.maximum(known, 1)
    deviation = np.nansum(np.square(np.where(np.isfinite(table), table - mean, 0.0)), axis=0)
    sigma = np.sqrt(deviation / np.maximum(known - 1, 1) / np.maximum(known, 1))
    return MosaicProfile.from_arrays(mean, sigma=sigma, dims=("angle",), coords={"angle": (("angle",), angle)})
