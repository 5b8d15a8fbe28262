"""A layer whose lowest height crystals hide in all scans but the first, in scans that take their time."""

import numpy as np

from electrosaxs.analysis.footprint.beam_profile import BeamView
from electrosaxs.analysis.footprint.correction import footprint_correction
from electrosaxs.physics.beam import open_nodes

HEIGHT = np.array([0.0, 50.0, 250.0, 1500.0])
TIME = 75.0 * (1.0 + np.arange(4.0)) + 300.0 * np.arange(3.0)[:, None]
START, ABSORBED = 8e-4, 262.0


def layer(z: np.ndarray, time: np.ndarray) -> np.ndarray:
    return START * (1.0 + 0.3 * np.sqrt(time) * np.exp(-z / 75.0))


def test_phi_beside_hidden_heights_is_true_within_its_sigma() -> None:
    z, weight = open_nodes(HEIGHT, 34.0, nodes=24, reach=5.0)
    inside = layer(z, TIME[..., None])
    light = weight * np.exp(-ABSORBED * inside)
    apparent = np.sum(light * inside, axis=-1) / np.sum(light, axis=-1)
    hidden = np.zeros(TIME.shape, dtype=bool)
    hidden[1:, 0] = True
    found = footprint_correction(
        apparent, BeamView.of(HEIGHT, 34.0), time_s=TIME,
        attenuation=np.array(ABSORBED), start=START, sees_crystals=hidden,
    )  # fmt: skip
    off = found.factor * apparent / np.sum(weight * inside, axis=-1) - 1.0
    sigma = np.hypot(np.hypot(found.sigma, found.in_time) / found.factor, 5e-4)
    assert np.max(np.abs(off / sigma)[:, 1:]) < 3.0
    assert np.abs(off[0, 1]) < 0.01
