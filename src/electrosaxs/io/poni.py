"""Detector geometry files of pyFAI (.poni): every version read, 2.1 written with comments. The rules stand here alone.

Comments say how a geometry was made, how good it is and what the image could not fix; pyFAI ignores them.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ..nouns.detector_geometry import LONGEST_DISTANCE_M, DetectorGeometry
from .atomic import replacing
from .refusal import refusal
from .small_file import text_of

log = logging.getLogger(__name__)

NUMBERS = {
    "Distance": "sample to detector distance in m",
    "Poni1": "point of normal incidence along the slow axis in m",
    "Poni2": "point of normal incidence along the fast axis in m",
    "Rot1": "first rotation in rad",
    "Rot2": "second rotation in rad",
    "Rot3": "third rotation in rad",
}
VERSION = "poni_version"  # the one key that pyFAI does not write with a capital
OTHER_NAMES = {"dist": "distance"}
ABSENT = ("", "None")


def read_poni(path: Path) -> DetectorGeometry:
    """The geometry in a .poni file; of a key that stands twice (pyFAI appends) the last one.

    Keys in any case; `Dist` is another name of `Distance`. Needed are the keys of `NUMBERS` as finite numbers, a distance
    that can be meant in m, and `Detector` or, in version 1, `PixelSize1`. A Wavelength may be absent, the run's beam energy
    then stands for it. Raises InputFileError.
    """
    entries, comments = _lines(path)
    log.info("reads %s: detector geometry", path)
    if "detector" not in entries and "pixelsize1" not in entries:
        raise refusal(
            path,
            "Detector",
            "missing",
            "a pyFAI geometry file names its detector (or PixelSize1 and PixelSize2 in version 1)",
            "point detector.geometry to a .poni file, for instance the one that `electrosaxs calibrate` writes",
        )
    numbers = {key: _finite(path, entries, key, meaning) for key, meaning in NUMBERS.items()}
    distance = numbers["Distance"]
    if not 0.0 < distance <= LONGEST_DISTANCE_M:
        remedy = f"{distance:g} mm is {distance / 1e3:g} m" if distance > 0.0 else "calibrate again"
        rule = f"must be in m, above 0 and at most {LONGEST_DISTANCE_M:g}"
        raise refusal(path, "Distance", entries["distance"], rule, f"give the distance in m ({remedy})")
    wavelength = None
    if entries.get("wavelength", "") not in ABSENT:
        wavelength = _finite(path, entries, "Wavelength", "wavelength in m")
        if wavelength <= 0.0:
            raise refusal(path, "Wavelength", entries["wavelength"], "must be above 0", "give the wavelength in m")
    read = {"wavelength", *(key.lower() for key in NUMBERS)}
    detector = {key: value for key, value in entries.items() if key not in read}
    poni1, poni2, rot1, rot2, rot3 = (numbers[key] for key in ("Poni1", "Poni2", "Rot1", "Rot2", "Rot3"))
    return DetectorGeometry(path, distance, poni1, poni2, rot1, rot2, rot3, wavelength, detector, comments)


def write_poni(geometry: DetectorGeometry) -> None:
    """Write `geometry` to its source; the folder is made where it is missing. InputFileError where it cannot be written."""
    path, g = geometry.source, geometry
    lines = ["# Nota: C-Order, 1 refers to the Y axis, 2 to the X axis"]
    lines += [f"# {line}" for comment in g.comments for line in comment.splitlines()]
    lines += [f"{key if key == VERSION else key.capitalize()}: {value}" for key, value in g.detector.items()]
    numbers = (g.distance_m, g.poni1_m, g.poni2_m, g.rot1, g.rot2, g.rot3)
    lines += [f"{key}: {value!r}" for key, value in zip(NUMBERS, numbers, strict=True)]
    if g.wavelength_m is not None:
        lines.append(f"Wavelength: {g.wavelength_m!r}")
    try:
        with replacing(path) as part:
            part.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise refusal(path, "geometry", error.strerror, "must be writable", "give another output path") from error


def _lines(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Keys in lower case with their last values, and the comments."""
    if not path.exists():
        raise refusal(path, "geometry", path.name, "there is no such file", "correct the path")
    try:
        lines = text_of(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(
            path, "geometry", "unreadable", "a pyFAI geometry file is text", "point detector.geometry to a .poni file"
        ) from error
    comments = tuple(line.lstrip("# ").rstrip() for line in lines if line.startswith("#"))
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.lstrip().startswith("#"))
    stripped = ((key.strip().lower(), value.strip()) for key, value in pairs)
    return {OTHER_NAMES.get(key, key): value for key, value in stripped}, comments


def _finite(path: Path, entries: dict[str, str], key: str, meaning: str) -> float:
    text = entries.get(key.lower(), "missing")
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise refusal(
            path,
            key,
            text,
            f"a pyFAI geometry file holds a number here ({meaning})",
            "calibrate again, or take an undamaged copy",
        )
    return value
