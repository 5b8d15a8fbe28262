"""phi0 v: what the field brings from the undisturbed solution, from how the particle volume below a height grows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import scipp as sc
from scipy import sparse

from ...errors import FitError
from ...nouns import FloatArray, Number, VolumeFraction
from ...nouns.voltage_pieces import Piece
from ...units import METRE_PER_UM
from .flux_operators import BoolArray, MapColumns, map_columns, profiles_at
from .mass_balance import inventory_operator, with_surface
from .profile_integral import front_variances, up_to

FEWEST_SCANS = 3
FLAT_SHARE = 0.02
TOO_NOISY = 5.0
SEEN = 0.5
"""Of its heights (chosen): a scan that has no more frames than that is none of the line."""


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
    flat &= (columns.good[:-1].mean(axis=1) > SEEN)[:, None]  # what was not seen has no volume of its own
    if during is not None:
        flat &= np.all(during.has(columns.time[:-1]), axis=1)[:, None]
    lengths = flat.sum(axis=0)
    if lengths.max(initial=0) >= FEWEST_SCANS:  # the volume below a height is known where all below it was seen
        flat &= _seen_below(columns)
        if flat.sum(axis=0).max() < FEWEST_SCANS:
            return Number.absent(
                "m/s", f"the layer at the anode was not measured in {FEWEST_SCANS} scans before the onset"
            )
        lengths = flat.sum(axis=0)
    if lengths.max(initial=0) < FEWEST_SCANS:
        return Number.absent(
            "m/s",
            f"phi stayed within {FLAT_SHARE:.0%} of the start at one height above the enriched layer for only "
            f"{int(lengths.max(initial=0))} scans before the onset; {FEWEST_SCANS} are needed",
        )
    level = int(np.argmax(lengths))
    scans = np.flatnonzero(flat[:, level])
    rate, sigma = _growth_below(columns, scans, level)
    time = _layer_time(columns)[scans]
    return Number(
        rate,
        sigma,
        "m/s",
        f"phi0 v: rate at which the particle volume below {columns.height[level] / METRE_PER_UM:.0f} um grows, where "
        f"phi stayed within {FLAT_SHARE:.0%} of the start, line over {scans.size} scans, {time[0]:.0f} to {time[-1]:.0f} s",
    )


def _growth_below(columns: MapColumns, scans: npt.NDArray[np.intp], level: int) -> tuple[float, float]:
    """Rate (m/s) at which the particle volume below the height `level` grows over `scans`, and its sigma."""
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
    return float(slope @ volume), float(np.sqrt(sum(squares)))


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


def _seen_below(columns: MapColumns) -> BoolArray:
    """(scan, height): whether every height up to there has frames about the time of the scan, or the start."""
    inside = profiles_at(columns, _layer_time(columns), visits=2, degree=1).inside
    return np.logical_and.accumulate(inside, axis=1)


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
