"""Nucleation density against flux: a CSV table with columns slice_flux_m_per_s or supply_flux_m_per_s, and density_per_mm2."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ..nouns import FloatArray
from .refusal import refusal
from .small_file import text_of

DENSITY = "density_per_mm2"
FLUXES = {"slice_flux_m_per_s": "slice-flux", "supply_flux_m_per_s": "supply-flux"}
REMEDY = f"give columns {' or '.join(FLUXES)}, and {DENSITY}, two rows or more, all above 0"


def read_calibration(path: str | Path) -> tuple[str, FloatArray, FloatArray]:
    """Which flux, its values (m/s) and the densities (1/mm2), sorted by flux; raises InputFileError for another table.

    The density must rise with the flux throughout, so that one density has one flux.
    """
    path = Path(path)
    try:
        rows = list(csv.DictReader(text_of(path).splitlines(), skipinitialspace=True))
    except (OSError, UnicodeDecodeError) as error:
        raise refusal(path, "file", path.name, f"cannot be read ({error})", REMEDY) from None
    column = next((name for name in FLUXES if rows and name in rows[0]), None)
    if column is None or DENSITY not in rows[0] or len(rows) < 2:
        raise refusal(path, "columns", ", ".join(rows[0]) if rows else "none", "are not those of a calibration", REMEDY)
    try:
        values = np.array([[float(row[column]), float(row[DENSITY])] for row in rows])
    except (TypeError, ValueError) as error:
        raise refusal(path, "rows", path.name, f"hold something that is not a number ({error})", REMEDY) from None
    values = values[np.argsort(values[:, 0])]
    if not (np.all(values > 0.0) and np.all(np.diff(values, axis=0) > 0.0)):
        raise refusal(path, DENSITY, path.name, "must be above 0 and rise with the flux from row to row", REMEDY)
    return FLUXES[column], values[:, 0], values[:, 1]
