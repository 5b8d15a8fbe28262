"""A curve I(q) from a file, before anything is known about what scattered."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import ElectrosaxsError
from ..nouns import FloatArray
from .refusal import refusal

PER_NM = 1.0
PER_ANGSTROM = 10.0  # 1/A = 10 1/nm
MOST_STEPS = 4  # back in q, between the detectors of one curve
LARGEST_Q = 1000.0  # 1/nm: no X-ray source of a laboratory or a ring has photons short enough for more
LARGEST_SQUARABLE = 1e100  # of I and sigma, and 1 over the smallest: their squares and products stay finite

_ANGSTROM = r"(?:a|å|ang|angstroms?|ångströms?|angström)"
_LENGTHS = {PER_NM: r"(?:nm|nanometers?|nanometres?)", PER_ANGSTROM: _ANGSTROM}
_INVERSE = r"(?:1(?:\.0)?\s*/\s*{x}|(?:per|inverse)[\s_]*{x}|{x}\s*\^?\s*[({{]?\s*-\s*1)(?![a-z0-9])"


@dataclass(frozen=True, eq=False)
class Curve:
    """q (n,): 1/nm, increasing, above 0; intensity (n,): on the file's own scale; sigma (n,): the same, or None.

    name: title or file name; notes: what the file or its reading says in words; read_as: in which unit q was taken, and
    which columns of the file are q, I and sigma.
    """

    q: FloatArray
    intensity: FloatArray
    sigma: FloatArray | None
    name: str
    notes: tuple[str, ...] = ()
    read_as: str = ""


def q_factors(text: str) -> set[float]:
    """The factors to 1/nm of the units of q named in `text`: {1.0} for 1/nm, nm^-1, q_nm^-1; {10.0} for 1/A, Å⁻¹."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").replace("\\+(", "^(").lower()
    found = set()
    for factor, length in _LENGTHS.items():
        if re.search(r"(?<![a-z0-9.^])" + _INVERSE.format(x=length), plain):
            found.add(factor)
    return found


def lengths_in(name: str) -> set[float]:
    """As q_factors, for the name of a column of q: there nm alone, q_nm or q [nm], can only mean 1/nm."""
    found = q_factors(name)
    plain = unicodedata.normalize("NFKC", name).lower()
    if not found:
        found = {factor for factor, x in _LENGTHS.items() if re.search(rf"[(\[_]\s*{x}\s*(?:[)\]]|$)", plain)}
    return found


def described_unit(factor: float) -> str:
    """The unit of q that has this factor to 1/nm."""
    return "1/A" if factor == PER_ANGSTROM else "1/nm"


def unknown_unit(path: Path, what: str = "", field: str = "unit of q") -> ElectrosaxsError:
    """The error that asks for the unit of q, as it is given on the command line and in Python."""
    rule = what or "the file does not say whether q is in 1/nm or 1/A"
    return refusal(
        path, field, "unknown", rule, 'give --q-unit 1/nm or --q-unit 1/A (in Python q_unit="1/nm" or "1/A")'
    )


def unit_factor(path: Path, unit: str) -> float:
    """The factor to 1/nm of a unit that the user or a file states; raises InputFileError for any other."""
    found = q_factors(unit)
    if len(found) != 1:
        remedy = 'give --q-unit 1/nm or --q-unit 1/A (in Python q_unit="1/nm" or "1/A")'
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
    if curve.q[-1] > LARGEST_Q:
        rule = f"is above {LARGEST_Q:g} 1/nm, beyond any X-ray; the unit of q may be another"
        raise refusal(path, f"{places[-1]}, q", f"{curve.q[-1]:g}", rule, "correct it with --q-unit, or the numbers")
    for name, values in (("I", curve.intensity), ("sigma", curve.sigma)):
        largest = 0.0 if values is None else float(np.max(np.abs(values)))
        if largest and not 1.0 / LARGEST_SQUARABLE < largest < LARGEST_SQUARABLE:
            rule = (
                f"must lie between {1.0 / LARGEST_SQUARABLE:g} and {LARGEST_SQUARABLE:g} for its square to be a number"
            )
            raise refusal(path, f"largest {name}", f"{largest:g}", rule, "give the curve in another unit of intensity")
    if curve.sigma is not None and np.any(curve.sigma < 0):
        at = int(np.argmax(curve.sigma < 0))
        raise _refused_row(path, places[at], "sigma", curve.sigma[at], "must not be negative")
    return curve


def in_order(curve: Curve, places: list[str], *, overlap: int) -> tuple[Curve, list[str]]:
    """`curve` and its places sorted by q where it falls throughout, or steps back at most MOST_STEPS times to at least
    `overlap` points below where it was (two detectors, one after the other); points of one q become their mean.

    Said in the notes; unchanged where q increases, or is too mixed up to be one curve.
    """
    steps = np.flatnonzero(np.diff(curve.q) <= 0.0)
    if not steps.size or not np.all(np.isfinite(curve.q)) or np.any(curve.q <= 0.0):
        return curve, places
    falls = bool(np.all(np.diff(curve.q) < 0.0))
    back = [int(np.sum(curve.q[k + 1 :] < curve.q[k])) for k in steps]
    if not falls and (len(steps) > MOST_STEPS or min(back) < overlap):
        return curve, places
    order = np.argsort(curve.q, kind="stable")
    if falls:
        note = "q falls from row to row: sorted"
    else:
        where = ", ".join(f"{curve.q[k]:.4g} to {curve.q[k + 1]:.4g}" for k in steps)
        note = f"q steps back from {where} 1/nm: sorted, points of one q averaged"
    q, first, count = np.unique(curve.q[order], return_index=True, return_counts=True)
    intensity = np.add.reduceat(curve.intensity[order], first) / count
    sigma = None if curve.sigma is None else np.sqrt(np.add.reduceat(curve.sigma[order] ** 2, first)) / count
    found = replace(curve, q=q, intensity=intensity, sigma=sigma, notes=(*curve.notes, note))
    return found, [places[order[k]] for k in first]


def present_sigma(sigma: FloatArray | None) -> FloatArray | None:
    """None for a column that says "no uncertainty": -1 or 0 throughout."""
    if sigma is None or np.all(sigma == -1) or np.all(sigma == 0):
        return None
    return sigma


def _refused_row(path: Path, place: str, name: str, value: float, rule: str) -> ElectrosaxsError:
    return refusal(path, f"{place}, {name}", f"{value:g}", rule, "correct or remove that row")
