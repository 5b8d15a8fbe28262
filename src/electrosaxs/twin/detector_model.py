"""The detector of the twin: where it stands, which pixels count, and what each pixel makes of a curve over q.

A pixel counts  C(q) x solid angle x polarisation,  C in photons per steradian; q, solid angle and polarisation are
pyFAI's. Hot pixels (constantly far too many counts) and dead ones (none) belong to no mask: an analysis must find
them. Left out: efficiency of the sensor over angle (0.1 % at 3 degrees), parallax, charge sharing, dead time.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, bad_value
from ..materials import wavelength_nm
from ..nouns import DetectorModel, FloatArray, SourceBeam

if TYPE_CHECKING:
    from pyFAI.detectors import Detector
    from pyFAI.geometry import Geometry

Q_WANTED_PER_NM = 3.5  # the default window of an analysis must lie on the detector
BEAM_STOP_PER_NM = 0.07  # radius in q; chosen below the default window's 0.1
ARM_PIXELS = 9
EDGE_MARGIN = 0.08  # beam centre from the edge, in lengths of the detector, where it cannot stand in the middle
MODULE_MARGIN = 20  # pixels between the beam centre and the next gap
TILT_DEG, TILT_PLANE_DEG = 0.15, 30.0  # detectors are never quite perpendicular
SUBPIXEL = (0.37, 0.62)  # nor centred on a pixel
SATURATION = 1_048_575  # Pilatus: 20 bit
HOT_SHARE, DEAD_SHARE = 5e-6, 8e-6  # of all pixels; about 12 and 20 of a Pilatus 2M
HOT_RATE_PER_S = (3e3, 3e6)
GRID_POINTS = 8192  # 0.0008 1/nm on a Pilatus 2M; the narrowest peak is 0.02 wide


@dataclass(frozen=True, eq=False)
class PixelModel:
    """Pixels in the order (y, x), flattened.

    q_grid (1/nm) is uniform from 0; position: place of the pixel on it, negative where masked by the detector;
    weight: solid angle (sr) x polarisation, 0 behind the beam stop; stop: mask of the beam stop, (y, x).
    hot, dead: indices of pixels; hot_rate: counts per second of the hot ones.
    """

    geometry: Geometry
    shape: tuple[int, int]
    q_grid: FloatArray
    position: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]
    stop: npt.NDArray[np.bool_]
    hot: npt.NDArray[np.int64]
    hot_rate: FloatArray
    dead: npt.NDArray[np.int64]


def pixel_model(
    detector: DetectorModel, beam: SourceBeam, *, seed: int, geometry: Geometry | None = None
) -> PixelModel:
    """The detector of an experiment in its beam, where `geometry` says or where it sees most; `seed` places the bad
    pixels. InputFileError: unknown detector."""
    geometry = geometry or _geometry(detector, beam)
    gaps = gaps_of(geometry.detector)
    q = geometry.qArray(gaps.shape)  # 1/nm
    stop = _beam_stop(geometry, q)
    solid_angle = geometry.pixel1 * geometry.pixel2 / geometry.dist**2 * geometry.solidAngleArray(gaps.shape)
    weight = solid_angle * geometry.polarization(gaps.shape, factor=beam.polarization)
    weight[stop] = 0.0
    q_grid = np.linspace(0.0, float(q.max()) * (1.0 + 1e-6), GRID_POINTS)
    position = np.where(gaps, -1.0, q / q_grid[1]).astype(np.float32)
    hot, hot_rate, dead = _bad_pixels(np.flatnonzero(~(gaps | stop)), gaps.size, seed)
    return PixelModel(
        geometry, gaps.shape, q_grid, position.ravel(), weight.astype(np.float32).ravel(), stop, hot, hot_rate, dead
    )


def _geometry(detector: DetectorModel, beam: SourceBeam) -> Geometry:
    """pyFAI's geometry with the beam centre where 0.1 to 3.5 1/nm is covered best."""
    from pyFAI.detectors import ALL_DETECTORS, detector_factory
    from pyFAI.geometry import Geometry

    name = detector.name.lower()
    if name not in ALL_DETECTORS:  # asked for another one, pyFAI prints them all
        near = difflib.get_close_matches(name, ALL_DETECTORS, n=1)
        raise bad_value(
            InputFileError, where="experiment", field="detector.name", value=f'"{detector.name}"',
            rule="must be a detector that pyFAI knows",
            remedy=f"did you mean {near[0]}?" if near else "write it as pyFAI does, for instance Pilatus2M or Eiger4M",
        )  # fmt: skip
    device = detector_factory(name)
    wavelength_m = 1e-9 * wavelength_nm(beam.energy_keV)
    reach_m = detector.distance_m * np.tan(2.0 * np.arcsin(Q_WANTED_PER_NM * 1e9 * wavelength_m / (4.0 * np.pi)))
    gaps = gaps_of(device)
    y = _centre(np.all(gaps, axis=1), reach_m / device.pixel1) + SUBPIXEL[0]
    x = _centre(np.all(gaps, axis=0), reach_m / device.pixel2) + SUBPIXEL[1]
    geometry = Geometry(dist=detector.distance_m, detector=device, wavelength=wavelength_m)
    geometry.auto_gc = False  # else all of Python's memory is gone through with every number that is set
    geometry.setFit2D(1e3 * detector.distance_m, x, y, tilt=TILT_DEG, tiltPlanRotation=TILT_PLANE_DEG)
    return geometry


def _centre(gap: npt.ArrayLike, reach: float) -> int:
    """Pixel of the beam along one axis: the middle, or near the edge where half the detector is less than the wanted
    reach; moved away from gaps."""
    is_gap = np.asarray(gap)
    length = is_gap.size
    wanted = length / 2 if length / 2 >= reach else EDGE_MARGIN * length
    distance_to_gap = np.min(np.abs(np.arange(length)[:, None] - np.flatnonzero(is_gap)), axis=1, initial=length)
    free = np.flatnonzero(distance_to_gap >= min(MODULE_MARGIN, distance_to_gap.max()))
    return int(free[np.argmin(np.abs(free - wanted))])


def gaps_of(device: Detector) -> npt.NDArray[np.bool_]:
    """Where the detector has no pixels."""
    return np.zeros(device.shape, dtype=bool) if device.mask is None else np.asarray(device.mask, dtype=bool)


def _beam_stop(geometry: Geometry, q: FloatArray) -> npt.NDArray[np.bool_]:
    """A disc around the beam and an arm from it to the lower edge of the image."""
    centre = geometry.getFit2D()
    y, x = np.ogrid[: q.shape[0], : q.shape[1]]
    arm = (np.abs(x - centre["centerX"]) <= 0.5 * ARM_PIXELS) & (y >= centre["centerY"])
    return np.asarray((q < BEAM_STOP_PER_NM) | arm)


def _bad_pixels(
    candidates: npt.NDArray[np.int64], pixels: int, seed: int
) -> tuple[npt.NDArray[np.int64], FloatArray, npt.NDArray[np.int64]]:
    """Hot pixels, their rates (1/s, even in the logarithm), and dead pixels: one detector for one seed."""
    random = np.random.default_rng([seed, 0xDE7EC7])
    hot, dead = max(1, round(HOT_SHARE * pixels)), max(1, round(DEAD_SHARE * pixels))
    chosen = random.choice(candidates, size=hot + dead, replace=False)
    return np.sort(chosen[:hot]), hot_rates(random, hot), np.sort(chosen[hot:])


def hot_rates(random: np.random.Generator, number: int) -> FloatArray:
    """Counts per second of so many hot pixels, even in the logarithm."""
    low, high = HOT_RATE_PER_S
    return np.asarray(low * (high / low) ** random.random(number))
