"""What is said of a frame that contradicts itself: the cause that moves what moved."""

import numpy as np
import pytest

from electrosaxs.recipes.analyse.causes import Contradiction, cause

MONITOR = Contradiction(scattering=-0.262, light=0.001, sigma=0.004, significance=30.0, missing=(0.23, 95.0))
GAS = Contradiction(scattering=-0.49, light=-np.inf, sigma=0.004, significance=190.0, missing=(0.39, 168.0))
LITTLE_GAS = Contradiction(scattering=-0.07, light=-0.05, sigma=0.004, significance=2.0, missing=(0.05, 12.0))
UNSURE = Contradiction(scattering=-0.18, light=-1e-3, sigma=0.3, significance=20.0, missing=(0.16, 68.0), darker=True)
UNSAID = Contradiction(scattering=0.01, light=-0.4, sigma=0.004, significance=20.0)
BESIDE = Contradiction(scattering=0.01, light=-0.01, sigma=0.004, significance=2.0)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (MONITOR, "the monitor was read wrong"),
        (GAS, "gas in the beam: 39 % of the solvent"),
        (LITTLE_GAS, "gas in the beam: 5 % of the solvent"),
        (UNSURE, "16 % of the solvent is missing from the curve and no more light passes, the monitor was read wrong"),
        (UNSAID, "more light passes than phi lets"),
        (BESIDE, "cannot be told which of them is wrong"),
    ],
    ids=["monitor", "gas", "little gas", "unsure neighbours", "light alone", "beside another"],
)
def test_the_cause_is_what_moves_what_moved(one: Contradiction, words: str) -> None:
    """A monitor read wrong takes as much of the solvent as gas does, but the light stays as it was."""
    assert words in cause(one)
