"""Detector geometry from one image of a powder standard, without a click, or a reason why not.

image -> pixels that count -> crests at several binnings (rings) -> centre, distance and ring numbers (ring_search) ->
control points per ring and azimuth (ring_points) -> least squares (ring_fit) -> gate (quality).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError, ConvergenceError, bad_value
from ..nouns import FloatArray
from .inputs import calibrant_spacings, flat_detector, joined_mask, wavelength_from_energy
from .quality import ENERGY_FIXED, NUMBERING, Quality, Refusal, azimuth_covered, refusals
from .ring_fit import EnergyCoupling, GeometryFit, energy_coupling, tilt_coupling, with_or_without_tilts
from .ring_geometry import beam_centre, residuals_px, ring_tangents, to_pixel, to_polar
from .ring_points import RingSearch, find_control_points
from .ring_search import DISTANCE_RANGE_M, FirstGeometry, first_geometries
from .rings import find_ridges, invalid_pixels

REFINEMENTS = 3
FINE_IMAGE_PIXELS = 1_200_000
GUESS_TOLERANCE = 1.25


@dataclass(frozen=True)
class Calibration:
    """A detector geometry in pyFAI's convention (rot3 = 0) with what speaks for it.

    Lengths m, angles rad. covariance: of (distance, poni1, poni2, rot1, rot2), zero rows where fixed. beam_centre_px:
    (y, x), counted from the corner of the image as pyFAI does (the middle of the first pixel is 0.5; array index =
    value - 0.5). Points: ring number (from 1), pixel coordinates, residual outwards (px), azimuth (rad, from the fast
    axis towards the slow one).
    """

    distance_m: float
    poni1_m: float
    poni2_m: float
    rot1: float
    rot2: float
    wavelength_m: float
    covariance: FloatArray
    beam_centre_px: tuple[float, float]
    beam_centre_sigma_px: tuple[float, float]
    detector: str
    detector_config: Mapping[str, Any]
    pixel_m: tuple[float, float]
    calibrant: str
    ring_tangents: Mapping[int, float]
    point_ring: npt.NDArray[np.int64]
    point_y: FloatArray
    point_x: FloatArray
    point_residual_px: FloatArray
    point_azimuth: FloatArray
    quality: Quality
    energy: EnergyCoupling
    verdict: str
    notes: tuple[str, ...]

    @property
    def geometry(self) -> FloatArray:
        return np.array([self.distance_m, self.poni1_m, self.poni2_m, self.rot1, self.rot2])

    @property
    def sigmas(self) -> dict[str, float]:
        """One standard deviation of each parameter; 0 where it was fixed."""
        names = ("distance_m", "poni1_m", "poni2_m", "rot1", "rot2")
        return dict(zip(names, (float(s) for s in np.sqrt(np.maximum(np.diag(self.covariance), 0.0))), strict=True))

    def ring_outline(self, ring: int) -> tuple[FloatArray, FloatArray]:
        """Pixel coordinates (y, x) of ring `ring` (from 1) all around, 721 points, also off the detector."""
        return to_pixel(self.geometry, self.ring_tangents[ring], np.linspace(-np.pi, np.pi, 721), self.pixel_m)


def calibrate(
    image: npt.ArrayLike,
    *,
    detector: Any,
    energy_keV: float,
    calibrant: str = "AgBh",
    distance_guess_m: float | None = None,
    mask: npt.ArrayLike | None = None,
    source: str = "image",
) -> Calibration:
    """Beam centre, distance and tilts from the rings of a calibrant.

    image: counts (y, x); negative, not finite, saturated and hot pixels are left out, as are the detector's gaps.
    detector: name in pyFAI's registry or a pyFAI detector, flat with equal pixels. mask: (y, x), True or 1 = left
    out. distance_guess_m restricts the search to within 25 % of it and allows a single ring. `source` names the image
    in errors. Raises InputFileError (unknown detector or calibrant, energy), ShapeError, CalibrationError (the image
    does not support it).
    """
    counts = np.asarray(image)
    wavelength = wavelength_from_energy(energy_keV, source=source)
    spacings = calibrant_spacings(calibrant, source=source)
    named = flat_detector(detector, counts.shape, source=source)
    pixel = (float(named.pixel1), float(named.pixel2))
    valid = ~invalid_pixels(counts, joined_mask(counts.shape, named.mask, mask))
    counts = np.where(valid, counts, 0).astype(np.float64)
    tangents = ring_tangents(spacings, wavelength)
    if len(tangents) < 2:
        raise _refused(
            source, Refusal("energy_keV", f"{energy_keV:g}", "no ring below 70 degrees", "correct the energy")
        )
    starts = _starting_geometries(counts, valid, tangents, pixel, distance_guess_m)
    if not starts:
        reason = Refusal(
            "rings found", "0", "crests along circles must stand out of the noise", "expose the calibrant longer"
        )
        raise _refused(source, reason)
    refusal: Refusal | None = None
    for start in starts:
        attempt = _refined(counts, valid, start, tangents, pixel)
        if isinstance(attempt, Refusal):
            refusal = refusal or attempt
            continue
        fit, search, said = attempt
        energy = energy_coupling(fit, spacings, wavelength, pixel)
        quality = _quality(fit, search, start, tangents, pixel, energy)
        broken = refusals(quality, distance_given=distance_guess_m is not None)
        if not broken:
            made = _calibration(fit, tangents, pixel, wavelength, quality, energy, said)
            config = {key: value for key, value in named.get_config().items() if value is not None}
            return replace(made, detector=type(named).__name__, detector_config=config, calibrant=calibrant)
        refusal = refusal or broken[0]
    assert refusal is not None
    raise _refused(source, refusal)


def _refused(source: str, refusal: Refusal) -> CalibrationError:
    error = bad_value(
        CalibrationError,
        where=source,
        field=refusal.field,
        value=refusal.value,
        rule=refusal.rule,
        remedy=refusal.remedy,
    )
    assert isinstance(error, CalibrationError)
    return error


def _starting_geometries(
    counts: FloatArray,
    valid: npt.NDArray[np.bool_],
    tangents: FloatArray,
    pixel: tuple[float, float],
    guess_m: float | None,
) -> list[FirstGeometry]:
    cells = (1, 2, 4, 8) if counts.size <= FINE_IMAGE_PIXELS else (2, 4, 8, 16)
    levels = [find_ridges(counts, valid, cell) for cell in cells]
    limits = DISTANCE_RANGE_M if guess_m is None else (guess_m / GUESS_TOLERANCE, guess_m * GUESS_TOLERANCE)
    return first_geometries(levels, tangents, pixel, limits_m=limits)


def _refined(
    counts: FloatArray,
    valid: npt.NDArray[np.bool_],
    start: FirstGeometry,
    tangents: FloatArray,
    pixel: tuple[float, float],
) -> tuple[GeometryFit, RingSearch, str] | Refusal:
    """Control points and fit in turn, from the first geometry; a Refusal where none are found or the fit does not converge."""
    geometry = start.geometry
    for _ in range(REFINEMENTS):
        search = find_control_points(counts, valid, geometry, tangents, pixel)
        if len(search.points) < 6:
            return Refusal(
                "control points",
                f"{len(search.points)}",
                "rings of the calibrant must stand out of the noise",
                "check that the image shows the calibrant; expose longer",
            )
        try:
            fit, said = with_or_without_tilts(search.points, tangents, pixel, geometry)
        except ConvergenceError:
            return Refusal("distance", f"{geometry[0]:.4g} m", "the fit from there must converge", NUMBERING)
        before = residuals_px(geometry, fit.points, tangents, pixel)
        moved = np.abs(before - residuals_px(fit.geometry, fit.points, tangents, pixel))
        if not (0.5 < fit.geometry[0] / geometry[0] < 2.0):
            return Refusal("distance", f"{fit.geometry[0]:.4g} m", "the refinement must not run away", NUMBERING)
        geometry = fit.geometry
        if moved.max() < 0.02:
            break
    return fit, search, said


def _quality(
    fit: GeometryFit,
    search: RingSearch,
    start: FirstGeometry,
    tangents: FloatArray,
    pixel: tuple[float, float],
    energy: EnergyCoupling,
) -> Quality:
    residual = residuals_px(fit.geometry, fit.points, tangents, pixel)
    _, azimuth = to_polar(fit.geometry, fit.points.y, fit.points.x, pixel)
    rings = np.unique(fit.points.ring)
    radii = fit.geometry[0] * tangents / np.sqrt(pixel[0] * pixel[1])
    spacing = np.minimum(np.diff(radii, prepend=0.0), np.diff(radii, append=np.inf))
    centre_sigma = _centre_sigma(fit, pixel)
    return Quality(
        rings=tuple(int(r) + 1 for r in rings),
        missing=tuple(
            sorted(r + 1 for r in {*search.missing, *search.widths} - set(rings.tolist()) if r < rings.max())
        ),
        points=len(fit.points),
        sectors_tried=search.sectors_tried,
        coverage_deg=azimuth_covered(azimuth),
        rms_px=float(np.sqrt(np.mean(np.square(residual)))),
        scatter_px=fit.scatter_px,
        explained=start.explained,
        ring_scatter=fit.ring_scatter,
        width_px=float(np.median([search.widths[int(r)] for r in rings])),
        width_spacings=float(max(search.widths[int(r)] / spacing[r] for r in rings)),
        distance_relative_sigma=float(fit.sigmas[0] / fit.geometry[0]),
        centre_sigma_px=max(centre_sigma),
        energy_ratio=energy.energy_ratio,
        energy_sigma=energy.energy_sigma,
    )


def _centre_sigma(fit: GeometryFit, pixel: tuple[float, float]) -> tuple[float, float]:
    """Sigma (y, x) of the direct beam on the detector, px: linear propagation of the geometry's covariance."""
    steps = np.diag([1e-6 * fit.geometry[0]] * 3 + [1e-6] * 2)
    columns = [
        (np.array(beam_centre(fit.geometry + s, pixel)) - np.array(beam_centre(fit.geometry - s, pixel)))
        / (2.0 * s.max())
        for s in steps
    ]
    jacobian = np.stack(columns, axis=1)
    sigma = np.sqrt(np.maximum(np.diag(jacobian @ fit.covariance @ jacobian.T), 0.0))
    return float(sigma[0]), float(sigma[1])


def _calibration(
    fit: GeometryFit,
    tangents: FloatArray,
    pixel: tuple[float, float],
    wavelength: float,
    quality: Quality,
    energy: EnergyCoupling,
    said: str,
) -> Calibration:
    distance, poni1, poni2, rot1, rot2 = (float(v) for v in fit.geometry)
    _, azimuth = to_polar(fit.geometry, fit.points.y, fit.points.x, pixel)
    shown = sorted({*quality.rings, *quality.missing})
    return Calibration(
        distance_m=distance,
        poni1_m=poni1,
        poni2_m=poni2,
        rot1=rot1,
        rot2=rot2,
        wavelength_m=wavelength,
        covariance=fit.covariance,
        beam_centre_px=beam_centre(fit.geometry, pixel),
        beam_centre_sigma_px=_centre_sigma(fit, pixel),
        detector="",
        detector_config={},
        pixel_m=pixel,
        calibrant="",
        ring_tangents={ring: float(tangents[ring - 1]) for ring in shown},
        point_ring=fit.points.ring + 1,
        point_y=fit.points.y,
        point_x=fit.points.x,
        point_residual_px=residuals_px(fit.geometry, fit.points, tangents, pixel),
        point_azimuth=azimuth,
        quality=quality,
        energy=energy,
        verdict=f"good: rings {list(quality.rings)}, {quality.points} points, residual {quality.rms_px:.2f} px rms",
        notes=_notes(fit, tangents, pixel, energy, quality, said),
    )


def _notes(
    fit: GeometryFit,
    tangents: FloatArray,
    pixel: tuple[float, float],
    energy: EnergyCoupling,
    quality: Quality,
    said: str,
) -> tuple[str, ...]:
    """What one frame does not fix, in words with numbers."""
    slope = energy.distance_slope
    notes = [
        f"distance holds for the energy stated: an energy 1 % higher makes it {slope:.3f} % longer "
        f"({slope * fit.geometry[0] * 10.0:.3f} mm); q of every pixel stays the same to first order",
        f"energy from the rings alone, over the one stated: {energy.energy_ratio:.3f} +/- {energy.energy_sigma:.3f}"
        if energy.energy_sigma < ENERGY_FIXED
        else "the rings do not fix the energy: only the ratio of distance to energy is known",
        said,
    ]
    if not fit.free[3]:
        distance, centre = tilt_coupling(fit, tangents, pixel, np.deg2rad(0.1))
        notes.append(
            "the sigmas hold for no tilt: a detector tilted by 0.1 degree would change the distance by "
            f"{distance * 1e3:.3f} mm and the beam centre by {centre:.3f} px"
        )
    if np.isnan(fit.ring_scatter):
        notes.append(
            "fewer than three rings: a shift of whole rings (sample thickness, aged calibrant) is not in the sigmas"
        )
    else:
        notes.append(f"whole rings are shifted by {fit.ring_scatter:.3%} (one sigma); in the sigmas")
    if quality.missing:
        notes.append(f"rings {list(quality.missing)} lie on the detector but were not found")
    return tuple(notes)
