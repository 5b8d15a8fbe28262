"""Targets so far from all that the cell can do that another unit was meant, refused before a program is looked for."""

from __future__ import annotations

from ..errors import InputFileError, bad_value
from ..nouns.experiment import WEAKEST_V
from ..nouns.run import check_field
from ..nouns.settings import WrongSetting
from .limits import Limits
from .plant import Plant
from .targets import UNITS, Target

FAR = 1000.0
"""A target that is missed by less than this factor is out of reach; by more it was meant in another unit (chosen)."""
BEYOND_ALL = 10.0
"""The same where conservation sets the bound: all particles in the slice (chosen)."""


def check_moves(plant: Plant) -> float:
    """phi0 v per volt (m/s/V); InputFileError where no positive voltage brings particles to the anode."""
    per_volt = plant.supply_per_volt()
    if per_volt <= 0.0:
        raise bad_value(
            InputFileError, where="experiment", field="transport.effective_charge", value=plant.transport.effective_charge,
            rule="no positive voltage moves these particles towards the anode", remedy="give a charge above 0",
        )  # fmt: skip
    return per_volt


def check_highest(plant: Plant, limits: Limits) -> None:
    """InputFileError for a highest voltage that no cell of this gap stands: `predict` would refuse the plan."""
    try:
        check_field("--max-voltage", limits.highest, plant.cell.gap_mm)
    except WrongSetting as wrong:
        raise bad_value(
            InputFileError, where="plan", field=wrong.field, value=wrong.value, rule=wrong.rule, remedy=wrong.remedy
        ) from None


def check_flux(target: Target, plant: Plant, limits: Limits, duration: float) -> None:
    """InputFileError where a flux is far above what the highest voltage supplies, or needs no voltage to speak of."""
    top, cause = limits.highest_within(plant.cell, plant.transport, duration)
    per_volt = check_moves(plant)
    if target.value > FAR * per_volt * top:
        raise _meant_otherwise(target, f"is {target.value / (per_volt * top):.2g} times what {top:g} V supply ({cause}), "
                               f"{per_volt * top:.2g} m/s")  # fmt: skip
    if target.value < WEAKEST_V * per_volt:
        raise _meant_otherwise(target, f"needs {target.value / per_volt:.2g} V, and below {WEAKEST_V:g} V nothing moves;"
                               f" {top:g} V supply {per_volt * top:.2g} m/s")  # fmt: skip


def check_enrichment(target: Target, plant: Plant) -> None:
    """InputFileError where the slice would hold far more than all particles of the cell, or far less than at the start."""
    everything = 1e-3 * plant.cell.gap_mm / plant.slice_m
    if target.value > BEYOND_ALL * everything:
        raise _meant_otherwise(
            target, f"is beyond {everything:.3g}, at which all particles of the cell are in the slice at the anode"
        )
    if target.value < 1.0 / BEYOND_ALL:
        raise _meant_otherwise(target, "would empty the slice at the anode, into which the field drives the particles")


def check_onset(target: Target, earliest: float | None) -> None:
    """InputFileError where an onset is wanted far before `earliest` (s), that under the highest voltage; None: there is
    none."""
    if earliest is not None and target.value < earliest / FAR:
        raise _meant_otherwise(target, f"is far before {earliest:.3g} s, the onset under the highest voltage")


def _meant_otherwise(target: Target, rule: str) -> Exception:
    unit = UNITS[target.kind]
    what = "a ratio (12: twelve times the start)" if unit == "one" else f"a value in {unit}"
    return bad_value(
        InputFileError, where="plan", field=f"--target {target.kind}", value=f"{target.value:g}", rule=rule,
        remedy=f"give {what}; is it in another unit?",
    )  # fmt: skip
