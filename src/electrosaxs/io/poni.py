"""A pyFAI geometry file (.poni, versions 1 to 2.1): only whether it is one. Its meaning is the reduction's business."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .refusal import refusal

REQUIRED = {
    "Distance": "sample to detector distance in m",
    "Poni1": "point of normal incidence along the slow axis in m",
    "Poni2": "point of normal incidence along the fast axis in m",
    "Rot1": "first rotation in rad",
    "Rot2": "second rotation in rad",
    "Rot3": "third rotation in rad",
}


def check_poni(path: Path) -> dict[str, str]:
    """Keys and values of a geometry file, the last of each (pyFAI appends); raises InputFileError where it is none.

    Needed are the keys of `REQUIRED` as finite numbers, and `Detector` or, in version 1, `PixelSize1`. A Wavelength
    may be absent, the run's beam energy then stands for it; where present it must be a positive number in m.
    """
    entries = _entries(path)
    if "Detector" not in entries and "PixelSize1" not in entries:
        raise refusal(
            path,
            "Detector",
            "missing",
            "a pyFAI geometry file names its detector (or PixelSize1 and PixelSize2 in version 1)",
            "point detector.geometry to a .poni file, for instance the one that `electrosaxs calibrate` writes",
        )
    for key, meaning in REQUIRED.items():
        _finite(path, entries, key, meaning)
    if entries.get("Wavelength", "None") != "None" and _finite(path, entries, "Wavelength", "wavelength in m") <= 0:
        raise refusal(path, "Wavelength", entries["Wavelength"], "must be above 0", "give the wavelength in m")
    return entries


def _entries(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(
            path, "geometry", "unreadable", "a pyFAI geometry file is text", "point detector.geometry to a .poni file"
        ) from error
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line and not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def _finite(path: Path, entries: dict[str, str], key: str, meaning: str) -> float:
    text = entries.get(key, "missing")
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
