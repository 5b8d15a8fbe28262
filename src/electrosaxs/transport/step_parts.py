"""What the kernels of a time step take and fill: arrays by name. SI, float64; shapes are those of `step_kernels`."""

from __future__ import annotations

from typing import NamedTuple

from ..nouns import FloatArray


class Tableau(NamedTuple):
    """A diagonally implicit Runge-Kutta method, stiffly accurate: its last stage is the end of the step.

    below (stage, stage): A below its diagonal; diagonal: of A, the same for all stages; weights (stage,) of the step;
    error (stage,): weights less embedded ones.
    """

    below: FloatArray
    diagonal: float
    weights: FloatArray
    error: FloatArray


class Content(NamedTuple):
    """u (node, column) and crystals (column,), particle volume per area in m."""

    u: FloatArray
    crystals: FloatArray


class Faces(NamedTuple):
    """widths (node,), above and below (1 or stages, node, column)."""

    widths: FloatArray
    above: FloatArray
    below: FloatArray


class Wall(NamedTuple):
    """attaches (column,): 1 or 0; solubility, and slowness (s/m) of attachment."""

    attaches: FloatArray
    solubility: float
    slowness: float


class Pairs(NamedTuple):
    """loss, gain (class,): rates (1/s) from charged to neutral and back; contact: speed (m/s) of it on the anode."""

    loss: FloatArray
    gain: FloatArray
    contact: float


class Scratch(NamedTuple):
    """Arrays that carry nothing from one step to the next, but for `volumes`.

    volumes (node, column): widths, a column each; inflow, attached: as above; right (node, column): right-hand side (m);
    inverse (1 or 4, node, column or class): inverse diagonals; carry (node, column): share of a right-hand side that the
    elimination hands on; flux (node + 1, column) through the face below each node; corner (3, column): what is left of the
    diagonals at the anode; rows (5, column): u at the anode and then of a node, flux below it, composition of the
    crystals, a trial, and the second `fill` of `_factor_pairs`.
    """

    volumes: FloatArray
    inflow: FloatArray
    attached: FloatArray
    right: FloatArray
    inverse: FloatArray
    carry: FloatArray
    flux: FloatArray
    corner: FloatArray
    rows: FloatArray


class Stretch(NamedTuple):
    """From `time` to `stop` (s), the next step (s), and the error that each may have."""

    time: float
    step: float
    stop: float
    rtol: float


class Record(NamedTuple):
    """Accepted steps, one after the other: times (step,), u and rate (step, node, column), crystals and their rate
    (step, column)."""

    times: FloatArray
    u: FloatArray
    rate: FloatArray
    crystals: FloatArray
    crystal_rate: FloatArray
