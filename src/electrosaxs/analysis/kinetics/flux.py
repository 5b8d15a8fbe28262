"""J(z, t), the particle volume flux towards the anode, from continuity alone.

d phi/dt = dJ/dz with closed walls gives, from the cathode (J = 0 at z = L) and from the closed anode (J = 0 at z = 0),

    J(z) = -d/dt integral_z^L phi dz'        J(z) = d/dt integral_0^z phi dz'

No mobility, diffusivity or field enters. The second form holds until particles leave the solution at the anode; until
then both are used, weighted by what counting and interpolation leave uncertain in each, afterwards only the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipp as sc
from scipy import sparse

from ...errors import FitError, bad_value
from ...nouns import FloatArray, Flux, Number, VolumeFraction
from ...nouns.voltage_pieces import Piece
from .flux_operators import (
    METRE_PER_UM,
    BoolArray,
    IntArray,
    MapColumns,
    Profiles,
    flatten_operators,
    map_columns,
    profiles_at,
    scan_period,
)
from .mass_balance import LARGEST_UNSEEN_SHARE, inventory_operator, with_surface
from .profile_integral import UNCLEAR_CHANGE, PanelIntegrals, Panels, front_variances, integrate_panels, up_to

FEWEST_SCANS = 3
WINDOWS = (3, 5, 7, 9)
BIAS_GAIN = 2.4
FLAT_SHARE = 0.02
TOO_NOISY = 5.0
ROUNDING = 1e-12  # m


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
    """J at the height and time of every frame of `phi` (scan, height), in m/s, positive towards the anode.

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
    solved = [_both_walls(columns, n, anode_closed_until_s, from_cathode) for n in windows]
    side, chosen = _best_per_scan(columns, solved, (anode_closed_until_s, *steps_s))
    used = sorted({windows[k] for k in chosen})
    words = (
        f"continuity, local parabola over {' to '.join(str(n) for n in sorted({used[0], used[-1]}))} scans, from "
        + ("the cathode wall" if from_cathode else "the anode, as the upper cell was not scanned")
        + (" and, while nothing grew, from the anode" if from_cathode and anode_closed_until_s > 0.0 else "")
    )
    return ContinuityFlux(_as_flux(phi, columns, side), words)


def _both_walls(columns: MapColumns, visits: int, closed_until: float, from_cathode: bool) -> _Side:
    """J at every frame with a parabola over `visits` scans: from one wall, or from both weighted by 1/variance."""
    target = columns.time[:-1].ravel()
    profiles = profiles_at(columns, target, visits=visits)
    level: IntArray = np.tile(np.arange(columns.position.size, dtype=np.int64), columns.time.shape[0] - 1)
    cathode = _from_wall(columns, profiles, level, anode=False)
    anode = _from_wall(columns, profiles, level, anode=True)
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


def _from_wall(columns: MapColumns, profiles: Profiles, level: IntArray, *, anode: bool) -> _Side:
    """J at height `level` (target,) from the panels between there and one wall."""
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
    pace = _pace(columns, profiles)
    grown = np.sum(summed * (other_parts.value - parts.value), axis=1)
    hidden = np.maximum(np.abs(other - value), pace * np.abs(grown))
    by_rate, by_phi = (front_variances(profiles.phi, seen, rate) for rate in (profiles.rate, None))
    fronts = np.sqrt(np.sum(between * np.maximum(by_rate, np.square(pace)[:, None] * by_phi), axis=1))
    interpolation = _largest_nearby(np.hypot(hidden, fronts).reshape(columns.time[:-1].shape)).ravel()
    return _Side(value, _operator_of_rate(columns, profiles, panels, parts, chosen), interpolation)


def _pace(columns: MapColumns, profiles: Profiles) -> FloatArray:
    """1/s (target,): what the interpolation hides of the integral, times this, is what it may hide of its rate.

    At field-on the profile was flat and nothing was hidden, so that what is hidden at t has grown at 1/t on average,
    while the ends of a step may stand still: a front between them passes unseen. Where every height changes more slowly,
    the fastest of d ln|phi - phi0|/dt is taken instead.
    """
    change = np.maximum(np.abs(profiles.phi - columns.start), UNCLEAR_CHANGE * columns.start)
    since = np.maximum(columns.time[:-1].ravel(), scan_period(columns))
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


def _best_per_scan(columns: MapColumns, solved: list[_Side], events: Sequence[float]) -> tuple[_Side, IntArray]:
    """For each scan the window with the least risk: counting variance plus squared bias, means over its heights.

    The bias of a longer window is its departure from the shortest beyond what noise explains; that of the shortest is
    1/2.4 of the departure of the next one (a parabola over 5 equal steps has 3.4 times the bias of one over 3). It
    joins the interpolation sigma, at each point the larger of its own, of those of the scans beside, and the scan's mean:
    the window with the least risk is often the one whose own departure came out small by chance.
    """
    shape = columns.time[:-1].shape
    risks, biases, own_biases = [], [], []
    for side in solved:
        difference = sparse.csr_array(side.operator - solved[0].operator)
        excess = np.square(side.value - solved[0].value) - columns.counting_sigma(difference) ** 2
        biases.append(np.maximum(_mean_known(excess.reshape(shape)), 0.0))
        own_biases.append(_largest_nearby(np.maximum(excess, 0.0).reshape(shape)).ravel())
    if len(solved) > 1:
        biases[0], own_biases[0] = biases[1] / BIAS_GAIN**2, own_biases[1] / BIAS_GAIN**2
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
    in_time = np.hypot(in_time, _step_in_time(columns, value.reshape(shape), events).ravel())
    interpolation = np.hypot(np.stack([side.interpolation for side in solved])[pick], in_time)
    return _Side(value, sparse.csr_array(operator), interpolation), chosen


def _step_in_time(columns: MapColumns, flux: FloatArray, events: Sequence[float]) -> FloatArray:
    """Sigma (scan, height) where J steps at field-on or at one of `events` (s) within the scans that a derivative
    spans: half of what J changes there from scan to scan, 0 elsewhere."""
    time = columns.time[:-1]
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


def _as_flux(phi: VolumeFraction, columns: MapColumns, side: _Side) -> Flux:
    """Back on the scans and heights of the map; heights that were not used are NaN."""
    shape = columns.time[:-1].shape

    def on_map(values: FloatArray) -> FloatArray:
        full = np.full(phi.data.shape, np.nan)
        full[:, columns.kept] = values.reshape(shape)
        return full

    value = on_map(side.value)
    shared = {name: on_map(sigma) for name, sigma in columns.shared_sigma(side.operator).items()}
    shared["interpolation"] = on_map(side.interpolation)
    return Flux.from_arrays(
        value,
        dims=("scan", "height"),
        coords={"height": (("height",), phi.coord("height")), "time": (("scan", "height"), phi.coord("time"))},
        sigma=on_map(columns.counting_sigma(side.operator)),
        shared=shared,
        masks={"not_measured": (("scan", "height"), ~np.isfinite(value))},
    )


def supply_flux(
    phi: VolumeFraction,
    *,
    gap_um: float,
    start: float,
    beam_fwhm_um: float = 0.0,
    anode_closed_until_s: float = np.inf,
    during: Piece | None = None,
) -> Number:
    """phi0 v, what the field brings from the undisturbed solution (m/s): not what the slice at the anode gains.

    Where phi is flat at its starting value, J = v phi0; nothing leaves at the anode yet, so the particle volume below
    such a height grows at that rate. Slope of the volume below the lowest such height, equal weights over the scans in
    which it stays flat; scatter about the line beyond counting widens sigma. Scans far noisier than the rest are left out:
    with equal weights one of them would decide how well the line is known. during: the piece of the voltage program within
    which scans must lie. Absent, with the reason, where there are
    fewer than 3 such scans or fewer than 2 heights.
    """
    phi = _without_dim_scans(phi)
    try:
        columns = map_columns(phi, gap_um=gap_um, start=start, beam_fwhm_um=beam_fwhm_um, fewest_scans=1)
    except FitError as error:
        return Number.absent("m/s", str(error))
    flat = _flat_scans(columns) & (columns.time[:-1].max(axis=1) <= anode_closed_until_s)[:, None]
    if during is not None:
        flat &= np.all(during.has(columns.time[:-1]), axis=1)[:, None]
    lengths = flat.sum(axis=0)
    if lengths.max(initial=0) < FEWEST_SCANS:
        return Number.absent(
            "m/s",
            f"phi stayed within {FLAT_SHARE:.0%} of the start at one height above the enriched layer for only "
            f"{int(lengths.max(initial=0))} scans before the onset; {FEWEST_SCANS} are needed",
        )
    level = int(np.argmax(lengths))
    scans = np.flatnonzero(flat[:, level])
    below = with_surface(up_to(columns.panels, columns.position, float(columns.position[level])), columns)
    time = _layer_time(columns)
    profiles = profiles_at(columns, time[scans], visits=2, degree=1)
    volume, operator = inventory_operator(columns, profiles, below)
    other, _ = inventory_operator(columns, profiles, below.other_rule())
    centred = time[scans] - time[scans].mean()
    slope = centred / np.sum(centred**2)
    along = sparse.csr_array(slope[None, :]) @ operator
    excess = _scatter(time[scans], volume, columns.counting_sigma(operator))
    squares = [(excess * columns.counting_sigma(along)[0]) ** 2, float(slope @ (other - volume)) ** 2]
    squares.append(float(np.sum(np.square(slope @ np.sqrt(front_variances(profiles.phi, below))))))
    squares += [sigma[0] ** 2 for sigma in columns.shared_sigma(along).values()]
    return Number(
        float(slope @ volume),
        float(np.sqrt(sum(squares))),
        "m/s",
        f"phi0 v: rate at which the particle volume below {columns.height[level] / METRE_PER_UM:.0f} um grows, where "
        f"phi stayed within {FLAT_SHARE:.0%} of the start, line over {scans.size} scans, {time[scans[0]]:.0f} to "
        f"{time[scans[-1]]:.0f} s",
    )


def _without_dim_scans(phi: VolumeFraction) -> VolumeFraction:
    """phi with the scans masked of which the median sigma is 5 times that of the usual scan; as it was where fewer than 3 or
    half of the scans would be left."""
    known = phi.good & np.isfinite(phi.sigma) & (phi.values > 0.0)
    if phi.data.variances is None or not known.any():
        return phi
    with np.errstate(invalid="ignore"):
        relative = np.where(known, phi.sigma / np.abs(phi.values), np.nan)
    noise = np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in relative])
    dim = noise > TOO_NOISY * np.nanmedian(noise)
    left = int(np.sum(np.isfinite(noise) & ~dim))
    if not dim.any() or left < max(FEWEST_SCANS, dim.sum()):
        return phi
    masked = sc.array(dims=list(phi.dims), values=np.broadcast_to(dim[:, None], phi.values.shape))
    return replace(phi, data=phi.data.assign_masks(dim=masked))


def _scatter(time: FloatArray, volume: FloatArray, sigma: FloatArray) -> float:
    """sqrt(chi2 / dof) about the line through the volumes, at least 1."""
    if np.any(sigma <= 0.0):
        return 1.0
    residual = volume - np.polyval(np.polyfit(time, volume, 1), time)
    return max(1.0, float(np.sqrt(np.sum(np.square(residual / sigma)) / (time.size - 2))))


def _layer_time(columns: MapColumns) -> FloatArray:
    """When each scan read the enriched layer (scan,): mean time weighted with excess x width, so that the layer, the only
    part that changes, is hardly moved in time."""
    width = np.gradient(columns.position)
    good = columns.good[:-1]
    weight = np.where(good, np.maximum(columns.phi[:-1] / columns.start - 1.0, 0.0), 0.0).mean(axis=0) * width
    weights = np.where(good, weight, 0.0)
    total = weights.sum(axis=1)
    mean = np.sum(weights * columns.time[:-1], axis=1) / np.where(total > 0.0, total, 1.0)
    return np.where(total > 0.0, mean, columns.scan_time)


def _flat_scans(columns: MapColumns) -> BoolArray:
    """(scan, height): True while phi there and at the next height up stayed at the start, within 2 % or 2.5 sigma."""
    allowed = np.maximum(FLAT_SHARE * columns.start, 2.5 * np.sqrt(columns.variance[:-1]))
    near = columns.good[:-1] & (np.abs(columns.phi[:-1] - columns.start) <= allowed)
    unbroken = np.logical_and.accumulate(near | ~columns.good[:-1], axis=0)
    both = unbroken.copy()
    both[:, :-1] &= unbroken[:, 1:]
    both[:, 0] = False
    return both
