"""Detector geometry files of pyFAI (.poni): checked and read in versions 1 to 2.1, written in 2.1 with comments.

Comments say how a geometry was made, how good it is and what the image could not fix; pyFAI ignores them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class PoniGeometry:
    """What a .poni file says: lengths in m, rotations in rad (pyFAI's), class and settings of the detector.

    wavelength_m is None where the file gives none.
    """

    distance_m: float
    poni1_m: float
    poni2_m: float
    rot1: float = 0.0
    rot2: float = 0.0
    rot3: float = 0.0
    wavelength_m: float | None = None
    detector: str = "Detector"
    detector_config: Mapping[str, Any] = field(default_factory=dict)
    comments: tuple[str, ...] = ()


def write_poni(path: Path, geometry: PoniGeometry) -> None:
    """Write `geometry`; its folder is made where it is missing. Raises InputFileError where it cannot be written."""
    lines = ["# Nota: C-Order, 1 refers to the Y axis, 2 to the X axis"]
    lines += [f"# {line}" for comment in geometry.comments for line in comment.splitlines()]
    lines += [
        "poni_version: 2.1",
        f"Detector: {geometry.detector}",
        f"Detector_config: {json.dumps(dict(geometry.detector_config))}",
        f"Distance: {geometry.distance_m!r}",
        f"Poni1: {geometry.poni1_m!r}",
        f"Poni2: {geometry.poni2_m!r}",
        f"Rot1: {geometry.rot1!r}",
        f"Rot2: {geometry.rot2!r}",
        f"Rot3: {geometry.rot3!r}",
    ]
    if geometry.wavelength_m is not None:
        lines.append(f"Wavelength: {geometry.wavelength_m!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise refusal(path, "geometry", error.strerror, "must be writable", "give another output path") from error


def read_poni(path: Path) -> PoniGeometry:
    """Read a geometry and its comments; raises InputFileError as `check_poni`, and where the settings are not JSON."""
    entries = check_poni(path)
    try:
        config = json.loads(entries.get("Detector_config", "{}"))
    except json.JSONDecodeError as error:
        text = entries["Detector_config"]
        raise refusal(path, "Detector_config", text, "must be JSON", "calibrate again, or repair the line") from error
    for old, new in (("PixelSize1", "pixel1"), ("PixelSize2", "pixel2")):
        if old in entries:
            config[new] = _finite(path, entries, old, "pixel size in m")
    wavelength = entries.get("Wavelength", "None")
    lines = path.read_text(encoding="utf-8").splitlines()
    return PoniGeometry(
        distance_m=float(entries["Distance"]),
        poni1_m=float(entries["Poni1"]),
        poni2_m=float(entries["Poni2"]),
        rot1=float(entries["Rot1"]),
        rot2=float(entries["Rot2"]),
        rot3=float(entries["Rot3"]),
        wavelength_m=None if wavelength == "None" else float(wavelength),
        detector=entries.get("Detector", "Detector"),
        detector_config=config,
        comments=tuple(line.lstrip("# ").rstrip() for line in lines if line.startswith("#")),
    )
