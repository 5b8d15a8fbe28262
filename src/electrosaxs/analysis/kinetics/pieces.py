"""Rates of the pieces of a voltage program: which there are, what they are called, and what was measured during one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

import numpy as np
import scipp as sc

from ...nouns import Noun, Number
from ...nouns.voltage_pieces import Piece, main_piece

RATES = ("slice_flux", "slice_flux_mean", "supply_flux")
TIMES = ("onset_time", "onset_time_kink")


def rated(program: tuple[Piece, ...]) -> list[tuple[str, Piece | None]]:
    """What stands behind the name of a rate, and the piece it is of: nothing for the main one, [2], [3], .. for the others by
    their number in the program; ramps have no rate."""
    main = main_piece(program)
    others = [(f"[{n}]", piece) for n, piece in enumerate(program, 1) if piece is not main and not piece.ramp]
    return [("", main), *(others if main is not None else [])]


Timed = TypeVar("Timed", bound=Noun)


def only(noun: Timed, piece: Piece) -> Timed:
    """A map or curve with what was not measured during `piece` masked."""
    time = noun.data.coords["time"]
    outside = sc.array(dims=list(time.dims), values=~piece.has(np.asarray(time.values)))
    return replace(noun, data=noun.data.assign_masks(other_voltage=outside))


def with_voltage(numbers: Mapping[str, Number], program: tuple[Piece, ...]) -> dict[str, Number]:
    """The numbers with the voltage that each is of in its source, where the voltage changes."""
    if main_piece(program) is None:
        return dict(numbers)
    of = {f"{name}{suffix}": piece for suffix, piece in rated(program) for name in RATES}
    told = {}
    for name, number in numbers.items():
        piece = of.get(name)
        if name in TIMES and number.value is not None:
            piece = next((one for one in program if one.start <= number.value <= one.end), None)
        told[name] = number if piece is None else replace(number, source=f"{number.source}; {piece.words}")
    return told
