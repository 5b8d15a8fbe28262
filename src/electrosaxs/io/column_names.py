"""What the columns of a curve are, by their names: q, I and sigma, whatever a program or a person calls them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

Q_WORDS = {"q", "qvec", "qvector", "momentum", "wavevector", "x"}
I_WORDS = {
    "i", "iq", "int", "intensity", "intensities", "signal", "y", "p", "pq", "counts", "iabs", "intensität", "intensité",
}  # fmt: skip
ERROR_WORDS = {
    "sigma", "sig", "err", "error", "errors", "std", "stdev", "stddev", "sd", "sdev", "dev", "deviation", "uncertainty",
    "uncertainties", "unc", "noise", "sem", "esd", "e", "s", "stderr", "variance", "var", "delta", "fehler", "erreur",
    "unsicherheit", "standardabweichung",
}  # fmt: skip
FUSED = re.compile(
    r"(?:d|delta|sigma|sig|err|error|std|sd|e|s|unc)(i|iq|int|intensity|y|q|x)|"
    r"(i|iq|int|intensity|y|q|x)(?:dev|sigma|sig|err|error|errors|std|sd|unc)"
)
"""dI, sigmaI, Idev, Ierr ..., written as one word."""
SUFFIXED = re.compile(
    r"\bi(exp|obs|meas|mean|avg|sub|corr|net|fit|calc|model|reg|smp|raw|tot|sample|bkg|bg|solvent|buffer)\b"
)
FILLING = {
    "of",
    "in",
    "the",
    "are",
    "bar",
    "bars",
    "abs",
    "absolute",
    "rel",
    "relative",
    "standard",
    "mean",
    "1",
    "value",
}
INSTRUMENTS = {"dsm", "smr", "usaxs", "saxs", "waxs", "m"}
"""Words before the name proper, as in DSM_Int."""
RESOLUTION = {"resolution", "fwhm", "dqw", "dql", "width", "smearing"}
SUBTRACTED = {"sub", "subtracted", "corr", "corrected", "net", "bgsub", "bkgsub", "diff", "difference", "minus"}
WHOLE = {"sample", "raw", "total", "tot", "sam"}
OTHERS = {
    "solvent", "buffer", "background", "bkg", "bkgd", "bg", "bgd", "blank", "empty", "dark", "fit", "fitted", "model",
    "calc", "calculated", "theory", "smooth", "smoothed", "reg", "simulated", "resid", "residual", "residuals",
}  # fmt: skip
"""Words of an intensity that is less, and more, than the sample's; and of what is not the sample's at all."""
NO_Q = re.compile(
    r"theta|(?<![a-z])(?:tth|2[ _-]?th)(?![a-z])|radius|^r[_ ]*\(?(?:mm|m|px)\)?$|"
    r"(?<![a-z])(?:chi|q[xyz])(?![a-z])|pixel|channel",
    re.IGNORECASE,
)
COUNTER = re.compile(r"(?:#|no\.?|nr\.?|index|idx|row|point|points|n|num|number)?", re.IGNORECASE)
UNIT_WORDS = re.compile(
    r"\s*/\s*\(?(?:1\s*/\s*)?(?:nm|cm|mm|m|a|å|ang\w*|counts|arb\w*|a\.?u\.?)\S*$|"
    r"[_ ,]+(?:in[_ ])?(?:(?:1/|per[_ ]|inverse[_ ])(?:nm|cm|mm|m|a|å|ang\w*)|(?:nm|cm|mm|m|a|å|ang\w*)\^?[({]?-\d[)}]?|"
    r"nm|cm|å|ang\w*|counts|arb\w*)$",
    re.IGNORECASE,
)
LETTERS = (
    ("σ", "sigma"), ("Δ", "d"), ("δ", "d"), ("±", "sigma"), ("+/-", "sigma"), ("θ", "theta"), ("χ", "chi"), ("−", "-"),
)  # fmt: skip
ERRORS = ("error", "variance", "relative error")
NEVER = 9


class Meaning(NamedTuple):
    """kind: q, no q (angle, radius, a component), error of q, I, transformed (ln I, q^2), error, variance, relative error
    or other; of: what remains of the name, its words.

    argument: written as a function of q, I(q); unit: of a relative error, 1 or 0.01, None where it is not said.
    """

    kind: str
    of: tuple[str, ...] = ()
    argument: bool = False
    unit: float | None = None


class Columns(NamedTuple):
    """Places of q, I and sigma (None: there is none); what stands in the column of sigma; why the names are no curve."""

    q: int = 0
    intensity: int = 1
    sigma: int | None = None
    holds: Meaning = Meaning("error")
    problem: str = ""


def meaning(name: str) -> Meaning:
    """What a column is by its name alone."""
    text = unicodedata.normalize("NFKC", name).strip(" \"'<>|*")
    for sign, word in LETTERS:
        text = text.replace(sign, word)
    if NO_Q.search(text):
        return Meaning("no q")
    per_cent = re.search(r"%|per ?cent", text, re.IGNORECASE) is not None
    if re.fullmatch(r"(?:d|delta|sigma|err\w*)[_ ]?I\s*/\s*I\b.*", text, re.IGNORECASE):
        return Meaning("relative error", unit=0.01 if per_cent else 1.0)
    text = re.sub(r"[(\[{/]\s*(?:%|per ?cent)\s*[)\]}]?|%|per ?cent", " ", text, flags=re.IGNORECASE)
    argument = re.search(r"(?<=\w)\s*\(\s*[qsx]\s*\)", text, re.IGNORECASE) is not None
    text = re.sub(r"(?<=\w)\s*\(\s*[qsx]\s*\)", "", text, flags=re.IGNORECASE)
    text = re.sub(r"[(\[{](?!\s*[iqy]\s*[)\]}])[^)\]}]*[)\]}]?", " ", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", UNIT_WORDS.sub("", text.strip()))
    found = re.findall(r"[^\W\d_]+|\d+|[*^/-]", text.lower())
    words = tuple(SUFFIXED.sub(r"i \1", " ".join(found)).split())
    if len(words) > 1 and words[0] in INSTRUMENTS:
        words = words[1:]
    if words[:1] == ("d",) and len(words) == 2:
        words = ("d" + words[1],)
    return _error(words, argument, per_cent) or _quantity(words, argument)


def _error(words: tuple[str, ...], argument: bool, per_cent: bool) -> Meaning | None:
    """The meaning of a name of an error, None where the words are none."""
    fused = FUSED.fullmatch(words[0]) if words else None
    named = {word for word in words if word in ERROR_WORDS}
    if set(words) & RESOLUTION:
        return Meaning("error of q")
    if (not named and not fused) or (words == ("s",) and argument):  # S(q) is a structure factor
        return None
    of = tuple(w for w in words if w not in ERROR_WORDS | FILLING | {"^", "*", "2", "squared", "/"})
    if fused:
        of = (fused.group(1) or fused.group(2), *of[1:])
    if set(of) & Q_WORDS:
        return Meaning("error of q", of)
    if per_cent or {"rel", "relative"} & set(words):
        return Meaning("relative error", of, argument, 0.01 if per_cent else None)
    squared = {"variance", "var"} & named or {"2", "squared"} & set(words)
    return Meaning("variance" if squared else "error", of, argument)


def _quantity(words: tuple[str, ...], argument: bool) -> Meaning:
    """The meaning of a name that is no error: q, I, something made of them, or another thing."""
    has_q, has_i = set(words) & Q_WORDS, set(words) & I_WORDS
    if set(words) & {"ln", "log", "lg", "log10"} or (has_q and (has_i or set(words) & {"2", "4", "^", "*"})):
        return Meaning("transformed")
    if has_q or words[:2] == ("scattering", "vector"):
        return Meaning("q", words[1:] if words[0] in Q_WORDS else ())
    if has_i or words == ("scattering",):
        return Meaning("I", tuple(w for w in words if w not in I_WORDS), argument)
    return Meaning("other", words, argument)


def choose(names: Sequence[str]) -> Columns:
    """q, I and sigma among named columns; `problem` says why they are no curve."""
    if _of_irena(names):
        return Columns(0, 1, 2)
    means = [meaning(name) for name in names]
    q = _place_of_q(names, means)
    if q is None:
        why = "no column is q, the scattering vector: angles, radii and powers of q must be converted first"
        return Columns(problem=why)
    ranks = [NEVER if i == q else _rank(names[i], one) for i, one in enumerate(means)]
    intensity = ranks.index(min(ranks))
    if ranks[intensity] == NEVER:
        return Columns(problem="no column is I, the intensity itself")
    fits = [i for i, one in enumerate(means) if i not in (q, intensity) and _is_error_of(one, means[intensity])]
    sigma = min(fits, key=lambda i: (not means[i].of, ERRORS.index(means[i].kind), i), default=None)
    if sigma is None or (means[sigma].kind == "relative error" and means[sigma].unit is None):
        return Columns(q, intensity)
    return Columns(q, intensity, sigma, means[sigma])


def _of_irena(names: Sequence[str]) -> bool:
    """True for Igor's Q_name, R_name, S_name."""
    parts = [name.strip(" \"'").partition("_") for name in names]
    rests = {rest for _, _, rest in parts[:3]}
    return [head.lower() for head, _, _ in parts[:3]] == ["q", "r", "s"] and len(rests) == 1 and rests != {""}


def _place_of_q(names: Sequence[str], means: Sequence[Meaning]) -> int | None:
    """The column of q; the first one where none has that name and it is nothing else that is known."""
    found = [i for i, one in enumerate(means) if one.kind == "q"]
    if found:
        return next((i for i in found if not means[i].of), found[0])
    first = names[0].strip().lower()
    momentum = re.fullmatch(r"s|h|sexp", re.sub(r"[^a-z].*", "", first))
    return 0 if (momentum or means[0].kind == "other") and not COUNTER.fullmatch(first) else None


def _rank(name: str, one: Meaning) -> int:
    """How much a column is the sample's own intensity, 0 the most; NEVER for what is none."""
    words = set(one.of)
    if one.kind not in ("I", "other") or COUNTER.fullmatch(name.strip()) or (one.kind == "other" and one.argument):
        return NEVER
    less = bool(words & SUBTRACTED or ("-" in words and words & OTHERS))
    if words & OTHERS and not less:
        return NEVER
    rank = 0 if less else 3 if words & WHOLE else 2 if words else 1
    return rank if one.kind == "I" else rank + 4


def _is_error_of(one: Meaning, intensity: Meaning) -> bool:
    """Whether a column is the error of that intensity: of nothing else named, of I, or of the same sample."""
    if one.kind not in ERRORS or (one.argument and not intensity.argument):
        return False
    rest = set(one.of) - I_WORDS
    return not rest or rest == set(intensity.of)
