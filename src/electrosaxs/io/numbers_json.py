"""numbers.json: every headline number with sigma, unit and source (docs/formats.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..nouns import Number
from .atomic import replacing
from .plain_json import to_json
from .refusal import refusal
from .small_file import text_of


def write_numbers(path: str | Path, numbers: Mapping[str, Number]) -> None:
    """Write `{"name": {"value", "sigma", "unit", "source", "quality", "sigma_counting", "contributions"}}`, strict JSON;
    a sigma that is not finite, or 0, is null: nobody knows a number exactly."""
    with replacing(Path(path)) as part:
        part.write_text(to_json(numbers_to_plain(numbers), indent=2) + "\n", encoding="utf-8")


def read_numbers(path: str | Path) -> dict[str, Number]:
    """The numbers that `write_numbers` wrote; raises InputFileError for another file."""
    path = Path(path)
    remedy = "give the numbers.json that electrosaxs wrote, or the folder it lies in"
    try:
        stored = json.loads(text_of(path, "utf-8"))
    except OSError as error:
        raise refusal(path, "file", path.name, (error.strerror or "cannot be read").lower(), remedy) from None
    except ValueError:
        raise refusal(path, "file", path.name, "is not JSON", remedy) from None
    try:
        for name, item in stored.items():
            _check(path, f"{name}.value", item["value"], "must be a finite number, or null")
            _check(path, f"{name}.sigma", item["sigma"], "must be a number of 0 or above, or null", lowest=0.0)
        return numbers_from_plain(stored)
    except (KeyError, TypeError, AttributeError):
        rule = "does not hold named numbers with value, sigma, unit and source"
    raise refusal(path, "file", path.name, rule, remedy)


def _check(path: Path, field: str, given: Any, rule: str, *, lowest: float = -np.inf) -> None:
    """InputFileError where something is no number, as other programs may write it."""
    if given is None:
        return
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not np.isfinite(given) or given < lowest:
        raise refusal(path, field, given, rule, "correct it, or compute the results again")


def numbers_to_plain(numbers: Mapping[str, Number]) -> dict[str, Any]:
    """The numbers as nested dicts that JSON holds."""
    return {
        name: {
            "value": None if number.value is None else float(number.value),
            "sigma": _known(number.sigma),
            "unit": number.unit,
            "source": number.source,
            "quality": None if number.value is None else number.quality,
            "sigma_counting": _known(number.sigma_counting),
            "contributions": {name: float(part) for name, part in number.contributions.items()},
        }
        for name, number in numbers.items()
    }


def _known(sigma: float | None) -> float | None:
    return None if sigma is None or not (np.isfinite(sigma) and sigma > 0.0) else float(sigma)


def numbers_from_plain(plain: Mapping[str, Any]) -> dict[str, Number]:
    """The inverse of `numbers_to_plain`."""
    return {
        name: Number(
            item["value"],
            item["sigma"],
            item["unit"],
            item["source"],
            item.get("quality") or "good",
            item.get("contributions") or {},
        )
        for name, item in plain.items()
    }
