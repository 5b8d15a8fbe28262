"""Which dead time the curves of several frames ask for together."""

import numpy as np
from closeness import assert_close

from electrosaxs.recipes.analyse.dead_time import Tried


def test_a_frame_that_no_dead_time_mends_neither_decides_nor_speaks_against_one() -> None:
    """Two frames of spheres, and one with crystals at the edge of its beam, with forty times its chi-squared."""
    freedom = np.array([100.0, 100.0, 100.0])
    misfits = {
        0.0: np.array([150.0, 180.0, 4100.0]),
        300.0: np.array([110.0, 120.0, 4000.0]),
        500.0: np.array([100.0, 100.0, 4040.0]),
    }
    tried = Tried(freedom, misfits)
    assert tried.best() == 500.0
    assert_close(tried.total(0.0) - tried.total(500.0), 50.0 + 80.0 + 60.0 / 40.0, rel=1e-12)
    assert_close(tried.total(0.0) - freedom.sum(), 50.0 + 80.0 + 2.5, rel=1e-12)
