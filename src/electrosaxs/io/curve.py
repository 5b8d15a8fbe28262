"""A curve I(q) from a file, before anything is known about what scattered."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ElectrosaxsError
from ..nouns import FloatArray
from .refusal import refusal

PER_NM = 1.0
PER_ANGSTROM = 10.0  # 1/A = 10 1/nm

_ANGSTROM = r"(?:a|å|ang|angstroms?|ångströms?|angström)"
_LENGTHS = {PER_NM: r"(?:nm|nanometers?|nanometres?)", PER_ANGSTROM: _ANGSTROM}
_INVERSE = r"(?:1(?:\.0)?\s*/\s*{x}|(?:per|inverse)[\s_]*{x}|{x}\s*\^?\s*[({{]?\s*-\s*1)(?![a-z0-9])"


@dataclass(frozen=True, eq=False)
class Curve:
    """q (n,): 1/nm, increasing, above 0; intensity (n,): on the file's own scale; sigma (n,): the same, or None.

    name: title or file name; notes: what the file or its reading says in words.
    """

    q: FloatArray
    intensity: FloatArray
    sigma: FloatArray | None
    name: str
    notes: tuple[str, ...] = ()


def q_factors(text: str) -> set[float]:
    """The factors to 1/nm of the units of q named in `text`: {1.0} for 1/nm, nm^-1, q_nm^-1; {10.0} for 1/A, Å⁻¹."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").lower()
    found = set()
    for factor, length in _LENGTHS.items():
        if re.search(r"(?<![a-z0-9.^])" + _INVERSE.format(x=length), plain):
            found.add(factor)
    return found


def unit_factor(path: Path, unit: str) -> float:
    """The factor to 1/nm of a unit that the user or a file states; raises InputFileError for any other."""
    found = q_factors(unit)
    if len(found) != 1:
        remedy = 'give "1/nm" or "1/A", for instance as q_unit'
        raise refusal(path, "unit of q", repr(unit), "is neither 1/nm nor 1/A", remedy)
    return found.pop()


def checked_curve(path: Path, curve: Curve, places: list[str]) -> Curve:
    """`curve` itself where q increases from above 0 and all is finite; else an InputFileError naming the place (n,)."""
    for name, values in (("q", curve.q), ("I", curve.intensity), ("sigma", curve.sigma)):
        if values is not None and not np.all(np.isfinite(values)):
            at = int(np.argmin(np.isfinite(values)))
            raise _refused_row(path, places[at], name, values[at], "must be a finite number")
    if np.any(curve.q <= 0):
        at = int(np.argmax(curve.q <= 0))
        raise _refused_row(path, places[at], "q", curve.q[at], "must be above 0")
    if np.any(np.diff(curve.q) <= 0):
        at = int(np.argmax(np.diff(curve.q) <= 0)) + 1
        raise _refused_row(path, places[at], "q", curve.q[at], "must be larger than in the row before")
    if curve.sigma is not None and np.any(curve.sigma < 0):
        at = int(np.argmax(curve.sigma < 0))
        raise _refused_row(path, places[at], "sigma", curve.sigma[at], "must not be negative")
    return curve


def present_sigma(sigma: FloatArray | None) -> FloatArray | None:
    """None for a column that says "no uncertainty": -1 or 0 throughout."""
    if sigma is None or np.all(sigma == -1) or np.all(sigma == 0):
        return None
    return sigma


def _refused_row(path: Path, place: str, name: str, value: float, rule: str) -> ElectrosaxsError:
    return refusal(path, f"{place}, {name}", f"{value:g}", rule, "correct or remove that row")
