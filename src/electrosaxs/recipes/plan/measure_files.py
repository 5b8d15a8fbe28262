"""The files, numbers and picture of what to measure next."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...figures.plan_measure import MeasurePicture
from ...inference.parameters import PARAMETERS
from ...io.rows_csv import write_rows
from ...nouns import Number
from ...nouns.profile import ModelProfile
from .measure import Measure

FILE, VOLTAGES_FILE = "measure.csv", "measure_voltages.csv"
COLUMNS = (
    "scan", "frame", "time_s", "height_um", "voltage_V", "exposure_s", "volume_fraction", "even_time_s",
    "even_height_um", "even_volume_fraction",
)  # fmt: skip


def measure_numbers(found: Measure) -> dict[str, Number]:
    """Sigma of the parameter after the chosen frames, after an even scan, before; and how much an even scan would need."""
    best, unit = found.best, PARAMETERS[found.parameter].unit
    count = found.even.slot.size
    what = f"sigma of {found.parameter} (at {found.value:.4g})"
    told = "with what the fit knows" if found.before is not None else "by the new frames alone, without a fit"
    even = f"an even scan of as many frames ({count}) under the same voltage"
    volts = max(best.program.voltage_V, key=abs)
    numbers = {
        "plan_measure_sigma": Number(best.sigma, 0.0, unit, f"{what} after {count} chosen frames, {told}"),
        "plan_measure_sigma_even": _or_absent(best.even_sigma, unit, f"{what} after {even}, {told}"),
        "plan_measure_ratio": _or_absent(best.even_sigma / best.sigma, "one", f"sigma after {even}, over the chosen's"),
        "plan_measure_repeats": _or_absent(
            best.repeats, "one", f"times {even} would have to be taken for the same sigma"
        ),
        "plan_measure_voltage": Number(volts, 0.0, "V", f"of largest size in the best program, {best.name}"),
    }
    if found.before is not None:
        numbers["plan_measure_sigma_before"] = Number(found.before, 0.0, unit, f"{what} by the fit, before new frames")
    return numbers


def _or_absent(value: float, unit: str, source: str) -> Number:
    return Number(value, 0.0, unit, source) if np.isfinite(value) else Number.absent(unit, f"no limit: {source}")


def write_measure(folder: Path, found: Measure) -> None:
    """measure.csv, one row per frame with the even scan's beside it, and measure_voltages.csv, one row per program."""
    best, even = found.best, found.even
    chosen = best.frames
    volts = best.program.at(found.times)
    rows = [
        (
            scan + 1, n + 1, f"{found.times[slot]:.2f}", f"{found.heights[level]:g}", f"{volts[slot]:.5g}",
            f"{found.exposure:g}", f"{best.phi[slot, level]:.4g}", f"{found.times[even.slot[n]]:.2f}",
            f"{found.heights[even.level[n]]:g}", f"{best.phi[even.slot[n], even.level[n]]:.4g}",
        )
        for n, (scan, slot, level) in enumerate(zip(chosen.scan, chosen.slot, chosen.level, strict=True))
    ]  # fmt: skip
    write_rows(folder / FILE, COLUMNS, rows)
    columns = ("program", "largest_voltage_V", "sigma", "sigma_even", "ratio", "even_repeats")
    table = [
        (
            one.name, f"{max(one.program.voltage_V, key=abs):.5g}",
            *(_cell(x) for x in (one.sigma, one.even_sigma, one.even_sigma / one.sigma, one.repeats)),
        )
        for one in found.tried
    ]  # fmt: skip
    write_rows(folder / VOLTAGES_FILE, columns, table)


def _cell(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else ""


def picture(found: Measure, profile: ModelProfile) -> MeasurePicture:
    """What the figure shows; profile: the prediction under the best program."""
    best = found.best
    frames = {
        name: (found.times[one.slot], found.heights[one.level])
        for name, one in (("even", found.even), ("chosen", best.frames))
    }
    constant = found.constant
    unit = PARAMETERS[found.parameter].unit
    return MeasurePicture(
        parameter=found.parameter, unit="" if unit == "one" else unit, time=profile.time, height=profile.height,
        phi=profile.volume_fraction, even=frames["even"], chosen=frames["chosen"],
        voltages=np.array([max(one.program.voltage_V, key=abs) for one in constant]),
        sigma=np.array([one.sigma for one in constant]), even_sigma=np.array([one.even_sigma for one in constant]),
        name=best.name, before=found.before,
    )  # fmt: skip
