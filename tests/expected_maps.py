"""What an ideal measurement finds of a simulated cell, by the transport's beam weights: another route to the twin's truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from electrosaxs.nouns import Experiment, FloatArray
from electrosaxs.transport import CellHistory, beam_weights, number_moments


@dataclass(frozen=True, eq=False)
class ExpectedMaps:
    """Truth at pairs (time, height), each in the shape of the pairs; class arrays have (class,) behind it.

    phi: volume fraction averaged over the beam's open part, solution and crystals together; phi_solution and
    phi_crystals: its two parts, per class. diameter_nm, deviation_nm: number-weighted moments of the core diameter
    of all that the beam sees. phi_point: phi of the solution at the height itself; NaN inside an electrode.
    """

    phi: FloatArray
    phi_solution: FloatArray
    phi_crystals: FloatArray
    diameter_nm: FloatArray
    deviation_nm: FloatArray
    phi_point: FloatArray


def expected_maps(
    history: CellHistory, experiment: Experiment, times_s: npt.ArrayLike, heights_um: npt.ArrayLike
) -> ExpectedMaps:
    """What an ideal measurement gives at pairs of time (s) and height of the beam centre above the anode (um).

    The beam is Gaussian and what of it lies in an electrode is blocked; a layer of crystals on the anode counts
    with the beam's density there. Raises ShapeError where nearly all of the beam is blocked.
    """
    times, heights = np.broadcast_arrays(np.asarray(times_s, dtype=float), np.asarray(heights_um, dtype=float) * 1e-6)
    shape = times.shape
    levels, which = np.unique(heights.ravel(), return_inverse=True)
    rows, density = beam_weights(history.z, levels, experiment.beam.fwhm_um * 1e-6)
    solution = np.maximum(history.observe(times.ravel(), rows, which), 0.0)
    crystals = density[which, None] * history.crystals_at(times.ravel())
    mean, deviation = number_moments(solution + crystals, history.classes.diameter_nm, history.dry_shell_nm)
    inside = (heights >= 0.0) & (heights <= history.z[-1])
    point = np.full(shape, np.nan)
    point[inside] = history.at(times[inside], heights[inside]).sum(axis=-1)
    return ExpectedMaps(
        phi=(solution + crystals).sum(axis=-1).reshape(shape),
        phi_solution=solution.reshape(*shape, -1),
        phi_crystals=crystals.reshape(*shape, -1),
        diameter_nm=mean.reshape(shape),
        deviation_nm=deviation.reshape(shape),
        phi_point=point,
    )
