"""One-dimensional data of any origin: text columns, canSAS XML and NXcanSAS, told apart by their content."""

from __future__ import annotations

from pathlib import Path

import h5py

from .ascii_curve import read_ascii_curve
from .cansas_xml import read_cansas_xml
from .curve import Curve
from .nxcansas import read_nxcansas
from .text_table import text_lines


def read_curve(path: str | Path, *, q_unit: str | None = None) -> list[Curve]:
    """The curves of one file, q in 1/nm: one for text (.dat, .txt, .csv), any number for NXcanSAS and canSAS XML.

    q_unit: "1/nm" or "1/A" where the file does not say it, or says it wrongly. Raises InputFileError, with line and
    column, for a file without a curve, for an unknown unit of q, and for numbers that are not finite or a q that does
    not increase.
    """
    path = Path(path)
    if path.is_file() and h5py.is_hdf5(path):
        return read_nxcansas(path, q_unit)
    lines = text_lines(path)
    start = next((line.strip() for line in lines if line.strip()), "")
    if start.startswith(("<?xml", "<SASroot")):
        return read_cansas_xml(path, "\n".join(lines), q_unit)
    return [read_ascii_curve(path, q_unit, lines)]
