"""The one line with which a file is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ElectrosaxsError, InputFileError, bad_value


def refusal(
    path: str | Path, field: str, value: Any, rule: str, remedy: str, kind: type[ElectrosaxsError] = InputFileError
) -> ElectrosaxsError:
    """The error to raise for `field` of the file at `path`; `bad_value` with the parts in order."""
    return bad_value(kind, where=path, field=field, value=value, rule=rule, remedy=remedy)
