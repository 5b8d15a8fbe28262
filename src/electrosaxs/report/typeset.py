"""Sentences from files and numbers in the notation of the page: φ, δ, µm, ±, nm⁻¹, powers of ten, no minus 0.

Sources and notes are kept in plain ASCII in numbers.json and results.nxs; the page shows them as a journal would.
"""

from __future__ import annotations

import re

from ..figures.digits import SUPERSCRIPT

SIGNS: tuple[tuple[str, str], ...] = (
    (r"\bphi0\b", "φ₀"),
    (r"\bphi\b", "φ"),
    (r"\bdelta / d\b", "δ/d"),
    (r"\bdelta\b", "δ"),
    (r"\bsigma\b", "σ"),
    (r"\bchi-squared\b", "χ²"),
    (r"(?<=\d )um\b", "µm"),
    (r"(?<![\w/])1/nm\b", "nm⁻¹"),
    (r"\+/-|\+-", "±"),
    (r"(?<=\w) x (?=\w)", " × "),
    (r"(?<![\w.])-0(?:\.0+)?(?![\w.])", "0"),
    (r"(?<=[\s(=])-(?=\d)", "−"),
)
POWER = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)")


def typeset(text: str) -> str:
    """`text` with the signs of the page."""
    for pattern, sign in SIGNS:
        text = re.sub(pattern, sign, text)
    return POWER.sub(lambda found: f"{found[1]}·10{str(int(found[2])).translate(SUPERSCRIPT)}", text)
