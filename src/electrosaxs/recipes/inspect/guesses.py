"""Which columns of a beamline's table are which of ours, guessed from their names; every guess is shown, none is silent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...io.beamline.their_table import TheirColumn, TheirTable
from ...io.beamline.units import factor, unit_in_name
from ...io.run_toml import quoted

LIKELY: Mapping[str, tuple[str, ...]] = {
    "height": (
        r"sam(ple)?_?z",
        r"sample[ _]?(y[ _]?stage|z).*",
        r"(base|stage|st|s|pi|p)_?z",
        r"(stage|height)( .*)?",
        r"z",
    ),
    "time": (
        r"epoch|unix_?time|timestamp.*",
        r"ndarraytimestamp|ndarrayepicstssec",
        r"date(_?time)?",
        r"time|start_?time",
    ),
    "monitor": (r"i0|ic1|izero|mon(itor)?|io", r"ic0|ion_?chamber\d?|monitor.*"),
    "over": (r"it|i1|(p|photo|bs|trans)?_?diode.*", r"pind?\d*|ic2"),
    "transmission": (r"trans(mission)?",),
    "exposure": (r"seconds|sec|exposure.*", r"(count|acquire|integration|acq)[_ ]?time.*"),
    "voltage": (r"keithley[_/]?v(olt(age)?)?|k?volt(age)?", r"(bk )?volts|.*voltage.*"),
    "current": (r"keithley[_/]?(i|amps|current)|cell_?current", r"(bk )?amps"),
    "role": (r"sample_?name|sample/name", r"sample", r"file", r"title"),
    "file": (r"file(_?name)?|image(_?file)?",),
}
UNITS = {"height": "um", "time": "s", "exposure": "s", "voltage": "V", "current": "A"}
WORDS = {
    "solvent": r"tol|solvent|buffer|hexane|octane|cyclohexane|decane|blank",
    "empty": r"empty|air|vacuum",
    "dark": r"dark",
    "alignment": r"align|knife|edge",
    "reference": r"start|ref|initial|before|stock|t0",
}
SIGNALS = ("data", "value", "values", "readback")
TOLD_BY_PARENT = ("keithley", "sample")
"""Groups whose data sets say nothing without them: sample/name."""
MANY = 12


@dataclass(frozen=True)
class Guess:
    """A column by the name that run.toml gives it, and what is in it, in words."""

    name: str
    column: TheirColumn
    words: str
    others: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """What is shown behind the line."""
        more = f"; or {', '.join(self.others[:3])}" if self.others else ""
        return f"# guess: {self.words}{more}"


def guesses(table: TheirTable) -> dict[str, Guess]:
    """Our columns, and `over` (the counter of the transmitted beam), for which a name fits."""
    found: dict[str, Guess] = {}
    columns = {name: column for name in table.names() if (column := table.column(name)) is not None}
    for ours, likely in LIKELY.items():
        fits = [
            n
            for pattern in likely
            for n in columns
            if re.fullmatch(pattern, short(n).lower()) and _can_be(ours, columns[n])
        ]
        if fits:
            moving = [name for name in fits if _varies(columns[name])] if ours in ("height", "time") else fits
            chosen, *others = list(dict.fromkeys(moving or fits))
            found[ours] = Guess(chosen, columns[chosen], _words(columns[chosen]), tuple(others))
    return found


def short(name: str) -> str:
    """What a column is called, without its unit and, of a path, without the signal at its end."""
    parts = [part for part in name.split("/") if part]
    while len(parts) > 1 and parts[-1] in SIGNALS:
        parts.pop()
    kept = 2 if len(parts) > 1 and parts[-2].lower() in TOLD_BY_PARENT else 1
    last = "/".join(parts[-kept:]) or name
    unit = unit_in_name(last)
    bare = last[: -len(unit) - 1] if unit and last.endswith(unit) else last
    return re.sub(r"[\s_]*[(\[{].*$", "", bare).strip()


def unit_of(ours: str, guess: Guess) -> str | None:
    """The unit that the file states of a column, or its name; None where neither can be meant."""
    for unit in (guess.column.unit, unit_in_name(guess.name)):
        if unit and factor(unit, UNITS[ours]) is not None:
            return unit
    return None


def role_line(name: str, column: TheirColumn) -> str | None:
    """The table of roles from the names in a column, as they are or, where each frame has its own, by the word in them; None
    where neither reference nor solvent is among them."""
    names = list(dict.fromkeys(str(cell) for cell in column.values.ravel()))
    many = len(names) >= MANY
    given: dict[str, list[str]] = {}
    for one in names:
        for role, words in WORDS.items():
            if match := re.search(words, one.lower()):
                pattern = f"*{match[0]}*" if many else one
                if pattern not in given.setdefault(role, []):
                    given[role].append(pattern)
                break
    if not {"reference", "solvent"} <= set(given):
        return None
    roles = ", ".join(f"{role} = {quoted(v[0] if len(v) == 1 else v)}" for role, v in given.items())
    return f"role = {{ column = {quoted(name)}, {roles} }}"


def _can_be(ours: str, column: TheirColumn) -> bool:
    """Whether what stands in a column can be that at all."""
    if ours in ("role", "file"):
        return column.is_text
    if ours == "time":
        return column.values.size > 1
    return not column.is_text and bool(np.isfinite(column.values).any())


def _varies(column: TheirColumn) -> bool:
    return column.is_text or (
        column.values.size > 1 and float(np.nanmax(column.values)) > float(np.nanmin(column.values))
    )


def _words(column: TheirColumn) -> str:
    values = column.values.ravel()
    if column.is_text:
        names: Sequence[str] = list(dict.fromkeys(map(str, values)))
        return f"{values.size} texts: {', '.join(names[:4])}{' ...' if len(names) > 4 else ''}"
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    unit = f" {column.unit}" if column.unit else ""
    return f"{values.size} values, {low:.10g} to {high:.10g}{unit}" if values.size > 1 else f"{low:g}{unit}"
