"""Units as beamlines write them, and what they are in ours."""

from __future__ import annotations

import re

import scipp as sc

NAMES = {
    "micron": "um", "microns": "um", "micrometer": "um", "micrometre": "um", "micrometers": "um", "µm": "um", "μm": "um",
    "millimeter": "mm", "millimetre": "mm", "millimeters": "mm", "meter": "m", "metre": "m", "sec": "s", "secs": "s",
    "second": "s", "seconds": "s", "msec": "ms", "millisecond": "ms", "milliseconds": "ms", "usec": "us", "µs": "us",
    "minutes": "min", "minute": "min", "hours": "h", "volt": "V", "volts": "V", "ampere": "A", "amp": "A", "amps": "A",
    "ct": "counts", "cts": "counts", "count": "counts", "photons": "counts", "percent": "percent", "%": "percent",
    "": "one", "1": "one", "none": "one", "dimensionless": "one", "kev": "keV", "ev": "eV", "å": "angstrom",
    "angstroms": "angstrom",
}  # fmt: skip
IN_NAME = re.compile(r"[\s_]*[(\[{]\s*([^)\]}]+?)\s*[)\]}]\s*$|[\s_](nm|um|mm|cm|us|ms|s|min|h|V|mV|uA|nA|mA|keV|eV)$")
"""sam_z (mm), sam_z[mm], sam_z_mm, exposure time s."""


def factor(unit: str, ours: str) -> float | None:
    """What a number in `unit` is multiplied with to be in `ours`; None where it cannot be meant so."""
    plain = unit.strip()
    name = NAMES.get(plain, NAMES.get(plain.lower(), plain))
    if ours == "counts" and name == "one":
        return 1.0
    try:
        return float(sc.scalar(1.0, unit=name).to(unit=ours, copy=False).value)
    except (sc.UnitError, ValueError):
        return None


def unit_in_name(name: str) -> str | None:
    """The unit that a column states in its own name, None where it states none."""
    match = IN_NAME.search(name)
    return (match[1] or match[2]) if match else None
