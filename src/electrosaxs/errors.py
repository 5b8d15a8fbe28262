"""The kinds of mistake. Every one is an `ElectrosaxsError`; the command line turns it into one line and exit code 2.

A message names the file, the field, the value, the rule and the remedy; `bad_value` builds it so that no part is forgotten.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


class ElectrosaxsError(ValueError):
    """Something that the user can put right; the text says how."""


class UnitError(ElectrosaxsError):
    """A quantity arrived in a unit that its noun does not have."""


class ShapeError(ElectrosaxsError):
    """A quantity arrived with other dimensions, lengths or coordinates than its noun has."""


class InputFileError(ElectrosaxsError):
    """A file is missing, truncated, of another format, or holds a value that is not allowed."""


class FrameError(InputFileError):
    """One frame that cannot be read; the others can, so the caller may flag it and go on."""


class CalibrationError(ElectrosaxsError):
    """A calibration (detector geometry, anode height) that the data do not support."""


class FitError(ElectrosaxsError):
    """The data do not allow the fit that was asked for."""


class ClusterError(ElectrosaxsError):
    """A scheduler that does not answer, or workers that cannot do the work: no path to the files, other versions."""


class ConvergenceError(ElectrosaxsError):
    """A solver that did not reach its tolerance; it returns no result."""


def bad_value(
    kind: type[ElectrosaxsError],
    *,
    where: str | Path,
    field: str,
    value: Any,
    rule: str,
    remedy: str,
) -> ElectrosaxsError:
    """The error of class `kind` whose one line names file, field, value, rule and remedy.

    >>> print(bad_value(InputFileError, where="run.toml", field="cell.gap_mm", value=-3.5,
    ...                 rule="must be above 0", remedy="give the distance between the electrodes"))
    run.toml: cell.gap_mm = -3.5: must be above 0; give the distance between the electrodes
    """
    text = f"{where}: {field} = {value}: {rule}; {remedy}"
    return kind(" ".join(text.split()))
