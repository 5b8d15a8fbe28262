"""The map of phi over height and time."""

import numpy as np
import pytest
from closeness import assert_close
from fake_results import fake_results

from electrosaxs.figures.maps import _bridged


@pytest.fixture(scope="module")
def run():
    return fake_results()


def test_a_map_is_whole_between_whole_scans_and_white_where_frames_are_missing(run):
    """Every third scan is whole, the others have two heights; of one whole scan a frame was left out."""
    phi = run.volume_fraction
    scans, heights = 17, phi.data.shape[1]
    time = np.broadcast_to(60.0 * np.arange(scans)[:, None], (scans, heights))
    there = np.zeros((scans, heights), dtype=bool)
    there[:, :2] = there[::3] = True
    there[6, -2] = False
    values = np.where(there, 1e-3 + 1e-5 * time, np.nan)
    partial = type(phi).from_arrays(
        values,
        dims=("scan", "height"),
        coords={"height": (("height",), phi.coord("height")), "time": (("scan", "height"), time)},
        masks={"excluded": (("scan", "height"), ~there)},
    )
    _, minutes, percent = _bridged(partial)
    whole = np.isfinite(percent)
    assert whole[:16, :-2].all()
    assert np.array_equal(np.flatnonzero(~whole[:16, -2]), [4, 5, 6, 7, 8])
    assert not whole[16:, 2:].any()  # nothing was measured there afterwards
    assert_close(percent[whole], 100.0 * (1e-3 + 6e-4 * minutes[whole]), rel=1e-9)
