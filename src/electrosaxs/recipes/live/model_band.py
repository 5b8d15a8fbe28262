"""What the transport model expects of the newest profile, for charges within a belief: the band behind the measured points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ElectrosaxsError
from ...nouns import GrowthSettings, Run, RunResults, TransportSettings, VoltageProgram
from ...transport import SizeClasses, simulate

CHARGE, BELIEF = 0.045, 0.3  # elementary charges on a core of 7.1 nm, and how far they may be off (relative)
WORDS = f"model, {CHARGE:g} e ± {BELIEF:.0%}, nothing grows"
FEWEST = 2  # heights
CLASSES = 8


def model_band(results: RunResults, run: Run) -> dict[str, Any] | None:
    """phi of the model, lowest and highest over the charges, at the heights (um) and times of the newest scan; None where the
    run does not say its voltage or its sizes."""
    phi, numbers = results.volume_fraction, results.numbers
    program = results.settings.get("voltage")
    diameter, spread = numbers.get("starting_diameter"), numbers.get("starting_polydispersity")
    if not program or diameter is None or spread is None or diameter.value is None or spread.value is None:
        return None
    scans = np.flatnonzero(phi.good.sum(axis=1) >= FEWEST)
    if scans.size == 0:
        return None
    good = phi.good[scans[-1]]
    height, time = phi.coord("height")[good], phi.coord("time")[scans[-1]][good]
    seen_at = 1e-6 * np.clip(phi.coord("height_effective")[good], 0.0, 1e3 * run.cell.gap_mm)
    try:
        off = [0.0] if program["time_s"][0] > 0.0 else []  # nothing at field-on, where the program begins with a frame
        voltage = VoltageProgram.model_validate({name: [*off, *program[name]] for name in ("time_s", "voltage_V")})
        sizes = SizeClasses.gaussian(diameter.value, spread.value * diameter.value, CLASSES)
        charges = (CHARGE * (1.0 - BELIEF), CHARGE * (1.0 + BELIEF))
        models = [TransportSettings(effective_charge=charge) for charge in charges]
        until = [float(time.max())]
        histories = [
            simulate(run.cell, run.solution, sizes, model, GrowthSettings(), voltage, until) for model in models
        ]
        expected = [history.at(time, seen_at).sum(axis=-1) for history in histories]
    except ElectrosaxsError:
        return None
    return {
        "height": height.tolist(), "low": np.min(expected, axis=0).tolist(), "high": np.max(expected, axis=0).tolist(),
        "words": WORDS,
    }  # fmt: skip
