"""What to measure next, for a fit in memory: at which heights to be when, and under which voltage, to fix one parameter.

Every frame has its own time, and only its height is chosen; `design_frames` has the search, and `electrosaxs plan
--measure` chooses times too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...errors import FitError
from ...nouns import FloatArray, VoltageProgram
from ...transport import CellHistory, beam_weights
from ..fit import CellFit
from ..forward import crystal_share
from ..observations import MODEL_ACCURACY
from ..propagate import value_and_slopes
from .cell import SOLVENT
from .frames import Candidates, Frames, best_frames, repeats


@dataclass(frozen=True, eq=False)
class Schedule:
    """times (s), heights (um) of each frame, (frame,), under one voltage program, and what parameter sigma it leaves.

    sigma: relative (of the exponent: absolute), with the information of the fit so far; even_sigma: the same number of
    frames, evenly scanned. gain: how many times more even frames would give the same.
    """

    program: VoltageProgram
    times: FloatArray
    heights: FloatArray
    sigma: float
    even_sigma: float
    gain: float


def next_schedules(
    fit: CellFit,
    label: str,
    programs: Sequence[VoltageProgram],
    times: npt.ArrayLike,
    heights: npt.ArrayLike,
    *,
    relative_sigma: float = 0.03,
    run: int = 0,
    with_past: bool = True,
) -> tuple[Schedule, ...]:
    """For each voltage program the best height at each of `times` (s) among `heights` (um), the best program first.

    The even scan goes through all heights, one at each time, again and again; within a scan the chosen heights rise or stay.

    Cell, solution and beam are those of `run`. with_past: the new frames add to what the fit knows already; else they
    stand alone, with sizes of the starting solution as well known as in the fit. relative_sigma: of one frame of the
    starting solution, by counting. Raises FitError for a parameter that is not free, and where no program fixes it.
    """
    k = fit.problem.layout.index(label)
    levels = np.unique(np.asarray(heights, dtype=np.float64))
    slots = np.unique(np.asarray(times, dtype=np.float64))
    past, to_value = _past(fit, with_past), relative_slope(fit, k)
    number = np.arange(slots.size)
    even = Frames(number, number % levels.size, number // levels.size)
    found = []
    for program in programs:
        vectors = _information_vectors(fit, program, slots, levels, run, relative_sigma)
        candidates = Candidates(vectors[:, :, None, :], past, k)
        best = best_frames(candidates, even)
        variance, plain = (candidates.variance(candidates.gathered(frames)) for frames in (best, even))
        found.append(
            Schedule(program, slots, levels[best.level], to_value * variance**0.5, to_value * plain**0.5,
                     repeats(candidates, even, variance))
        )  # fmt: skip
    if not any(np.isfinite(schedule.sigma) for schedule in found):
        raise FitError(
            f"design: these frames do not fix {label}; add heights, times or voltages, or count what is known"
        )
    return tuple(sorted(found, key=lambda schedule: schedule.sigma))


def _past(fit: CellFit, with_past: bool) -> FloatArray:
    """Information before the new frames: that of the fit, or only that on the sizes at the start."""
    layout = fit.problem.layout
    if with_past:
        slopes = fit.minimum.jacobian / fit.widening
        return np.asarray(slopes.T @ slopes)
    sizes = layout.prior(fit.x)[1]
    return np.asarray(sizes.T @ sizes)


def _information_vectors(
    fit: CellFit, program: VoltageProgram, times: FloatArray, heights: FloatArray, run: int, relative_sigma: float
) -> FloatArray:
    """d phi / d x over sigma for a frame at each time and height, (time, height, free)."""
    observed = fit.problem.runs[run]
    moved = replace(observed, program=program)
    runs = tuple(moved if n == run else other for n, other in enumerate(fit.problem.runs))
    here = replace(fit, problem=replace(fit.problem, runs=runs))

    def seen(history: CellHistory) -> FloatArray:
        rows, density = beam_weights(history.z, heights * 1e-6, observed.beam_fwhm_um * 1e-6)
        crystals = history.crystals.sum(axis=1)[:, None] * density
        length = fit.values(run).get("crystal_length", 1.0)
        return np.asarray(history.total_phi() @ rows.T + crystals * crystal_share(length, observed.beam_fwhm_um))

    phi, slopes = value_and_slopes(here, run, times, seen)
    start = observed.solution.volume_fraction
    variance = relative_sigma**2 * start * (phi + SOLVENT * start) + (MODEL_ACCURACY["volume_fraction"][0] * phi) ** 2
    return np.asarray(slopes / np.sqrt(variance)[..., None])


def relative_slope(fit: CellFit, k: int) -> float:
    """Sigma of the coordinate to relative sigma of the value; exponents stay as they are."""
    item, x = fit.problem.layout.free[k], float(fit.x[k])
    if item.parameter.scale == "linear":
        return 1.0
    return abs(item.parameter.slope(x) / item.parameter.value(x))
