"""J(z, t), the particle volume flux towards the anode, from continuity alone.

d phi/dt = dJ/dz with closed walls gives, from the cathode (J = 0 at z = L) and from the closed anode (J = 0 at z = 0),

    J(z) = -d/dt integral_z^L phi dz'        J(z) = d/dt integral_0^z phi dz'

No mobility, diffusivity or field enters. The second form holds until particles leave the solution at the anode; until
then both are used, weighted by what counting and interpolation leave uncertain in each, afterwards only the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from ...errors import FitError, bad_value
from ...nouns import FloatArray, Flux, VolumeFraction
from ...physics.beam import open_beam_centre
from ...units import METRE_PER_UM
from .flux_operators import (
    BoolArray,
    IntArray,
    MapColumns,
    Profiles,
    flatten_operators,
    map_columns,
    profiles_at,
    scan_period,
)
from .mass_balance import LARGEST_UNSEEN_SHARE, with_surface
from .profile_integral import UNCLEAR_CHANGE, PanelIntegrals, Panels, front_variances, integrate_panels

FEWEST_SCANS = 3
WINDOWS = (3, 5, 7, 9)
BIAS_GAIN = 2.4
ROUNDING = 1e-12  # m
BLOCK = 512
"""Frames at which J is found together: their operators, each over all heights and up to nine scans, are what takes memory."""
BESIDE = 2
"""Scans on each side of a block that its own scans look at."""


@dataclass(frozen=True)
class ContinuityFlux:
    """The flux map and, in words, which wall it was integrated from and over how many scans."""

    flux: Flux
    words: str


@dataclass(frozen=True)
class _Side:
    """J from one wall at every target: value (m/s), operator over the map, interpolation sigma; NaN value where it
    cannot be."""

    value: FloatArray
    operator: sparse.csr_array
    interpolation: FloatArray


@dataclass(frozen=True)
class _Found:
    """J at every frame of some scans (scan, height), m/s: its sigmas by name, and which window each scan took (scan,)."""

    value: FloatArray
    sigma: FloatArray
    shared: dict[str, FloatArray]
    window: IntArray

    @classmethod
    def joined(cls, blocks: Sequence[_Found]) -> _Found:
        return cls(
            np.concatenate([block.value for block in blocks]),
            np.concatenate([block.sigma for block in blocks]),
            {name: np.concatenate([block.shared[name] for block in blocks]) for name in blocks[0].shared},
            np.concatenate([block.window for block in blocks]),
        )


def continuity_flux(
    phi: VolumeFraction,
    *,
    gap_um: float,
    start: float,
    beam_fwhm_um: float = 0.0,
    anode_closed_until_s: float = 0.0,
    visits: int | None = None,
    steps_s: Sequence[float] = (),
) -> ContinuityFlux:
    """J at the time of every frame of `phi` (scan, height), in m/s, positive towards the anode, and at the height where the
    frame reads phi, `height_effective`: the centre of the open beam; at the lowest height that of the beam itself.

    anode_closed_until_s: before it nothing leaves the solution at the anode (the onset; infinity where nothing grew),
    so that J may also be integrated from there; 0: from the cathode only. visits: scans of the local parabola in time;
    None chooses for each scan among 3, 5, 7, 9 the one with the least variance plus squared bias. steps_s: when the voltage
    changed. Masked where frames
    beyond the measured times would be needed. FitError with fewer than 3 scans, or where neither wall serves.
    """
    columns = map_columns(phi, gap_um=gap_um, start=start, beam_fwhm_um=beam_fwhm_um, fewest_scans=FEWEST_SCANS)
    unseen_above = 1.0 - columns.position[-1] / columns.gap
    from_cathode = unseen_above <= LARGEST_UNSEEN_SHARE
    if not from_cathode and anode_closed_until_s <= 0.0:
        raise bad_value(
            FitError,
            where="flux from continuity",
            field="highest height (um)",
            value=f"{columns.position[-1] * 1e6:.0f} of {gap_um:.0f}",
            rule="the upper cell was not scanned and the anode is not known to be closed",
            remedy="scan up to the cathode, or give the time until which nothing grew",
        )
    scans = phi.data.shape[0]
    windows = (visits,) if visits is not None else tuple(n for n in WINDOWS if n == WINDOWS[0] or 2 * n <= scans)
    found = _Found.joined(
        [
            _in_block(columns, block, windows, anode_closed_until_s, from_cathode, steps_s)
            for block in _blocks(scans, columns.position.size)
        ]
    )
    used = sorted({windows[k] for k in found.window})
    words = (
        f"continuity, local parabola over {' to '.join(str(n) for n in sorted({used[0], used[-1]}))} scans, from "
        + ("the cathode wall" if from_cathode else "the anode, as the upper cell was not scanned")
        + (" and, while nothing grew, from the anode" if from_cathode and anode_closed_until_s > 0.0 else "")
    )
    return ContinuityFlux(_as_flux(phi, columns, found), words)


def _blocks(scans: int, heights: int) -> list[tuple[int, int]]:
    """First scan and end of each block of about BLOCK frames, of equal length."""
    ends = np.linspace(0, scans, -(-scans * heights // BLOCK) + 1).astype(int)
    return [(int(a), int(b)) for a, b in pairwise(ends) if b > a]


def _in_block(
    columns: MapColumns, block: tuple[int, int], windows: Sequence[int], closed_until: float, from_cathode: bool,
    steps_s: Sequence[float],
) -> _Found:  # fmt: skip
    """J at the frames of the scans of a block, found with the scans beside it, as if all were one."""
    first, end = max(block[0] - BESIDE, 0), min(block[1] + BESIDE, columns.time.shape[0] - 1)
    time = columns.time[first:end]
    walls = (closed_until, from_cathode, steps_s)
    solved = [_both_walls(columns, time, n, *walls) for n in windows]
    finer = None
    if len(windows) == 1 and windows[0] == WINDOWS[0] and columns.time.shape[0] > WINDOWS[0] + 1:
        finer = _both_walls(columns, time, windows[0] + 1, *walls, degree=3)
    side, chosen = _best_per_scan(columns, time, solved, (closed_until, *steps_s), finer)
    shared = {**columns.shared_sigma(side.operator), "interpolation": side.interpolation}
    own = slice(block[0] - first, block[1] - first)

    def of_block(values: FloatArray) -> FloatArray:
        return np.asarray(values.reshape(time.shape)[own])

    sigma = columns.counting_sigma(side.operator)
    return _Found(of_block(side.value), of_block(sigma), {k: of_block(v) for k, v in shared.items()}, chosen[own])


def _both_walls(
    columns: MapColumns, time: FloatArray, visits: int, closed_until: float, from_cathode: bool, steps_s: Sequence[float],
    degree: int = 2,
) -> _Side:  # fmt: skip
    """J at each frame's time (scan, height) with a polynomial over `visits` scans: from one wall, or from both weighted by
    1/variance. Once the anode may hold crystals, the solution is that of heights whose beams do not see them."""
    profiles = profiles_at(columns, time.ravel(), visits=visits, degree=degree, steps_s=steps_s)
    before = _walls_joined(columns, profiles, time, closed_until, from_cathode)
    beside, since = columns.beside_crystals(), np.max(profiles.last, axis=1) > closed_until
    if beside is columns or not since.any():
        return before
    after = _walls_joined(beside, profiles, time, closed_until, from_cathode)
    pick = [sparse.diags_array(kept.astype(float)).tocsr() for kept in (since, ~since)]
    return _Side(
        np.where(since, after.value, before.value),
        sparse.csr_array(pick[0] @ after.operator + pick[1] @ before.operator),
        np.where(since, after.interpolation, before.interpolation),
    )


def _walls_joined(
    columns: MapColumns, profiles: Profiles, time: FloatArray, closed_until: float, from_cathode: bool
) -> _Side:
    """`_both_walls` with these profiles and one way to continue the solution to the anode."""
    level: IntArray = np.tile(np.arange(columns.position.size, dtype=np.int64), len(time))
    cathode = _from_wall(columns, profiles, time, level, anode=False)
    anode = _from_wall(columns, profiles, time, level, anode=True)
    below = np.arange(columns.position.size) <= level[:, None]
    closed = np.max(np.where(below, profiles.last, -np.inf), axis=1) <= closed_until
    open_value = np.where(closed, anode.value, np.nan)
    if not from_cathode:
        return _Side(open_value, anode.operator, anode.interpolation)
    uncertain = [columns.counting_sigma(s.operator) ** 2 + s.interpolation**2 for s in (anode, cathode)]
    usable = np.isfinite(open_value) & np.isfinite(cathode.value)
    total = np.where(usable, uncertain[0] + uncertain[1], 1.0)
    share = np.where(usable, uncertain[1] / np.where(total > 0.0, total, 1.0), 0.0)
    share = np.where(np.isfinite(open_value) & ~np.isfinite(cathode.value), 1.0, share)
    mix = sparse.diags_array(share).tocsr()
    rest = sparse.diags_array(1.0 - share).tocsr()
    return _Side(
        np.where(share > 0.0, share * np.nan_to_num(open_value), 0.0)
        + np.where(share < 1.0, (1.0 - share) * cathode.value, 0.0),
        sparse.csr_array(mix @ anode.operator + rest @ cathode.operator),
        np.hypot(share * anode.interpolation, (1.0 - share) * cathode.interpolation),
    )


def _from_wall(columns: MapColumns, profiles: Profiles, time: FloatArray, level: IntArray, *, anode: bool) -> _Side:
    """J at height `level` (target,) and `time` (scan, height) from the panels between there and one wall."""
    seen = with_surface(columns.panels, columns)
    between = _between(columns, seen, level, anode=anode)
    panels = seen if anode else columns.panels
    summed = between[:, : panels.lower.size]
    sign = 1.0 if anode else -1.0
    chosen: FloatArray = sign * summed.astype(float)
    by_other_rule = panels.other_rule()
    parts, other_parts = (integrate_panels(profiles.phi, rule) for rule in (panels, by_other_rule))
    value = _rate_of(profiles, panels, parts, chosen)
    other = _rate_of(profiles, by_other_rule, other_parts, chosen)
    needed = _heights_of(panels, summed, columns.position.size)
    value = np.where(np.all(profiles.inside | ~needed, axis=1), value, np.nan)
    pace = _pace(columns, profiles, time.ravel())
    grown = np.sum(summed * (other_parts.value - parts.value), axis=1)
    hidden = np.maximum(np.abs(other - value), pace * np.abs(grown))
    by_rate, by_phi = (front_variances(profiles.phi, seen, rate) for rate in (profiles.rate, None))
    fronts = np.sqrt(np.sum(between * np.maximum(by_rate, np.square(pace)[:, None] * by_phi), axis=1))
    interpolation = _largest_nearby(np.hypot(hidden, fronts).reshape(time.shape)).ravel()
    return _Side(value, _operator_of_rate(columns, profiles, panels, parts, chosen), interpolation)


def _pace(columns: MapColumns, profiles: Profiles, time: FloatArray) -> FloatArray:
    """1/s (target,): what the interpolation hides of the integral, times this, is what it may hide of its rate.

    At field-on the profile was flat and nothing was hidden, so that what is hidden at t has grown at 1/t on average,
    while the ends of a step may stand still: a front between them passes unseen. Where every height changes more slowly,
    the fastest of d ln|phi - phi0|/dt is taken instead.
    """
    change = np.maximum(np.abs(profiles.phi - columns.start), UNCLEAR_CHANGE * columns.start)
    since = np.maximum(time, scan_period(columns))
    return np.minimum(np.max(np.abs(profiles.rate) / change, axis=1), 1.0 / since)


def _between(columns: MapColumns, panels: Panels, level: IntArray, *, anode: bool) -> BoolArray:
    """Which panels (target, panel) lie between height `level` and the wall.

    The anode's surface, the last panels, is below any height; seen from the cathode, what the lowest voxel holds beyond
    the solution continued from above may lie above the lowest height.
    """
    height = np.concatenate([columns.height[:1], columns.position[1:]])[level][:, None]
    bottom, top = panels.spans(columns.position)
    on_surface = np.arange(bottom.size) >= columns.panels.lower.size
    if not anode:
        return np.asarray(np.where(on_surface, level[:, None] == 0, bottom >= height - ROUNDING))
    return np.asarray(np.where(on_surface, height > 0.0, top <= height + ROUNDING))


def _heights_of(panels: Panels, between: BoolArray, heights: int) -> BoolArray:
    """Which heights (target, height) the chosen panels read."""
    used = np.zeros((between.shape[0], heights), dtype=bool)
    for k in range(panels.lower.size):
        used[:, panels.lower[k]] |= between[:, k]
        used[:, panels.upper[k]] |= between[:, k]
    return used


def _rate_of(profiles: Profiles, panels: Panels, parts: PanelIntegrals, chosen: FloatArray) -> FloatArray:
    """d/dt of the sum of the panels that are `chosen` (target, panel; with their sign); parts: their integrals of phi.

    With a, b the profile at the ends of a panel: dG/dt = G_a a' + G_b b'.
    """
    a_rate, b_rate = profiles.rate[:, panels.lower], profiles.rate[:, panels.upper]
    bent = profiles.rate @ panels.bend.T
    return np.asarray(np.sum(chosen * (parts.by_lower * a_rate + parts.by_upper * b_rate + bent), axis=1))


def _operator_of_rate(
    columns: MapColumns, profiles: Profiles, panels: Panels, parts: PanelIntegrals, chosen: FloatArray
) -> sparse.csr_array:
    """First-order operator of `_rate_of` over the map: a change of phi acts through a', b' and through G_a, G_b."""
    a_rate, b_rate = profiles.rate[:, panels.lower], profiles.rate[:, panels.upper]
    curvature = parts.by_lower_twice * (a_rate - parts.ratio * b_rate)
    by_rate = panels.onto_heights(chosen * parts.by_lower, chosen * parts.by_upper) + chosen @ panels.bend
    by_phi = panels.onto_heights(chosen * curvature, -chosen * parts.ratio * curvature)
    terms = [(by_rate, profiles.rate_operators), (by_phi, profiles.phi_operators)]
    return flatten_operators(terms, columns.phi.shape)


def _largest_nearby(difference: FloatArray) -> FloatArray:
    """Largest of a scan and its two neighbours (scan, height): a difference of two estimates may cross zero by chance."""
    padded = np.pad(np.nan_to_num(difference), ((1, 1), (0, 0)), mode="edge")
    return np.max(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)


def _best_per_scan(
    columns: MapColumns, time: FloatArray, solved: list[_Side], events: Sequence[float], finer: _Side | None
) -> tuple[_Side, IntArray]:
    """For each scan the window with the least risk: counting variance plus squared bias, means over its heights.

    The bias of a longer window is its departure from the shortest beyond what noise explains; that of the shortest is
    1/2.4 of the departure of the next one (a parabola over 5 equal steps has 3.4 times the bias of one over 3). It
    joins the interpolation sigma, at each point the larger of its own, of those of the scans beside, and the scan's mean:
    the window with the least risk is often the one whose own departure came out small by chance. Of a single window it is what
    a cubic through one scan more (`finer`) gives otherwise.
    """
    shape = time.shape
    risks, biases, own_biases = [], [], []
    for side in solved:
        difference = sparse.csr_array(side.operator - solved[0].operator)
        excess = np.square(side.value - solved[0].value) - columns.counting_sigma(difference) ** 2
        biases.append(np.maximum(_mean_known(excess.reshape(shape)), 0.0))
        own_biases.append(_largest_nearby(np.maximum(excess, 0.0).reshape(shape)).ravel())
    if len(solved) > 1:
        biases[0], own_biases[0] = biases[1] / BIAS_GAIN**2, own_biases[1] / BIAS_GAIN**2
    elif finer is not None:
        difference = sparse.csr_array(finer.operator - solved[0].operator)
        excess = np.square(finer.value - solved[0].value) - columns.counting_sigma(difference) ** 2
        own_biases[0] = _largest_nearby(np.maximum(excess, 0.0).reshape(shape)).ravel()
    for side, bias in zip(solved, biases, strict=True):
        risks.append(_mean_known((columns.counting_sigma(side.operator) ** 2).reshape(shape)) + bias)
    chosen = np.argmin(risks, axis=0)
    target_choice = np.repeat(chosen, shape[1])
    operator = sparse.csr_array(solved[0].operator.shape)
    for k, side in enumerate(solved):
        operator = operator + sparse.diags_array((target_choice == k).astype(float)).tocsr() @ side.operator
    pick = (target_choice, np.arange(target_choice.size))
    in_time = np.repeat(np.asarray(biases)[chosen, np.arange(shape[0])], shape[1])
    in_time = np.sqrt(np.maximum(in_time, np.stack(own_biases)[pick]))
    value = np.stack([side.value for side in solved])[pick]
    in_time = np.hypot(in_time, _step_in_time(time, value.reshape(shape), events).ravel())
    interpolation = np.hypot(np.stack([side.interpolation for side in solved])[pick], in_time)
    return _Side(value, sparse.csr_array(operator), interpolation), chosen


def _step_in_time(time: FloatArray, flux: FloatArray, events: Sequence[float]) -> FloatArray:
    """Sigma (scan, height) where J steps at field-on or at one of `events` (s) within the scans that a derivative
    spans: half of what J changes there from scan to scan, 0 elsewhere."""
    before = np.concatenate([np.full((1, time.shape[1]), -np.inf), time[:-1]])
    after = np.concatenate([time[1:], time[-1:]])
    near = np.zeros(time.shape, dtype=bool)
    for event in (0.0, *events):
        near |= (before < event) & (event < after)
    return np.where(near, 0.5 * np.abs(np.gradient(np.nan_to_num(flux), axis=0)), 0.0)


def _mean_known(values: FloatArray) -> FloatArray:
    """Mean over the heights (scan,) of the finite values; 0 where there are none."""
    known = np.isfinite(values)
    return np.sum(np.where(known, values, 0.0), axis=1) / np.maximum(known.sum(axis=1), 1)


def _as_flux(phi: VolumeFraction, columns: MapColumns, found: _Found) -> Flux:
    """Back on the scans and heights of the map; heights that were not used are NaN."""

    def on_map(values: FloatArray) -> FloatArray:
        full = np.full(phi.data.shape, np.nan)
        full[:, columns.kept] = values
        return full

    value = on_map(found.value)
    at = (
        open_beam_centre(phi.coord("height"), columns.beam_fwhm / METRE_PER_UM)
        if columns.beam_fwhm
        else phi.coord("height")
    )
    at = np.array(at)
    at[columns.kept] = np.concatenate([columns.height[:1], columns.position[1:]]) / METRE_PER_UM
    return Flux.from_arrays(
        value,
        dims=("scan", "height"),
        coords={
            "height": (("height",), phi.coord("height")),
            "height_effective": (("height",), at),
            "time": (("scan", "height"), phi.coord("time")),
        },
        sigma=on_map(found.sigma),
        shared={name: on_map(sigma) for name, sigma in found.shared.items()},
        masks={"not_measured": (("scan", "height"), ~np.isfinite(value))},
    )
