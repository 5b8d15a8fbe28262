"""dose.csv: how long each height of the cell was in the beam, and what its scattering did meanwhile."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from ..nouns.dose import HeightDose
from .atomic import replacing

COLUMNS = tuple(field.name for field in fields(HeightDose))


def write_dose_csv(path: str | Path, doses: Sequence[HeightDose]) -> None:
    """Write the rows, heights ascending; NaN is an empty cell."""
    with replacing(Path(path)) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(getattr(dose, name)) for name in COLUMNS] for dose in doses)


def _cell(value: float | int) -> str:
    return "" if isinstance(value, float) and np.isnan(value) else repr(value)
