"""Which heights, times and voltage to measure next, to fix one parameter best, beside an even scan of as many frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...analysis.footprint.open_beam import crystal_length
from ...control.limits import Limits
from ...control.plant import Plant
from ...control.programs import constant_after_ramp
from ...errors import InputFileError, bad_value
from ...inference.covariance import NUMERICAL
from ...inference.design.cell import FrameNoise, Unknowns, frame_vectors, noise_of, prior, unknowns
from ...inference.design.frames import Candidates, Frames, IndexArray, best_frames, repeats
from ...inference.forward import CLASSES
from ...inference.parameters import ALWAYS_FREE, PARAMETERS, PER_RUN, SIZES
from ...io.fit_parameters import FittedParameters
from ...nouns import Experiment, FloatArray, VoltageProgram
from ...transport import CellHistory, SizeClasses
from ..fitted_parameters import that_apply

SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
"""Constant voltages that are tried, in shares of the highest one allowed."""
MOVE_S = 2.0
"""What a frame takes beside its exposure at the least: the stage moves and settles (chosen)."""
MOST_SLOTS = 600
CRYSTALS = ("solubility", "attachment_time")
OWN = "the experiment's own"
SAME = 1e-3
"""Relative; two constant voltages that differ by less are one."""


@dataclass(frozen=True, eq=False)
class Tried:
    """One voltage program: sigma of the parameter after its chosen frames, and after an even scan of as many, with what the
    model's own grid leaves uncertain.

    repeats: how often the even scan would have to be taken for the same.
    """

    name: str
    program: VoltageProgram
    frames: Frames
    sigma: float
    even_sigma: float
    repeats: float
    phi: FloatArray


@dataclass(frozen=True, eq=False)
class Measure:
    """What to measure next: programs tried, the best first; times (slot,) s, heights (level,) um; even: the even scan.

    value: of the parameter; before: its sigma without new frames, None where nothing was known. exposure (s) of a frame.
    """

    parameter: str
    value: float
    before: float | None
    times: FloatArray
    heights: FloatArray
    even: Frames
    exposure: float
    tried: tuple[Tried, ...]

    @property
    def best(self) -> Tried:
        return self.tried[0]

    @property
    def constant(self) -> tuple[Tried, ...]:
        """Those of the programs that end at their highest voltage and keep it."""
        return tuple(one for one in self.tried if OWN not in one.name or len(set(one.program.voltage_V)) == 1)


def candidate_programs(experiment: Experiment, plant: Plant, limits: Limits) -> dict[str, VoltageProgram]:
    """The experiment's own program where the limits allow it, and constant voltages up to the highest that is reached.

    Each under a name of its own. A constant voltage that is the experiment's own is tried once.
    """
    top, _ = limits.highest_within(plant.cell, plant.transport, experiment.scan.duration_s)
    volts = [share * top for share in SHARES]
    own = experiment.voltage
    if limits.exceeded(own, plant.cell, plant.transport):
        return {f"{volt:.4g} V": constant_after_ramp(volt, limits) for volt in volts}
    constant = max(own.voltage_V) == min(own.voltage_V)
    name = f"{own.voltage_V[0]:.4g} V, {OWN}" if constant else f"{OWN} program"
    others = [volt for volt in volts if not constant or abs(volt - own.voltage_V[0]) > SAME * volt]
    return {name: own, **{f"{volt:.4g} V": constant_after_ramp(volt, limits) for volt in others}}


def measure_next(
    experiment: Experiment,
    plant: Plant,
    parameter: str,
    programs: Mapping[str, VoltageProgram],
    *,
    fitted: FittedParameters | None = None,
) -> Measure:
    """The frames of a next run of `experiment` that fix `parameter` best, under each of `programs`.

    As many scans and frames as the experiment has, in its duration; a frame takes its exposure and MOVE_S at least.
    fitted: what is known already, with its covariance; else the new frames stand alone. Raises InputFileError for a
    parameter that the experiment or the fit leaves no room for, and where no program tells anything of it.
    """
    scan = experiment.scan
    noise = noise_of(experiment.beam.photons_per_s * scan.exposure_s, scan.reference_frames)
    known = _unknowns(experiment, plant, parameter, fitted, noise)
    asked = known.names.index(parameter)
    times, even_slots = _slots(experiment)
    heights, even_levels = _levels(experiment)
    places, number = even_levels.size, np.arange(even_slots.size)
    even = Frames(even_slots, even_levels[number % places], number // places)
    before = prior(known, heights.size)
    value = known.values[parameter]
    slope = abs(PARAMETERS[parameter].slope(PARAMETERS[parameter].coordinate(value)))
    tried = []
    for name, program in programs.items():
        vectors, phi = frame_vectors(
            lambda values, program=program: _run(plant, values, program, times),  # type: ignore[misc]
            known, times, heights, experiment.beam.fwhm_um, plant.solution.volume_fraction, noise,
        )  # fmt: skip
        candidates = Candidates(vectors, before, asked)
        chosen = best_frames(candidates, even)
        variance, plain = (candidates.variance(candidates.gathered(frames)) for frames in (chosen, even))
        tried.append(
            Tried(
                name, program, chosen, slope * np.hypot(variance**0.5, NUMERICAL), slope * np.hypot(plain**0.5, NUMERICAL),
                repeats(candidates, even, variance), phi,
            )
        )  # fmt: skip
    tried.sort(key=lambda one: one.sigma)
    if not np.isfinite(tried[0].sigma):
        raise _refused(
            parameter, "no voltage, height or time of this experiment tells anything of it",
            "give growth.solubility where it is about crystals, a longer scan.duration_s, or more --max-voltage",
        )  # fmt: skip
    return Measure(
        parameter, value, _before(fitted, parameter), times, heights, even, experiment.scan.exposure_s, tuple(tried)
    )


def _run(plant: Plant, values: Mapping[str, float], program: VoltageProgram, times: FloatArray) -> CellHistory:
    """The cell under a program for named parameters, up to the last of `times`."""
    moved = plant.with_parameters({name: value for name, value in values.items() if name not in PER_RUN})
    if SIZES[0] in values:
        mean = values[SIZES[0]]
        sizes = SizeClasses.gaussian(mean, mean * values[SIZES[1]], CLASSES)
        moved = Plant(moved.cell, moved.solution, sizes, moved.transport, moved.growth, moved.slice_m)
    return moved.run(program, [float(times[-1])])


def _unknowns(
    experiment: Experiment, plant: Plant, parameter: str, fitted: FittedParameters | None, noise: FrameNoise
) -> Unknowns:
    """The free parameters of the design with what is known of them; InputFileError where `parameter` is none of them."""
    growing = plant.growth.solubility is not None
    values = {name: value for name, value in _settings(plant).items() if growing or name not in CRYSTALS}
    if fitted is None:
        free = tuple(name for name in (*ALWAYS_FREE, *CRYSTALS[:2]) if name in values)
        covariance = None
    else:
        applies = that_apply(dict.fromkeys(fitted.names, 0.0), plant)
        free = tuple(name for name in fitted.names if name in values and name in applies)
        rows = [fitted.names.index(name) for name in free]
        covariance = fitted.covariance[np.ix_(rows, rows)]
    if parameter not in free:
        source = "this experiment" if fitted is None else "this fit"
        raise _refused(
            parameter, f"is not among the parameters that {source} leaves free ({', '.join(free)})",
            "name one of them, give growth.solubility for those of crystals, or a fit in which it is free",
        )  # fmt: skip
    if growing:
        values["crystal_length"] = crystal_length(0.0, experiment.beam.fwhm_um)[0]
    solution = experiment.solution
    if solution.core_diameter_nm is not None and solution.core_sigma_nm is not None:
        values |= {SIZES[0]: solution.core_diameter_nm, SIZES[1]: solution.core_sigma_nm / solution.core_diameter_nm}
    return unknowns(values, free, covariance, noise)


def _settings(plant: Plant) -> dict[str, float]:
    """Parameters of the plant by the names that a fit gives them; those without a value, and no delay, are left out."""
    given = {name: plant.parameter(name) for name in PARAMETERS}
    return {
        name: value for name, value in given.items() if value is not None and (value, name) != (0.0, "attachment_time")
    }


def _slots(experiment: Experiment) -> tuple[FloatArray, IndexArray]:
    """Moments at which a frame may be taken (s), and which of them the frames of the even scan have."""
    scan = experiment.scan
    count = scan.scans * len(scan.heights_um)
    period = scan.duration_s / count
    fine = max(1, min(int(period / (scan.exposure_s + MOVE_S)), MOST_SLOTS // count))
    times = (np.arange(count * fine) + 1) * period / fine - 0.5 * scan.exposure_s
    return times, (np.arange(count) + 1) * fine - 1


def _levels(experiment: Experiment) -> tuple[FloatArray, IndexArray]:
    """Heights (um) that may be chosen, those of the scan and the middles between them, and which are the scan's.

    Nearer to one another than the beam is high, two heights tell the same.
    """
    own = np.sort(np.array(experiment.scan.heights_um, dtype=np.float64))
    wide = np.diff(own) >= 2.0 * experiment.beam.fwhm_um
    heights = np.sort(np.concatenate([own, 0.5 * (own[1:] + own[:-1])[wide]]))
    return heights, np.searchsorted(heights, own)


def _before(fitted: FittedParameters | None, parameter: str) -> float | None:
    if fitted is None or parameter not in fitted.names:
        return None
    return float(np.sqrt(fitted.covariance[(fitted.names.index(parameter),) * 2]))


def _refused(parameter: str, rule: str, remedy: str) -> Exception:
    return bad_value(InputFileError, where="experiment", field="--measure", value=parameter, rule=rule, remedy=remedy)
