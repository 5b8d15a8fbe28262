"""A flat detector in the lab frame of a film, from pixels to directions and back; any tilt.

Lab frame (beam, up, right): the direct beam runs along the first axis, the film's normal leans back from the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError, bad_value
from ..nouns.base import FloatArray
from ..physics.film_frame import Incidence, parallel_and_exit, ray_of_reflection
from ..reduction.geometry import Geometry

FLAT = 1e-6
"""Largest departure of a pixel from the plane of the others, over the distance."""


@dataclass(frozen=True, eq=False)
class DetectorPlane:
    """A flat detector: a pixel's place (m) is origin + row x by_row + column x by_column, in the lab frame.

    The centre of pixel (0, 0) is `origin`. wavenumber: k = 2 pi / wavelength, 1/nm. shape: (rows, columns).
    """

    origin: FloatArray
    by_row: FloatArray
    by_column: FloatArray
    wavenumber: float
    shape: tuple[int, int]

    def direction(self, row: npt.ArrayLike, column: npt.ArrayLike) -> FloatArray:
        """Unit vectors from the sample to places on the detector, (..., 3)."""
        r, c = np.asarray(row, dtype=np.float64)[..., None], np.asarray(column, dtype=np.float64)[..., None]
        place = self.origin + r * self.by_row + c * self.by_column
        return np.asarray(place / np.linalg.norm(place, axis=-1, keepdims=True))

    def pixel(self, direction: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Row and column where rays of these directions (..., 3) meet the detector; NaN where they do not."""
        normal, axes, metric = self._across
        known = np.asarray(np.isfinite(direction).all(axis=-1))
        safe = np.where(known[..., None], direction, normal)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = (self.origin @ normal) / (safe @ normal)
            along = (far[..., None] * safe - self.origin) @ axes
        place, hit = along @ metric, known & (far > 0.0)
        return np.where(hit, place[..., 0], np.nan), np.where(hit, place[..., 1], np.nan)

    @cached_property
    def _across(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Normal (3,), the two steps (3, 2), and the inverse (2, 2) of their products: a study asks for thousands of places."""
        row, column = self.by_row, self.by_column
        metric = np.linalg.inv([[row @ row, row @ column], [row @ column, column @ column]])
        (a, b, c), (d, e, f) = row, column
        normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d])
        return normal, np.stack([row, column], axis=1), np.asarray(metric, dtype=np.float64)


def detector_plane(geometry: Geometry, *, sample_rotation_deg: float = 0.0) -> DetectorPlane:
    """The plane of a calibrated detector with `up` towards smaller rows, or turned from there towards larger columns by
    `sample_rotation_deg` about the beam.

    Raises CalibrationError for a detector that is not flat.
    """
    rows, columns = geometry.shape
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [rows - 1.0, columns - 1.0]])
    along, first, second = (
        np.asarray(x, dtype=np.float64)
        for x in geometry.engine.calc_pos_zyx(d1=corners[:, 0].copy(), d2=corners[:, 1].copy())
    )
    places = np.stack([along, first, second], axis=-1)
    origin, by_row, by_column = places[0], places[1] - places[0], places[2] - places[0]
    expected = origin + (rows - 1) * by_row + (columns - 1) * by_column
    if np.linalg.norm(expected - places[3]) > FLAT * geometry.distance * max(rows, columns):
        raise bad_value(
            CalibrationError, where=geometry.source, field="Detector", value=geometry.detector,
            rule="must be flat with pixels of one size", remedy="correct the images for the detector's distortion first",
        )  # fmt: skip
    frame = _lab_frame(by_row, by_column, float(geometry.engine.rot3), np.radians(sample_rotation_deg))
    k = 2.0 * np.pi / geometry.wavelength
    return DetectorPlane(frame @ origin, frame @ by_row, frame @ by_column, k, geometry.shape)


def _lab_frame(by_row: FloatArray, by_column: FloatArray, rot3: float, turned: float) -> FloatArray:
    """Rows: beam, up and right in pyFAI's laboratory (beam first). `up` is the laboratory's vertical, with the detector's
    own turn about the beam (rot3), towards smaller rows."""
    vertical = np.array([0.0, np.cos(rot3), np.sin(rot3)])
    sideways = np.array([0.0, -np.sin(rot3), np.cos(rot3)])
    up, right = -np.sign(by_row @ vertical) * vertical, np.sign(by_column @ sideways) * sideways
    c, s = np.cos(turned), np.sin(turned)
    return np.stack([np.array([1.0, 0.0, 0.0]), c * up + s * right, c * right - s * up])


def film_coordinates(
    plane: DetectorPlane, incidence: Incidence, row: npt.ArrayLike, column: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """(q_parallel signed by the side, sine of the exit angle) of places on the detector."""
    return parallel_and_exit(plane.direction(row, column), wavenumber=plane.wavenumber, incidence=incidence)


def place_of_reflection(
    plane: DetectorPlane,
    incidence: Incidence,
    q_parallel: npt.ArrayLike,
    q_z: npt.ArrayLike,
    reflected: npt.ArrayLike,
) -> tuple[FloatArray, FloatArray]:
    """Row and column where a film with an in-plane powder scatters (q_parallel, q_z); NaN where the Ewald sphere misses it.

    q_parallel carries the side as its sign. `reflected`: True for the channel "R".
    """
    ray = ray_of_reflection(q_parallel, q_z, reflected, wavenumber=plane.wavenumber, incidence=incidence)
    return plane.pixel(ray)


def horizon(plane: DetectorPlane, incidence: Incidence, points: int = 200) -> FloatArray:
    """(row, column) (n, 2) of the film's horizon on the detector, where rays leave along the surface."""
    turn = np.linspace(-0.5, 0.5, points)
    sin_i, cos_i = np.sin(incidence.angle), np.cos(incidence.angle)
    ray = np.stack([np.cos(turn) * cos_i, np.cos(turn) * sin_i, np.sin(turn)], axis=-1)
    return np.stack(plane.pixel(ray), axis=-1)
