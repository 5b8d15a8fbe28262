"""A simulated beamline on a small detector, shared by the tests of the twin."""

from pathlib import Path

import numpy as np
import pytest

from electrosaxs.io.run_toml import read_experiment
from electrosaxs.nouns import Experiment
from electrosaxs.twin.beamline import Beamline, incident_photons
from electrosaxs.twin.cell import simulate_cell
from electrosaxs.twin.detector_model import PixelModel, pixel_model
from electrosaxs.twin.scattering_cell import scattering_cell
from electrosaxs.twin.schedule import schedule

EXAMPLE = Path(__file__).parents[2] / "examples" / "experiment_small.toml"


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """86 V/cm, 20 minutes, onset after about 9."""
    return read_experiment(EXAMPLE)


@pytest.fixture(scope="session")
def pixels(experiment: Experiment) -> PixelModel:
    return pixel_model(experiment.detector, experiment.beam, seed=3)


@pytest.fixture(scope="session")
def beamline(experiment: Experiment, pixels: PixelModel) -> Beamline:
    plan, history = schedule(experiment), simulate_cell(experiment)
    cell = scattering_cell(experiment, pixels.q_grid, history.classes.diameter_nm, history.dry_shell_nm)
    return Beamline(experiment, plan, history, cell, incident_photons(experiment, plan, np.random.default_rng(1)))
