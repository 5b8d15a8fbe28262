"""Finite volumes over the height: fine where the decay length is short, coarse in the bulk.

Vertex-centred: the first node lies on the anode (z = 0) and the last on the cathode (z = L), so that the wall
concentration is an unknown of its own and needs no extrapolation; faces are half-way between nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import ShapeError, bad_value
from ..nouns import FloatArray

DEFAULT_CELLS = 300
FEWEST_NODES = 8
NODES_PER_DECAY_LENGTH = 12.0
LARGEST_FIRST_STEP_M = 2.0e-6
GROWTH_RATIOS = (1.03, 1.05, 1.08)
"""Neighbouring steps differ by at most the first of these factors that fills the gap: small ones keep second order."""


@dataclass(frozen=True, eq=False)
class Grid:
    """z: nodes (m, 0 to L). edges: faces of their volumes (m, one more than nodes, walls included)."""

    z: FloatArray
    edges: FloatArray

    def __post_init__(self) -> None:
        if self.z.ndim != 1 or self.z.size < FEWEST_NODES or self.edges.shape != (self.z.size + 1,):
            raise ShapeError(f"a grid has at least {FEWEST_NODES} nodes and one edge more than nodes")
        if self.z[0] != 0.0 or not np.all(np.diff(self.z) > 0.0):
            raise bad_value(
                ShapeError,
                where="transport grid",
                field="z",
                value=f"{self.z[0]:g} to {self.z[-1]:g}",
                rule="must start at 0 (the anode) and increase",
                remedy="give node heights in m above the anode",
            )

    def __len__(self) -> int:
        return int(self.z.size)

    @cached_property
    def widths(self) -> FloatArray:
        """Width of each volume (m); they sum to the gap."""
        return np.diff(self.edges)

    @cached_property
    def spacing(self) -> FloatArray:
        """Distance between neighbouring nodes (m)."""
        return np.diff(self.z)

    @property
    def gap(self) -> float:
        return float(self.z[-1])

    @classmethod
    def from_nodes(cls, z: FloatArray) -> Grid:
        z = np.asarray(z, dtype=np.float64)
        return cls(z, np.concatenate([z[:1], 0.5 * (z[1:] + z[:-1]), z[-1:]]))

    def halved(self, times: int = 1) -> Grid:
        """The grid with every spacing cut into 2^times equal ones: errors of second order fall by 4^times.

        Below 0: as often every second node is left out, the one on the cathode stays.
        """
        if times < 0:
            return Grid.from_nodes(np.append(self.z[: -(2**-times) : 2**-times], self.z[-1]))
        between = np.arange(1, 2**times) / 2**times
        inner = self.z[:-1, None] + self.spacing[:, None] * between
        return Grid.from_nodes(np.sort(np.concatenate([self.z, inner.ravel()])))

    @classmethod
    def uniform(cls, gap: float, cells: int) -> Grid:
        return cls.from_nodes(np.linspace(0.0, gap, cells))


def graded_grid(gap: float, *, shortest_decay: float, cells: int = DEFAULT_CELLS, both_walls: bool = False) -> Grid:
    """Steps grow by 3 % (8 at most) from the anode up to a common largest step, chosen so that they fill the gap (m).

    The first step is a twelfth of `shortest_decay` (the least D / v of any class at any voltage, m) and at most 2 um.
    `both_walls`: fine at the cathode too, for programs that reverse the voltage.
    """
    steps = cells - 1
    first = min(LARGEST_FIRST_STEP_M, shortest_decay / NODES_PER_DECAY_LENGTH)
    if first * steps >= gap:
        return Grid.uniform(gap, cells)

    index = np.arange(steps)
    if both_walls:
        index = np.minimum(index, index[::-1])
    growing = (np.asarray(first * ratio**index, dtype=np.float64) for ratio in GROWTH_RATIOS)
    unlimited = next((h for h in growing if h.sum() >= gap), None)
    if unlimited is None:
        raise bad_value(
            ShapeError,
            where="transport grid",
            field="cells",
            value=cells,
            rule=f"is too few to resolve a decay length of {shortest_decay * 1e6:.3g} um in {gap * 1e3:.3g} mm",
            remedy="give more cells",
        )
    z = np.concatenate([[0.0], np.cumsum(np.minimum(unlimited, _largest_step(unlimited, gap)))])
    z[-1] = gap
    return Grid.from_nodes(z)


def _largest_step(unlimited: FloatArray, gap: float) -> float:
    """h of sum_i min(h, h_i) = gap, for steps h_i whose sum is at least the gap.

    Of n ascending steps the k smallest are not cut, and h = (gap - their sum) / (n - k); k is the least for which h does
    not exceed the next step.
    """
    steps = np.sort(unlimited)
    uncut = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    level = (gap - uncut) / np.arange(steps.size, 0, -1)
    fits = level <= steps
    fits[-1] = True  # rounding must not hide that h is never above the largest step
    return float(level[np.argmax(fits)])
