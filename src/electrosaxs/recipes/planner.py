"""What a planned program reaches, for how long, how surely, and what could be reached instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..control.limits import Limits
from ..control.plant import Plant, content_of_slice, flux_into_slice
from ..control.programs import Programmed, enrich_to, hold_slice_flux, hold_supply_flux, longest_held, onset_at
from ..control.targets import UNITS, Calibration, Target
from ..errors import InputFileError, bad_value
from ..figures.plan import PlanCurves
from ..io.fit_parameters import FittedParameters
from ..nouns import Experiment, FloatArray, Number
from ..transport import CellHistory
from ..twin.truth import onset_time

SHOWN_TIMES = 120
LABELS = {
    "slice-flux": "flux into the slice",
    "supply-flux": "supply φ$_0$v",
    "onset-time": "φ at the wall over the solubility",
    "enrichment": "φ of the slice over the start",
}
HELD = {
    "slice-flux": "the flux into the slice is within 2 % of the target",
    "supply-flux": "what comes down at 500 um is within 10 % of the target",
}


@dataclass(frozen=True, eq=False)
class Planner:
    """A plant, how long it runs, what it may do and what is asked of it (never a density: that has become a flux)."""

    plant: Plant
    duration: float
    limits: Limits
    target: Target

    def program(self) -> Programmed:
        """The program for the target, or the nearest one."""
        kind, value = self.target.kind, self.target.value
        if kind == "slice-flux":
            return hold_slice_flux(self.plant, value, self.duration, self.limits)
        if kind == "supply-flux":
            return hold_supply_flux(self.plant, value, self.duration, self.limits)
        if kind == "enrichment":
            return enrich_to(self.plant, value, self.duration, self.limits)
        if self.plant.growth.solubility is None or value > self.duration:
            lacking = self.plant.growth.solubility is None
            raise bad_value(
                InputFileError,
                where="experiment",
                field="growth.solubility" if lacking else "scan.duration_s",
                value="missing" if lacking else self.duration,
                rule="an onset needs a solubility, within the duration of the experiment",
                remedy="give growth.solubility" if lacking else f"make it longer than {value:g} s",
            )
        return onset_at(self.plant, value, self.limits)

    def over_time(self, plant: Plant, history: CellHistory) -> FloatArray:
        """The quantity of the target at the times of the history."""
        if self.target.kind == "slice-flux":
            return flux_into_slice(history, plant.slice_m)
        if self.target.kind == "supply-flux":
            return history.supply_flux()
        if self.target.kind == "enrichment":
            return content_of_slice(history, plant.slice_m) / plant.solution.volume_fraction
        return np.asarray(history.wall_phi() / (plant.growth.solubility or np.nan))

    def reached(self, plant: Plant, made: Programmed) -> float:
        """What the program reaches in `plant`, in the unit of the target; NaN where it never does."""
        end = max(self.duration, self.target.value) if self.target.kind == "onset-time" else self.duration
        times = np.linspace(0.0, end, SHOWN_TIMES + 1)[1:]
        history = plant.run(made.program, times)
        if self.target.kind == "onset-time":
            onset = onset_time(history)
            return np.nan if onset is None else onset
        values = self.over_time(plant, history)
        if self.target.kind == "enrichment":
            return float(values[-1])
        low, high = made.held or (0.0, self.duration)
        inside = (times >= low) & (times <= high)
        return float(np.mean(values[inside])) if made.held is not None else float(values.max())

    def curves(self, made: Programmed) -> PlanCurves:
        """Voltage and what is reached over time, for the figure."""
        times = np.linspace(0.0, self.duration, SHOWN_TIMES + 1)[1:]
        history = self.plant.run(made.program, times)
        kind = self.target.kind
        unit = "m s$^{-1}$" if kind in ("slice-flux", "supply-flux") else ""
        wanted = 1.0 if kind == "onset-time" else self.target.value
        return PlanCurves(
            times, history.voltage, self.over_time(self.plant, history), wanted, LABELS[kind], unit, made.held
        )

    def numbers(
        self, made: Programmed, wanted: Target, table: Calibration | None, fitted: FittedParameters | None
    ) -> dict[str, Number]:
        """What was asked, what is reached with its sigma, for how long, and the nearest that can be."""
        unit, value = UNITS[self.target.kind], self.reached(self.plant, made)
        sigma = self._sigma(made, fitted)
        why = f"limited by {made.limited_by}" if made.limited_by else "within all limits"
        numbers = {"plan_target": Number(wanted.value, 0.0, UNITS[wanted.kind], f"asked for: {wanted.kind}")}
        if np.isnan(value):
            numbers["plan_reached"] = Number.absent(unit, f"no onset within {self.duration:g} s; {why}")
        else:
            numbers["plan_reached"] = Number(value, sigma, unit, f"{self.target.kind} under the planned program; {why}")
        if wanted.kind == "nucleation-density" and table is not None:
            numbers["plan_nucleation_density"] = _density(table, value, sigma)
        never = f"the target is not held anywhere; {why}"
        for name, at in (("plan_held_from", 0), ("plan_held_until", 1)):
            held = made.held
            numbers[name] = (
                Number.absent("s", never) if held is None else Number(held[at], 0.0, "s", f"within 2 %; {why}")
            )
        numbers["plan_highest_voltage"] = Number(float(max(made.program.voltage_V)), 0.0, "V", "of the planned program")
        short = made.held is None or made.held[1] < self.duration * (1.0 - 1e-9)
        if self.target.kind == "slice-flux" and short:
            nearest = longest_held(self.plant, self.target.value, self.duration, self.limits)
            source = f"the largest slice flux that can be held to {self.duration:g} s within the limits"
            numbers["plan_slice_flux_held_throughout"] = Number(nearest, 0.03 * nearest, "m/s", source)
        return numbers

    def _sigma(self, made: Programmed, fitted: FittedParameters | None) -> float | None:
        """Standard deviation of what the program reaches, in first order of the fitted parameters; None where not known."""
        if fitted is None or not fitted.names:
            return None
        slopes = np.zeros(len(fitted.names))
        for k, name in enumerate(fitted.names):
            sigma = float(np.sqrt(fitted.covariance[k, k]))
            ends = [self._shifted(name, fitted.values[name] + side * sigma) for side in (-0.5, 0.5)]
            both = [np.nan if plant is None else self.reached(plant, made) for plant in ends]
            slopes[k] = (both[1] - both[0]) / sigma if sigma > 0.0 else 0.0
        variance = float(slopes @ fitted.covariance @ slopes)
        return float(np.sqrt(variance)) if np.isfinite(variance) else None

    def _shifted(self, name: str, value: float) -> Plant | None:
        """The plant with one parameter moved; itself where the experiment does not know the parameter."""
        known = that_apply({name: value}, self.plant)
        return self.plant.with_parameters(known) if known else self.plant


def that_apply(values: Mapping[str, float], known: Experiment | Plant) -> dict[str, float]:
    """The parameters that mean something in the experiment's field model."""
    model = known.transport.field_model
    belongs = {"electrode_loss": model == "electrode-loss", "carrier_share": model == "conduction"}
    return {name: value for name, value in values.items() if belongs.get(name, True)}


def _density(table: Calibration, flux: float, sigma: float | None) -> Number:
    """The density that a flux gives, by the calibration; its sigma by the local power law."""
    known, density = np.log(table.flux_m_per_s), np.log(table.density_per_mm2)
    at = float(np.clip(np.log(flux), known[0], known[-1]))
    k = int(np.clip(np.searchsorted(known, at) - 1, 0, known.size - 2))
    exponent = (density[k + 1] - density[k]) / (known[k + 1] - known[k])
    value = float(np.exp(np.interp(at, known, density)))
    spread = None if sigma is None else value * float(exponent) * sigma / flux
    return Number(
        value, spread, "1/mm^2", f"by the calibration against the {table.flux}; local exponent {exponent:.2f}"
    )
