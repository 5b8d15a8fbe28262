"""The parameters that a fit may free, the models that they belong to, and the coordinates in which they are fitted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..analysis.footprint.open_beam import crystal_length
from ..errors import FitError
from ..nouns import FloatArray
from ..nouns.experiment import SPARSE, ChargeModel, FieldModel
from .observations import SIZES, Observations

Scale = Literal["log", "linear", "root"]
GrowthModel = Literal["none", "pinned", "attachment"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of the transport model.

    scale: the coordinate in which it is fitted and its likelihood is nearest to a parabola (its logarithm, itself, its
    square root). low, high: limits. start: where the fit begins, and the value that it has while it is held.
    step: change of the coordinate for the derivative; one step of the fit is at most REACH of them.
    """

    name: str
    unit: str
    scale: Scale
    low: float
    high: float
    start: float
    step: float
    meaning: str

    def coordinate(self, value: float) -> float:
        """The value as the fit moves it."""
        if self.scale == "log":
            return float(np.log(value))
        return float(value) if self.scale == "linear" else float(np.sqrt(value))

    def value(self, coordinate: float) -> float:
        """The inverse of `coordinate`."""
        if self.scale == "log":
            return float(np.exp(coordinate))
        return float(coordinate) if self.scale == "linear" else float(coordinate) ** 2

    def sigma(self, coordinate: float, spread: float) -> float:
        """Standard deviation of the value for that of the coordinate; of a square x^2 exactly, sqrt(4 x^2 s^2 + 2 s^4)."""
        linear = abs(self.slope(coordinate)) * spread
        return float(np.hypot(linear, np.sqrt(2.0) * spread**2)) if self.scale == "root" else linear

    def slope(self, coordinate: float) -> float:
        """d value / d coordinate."""
        if self.scale == "log":
            return float(np.exp(coordinate))
        return 1.0 if self.scale == "linear" else 2.0 * float(coordinate)


_ALL = (
    Parameter("effective_charge", "e", "log", 1e-4, 30.0, 0.045, 0.01,
              "time-averaged charge on a core of 7.1 nm: charged fraction x charge x share of the field"),
    Parameter("charge_exponent", "one", "linear", -4.0, 8.0, 2.0, 0.05, "p of z_eff ~ d^p"),
    Parameter("diffusivity_scale", "one", "log", 0.02, 50.0, 1.0, 0.01, "D over Stokes-Einstein's"),
    Parameter("solubility", "one", "log", 1e-6, 0.5, 0.01, 0.01, "phi at the wall in equilibrium with crystals"),
    Parameter("attachment_time", "s", "root", 0.0, 1e5, 40.0, 0.5, "relaxation of the wall towards the solubility"),
    Parameter("charge_of_charged", "e", "log", 0.05, 100.0, 1.0, 0.01, "charge of a particle while it is charged"),
    Parameter("charge_lifetime", "s", "log", 1e-3, 1e6, 30.0, 0.05, "how long a particle stays charged"),
    Parameter("immobile_fraction", "one", "linear", 0.0, 0.6, 0.02, 0.002, "share of phi that does not move"),
    Parameter("immobile_diameter", "nm", "log", 0.5, 30.0, 3.0, 0.02, "core diameter of what does not move"),
    Parameter("electrode_loss", "one", "linear", 0.0, 0.95, 0.2, 0.01, "share of the voltage lost at the electrodes"),
    Parameter("carrier_share", "one", "linear", 0.0, 0.95, 0.3, 0.003, "share of the conductivity that particles carry"),
    Parameter("crystal_length", "um", "log", 5.0, 5000.0, 35.0, 0.02,
              "crystals per area over what the beam on the edge reads of them: how they stand in the beam"),
    Parameter("starting_diameter", "nm", "log", 0.5, 100.0, 7.1, 0.004, "mean core diameter at the start"),
    Parameter("starting_polydispersity", "one", "log", 0.005, 0.6, 0.155, 0.02, "delta / d at the start"),
)  # fmt: skip
PARAMETERS: dict[str, Parameter] = {parameter.name: parameter for parameter in _ALL}
REACH = 50.0
PER_RUN = (*SIZES, "crystal_length")
"""Every filling has its own; everything else is shared by all runs of a fit."""
ALWAYS_FREE = ("effective_charge", "charge_exponent", "diffusivity_scale")


@dataclass(frozen=True)
class Model:
    """Which charge, field and attachment a fit assumes. growth "pinned" is attachment without delay."""

    charge: ChargeModel = "fast-exchange"
    growth: GrowthModel = "none"
    field: FieldModel = "nominal"

    @property
    def name(self) -> str:
        crystals = {"none": "no crystals", "pinned": "wall pinned at the solubility", "attachment": "attachment"}
        field = "" if self.field == "nominal" else f", {self.field} field"
        return f"{self.charge}, {crystals[self.growth]}{field}"

    @property
    def sparse(self) -> bool:
        """True where few particles at a time carry the charge of all."""
        return self.charge in SPARSE

    @property
    def limit(self) -> Model | None:
        """The model that this one becomes where its further parameter goes to its limit: the charge's lifetime to 0."""
        return replace(self, charge="fast-exchange") if self.charge == "exchange" else None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that mean something in this model."""
        names = [*ALWAYS_FREE, "immobile_fraction", "immobile_diameter"]
        names += ["solubility", "crystal_length"] if self.growth != "none" else []
        names += ["attachment_time"] if self.growth == "attachment" else []
        names += ["charge_of_charged"] if self.sparse else []
        names += ["charge_lifetime"] if self.charge == "exchange" else []
        names += {"nominal": [], "electrode-loss": ["electrode_loss"], "conduction": ["carrier_share"]}[self.field]
        return (*names, *SIZES)

    @property
    def free(self) -> tuple[str, ...]:
        """What is fitted where the caller does not say: all that maps can tell, less what they never can.

        The charge of a charged particle and the share lost at the electrodes multiply the effective charge.
        """
        never = {"immobile_fraction", "immobile_diameter", "charge_of_charged", "electrode_loss", *PER_RUN}
        return tuple(name for name in self.parameters if name not in never)


@dataclass(frozen=True)
class Free:
    """One free parameter, of run number `run` where it is not shared; prior: (value, sigma) measured elsewhere."""

    parameter: Parameter
    run: int | None
    start: float
    low: float
    prior: tuple[float, float] | None = None
    label: str = ""


@dataclass(frozen=True)
class Layout:
    """How a vector of coordinates x (free,) becomes the parameters of each run; held: what is not fitted, per run."""

    free: tuple[Free, ...]
    held: tuple[Mapping[str, float], ...]

    def __len__(self) -> int:
        return len(self.free)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(item.label for item in self.free)

    def index(self, label: str) -> int:
        """Place of a free parameter in x; FitError for another name."""
        if label not in self.labels:
            raise FitError(f"{label} is not a free parameter of this fit: it has {', '.join(self.labels)}")
        return self.labels.index(label)

    def start(self) -> FloatArray:
        return np.array([item.parameter.coordinate(item.start) for item in self.free])

    def limits(self) -> tuple[FloatArray, FloatArray]:
        low = np.array([item.parameter.coordinate(item.low) for item in self.free])
        return low, np.array([item.parameter.coordinate(item.parameter.high) for item in self.free])

    def steps(self) -> FloatArray:
        return np.array([item.parameter.step for item in self.free])

    def values(self, x: FloatArray, run: int) -> dict[str, float]:
        """All parameters of one run by name."""
        values = dict(self.held[run])
        for item, coordinate in zip(self.free, x, strict=True):
            if item.run in (None, run):
                values[item.parameter.name] = item.parameter.value(float(coordinate))
        return values

    def concerns(self, index: int, run: int) -> bool:
        """True where free parameter number `index` moves the maps of `run`."""
        return self.free[index].run in (None, run)

    def prior(self, x: FloatArray, run: int | None = None) -> tuple[FloatArray, FloatArray]:
        """Residuals (prior,) of what was measured of the starting solutions, and their derivatives (prior, free).

        run: those of one run only, in the order of SIZES.
        """
        rows = [k for k, item in enumerate(self.free) if item.prior is not None and run in (None, item.run)]
        residual, slope = np.zeros(len(rows)), np.zeros((len(rows), len(self.free)))
        for n, k in enumerate(rows):
            item = self.free[k]
            assert item.prior is not None
            value, sigma = item.prior
            residual[n] = (item.parameter.value(float(x[k])) - value) / sigma
            slope[n, k] = item.parameter.slope(float(x[k])) / sigma
        return residual, slope

    def measured_sizes(self, run: int) -> tuple[str, ...]:
        """Which of SIZES the starting solution of a run was measured for, in that order: the rows of its `prior`."""
        return tuple(item.parameter.name for item in self.free if item.prior is not None and item.run == run)


def layout(
    runs: Sequence[Observations],
    model: Model,
    *,
    free: Iterable[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
) -> Layout:
    """The free parameters of a fit and the values of the others.

    free: names to fit (default: what the model names); fixed: name -> value to hold; start: where free ones begin, by label.
    Sizes of the starting solution are free within their measured sigma, without one entirely free, unless fixed.
    Raises FitError for names that the model has not, values outside their limits, and contradictions.
    """
    fixed, start = dict(fixed or {}), dict(start or {})
    wanted = tuple(model.free if free is None else dict.fromkeys(free))
    _check(model, wanted, fixed)
    names = [name for name in wanted if name not in fixed and name not in PER_RUN]
    lowest = {"solubility": 1.02 * max(run.solution.volume_fraction for run in runs)}
    items = []
    for name in names:
        parameter = PARAMETERS[name]
        low = lowest.get(name, parameter.low)
        begin = start.get(name, max(parameter.start, 2.0 * low) if name in lowest else parameter.start)
        items.append(Free(parameter, None, float(np.clip(begin, low, parameter.high)), low, None, name))
    default = {name: 0.0 if name == "immobile_fraction" else PARAMETERS[name].start for name in model.parameters}
    held: list[dict[str, float]] = []
    for number, run in enumerate(runs):
        held.append({**default, **fixed})
        for name in PER_RUN:
            if name not in fixed and name in model.parameters:
                items.append(_own(run, number, len(runs), name, wanted, start))
    if not names:
        raise FitError("fit: no parameter is free; leave some out of fixed")
    return Layout(tuple(items), tuple(held))


def _own(
    run: Observations, number: int, runs: int, name: str, wanted: Sequence[str], start: Mapping[str, float]
) -> Free:
    """A parameter of one run: sizes of the starting solution within what was measured of them, or free."""
    parameter = PARAMETERS[name]
    label = name if runs == 1 else f"{name}[{number + 1}]"
    if name == "crystal_length":
        begin = start.get(label, crystal_length(0.0, run.beam_fwhm_um)[0])
        return Free(parameter, number, begin, parameter.low, None, label)
    measured = run.start_diameter if name == "starting_diameter" else run.start_polydispersity
    begin = start.get(label, measured.value if measured.value is not None else parameter.start)
    prior = None
    if measured.value is not None and measured.sigma and name not in wanted:
        prior = (measured.value, run.start_errors.independent(name, measured.sigma))
    return Free(parameter, number, float(begin), parameter.low, prior, label)


def _check(model: Model, wanted: Sequence[str], fixed: Mapping[str, float]) -> None:
    for name in (*wanted, *fixed):
        if name not in PARAMETERS:
            raise FitError(f"fit: {name} is not a parameter; there are {', '.join(PARAMETERS)}")
        if name not in model.parameters:
            raise FitError(
                f"fit: {name} means nothing in the model '{model.name}'; choose another model or leave it out"
            )
    check_values(fixed)


def check_values(fixed: Mapping[str, float]) -> None:
    """FitError for a value outside its parameter's limits."""
    for name, value in fixed.items():
        low, high = PARAMETERS[name].low, PARAMETERS[name].high
        if not low <= value <= high:
            raise FitError(f"fit: {name} = {value:g}: must lie between {low:g} and {high:g}; give a physical value")
