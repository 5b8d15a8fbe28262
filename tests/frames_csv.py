"""frames.csv read by its documented form alone (docs/formats.md)."""

import csv
from pathlib import Path

from electrosaxs.nouns import FrameRecord


def read_frames_csv(path: Path) -> tuple[FrameRecord, ...]:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return tuple(
        FrameRecord(
            index=int(row["index"]),
            file=row["file"],
            role=row["role"],
            scan=int(row["scan"]),
            height_index=int(row["height_index"]),
            height_um=float(row["height_um"] or "nan"),
            time_s=float(row["time_s"] or "nan"),
            used={"yes": True, "no": False}[row["used"]],
            flags=tuple(row["flags"].split(";")) if row["flags"] else (),
            reason=row["reason"],
        )
        for row in rows
    )
