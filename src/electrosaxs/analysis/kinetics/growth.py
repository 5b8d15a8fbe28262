"""phi at the anode against time, its line before the onset, and the paper's slice flux.

Two definitions of the flux into the slice next to the anode (thickness w, 50 um in the paper), both accumulation rates
and neither of them the supply phi0 v:

    slice_flux       w x slope of phi in the voxel read at the anode        (the paper: "the rate that the local volume
                                                                              fraction rises", resolution 50 um)
    slice_flux_mean  d/dt of the integral of phi from 0 to w: w x slope of the mean of phi over the slice

The line has equal weights: a growth curve is not exactly straight, so weights that follow the counting statistics would
decide its slope. The slope is therefore that of the least-squares line through phi itself, and its sigma follows from
the sigmas of the points. Points far noisier than the rest (5 times the median) are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import sparse
from scipy.special import chdtrc

from ...errors import FitError, bad_value
from ...nouns import FloatArray, GrowthCurve, LineFit, Number, SliceFlux, SliceMeanFlux, VolumeFraction
from ...nouns.voltage_pieces import Piece
from ...units import METRE_PER_UM
from .flux_operators import BoolArray, IntArray, map_columns, profiles_at
from .mass_balance import inventory_operator, with_surface
from .profile_integral import up_to

OneFlux = TypeVar("OneFlux", bound=SliceFlux)
FEWEST_POINTS = PARABOLA = 3
TOO_NOISY = 5.0
REAL_SCATTER = 0.01
LARGEST_DEPARTURE = 0.1
STOPS = 1.0 / 6.0
"""Departure at the ends, of the rise, from which on the parabola's rate runs from twice that of the line to none, or back."""
MISSING = "missing_scans"
BEYOND = 2.0
"""Times (chosen): a parabola beyond the scans that it goes through is off by more than between them."""


def growth_curve(phi: VolumeFraction, *, slice_um: float = 50.0) -> GrowthCurve:
    """phi of the voxel nearest the anode in each scan (scan,), with its own times and contributions.

    FitError where no voxel lies within `slice_um` of the anode.
    """
    height = phi.coord("height")
    nearest = int(np.argmin(np.abs(height)))
    if abs(height[nearest]) > slice_um:
        raise bad_value(
            FitError,
            where="volume fraction map",
            field="height (um)",
            value=f"{height[nearest]:.0f}",
            rule=f"the growth curve needs a voxel within {slice_um:.0f} um of the anode",
            remedy="scan from the anode upwards, or check the anode height",
        )
    return GrowthCurve.from_arrays(
        phi.values[:, nearest],
        dims=("scan",),
        coords={"time": (("scan",), phi.coord("time")[:, nearest])},
        sigma=None if phi.data.variances is None else phi.sigma[:, nearest],
        shared={name: np.asarray(c.values)[:, nearest] for name, c in phi.shared.items()},
        masks={"not_measured": (("scan",), ~phi.good[:, nearest])},
    )


def slice_mean_curve(
    phi: VolumeFraction, *, gap_um: float, start: float, slice_um: float = 50.0, beam_fwhm_um: float = 0.0
) -> GrowthCurve:
    """Mean of phi from the anode to `slice_um`, at the time of the voxel nearest the anode (scan,).

    Profile integral (exponential in the boundary layer); contribution `interpolation` from the other rule.
    """
    columns = map_columns(phi, gap_um=gap_um, start=start, beam_fwhm_um=beam_fwhm_um, fewest_scans=1)
    below = with_surface(up_to(columns.panels, columns.position, slice_um * METRE_PER_UM), columns)
    time = columns.time[:-1, 0]
    profiles = profiles_at(columns, time, visits=2, degree=1)
    thickness = slice_um * METRE_PER_UM
    content, operator = inventory_operator(columns, profiles, below)
    other, _ = inventory_operator(columns, profiles, below.other_rule())
    operator = sparse.csr_array(operator / thickness)
    return GrowthCurve.from_arrays(
        content / thickness,
        dims=("scan",),
        coords={"time": (("scan",), time)},
        sigma=columns.counting_sigma(operator),
        shared={**columns.shared_sigma(operator), "interpolation": np.abs(other - content) / thickness},
        masks={"not_measured": (("scan",), ~columns.good[:-1, 0])},
    )


@dataclass(frozen=True)
class GrowthLine:
    """The line, what its slope is uncertain by (1/s): counting (with real scatter) and each shared contribution, in words over
    what it was fitted, and how far a parabola departs from it, share of the rise."""

    line: LineFit
    counting: float
    shared: Mapping[str, float]
    words: str
    bend: float = 0.0

    def slice_flux(self, slice_um: float, name: str = "phi of the voxel at the anode") -> Number:
        """`slice_um` x slope in m/s; doubtful where growth stops within the line, which then is of no rate that ever was."""
        thickness = slice_um * METRE_PER_UM
        stops = f"doubtful: no one rate: a parabola departs from the line by {self.bend:.0%} of the rise"
        return Number(
            thickness * self.line.slope,
            thickness * self.line.slope_sigma,
            "m/s",
            f"{slice_um:g} um x slope of {name}: {self.words}",
            quality=stops if self.bend > STOPS else "good",
        )


def growth_line(curve: GrowthCurve, *, onset_s: float | None = None, during: Piece | None = None) -> GrowthLine:
    """Least-squares line through all scans from field-on to the onset, or to the end of the run without one; where the voltage
    changes, through those `during` one piece of its program.

    Bend: where a parabola departs from the line by more than 3 sigma and 10 % of the rise (the slice saturates), the
    words say by how much; the line keeps its window, so that runs compare. Scatter: where the points scatter about a
    smooth curve (cubic) more than counting explains (chance below 1 %), the counting sigma grows by sqrt(chi2 / dof)
    and the words say so. Scans that are lost within the window leave a curve that bends with another slope: by how much is the
    contribution `missing_scans`. FitError with fewer than 3 points.
    """
    t, phi, sigma = curve.coord("time"), curve.values, curve.sigma
    window = _usable(curve) & (t >= 0.0) & (t < (np.inf if onset_s is None else onset_s))
    if during is not None:
        window &= during.has(t)
    if window.sum() < FEWEST_POINTS:
        raise bad_value(
            FitError,
            where="growth curve",
            field="points before the onset",
            value=int(window.sum()),
            rule=f"a line needs at least {FEWEST_POINTS}",
            remedy="scan faster, or lower the field",
        )
    order = np.flatnonzero(window)
    slope_of, offset_of = _line_operators(t[order])
    excess = _excess_scatter(t[order], phi[order], sigma[order])
    counting = excess * float(np.sqrt(np.sum(np.square(slope_of * np.nan_to_num(sigma[order])))))
    shared = {name: abs(float(slope_of @ np.asarray(c.values)[order])) for name, c in curve.shared.items()}
    lost = np.isfinite(t) & ~_usable(curve) & (t >= 0.0) & (t < (np.inf if onset_s is None else onset_s))
    lost &= True if during is None else during.has(t)
    shared[MISSING] = _without_the_lost(t[order], phi[order], t[lost])
    line = LineFit(
        slope=float(slope_of @ phi[order]),
        slope_sigma=float(np.sqrt(counting**2 + sum(s**2 for s in shared.values()))),
        offset=float(offset_of @ phi[order]),
        t_start=float(t[order].min()),
        t_end=float(t[order].max()),
    )
    bend = _departure(t[order], phi[order], excess * sigma[order])
    if during is None or (onset_s is not None and onset_s <= during.end):
        end = "the end of the run" if onset_s is None else "the onset"
    else:
        end = f"the end of what was measured at {during.voltage:g} V"
    return GrowthLine(line, counting, shared, _line_words(line, order.size, end, excess, bend), bend)


def _line_words(line: LineFit, points: int, end: str, excess: float, bend: float) -> str:
    words = f"least-squares line, {points} scans from {line.t_start:.0f} to {line.t_end:.0f} s, until {end}"
    if bend > LARGEST_DEPARTURE:
        words += f"; the curve bends, a parabola departs from the line by {bend:.0%} of the rise"
    if excess > 1.0:
        words += f"; sigma x {excess:.2f} for scatter beyond counting"
    return words


def slice_flux_curve(
    curve: GrowthCurve, *, slice_um: float = 50.0, start: float | None = None, steps_s: Sequence[float] = ()
) -> SliceFlux:
    """`slice_um` x d phi/dt at each scan (scan,), m/s: parabola through the scan and its neighbours, none beyond a step of the
    voltage (`steps_s`) where two scans at least lie on its side.

    Contribution `interpolation`: what a cubic through four scans gives otherwise, beyond its noise, the larger of its own and
    that of the scans beside: about a bend one of them may agree by chance; of the first scan after field-on (phi `start`) or
    after a step also half of what that moment changes, when the rate itself stepped. NaN with fewer than two scans.
    """
    return _flux_curve(SliceFlux, curve, slice_um, start, steps_s)


def slice_mean_flux_curve(
    mean: GrowthCurve, *, slice_um: float = 50.0, start: float | None = None, steps_s: Sequence[float] = ()
) -> SliceMeanFlux:
    """`slice_flux_curve` of the slice's mean (`slice_mean_curve`)."""
    return _flux_curve(SliceMeanFlux, mean, slice_um, start, steps_s)


def _flux_curve(
    kind: type[OneFlux], curve: GrowthCurve, slice_um: float, start: float | None, steps_s: Sequence[float]
) -> OneFlux:
    t, known = curve.coord("time"), np.flatnonzero(curve.good)
    thickness = slice_um * METRE_PER_UM
    parts = [part for part in np.split(known, np.searchsorted(t[known], sorted(steps_s))) if part.size]
    slope, cubic = (thickness * _slopes_of_parts(t, known, parts, points) for points in (3, 4))
    undefined = ~curve.good | (known.size < 2)
    phi, variance = np.where(curve.good, curve.values, 0.0), np.nan_to_num(np.square(curve.sigma))
    excess = np.square((cubic - slope) @ phi) - np.square(cubic - slope) @ variance

    def where_known(values: FloatArray) -> FloatArray:
        return np.where(undefined, np.nan, values)

    shared = {name: np.abs(slope @ np.where(curve.good, c.values, 0.0)) for name, c in curve.shared.items()}
    around = np.pad(np.sqrt(np.maximum(excess, 0.0))[known], 1)
    shared["interpolation"] = np.zeros(t.size)
    shared["interpolation"][known] = np.maximum(around[1:-1], np.maximum(around[:-2], around[2:]))
    first = [part[0] for part in parts]
    after = thickness * _rates_with_the_moment(t, phi, parts, start, sorted(steps_s))
    stepped = 0.5 * np.abs(np.where(np.isfinite(after), after - slope[first] @ phi, 0.0))
    shared["interpolation"][first] = np.maximum(shared["interpolation"][first], stepped)
    return kind.from_arrays(
        where_known(slope @ phi),
        dims=("scan",),
        coords={"time": (("scan",), t)},
        sigma=where_known(np.sqrt(np.square(slope) @ variance)),
        shared={name: where_known(sigma) for name, sigma in shared.items()},
        masks={"not_measured": (("scan",), undefined)},
    )


def _slopes_of_parts(t: FloatArray, known: IntArray, parts: Sequence[IntArray], points: int) -> FloatArray:
    """`_local_slopes` with the scans of each part alone; with all where it has fewer than the polynomial needs."""
    whole = _local_slopes(t, known, points)
    for part in parts if len(parts) > 1 else ():
        if part.size >= (2 if points == PARABOLA else points):
            whole[part] = _local_slopes(t, part, points)[part]
    return whole


def _rates_with_the_moment(
    t: FloatArray, phi: FloatArray, parts: Sequence[IntArray], start: float | None, steps: Sequence[float]
) -> FloatArray:
    """d phi/dt at the first scan of each part by a parabola that begins where the part does: at field-on with `start`, at a
    step with what the part before comes to; NaN where that is not known."""
    found = np.full(len(parts), np.nan)
    for k, part in enumerate(parts):
        if k == 0:
            begin, value = 0.0, np.nan if start is None else start
        else:
            begin, near = max(step for step in steps if step <= t[part[0]]), parts[k - 1][-PARABOLA:]
            value = float(np.polyval(np.polyfit(t[near] - begin, phi[near], near.size - 1), 0.0))
        if np.isfinite(value) and t[part[0]] > begin:
            times, values = np.concatenate([[begin], t[part]]), np.concatenate([[value], phi[part]])
            found[k] = (_local_slopes(times, np.arange(times.size), PARABOLA) @ values)[1]
    return found


def _local_slopes(t: FloatArray, known: IntArray, points: int) -> FloatArray:
    """Operator (scan, scan) for the slope (1/s) of the polynomial through the `points` known scans around each."""
    operator = np.zeros((t.size, t.size))
    count = min(points, known.size)
    for place, i in enumerate(known if count >= 2 else []):
        left = int(np.clip(place - (count - 1) // 2, 0, known.size - count))
        near = known[left : left + count]
        scale = float(np.ptp(t[near]))
        basis = ((t[near] - t[i]) / scale)[:, None] ** np.arange(count)
        operator[i, near] = np.linalg.inv(basis)[1] / scale
    return operator


def _usable(curve: GrowthCurve) -> BoolArray:
    good, sigma = curve.good, curve.sigma
    if curve.data.variances is None or not good.any():
        return good
    with np.errstate(invalid="ignore"):
        return good & (sigma <= TOO_NOISY * np.median(sigma[good]))


def _line_operators(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weights that give slope and offset (at t = 0) of the least-squares line."""
    centred = t - t.mean()
    slope = centred / np.sum(centred**2)
    return slope, 1.0 / t.size - t.mean() * slope


def _without_the_lost(t: FloatArray, phi: FloatArray, lost: FloatArray) -> float:
    """What the slope (1/s) would change by with the scans at the times `lost`, phi there from parabolas through the three
    scans around, in time (BEYOND times that where they are the first or the last) or in its root, as a layer begins. With what
    the two say otherwise of each lost scan: their errors may cancel in the slope."""
    if not lost.size:
        return 0.0
    slope, times = _line_operators(np.concatenate([t, lost]))[0], 1.0
    if lost.min() < t.min() or lost.max() > t.max():
        times = BEYOND
    filled = [_filled(t, phi, lost), _filled(np.sqrt(t), phi, np.sqrt(lost))]
    kept = float(_line_operators(t)[0] @ phi)
    even, rooted = (abs(float(slope @ np.concatenate([phi, one])) - kept) for one in filled)
    untold = slope[t.size :] * (filled[1] - filled[0])
    return float(np.hypot(max(times * even, rooted), np.linalg.norm(untold)))


def _filled(x: FloatArray, phi: FloatArray, lost: FloatArray) -> FloatArray:
    """phi at each `lost` value of x: of the parabola through the three points around."""
    found = []
    for place in lost:
        near = np.argsort(np.abs(x - place), kind="stable")[:PARABOLA]
        found.append(np.polyval(np.polyfit(x[near] - place, phi[near], 2), 0.0))
    return np.array(found)


def _departure(t: FloatArray, phi: FloatArray, sigma: FloatArray) -> float:
    """How far the least-squares parabola departs from the line at the ends, share of the rise; 0 within 3 sigma."""
    if t.size <= FEWEST_POINTS:
        return 0.0
    x = (t - t.mean()) / np.ptp(t)
    inverse = np.linalg.pinv(x[:, None] ** np.arange(3))
    # c x^2 over x in [-1/2, 1/2] departs from its line by c/12 in the middle and c/6 at the ends
    departure = abs(float(inverse[2] @ phi)) / 6.0
    noise = float(np.sqrt(np.sum(np.square(inverse[2] * np.nan_to_num(sigma))))) / 6.0
    rise = abs(float(inverse[1] @ phi))
    return departure / rise if departure > 3.0 * noise and rise > 0.0 else 0.0


def _excess_scatter(t: FloatArray, phi: FloatArray, sigma: FloatArray) -> float:
    """sqrt(chi2 / dof) about a cubic where counting does not explain it, else 1; 1 with fewer than 7 points."""
    if t.size < 7 or not np.all(np.isfinite(sigma)) or np.any(sigma <= 0.0):
        return 1.0
    x = (t - t.mean()) / np.ptp(t)
    basis = x[:, None] ** np.arange(4) / sigma[:, None]
    residual = phi / sigma - basis @ np.linalg.lstsq(basis, phi / sigma, rcond=None)[0]
    chi2, dof = float(residual @ residual), t.size - 4
    return float(np.sqrt(chi2 / dof)) if chdtrc(dof, chi2) < REAL_SCATTER else 1.0
