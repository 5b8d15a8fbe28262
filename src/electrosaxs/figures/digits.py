"""How a number is written: the digits that its sigma allows, a minus sign that is one, powers of ten as superscripts."""

from __future__ import annotations

import numpy as np

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MINUS = "−"
SHORTEST, LONGEST = -3, 5
"""Powers of ten between which a number with a sigma is written out."""
WHOLE = 4
"""Power of ten from which one without a sigma is not written out."""


def last_place(sigma: float) -> int:
    """Decimals that a sigma deserves, -1 for tens: two digits of it where the first is 1 or 2, one otherwise."""
    place = int(np.floor(np.log10(sigma)))
    digits = 1 if round(sigma / 10.0**place, 6) >= 3.0 else 2
    return digits - 1 - place


def rounded(value: float, place: int) -> str:
    """`value` to `place` decimals (-1: to tens), never a minus 0."""
    text = f"{round(value, place):.{max(place, 0)}f}"
    return text.removeprefix("-") if float(text) == 0.0 else text.replace("-", MINUS)


def value_with_sigma(value: float, sigma: float | None) -> str:
    """'0.0113 ± 0.0004', '1450 ± 190', '(5.64 ± 0.05)·10⁻¹⁰'; without a sigma, or known exactly, four significant digits."""
    largest = max(abs(value), abs(sigma or 0.0))
    if largest == 0.0:
        return "0"
    exponent = int(np.floor(np.log10(largest)))
    shift = exponent if exponent < SHORTEST or exponent > LONGEST else 0
    mantissa, spread = value / 10.0**shift, sigma / 10.0**shift if sigma else None
    place = max(0, 3 - (exponent - shift)) if spread is None else last_place(spread)
    text = rounded(mantissa, place)
    if spread is not None:
        text += f" ± {rounded(spread, place)}"
    if not shift:
        return text
    return (f"({text})" if spread is not None else text) + power_of_ten_text(shift)


def short(value: float, digits: int = 2) -> str:
    """A number without a sigma in few digits: '0.4', '0.056', '1200', '9.6·10⁻⁵', '6.2·10⁵'."""
    if value == 0.0:
        return "0"
    exponent = int(np.floor(np.log10(abs(value))))
    if SHORTEST <= exponent < WHOLE:
        return rounded(value, digits - 1 - exponent)
    return rounded(value / 10.0**exponent, digits - 1) + power_of_ten_text(exponent)


def power_of_ten_text(exponent: int) -> str:
    """'·10⁻⁵'."""
    return f"·10{str(exponent).translate(SUPERSCRIPT)}"
