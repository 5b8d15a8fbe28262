"""Whether a set-point that an operator asks for is one that the run can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...io.plan_toml import plan_tables

PLAN = "plan.toml"
USUAL_LIMIT_V = 40.0  # of a plan that states none
SIGMAS = 3.0  # by which the estimate of today's flux may be too low
BEYOND_ALL = 1e-6  # m/s; no cell of millimetres and tens of volts comes within a factor of hundred (chosen)


def why_not(value: object, source: Path, state: Mapping[str, Any]) -> str:
    """Why `value` (m/s) cannot be held by the run in `source`, in words; empty where it may be. state: with estimates.

    The flux goes as the voltage while the profile stands: the highest one is J V_max / V.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0.0:
        return f"set-point {value!r}: must be a positive number, in m/s"
    plan = plan_tables(source / PLAN)
    hold = plan.get("hold")
    if plan and not isinstance(hold, dict):
        return "this run follows a voltage program and holds no flux: there is no set-point"
    limit = plan.get("source_meter", {}).get("max_voltage_V", USUAL_LIMIT_V)
    name = "flux_supply" if isinstance(hold, dict) and hold.get("flux") == "supply" else "flux_slice"
    estimate, voltage = state.get(name) or {}, state.get("voltage_V")
    flux, sigma = (
        number if number is not None and math.isfinite(number) else None
        for number in (estimate.get("value"), estimate.get("sigma"))
    )
    if flux is None or not voltage:
        return "" if value < BEYOND_ALL else f"set-point {value:g} m/s: no voltage gives so much"
    highest = (flux + SIGMAS * (sigma or 0.0)) * limit / voltage
    if value > highest:
        return f"set-point {value:g} m/s: no voltage within {limit:g} V gives more than {highest:.2g} m/s"
    return ""
