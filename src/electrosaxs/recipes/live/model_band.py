"""What the transport model expects of the newest profile, for charges within a belief: the band behind the measured points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ElectrosaxsError
from ...io.growing_rows import METER, GrowingRows
from ...nouns import FloatArray, GrowthSettings, Run, RunResults, TransportSettings, VoltageProgram
from ...transport import SizeClasses, simulate

CHARGE, BELIEF = 0.045, 0.3  # elementary charges on a core of 7.1 nm, and how far they may be off (relative)
WORDS = f"model, {CHARGE:g} e ± {BELIEF:.0%}, nothing grows"
FEWEST = 2  # heights
SAME = 5e-3  # of the highest voltage: less is the meter's noise
CLASSES = 8


def model_band(results: RunResults, run: Run, meter: Path | None = None) -> dict[str, Any] | None:
    """phi of the model, lowest and highest over the charges, at the heights (um) and times of the newest scan; None where the
    run does not say its voltage or its sizes.

    meter: meter.csv of the run, which knows the voltage between the frames and before the first one; where there is none the
    field of the first frame is that from field-on, as for a fit.
    """
    phi, numbers = results.volume_fraction, results.numbers
    program = measured_program(meter) or results.settings.get("voltage")
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
        voltage = VoltageProgram.model_validate(program)
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


def measured_program(meter: Path | None) -> dict[str, list[float]] | None:
    """Readings of the meter as {time_s, voltage_V}, from its output going on; None where it never went on."""
    if meter is None:
        return None
    table = GrowingRows(meter, METER)
    table.look()
    if table.on_at is None:
        return None
    known = {clock - table.on_at: volts or 0.0 for clock, volts, _ in table.rows if clock is not None}
    times = np.array(sorted(t for t in known if t >= 0.0))
    volts = np.array([known[t] for t in times])
    kept = _turns(volts)
    return {"time_s": times[kept].tolist(), "voltage_V": volts[kept].tolist()}


def _turns(volts: FloatArray) -> list[int]:
    """Readings between which the voltage is a straight line, but for SAME of the highest: where it leaves the last one that is
    kept, with the reading before; the first and the last."""
    kept, least = [0], SAME * float(np.max(np.abs(volts)))
    for k in range(1, volts.size):
        if abs(volts[k] - volts[kept[-1]]) > least:
            kept += [k] if k - 1 == kept[-1] else [k - 1, k]
    return kept if kept[-1] == volts.size - 1 else [*kept, volts.size - 1]
