"""Scans of a SPEC file, through silx. Motors that stand still count as columns; `Epoch` is made seconds since 1970.

SPEC writes the column Epoch relative to the line #E of the file's header.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..refusal import refusal
from .their_table import NamedColumns, TheirColumn

LISTED = 20
FIRST_DATE = 6e8
"""Seconds since 1970 in 1989: a clock that shows less counts from something else."""
SECONDS = {"seconds", "epoch", "sec"}
SCANS = re.compile(r"^\d+(\.\d+)?(-\d+(\.\d+)?)?$")


def is_spec(path: Path) -> bool:
    """Whether the file begins as SPEC files do."""
    with path.open("rb") as stream:
        start = stream.read(200).lstrip()
    return start.startswith((b"#F ", b"#S ", b"#E "))


def spec_table(path: Path, inside: str) -> NamedColumns:
    """The rows of the scans `inside` ("7.1", "7", "7-18", "7.1,9.1"; empty: the only one), one after the other.

    Columns that all of these scans have; the title of each scan is `title`, its number `scan`.
    """
    from silx.io.specfile import SfErrScanNotFound, SpecFile  # half a second

    logging.getLogger("silx").setLevel(logging.ERROR)
    try:
        file = SpecFile(str(path))
        scans = [(name, file[name]) for name in _chosen(path, file.keys(), inside)]
    except (OSError, SfErrScanNotFound) as error:
        raise refusal(path, "frames.table", inside, f"cannot be read ({error})", "give another scan or file") from error
    parts = [_columns(name, scan) for name, scan in scans]
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    columns = [_joined(name, [part[name] for part in parts]) for name in shared]
    return NamedColumns(path, columns)


def spec_scans(path: Path) -> list[tuple[str, str, int]]:
    """Key, title and number of rows of every scan."""
    from silx.io.specfile import SpecFile

    file = SpecFile(str(path))
    return [(name, str(file[name].scan_header_dict.get("S", "")), _rows(file[name])) for name in file.keys()]  # noqa: SIM118  it iterates over scans


def _rows(scan: Any) -> int:
    return int(scan.data.shape[-1]) if scan.labels else 0


def _chosen(path: Path, keys: list[str], inside: str) -> list[str]:
    if not inside:
        if len(keys) == 1:
            return keys
        rule = "holds no scan" if not keys else "holds several scans"
        example = f'"{path.name}::{keys[0]}" or "{path.name}::{keys[0]}-{keys[-1]}"' if keys else "another file"
        raise refusal(path, "frames.table", path.name, rule, f"give {example}; scans are {_some(keys)}")
    found: list[str] = []
    for part in inside.replace(" ", "").split(","):
        if not SCANS.match(part):
            raise refusal(path, "frames.table", inside, "must be scans such as 7.1 or 7-18", f"scans are {_some(keys)}")
        chosen = [key for key in keys if _means(part, key)]
        if not chosen:
            raise refusal(path, "frames.table", inside, f"the file has no scan {part}", f"scans are {_some(keys)}")
        found += chosen
    return found


def _means(part: str, key: str) -> bool:
    """Whether a scan is one of "7.1", "7" (which is 7.1) or "7-18" (all orders of 18 too)."""
    first, dash, last = part.partition("-")
    if not dash:
        return key in (part, f"{part}.1")
    return _numbers(first) <= _numbers(key) and _numbers(key)[: len(_numbers(last))] <= _numbers(last)


def _numbers(key: str) -> list[int]:
    return [int(number) for number in key.split(".")]


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:LISTED]) + (f" and {len(keys) - LISTED} more" if len(keys) > LISTED else "")


def _columns(name: str, scan: Any) -> dict[str, TheirColumn]:
    """Columns of a scan, and its motors as columns that do not change."""
    rows, header = _rows(scan), scan.scan_header_dict
    start = float(scan.file_header_dict.get("E", "0").split()[0] or 0)
    found = {"title": np.full(rows, str(header.get("S", "")), dtype=object), "scan": np.full(rows, name, dtype=object)}
    found |= {
        motor: np.full(rows, position) for motor, position in zip(scan.motor_names, scan.motor_positions, strict=False)
    }
    found |= {label: np.asarray(scan.data_column_by_name(label), dtype=float) for label in scan.labels if rows}
    return {
        label: TheirColumn(label, values, "s" if label.lower() in SECONDS else None, _epoch(label, values, start))
        for label, values in found.items()
    }


def _epoch(label: str, values: np.ndarray, start: float) -> float:
    relative = label.lower() == "epoch" and values.size and float(np.nanmax(values)) < FIRST_DATE
    return start if relative else 0.0


def _joined(name: str, parts: list[TheirColumn]) -> TheirColumn:
    values = np.concatenate([part.values + part.epoch if part.epoch else part.values for part in parts])
    return TheirColumn(name, values, parts[0].unit)
