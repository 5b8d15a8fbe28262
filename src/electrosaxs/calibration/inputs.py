"""What a calibration starts from, checked: wavelength, spacings of the calibrant, detector, mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, ShapeError, bad_value
from ..materials import wavelength_nm
from ..nouns import FloatArray


def wavelength_from_energy(energy_keV: float, *, source: str = "image") -> float:
    """Wavelength in m; raises InputFileError where the energy is not above 0."""
    if not (np.isfinite(energy_keV) and energy_keV > 0.0):
        raise bad_value(
            InputFileError,
            where=source,
            field="energy_keV",
            value=energy_keV,
            rule="must be above 0",
            remedy="give the photon energy in keV",
        )
    return 1e-9 * wavelength_nm(energy_keV)


def calibrant_spacings(name: str, *, source: str = "image") -> FloatArray:
    """d spacings in m, decreasing, from pyFAI's library of calibrants."""
    from pyFAI.calibrant import ALL_CALIBRANTS, get_calibrant

    known = sorted(ALL_CALIBRANTS.keys())
    if name not in known:
        raise bad_value(
            InputFileError,
            where=source,
            field="calibrant",
            value=name,
            rule="must be in pyFAI's library",
            remedy=f"take one of {', '.join(known)}",
        )
    return np.unique(np.asarray(get_calibrant(name).dspacing, dtype=np.float64))[::-1] * 1e-10


def flat_detector(detector: Any, shape: tuple[int, ...], *, source: str = "image") -> Any:
    """The pyFAI detector of that name (or itself), checked to be flat with equal pixels and of the image's shape."""
    from pyFAI.detectors import ALL_DETECTORS, detector_factory

    if isinstance(detector, str):
        if detector.lower() not in ALL_DETECTORS:
            pilatus = sorted(
                {d.__name__ for d in ALL_DETECTORS.values() if "ilatus" in d.__name__ or "iger" in d.__name__}
            )
            raise bad_value(
                InputFileError,
                where=source,
                field="detector",
                value=detector,
                rule="must be in pyFAI's registry",
                remedy=f"for instance one of {', '.join(pilatus)}",
            )
        detector = detector_factory(detector)
    if tuple(detector.shape) != tuple(shape):
        raise bad_value(
            InputFileError,
            where=source,
            field="image shape",
            value=tuple(shape),
            rule=f"detector {detector.name} has {tuple(detector.shape)}",
            remedy="name the detector that took the image",
        )
    if not (detector.uniform_pixel and detector.IS_FLAT and detector.orientation in (0, 3)):
        raise bad_value(
            InputFileError,
            where=source,
            field="detector",
            value=detector.name,
            rule="must be flat, with pixels of one size, in pyFAI's orientation 3 (rows and columns as stored)",
            remedy="calibrate curved, distorted or flipped detectors with pyFAI-calib2",
        )
    return detector


def joined_mask(
    shape: tuple[int, ...], gaps: npt.NDArray[Any] | None, mask: npt.ArrayLike | None
) -> npt.NDArray[np.bool_]:
    """Gaps of the detector and the user's mask together, True = masked; ShapeError where the mask has another shape."""
    joined = np.zeros(shape, dtype=bool) if gaps is None else np.asarray(gaps, dtype=bool).copy()
    if mask is not None:
        given = np.asarray(mask)
        if given.shape != shape:
            raise ShapeError(f"mask has shape {given.shape}: it must have the image's, {shape}")
        joined |= given.astype(bool)
    return joined
