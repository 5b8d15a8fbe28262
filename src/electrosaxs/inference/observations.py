"""What a fit compares with the model: the maps of one run as lists of points, with what the model must know of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ..errors import FitError, InputFileError, bad_value
from ..nouns import Beam, Cell, FloatArray, Noun, Number, RunResults, Settings, Solution, VoltageProgram
from ..physics.beam import FWHM_PER_SIGMA

CHANNELS = ("volume_fraction", "diameter", "deviation")
MODEL_ACCURACY = {"volume_fraction": (3e-4, 0.0), "diameter": (0.0, 0.0015), "deviation": (0.0, 0.002)}
"""Independent error of a perfect comparison, (relative, absolute in the channel's unit), added in quadrature: what the
profile within the beam leaves of phi (1e-4 in most voxels), and what a sphere fit leaves of sizes beyond `size_shape`."""
CRYSTALS_SEEN = 0.01
"""Share of a voxel's particles in crystals from which on its sizes are left out."""
SIZES = ("starting_diameter", "starting_polydispersity")
LEAST_OWN = 0.1
"""Of a starting size's sigma, the least that is taken as its own."""
CANCELS = {"volume_fraction": ("starting_solution",)}
"""phi is measured against the starting solution, and the model is proportional to it: its error moves both together."""
Table = TypeVar("Table", bound=Settings)
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Channel:
    """One measured quantity at the points of a run, arrays (point,).

    sigma: independent from point to point. shared: contribution -> signed change per sigma of one number of the run.
    used: False where nothing was measured or the model has no claim.
    """

    values: FloatArray
    sigma: FloatArray
    shared: Mapping[str, FloatArray]
    used: BoolArray


@dataclass(frozen=True, eq=False)
class StartErrors:
    """How the errors of the measured starting sizes hang together, and with those of the maps.

    correlation: of the counting errors of d and delta / d. shared: contribution -> signed change (d in nm, delta / d) per
    sigma of one number of the run, the same number as in the maps.
    """

    correlation: float = 0.0
    shared: Mapping[str, FloatArray] = field(default_factory=dict)

    def independent(self, name: str, sigma: float) -> float:
        """What is left of the sigma of starting size `name` when the shared contributions are taken off."""
        k = SIZES.index(name)
        rest = sigma**2 - sum(float(change[k]) ** 2 for change in self.shared.values())
        return float(np.sqrt(max(rest, (LEAST_OWN * sigma) ** 2)))


@dataclass(frozen=True, eq=False)
class Observations:
    """One run to be compared with the model.

    time (s), height (um above the anode) of each point, (point,); row, column: its place in the map of `shape`
    (scan, height). start_diameter (nm), start_polydispersity: of the starting solution, absent where it was not measured.
    correlation: (channel, channel) -> (point,), of their independent errors, which come from the same photons.
    """

    title: str
    cell: Cell
    solution: Solution
    program: VoltageProgram
    beam_fwhm_um: float
    shape: tuple[int, int]
    row: npt.NDArray[np.intp]
    column: npt.NDArray[np.intp]
    time: FloatArray
    height: FloatArray
    channels: Mapping[str, Channel]
    start_diameter: Number
    start_polydispersity: Number
    correlation: Mapping[tuple[str, str], FloatArray] = field(default_factory=dict)
    start_errors: StartErrors = field(default_factory=StartErrors)

    @property
    def size(self) -> int:
        """Number of values that the fit uses."""
        return sum(int(channel.used.sum()) for channel in self.channels.values())

    def to_map(self, values: FloatArray) -> FloatArray:
        """(point,) to (scan, height), NaN where there is no point."""
        filled = np.full(self.shape, np.nan)
        filled[self.row, self.column] = values
        return filled

    def only(self, used: BoolArray) -> Observations:
        """The same run with the points outside `used` (point,) left out of every channel."""
        channels = {name: replace(channel, used=channel.used & used) for name, channel in self.channels.items()}
        return replace(self, channels=channels)


def observations(results: RunResults, *, where: str = "results") -> Observations:
    """The maps of a finished analysis as points. `where` names the folder in messages.

    Sizes of voxels that hold crystals are left out: there the sphere fit sees a structure factor. Raises InputFileError
    where the settings lack the cell, the beam or the voltage, and FitError where nothing is left to fit.
    """
    phi = results.volume_fraction
    if phi.dims != ("scan", "height"):
        raise FitError(f"{where}: volume_fraction has dims {phi.dims}: a fit needs a map over scan and height")
    time = phi.coord("time")
    row, column = np.nonzero(np.isfinite(time))
    height = phi.coord("height")[column]
    cell = _settings(results, "cell", Cell, where)
    solution, beam = _settings(results, "solution", Solution, where), _settings(results, "beam", Beam, where)
    channels = {
        "volume_fraction": _seeing_crystals(_channel("volume_fraction", phi, row, column), results, row, column)
    }
    for name, noun in (("diameter", results.diameter), ("deviation", results.deviation)):
        if noun is not None:
            channel = _channel(name, noun, row, column)
            channels[name] = replace(channel, used=channel.used & ~_crystals(results, row, height, beam.fwhm_um))
    run = Observations(
        title=results.title, cell=cell, solution=solution, program=_program(results, cell, where),
        beam_fwhm_um=beam.fwhm_um, shape=(time.shape[0], time.shape[1]), row=row, column=column,
        time=time[row, column], height=height, channels=channels,
        start_diameter=results.numbers.get("starting_diameter", Number.absent("nm", "not in the results")),
        start_polydispersity=results.numbers.get("starting_polydispersity", Number.absent("one", "not in the results")),
        correlation=_correlation(results, channels, row, column),
        start_errors=_start_errors(results),
    )  # fmt: skip
    if not run.channels["volume_fraction"].used.any():
        raise FitError(f"{where}: no voxel has a volume fraction with a sigma: there is nothing to fit")
    return run


def _settings(results: RunResults, key: str, kind: type[Table], where: str) -> Table:
    table = results.settings.get(key)
    try:
        known = {k: v for k, v in dict(table or {}).items() if k in kind.model_fields}
        return kind.model_validate(known)
    except ValidationError as error:
        raise bad_value(
            InputFileError, where=where, field=f"settings.{key}", value=table,
            rule=f"does not describe the run ({error.errors()[0]['msg']})",
            remedy="give a results folder of electrosaxs analyse, which keeps the content of run.toml",
        ) from None  # fmt: skip


def _program(results: RunResults, cell: Cell, where: str) -> VoltageProgram:
    """V(t) as the analysis kept it, or the constant voltage of run.toml."""
    table = results.settings.get("voltage")
    if table is not None:
        try:
            return VoltageProgram.model_validate({key: list(table[key]) for key in ("time_s", "voltage_V")})
        except (ValidationError, KeyError, TypeError) as error:
            raise InputFileError(
                f"{where}: settings.voltage: does not hold time_s (increasing) and voltage_V of the same length ({error})"
            ) from None
    if cell.voltage_V is None:
        raise bad_value(
            InputFileError, where=where, field="settings.voltage", value="missing",
            rule="the model needs the voltage of the run",
            remedy="give cell.voltage_V in run.toml or a voltage column in the frame table and analyse again",
        )  # fmt: skip
    return VoltageProgram(time_s=[0.0], voltage_V=[cell.voltage_V])


def _channel(name: str, noun: Noun, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]) -> Channel:
    values, sigma = noun.values[row, column], noun.sigma[row, column]
    relative, absolute = MODEL_ACCURACY[name]
    used = noun.good[row, column] & np.isfinite(sigma)
    sigma = np.sqrt(sigma**2 + (relative * values) ** 2 + absolute**2)
    shared = {
        label: np.nan_to_num(np.asarray(spread.values, dtype=np.float64)[row, column])
        for label, spread in noun.shared.items()
        if label not in CANCELS.get(name, ())
    }
    return Channel(values, sigma, shared, used & (sigma > 0.0))


def _correlation(
    results: RunResults, channels: Mapping[str, Channel], row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]
) -> dict[tuple[str, str], FloatArray]:
    """Correlations of the errors in `channels`, of which counting is a part; empty where the analysis kept none."""
    kept = results.correlations
    if kept is None:
        return {}
    counted = {name: getattr(results, name).sigma[row, column] / channel.sigma for name, channel in channels.items()}
    pairs = {
        ("volume_fraction", "diameter"): kept.phi_diameter,
        ("volume_fraction", "deviation"): kept.phi_deviation,
        ("diameter", "deviation"): kept.diameter_deviation,
    }
    return {
        (one, other): np.nan_to_num(correlation[row, column] * counted[one] * counted[other])
        for (one, other), correlation in pairs.items()
        if one in channels and other in channels
    }


def _start_errors(results: RunResults) -> StartErrors:
    """From what the analysis kept of them."""
    kept = results.starting_errors
    if kept is None:
        return StartErrors()
    spread = np.sqrt(np.diag(kept.covariance))
    alike = float(kept.covariance[0, 1] / np.prod(spread)) if np.all(spread > 0.0) else 0.0
    return StartErrors(alike, kept.shared)


def _seeing_crystals(
    channel: Channel, results: RunResults, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp]
) -> Channel:
    """The channel with one more independent error: what the tail of the beam sees of the crystals is not known.

    How they stand in the beam is a parameter of the fit for the lowest voxel; how much of that a beam further up sees
    depends on the shape of the anode. All of a Gaussian beam's density there is taken as its sigma.
    """
    crystals, phi = results.crystalline_fraction, results.volume_fraction
    if crystals is None or crystals.dims != ("scan",):
        return channel
    height = phi.coord("height")
    spread = float(results.settings["beam"]["fwhm_um"]) / FWHM_PER_SIGMA
    lowest = np.nan_to_num(phi.values[:, 0] * np.maximum(crystals.values, 0.0))
    tail = np.exp(-0.5 * (height**2 - height[0] ** 2) / spread**2)[column] * (column > 0)
    return replace(channel, sigma=np.hypot(channel.sigma, tail * lowest[row]))


def _crystals(results: RunResults, row: npt.NDArray[np.intp], height: FloatArray, fwhm_um: float) -> BoolArray:
    """Points whose beam touches the anode in a scan in which crystals scatter."""
    crystals = results.crystalline_fraction
    if crystals is None or crystals.dims != ("scan",):
        return np.zeros(row.size, dtype=bool)
    scatter = np.nan_to_num(crystals.values) > np.maximum(CRYSTALS_SEEN, 3.0 * np.nan_to_num(crystals.sigma))
    return scatter[row] & (height < fwhm_um)
