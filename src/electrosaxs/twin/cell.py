"""The simulated cell: an experiment's transport."""

from __future__ import annotations

import numpy as np

from ..errors import InputFileError, bad_value
from ..nouns import Experiment, TransportSettings
from ..nouns.experiment import SPARSE
from ..transport import CellHistory, SizeClasses, simulate

HALVINGS = 2
"""Of the model's own spacing: phi within 2e-5 rms of a still finer grid's, against 4e-4 without, so that a fit on the
coarse grid is not tried against its own discretisation."""
SPARSE_HALVINGS = 4
"""The same where few particles at a time carry the charge of all and are that much faster: the depleted front is 7e-5 of the
starting phi off an own implicit scheme of 6000 cells, 1e-3 at HALVINGS (charges that last 0.3 s, 86 V/cm)."""
CUT_BY = 1e-3
"""Of the deviation: what a cut moves mean or deviation by before it is told."""
OUTPUT_STEP_S = 300.0
FEWEST_OUTPUTS = 100
"""Requested times of the history are at most this far apart, or this many: between them the integrator's own steps are used."""


def halvings(transport: TransportSettings) -> int:
    """How often the spacing of the model's own grid is cut in two for the truth."""
    return SPARSE_HALVINGS if transport.charge_model in SPARSE else HALVINGS


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


def cut_sizes(experiment: Experiment) -> tuple[str, ...]:
    """What is said where a Gaussian is so wide that it is cut at diameter 0: its mean and deviation are not those asked for."""
    solution = experiment.solution
    mean, sigma = solution.core_diameter_nm, solution.core_sigma_nm
    if mean is None or sigma is None:
        return ()
    sizes = SizeClasses.gaussian(mean, sigma)
    got = sizes.mean_nm()
    spread = float(np.sqrt(sizes.number @ np.square(sizes.diameter_nm - got)))
    if abs(got - mean) < CUT_BY * sigma and abs(spread - sigma) < CUT_BY * sigma:
        return ()
    return (
        f"sizes: a Gaussian of {mean:g} ± {sigma:g} nm would hold diameters below 0; it is cut there, and the sizes are "
        f"{got:.3g} ± {spread:.3g} nm (a distribution of another shape goes into solution.distribution)",
    )


def simulate_cell(experiment: Experiment, distribution: SizeClasses | None = None) -> CellHistory:
    """The history of the cell from field-on to the end of the last exposure."""
    end = experiment.scan.duration_s + experiment.scan.exposure_s
    times = np.linspace(0.0, end, 1 + int(np.ceil(end / max(OUTPUT_STEP_S, end / FEWEST_OUTPUTS))))
    return simulate(
        experiment.cell,
        experiment.solution,
        starting_classes(experiment, distribution),
        experiment.transport,
        experiment.growth,
        experiment.voltage,
        times,
        halvings=halvings(experiment.transport),
    )
