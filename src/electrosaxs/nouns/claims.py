"""A claim of a paper held against the model: what is said, what the model gives, and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .base import FloatArray


class Verdict(StrEnum):
    """What a comparison says. NUMBER: the paper states nothing to compare with."""

    FOLLOWS = "follows"
    MORE = "needs another ingredient"
    EXCLUDED = "excluded"
    NUMBER = "a number of the model"


def follows_if(condition: bool, *, otherwise: Verdict = Verdict.MORE) -> Verdict:
    """FOLLOWS where the condition holds."""
    return Verdict.FOLLOWS if condition else otherwise


@dataclass(frozen=True)
class Claim:
    """One row: `words` what is claimed, `paper` what the paper states ("" for nothing), `values` (in `unit`) what the
    model gives, each written with `form` (paired: two by two, value and deviation), and `why` in a few words."""

    key: str
    words: str
    paper: str
    values: tuple[float, ...]
    unit: str = ""
    verdict: Verdict = Verdict.NUMBER
    why: str = ""
    form: str = ".3g"
    paired: bool = False

    @property
    def model(self) -> str:
        """The values as text, with the unit."""
        texts = [_plain(f"{value:{self.form}}") for value in self.values]
        if self.paired:
            texts = [" ± ".join(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
        return f"{'; '.join(texts)} {self.unit}".strip()


def _plain(text: str) -> str:
    """1.2e-09 as 1.2×10⁻⁹."""
    mantissa, e, exponent = text.partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")) if e else ""
    return (f"{mantissa}×10{raised}" if e else text).replace("-", "−")


@dataclass(frozen=True)
class ChargeRange:
    """Effective charges (e) for which a statement of the paper holds; None: no limit on that side.

    low, high: with the sizes of the starting solution; one_low, one_high: with one size. chosen: the limit is a reading
    of "about", not a threshold of the paper.
    """

    key: str
    words: str
    low: float | None
    high: float | None
    one_low: float | None
    one_high: float | None
    chosen: bool = False


@dataclass(frozen=True, eq=False)
class Curve:
    """A named line or set of points, x and y (n,)."""

    label: str
    x: FloatArray
    y: FloatArray
