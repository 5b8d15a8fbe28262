"""Where the detector stands: q and relative solid angle of every pixel, from a pyFAI geometry file.

pyFAI is imported inside the functions because its import takes two seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError, InputFileError, bad_value
from ..nouns import FloatArray

HC_KEV_NM = 1.2398419843320026  # h c / e, exact in the SI of 2019 (CODATA 2018), keV nm
ENERGY_TOLERANCE = 2e-3  # chosen: a monochromator is known to better than 1e-3, a wrong edge or file is off by more
NUMBERS = ("poni1", "poni2", "rot1", "rot2", "rot3")


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

    def gaps(self) -> npt.NDArray[np.bool_]:
        """True where the detector has no pixel (gaps between modules), shape (y, x)."""
        mask = self.engine.detector.mask
        return np.zeros(self.shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)


def read_geometry(
    path: str | Path, *, energy_keV: float | None = None, frame_shape: tuple[int, int] | None = None
) -> Geometry:
    """The geometry in a pyFAI file of any version up to the installed pyFAI's.

    The wavelength is the file's, or that of `energy_keV` where the file has none. `frame_shape` is needed only where
    the file names no detector (version 1 with pixel sizes).
    Raises InputFileError (not a readable file), CalibrationError (keys missing or wrong, energies that differ).
    """
    path = Path(path)
    entries = _entries(path)
    _check_entries(path, entries)
    wavelength = _wavelength_nm(path, entries, energy_keV)
    engine = _load(path, wavelength)
    shape = engine.detector.shape if engine.detector.shape is not None else frame_shape
    if shape is None:
        raise bad_value(
            CalibrationError,
            where=path,
            field="detector",
            value=entries.get("detector", "absent"),
            rule="must say how many pixels the detector has",
            remedy="name the detector in the geometry file (pyFAI-calib2 does), for example 'Detector: Pilatus2M'",
        )
    engine.detector.shape = tuple(shape)
    return Geometry(
        source=path,
        shape=(int(shape[0]), int(shape[1])),
        wavelength=wavelength,
        distance=float(engine.dist),
        detector=str(engine.detector.name),
        engine=engine,
    )


def _entries(path: Path) -> dict[str, str]:
    """The `key: value` lines, keys in lower case, the last one of a key; `dist` is another name of `distance`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise bad_value(
            InputFileError,
            where=path,
            field="geometry",
            value=type(error).__name__,
            rule="must be a readable pyFAI geometry file",
            remedy="give the .poni file that the calibration wrote",
        ) from error
    lines = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.lstrip().startswith("#"))
    entries = {key.strip().lower(): value.strip() for key, value in lines}
    if "distance" not in entries and "dist" in entries:
        entries["distance"] = entries.pop("dist")
    return entries


def _check_entries(path: Path, entries: dict[str, str]) -> None:
    for key in ("distance", *NUMBERS):
        number = _number(entries.get(key))
        if number is None or (key == "distance" and number <= 0):
            raise bad_value(
                CalibrationError,
                where=path,
                field=key,
                value=entries.get(key, "absent"),
                rule="must be a finite number" + (" above 0" if key == "distance" else ""),
                remedy="give the .poni file that the calibration wrote, or calibrate again (electrosaxs calibrate)",
            )
    if "detector" not in entries and "pixelsize1" not in entries:
        raise bad_value(
            CalibrationError,
            where=path,
            field="detector",
            value="absent",
            rule="must name the detector or its pixel sizes",
            remedy="add a line such as 'Detector: Pilatus2M'",
        )


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _wavelength_nm(path: Path, entries: dict[str, str], energy_keV: float | None) -> float:
    """Wavelength in nm: lambda = h c / E where the file has none; refused where file and run differ."""
    given = entries.get("wavelength")
    in_file = None if given in (None, "None", "") else _number(given)
    if given not in (None, "None", "") and (in_file is None or in_file <= 0):
        raise bad_value(
            CalibrationError,
            where=path,
            field="wavelength",
            value=given,
            rule="must be a length in metres above 0",
            remedy="correct the line, or leave it out and give the energy in run.toml",
        )
    if in_file is None and energy_keV is None:
        raise bad_value(
            CalibrationError,
            where=path,
            field="wavelength",
            value="absent",
            rule="q needs a wavelength",
            remedy="add a line 'Wavelength: 9.32e-11' (metres), or give the energy of the run",
        )
    if in_file is None:
        return HC_KEV_NM / float(energy_keV or math.nan)
    wavelength = in_file * 1e9
    if energy_keV is not None and abs(HC_KEV_NM / wavelength / energy_keV - 1) > ENERGY_TOLERANCE:
        raise bad_value(
            CalibrationError,
            where=path,
            field="wavelength",
            value=f"{in_file:g} m ({HC_KEV_NM / wavelength:.4f} keV)",
            rule=f"must agree with the run's energy {energy_keV:g} keV within {ENERGY_TOLERANCE:.1%}",
            remedy="correct [beam] energy_keV, or give the geometry that was calibrated at this energy",
        )
    return wavelength


def _load(path: Path, wavelength: float) -> Any:
    import pyFAI

    try:
        engine = pyFAI.load(str(path), type_="pyFAI.integrator.azimuthal.AzimuthalIntegrator")
    except Exception as error:  # pyFAI raises what its parsers happen to raise (json, RuntimeError, KeyError)
        raise bad_value(
            CalibrationError,
            where=path,
            field="detector",
            value=f"{type(error).__name__}: {error}",
            rule="pyFAI cannot read this geometry",
            remedy="check the lines Detector and Detector_config, or calibrate again (electrosaxs calibrate)",
        ) from error
    engine.wavelength = wavelength * 1e-9
    return engine
