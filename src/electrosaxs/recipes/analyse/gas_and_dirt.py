"""What stays at one height and that neither light nor solvent tells: gas or dirt, by the step of phi there, or by the light at
the anode alone."""

from __future__ import annotations

import numpy as np

from ...analysis.concentration.lasting_steps import lasting_steps
from ...analysis.concentration.missing_solvent import MissingSolvent, most_gas
from ...analysis.concentration.two_measures import TwoMeasures
from ...analysis.footprint.correction import FootprintCorrection
from ...nouns import FloatArray
from ...nouns.contributions import DEPOSIT, GAS
from ...physics.beam import open_fraction
from .layer import without_crystals
from .measured_view import MeasuredView

IN_THE_DARK, IN_THE_LIGHT = 3.5, 4.5
"""Sigmas from which on a step is one where the electrode cuts the beam, so that light does not tell of gas, and elsewhere
(chosen; clean runs:
3.3 at most in 240 heights)."""
SURE = 3.0
"""Sigmas of the solvent that is missing from which on it says whether a step is gas."""
OF_THE_EDGE = 3.0
"""Sigmas from which on more light passes the anode than its height lets."""
OF_THE_OTHERS = 2.0
"""Sigmas of the light at the anode within which scans without gas may hold some, where others do."""
STEP_UM = 0.1


def steps_of_phi(view: MeasuredView, left_out: np.ndarray) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Contribution -> relative sigma of phi (scan, height), all that it steps by at one height and keeps, and in words. Where
    it is less it may be gas, where it is more a deposit; the solvent says which, if it can."""
    if view.layer is None:
        return {}, ()
    told = view.known & ~left_out & without_crystals(view.fraction)
    rest = np.where(told, view.logarithm - view.layer.logarithm, np.nan)
    level = lasting_steps(rest, view.grid.time, view.relative, least=np.where(view.cut, IN_THE_DARK, IN_THE_LIGHT))
    of_gas, of_deposit = np.zeros(level.shape), np.zeros(level.shape)
    for height in np.flatnonzero(level.any(axis=0)):
        has = told[:, height]
        own = level[:, height]
        lacks = np.where(has, own[has].max() - own, 0.0)
        says = _solvent_says(view.solvent, lacks, has, int(height))
        of_gas[:, height] = 0.0 if says is False else lacks
        of_deposit[:, height] = 0.0 if says is True else np.where(has, own - own[has].min(), 0.0)
    if not level.any():
        return {}, ()
    largest = int(np.argmax(np.ptp(level, axis=0)))
    scan = int(np.argmax(np.abs(np.diff(level[:, largest])))) + 1
    step = 100.0 * float(np.expm1(level[scan, largest] - level[scan - 1, largest]))
    words = (
        f"phi at {round(view.grid.heights[largest])} um steps by {step:+.2g} % in scan {scan} and stays, as at no other height:"
        " gas that came there, or a deposit, less than solvent and light tell; all of it is in its sigma",
    )
    found = {GAS: of_gas, DEPOSIT: of_deposit}
    return {name: sigma for name, sigma in found.items() if np.any(sigma)}, words


def _solvent_says(solvent: MissingSolvent, lacks: FloatArray, has: np.ndarray, height: int) -> bool | None:
    """Whether solvent is missing by `lacks` (scan,) in the scans that `has`, beside a constant; None: it does not say."""
    share, sigma = solvent.share[:, height], solvent.sigma[:, height]
    has = has & np.isfinite(share) & np.isfinite(sigma)
    if has.sum() < 3:
        return None
    weight = 1.0 / np.square(sigma[has])
    pattern = lacks[has] - float(weight @ lacks[has] / weight.sum())
    told = float(weight @ np.square(pattern))
    if told <= 0.0:
        return None
    size, off = float(weight @ (pattern * share[has])) / told, 1.0 / np.sqrt(told)
    if size > SURE * off:
        return True
    return False if 1.0 - size > SURE * off else None


def gas_or_edge(
    measures: TwoMeasures, view: MeasuredView, left_out: np.ndarray, edge_sigma_um: float | None
) -> FloatArray:
    """Relative sigma of phi (scan, height) by gas that may stand at an electrode in all scans, as far as the solvent does not
    rule it out: where more light passes than the height lets that the knife edge showed, and, where scans are out for gas, in
    the others. edge_sigma_um: of that height, None where no edge was seen and light does not tell."""
    heights, fwhm = view.grid.heights, view.run.beam.fwhm_um
    found = _gas_of(view.solvent, left_out & view.cut)
    if edge_sigma_um is None:
        return np.minimum(found, most_gas(view.solvent))
    sigma = of_the_edge(measures, heights, fwhm, edge_sigma_um)
    more = np.where(measures.place > OF_THE_EDGE * sigma, measures.place, 0.0)
    may = np.hypot(np.maximum(measures.place, 0.0), OF_THE_OTHERS * sigma)
    share = np.where(view.cut, np.maximum(more / view.solvent_depth, np.minimum(found, may / view.solvent_depth)), 0.0)
    return np.minimum(share, most_gas(view.solvent))


def of_the_edge(measures: TwoMeasures, height_um: FloatArray, fwhm_um: float, edge_sigma_um: float) -> FloatArray:
    """Sigma (height,) of ln T between the light where an electrode cuts the beam and what the knife edge says of it."""
    slope = np.log(open_fraction(height_um + STEP_UM, fwhm_um) / open_fraction(height_um, fwhm_um)) / STEP_UM
    return np.hypot(measures.place_sigma, slope * edge_sigma_um)


def _gas_of(solvent: MissingSolvent, out: np.ndarray) -> FloatArray:
    """Share of gas (height,) in the frames that are `out`, as their solvent says together; 0 where it does not."""
    told = out & np.isfinite(solvent.share) & np.isfinite(solvent.sigma)
    weight = np.where(told, 1.0 / np.square(np.where(told, solvent.sigma, 1.0)), 0.0)
    total = np.maximum(weight.sum(axis=0), 1e-12)
    share = np.sum(weight * np.where(told, solvent.share, 0.0), axis=0) / total
    return np.where(share * np.sqrt(total) > SURE, share, 0.0)


def in_the_mean(share: FloatArray, correction: FootprintCorrection) -> FloatArray:
    """What phi as the mean over the beam changes by, relative, where frames are off by `share` (scan, height): each is part of
    the profile that those beside it are corrected with."""
    reach = correction.response.shape[-1] // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(share, ((0, 0), (reach, reach))), 2 * reach + 1, axis=1)
    changed = np.abs(np.sum(np.nan_to_num(correction.response) * around, axis=-1))
    return np.maximum(changed, share)
