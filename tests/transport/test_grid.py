"""The grid fills the gap and resolves the decay length."""

import numpy as np
import pytest
from closeness import assert_close

from electrosaxs.errors import ShapeError
from electrosaxs.transport import Grid, graded_grid
from electrosaxs.transport.grid import _largest_step


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("decay_um", [5.0, 20.0, 400.0])
def test_volumes_fill_the_gap_and_grow_gently(decay_um: float, both: bool) -> None:
    grid = graded_grid(3.5e-3, shortest_decay=decay_um * 1e-6, both_walls=both)
    assert len(grid) == 300
    assert_close(grid.widths.sum(), 3.5e-3, rel=1e-14)
    ratio = grid.spacing[1:] / grid.spacing[:-1]
    allowed = 1.0801 if both else 1.0301
    assert ratio.max() < allowed
    assert ratio.min() > 1.0 / allowed
    assert grid.spacing[0] <= decay_um * 1e-6 / 11.99


def test_programs_that_reverse_get_a_grid_that_is_fine_at_both_walls() -> None:
    grid = graded_grid(3.5e-3, shortest_decay=20e-6, both_walls=True)
    assert_close(grid.spacing[-1], grid.spacing[0], rel=1e-9)


def test_too_few_cells_for_the_decay_length_are_refused() -> None:
    with pytest.raises(ShapeError, match="more cells"):
        graded_grid(3.5e-3, shortest_decay=1e-6, cells=40)


def test_heights_must_start_at_the_anode_and_increase() -> None:
    with pytest.raises(ShapeError, match="start at 0"):
        Grid.from_nodes(np.linspace(1e-6, 1e-3, 20))


@pytest.mark.parametrize("reached", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("both", [False, True])
def test_steps_cut_at_the_largest_fill_the_gap(reached: float, both: bool) -> None:
    """sum_i min(h, h_i) is the gap, whether most steps are cut, some or none."""
    index = np.arange(200)
    unlimited = 1e-6 * 1.03 ** (np.minimum(index, index[::-1]) if both else index)
    gap = unlimited.min() * unlimited.size + reached * (unlimited.sum() - unlimited.min() * unlimited.size)
    largest = _largest_step(unlimited, gap)
    assert_close(np.minimum(unlimited, largest).sum(), gap, rel=1e-12)
    assert unlimited.min() < largest <= unlimited.max() * (1.0 + 1e-12)


def test_steps_that_fill_the_gap_as_they_are_are_not_cut() -> None:
    """At equality rounding may lie on either side; the mean step instead would be nine times too short."""
    for count in range(150, 300):
        unlimited = 1e-6 * 1.03 ** np.arange(count)
        assert_close(_largest_step(unlimited, float(unlimited.sum())), unlimited[-1], rel=1e-10)


def test_a_doubled_grid_has_every_second_node_and_both_walls() -> None:
    for cells in (300, 400):
        fine = graded_grid(3.5e-3, shortest_decay=50e-6, cells=cells)
        coarse = fine.halved(-1)
        assert coarse.z[0] == 0.0
        assert coarse.z[-1] == fine.z[-1]
        assert np.isin(coarse.z, fine.z).all()
        assert len(coarse) == (cells + 1) // 2
        assert coarse.spacing.max() < 3.1 * fine.spacing.max()
        assert coarse.widths.sum() == pytest.approx(3.5e-3, rel=1e-14)
