"""What a run folder holds, read as anybody would."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from electrosaxs.io.frame_table import read_table
from electrosaxs.io.images import open_frames
from electrosaxs.io.run_toml import read_run
from electrosaxs.nouns import FrameTable


def read_all(folder: Path) -> tuple[FrameTable, list[np.ndarray]]:
    run = read_run(folder / "run.toml")
    table = read_table(run)
    frames = open_frames(run, table)
    images = [np.array(frames.read(i)) for i in range(len(table))]
    frames.close()
    return table, images


def state_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "state.json").read_text("utf-8"))
    return found


def documents(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    return [tuple(json.loads(line)) for line in (folder / "documents.jsonl").read_text("utf-8").splitlines()]


def meter_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "meter.csv").open(newline="") as file:
        return list(csv.DictReader(file))
