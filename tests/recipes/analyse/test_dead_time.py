"""Which dead time the curves of several frames ask for together."""

import numpy as np
from closeness import assert_close

from electrosaxs.recipes.analyse.dead_time import Tried


def test_a_frame_that_no_dead_time_mends_says_nothing_of_one() -> None:
    """Two frames of spheres, and one with crystals at the edge of its beam, with forty times its chi-squared."""
    freedom = np.array([100.0, 100.0, 100.0])
    misfits = {
        0.0: np.array([150.0, 180.0, 4100.0]),
        300.0: np.array([110.0, 120.0, 4000.0]),
        500.0: np.array([100.0, 100.0, 4040.0]),
    }
    tried = Tried(freedom, misfits)
    assert tried.best() == 500.0
    assert_close(tried.gain(500.0), 50.0 + 80.0, rel=1e-12)
    assert_close(tried.excess(), 50.0 + 80.0, rel=1e-12)


def test_frames_with_crystals_alone_do_not_make_a_dead_time() -> None:
    """Ten clean frames, and fourteen whose misfit of thirty times counting a dead time happens to lessen by a tenth."""
    freedom = np.full(24, 500.0)
    clean, crystals = np.full(10, 500.0), np.full(14, 15_000.0)
    tried = Tried(freedom, {0.0: np.concatenate([clean, crystals]), 7e4: np.concatenate([clean + 1.0, 0.9 * crystals])})
    assert tried.gain(tried.best()) <= 0.0


def test_a_first_step_that_mends_little_is_gone_on_from() -> None:
    """What the first times tried do not mend, larger ones may: such frames lead on to them, and count once they are mended."""
    freedom, misfits = np.full(5, 500.0), {0.0: np.full(5, 20_000.0), 100.0: np.full(5, 17_000.0)}
    tried = Tried(freedom, misfits)
    assert tried.total(100.0) < tried.total(0.0) - 25.0
    assert tried.gain(100.0) == 0.0
    misfits[1000.0] = np.full(5, 500.0)
    assert tried.best() == 1000.0
    assert_close([tried.gain(1000.0), tried.excess()], 5 * 19_500.0, rel=1e-12)
