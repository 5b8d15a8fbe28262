"""What an HDF5 file says of the detector that took its frames, by the names of NXdetector and of DECTRIS' masters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from ...errors import InputFileError
from ..hdf5 import open_hdf5, text
from .units import factor

DETECTORS = ("NXdetector",)
BEAM = (
    ("wavelength_nm", "nm", "incident_wavelength", "angstrom"), ("wavelength_nm", "nm", "wavelength", "angstrom"),
    ("energy_keV", "keV", "incident_energy", "eV"), ("energy_keV", "keV", "energy", "keV"),
    ("energy_keV", "keV", "photon_energy", "eV"),
)  # fmt: skip
"""Key, our unit, name of the data set, and its unit where it states none."""
SPECIFIC = ("", "detectorSpecific/", "_dectris/")
YES = {"1", "true", "yes", "enabled", "1.0"}
NO = {"0", "false", "no", "disabled", "0.0"}
CORRECTIONS = {
    "countrate_correction_applied": ("dead time is corrected", "dead time is not corrected"),
    "flatfield_correction_applied": ("flat field is applied", "flat field is not applied"),
    "pixel_mask_applied": ("its pixel mask is applied", "its pixel mask is not applied"),
}


@dataclass(frozen=True)
class DetectorFacts:
    """energy_keV, wavelength_nm: of the beam; saturation: counts from which a pixel is full; corrections: what was done to the
    counts, in words, as `source` says;
    exposure (s); frames: of the series; mask: path of a pixel mask that is not applied yet; all None or empty where the file
    does not say."""

    source: Path
    name: str = ""
    saturation: float | None = None
    corrections: tuple[str, ...] = ()
    exposure: float | None = None
    frames: int | None = None
    mask: str = ""
    energy_keV: float | None = None
    wavelength_nm: float | None = None


def detector_facts(path: Path, data: str = "") -> DetectorFacts:
    """What the file at `path` says of the detector; `data`: the path of its frames, to tell several detectors apart."""
    try:
        with open_hdf5(path) as file:
            groups = list(_detectors(file, data))
            return _facts(path, file, groups) if groups else DetectorFacts(path)
    except (InputFileError, OSError, RuntimeError):
        return DetectorFacts(path)


def _detectors(file: h5py.File, data: str) -> Iterator[h5py.Group]:
    """The group of the data set, then NXdetector groups of the same name or, where there is one only, that."""
    parent = data.rpartition("/")[0]
    found = file.get(parent) if parent else None
    if isinstance(found, h5py.Group):
        yield found
    others = []
    for entry in _groups(file):
        for instrument in _groups(entry):
            if instrument.name.rpartition("/")[2] == "instrument" or _class(instrument) == "NXinstrument":
                others += [g for g in _groups(instrument) if _class(g) in DETECTORS or _last(g).startswith("detector")]
    same = [group for group in others if _last(group) in data.split("/")]
    yield from same or (others if len(others) == 1 else [])


def _groups(group: h5py.Group) -> list[h5py.Group]:
    found = []
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(item := group[name], h5py.Group):
            found.append(item)
    return found


def _class(group: h5py.Group) -> str:
    return text(group.attrs.get("NX_class", ""))


def _last(group: h5py.Group) -> str:
    return str(group.name).rpartition("/")[2]


def _facts(path: Path, file: h5py.File, groups: list[h5py.Group]) -> DetectorFacts:
    values = {name: _text(groups, name) for name in CORRECTIONS}
    said = tuple(
        words[0] if value.lower() in YES else words[1]
        for name, words in CORRECTIONS.items()
        if (value := values[name]).lower() in YES | NO
    )
    full = [_number(groups, name) for name in ("saturation_value", "countrate_correction_count_cutoff")]
    images, triggers = _number(groups, "nimages"), _number(groups, "ntrigger")
    mask = next((item.name for item in _items(groups, "pixel_mask") if item.ndim >= 2), "")
    return DetectorFacts(
        source=path,
        name=_text(groups, "description"),
        saturation=next((value for value in full if value), None),
        corrections=said,
        exposure=_seconds(groups),
        frames=None if images is None else int(images * (triggers or 1.0)),
        **_of_beam(file, groups),
        mask="" if values["pixel_mask_applied"].lower() in YES else mask,
    )


def _items(groups: list[h5py.Group], name: str) -> Iterator[h5py.Dataset]:
    for group in groups:
        for below in SPECIFIC:
            item = group.get(below + name)
            if isinstance(item, h5py.Dataset):
                yield item


def _text(groups: list[h5py.Group], name: str) -> str:
    return next((text(item[()]).strip() for item in _items(groups, name) if item.size == 1), "")


def _number(groups: list[h5py.Group], name: str) -> float | None:
    """A number above 0."""
    for item in _items(groups, name):
        if item.size == 1 and item.dtype.kind in "iuf":
            value = float(np.ravel(item[()])[0])
            if math.isfinite(value) and value > 0:
                return value
    return None


def _of_beam(file: h5py.File, groups: list[h5py.Group]) -> dict[str, float]:
    """Photon energy in keV and wavelength in nm, whichever stands beside the detector."""
    entry = file.get("/" + str(groups[0].name).strip("/").split("/")[0])
    beside = (
        [g for i in _groups(entry) if _last(i) == "instrument" for g in _groups(i)]
        if isinstance(entry, h5py.Group)
        else []
    )
    places = [*(g for g in beside if _class(g) in ("NXbeam", "NXmonochromator")), *groups]
    found: dict[str, float] = {}
    for key, ours, name, default in BEAM:
        for item in _items(places, name):
            if item.size == 1 and item.dtype.kind in "iuf" and key not in found:
                scale = factor(text(item.attrs["units"]) if "units" in item.attrs else default, ours)
                value = float(np.ravel(item[()])[0])
                if scale and value > 0:
                    found[key] = value * scale
    return found


def _seconds(groups: list[h5py.Group]) -> float | None:
    """The exposure of all frames in s, where one number says it."""
    for name in ("count_time", "exposure_time", "NDAttributes/AcquireTime"):
        for item in _items(groups, name):
            if item.dtype.kind in "iuf" and item.size:
                values = np.unique(np.asarray(item[()], dtype=float))
                scale = factor(text(item.attrs["units"]), "s") if "units" in item.attrs else 1.0
                if values.size == 1 and scale is not None and values[0] > 0:
                    return float(values[0]) * scale
    return None
