"""The six cells of a campaign and what the model does in them: histories of an experiment, as it is or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputFileError, bad_value
from ..nouns import Experiment, FloatArray, GrowthSettings, TransportSettings
from ..transport import CellHistory, SizeClasses, beam_weights, simulate
from .paper import EX_SITU_VOLTAGES, IN_SITU_VOLTAGES, SLICE_M

FEW_CLASSES = 13
"""Enough where only phi is asked for (inference.forward): 1e-5 of it."""


@dataclass(frozen=True, eq=False)
class Campaign:
    """Experiments by voltage (V): `in_situ` in the larger gap, `ex_situ` in the smaller one."""

    in_situ: Mapping[float, Experiment]
    ex_situ: Mapping[float, Experiment]

    @property
    def main(self) -> Experiment:
        """20 V over 3.5 mm, 57 V/cm: the run of which the paper shows profiles and sizes."""
        return self.in_situ[20.0]


def campaign_of(experiments: Sequence[Experiment]) -> Campaign:
    """Sort the six experiments by gap and voltage. InputFileError where they are not those of the paper."""
    widest = max((e.cell.gap_mm for e in experiments), default=0.0)
    cells: tuple[dict[float, Experiment], dict[float, Experiment]] = ({}, {})
    for experiment in experiments:
        cells[experiment.cell.gap_mm < widest][experiment.voltage.voltage_V[-1]] = experiment
    wanted = (set(IN_SITU_VOLTAGES), set(EX_SITU_VOLTAGES))
    if (set(cells[0]), set(cells[1])) != wanted or len(experiments) != sum(map(len, wanted)):
        raise bad_value(
            InputFileError,
            where="campaign",
            field="voltage.voltage_V",
            value=f"{sorted(cells[0])} V in the larger gap, {sorted(cells[1])} V in the smaller one",
            rule=f"must be {sorted(wanted[0])} and {sorted(wanted[1])} V, one experiment each",
            remedy="take the files of examples/campaign",
        )
    return Campaign(dict(sorted(cells[0].items())), dict(sorted(cells[1].items())))


def sizes_of(experiment: Experiment, classes: int) -> SizeClasses:
    """The Gaussian of the file. InputFileError for a table: the claims are about a Gaussian."""
    solution = experiment.solution
    if solution.core_diameter_nm is None or solution.core_sigma_nm is None:
        raise bad_value(
            InputFileError,
            where="campaign",
            field="solution.distribution",
            value=solution.distribution,
            rule="the paper's claims are about a Gaussian",
            remedy="give core_diameter_nm and core_sigma_nm",
        )
    return SizeClasses.gaussian(solution.core_diameter_nm, solution.core_sigma_nm, classes)


def one_size(experiment: Experiment) -> SizeClasses:
    """All particles at the mean diameter."""
    return SizeClasses.from_table([sizes_of(experiment, FEW_CLASSES).mean_nm()], [1.0])


def history(
    experiment: Experiment,
    times: npt.ArrayLike,
    *,
    sizes: SizeClasses | None = None,
    growth: GrowthSettings | None = None,
    **transport: Any,
) -> CellHistory:
    """The cell of an experiment at `times` (s). Without `growth` nothing crystallises; `transport`: keys to change."""
    settings = TransportSettings(**{**experiment.transport.model_dump(), **transport})
    return simulate(
        experiment.cell,
        experiment.solution,
        sizes_of(experiment, FEW_CLASSES) if sizes is None else sizes,
        settings,
        GrowthSettings() if growth is None else growth,
        experiment.voltage,
        times,
    )


def minutes(end_s: float) -> FloatArray:
    """Times (s) of every minute up to `end_s`, at which phi is compared."""
    return 60.0 * np.arange(0.0, end_s / 60.0 + 0.5)


def slice_mean(run: CellHistory) -> FloatArray:
    """Mean phi of the solution in the lowest 50 um, (time,)."""
    return run.slice_phi(SLICE_M)


def seen_at_anode(run: CellHistory, experiment: Experiment) -> FloatArray:
    """phi of the solution as the beam reads it with its centre on the surface and half of it in the electrode, (time,)."""
    rows, _ = beam_weights(run.z, [0.0], 1e-6 * experiment.beam.fwhm_um)
    return np.asarray(run.total_phi() @ rows[0])


def time_above(times: FloatArray, phi: FloatArray, level: float) -> float:
    """When phi first reaches `level` (s), linear between times; inf where it never does."""
    above = np.flatnonzero(phi >= level)
    if above.size == 0:
        return np.inf
    k = int(above[0])
    return float(np.interp(level, phi[k - 1 : k + 1], times[k - 1 : k + 1])) if k else float(times[0])
