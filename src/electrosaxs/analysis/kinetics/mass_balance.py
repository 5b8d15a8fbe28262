"""The sealed cell keeps its particles: inventory over that at field-on, 1 until particles leave the scanned region.

inventory(t) = integral of phi dz from the anode to the cathode; at field-on it is phi0 L. The frames of a scan are
first brought to one time, linearly between the visits of each height. Crystals are
counted where the lowest voxel sees the anode's surface: what it holds beyond the solution continued from above is taken
to be crystals on the surface (`open_beam.crystal_length`: 35 um +/- 27 % for a 34 um beam on the edge). After the onset what is
missing may be crystals that no beam sees, and is in sigma: the balance then only refutes what is too much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ...errors import FitError
from ...nouns import FloatArray, MassBalance, Number, VolumeFraction
from ...units import METRE_PER_UM
from ..footprint.open_beam import crystal_length
from .flux_operators import (
    STARTING_SOLUTION,
    BoolArray,
    MapColumns,
    Profiles,
    flatten_operators,
    map_columns,
    profiles_at,
)
from .profile_integral import Panels, front_variances, integrate_panels

LARGEST_UNSEEN_SHARE = 0.1
NOT_MEASURABLE = "the mass balance is not measurable"


@dataclass(frozen=True)
class SealedCell:
    """The mass balance, None where it cannot be measured, its mean deviation from 1 before the onset, and the particle volume
    per area that has left the solution by the last scan."""

    balance: MassBalance | None
    error: Number
    lost: Number


def inventory_operator(columns: MapColumns, profiles: Profiles, panels: Panels) -> tuple[FloatArray, sparse.csr_array]:
    """Integral of phi over `panels` (m) at each target, and its operator (target, row x height flattened)."""
    parts = integrate_panels(profiles.phi, panels)
    weight = panels.onto_heights(parts.by_lower, parts.by_upper) + panels.bend.sum(axis=0)
    return parts.value.sum(axis=-1), flatten_operators([(weight, profiles.phi_operators)], columns.phi.shape)


@dataclass(frozen=True)
class _Content:
    """Particle volume per area (m) of solution and surface at each target, its operator over the map, what of it lies on the
    surface, and the sigma of the interpolation."""

    value: FloatArray
    operator: sparse.csr_array
    on_surface: FloatArray
    interpolation: FloatArray

    @classmethod
    def of(cls, columns: MapColumns, profiles: Profiles) -> _Content:
        panels = with_surface(columns.panels, columns)
        value, operator = inventory_operator(columns, profiles, panels)
        return cls(value, operator, _on_surface(columns, profiles), _interpolation(columns, profiles, panels))


def _content_since(columns: MapColumns, profiles: Profiles, since: BoolArray) -> _Content:
    """The content; at the targets `since` the anode may hold crystals, which voxels beside it may see."""
    before, beside = _Content.of(columns, profiles), columns.beside_crystals()
    if beside is columns or not since.any():
        return before
    after = _Content.of(beside, profiles)
    pick = [sparse.diags_array(kept.astype(float)).tocsr() for kept in (since, ~since)]
    return _Content(
        np.where(since, after.value, before.value),
        sparse.csr_array(pick[0] @ after.operator + pick[1] @ before.operator),
        np.where(since, after.on_surface, before.on_surface),
        np.where(since, after.interpolation, before.interpolation),
    )


def _on_surface(columns: MapColumns, profiles: Profiles) -> FloatArray:
    """Particle volume per area on the anode (m) at each target; 0 where the lowest voxel does not see the surface."""
    if columns.surface is None:
        return np.zeros(profiles.phi.shape[0])
    return integrate_panels(profiles.phi, columns.surface).value.sum(axis=1)


def with_surface(panels: Panels, columns: MapColumns) -> Panels:
    """`panels` of the solution and what lies on the anode's surface, where the lowest voxel sees it."""
    return panels if columns.surface is None else panels.joined(columns.surface)


def mass_balance(
    phi: VolumeFraction,
    *,
    gap_um: float,
    start: float,
    beam_fwhm_um: float = 0.0,
    onset_s: float | None = None,
) -> SealedCell:
    """inventory(t) / (start x gap) for each scan at its mean time.

    `start`: phi of the starting solution, whose own sigma cancels. Contributions: the others of phi, and `interpolation`
    (one order lower between the heights; fronts and layers lost within a step; of a single scan, that its frames are not
    of one time) and `surface` (how much of what lies on the anode the beam sees). Not measurable, with the reason, where more
    than a tenth of the gap was not scanned. `onset_s`: scans before it give the error number; all scans where it is
    None.
    """
    unseen = _unseen_share(phi, gap_um)
    if unseen > LARGEST_UNSEEN_SHARE:
        heights = phi.coord("height")
        return _not_measurable(
            f"the scan covers {heights.min():.0f} to {heights.max():.0f} um of the "
            f"{gap_um:.0f} um gap, {unseen:.0%} of the cell was not seen (at most {LARGEST_UNSEEN_SHARE:.0%})"
        )
    try:
        columns = map_columns(phi, gap_um=gap_um, start=start, beam_fwhm_um=beam_fwhm_um, fewest_scans=1)
    except FitError as error:
        return _not_measurable(str(error))
    time = columns.scan_time
    profiles = profiles_at(columns, time, visits=2, degree=1)
    full = start * columns.gap
    since = time > (np.inf if onset_s is None else onset_s)
    content = _content_since(columns, profiles, since)
    inventory = content.value
    operator = sparse.csr_array(content.operator / full)
    shared = _without_start(columns.shared_sigma(operator))
    _, unknown = crystal_length(columns.beam_height[0], columns.beam_fwhm) if columns.sees_surface else (0.0, 0.0)
    unseen_crystals = np.where(columns.sees_surface & since, np.maximum(1.0 - inventory / full, 0.0), 0.0)
    shared["surface"] = np.hypot(unknown * np.abs(content.on_surface) / full, unseen_crystals)
    shared["interpolation"] = content.interpolation / full
    balance = MassBalance.from_arrays(
        inventory / full,
        dims=("scan",),
        coords={"time": (("scan",), time)},
        sigma=columns.counting_sigma(operator),
        shared=shared,
        masks={"not_measured": (("scan",), ~profiles.inside.all(axis=1))},
    )
    told = np.flatnonzero(_told(columns, profiles))
    if not told.size:
        lost = Number.absent("um", f"{NOT_MEASURABLE}: no scan was measured at every height")
    else:
        lost = _lost(columns, float(time[told[-1]]), onset_s)
    return SealedCell(balance, _mean_error(balance, columns, operator, onset_s), lost)


def solution_loss(
    phi: VolumeFraction,
    time_s: float,
    *,
    gap_um: float,
    start: float,
    beam_fwhm_um: float,
    onset_s: float | None = None,
) -> Number:
    """Particle volume per area (um) that has left the solution by a time between the scans; absent, with the reason, where
    the mass balance is. onset_s: since when the anode may hold crystals."""
    unseen = _unseen_share(phi, gap_um)
    if unseen > LARGEST_UNSEEN_SHARE:
        return Number.absent("um", f"{NOT_MEASURABLE}: {unseen:.0%} of the cell was not seen")
    try:
        columns = map_columns(phi, gap_um=gap_um, start=start, beam_fwhm_um=beam_fwhm_um, fewest_scans=1)
    except FitError as error:
        return Number.absent("um", f"{NOT_MEASURABLE}: {error}")
    if not _told(columns, profiles_at(columns, np.array([time_s]), visits=2, degree=1)).all():
        return Number.absent("um", f"{NOT_MEASURABLE}: not every height was measured about {time_s:.0f} s")
    return _lost(columns, time_s, onset_s)


def _told(columns: MapColumns, profiles: Profiles) -> BoolArray:
    """Targets (target,) about which every height was measured that the solution is summed from: the lowest is none of them
    where it sees the surface."""
    return np.asarray(profiles.inside[:, int(columns.sees_surface) :].all(axis=1))


def _interpolation(columns: MapColumns, profiles: Profiles, panels: Panels) -> FloatArray:
    """Sigma (m) of the integral over `panels` at each target: one order lower between the heights; fronts and layers lost
    within a step; of a single scan, that phi need not change evenly since the start."""
    inventory, _ = inventory_operator(columns, profiles, panels)
    other, _ = inventory_operator(columns, profiles, panels.other_rule())
    lost_fronts = np.sqrt(front_variances(profiles.phi, panels).sum(axis=1))
    in_time = np.zeros_like(inventory)
    if columns.time.shape[0] == 2:
        in_time = integrate_panels(columns.phi[:1], panels).value.sum(axis=-1) - inventory
    return np.asarray(np.sqrt(np.square(other - inventory) + np.square(lost_fronts) + np.square(in_time)))


def _not_measurable(why: str) -> SealedCell:
    return SealedCell(
        None,
        Number.absent("one", f"not measurable: {why}"),
        Number.absent("um", f"{NOT_MEASURABLE}: {why}"),
    )


def _lost(columns: MapColumns, time_s: float, onset_s: float | None) -> Number:
    """phi0 L less the integral of the solution at one time."""
    if onset_s is not None and time_s > onset_s:
        columns = columns.beside_crystals()
    profiles = profiles_at(columns, np.array([time_s]), visits=2, degree=1)
    left, operator = inventory_operator(columns, profiles, columns.panels)
    value = columns.start * columns.gap - float(left[0])
    parts = [columns.counting_sigma(operator), _interpolation(columns, profiles, with_surface(columns.panels, columns))]
    parts += list(_without_start(columns.shared_sigma(operator)).values())
    return Number(
        value / METRE_PER_UM, float(np.linalg.norm([part[0] for part in parts])) / METRE_PER_UM, "um",
        f"particle volume per area that left the solution: phi0 L less its integral at {time_s:.0f} s",
    )  # fmt: skip


def _without_start(shared: dict[str, FloatArray]) -> dict[str, FloatArray]:
    return {name: sigma for name, sigma in shared.items() if name != STARTING_SOLUTION}


def _unseen_share(phi: VolumeFraction, gap_um: float) -> float:
    """Share of the gap below the lowest and above the highest height."""
    seen = phi.coord("height")[phi.good.any(axis=0)]
    if seen.size < 2:
        return 1.0
    return float((max(seen.min(), 0.0) + gap_um - seen.max()) / gap_um)


def _mean_error(balance: MassBalance, columns: MapColumns, operator: sparse.csr_array, onset_s: float | None) -> Number:
    before = balance.good & (balance.coord("time") < (np.inf if onset_s is None else onset_s))
    when = "all scans" if onset_s is None else "scans before the onset"
    if not before.any():
        return Number.absent("one", "no scan was finished before the onset: there is no balance of the closed cell")
    mean = sparse.csr_array((before / before.sum())[None, :]) @ operator
    squares = [float(columns.counting_sigma(mean)[0]) ** 2]
    squares += [float(s[0]) ** 2 for s in _without_start(columns.shared_sigma(mean)).values()]
    for name in ("interpolation", "surface"):
        squares.append(float(np.mean(balance.shared[name].values[before])) ** 2)
    deviation = float(np.mean(balance.values[before]) - 1.0)
    return Number(
        deviation,
        float(np.sqrt(sum(squares))),
        "one",
        f"mean of inventory / (phi0 L) - 1 over {int(before.sum())} {when}; sigma: counting, the contributions "
        f"shared by all frames, and the interpolation between {columns.position.size} heights over "
        f"{columns.gap / METRE_PER_UM:.0f} um",
    )
