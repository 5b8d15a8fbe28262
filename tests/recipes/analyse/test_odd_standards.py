"""One bad frame of the starting solution does not make all of phi wrong."""

import numpy as np
from recipes.analyse.reduced_runs import reduced_run

from electrosaxs.recipes.analyse.odd_standards import without_odd_standards

LEVEL = {"solvent": 1e5, "reference": 4e5}
ROLES = ["solvent"] * 3 + ["reference"] * 4


def flagged(roles: list[str], monitor: list[float]) -> list[int]:
    """The frames that are left out, of those in an even beam, with what their monitors say of it."""
    counts = np.array([[LEVEL[role]] * 2 for role in roles])
    found = without_odd_standards(reduced_run(roles, counts=counts, monitor=monitor))
    return [i for i, flags in enumerate(found.flags) if flags]


def test_the_one_frame_whose_monitor_was_read_wrong_is_out() -> None:
    assert flagged(ROLES, [1.0, 1.0002, 0.8, 1.3, 1.0, 1.001, 0.999]) == [2, 3]


def test_frames_that_scatter_alike_stay() -> None:
    assert flagged(ROLES, [1.0, 1.004, 0.997, 1.03, 0.98, 1.0, 1.02]) == []


def test_where_more_than_a_third_differ_none_is_the_odd_one() -> None:
    roles = ["solvent"] * 3 + ["reference"] * 5
    assert flagged(roles, [1.0] * 6 + [1.3, 0.7]) == []
    assert flagged(roles, [1.0] * 7 + [0.7]) == [7]


def test_two_frames_do_not_tell_which_is_wrong() -> None:
    assert flagged(["solvent"] * 2 + ["reference"] * 2, [1.0, 1.3, 1.0, 0.7]) == []
