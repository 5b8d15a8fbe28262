"""Where a powder ring falls on a flat, possibly tilted detector: angles from pixels and pixels from angles.

Conventions of pyFAI (Kieffer et al., J. Synchrotron Rad. 27, 558, 2020) with rot3 = 0, which rings cannot fix: axis 1
is the slow (y) and axis 2 the fast (x) pixel axis, (poni1, poni2) the foot of the perpendicular from the sample onto
the detector. Pixel coordinates count from the corner of the image: the middle of the first pixel is (0.5, 0.5).
Lengths in m, angles in rad. Geometry vector: (distance, poni1, poni2, rot1, rot2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray


def rotation(rot1: float, rot2: float) -> FloatArray:
    """Detector to laboratory, axes (1, 2, along the beam): R2(rot2) R1(rot1), both left-handed as in pyFAI."""
    c1, s1, c2, s2 = np.cos(rot1), np.sin(rot1), np.cos(rot2), np.sin(rot2)
    return np.array([[c2, s1 * s2, -c1 * s2], [0.0, c1, s1], [s2, -s1 * c2, c1 * c2]])


def to_polar(
    geometry: npt.ArrayLike, y: FloatArray, x: FloatArray, pixel: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """tan(2 theta) and azimuth (rad, from axis 2 towards axis 1) of pixel coordinates (y, x).

    tan(2 theta) is the distance from the beam over the distance along it; negative or infinite beyond 90 degrees.
    """
    t1, t2, t3 = _in_the_laboratory(geometry, y, x, pixel)
    with np.errstate(divide="ignore"):
        return np.hypot(t1, t2) / t3, np.arctan2(t1, t2)


def _in_the_laboratory(
    geometry: npt.ArrayLike, y: FloatArray, x: FloatArray, pixel: tuple[float, float]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Position (m) of pixel coordinates (y, x) from the sample, along axes 1 and 2 and along the beam."""
    distance, poni1, poni2, rot1, rot2 = np.asarray(geometry, dtype=np.float64)
    p1, p2 = y * pixel[0] - poni1, x * pixel[1] - poni2
    r = rotation(rot1, rot2)
    t1 = r[0, 0] * p1 + r[0, 1] * p2 + r[0, 2] * distance
    t2 = r[1, 1] * p2 + r[1, 2] * distance
    t3 = r[2, 0] * p1 + r[2, 1] * p2 + r[2, 2] * distance
    return t1, t2, t3


def to_pixel(
    geometry: npt.ArrayLike, tan_two_theta: npt.ArrayLike, azimuth: npt.ArrayLike, pixel: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Pixel coordinates (y, x) at which the ray (tan 2 theta, azimuth) meets the detector plane.

    Inverse of `to_polar`.
    """
    distance, poni1, poni2, rot1, rot2 = np.asarray(geometry, dtype=np.float64)
    tan_two_theta, azimuth = np.broadcast_arrays(tan_two_theta, azimuth)
    ray = np.stack([tan_two_theta * np.sin(azimuth), tan_two_theta * np.cos(azimuth), np.ones(azimuth.shape)])
    along = np.tensordot(rotation(rot1, rot2).T, ray, axes=1)
    scale = distance / along[2]
    return (along[0] * scale + poni1) / pixel[0], (along[1] * scale + poni2) / pixel[1]


def beam_centre(geometry: npt.ArrayLike, pixel: tuple[float, float]) -> tuple[float, float]:
    """Pixel coordinates (y, x) of the direct beam on the detector."""
    y, x = to_pixel(geometry, 0.0, 0.0, pixel)
    return float(y), float(x)


def untilted(distance: float, centre: tuple[float, float], pixel: tuple[float, float]) -> FloatArray:
    """The geometry vector of a detector perpendicular to the beam, which meets it at pixel coordinates `centre` (y.

    X).
    """
    return np.array([distance, centre[0] * pixel[0], centre[1] * pixel[1], 0.0, 0.0])


def ring_tangents(spacings_m: FloatArray, wavelength_m: float) -> FloatArray:
    """tan(2 theta_n) = tan(2 asin(lambda / 2 d_n)), Bragg's law.

    Spacings decrease, rings beyond 70 degrees are left out.
    """
    sine = wavelength_m / (2.0 * np.asarray(spacings_m, dtype=np.float64))
    two_theta = 2.0 * np.arcsin(sine[sine < 1.0])
    return np.asarray(np.tan(two_theta[two_theta < np.deg2rad(70.0)]))


@dataclass(frozen=True)
class RingPoints:
    """Points on rings: ring number (from 0 in the list of spacings), pixel coordinates y and x.

    Sigma across the ring (px).
    """

    ring: npt.NDArray[np.int64]
    y: FloatArray
    x: FloatArray
    sigma: FloatArray

    def __len__(self) -> int:
        return len(self.ring)

    def select(self, keep: npt.NDArray[np.bool_]) -> RingPoints:
        return RingPoints(self.ring[keep], self.y[keep], self.x[keep], self.sigma[keep])


def residuals_px(
    geometry: npt.ArrayLike, points: RingPoints, tangents: FloatArray, pixel: tuple[float, float]
) -> FloatArray:
    """Distance of each point from its ring, outwards, in pixels measured perpendicular to the beam.

    D (tan 2 theta - tan 2 theta_n).
    """
    t1, t2, t3 = _in_the_laboratory(geometry, points.y, points.x, pixel)
    tangent = np.hypot(t1, t2) / t3
    distance = float(np.asarray(geometry)[0])
    return distance * (tangent - tangents[points.ring]) / np.sqrt(pixel[0] * pixel[1])


def residual_slopes(
    geometry: npt.ArrayLike, points: RingPoints, tangents: FloatArray, pixel: tuple[float, float]
) -> FloatArray:
    """Derivatives (point, 5) of `residuals_px` by the entries of the geometry vector.

    r = D (h / t3 - T) / pixel with h = |(t1, t2)| and t = R (p1, p2, D); dh = (t1 dt1 + t2 dt2) / h.
    """
    distance, poni1, poni2, rot1, rot2 = np.asarray(geometry, dtype=np.float64)
    place = np.stack([points.y * pixel[0] - poni1, points.x * pixel[1] - poni2, np.full(len(points), distance)])
    turned = rotation(rot1, rot2)
    c1, s1, c2, s2 = np.cos(rot1), np.sin(rot1), np.cos(rot2), np.sin(rot2)
    by_rot1 = np.array([[0.0, c1 * s2, s1 * s2], [0.0, -s1, c1], [0.0, -c1 * c2, -s1 * c2]])
    by_rot2 = np.array([[-s2, s1 * c2, -c1 * c2], [0.0, 0.0, 0.0], [c2, s1 * s2, -c1 * s2]])
    t1, t2, t3 = turned @ place
    height = np.hypot(t1, t2)
    gradient = np.stack([t1 / (height * t3), t2 / (height * t3), -height / np.square(t3)])
    of_tangent = np.stack(
        [
            turned[:, 2] @ gradient, -turned[:, 0] @ gradient, -turned[:, 1] @ gradient,
            np.sum(gradient * (by_rot1 @ place), axis=0), np.sum(gradient * (by_rot2 @ place), axis=0),
        ],
        axis=1,
    )  # fmt: skip
    slopes = distance * of_tangent
    slopes[:, 0] += height / t3 - tangents[points.ring]
    return slopes / np.sqrt(pixel[0] * pixel[1])
