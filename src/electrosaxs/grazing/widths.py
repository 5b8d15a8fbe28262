"""Widths of spots: mosaic of the crystals from the arcs, size of the domains from the widths along q.

In q, a spot's variance along q is s^2 + (G e)^2 and along the arc s^2 + (G m)^2: s of the domains' size, e of spacings that
differ, m of tilts. A pixel's own width, 1/12 of its square, is taken off, and so is what a sample lit over a length L draws
out, (r L / D)^2 / 12 away from the direct beam at r, where L is given: it grows with G as e does. The beam's size is not known
and widens spots, so that the domains are at least as large as what is found.

Faults in the stacking of close-packed layers of an FCC (111) film leave reflections with h + k + l divisible by 3 (h - k of the
hexagonal cell) as they are and draw the others along the normal, by a half width 3 alpha / 2 d for the probability alpha of a
fault per layer of thickness d (Warren 1969).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns.base import FloatArray
from ..nouns.film_maps import MosaicProfile
from ..physics.beam import FWHM_PER_SIGMA
from ..physics.film_frame import Incidence, q_along_normal
from .geometry import DetectorPlane, film_coordinates
from .refine import Matched
from .spots import PreparedImage

SCHERRER = 0.94
LEAST_SPOTS, FEWEST_OTHERS = 6, 4
GAUSSIAN_OF_STREAK = 1.06  # what a Gaussian fitted to a streak makes of its width, over it
STREAK_SHARE = 0.1  # of the width of a streak: its shape is not known better
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
    """Of clear spots of the direct beam, arrays of one length: |q| (1/nm), variances along q, along the arc and along the
    normal (1/nm^2); parallel (1/nm): |q_parallel|; normal: of the reflection, in 2 pi / a."""

    q: FloatArray
    radial: FloatArray
    arc: FloatArray
    upward: FloatArray
    parallel: FloatArray
    normal: FloatArray

    @property
    def on_streaks(self) -> npt.NDArray[np.bool_]:
        """True for reflections of an FCC (111) film that stacking faults draw out: h + k + l not divisible by 3."""
        return np.asarray(np.round(np.sqrt(3.0) * self.normal).astype(int) % 3 != 0)

    def some(self, chosen: npt.NDArray[np.bool_]) -> SpotWidths:
        """Those that are chosen."""
        return SpotWidths(**{name: values[chosen] for name, values in vars(self).items()})


def spot_widths(
    pairs: Matched, plane: DetectorPlane, incidences: Sequence[Incidence], lit_length: float = 0.0
) -> SpotWidths:
    """Variances in q of the clear spots; a pixel's own width and that of the lit length (m) taken off. incidences: by image."""
    rows = []
    row, column = (float(x[0]) for x in plane.pixel(np.array([[1.0, 0.0, 0.0]])))
    drawn_out = lit_length / float(np.linalg.norm(plane.origin + row * plane.by_row + column * plane.by_column))
    for spot, reflected, normal in zip(pairs.spots, pairs.reflected, pairs.normal, strict=True):
        if reflected or spot.signal_to_noise < CLEAR:
            continue
        point, by_pixel = q_slopes(plane, incidences[spot.image], spot.row, spot.column)
        away = drawn_out * np.array([spot.row - row, spot.column - column])
        shape = by_pixel @ (spot.shape - np.eye(2) / 12.0 - np.outer(away, away) / 12.0) @ by_pixel.T
        length = np.hypot(*point)
        outwards = point / length
        across = np.array([-outwards[1], outwards[0]])
        of_spot = length, outwards @ shape @ outwards, across @ shape @ across, shape[1, 1], abs(point[0]), normal
        rows.append(of_spot)
    table = np.array(rows).reshape(-1, 6)
    table = table[np.isfinite(table).all(axis=1)]
    return SpotWidths(*table.T)


def q_slopes(plane: DetectorPlane, incidence: Incidence, row: float, column: float) -> tuple[FloatArray, FloatArray]:
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


def domain_size(widths: SpotWidths, pixel_q: float, taken_off: str) -> Width:
    """Size (nm) of the domains from the radial width that does not grow with q: 0.94 x 2 pi / FWHM. pixel_q: 1/nm;
    taken_off: what is said of the lit length."""
    if widths.q.size < LEAST_SPOTS:
        return Width(None, None, f"fewer than {LEAST_SPOTS} clear spots of the direct beam")
    both, sigma = _straight(np.square(widths.q), widths.radial)
    if both[0] < max(2.0 * sigma[0], (0.3 * pixel_q) ** 2):
        return Width(None, None, "spots are not wider than a pixel, or not wider than differing spacings make them")
    width = float(np.sqrt(both[0]))
    size = SCHERRER * 2.0 * np.pi / (FWHM_PER_SIGMA * width)
    return Width(
        size, size * 0.5 * float(sigma[0]) / float(both[0]),
        f"widths along q of {widths.q.size} spots, the part that does not grow with q (Scherrer, 0.94); {taken_off}; the "
        "beam's size is not taken off: a lower limit",
    )  # fmt: skip


def strain_spread(widths: SpotWidths, taken_off: str) -> Width:
    """Standard deviation e of the spacings over their mean, from the radial width that grows with q."""
    if widths.q.size < LEAST_SPOTS:
        return Width(None, None, f"fewer than {LEAST_SPOTS} clear spots of the direct beam")
    both, sigma = _straight(np.square(widths.q), widths.radial)
    if both[1] <= 2.0 * sigma[1]:
        return Width(None, None, f"widths along q do not grow with q; {taken_off}")
    spread = float(np.sqrt(both[1]))
    return Width(
        spread,
        0.5 * float(sigma[1]) / spread,
        f"widths along q of {widths.q.size} spots, the part that grows with q; {taken_off}",
    )


def fault_probability(widths: SpotWidths, layer_spacing: float) -> Width:
    """alpha of a fault per close-packed layer (spacing in nm) of an FCC (111) film, from the lengths along the normal of
    the spots that faults draw out, against those of the others."""
    drawn = widths.on_streaks
    if min(np.count_nonzero(drawn), np.count_nonzero(~drawn)) < FEWEST_OTHERS:
        return Width(None, None, "fewer than four clear spots on the rods that faults draw out, or on the others")
    both, _ = _straight(np.square(widths.parallel[~drawn]), widths.upward[~drawn])
    plain = np.maximum(both[0] + both[1] * np.square(widths.parallel[drawn]), 1e-12)
    own = FWHM_PER_SIGMA * np.sqrt(plain)
    whole = FWHM_PER_SIGMA * np.sqrt(np.maximum(widths.upward[drawn], plain))
    # of a Gaussian drawn out by a Lorentzian: whole = 0.5346 l + sqrt(0.2166 l^2 + own^2) (Olivero & Longbothum 1977)
    root = np.sqrt(np.square(1.0692 * whole) - 0.2768 * (whole**2 - own**2))
    lorentz = (1.0692 * whole - root) / 0.1384 / GAUSSIAN_OF_STREAK
    mean, scatter = _robust_mean(lorentz * layer_spacing / 3.0)
    sigma = float(np.hypot(scatter, STREAK_SHARE * mean))
    model = np.maximum(both[0] + both[1] * np.square(widths.parallel[~drawn]), 1e-12)
    off = FWHM_PER_SIGMA * (np.sqrt(np.maximum(widths.upward[~drawn], 0.0)) - np.sqrt(model))
    least = float(np.std(off)) / np.sqrt(off.size) * layer_spacing / 3.0
    if mean < 3.0 * max(sigma, least):
        return Width(
            None, None, "spots on the rods with h - k not divisible by 3 are no longer along the normal than others"
        )
    return Width(
        mean, max(sigma, least),
        f"streaks: {np.count_nonzero(drawn)} spots on the rods with h - k (hexagonal) not divisible by 3 are drawn out along "
        f"the normal, {np.count_nonzero(~drawn)} on the others are not; per close-packed layer",
    )  # fmt: skip


def _straight(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Level and slope >= 0 of y over x, robust, with their sigmas."""
    design = np.stack([np.ones(x.size), x], axis=1)
    weight = np.ones(x.size)
    for _ in range(5):
        normal = design.T @ (design * weight[:, None])
        both = np.linalg.solve(normal, design.T @ (weight * y))
        if both[1] < 0.0:
            both = np.array([np.average(y, weights=weight), 0.0])
        off = y - design @ both
        spread = max(1.4826 * float(np.median(np.abs(off))), 1e-12)
        weight = 1.0 / (1.0 + np.square(off / (2.0 * spread)))
    sigma: FloatArray = spread * np.sqrt(np.diag(np.linalg.inv(normal)))
    if both[1] == 0.0:
        sigma[0] = spread / np.sqrt(weight.sum())
    return np.asarray(both), np.asarray(sigma)


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
        point, by_pixel = q_slopes(plane, incidence, spot.row, spot.column)
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
