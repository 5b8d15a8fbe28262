"""Where the detector stands: q and relative solid angle of every pixel, from pyFAI.

pyFAI is imported inside the functions because its import takes two seconds.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError, bad_value
from ..materials import HC_KEV_NM, wavelength_nm
from ..nouns import DetectorGeometry, FloatArray

ENERGY_TOLERANCE = 2e-3  # chosen: a monochromator is known to better than 1e-3, a wrong edge or file is off by more


@dataclass(frozen=True, eq=False)
class Geometry:
    """A calibrated detector. shape: (y, x) in pixels; wavelength in nm; distance in m; detector: its name.

    `engine` is pyFAI's AzimuthalIntegrator: the only place where the geometry itself is computed.
    """

    source: Path
    shape: tuple[int, int]
    wavelength: float
    distance: float
    detector: str
    engine: Any

    def q(self) -> FloatArray:
        """q = 4 pi sin(theta) / wavelength at the centre of each pixel, 1/nm, shape (y, x)."""
        return np.asarray(self.engine.center_array(self.shape, unit="q_nm^-1", scale=False), dtype=np.float64)

    def weight(self, polarization: float | None) -> FloatArray:
        """Solid angle x polarisation of each pixel over that of a pixel on the axis, shape (y, x).

        solid angle: cos(incidence)^3; polarisation: (1 + cos^2 2theta - factor cos 2chi sin^2 2theta) / 2. Both are
        pyFAI's arrays (Kieffer & Karkoulis 2013), multiplied in its single precision; None: no polarisation.
        """
        weight = self.engine.solidAngleArray(self.shape)
        if polarization is not None:
            weight = weight * self.engine.polarization(self.shape, factor=polarization)
        return np.asarray(weight, dtype=np.float64)

    def beside(self, columns: float, rows: float) -> Geometry:
        """The same detector with the beam this many pixels farther along the rows and along the columns."""
        engine = copy.deepcopy(self.engine)
        engine.reset()
        engine.poni2 += columns * engine.pixel2
        engine.poni1 += rows * engine.pixel1
        return replace(self, engine=engine)

    def gaps(self) -> npt.NDArray[np.bool_]:
        """True where the detector has no pixel (gaps between modules), shape (y, x)."""
        mask = self.engine.detector.mask
        return np.zeros(self.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)


def pixel_geometry(
    where: DetectorGeometry, *, energy_keV: float | None = None, frame_shape: tuple[int, int] | None = None
) -> Geometry:
    """The detector that stands `where` a geometry file says.

    The wavelength is the file's, or that of `energy_keV` where the file has none. `frame_shape` is needed only where
    the file names no detector (version 1 with pixel sizes).
    Raises CalibrationError: a detector that pyFAI does not know, no wavelength, energies that differ.
    """
    wavelength = _wavelength_nm(where, energy_keV)
    engine = _engine(where, wavelength)
    shape = engine.detector.shape if engine.detector.shape is not None else frame_shape
    if shape is None:
        raise bad_value(
            CalibrationError,
            where=where.source,
            field="Detector",
            value=where.detector.get("detector", "missing"),
            rule="must say how many pixels the detector has",
            remedy="name the detector in the geometry file (pyFAI-calib2 does), for example 'Detector: Pilatus2M'",
        )
    engine.detector.shape = tuple(shape)
    return Geometry(
        source=where.source,
        shape=(int(shape[0]), int(shape[1])),
        wavelength=wavelength,
        distance=where.distance_m,
        detector=str(engine.detector.name),
        engine=engine,
    )


def _wavelength_nm(where: DetectorGeometry, energy_keV: float | None) -> float:
    """Wavelength in nm: lambda = h c / E where the file has none; refused where file and run differ."""
    if where.wavelength_m is None:
        if energy_keV is not None:
            return wavelength_nm(energy_keV)
        raise bad_value(
            CalibrationError,
            where=where.source,
            field="Wavelength",
            value="missing",
            rule="q needs a wavelength",
            remedy="add a line 'Wavelength: 9.32e-11' (metres), or give the energy of the run",
        )
    wavelength = where.wavelength_m * 1e9
    if energy_keV is not None and abs(HC_KEV_NM / wavelength / energy_keV - 1) > ENERGY_TOLERANCE:
        raise bad_value(
            CalibrationError,
            where=where.source,
            field="Wavelength",
            value=f"{where.wavelength_m:g} m ({HC_KEV_NM / wavelength:.4f} keV)",
            rule=f"must agree with the run's energy {energy_keV:g} keV within {ENERGY_TOLERANCE:.1%}",
            remedy="correct [beam] energy_keV, or give the geometry that was calibrated at this energy",
        )
    return wavelength


def _engine(where: DetectorGeometry, wavelength: float) -> Any:
    """pyFAI's integrator, made from what was read: pyFAI does not open the file itself."""
    from pyFAI.integrator.azimuthal import AzimuthalIntegrator

    numbers = {"distance": where.distance_m, "poni1": where.poni1_m, "poni2": where.poni2_m}
    rotations = {"rot1": where.rot1, "rot2": where.rot2, "rot3": where.rot3}
    try:
        engine = AzimuthalIntegrator()
        engine.auto_gc = False  # else all of Python's memory is gone through with every number that is set
        engine.load({**where.detector, **numbers, **rotations, "wavelength": wavelength * 1e-9})
    except Exception as error:  # pyFAI raises what its parsers happen to raise (json, RuntimeError, KeyError)
        raise bad_value(
            CalibrationError,
            where=where.source,
            field="Detector",
            value=f"{type(error).__name__}: {error}",
            rule="pyFAI cannot read this geometry",
            remedy="check the lines Detector and Detector_config, or calibrate again (electrosaxs calibrate)",
        ) from error
    return engine
