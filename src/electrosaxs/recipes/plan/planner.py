"""What a planned program reaches, for how long, how surely, and what could be reached instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...control.holding_time import HELD_WITHIN, LOOKS, Programmed
from ...control.limits import Limits
from ...control.plant import Plant, content_of_slice, flux_into_slice
from ...control.programs import SUPPLY_HEIGHT_M, constant_after_ramp, enrich_to, hold_supply_flux, onset_at
from ...control.reach import check_enrichment, check_flux, check_moves, check_onset
from ...control.slice_flux import THROUGHOUT_TO, hold_slice_flux, longest_held
from ...control.targets import UNITS, Calibration, Target
from ...errors import InputFileError, bad_value
from ...figures.plan import PlanCurves
from ...io.fit_parameters import FittedParameters
from ...nouns import FloatArray, Number
from ...transport import CellHistory
from ...transport.onset import onset_time
from ..fitted_parameters import that_apply

LABELS = {
    "slice-flux": "flux into the slice",
    "supply-flux": "supply φ$_0$v",
    "onset-time": "φ at the wall over the solubility",
    "enrichment": "φ of the slice over the start",
}
WATCHED = {"slice-flux": "the flux into the slice", "supply-flux": f"what comes down at {1e6 * SUPPLY_HEIGHT_M:.0f} um"}
"""Fluxes that are held, and where they are looked at."""
SLICE_FLUX = "rate of the mean phi of the slice at the anode, crystals counted: an analysis calls it slice_flux_mean"
MEANING = {"slice-flux": f"slice-flux ({SLICE_FLUX})", "supply-flux": "supply-flux (phi0 v of the starting solution)"}


@dataclass(frozen=True, eq=False)
class Planner:
    """A plant, how long it runs, what it may do and what is asked of it (never a density: that has become a flux)."""

    plant: Plant
    duration: float
    limits: Limits
    target: Target

    def program(self) -> Programmed:
        """The program for the target, or the nearest one; InputFileError for a target that was meant in another unit."""
        kind, value = self.target.kind, self.target.value
        check_moves(self.plant)
        if kind in WATCHED:
            check_flux(self.target, self.plant, self.limits, self.duration)
        if kind == "slice-flux":
            return hold_slice_flux(self.plant, value, self.duration, self.limits)
        if kind == "supply-flux":
            return hold_supply_flux(self.plant, value, self.duration, self.limits)
        if kind == "enrichment":
            check_enrichment(self.target, self.plant)
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
        check_onset(self.target, self._earliest_onset())
        return onset_at(self.plant, value, self.limits)

    def _earliest_onset(self) -> float | None:
        """The onset (s) under the highest voltage, None where there is none within the duration."""
        top, _ = self.limits.highest_within(self.plant.cell, self.plant.transport, self.duration)
        return onset_time(self.plant.run(constant_after_ramp(top, self.limits), [self.duration]))

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
        """What the program reaches in `plant`, in the unit of the target: the mean while it is held, the largest flux
        that its figure shows where it is not; NaN where there is no onset."""
        kind = self.target.kind
        if kind == "slice-flux" and made.held is None:
            return float(self._looks(plant, made)[1].max())
        low, high = made.held or (0.0, max(self.duration, self.target.value if kind == "onset-time" else 0.0))
        times = np.linspace(low, high, LOOKS + 1)
        history = plant.run(made.program, times[times > 0.0])
        if kind == "onset-time":
            onset = onset_time(history)
            return np.nan if onset is None else onset
        values = self.over_time(plant, history)
        return float(np.mean(values)) if made.held is not None else float(values[-1])

    def _looks(self, plant: Plant, made: Programmed) -> tuple[FloatArray, FloatArray]:
        """Times (s) over the duration and the quantity of the target there, as the figure has them, (time,) each.

        The first look is a 120th of the duration after field-on: phi0 v of the first moments, before anything has gathered
        or diffused, is not among them.
        """
        times = np.linspace(0.0, self.duration, LOOKS + 1)[1:]
        return times, self.over_time(plant, plant.run(made.program, times))

    def curves(self, made: Programmed) -> PlanCurves:
        """The program with its limits and what is reached over time, for the figure."""
        times, values = self._looks(self.plant, made)
        kind = self.target.kind
        unit = "m s$^{-1}$" if kind in WATCHED else ""
        wanted = 1.0 if kind == "onset-time" else self.target.value
        program = made.program
        return PlanCurves(
            time=times, reached=values, wanted=wanted, label=LABELS[kind], unit=unit,
            held=made.held, points=(np.array(program.time_s), np.array(program.voltage_V)), highest=self.limits.highest,
            ramp=self.limits.ramp if np.isfinite(self.limits.ramp) else None,
        )  # fmt: skip

    def numbers(
        self, made: Programmed, wanted: Target, table: Calibration | None, fitted: FittedParameters | None
    ) -> dict[str, Number]:
        """What was asked, what is reached with its sigma, for how long, and the nearest that can be."""
        kind = self.target.kind
        unit, value, sigma = UNITS[kind], self.reached(self.plant, made), self._sigma(made, fitted)
        asked = f"asked for: {MEANING.get(wanted.kind, wanted.kind)}"
        numbers = {"plan_target": Number(wanted.value, 0.0, UNITS[wanted.kind], asked)}
        if np.isnan(value):
            numbers["plan_reached"] = Number.absent(unit, f"no onset within {self.duration:g} s; {_limited(made)}")
        else:
            source = f"{MEANING.get(kind, kind)} under the planned program"
            if kind in WATCHED:
                source += f", {'while it is held' if made.held else 'at its largest: the target is not held'}"
            numbers["plan_reached"] = Number(value, sigma, unit, f"{source}; {_limited(made)}")
        if wanted.kind == "nucleation-density" and table is not None:
            numbers["plan_nucleation_density"] = _density(table, value, sigma)
        if kind in WATCHED:
            numbers |= self._held(made)
        numbers["plan_highest_voltage"] = Number(float(max(made.program.voltage_V)), 0.0, "V", "of the planned program")
        if kind == "slice-flux" and (made.held is None or made.limited_by or made.held[1] < self.duration):
            numbers["plan_slice_flux_held_throughout"] = self._throughout()
        return numbers

    def _held(self, made: Programmed) -> dict[str, Number]:
        """From when to when the target is held, by how much it is missed after that, and why."""
        names, what = ("plan_held_from", "plan_held_until"), WATCHED[self.target.kind]
        assert made.departure is not None  # every flux has one
        off = made.departure.share
        where = f"{100.0 * off:+.3g} %, at {made.departure.time:.4g} s"
        if made.held is None:
            never = f"{what} is never within {HELD_WITHIN:.0%} of the target, nearest to it, {where}; {_limited(made)}"
            return {name: Number.absent("s", never) for name in names}
        told = f"{what} is within {HELD_WITHIN:.0%} of the target"
        if abs(off) > HELD_WITHIN:
            told += f" until it departs from it, most by {where}"
        return {
            name: Number(at, 0.0, "s", f"{told}; {_limited(made)}") for name, at in zip(names, made.held, strict=True)
        }

    def _throughout(self) -> Number:
        """What can be held from the end of the rise to the end; no sigma, because the search is not repeated for one."""
        found = longest_held(self.plant, self.target.value, self.duration, self.limits)
        if found is None or found.held is None:
            return Number.absent("m/s", f"no slice flux is held to {self.duration:g} s within the limits")
        source = (
            f"the largest slice flux that is held within {HELD_WITHIN:.0%} from {found.held[0]:.4g} s, the end of the rise, "
            f"to {self.duration:g} s within the limits; found to {THROUGHOUT_TO:.0%}, no sigma"
        )
        return Number(found.reached, None, "m/s", source)

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


def _limited(made: Programmed) -> str:
    return f"limited by {made.limited_by}" if made.limited_by else "within all limits"


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
