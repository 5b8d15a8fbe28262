"""What the neighbours of one voxel say, voxel after voxel: numba kernels of `surface`, whose words for it hold here too.

Rows are the starting solution, then the scans; columns are heights. `hidden` is the place (row, column) that is not to be told,
(-1, -1) for none. A handful of places is sorted as they come, by loops: what NumPy has for it takes numba seconds to compile.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...compiled import compiled
from ...nouns import FloatArray

ROOT, INVERSE = 0, 1
SCHEMES = np.array([(2, 1, ROOT), (2, 2, ROOT), (2, 3, ROOT), (2, 4, ROOT), (2, 1, INVERSE), (2, 2, INVERSE)])
"""Scans and heights that are read, and the coordinate in time; that which predicts the voxels around best is taken."""
MOST = 4
"""Places that a scheme reads at most along either way."""
TIE = 1e9
"""Parts of 1 in an error of ln phi: of schemes that err alike the first is taken, not the one that rounding favours."""
JUDGES = 2
"""Scans before and after, at the same height, and heights beside, in which a scheme is tried."""


class Grid(NamedTuple):
    """x (row, column): ln phi, and which are known; z (column,) and when (ROOT or INVERSE, column, row): the coordinates;
    rows (column, number): those that know a column, `numbers` (column,) of them; least, largest: bounds of any prediction."""

    x: FloatArray
    known: npt.NDArray[np.bool_]
    z: FloatArray
    when: FloatArray
    rows: npt.NDArray[np.intp]
    numbers: npt.NDArray[np.intp]
    least: float
    largest: float


@compiled(error_model="numpy")
def told(grid, row, column, hidden):  # type: ignore[no-untyped-def]
    """Whether a place may be read."""
    return grid.known[row, column] and not (row == hidden[0] and column == hidden[1])


@compiled(error_model="numpy")
def put(found, number, value):  # type: ignore[no-untyped-def]
    """Among the `number` values that are there, so that they rise."""
    k = number
    while k > 0 and found[k - 1] > value:
        found[k] = found[k - 1]
        k -= 1
    found[k] = value


@compiled(error_model="numpy")
def first_from(among, row):  # type: ignore[no-untyped-def]
    """Position of the first of rising rows that is `row` or beyond it."""
    below, above = 0, among.size
    while below < above:
        middle = (below + above) // 2
        if among[middle] < row:
            below = middle + 1
        else:
            above = middle
    return below


@compiled(error_model="numpy")
def rows_beside(grid, row, column, coordinate, count, hidden, found):  # type: ignore[no-untyped-def]
    """The `count` rows nearest in time that know the column, rising, into `found`; how many there are."""
    at, among, last = grid.when[coordinate, column], grid.rows[column], grid.numbers[column]
    above = first_from(among[:last], row)
    below = above - 1
    above += above < last and among[above] == row
    number = 0
    while number < count and (below >= 0 or above < last):
        nearer = below >= 0 and (above >= last or abs(at[among[below]] - at[row]) <= abs(at[among[above]] - at[row]))
        place = among[below] if nearer else among[above]
        below, above = below - nearer, above + (not nearer)
        if told(grid, place, column, hidden) and at[place] < np.inf:
            put(found, number, place)
            number += 1
    return number


@compiled(error_model="numpy")
def columns_beside(grid, row, column, rows, count, hidden, found):  # type: ignore[no-untyped-def]
    """The `count` nearest columns that this row and all of `rows` know, rising, into `found`; how many there are."""
    z, number, below, above = grid.z, 0, column - 1, column + 1
    while number < count and (below >= 0 or above < z.size):
        nearer = below >= 0 and (above >= z.size or abs(z[below] - z[column]) <= abs(z[above] - z[column]))
        place = below if nearer else above
        below, above = below - nearer, above + (not nearer)
        among = told(grid, row, place, hidden)
        for r in rows:
            among = among and told(grid, r, place, hidden)
        if among:
            put(found, number, place)
            number += 1
    return number


@compiled(error_model="numpy")
def weights(at, places, target, into):  # type: ignore[no-untyped-def]
    """Of the polynomial through the points at `at[places]`, read at the target (Lagrange)."""
    for i in range(places.size):
        weight = 1.0
        for j in range(places.size):
            if j != i:
                weight *= (target - at[places[j]]) / (at[places[i]] - at[places[j]])
        into[i] = weight


@compiled(error_model="numpy")
def predicted(grid, row, column, scheme, hidden):  # type: ignore[no-untyped-def]
    """ln phi at one place from the others but `hidden`; NaN where they are too few."""
    in_scans, in_heights, coordinate = scheme
    found, beside = np.empty(MOST, np.intp), np.empty(MOST, np.intp)
    rows = found[: rows_beside(grid, row, column, coordinate, in_scans, hidden, found)]
    columns = beside[: columns_beside(grid, row, column, rows, in_heights, hidden, beside)]
    if (rows.size < in_scans and columns.size < 2) or columns.size < min(in_heights, 2):
        return np.nan
    in_time, in_height = np.empty(MOST), np.empty(MOST)
    at = grid.when[coordinate, column]
    weights(at, rows, at[row], in_time)
    weights(grid.z, columns, grid.z[column], in_height)
    value = 0.0
    for k in range(columns.size):
        value += in_height[k] * grid.x[row, columns[k]]
    for i in range(rows.size):
        there = 0.0
        for k in range(columns.size):
            there += in_height[k] * grid.x[rows[i], columns[k]]
        value += in_time[i] * (grid.x[rows[i], column] - there)
    return min(max(value, grid.least), grid.largest)


@compiled(error_model="numpy")
def judges_around(grid, row, column, found):  # type: ignore[no-untyped-def]
    """Voxels of the same height in the scans before and after that know it, however far; where there are none, those beside in
    the scan. Into `found` (number, 2); how many."""
    among, number = grid.rows[column][: grid.numbers[column]], 0
    above = first_from(among, row)
    below = above - 1
    above += above < among.size and among[above] == row
    for place in among[max(below - JUDGES + 1, 0) : above + JUDGES]:
        if place > 0 and place != row:
            found[number, 0], found[number, 1] = place, column
            number += 1
    if number == 0:
        for c in (column - 1, column + 1):
            if 0 <= c < grid.z.size and grid.known[row, c]:
                found[number, 0], found[number, 1] = row, c
                number += 1
    return number


@compiled(error_model="numpy")
def miss(grid, judges, scheme, hidden):  # type: ignore[no-untyped-def]
    """By how much (rms) a scheme misses the judges; inf where it says nothing of any."""
    total, number = 0.0, 0
    for k in range(judges.shape[0]):
        row, column = judges[k]
        off = predicted(grid, row, column, scheme, hidden) - grid.x[row, column]
        if np.isfinite(off):
            total += off * off
            number += 1
    return np.sqrt(total / number) if number else np.inf


@compiled(error_model="numpy")
def expected_at(grid, wanted):  # type: ignore[no-untyped-def]
    """For each place of `wanted` (number, 2): the prediction of the scheme that errs least, its error, and the median of what
    the others say otherwise; NaN where nothing is known."""
    answers = np.full((wanted.shape[0], 3), np.nan)
    around, apart = np.empty((2 * JUDGES, 2), np.intp), np.empty(len(SCHEMES))
    values, errors = np.empty(len(SCHEMES)), np.empty(len(SCHEMES))
    for n in range(wanted.shape[0]):
        row, column = wanted[n]
        hidden = (row, column) if grid.known[row, column] else (-1, -1)
        judges, tried, best = around[: judges_around(grid, row, column, around)], 0, 0
        for k in range(len(SCHEMES)):
            scheme = (SCHEMES[k, 0], SCHEMES[k, 1], SCHEMES[k, 2])
            value = predicted(grid, row, column, scheme, hidden)
            if np.isfinite(value):
                values[tried], errors[tried] = value, miss(grid, judges, scheme, hidden)
                if np.rint(errors[tried] * TIE) < np.rint(errors[best] * TIE):
                    best = tried
                tried += 1
        if tried:
            answers[n, 0], answers[n, 1] = values[best], errors[best]
            for k in range(tried):
                put(apart, k, abs(values[k] - values[best]))
            answers[n, 2] = 0.5 * (apart[(tried - 1) // 2] + apart[tried // 2])
    return answers
