"""What to measure next: which heights, times and voltages fix a chosen parameter best, against an even scan.

One frame at height z and time t adds g g^T / sigma^2 to the Fisher information, g the derivatives of phi there. The
variance of a parameter is its place on the diagonal of the inverse (Atkinson & Donev 1992, D_s- and c-optimal designs).
Every frame has its own time and the beam can be in one place at a time: a schedule gives each time one height.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import FitError
from ..nouns import FloatArray, VoltageProgram
from ..transport import CellHistory, beam_weights
from .fit import CellFit
from .forward import crystal_share
from .propagate import value_and_slopes

SWEEPS = 6
"""How often every frame of a schedule is moved to its best height; it settles after two or three."""
SOLVENT = 0.05
"""What the solvent scatters, in units of the starting solution: it limits what depleted heights can tell (chosen)."""
ACCURACY = 1e-3
"""Relative sigma of phi that no count improves (chosen)."""


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

    Cell, solution and beam are those of `run`. with_past: the new frames add to what the fit knows already; else they
    stand alone, with sizes of the starting solution as well known as in the fit. relative_sigma: of one frame of the
    starting solution, by counting. Raises FitError for a parameter that is not free, and where no program fixes it.
    """
    k = fit.problem.layout.index(label)
    levels = np.unique(np.asarray(heights, dtype=np.float64))
    slots = np.unique(np.asarray(times, dtype=np.float64))
    past = _past(fit, with_past)
    found = []
    for program in programs:
        frames = _information_vectors(fit, program, slots, levels, run, relative_sigma)
        even = np.arange(slots.size) % levels.size
        best = _exchange(frames, even, past, k)
        variance, plain = _variance(frames, best, past, k), _variance(frames, even, past, k)
        if not np.isfinite(variance):
            best = even
        to_log = _relative_slope(fit, k)
        found.append(
            Schedule(program, slots, levels[best], to_log * variance**0.5, to_log * plain**0.5,
                     _gain(frames, even, past, k, variance))
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
    variance = relative_sigma**2 * start * (phi + SOLVENT * start) + (ACCURACY * phi) ** 2
    return np.asarray(slopes / np.sqrt(variance)[..., None])


def _exchange(frames: FloatArray, start: npt.NDArray[np.intp], past: FloatArray, k: int) -> npt.NDArray[np.intp]:
    """Move one frame after the other to the height that leaves parameter k the least variance."""
    chosen = np.array(start)
    for _ in range(SWEEPS):
        before = chosen.copy()
        for slot in range(chosen.size):
            others = np.delete(np.arange(chosen.size), slot)
            base = past + _sum(frames[others, chosen[others]])
            candidates = [base + np.outer(g, g) for g in frames[slot]]
            chosen[slot] = int(np.argmin([_inverse_diagonal(matrix, k) for matrix in candidates]))
        if np.array_equal(before, chosen):
            break
    return chosen


def _variance(frames: FloatArray, chosen: npt.NDArray[np.intp], past: FloatArray, k: int) -> float:
    return _inverse_diagonal(past + _sum(frames[np.arange(chosen.size), chosen]), k)


def _gain(frames: FloatArray, even: npt.NDArray[np.intp], past: FloatArray, k: int, wanted: float) -> float:
    """By how much the even scan would have to be repeated for the variance `wanted`; inf where no repetition does."""
    if not np.isfinite(wanted):
        return 1.0
    added = _sum(frames[np.arange(even.size), even])
    low, high = 0.0, 1.0
    while _inverse_diagonal(past + high * added, k) > wanted and high < 1e6:
        low, high = high, 2.0 * high
    if high >= 1e6:
        return np.inf
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _inverse_diagonal(past + middle * added, k) > wanted else (low, middle)
    return high


def _sum(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors.T @ vectors)


def _inverse_diagonal(information: FloatArray, k: int) -> float:
    """Element k of the diagonal of the inverse; inf where the information does not reach parameter k."""
    scale = np.sqrt(np.diag(information))
    if scale[k] == 0.0:
        return np.inf
    known = scale > 0.0
    values, vectors = np.linalg.eigh((information / np.outer(scale + ~known, scale + ~known))[np.ix_(known, known)])
    place = int(np.sum(known[:k]))
    if values[0] < 1e-13 * values[-1] and np.abs(vectors[place, 0]) > 1e-6:
        return np.inf
    return float(np.sum(vectors[place] ** 2 / np.maximum(values, 1e-300))) / float(scale[k]) ** 2


def _relative_slope(fit: CellFit, k: int) -> float:
    """Sigma of the coordinate to relative sigma of the value; exponents stay as they are."""
    item, x = fit.problem.layout.free[k], float(fit.x[k])
    if item.parameter.scale == "linear":
        return 1.0
    return abs(item.parameter.slope(x) / item.parameter.value(x))
