"""The detector of a simulated film: directions to its pixels in the lab frame, gaps, beam stop, bad pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, bad_value
from ..materials import wavelength_nm
from ..nouns.base import FloatArray
from ..nouns.film_experiment import FilmDetector

if TYPE_CHECKING:
    from pyFAI.geometry import Geometry

STOP_ARM_SHARE = 0.4  # width of the beam stop's arm, which covers the specular rod, over its diameter
HOT_SHARE, DEAD_SHARE = 4e-6, 8e-6  # of all pixels


@dataclass(frozen=True, eq=False)
class FilmPixels:
    """engine: pyFAI's geometry; direction (y, x, 3): unit vectors (beam, up, right); solid_angle (y, x) over that on the
    axis; gaps, stop, hot, dead (y, x): True where there is no pixel, the beam stop, a pixel that counts too much or nothing."""

    engine: Geometry
    direction: FloatArray
    solid_angle: FloatArray
    gaps: npt.NDArray[np.bool_]
    stop: npt.NDArray[np.bool_]
    hot: npt.NDArray[np.bool_]
    dead: npt.NDArray[np.bool_]


def film_pixels(detector: FilmDetector, *, energy_keV: float, seed: int) -> FilmPixels:
    """The detector of a simulated film; the direct beam meets it at beam_row, beam_column. InputFileError: unknown name."""
    engine = _engine(detector, energy_keV)
    shape = engine.detector.shape
    along, first, second = (np.asarray(x, dtype=np.float64).reshape(shape) for x in engine.calc_pos_zyx())
    place = np.stack([along, -first, second], axis=-1)
    turned = -np.radians(detector.rot3_deg)  # the film turns with the detector
    up = np.cos(turned) * place[..., 1] + np.sin(turned) * place[..., 2]
    right = np.cos(turned) * place[..., 2] - np.sin(turned) * place[..., 1]
    place[..., 1], place[..., 2] = up, right
    direction = place / np.linalg.norm(place, axis=-1, keepdims=True)
    mask = engine.detector.mask
    gaps = np.zeros(shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    radius = 0.5e-3 * detector.beam_stop_mm
    stop = np.hypot(place[..., 1], place[..., 2]) < radius
    stop |= (np.abs(place[..., 2]) < STOP_ARM_SHARE * radius) & (place[..., 1] > 0.0)
    random = np.random.default_rng([seed, 0xF11E])
    hot, dead = random.random(shape) < HOT_SHARE, random.random(shape) < DEAD_SHARE
    return FilmPixels(engine, direction, np.asarray(engine.solidAngleArray(shape)), gaps, stop, hot, dead)


def _engine(detector: FilmDetector, energy_keV: float) -> Geometry:
    """pyFAI's geometry whose direct beam meets the wanted pixel, whatever the tilts."""
    from pyFAI.detectors import detector_factory
    from pyFAI.geometry import Geometry

    try:
        device = detector_factory(detector.name)
    except RuntimeError:
        raise bad_value(
            InputFileError, where="experiment", field="detector.name", value=detector.name,
            rule="must be a detector that pyFAI knows", remedy="write it as pyFAI does, for instance Pilatus2M",
        ) from None  # fmt: skip
    rotations = [float(np.radians(r)) for r in (detector.rot1_deg, detector.rot2_deg, detector.rot3_deg)]
    engine = Geometry(
        dist=detector.distance_m, detector=device, wavelength=1e-9 * wavelength_nm(energy_keV),
        rot1=rotations[0], rot2=rotations[1], rot3=rotations[2],
    )  # fmt: skip
    engine.auto_gc = False  # else all of Python's memory is gone through with every number that is set
    beam = engine.rotation_matrix().T @ np.array(
        [0.0, 0.0, 1.0]
    )  # in the frame of the detector: along 1, along 2, normal
    ray = beam * (detector.distance_m / beam[2])
    engine.poni1 = (detector.beam_row + 0.5) * device.pixel1 - ray[0]
    engine.poni2 = (detector.beam_column + 0.5) * device.pixel2 - ray[1]
    return engine
