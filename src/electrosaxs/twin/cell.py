"""The simulated cell: an experiment's transport."""

from __future__ import annotations

import numpy as np

from ..errors import InputFileError, bad_value
from ..nouns import Experiment
from ..transport import CellHistory, SizeClasses, simulate

HALVINGS = 2
"""Of the model's own spacing: phi within 2e-5 rms of a still finer grid's, against 4e-4 without, so that a fit on the
coarse grid is not tried against its own discretisation."""
OUTPUT_STEP_S = 300.0
"""Requested times of the history are at most this far apart; between them the integrator's own steps are used."""


def starting_classes(experiment: Experiment, distribution: SizeClasses | None = None) -> SizeClasses:
    """The size classes of the starting solution: the Gaussian of the file, or the table that its caller has read."""
    solution = experiment.solution
    if solution.core_diameter_nm is not None and solution.core_sigma_nm is not None:
        return SizeClasses.gaussian(solution.core_diameter_nm, solution.core_sigma_nm)
    if distribution is None:
        raise bad_value(
            InputFileError,
            where="experiment",
            field="solution.distribution",
            value=solution.distribution,
            rule="has not been read",
            remedy="pass its SizeClasses",
        )
    return distribution


def simulate_cell(experiment: Experiment, distribution: SizeClasses | None = None) -> CellHistory:
    """The history of the cell from field-on to the end of the last exposure."""
    end = experiment.scan.duration_s + experiment.scan.exposure_s
    times = np.linspace(0.0, end, 1 + int(np.ceil(end / OUTPUT_STEP_S)))
    return simulate(
        experiment.cell,
        experiment.solution,
        starting_classes(experiment, distribution),
        experiment.transport,
        experiment.growth,
        experiment.voltage,
        times,
        halvings=HALVINGS,
    )
