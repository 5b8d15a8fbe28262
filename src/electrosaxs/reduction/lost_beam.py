"""Frames that the beam did not reach: the shutter was closed, or the beam lost while the monitor kept its dark counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..nouns import FloatArray, FrameTable, Role

LEAST_BEAM = 0.05
"""Of the usual monitor rate (chosen): below it the monitor's dark counts, which no table states, are a part of what it says."""
USUAL = 0.75
"""Quantile of the monitor rates that is taken as usual: the beam may be off for most of a run."""
LEAST_SCATTERING = 0.1
"""Of the solvent's scattering, per photon and transmission (chosen): a cell with particles scatters more than one without."""
IN_THE_CELL = (Role.SAMPLE, Role.REFERENCE, Role.SOLVENT)


def beamless(
    table: FrameTable, photons: FloatArray, norm: FloatArray, bad: npt.NDArray[np.bool_]
) -> list[tuple[str, ...]]:
    """Per frame in words why there was no beam on the sample; empty where there was.

    photons, norm (frame,): sums over q of what was reduced; bad (frame,): frames that are left out anyway, which say nothing
    about the others.
    """
    lit = np.isin(table.role, [str(role) for role in IN_THE_CELL]) & ~bad
    beam = _over_usual(_monitor_rate(table), lit, USUAL)
    dim = (beam < LEAST_BEAM) & (table.role != str(Role.DARK))
    light = table.monitor * table.transmission * norm
    share = np.divide(photons, light, out=np.full(light.shape, np.nan), where=(light > 0.0) & lit)
    scattering = _over_usual(share, table.is_role(Role.SOLVENT) & lit & ~dim & (photons > 0), 0.5)
    blank = lit & (scattering < LEAST_SCATTERING)
    empty = lit & (photons == 0)

    def words(i: int) -> tuple[str, ...]:
        if dim[i]:
            return (f"no beam: the monitor says {100.0 * beam[i]:.2g} % of what it usually does",)
        if empty[i]:
            return ("no counts on the detector",)
        if blank[i]:
            return (
                f"no beam on the detector, or another role: {100.0 * scattering[i]:.2g} % of what the solvent scatters",
            )
        return ()

    return [words(i) for i in range(len(table))]


def _monitor_rate(table: FrameTable) -> FloatArray:
    """Monitor counts per second; where a frame states no exposure, that of most."""
    stated = np.isfinite(table.exposure) & (table.exposure > 0.0)
    usual = float(np.median(table.exposure[stated])) if stated.any() else 1.0
    return np.asarray(table.monitor / np.where(stated, table.exposure, usual))


def _over_usual(values: FloatArray, of: npt.NDArray[np.bool_], quantile: float) -> FloatArray:
    """`values` over their quantile among the frames `of`; NaN where these do not tell."""
    known = values[of & np.isfinite(values)]
    usual = float(np.quantile(known, quantile)) if known.size else np.nan
    return values / usual if usual > 0.0 else np.full(values.shape, np.nan)
